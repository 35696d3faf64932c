//! What never reaches the log: throttled and malformed requests, counted in memory and flushed
//! every ten seconds. A kill loses at most that much of them; a report says so.
//!
//! A key is `grain|period|client|operation|purpose|what`, as in the cubes but without hours.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::audit::{Grain, Sums};
use crate::clock::Micros;
use crate::request::{ClientId, Operation, Purpose};
use crate::store::{Store, StoreError, in_time};

/// Different keys held between two flushes; beyond it a purpose is counted as `-`, so that made-up
/// purposes of throttled requests cannot fill the memory.
const KEYS_MAX: usize = 10_000;

/// What a flush may take.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// What happened to a request before it was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Refused by a limit.
    Throttled,
    /// Not well formed.
    Malformed,
}

impl Edge {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Throttled, Self::Malformed];

    /// The one with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edge| edge.name() == name)
    }

    /// The name in keys and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Malformed => "malformed",
        }
    }
}

/// Counts by Vietnamese day, client, operation, purpose and what happened.
#[derive(Debug, Default)]
pub struct EdgeCounters {
    counts: Mutex<BTreeMap<String, i64>>,
}

impl EdgeCounters {
    /// Counts one request; without an operation where it asked about the caller itself.
    pub fn add(
        &self,
        at: Micros,
        client: &ClientId,
        operation: Option<Operation>,
        purpose: Option<&Purpose>,
        edge: Edge,
    ) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let purpose = purpose.filter(|_| counts.len() < KEYS_MAX).map_or("-", Purpose::as_str);
        let key = key(at, client, operation, purpose, edge);
        *counts.entry(key).or_default() += 1;
    }

    /// Writes what was counted to the store; on failure it is kept for the next time.
    pub async fn flush(&self, store: &Store, log: &str) -> Result<(), StoreError> {
        let counts =
            std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.is_empty() {
            return Ok(());
        }
        let sums = sums(&counts).to_json();
        let result = in_time(FLUSH_MAX, store.add_edge_counters(log, &sums)).await;
        if result.is_err() {
            let mut later = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, n) in counts {
                *later.entry(key).or_default() += n;
            }
        }
        result
    }

    /// What was counted since the last flush.
    pub(super) fn unflushed(&self) -> Vec<(String, i64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(key, n)| (key.clone(), *n)).collect()
    }
}

fn key(
    at: Micros,
    client: &ClientId,
    operation: Option<Operation>,
    purpose: &str,
    edge: Edge,
) -> String {
    let date = at.vietnamese_hour().date;
    format!(
        "d|{:04}{:02}{:02}|{client}|{}|{purpose}|{}",
        date.year(),
        date.month(),
        date.day(),
        operation.map_or("-", Operation::name),
        edge.name()
    )
}

/// The sums of every grain, from those of days.
fn sums(days: &BTreeMap<String, i64>) -> Sums {
    let mut sums = Sums::default();
    for (key, n) in days {
        // A key begins with `d|`, eight digits and `|`.
        sums.add(
            None,
            &[Grain::Day, Grain::Third, Grain::Month, Grain::Year],
            &key[2..10],
            &key[11..],
            *n,
        );
    }
    sums
}
