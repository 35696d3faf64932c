//! Keys of clients, and whatever can be signed with them.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A private key.
pub(crate) enum Signer {
    Ed25519(Box<Ed25519KeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl Signer {
    /// The key of an Ed25519 seed.
    pub(crate) fn ed25519(seed: &[u8; 32]) -> Self {
        Self::Ed25519(Box::new(Ed25519KeyPair::from_seed_unchecked(seed).unwrap()))
    }

    /// Some key on P-256.
    pub(crate) fn p256() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self::P256(Box::new(pair))
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    pub(crate) fn public(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::P256(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub(crate) fn kid(&self) -> String {
        let kind = match self {
            Self::Ed25519(_) => "ed",
            Self::P256(_) => "ec",
        };
        format!("{kind}-{}", encode(&self.public()[1..7]))
    }

    /// The public key as JWK.
    pub(crate) fn jwk(&self) -> String {
        let public = self.public();
        let jwk = match self {
            Self::Ed25519(_) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&public), "kid": self.kid() })
            }
            Self::P256(_) => json!({
                "kty": "EC", "crv": "P-256", "x": encode(&public[1..33]),
                "y": encode(&public[33..]), "kid": self.kid(),
            }),
        };
        jwk.to_string()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
        }
    }

    /// A token of any header and payload.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of(&header.to_string(), &claims.to_string())
    }

    /// The same of texts that may be no JSON.
    pub(crate) fn token_of(&self, header: &str, claims: &str) -> String {
        self.token_of_parts(&encode(header.as_bytes()), &encode(claims.as_bytes()))
    }

    /// The same of parts that may be no base64.
    pub(crate) fn token_of_parts(&self, header: &str, payload: &str) -> String {
        let signed = format!("{header}.{payload}");
        let signature = encode(&self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A text that no other test has.
    pub(crate) fn unique() -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        format!("jti-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
