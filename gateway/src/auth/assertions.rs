//! Client assertions (`private_key_jwt`; RFC 7521, RFC 7523, `OpenID` Connect Core section 9): a
//! client signs who it is, for us, for a few minutes, once.
//!
//! That an assertion is used once only is for the store: copies may come to different nodes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};

use super::jws::{Unverified, Value};
use super::public_key::{AssertionAlgorithm, PublicKey};
use super::tokens::LEEWAY_SECONDS;
use crate::clock::{Clock, Micros};
use crate::request::ClientId;
use crate::store::ClientKeyRow;

/// Longest assertion that is looked at, in bytes; those of common libraries have about 600.
const ASSERTION_BYTES_MAX: usize = 4_096;
/// An assertion expires at most this far ahead: so long its `jti` is remembered.
const LIFE_SECONDS_MAX: i64 = 300;
/// Longest `jti`.
const JTI_BYTES_MAX: usize = 256;
/// What may be in the header: no way to bring a key along, and nothing that must be understood.
const HEADER: [&str; 3] = ["alg", "typ", "kid"];
/// What an assertion may say it is (RFC 7519; draft-ietf-oauth-rfc7523bis); nothing is good, too.
const TYPES: [&str; 2] = ["jwt", "client-authentication+jwt"];

/// An assertion with a right signature, not used up yet.
#[derive(Debug, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// Who signed it.
    pub client_id: ClientId,
    /// The key that did.
    pub kid: String,
    /// Digest of its own identifier.
    pub jti_digest: Vec<u8>,
    /// First moment at which nobody accepts it any more.
    pub accepted_until: Micros,
}

/// What an assertion says, believed by nobody yet.
struct Claimed {
    client_id: ClientId,
    algorithm: AssertionAlgorithm,
    kid: Option<String>,
    jti_digest: Vec<u8>,
    accepted_until: Micros,
}

/// Knows the public keys of all clients.
#[derive(Debug)]
pub struct Assertions {
    keys: RwLock<Arc<HashMap<ClientId, Vec<PublicKey>>>>,
    nobodys: Vec<PublicKey>,
    /// Ours: the issuer, and the token endpoint for clients that were made before it was settled.
    audiences: [String; 2],
    clock: Clock,
}

impl Assertions {
    /// Starts with no key known. Assertions are for `issuer`.
    pub fn new(issuer: &str, clock: Clock) -> Self {
        let nobodys = AssertionAlgorithm::ALL.into_iter().filter_map(PublicKey::nobodys).collect();
        let audiences = [issuer.to_owned(), format!("{issuer}/oauth2/token")];
        Self { keys: RwLock::default(), nobodys, audiences, clock }
    }

    /// Replaces the known keys; a row that is no key of ours counts for nothing and is told.
    pub fn replace(&self, rows: &[ClientKeyRow]) {
        let mut keys: HashMap<ClientId, Vec<PublicKey>> = HashMap::new();
        for row in rows {
            match (ClientId::parse(&row.client_id), PublicKey::from_jwk(&row.jwk)) {
                (Ok(client_id), Ok(key)) if key.kid() == row.kid => {
                    keys.entry(client_id).or_default().push(key);
                }
                (Ok(_) | Err(_), _) => {
                    tracing::error!(client = row.client_id, kid = row.kid, "no key of a client");
                }
            }
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Verifies an assertion; `None` whatever is wrong with it. Everything that has nothing to do
    /// with who the client is comes first, then one signature is verified, by nobody's key where
    /// the client has none that fits: it takes the same time.
    pub fn verify(&self, unverified: &str) -> Option<VerifiedAssertion> {
        if unverified.len() > ASSERTION_BYTES_MAX {
            return None;
        }
        let assertion = Unverified::read(unverified)?;
        let claimed = self.read(&assertion)?;
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let own = keys.get(&claimed.client_id).and_then(|keys| claimed.key_among(keys));
        let nobodys = self.nobodys.iter().find(|key| key.algorithm() == claimed.algorithm)?;
        let is_right = own.unwrap_or(nobodys).has_signed(assertion.signed, &assertion.signature);
        let key = own.filter(|_| is_right)?;
        Some(VerifiedAssertion {
            client_id: claimed.client_id,
            kid: key.kid().to_owned(),
            jti_digest: claimed.jti_digest,
            accepted_until: claimed.accepted_until,
        })
    }

    fn read(&self, assertion: &Unverified<'_>) -> Option<Claimed> {
        let Unverified { header, claims, .. } = assertion;
        let algorithm = AssertionAlgorithm::find(header.text("alg")?)?;
        let kid = header.optional_text("kid").ok()?.map(str::to_owned);
        let typ = header.optional_text("typ").ok()?.map(str::to_ascii_lowercase);
        let is_one =
            |typ: String| TYPES.contains(&typ.strip_prefix("application/").unwrap_or(typ.as_str()));
        if !header.has_only(&HEADER) || !typ.is_none_or(is_one) {
            return None;
        }
        let issuer = claims.text("iss")?;
        let jti = claims.text("jti")?;
        let is_for_us = self.is_for_us(claims.get("aud")?);
        if claims.text("sub")? != issuer || !is_for_us || !(1..=JTI_BYTES_MAX).contains(&jti.len())
        {
            return None;
        }
        let client_id = ClientId::parse(issuer).ok()?;
        let expires = claims.seconds("exp")?;
        let now = self.clock.now().0 as f64 / 1e6;
        let leeway = LEEWAY_SECONDS as f64;
        let has_begun = |name| {
            let begins = claims.optional_seconds(name).ok()?;
            Some(begins.is_none_or(|begins| begins <= now + leeway && begins < expires))
        };
        if !has_begun("iat")?
            || !has_begun("nbf")?
            || expires + leeway <= now
            || expires > now + LIFE_SECONDS_MAX as f64 + leeway
        {
            return None;
        }
        Some(Claimed {
            client_id,
            algorithm,
            kid,
            jti_digest: digest(&SHA256, jti.as_bytes()).as_ref().to_vec(),
            // Rounded up: never forgotten before it is refused for its age.
            accepted_until: Micros(0).plus_seconds(expires.ceil() as i64 + LEEWAY_SECONDS),
        })
    }

    /// One audience and no other, alone or as the one item of a list.
    fn is_for_us(&self, audience: &Value) -> bool {
        match audience {
            Value::Text(text) => self.audiences.contains(text),
            Value::List(items) => match items.as_slice() {
                [Value::Text(text)] => self.audiences.contains(text),
                _ => false,
            },
            Value::Other | Value::Number(_) | Value::Object(_) => false,
        }
    }
}

impl Claimed {
    /// The key that is named, or the only one of the algorithm where none is.
    fn key_among<'k>(&self, keys: &'k [PublicKey]) -> Option<&'k PublicKey> {
        let mut fitting = keys.iter().filter(|key| {
            key.algorithm() == self.algorithm
                && self.kid.as_ref().is_none_or(|kid| kid == key.kid())
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(key),
            (Some(_) | None, _) => None,
        }
    }
}
