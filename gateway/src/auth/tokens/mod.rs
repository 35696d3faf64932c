//! Access tokens: EdDSA `at+jwt` (RFC 9068), one algorithm, every claim required and typed, and each
//! of our keys has one header, compared octet by octet.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::HashMap;
use serde::Serialize;

use super::jws::{self, Members};
use super::{OperationSet, RevokedTokens, SigningKey, SigningState};
use crate::clock::{Clock, Micros, Random};
use crate::request::ClientId;

/// Clocks of nodes may differ by this much.
pub(super) const LEEWAY_SECONDS: i64 = 10;
/// Longest token that is looked at, in bytes; ours have about 500.
const TOKEN_BYTES_MAX: usize = 2_048;
/// Verified tokens known again without a signature check. Full: the expired go, then all.
const VERIFIED_MAX: usize = 65_536;
/// The claims of a token: all are there, and no other is.
const CLAIMS: [&str; 8] = ["iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"];

/// Why a token is not accepted. Callers get one answer for all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not one of ours, or was changed.
    #[error("the token is not valid")]
    Invalid,
    /// It has expired.
    #[error("the token has expired")]
    Expired,
    /// It was taken back.
    #[error("the token was revoked")]
    Revoked,
    /// There is no key that signs, or one that signs nothing.
    #[error("no key signs tokens")]
    Key,
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
    jti: Box<str>,
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

    /// Its own identifier.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// When it was issued.
    pub fn issued_at(&self) -> Micros {
        self.issued_at
    }

    /// When it expires; it is accepted a little longer, which is nothing to build on.
    pub fn expires_at(&self) -> Micros {
        self.expires_at
    }

    /// First moment at which nobody accepts it.
    pub fn accepted_until(&self) -> Micros {
        self.expires_at.plus_seconds(LEEWAY_SECONDS)
    }

    fn is_accepted(&self, now: Micros) -> bool {
        now < self.accepted_until()
    }
}

#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    client_id: &'a str,
    scope: String,
    iat: i64,
    exp: i64,
    jti: String,
}

/// Issues and verifies tokens.
pub struct Tokens {
    keys: RwLock<Arc<Vec<Arc<SigningKey>>>>,
    issuer: String,
    life_seconds: u32,
    clock: Clock,
    random: Random,
    verified: RwLock<HashMap<Box<str>, Arc<VerifiedToken>>>,
    revoked: RevokedTokens,
}

impl Tokens {
    /// Starts without a key: nothing is signed and nothing verifies.
    pub fn new(issuer: String, life_seconds: u32, clock: Clock, random: Random) -> Self {
        Self {
            keys: RwLock::default(),
            issuer,
            life_seconds,
            clock,
            random,
            verified: RwLock::default(),
            revoked: RevokedTokens::default(),
        }
    }

