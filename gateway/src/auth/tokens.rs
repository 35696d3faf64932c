//! Access tokens: EdDSA `at+jwt` (RFC 9068), one algorithm, every claim required and typed.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::HashMap;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::OperationSet;
use crate::clock::{Clock, Micros, Random};
use crate::request::ClientId;
use crate::store::KEY_BYTES;

/// Clocks of nodes may differ by this much.
const LEEWAY_SECONDS: i64 = 10;
/// Longest token that is looked at, in bytes; ours have about 500.
const TOKEN_BYTES_MAX: usize = 2_048;
/// Verified tokens known again without a signature check. Full: the expired go, then all.
const VERIFIED_MAX: usize = 65_536;
const TOKEN_TYPE: &str = "at+jwt";

/// Why a token is not accepted. Callers get one answer for all.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is not one of ours, or was changed.
    #[error("the token is not valid")]
    Invalid(#[source] Option<jsonwebtoken::errors::Error>),
    /// It has expired.
    #[error("the token has expired")]
    Expired,
}

/// A token just issued.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token.
    pub access_token: String,
    /// Its life in seconds.
    pub expires_in: u32,
    /// What it was issued for.
    pub scope: OperationSet,
}

/// A token whose signature and claims were checked.
#[derive(Debug)]
pub struct VerifiedToken {
    client_id: ClientId,
    scope: OperationSet,
    issued_at: Micros,
    expires_at: Micros,
}

impl VerifiedToken {
    /// The client it was issued to.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The operations it was issued for.
    pub fn scope(&self) -> OperationSet {
        self.scope
    }

    /// When it was issued.
    pub fn issued_at(&self) -> Micros {
        self.issued_at
    }

    /// When it expires; it is accepted a little longer, which is nothing to build on.
    pub fn expires_at(&self) -> Micros {
        self.expires_at
    }

    fn is_accepted(&self, now: Micros) -> bool {
        now < self.expires_at.plus_seconds(LEEWAY_SECONDS)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    scope: String,
    iat: i64,
    exp: i64,
    jti: String,
}

/// Issues and verifies tokens under one key.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    header: Header,
    validation: Validation,
    issuer: String,
    life_seconds: u32,
    clock: Clock,
    random: Random,
    verified: RwLock<HashMap<Box<str>, Arc<VerifiedToken>>>,
}

