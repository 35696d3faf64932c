//! Follows a log behind its writer, and lets the writer go first.
//!
//! The builder's transactions and the log's commits take turns at the database: a transaction is
//! kept to a few milliseconds, and after it the builder rests for several times as long as it took.

use std::time::Duration;

use super::ProjectionError;
use super::builder::{Builder, Step};
use crate::clock::Clock;
use crate::store::{Store, in_time};

/// How often a log without news is looked at.
const POLL: Duration = Duration::from_secs(1);
/// Rest after an error. What was not built is read from the log's tail until then.
const RETRY: Duration = Duration::from_secs(5);
/// A step that takes longer is given up: its server is gone.
const STEP_MAX: Duration = Duration::from_secs(30);
/// Time a transaction may take, in nanoseconds: what a request at the desk waits for at most.
const TRANSACTION_NANOS: u64 = 4_000_000;
/// Rest after a transaction, in times that it took: requests have the processor first, and what is
/// left behind at a peak is built after it.
const REST_FACTOR: u64 = 4;
/// Longest rest after a transaction: beyond it the database itself is slow.
const REST_NANOS_MAX: u64 = 200_000_000;
/// Entries of a transaction at least and at most.
const ENTRIES_MIN: usize = 64;
const ENTRIES_MAX: usize = 4_096;

/// Keeps the projections of one log up to date, a turn at a time.
#[derive(Debug)]
pub struct Follower {
    log: String,
    clock: Clock,
    builder: Option<Builder>,
    entries_max: usize,
    failing: bool,
}

impl Follower {
    /// Follows the log of this name.
    pub fn new(log: &str, clock: Clock) -> Self {
        let entries_max = ENTRIES_MIN;
        Self { log: log.to_owned(), clock, builder: None, entries_max, failing: false }
    }

    /// Does one step and says how long to rest before the next one. An error is told once, until
    /// a step succeeds again.
    pub async fn turn(&mut self, store: &Store) -> Duration {
        match in_time(STEP_MAX, self.step(store)).await {
            Ok(rest) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!(log = self.log, "the projections are built again");
                }
                rest
            }
            Err(error) => {
                // A new one begins at what is certain.
                self.builder = None;
                if !std::mem::replace(&mut self.failing, true) {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, log = self.log, "the projections could not be built");
                }
                RETRY
            }
        }
    }

    async fn step(&mut self, store: &Store) -> Result<Duration, ProjectionError> {
        let builder = match &mut self.builder {
            Some(builder) => builder,
            none => none.insert(Builder::open(store, &self.log).await?),
        };
        let started = self.clock.monotonic_nanos();
        let step = builder.step(store, self.entries_max).await?;
        let took = self.clock.monotonic_nanos() - started;
        Ok(match step {
            Step::Idle => POLL,
            Step::Read => Duration::ZERO,
            Step::Wrote => {
                self.adapt(took);
                Duration::from_nanos((took * REST_FACTOR).min(REST_NANOS_MAX))
            }
        })
    }

    fn adapt(&mut self, took: u64) {
        let entries = match took {
            ..2_000_000 => self.entries_max * 2,
            2_000_000..=TRANSACTION_NANOS => self.entries_max,
            _ => self.entries_max / 2,
        };
        self.entries_max = entries.clamp(ENTRIES_MIN, ENTRIES_MAX);
    }
}