    /// Who issues the tokens, and whom they are for.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys as they are known now.
    pub fn keys(&self) -> Arc<Vec<Arc<SigningKey>>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the keys, and proves that the one which signs verifies.
    ///
    /// # Errors
    /// If none signs; the keys stay as they are then.
    pub fn replace_keys(&self, keys: Vec<SigningKey>) -> Result<(), TokenError> {
        let signs = keys.iter().find(|key| key.state() == SigningState::Active);
        let signed = signs.ok_or(TokenError::Key)?.sign(b"{}");
        let (message, signature) = signed.rsplit_once('.').ok_or(TokenError::Key)?;
        let signature = jws::decode(signature).ok_or(TokenError::Key)?;
        if !signs.is_some_and(|key| key.has_signed(message.as_bytes(), &signature)) {
            return Err(TokenError::Key);
        }
        let before = self.keys();
        let stays = |gone: &Arc<SigningKey>| keys.iter().any(|key| key.kid() == gone.kid());
        let all_stay = before.iter().all(stays);
        let keys = keys.into_iter().map(Arc::new).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        if !all_stay {
            self.verified.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
        Ok(())
    }

    /// Forgets keys that are good for nothing any more, and what they have signed.
    pub fn forget_keys(&self, is_gone: impl Fn(&str) -> bool) {
        let before = self.keys();
        if !before.iter().any(|key| is_gone(key.kid())) {
            return;
        }
        let stays = |key: &&Arc<SigningKey>| !is_gone(key.kid());
        let left = before.iter().filter(stays).cloned().collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(left);
        self.verified.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Those that were taken back.
    pub fn revoked(&self) -> &RevokedTokens {
        &self.revoked
    }

    /// Issues a token.
    ///
    /// # Errors
    /// If no key signs.
    pub fn issue(
        &self,
        client_id: &ClientId,
        scope: OperationSet,
    ) -> Result<IssuedToken, TokenError> {
        let now = self.clock.now().seconds();
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.issuer,
            sub: client_id.as_str(),
            client_id: client_id.as_str(),
            scope: scope.to_scope(),
            iat: now,
            exp: now + i64::from(self.life_seconds),
            jti: URL_SAFE_NO_PAD.encode(self.random.bytes::<16>()),
        };
        let payload = serde_json::to_vec(&claims).map_err(|_| TokenError::Key)?;
        let keys = self.keys();
        let signs = keys.iter().find(|key| key.state() == SigningState::Active);
        let access_token = signs.ok_or(TokenError::Key)?.sign(&payload);
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
            return self.accept(token, now);
        }
        if unverified_token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let keys = self.keys();
        let token = Arc::new(self.decode(unverified_token, &keys).ok_or(TokenError::Invalid)?);
        let token = self.accept(token, now)?;
        let mut verified = self.verified.write().unwrap_or_else(PoisonError::into_inner);
        // Of a key that was given up meanwhile nothing is remembered: the memory was cleared.
        if !Arc::ptr_eq(&keys, &self.keys()) {
            return Ok(token);
        }
        if verified.len() >= VERIFIED_MAX {
            verified.retain(|_, token| token.is_accepted(now));
            if verified.len() >= VERIFIED_MAX {
                verified.clear();
            }
        }
        verified.insert(unverified_token.into(), Arc::clone(&token));
        Ok(token)
    }

    /// What is asked of a token on every call, signature and claims being right for good.
    fn accept(
        &self,
        token: Arc<VerifiedToken>,
        now: Micros,
    ) -> Result<Arc<VerifiedToken>, TokenError> {
        if !token.is_accepted(now) {
            return Err(TokenError::Expired);
        }
        if self.revoked.holds(&token) {
            return Err(TokenError::Revoked);
        }
        Ok(token)
    }

    fn decode(&self, unverified_token: &str, keys: &[Arc<SigningKey>]) -> Option<VerifiedToken> {
        let (header, payload, signature) = jws::parts(unverified_token)?;
        let now = self.clock.now();
        let key = keys.iter().find(|key| key.encoded_header() == header && key.verifies(now))?;
        let signed = unverified_token.as_bytes().get(..header.len() + 1 + payload.len())?;
        if !key.has_signed(signed, &jws::decode(signature)?) {
            return None;
        }
        let token = self.read_claims(&Members::parse(&jws::decode(payload)?)?, now)?;
        key.signed_at(token.issued_at()).then_some(token)
    }

    /// Our own key has signed this; it is read as strictly all the same.
    fn read_claims(&self, claims: &Members, now: Micros) -> Option<VerifiedToken> {
        let is_ours = |name| claims.text(name) == Some(self.issuer.as_str());
        if !claims.has_only(&CLAIMS) || !is_ours("iss") || !is_ours("aud") {
            return None;
        }
        let client_id = ClientId::parse(claims.text("client_id")?).ok()?;
        let scope = match claims.text("scope")? {
            "" => OperationSet::default(),
            names => OperationSet::parse_scope(names)?,
        };
        let jti = claims.text("jti").filter(|jti| !jti.is_empty())?;
        let (issued, expires) = (claims.seconds("iat")?, claims.seconds("exp")?);
        let life = expires - issued;
        let is_whole = issued.fract() == 0.0 && expires.fract() == 0.0;
        if claims.text("sub")? != client_id.as_str()
            || !is_whole
            || !(1.0..=f64::from(self.life_seconds)).contains(&life)
            || issued > now.plus_seconds(LEEWAY_SECONDS).seconds() as f64
        {
            return None;
        }
        let [issued_at, expires_at] =
            [issued, expires].map(|seconds| Micros(0).plus_seconds(seconds as i64));
        Some(VerifiedToken { client_id, scope, jti: jti.into(), issued_at, expires_at })
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
