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
mod tests {
    use super::*;
    use crate::auth::Retiring;
    use crate::request::Operation;
    use crate::store::{ALL_TOKENS, RevokedRow};

    fn key(seed: u8, state: SigningState) -> SigningKey {
        SigningKey::new(&[seed; 32], state, None).unwrap()
    }

    fn tokens(seed: u8, clock: &Clock) -> Tokens {
        let random = Random::seeded(1);
        let tokens = Tokens::new("http://here".into(), 600, clock.clone(), random);
        tokens.replace_keys(vec![key(seed, SigningState::Active)]).unwrap();
        tokens
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

    #[test]
    fn the_next_key_verifies_before_it_signs_and_the_one_before_until_its_time() {
        let (clock, hand) = Clock::manual(Micros(1_000_000_000_000_000));
        let (here, there) = (tokens(1, &clock), tokens(1, &clock));
        let client = ClientId::parse("viettel").unwrap();
        let issue =
            |tokens: &Tokens| tokens.issue(&client, OperationSet::default()).unwrap().access_token;
        let before = issue(&here);
        there.replace_keys(vec![key(1, SigningState::Active), key(2, SigningState::Next)]).unwrap();
        let retiring = Retiring {
            signed_until: clock.now().plus_seconds(15),
            until: clock.now().plus_seconds(60),
        };
        let retiring = SigningKey::new(&[1; 32], SigningState::Retiring, Some(retiring)).unwrap();
        here.replace_keys(vec![retiring, key(2, SigningState::Active)]).unwrap();
        assert!(there.verify(&issue(&here)).is_ok(), "signed by the next key");
        assert!(here.verify(&before).is_ok());
        hand.advance(15_000_000);
        assert!(here.verify(&issue(&there)).is_ok(), "another node has yet to hear");
        hand.advance(1_000_000);
        let stolen = issue(&there);
        assert_eq!(
            here.verify(&stolen).err(),
            Some(TokenError::Invalid),
            "nobody signs with it now"
        );
        hand.advance(44_000_000);
        assert_eq!(here.verify(&issue(&there)).err(), Some(TokenError::Invalid));
        let no_key = here.replace_keys(vec![key(3, SigningState::Next)]);
        assert_eq!(no_key.err(), Some(TokenError::Key));
        assert!(here.verify(&issue(&here)).is_ok(), "nothing was replaced");
    }

    #[test]
    fn a_key_that_is_given_up_takes_what_it_has_signed_with_it() {
        let (clock, _hand) = Clock::manual(Micros(1_000_000_000_000_000));
        let tokens = tokens(1, &clock);
        let client = ClientId::parse("viettel").unwrap();
        let issued = tokens.issue(&client, OperationSet::default()).unwrap().access_token;
        assert!(tokens.verify(&issued).is_ok());
        let kid = key(1, SigningState::Active).kid().to_owned();
        tokens.forget_keys(|gone| gone != kid);
        assert!(tokens.verify(&issued).is_ok());
        tokens.forget_keys(|gone| gone == kid);
        assert_eq!(tokens.verify(&issued).err(), Some(TokenError::Invalid));
    }

    #[test]
    fn a_revoked_token_is_refused_though_it_was_verified_before() {
        let (clock, hand) = Clock::manual(Micros(1_000_000_000_000_000));
        let tokens = tokens(1, &clock);
        let client = ClientId::parse("viettel").unwrap();
        let [one, other] =
            [1, 2].map(|_| tokens.issue(&client, OperationSet::default()).unwrap().access_token);
        let verified = tokens.verify(&one).unwrap();
        let row = RevokedRow {
            client_id: "viettel".into(),
            jti: verified.jti().into(),
            expires_us: verified.accepted_until().0,
            revoked_us: clock.now().0,
        };
        tokens.revoked().learn(std::slice::from_ref(&row));
        assert_eq!(tokens.verify(&one).err(), Some(TokenError::Revoked));
        tokens.revoked().forget_expired(clock.now());
        assert_eq!(tokens.verify(&one).err(), Some(TokenError::Revoked), "it stays known");
        assert!(tokens.verify(&other).is_ok());
        hand.advance(1_000_000);
        let later = tokens.issue(&client, OperationSet::default()).unwrap().access_token;
        tokens.revoked().learn(&[RevokedRow { jti: ALL_TOKENS.into(), ..row }]);
        assert_eq!(tokens.verify(&other).err(), Some(TokenError::Revoked), "as all before it");
        assert!(tokens.verify(&later).is_ok());
        hand.advance(609_000_000);
        tokens.revoked().forget_expired(clock.now());
        assert_eq!(tokens.verify(&one).err(), Some(TokenError::Expired));
        let forgotten = format!("{:?}", RevokedTokens::default());
        assert_eq!(format!("{:?}", tokens.revoked()), forgotten);
    }

    #[test]
    fn what_is_new_is_read_again_for_a_minute_whatever_the_clocks_say() {
        let tokens = RevokedTokens::default();
        let row = |revoked_us| RevokedRow {
            client_id: "c".into(),
            jti: "j".into(),
            expires_us: i64::MAX,
            revoked_us,
        };
        let now = Micros(500_000_000);
        tokens.learn(&[row(490_000_000)]);
        assert_eq!(tokens.unread_from(now), Micros(-60_000_000), "others' are unread");
        tokens.read(&[row(480_000_000), row(490_000_000)]);
        assert_eq!(tokens.unread_from(now), Micros(430_000_000));
        tokens.read(&[row(900_000_000)]);
        assert_eq!(tokens.unread_from(now), Micros(440_000_000), "of a clock that is ahead");
    }
}
