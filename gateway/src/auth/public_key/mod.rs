//! Public keys of clients (RFC 7517, RFC 8037): Ed25519 and P-256, as JWK or as PEM
//! (`SubjectPublicKeyInfo`). What is registered says which algorithm it verifies; a token's header
//! never does.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::jws::{Members, Value, decode};

/// Longest file that is read as a key, in bytes; keys have under 500.
pub const KEY_FILE_BYTES_MAX: usize = 8_192;
/// Longest key identifier.
const KID_CHARS_MAX: usize = 128;

/// Beginning of the DER form of an Ed25519 public key (RFC 8410); 32 octets follow.
const ED25519_DER: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
/// The same of an uncompressed point on P-256 (RFC 5480); 65 octets follow, the first of them 4.
const P256_DER: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 3, 1, 7, 3, 0x42, 0,
];
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// How an assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518, section 3.4).
    Es256,
}

impl AssertionAlgorithm {
    /// All that are offered.
    pub const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    /// The name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::EdDsa => &ED25519,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
        }
    }
}

/// Why a file is no public key of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Neither JWK nor PEM.
    #[error("is neither a JWK nor a PEM of a public key")]
    Form,
    /// It holds the private key, in this member of the JWK; empty for a PEM.
    #[error("holds the private key: keep that, and send the public one")]
    Private(&'static str),
    /// Another kind of key.
    #[error("is neither an Ed25519 key nor one on P-256 with both coordinates")]
    Kind,
    /// What it says of its use does not fit.
    #[error("is not for verifying signatures by the algorithm of its kind")]
    Use,
    /// Its identifier cannot be used.
    #[error("has an identifier (kid) that is not 1 to 128 of A-Z a-z 0-9 . _ ~ : = + @ -")]
    Kid,
    /// No point of its curve.
    #[error("is no point of its curve")]
    Point,
    /// An example whose private key everybody can read.
    #[error("is an example whose private key is printed in an RFC: make a key of your own")]
    Published,
}

impl PublicKeyError {
    /// Where it is in a JWK (RFC 6901), and what is wrong, from a closed list.
    pub fn place(self) -> (String, &'static str) {
        match self {
            Self::Form => (String::new(), "malformed"),
            Self::Private(member) => (format!("/{member}"), "private-key"),
            Self::Kind => (String::new(), "unknown-kind-of-key"),
            Self::Use => (String::new(), "other-use"),
            Self::Kid => ("/kid".into(), "malformed"),
            Self::Point => ("/x".into(), "not-on-curve"),
            Self::Published => ("/x".into(), "published-example"),
        }
    }
}

/// The first coordinates of keys whose private halves are printed: anybody can sign with them. Of RFC
/// 8037 A.1 (and RFC 8032 7.1, test 1), RFC 8032 7.1 tests 2 and 3, RFC 8410 10.1; RFC 7515 A.3, RFC
/// 7517 A.2, RFC 6979 A.2.5.
const PUBLISHED: [&str; 7] = [
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
    "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU",
    "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE",
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y",
];

/// A public key of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kid: String,
    algorithm: AssertionAlgorithm,
    /// 32 octets, or an uncompressed point.
    public: Vec<u8>,
}

