//! Client secrets: hashed slowly with argon2id, remembered briefly so that renewing tokens is cheap.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::hashing::{Hashing, QueueFull};
use crate::clock::{Clock, Micros, Random};
use crate::request::ClientId;
use crate::store::SecretRow;

/// A verified secret is known again for this long after its last use.
const REMEMBERED_SECONDS: i64 = 30 * 60;
/// Remembered secrets at most; 12,900 health facilities fit several times. Full: the oldest go.
const REMEMBERED_MAX: usize = 65_536;
/// Hash of nothing anybody has: checked for unknown clients, so that they take the same time.
const NOBODYS_SECRET: &str = "nobody has this secret";

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretCheck {
    /// It is the client's secret, the one with this hash.
    Right(String),
    /// It is not, or there is no such client.
    Wrong,
    /// Too many checks are waiting.
    Overloaded,
}

/// Why secrets cannot be checked on this machine.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// Hashing does not work.
    #[error("no hash is made: {0}")]
    Hash(argon2::password_hash::Error),
    /// The threads that hash do not start.
    #[error("a thread does not start")]
    Thread(#[source] std::io::Error),
}

/// Knows the hashes of all clients' secrets.
#[derive(Debug)]
pub struct Secrets {
    hashes: RwLock<HashMap<ClientId, Vec<String>>>,
    remembered: Mutex<HashMap<[u8; 32], Micros>>,
    boot_key: hmac::Key,
    hashing: Hashing,
    nobodys_hash: String,
    clock: Clock,
}

impl Secrets {
    /// Starts with no secret known.
    ///
    /// # Errors
    /// If hashing does not work on this machine.
    pub fn new(clock: Clock, random: &Random) -> Result<Self, SecretsError> {
        Ok(Self {
            hashes: RwLock::default(),
            remembered: Mutex::default(),
            boot_key: hmac::Key::new(hmac::HMAC_SHA256, &random.bytes::<32>()),
            hashing: Hashing::start().map_err(SecretsError::Thread)?,
            nobodys_hash: hash_secret(NOBODYS_SECRET).map_err(SecretsError::Hash)?,
            clock,
        })
    }

    /// Replaces the known hashes. Whatever changed is forgotten, because what is remembered is
    /// bound to the hash it was checked against.
    pub fn replace(&self, rows: &[SecretRow]) {
        let mut hashes: HashMap<ClientId, Vec<String>> = HashMap::new();
        for row in rows {
            if let Ok(client_id) = ClientId::parse(&row.client_id) {
                hashes.entry(client_id).or_default().push(row.hash.clone());
            }
        }
        *self.hashes.write().unwrap_or_else(PoisonError::into_inner) = hashes;
    }

    /// Number of clients that have a secret.
    pub fn known(&self) -> usize {
        self.hashes.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether `secret` is a secret of `client_id`. Unknown clients take as long as wrong secrets.
    pub async fn check(&self, client_id: &ClientId, secret: &str) -> SecretCheck {
        let hashes = self.hashes_of(client_id);
        let now = self.clock.now();
        let is_remembered = |hash: &&String| self.is_remembered(client_id, secret, hash, now);
        if let Some(hash) = hashes.iter().find(is_remembered) {
            return SecretCheck::Right(hash.clone());
        }
        // Two checks always: a client in rotation must not be told from one that is not.
        let mut candidates = hashes;
        candidates.resize(2, self.nobodys_hash.clone());
        let found = match self.hashing.find(candidates.clone(), secret).await {
            Ok(found) => found.map(|index| candidates.swap_remove(index)),
            Err(QueueFull) => return SecretCheck::Overloaded,
        };
        match found {
            Some(hash) if hash != self.nobodys_hash => {
                self.remember(client_id, secret, &hash);
                SecretCheck::Right(hash)
            }
            Some(_) | None => SecretCheck::Wrong,
        }
    }

    /// Counts a secret that was hashed just now, by us, as verified.
    pub fn remember(&self, client_id: &ClientId, secret: &str, hash: &str) {
        let until = self.clock.now().plus_seconds(REMEMBERED_SECONDS);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            let now = self.clock.now();
            remembered.retain(|_, until| *until > now);
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
        }
        remembered.insert(self.fingerprint(client_id, secret, hash), until);
    }

    fn hashes_of(&self, client_id: &ClientId) -> Vec<String> {
        let hashes = self.hashes.read().unwrap_or_else(PoisonError::into_inner);
        hashes.get(client_id).cloned().unwrap_or_default()
    }

    fn is_remembered(&self, client_id: &ClientId, secret: &str, hash: &str, now: Micros) -> bool {
        let fingerprint = self.fingerprint(client_id, secret, hash);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        match remembered.get_mut(&fingerprint) {
            Some(until) if *until > now => {
                *until = now.plus_seconds(REMEMBERED_SECONDS);
                true
            }
            Some(_) => {
                remembered.remove(&fingerprint);
                false
            }
            None => false,
        }
    }

    fn fingerprint(&self, client_id: &ClientId, secret: &str, hash: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.boot_key);
        for part in [client_id.as_str(), secret, hash] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.sign().as_ref());
        fingerprint
    }
}

/// Hashes a secret with argon2id and a salt of its own, PHC form. Takes about 20 ms of a core.
pub fn hash_secret(secret: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(secret.as_bytes())?.to_string())
}

/// A new secret: 32 random bytes, `[A-Za-z0-9_-]`.
pub fn generate_secret(random: &Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(client_id: &str, slot: i64, secret: &str) -> SecretRow {
        SecretRow { client_id: client_id.into(), slot, hash: hash_secret(secret).unwrap() }
    }

    #[tokio::test]
    async fn either_secret_is_right_and_a_replaced_one_is_forgotten() {
        let (clock, _hand) = Clock::manual(Micros(0));
        let secrets = Secrets::new(clock, &Random::seeded(1)).unwrap();
        let client = ClientId::parse("c").unwrap();
        assert_eq!(secrets.check(&client, "a").await, SecretCheck::Wrong);
        secrets.replace(&[row("c", 1, "a"), row("c", 2, "b")]);
        assert!(matches!(secrets.check(&client, "a").await, SecretCheck::Right(_)));
        assert!(matches!(secrets.check(&client, "b").await, SecretCheck::Right(_)));
        assert_eq!(secrets.check(&client, NOBODYS_SECRET).await, SecretCheck::Wrong);
        secrets.replace(&[row("c", 1, "c")]);
        assert_eq!(secrets.check(&client, "a").await, SecretCheck::Wrong);
    }
}
