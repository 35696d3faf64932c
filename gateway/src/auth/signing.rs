//! Keys that sign access tokens: one signs, the next one is known before it does, and those before
//! it verify until what they have signed has expired.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::tokens::TokenError;
use crate::clock::Micros;
use crate::store::KEY_BYTES;

/// What a signing key is for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningState {
    /// Published, and signs nothing yet. What it has signed is good: a node that knows of a
    /// rotation signs with it while another has yet to hear.
    Next,
    /// Signs.
    Active,
    /// Verifies until what it has signed has expired.
    Retiring,
    /// Is of no use any more.
    Retired,
}

impl SigningState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Next, Self::Active, Self::Retiring, Self::Retired];

    /// The name in the store and in lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }

    /// The state of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A key that signs tokens, will, or did.
pub struct SigningKey {
    kid: String,
    pair: Ed25519KeyPair,
    state: SigningState,
    /// How long a retiring key is good.
    retiring: Option<Retiring>,
    encoded_header: String,
}

/// How long a key is good that signs no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retiring {
    /// The last moment at which a token can have been issued that it has signed: whoever has the key
    /// must not make tokens with it afterwards.
    pub signed_until: Micros,
    /// First moment at which it verifies nothing any more.
    pub until: Micros,
}

impl SigningKey {
    /// Takes an Ed25519 seed.
    ///
    /// # Errors
    /// If the seed makes no key.
    pub fn new(
        seed: &[u8; KEY_BYTES],
        state: SigningState,
        retiring: Option<Retiring>,
    ) -> Result<Self, TokenError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| TokenError::Key)?;
        let kid = URL_SAFE_NO_PAD.encode(&pair.public_key().as_ref()[..8]);
        // Written by hand, because the header of a token is compared octet by octet.
        let header = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{kid}"}}"#);
        let encoded_header = URL_SAFE_NO_PAD.encode(header);
        Ok(Self { kid, pair, state, retiring, encoded_header })
    }

    /// Its identifier: the beginning of the public key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it is for.
    pub fn state(&self) -> SigningState {
        self.state
    }

    /// The public key, base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref())
    }

    /// Whether what it has signed is good at `now`.
    pub fn verifies(&self, now: Micros) -> bool {
        let is_good = self.retiring.is_none_or(|retiring| now < retiring.until);
        self.state != SigningState::Retired && is_good
    }

    /// Whether it still signed when a token was issued.
    pub(super) fn signed_at(&self, issued_at: Micros) -> bool {
        self.retiring.is_none_or(|retiring| issued_at <= retiring.signed_until)
    }

    /// The header of each token that it signs.
    pub(super) fn encoded_header(&self) -> &str {
        &self.encoded_header
    }

    /// Header, payload and signature.
    pub(super) fn sign(&self, payload: &[u8]) -> String {
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let signed = format!("{}.{payload}", self.encoded_header);
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }

    /// Whether it has signed this.
    pub(super) fn has_signed(&self, signed: &[u8], signature: &[u8]) -> bool {
        let public = UnparsedPublicKey::new(&ED25519, self.pair.public_key().as_ref());
        public.verify(signed, signature).is_ok()
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
