//! Bearer tokens: asked for at the gateway, made by ourselves for `HAProxy`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use crate::credential::by_secret;
use crate::failure::Failure;
use crate::material::{Client, problem_code};
use crate::wire::{Endpoint, Link};

/// How long the gateway may take to hash a secret and answer, queueing included.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long before its end a token is no longer relied on.
const MARGIN: Duration = Duration::from_secs(30);

/// A token from the gateway. Not `Debug`: it is a credential.
#[derive(Deserialize)]
pub(crate) struct Token {
    /// What goes behind `Bearer`.
    #[serde(rename = "access_token")]
    pub(crate) bearer: String,
    expires_in: u64,
}

impl Token {
    /// Asks for a token with the client's secret.
    pub(crate) async fn fetch(endpoint: &Endpoint, client: &Client) -> Result<Self, Failure> {
        let request = by_secret(endpoint, &client.id, &client.secret);
        let mut link = Link::new(endpoint.clone());
        let where_ = endpoint.authority();
        let status = tokio::time::timeout(ANSWER_MAX, link.exchange(&request))
            .await
            .map_err(|_| Failure::Unavailable(format!("{where_}: no token within 10 s")))?
            .map_err(|error| Failure::Unavailable(format!("{where_}: {error}")))?;
        if status != 200 {
            let code = problem_code(link.body());
            let said = format!("{where_}: the token was refused: {status} {code}");
            return Err(if status < 500 {
                Failure::Access(said)
            } else {
                Failure::Unavailable(said)
            });
        }
        let token: Self = serde_json::from_slice(link.body()).context("the token's answer")?;
        // It becomes part of a prebuilt header.
        if !token.bearer.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::Access(format!("{where_}: the token cannot stand in a header")));
        }
        Ok(token)
    }

    /// Refuses a load that would outlast the token: the requests are built once.
    pub(crate) fn check_outlasts(&self, load: Duration) -> Result<(), Failure> {
        let usable = Duration::from_secs(self.expires_in).saturating_sub(MARGIN);
        if load > usable {
            return Err(Failure::Usage(format!(
                "a token lasts {} s: run at most {} s at a time",
                self.expires_in,
                usable.as_secs()
            )));
        }
        Ok(())
    }
}

/// A secret for HS256, as text that can stand in a configuration file.
pub(crate) fn random_secret() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).context("random bytes")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A JWT of the same claims as the gateway's own tokens, so that all peers read headers of about
/// one length.
pub(crate) fn hs256(secret: &str, expires_in_s: i64) -> anyhow::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
    let now = i64::try_from(now.as_secs()).context("a clock far ahead")?;
    let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": "loadtest"});
    let claims = json!({
        "iss": "http://127.0.0.1", "aud": "population-verification", "sub": "carrier-01",
        "client_id": "carrier-01", "scope": "verify", "jti": "0123456789abcdef0123456789abcdef",
        "iat": now, "nbf": now, "exp": now + expires_in_s,
    });
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, signed.as_bytes());
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_token_is_signed_over_header_and_claims() {
        let secret = random_secret().unwrap();
        let token = hs256(&secret, 600).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert!(hmac::verify(&key, signed.as_bytes(), &signature).is_ok());
        let claims = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    }

    #[test]
    fn a_load_must_end_before_its_token() {
        let token = Token { bearer: "t".into(), expires_in: 600 };
        assert!(token.check_outlasts(Duration::from_secs(570)).is_ok());
        assert_eq!(token.check_outlasts(Duration::from_secs(571)).unwrap_err().exit_code(), 2);
    }
}
