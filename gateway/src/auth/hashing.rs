//! Slow hashes, on threads of their own: few, of low priority, each with one block of memory that it
//! keeps, and two short queues before them: who has asked in vain again and again waits until nobody
//! else does.
//!
//! Whoever sends wrong secrets decides how many hashes are asked for. He must not decide what the
//! process spends: on the runtime's blocking threads each hash took, and left behind, 19 MiB of
//! whichever thread it ran on, and competed with the requests for the cores.

use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::oneshot;

/// Threads at most, also where there are more cores: each keeps 19 MiB, and three stay below
/// 64 MiB. They check some 70 secrets a second; 12,900 health facilities that renew a token every
/// ten minutes, none of them remembered, are 22.
const THREADS_MAX: usize = 3;
/// Checks that may wait in each queue. Each takes about 40 ms of a core, so the last one waits about a second
/// where one thread works and the cores are idle.
const QUEUE_MAX: usize = 32;
/// How much a thread gives way (nice(2)): where a request and a hash want the same core, about a
/// tenth of it is the hash's.
const NICE: i32 = 10;

/// The threads, as long as this is held.
#[derive(Debug)]
pub(super) struct Hashing(Arc<Queues>);

/// Where a check waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Before the others.
    First,
    /// When nobody else waits.
    Last,
}

#[derive(Debug, Default)]
struct Queues {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    first: VecDeque<Check>,
    last: VecDeque<Check>,
    /// Nobody can ask any more.
    is_over: bool,
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
        let hashing = Self(Arc::default());
        for _ in 0..(cores / 2).clamp(1, THREADS_MAX) {
            let queues = Arc::clone(&hashing.0);
            thread::Builder::new().name("secrets".to_owned()).spawn(move || work(&queues))?;
        }
        Ok(hashing)
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
        turn: Turn,
    ) -> Result<Option<usize>, QueueFull> {
        let (found, answer) = oneshot::channel();
        self.0.put(Check { hashes, secret: secret.to_owned(), found }, turn)?;
        // A thread that is gone has hashed nothing: nobody knows.
        answer.await.map_err(|_| QueueFull)
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_all();
    }
}

impl Queues {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, check: Check, turn: Turn) -> Result<(), QueueFull> {
        let mut waiting = self.lock();
        let queue = match turn {
            Turn::First => &mut waiting.first,
            Turn::Last => &mut waiting.last,
        };
        if queue.len() >= QUEUE_MAX {
            return Err(QueueFull);
        }
        queue.push_back(check);
        self.changed.notify_one();
        Ok(())
    }

    /// The next check; nothing once nobody can ask.
    fn next(&self) -> Option<Check> {
        let mut waiting = self.lock();
        loop {
            if waiting.is_over {
                return None;
            }
            if let Some(check) = waiting.first.pop_front().or_else(|| waiting.last.pop_front()) {
                return Some(check);
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Works until nobody can ask any more.
fn work(queues: &Queues) {
    if let Err(error) = rustix::process::nice(NICE) {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "hashes of secrets do not give way to requests");
    }
    let mut memory = Vec::new();
    while let Some(check) = queues.next() {
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
        let asked = (0..QUEUE_MAX * 4).map(|_| hashing.find(vec![hash.clone()], "a", Turn::First));
        let answers = futures_util::future::join_all(asked).await;
        let served = answers.iter().filter(|answer| **answer == Ok(Some(0))).count();
        assert!((QUEUE_MAX..QUEUE_MAX * 2).contains(&served), "{served}");
        assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 4 * QUEUE_MAX - served);
    }

    /// Nobody works: what is taken out is what was put in.
    #[test]
    fn who_asked_in_vain_waits_for_the_others_and_takes_no_room_from_them() {
        let queues = Queues::default();
        let put = |secret: &str, turn| {
            let (found, _) = oneshot::channel();
            queues.put(Check { hashes: Vec::new(), secret: secret.to_owned(), found }, turn)
        };
        for _ in 0..QUEUE_MAX {
            assert_eq!(put("last", Turn::Last), Ok(()));
        }
        assert_eq!(put("last", Turn::Last), Err(QueueFull));
        assert_eq!((put("first", Turn::First), put("second", Turn::First)), (Ok(()), Ok(())));
        let secret = || queues.next().unwrap().secret;
        assert_eq!([secret(), secret(), secret()], ["first", "second", "last"]);
    }
}
