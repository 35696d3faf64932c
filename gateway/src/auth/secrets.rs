//! Client secrets: hashed slowly with argon2id, remembered briefly so that renewing tokens is cheap.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::hashing::{Hashing, QueueFull, Turn};
use crate::clock::{Clock, Micros, Random};
use crate::request::ClientId;
use crate::store::SecretRow;

/// A verified secret is known again for this long after its last use.
const REMEMBERED_SECONDS: i64 = 30 * 60;
/// Remembered secrets at most; 12,900 health facilities fit several times.
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

/// Secrets that were right a short while ago, by fingerprint.
#[derive(Debug, Default)]
struct Memory {
    known: HashMap<[u8; 32], Remembered>,
    /// Counts uses, to tell which was last.
    uses: u64,
}

#[derive(Debug)]
struct Remembered {
    client_id: ClientId,
    until: Micros,
    last_use: u64,
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
    remembered: Mutex<Memory>,
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

    /// Forgets which secrets were right, of clients that are not meant any more: they would take the
    /// room of others.
    pub fn forget(&self, is_meant: impl Fn(&ClientId) -> bool) {
        let mut memory = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        memory.known.retain(|_, remembered| is_meant(&remembered.client_id));
    }

    /// Number of clients that have a secret.
    pub fn known(&self) -> usize {
        self.hashes.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether `secret` is a secret of `client_id`. Unknown clients take as long as wrong secrets.
    /// `turn` is asked for where it has to be hashed.
    pub async fn check(
        &self,
        client_id: &ClientId,
        secret: &str,
        turn: impl FnOnce() -> Turn,
    ) -> SecretCheck {
        let hashes = self.hashes_of(client_id);
        let now = self.clock.now();
        let is_remembered = |hash: &&String| self.is_remembered(client_id, secret, hash, now);
        if let Some(hash) = hashes.iter().find(is_remembered) {
            return SecretCheck::Right(hash.clone());
        }
        // Two checks always: a client in rotation must not be told from one that is not.
        let mut candidates = hashes;
        candidates.resize(2, self.nobodys_hash.clone());
        let found = match self.hashing.find(candidates.clone(), secret, turn()).await {
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
        let now = self.clock.now();
        let fingerprint = self.fingerprint(client_id, secret, hash);
        let mut memory = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        memory.make_room(now);
        memory.uses += 1;
        let until = now.plus_seconds(REMEMBERED_SECONDS);
        let remembered = Remembered { client_id: client_id.clone(), until, last_use: memory.uses };
        memory.known.insert(fingerprint, remembered);
    }

    fn hashes_of(&self, client_id: &ClientId) -> Vec<String> {
        let hashes = self.hashes.read().unwrap_or_else(PoisonError::into_inner);
        hashes.get(client_id).cloned().unwrap_or_default()
    }

    fn is_remembered(&self, client_id: &ClientId, secret: &str, hash: &str, now: Micros) -> bool {
        let fingerprint = self.fingerprint(client_id, secret, hash);
        let mut memory = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        memory.uses += 1;
        let uses = memory.uses;
        match memory.known.get_mut(&fingerprint) {
            Some(remembered) if remembered.until > now => {
                remembered.until = now.plus_seconds(REMEMBERED_SECONDS);
                remembered.last_use = uses;
                true
            }
            Some(_) => {
                memory.known.remove(&fingerprint);
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

impl Memory {
    /// Full: what is out of date goes, and where that is nothing, the quarter that was not used for
    /// longest. If all went, all clients would be hashed again at once.
    fn make_room(&mut self, now: Micros) {
        if self.known.len() < REMEMBERED_MAX {
            return;
        }
        self.known.retain(|_, remembered| remembered.until > now);
        if self.known.len() < REMEMBERED_MAX {
            return;
        }
        let mut uses: Vec<u64> = self.known.values().map(|known| known.last_use).collect();
        let (_, last_to_go, _) = uses.select_nth_unstable(REMEMBERED_MAX / 4);
        let last_to_go = *last_to_go;
        self.known.retain(|_, remembered| remembered.last_use > last_to_go);
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
        let check = async |secret| secrets.check(&client, secret, || Turn::First).await;
        assert_eq!(check("a").await, SecretCheck::Wrong);
        secrets.replace(&[row("c", 1, "a"), row("c", 2, "b")]);
        assert!(matches!(check("a").await, SecretCheck::Right(_)));
        assert!(matches!(check("b").await, SecretCheck::Right(_)));
        assert_eq!(check(NOBODYS_SECRET).await, SecretCheck::Wrong);
        secrets.replace(&[row("c", 1, "c")]);
        assert_eq!(check("a").await, SecretCheck::Wrong);
    }

    #[test]
    fn a_full_memory_forgets_what_was_not_used_for_longest_and_no_more() {
        let (clock, hand) = Clock::manual(Micros(0));
        let secrets = Secrets::new(clock.clone(), &Random::seeded(1)).unwrap();
        let client = |number: usize| ClientId::parse(&format!("c{number}")).unwrap();
        let knows = |number| secrets.is_remembered(&client(number), "s", "h", clock.now());
        let held = || secrets.remembered.lock().unwrap().known.len();
        for number in 0..REMEMBERED_MAX {
            secrets.remember(&client(number), "s", "h");
        }
        assert!(knows(0), "used just now");
        secrets.remember(&client(REMEMBERED_MAX), "s", "h");
        assert_eq!(held(), REMEMBERED_MAX * 3 / 4);
        assert!(knows(0) && knows(REMEMBERED_MAX) && knows(REMEMBERED_MAX - 1));
        assert!(!knows(1) && !knows(REMEMBERED_MAX / 4));
        secrets.forget(|id| *id == client(0));
        assert_eq!((held(), knows(0)), (1, true));
        hand.advance(REMEMBERED_SECONDS * 1_000_000);
        assert!(!knows(0));
    }
}