impl Tokens {
    /// Takes the signing key (an Ed25519 seed) and proves that signing and verifying work: the
    /// JWT library panics at first use when it was built without its provider.
    ///
    /// # Errors
    /// If a token issued by the key does not verify.
    pub fn new(
        seed: &[u8; KEY_BYTES],
        issuer: String,
        life_seconds: u32,
        clock: Clock,
        random: Random,
    ) -> Result<Self, TokenError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| TokenError::Invalid(None))?;
        let document = pair.to_pkcs8().map_err(|_| TokenError::Invalid(None))?;
        let public = pair.public_key().as_ref();
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.into());
        header.kid = Some(URL_SAFE_NO_PAD.encode(&public[..8]));
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&issuer]);
        validation.set_audience(&[&issuer]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Times are checked below against the injected clock.
        validation.validate_exp = false;
        let tokens = Self {
            encoding: EncodingKey::from_ed_der(document.as_ref()),
            decoding: DecodingKey::from_ed_der(public),
            header,
            validation,
            issuer,
            life_seconds,
            clock,
            random,
            verified: RwLock::default(),
        };
        let nobody = ClientId::parse("self-test").map_err(|_| TokenError::Invalid(None))?;
        let issued = tokens.issue(&nobody, OperationSet::default())?;
        tokens.decode(&issued.access_token)?;
        Ok(tokens)
    }

    /// Issues a token.
    ///
    /// # Errors
    /// If signing fails.
    pub fn issue(
        &self,
        client_id: &ClientId,
        scope: OperationSet,
    ) -> Result<IssuedToken, TokenError> {
        let now = self.clock.now().seconds();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: client_id.as_str().to_owned(),
            client_id: client_id.as_str().to_owned(),
            scope: scope.to_scope(),
            iat: now,
            exp: now + i64::from(self.life_seconds),
            jti: URL_SAFE_NO_PAD.encode(self.random.bytes::<16>()),
        };
        let access_token = jsonwebtoken::encode(&self.header, &claims, &self.encoding)
            .map_err(|error| TokenError::Invalid(Some(error)))?;
        Ok(IssuedToken { access_token, expires_in: self.life_seconds, scope })
    }

    /// Verifies a token, from memory if it was verified before.
    ///
    /// # Errors
    /// [`TokenError`]; the caller answers 401 whatever it is.
    pub fn verify(&self, unverified_token: &str) -> Result<Arc<VerifiedToken>, TokenError> {
        let now = self.clock.now();
        let known = {
            let verified = self.verified.read().unwrap_or_else(PoisonError::into_inner);
            verified.get(unverified_token).cloned()
        };
        if let Some(token) = known {
            return if token.is_accepted(now) { Ok(token) } else { Err(TokenError::Expired) };
        }
        if unverified_token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid(None));
        }
        let token = Arc::new(self.decode(unverified_token)?);
        let mut verified = self.verified.write().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= VERIFIED_MAX {
            verified.retain(|_, token| token.is_accepted(now));
            if verified.len() >= VERIFIED_MAX {
                verified.clear();
            }
        }
        verified.insert(unverified_token.into(), Arc::clone(&token));
        Ok(token)
    }

    fn decode(&self, unverified_token: &str) -> Result<VerifiedToken, TokenError> {
        let invalid = |error| TokenError::Invalid(Some(error));
        let data =
            jsonwebtoken::decode::<Claims>(unverified_token, &self.decoding, &self.validation)
                .map_err(invalid)?;
        if data.header != self.header {
            return Err(TokenError::Invalid(None));
        }
        let claims = data.claims;
        let scope = match claims.scope.as_str() {
            "" => OperationSet::default(),
            names => OperationSet::parse_scope(names).ok_or(TokenError::Invalid(None))?,
        };
        let client_id =
            ClientId::parse(&claims.client_id).map_err(|_| TokenError::Invalid(None))?;
        let now = self.clock.now().seconds();
        let life = claims.exp.checked_sub(claims.iat).ok_or(TokenError::Invalid(None))?;
        if claims.sub != claims.client_id
            || claims.jti.is_empty()
            || !(1..=i64::from(self.life_seconds)).contains(&life)
            || claims.iat > now + LEEWAY_SECONDS
        {
            return Err(TokenError::Invalid(None));
        }
        if claims.exp + LEEWAY_SECONDS <= now {
            return Err(TokenError::Expired);
        }
        let [issued_at, expires_at] =
            [claims.iat, claims.exp].map(|seconds| Micros(0).plus_seconds(seconds));
        Ok(VerifiedToken { client_id, scope, issued_at, expires_at })
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Operation;

    fn tokens(seed: u8, clock: &Clock) -> Tokens {
        Tokens::new(&[seed; 32], "http://here".into(), 600, clock.clone(), Random::seeded(1))
            .unwrap()
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let (clock, hand) = Clock::manual(Micros(1_000_000_000_000_000));
        let tokens = tokens(1, &clock);
        let client = ClientId::parse("viettel").unwrap();
        let scope = [Operation::Verify, Operation::Insurance].into_iter().collect();
        let issued = tokens.issue(&client, scope).unwrap();
        let verified = tokens.verify(&issued.access_token).unwrap();
        assert_eq!((verified.client_id(), verified.scope()), (&client, scope));
        assert_eq!(verified.issued_at(), clock.now());
        assert_eq!(verified.expires_at(), clock.now().plus_seconds(600));
        hand.advance(609_000_000);
        assert!(tokens.verify(&issued.access_token).is_ok());
        hand.advance(1_000_000);
        assert!(matches!(tokens.verify(&issued.access_token), Err(TokenError::Expired)));
    }

    #[test]
    fn a_token_of_another_key_or_with_a_changed_letter_is_refused() {
        let (clock, _hand) = Clock::manual(Micros(1_000_000_000_000_000));
        let ours = tokens(1, &clock);
        let client = ClientId::parse("viettel").unwrap();
        let foreign = tokens(2, &clock).issue(&client, OperationSet::default()).unwrap();
        assert!(ours.verify(&foreign.access_token).is_err());
        let issued = ours.issue(&client, OperationSet::default()).unwrap().access_token;
        for position in [10, issued.len() / 2, issued.len() - 4] {
            let mut changed = issued.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            assert!(ours.verify(&String::from_utf8(changed).unwrap()).is_err(), "{position}");
        }
    }
}
