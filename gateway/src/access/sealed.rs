//! Sealed credentials: a client's secret on its way to the client, in a file that is worth nothing
//! without a passphrase that goes another way.
//!
//! Version 1 is JSON. `docs/access.md` describes it for whoever opens it without this program: the
//! passphrase in lower case without hyphens, argon2id (19 MiB, two passes, one lane) over it with
//! the salt, and AES-256-GCM with that key and the nonce over the credential as JSON, authenticated
//! together with the format's name, its version and the client's identifier.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::clock::Random;

/// What a file says it is.
const FORMAT: &str = "gateway-sealed-credential";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// The recommendation of OWASP for argon2id, and the strength at which secrets are hashed.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
/// Letters and digits that are not taken for each other: five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a passphrase: a hundred bits, so that the file alone is worth nothing.
const PASSPHRASE_CHARS: usize = 20;
const GROUP_CHARS: usize = 4;

/// What a client needs to call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Its identifier.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where it gets tokens.
    pub token_endpoint: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, ..)", self.client_id)
    }
}

/// Why a credential was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No sealed credential, or one of another version.
    #[error("this is no sealed credential of a version that is known here")]
    Format,
    /// Another passphrase, or a file that was changed.
    #[error("the passphrase is not that of this file, or the file was changed")]
    Refused,
    /// The machine does not do it.
    #[error("sealing does not work on this machine")]
    Machine,
}

/// A file of version 1. Members in this order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    version: u32,
    client_id: String,
    kdf: Kdf,
    cipher: String,
    nonce: String,
    sealed: String,
}

/// How the key comes from the passphrase.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

/// A new passphrase, `xxxx-xxxx-xxxx-xxxx-xxxx`.
pub fn generate_passphrase(random: &Random) -> String {
    let mut passphrase = String::new();
    for (place, byte) in random.bytes::<PASSPHRASE_CHARS>().into_iter().enumerate() {
        if place > 0 && place.is_multiple_of(GROUP_CHARS) {
            passphrase.push('-');
        }
        // 32 divides 256, so every letter is as likely as every other.
        passphrase.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    }
    passphrase
}