impl PublicKey {
    /// Reads a file that holds a JWK or a PEM. Without an identifier of its own the key gets its
    /// thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`PublicKeyError`] with what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        if text.len() > KEY_FILE_BYTES_MAX {
            return Err(PublicKeyError::Form);
        }
        if text.trim_start().starts_with('{') {
            return Self::from_jwk(text);
        }
        Self::from_pem(text)
    }

    /// Reads a JWK (RFC 7517).
    ///
    /// # Errors
    /// [`PublicKeyError`] with what is wrong with it.
    pub fn from_jwk(text: &str) -> Result<Self, PublicKeyError> {
        let members = Members::parse(text.as_bytes()).ok_or(PublicKeyError::Form)?;
        let private = ["d", "k", "p", "q"].into_iter().find(|name| members.get(name).is_some());
        if let Some(member) = private {
            return Err(PublicKeyError::Private(member));
        }
        let octets = |name| members.text(name).and_then(decode).ok_or(PublicKeyError::Kind);
        let (algorithm, public) = match (members.text("kty"), members.text("crv")) {
            (Some("OKP"), Some("Ed25519")) => (AssertionAlgorithm::EdDsa, octets("x")?),
            (Some("EC"), Some("P-256")) => {
                let (x, y) = (octets("x")?, octets("y")?);
                if x.len() != 32 {
                    return Err(PublicKeyError::Kind);
                }
                (AssertionAlgorithm::Es256, [vec![4], x, y].concat())
            }
            _ => return Err(PublicKeyError::Kind),
        };
        let fits = |name, value| {
            members.optional_text(name).is_ok_and(|is| is.is_none_or(|is| is == value))
        };
        let verifies = match members.get("key_ops") {
            None => true,
            Some(Value::List(uses)) => uses.iter().all(|is| *is == Value::Text("verify".into())),
            Some(_) => false,
        };
        if !fits("use", "sig") || !fits("alg", algorithm.name()) || !verifies {
            return Err(PublicKeyError::Use);
        }
        let kid = members.optional_text("kid").map_err(|_| PublicKeyError::Kid)?;
        Self::usable(kid, algorithm, public)
    }

    fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        if text.contains("PRIVATE KEY") {
            return Err(PublicKeyError::Private(""));
        }
        let inner = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let base64: String = inner
            .ok_or(PublicKeyError::Form)?
            .chars()
            .filter(|letter| !letter.is_ascii_whitespace())
            .collect();
        let der = STANDARD.decode(base64).map_err(|_| PublicKeyError::Form)?;
        if let Some(public) = der.strip_prefix(&ED25519_DER) {
            return Self::usable(None, AssertionAlgorithm::EdDsa, public.to_vec());
        }
        let public = der.strip_prefix(&P256_DER).ok_or(PublicKeyError::Kind)?;
        Self::usable(None, AssertionAlgorithm::Es256, public.to_vec())
    }

    /// A key that only its client can sign with, as far as can be seen.
    fn usable(
        kid: Option<&str>,
        algorithm: AssertionAlgorithm,
        public: Vec<u8>,
    ) -> Result<Self, PublicKeyError> {
        let key = Self::checked(kid, algorithm, public)?;
        if PUBLISHED.contains(&key.coordinates().0.as_str()) {
            return Err(PublicKeyError::Published);
        }
        Ok(key)
    }

    fn checked(
        kid: Option<&str>,
        algorithm: AssertionAlgorithm,
        public: Vec<u8>,
    ) -> Result<Self, PublicKeyError> {
        let (length, first) = match algorithm {
            AssertionAlgorithm::EdDsa => (32, None),
            AssertionAlgorithm::Es256 => (65, Some(&4)),
        };
        if public.len() != length || (first.is_some() && public.first() != first) {
            return Err(PublicKeyError::Kind);
        }
        ParsedPublicKey::new(algorithm.verification(), &public)
            .map_err(|_| PublicKeyError::Point)?;
        if algorithm == AssertionAlgorithm::EdDsa && is_of_low_order(&public) {
            return Err(PublicKeyError::Point);
        }
        let mut key = Self { kid: String::new(), algorithm, public };
        key.kid = kid.map_or_else(|| key.thumbprint(), str::to_owned);
        if !Self::is_kid(&key.kid) {
            return Err(PublicKeyError::Kid);
        }
        Ok(key)
    }

    /// Whether a text can be the identifier of a key.
    pub fn is_kid(text: &str) -> bool {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"._~:=+@-".contains(&b);
        (1..=KID_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_allowed)
    }

    /// A key of nobody's, whose signatures count for nothing.
    pub(super) fn nobodys(algorithm: AssertionAlgorithm) -> Option<Self> {
        // The examples of RFC 8037, appendix A and RFC 7515, appendix A.3.
        let public = match algorithm {
            AssertionAlgorithm::EdDsa => decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")?,
            AssertionAlgorithm::Es256 => [
                vec![4],
                decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")?,
                decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")?,
            ]
            .concat(),
        };
        Self::checked(Some("nobody"), algorithm, public).ok()
    }

    /// Its identifier among the keys of its client.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// How it verifies.
    pub fn algorithm(&self) -> AssertionAlgorithm {
        self.algorithm
    }

    /// The key as JWK.
    pub fn to_jwk(&self) -> String {
        let (kid, alg) = (&self.kid, self.algorithm.name());
        let jwk = match (self.algorithm, self.coordinates()) {
            (AssertionAlgorithm::EdDsa, (x, _)) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": alg, "use": "sig" })
            }
            (AssertionAlgorithm::Es256, (x, y)) => {
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": alg, "use": "sig" })
            }
        };
        jwk.to_string()
    }

    /// The member of the JWK that tells it from other keys, as it stands there; also from a key on
    /// P-256 with the other sign, whose private key is known to who has this one's.
    pub fn own_member(&self) -> String {
        format!(r#""x":"{}""#, self.coordinates().0)
    }

    /// Whether its private key has signed this.
    pub(super) fn has_signed(&self, signed: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.algorithm.verification(), &self.public)
            .verify(signed, signature)
            .is_ok()
    }

    /// Thumbprint (RFC 7638): of the required members in the order of their names, without spaces.
    pub fn thumbprint(&self) -> String {
        let text = match (self.algorithm, self.coordinates()) {
            (AssertionAlgorithm::EdDsa, (x, _)) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
            }
            (AssertionAlgorithm::Es256, (x, y)) => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
        };
        URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
    }

    fn coordinates(&self) -> (String, String) {
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        match self.algorithm {
            AssertionAlgorithm::EdDsa => (encode(&self.public), String::new()),
            AssertionAlgorithm::Es256 => (encode(&self.public[1..33]), encode(&self.public[33..])),
        }
    }
}

/// The y coordinates of the points of order 1, 2, 4 and 8, canonical and not, without the sign. Under
/// such a key some signatures are good for any message.
fn is_of_low_order(public: &[u8]) -> bool {
    let mut y = public.to_vec();
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    let number = |first: u8, middle: u8, last: u8| {
        let mut bytes = vec![middle; 32];
        bytes[0] = first;
        bytes[31] = last;
        bytes
    };
    let of_order_8 = [
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
    ];
    [
        number(0, 0, 0),
        number(1, 0, 0),
        number(0xec, 0xff, 0x7f),
        number(0xed, 0xff, 0x7f),
        number(0xee, 0xff, 0x7f),
    ]
    .contains(&y)
        || of_order_8.into_iter().filter_map(decode).any(|low| low == y)
}

#[cfg(test)]
mod tests;
