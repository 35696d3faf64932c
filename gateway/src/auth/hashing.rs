//! Slow hashes, on threads of their own: few, of low priority, each with one block of memory that it
//! keeps, and a short queue before them.
//!
//! Whoever sends wrong secrets decides how many hashes are asked for. He must not decide what the
//! process spends: on the runtime's blocking threads each hash took, and left behind, 19 MiB of
//! whichever thread it ran on, and competed with the requests for the cores.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::oneshot;

/// Threads at most, also where there are more cores: each keeps 19 MiB, and three stay below
/// 64 MiB. They check some 70 secrets a second; 12,900 health facilities that renew a token every
/// ten minutes, none of them remembered, are 22.
const THREADS_MAX: usize = 3;
/// Checks that may wait. Each takes about 40 ms of a core, so the last one waits about a second
/// where one thread works and the cores are idle.
const QUEUE_MAX: usize = 32;
/// How much a thread gives way (nice(2)): where a request and a hash want the same core, about a
/// tenth of it is the hash's.
const NICE: i32 = 10;

/// The threads, as long as this is held.
#[derive(Debug)]
pub(super) struct Hashing {
    queue: SyncSender<Check>,
}

/// Which of the hashes is of the secret, wanted by somebody who waits.
#[derive(Debug)]
struct Check {
    hashes: Vec<String>,
    secret: String,
    found: oneshot::Sender<Option<usize>>,
}

/// Too many checks are waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueueFull;

impl Hashing {
    /// Starts half as many threads as there are cores, at least one.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let (queue, waiting) = sync_channel(QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..(cores / 2).clamp(1, THREADS_MAX) {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().name("secrets".to_owned()).spawn(move || work(&waiting))?;
        }
        Ok(Self { queue })
    }

    /// The first of `hashes` that is of `secret`. All are tried whichever it is: the time tells
    /// how many there are and nothing else.
    ///
    /// # Errors
    /// [`QueueFull`], at once.
    pub(super) async fn find(
        &self,
        hashes: Vec<String>,
        secret: &str,
    ) -> Result<Option<usize>, QueueFull> {
        let (found, answer) = oneshot::channel();
        let check = Check { hashes, secret: secret.to_owned(), found };
        self.queue.try_send(check).map_err(|_| QueueFull)?;
        // A thread that is gone has hashed nothing: nobody knows.
        answer.await.map_err(|_| QueueFull)
    }
}

/// Works until nobody can ask any more.
fn work(waiting: &Mutex<Receiver<Check>>) {
    if let Err(error) = rustix::process::nice(NICE) {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "hashes of secrets do not give way to requests");
    }
    let mut memory = Vec::new();
    while let Some(check) = next(waiting) {
        // Who has hung up costs nothing more.
        if check.found.is_closed() {
            continue;
        }
        let Check { hashes, secret, found } = check;
        let is_right: Vec<bool> =
            hashes.iter().map(|hash| is_of(&mut memory, hash, &secret)).collect();
        let _nobody_waits = found.send(is_right.iter().position(|&right| right));
    }
}

/// The next check, by one thread at a time; nothing once nobody can ask.
fn next(waiting: &Mutex<Receiver<Check>>) -> Option<Check> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn is_of(memory: &mut Vec<Block>, hash: &str, secret: &str) -> bool {
    verify(memory, hash, secret).unwrap_or(false)
}

/// Hashes a secret again as a hash says, in memory that was used before: argon2 writes each block
/// before it reads it. Nothing for what is no hash of ours, as one of more memory is.
fn verify(memory: &mut Vec<Block>, hash: &str, secret: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let params = Params::try_from(&hash).ok()?;
    if params.m_cost() > Params::DEFAULT_M_COST {
        return None;
    }
    if memory.len() < params.block_count() {
        memory.resize(params.block_count(), Block::new());
    }
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let mut computed = [0; Output::MAX_LENGTH];
    let computed = computed.get_mut(..expected.len())?;
    Argon2::new(algorithm, version, params)
        .hash_password_into_with_memory(secret.as_bytes(), salt, computed, memory)
        .ok()?;
    // Compared in constant time.
    Some(Output::new(computed).ok()? == *expected)
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;
    use crate::auth::hash_secret;

    #[test]
    fn used_memory_changes_no_answer() {
        let hashes = ["a", "b"].map(|secret| hash_secret(secret).unwrap());
        let mut memory = Vec::new();
        for secret in ["a", "b", "c", "a"] {
            let right = hashes.each_ref().map(|hash| is_of(&mut memory, hash, secret));
            assert_eq!(right, [secret == "a", secret == "b"]);
        }
        assert_eq!(memory.len(), Params::default().block_count());
    }

    #[test]
    fn what_is_no_hash_of_ours_is_nobodys() {
        let params = Params::new(Params::DEFAULT_M_COST * 2, 1, 1, None).unwrap();
        let costly = Argon2::from(params).hash_password(b"a").unwrap().to_string();
        let mut memory = Vec::new();
        for hash in ["", "a", "$argon2id$v=19$m=8,t=1,p=1", &costly] {
            assert!(!is_of(&mut memory, hash, "a"), "{hash}");
        }
        assert!(memory.is_empty());
    }

    #[tokio::test]
    async fn who_does_not_fit_into_the_queue_is_refused_at_once() {
        let hash = hash_secret("a").unwrap();
        let hashing = Hashing::start().unwrap();
        let asked = (0..QUEUE_MAX * 4).map(|_| hashing.find(vec![hash.clone()], "a"));
        let answers = futures_util::future::join_all(asked).await;
        let served = answers.iter().filter(|answer| **answer == Ok(Some(0))).count();
        assert!((QUEUE_MAX..QUEUE_MAX * 2).contains(&served), "{served}");
        assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 4 * QUEUE_MAX - served);
    }
}