/// Seals a credential under a passphrase. Takes about 20 ms of a core and 19 MiB.
///
/// # Errors
/// [`SealError::Machine`].
pub fn seal(
    credential: &Credential,
    passphrase: &str,
    random: &Random,
) -> Result<String, SealError> {
    let (salt, nonce) = (random.bytes::<SALT_BYTES>(), random.bytes::<NONCE_LEN>());
    let key = key(passphrase, &salt)?;
    let mut sealed = serde_json::to_vec(credential).map_err(|_| SealError::Machine)?;
    let aad = Aad::from(bound(&credential.client_id));
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
        .map_err(|_| SealError::Machine)?;
    let file = File {
        format: FORMAT.to_owned(),
        version: VERSION,
        client_id: credential.client_id.clone(),
        kdf: Kdf {
            name: "argon2id".to_owned(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: STANDARD.encode(salt),
        },
        cipher: "AES-256-GCM".to_owned(),
        nonce: STANDARD.encode(nonce),
        sealed: STANDARD.encode(sealed),
    };
    let text = serde_json::to_string_pretty(&file).map_err(|_| SealError::Machine)?;
    Ok(text + "\n")
}

/// Opens a sealed credential.
///
/// # Errors
/// [`SealError`].
pub fn unseal(text: &str, passphrase: &str) -> Result<Credential, SealError> {
    let file: File = serde_json::from_str(text).map_err(|_| SealError::Format)?;
    let kdf = &file.kdf;
    let is_known = file.format == FORMAT
        && file.version == VERSION
        && file.cipher == "AES-256-GCM"
        && kdf.name == "argon2id"
        // A file that asks for more would only ask for the memory of whoever opens it.
        && (kdf.memory_kib, kdf.passes, kdf.lanes) == (MEMORY_KIB, PASSES, LANES);
    if !is_known {
        return Err(SealError::Format);
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| SealError::Format);
    let salt: [u8; SALT_BYTES] = decode(&kdf.salt)?.try_into().map_err(|_| SealError::Format)?;
    let nonce: [u8; NONCE_LEN] = decode(&file.nonce)?.try_into().map_err(|_| SealError::Format)?;
    let mut sealed = decode(&file.sealed)?;
    let key = key(passphrase, &salt)?;
    let aad = Aad::from(bound(&file.client_id));
    let opened = key
        .open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
        .map_err(|_| SealError::Refused)?;
    serde_json::from_slice(opened).map_err(|_| SealError::Format)
}

/// What is authenticated beside the credential.
fn bound(client_id: &str) -> String {
    format!("{FORMAT}\n{VERSION}\n{client_id}")
}

/// The key of a passphrase, however it was typed: case, hyphens and blanks do not count.
fn key(passphrase: &str, salt: &[u8]) -> Result<LessSafeKey, SealError> {
    let typed: String = passphrase
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(KEY_BYTES));
    let params = params.map_err(|_| SealError::Machine)?;
    let mut key = [0; KEY_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(typed.as_bytes(), salt, &mut key)
        .map_err(|_| SealError::Machine)?;
    let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| SealError::Machine)?;
    Ok(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential() -> Credential {
        Credential {
            client_id: "bv-01001".into(),
            client_secret: "s3cret".into(),
            token_endpoint: "https://gateway.example/oauth2/token".into(),
        }
    }

    #[test]
    fn a_sealed_credential_opens_with_its_passphrase_however_it_is_typed() {
        let random = Random::seeded(1);
        let passphrase = generate_passphrase(&random);
        let sealed = seal(&credential(), &passphrase, &random).unwrap();
        assert!(!sealed.contains("s3cret") && !sealed.contains(&passphrase));
        let typed = format!("  {}\r\n", passphrase.replace('-', " ").to_uppercase());
        for passphrase in [passphrase, typed] {
            assert_eq!(unseal(&sealed, &passphrase), Ok(credential()));
        }
        assert_eq!(unseal(&sealed, "abcd-abcd-abcd-abcd-abcd"), Err(SealError::Refused));
    }

    #[test]
    fn a_file_that_was_changed_does_not_open() {
        let random = Random::seeded(2);
        let sealed = seal(&credential(), "abcd", &random).unwrap();
        let file: serde_json::Value = serde_json::from_str(&sealed).unwrap();
        let swap = |pointer: &str, value: serde_json::Value| {
            let mut file = file.clone();
            *file.pointer_mut(pointer).unwrap() = value;
            unseal(&file.to_string(), "abcd")
        };
        assert_eq!(swap("/client_id", "bv-01002".into()), Err(SealError::Refused));
        let nonce = STANDARD.encode([0; NONCE_LEN]);
        assert_eq!(swap("/nonce", nonce.into()), Err(SealError::Refused));
        for (pointer, value) in [
            ("/version", 2.into()),
            ("/format", "other".into()),
            ("/cipher", "none".into()),
            ("/kdf/name", "scrypt".into()),
            ("/kdf/memory_kib", 4_000_000_000_u32.into()),
            ("/kdf/passes", 1.into()),
            ("/kdf/salt", "AA==".into()),
            ("/nonce", "AA==".into()),
            ("/sealed", "?".into()),
        ] {
            assert_eq!(swap(pointer, value), Err(SealError::Format), "{pointer}");
        }
        assert_eq!(unseal("", "abcd"), Err(SealError::Format));
    }

    #[test]
    fn passphrases_have_a_hundred_bits_and_no_letter_that_is_taken_for_another() {
        let random = Random::seeded(3);
        for _ in 0..100 {
            let passphrase = generate_passphrase(&random);
            let groups: Vec<&str> = passphrase.split('-').collect();
            assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [4; 5]);
            assert!(!passphrase.contains(['l', 'o', '0', '1']), "{passphrase}");
        }
    }
}
