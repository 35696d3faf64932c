//! What a client sends to say who it is: a secret or an assertion, good or not.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::wire::{Endpoint, Post, form};

/// Where a client says who it is.
const PATH: &str = "/oauth2/token";

/// The type of a client assertion (RFC 7523, section 2.2), percent-encoded.
const ASSERTION_TYPE: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// How long an assertion lives, in seconds: below the most that a gateway takes.
const ASSERTION_S: u64 = 240;

/// Asks for a token with a secret.
pub(crate) fn by_secret(endpoint: &Endpoint, client: &str, secret: &str) -> Vec<u8> {
    let pair = STANDARD.encode(format!("{client}:{secret}"));
    let post = Post {
        path: PATH,
        authorization: &format!("Basic {pair}"),
        content_type: "application/x-www-form-urlencoded",
        body: b"grant_type=client_credentials",
    };
    post.bytes(endpoint)
}

/// Asks for a token with an assertion.
pub(crate) fn by_assertion(endpoint: &Endpoint, assertion: &str) -> Vec<u8> {
    let body = format!(
        "grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}\
         &client_assertion={assertion}"
    );
    form(endpoint, PATH, &body)
}

/// A secret of the usual form that nobody has.
pub(crate) fn wrong_secret(chance: &mut Chance) -> String {
    URL_SAFE_NO_PAD.encode(bytes(chance))
}

/// The identifier of no client, as long as `known`.
pub(crate) fn nobody_like(known: &str, chance: &mut Chance) -> String {
    // The sandbox's identifiers have no capitals.
    let mut letter = || char::from(b'A' + chance.below(26) as u8);
    let kept = known.len().saturating_sub(2);
    format!("{}{}{}", &known[..kept], letter(), letter())
}

/// A private key.
#[derive(Debug)]
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    kid: String,
}

impl Signer {
    /// A key made of chance, named `kid`.
    pub(crate) fn new(kid: &str, chance: &mut Chance) -> anyhow::Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&bytes(chance)).context("an Ed25519 key")?;
        Ok(Self { pair, kid: kid.to_owned() })
    }

    /// The public key as a JWK (RFC 8037).
    pub(crate) fn jwk(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": x}).to_string()
    }

    /// An assertion of a client for a gateway, signed by this key.
    pub(crate) fn assertion(
        &self,
        endpoint: &Endpoint,
        client: &str,
        chance: &mut Chance,
    ) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("a clock before 1970")?;
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid});
        let claims = json!({
            "iss": client, "sub": client, "aud": format!("http://{}", endpoint.authority()),
            "jti": wrong_secret(chance), "exp": now.as_secs() + ASSERTION_S,
        });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }
}

fn bytes(chance: &mut Chance) -> [u8; 32] {
    let mut bytes = [0; 32];
    for part in bytes.chunks_exact_mut(8) {
        part.copy_from_slice(&chance.next().to_be_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn nobody_has_an_identifier_as_long_as_somebodys() {
        let mut chance = Chance::of(0, 1);
        for known in ["viettel", "bv-01001", "x"] {
            let nobody = nobody_like(known, &mut chance);
            assert!(nobody != known && nobody.len() == known.len().max(2), "{nobody}");
        }
    }

    #[test]
    fn an_assertion_is_signed_by_the_key_of_the_jwk() {
        let mut chance = Chance::of(0, 2);
        let signer = Signer::new("k", &mut chance).unwrap();
        let assertion = signer.assertion(&Endpoint::local(80), "c", &mut chance).unwrap();
        let jwk: Value = serde_json::from_str(&signer.jwk()).unwrap();
        let public = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let key = UnparsedPublicKey::new(&ED25519, public);
        assert!(key.verify(signed.as_bytes(), &signature).is_ok());
    }
}
