//! What came back, counted: latencies, errors by name, wrong verdicts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;

/// Longest latency that is told apart, in microseconds; longer ones count as this one.
const LATENCY_US_MAX: u64 = 120_000_000;

/// Wrong answers that are quoted; the rest is only counted.
const QUOTES_MAX: usize = 10;

/// Counts of one measured stretch.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Latencies in microseconds, of errors too.
    latency: Histogram<u64>,
    /// Answers that were right, or not looked at beyond their status.
    pub(crate) good: u64,
    /// Answers that said something false.
    pub(crate) wrong: u64,
    /// Requests without a usable answer, by status and code or by what broke.
    pub(crate) errors: BTreeMap<String, u64>,
    /// The first few wrong answers.
    pub(crate) quotes: Vec<String>,
}

/// How one request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a good answer.
    Good,
    /// With a false one.
    Wrong(String),
    /// With none that can be used; the name it is counted under.
    Error(String),
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            latency: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)
                .context("the histogram's bounds")?,
            good: 0,
            wrong: 0,
            errors: BTreeMap::new(),
            quotes: Vec::new(),
        })
    }

    /// Counts one request.
    pub(crate) fn record(&mut self, latency: Duration, ending: Ending) {
        self.latency.saturating_record(micros(latency));
        match ending {
            Ending::Good => self.good += 1,
            Ending::Wrong(what) => {
                self.wrong += 1;
                if self.quotes.len() < QUOTES_MAX {
                    self.quotes.push(what);
                }
            }
            Ending::Error(name) => *self.errors.entry(name).or_default() += 1,
        }
    }

    /// Requests that were answered with what was asked for, true or false.
    pub(crate) fn answered(&self) -> u64 {
        self.good + self.wrong
    }

    /// Requests that were not.
    pub(crate) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Latency below which this part of the requests ended, in milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(LATENCY_US_MAX)
}

/// A tally that all connections of one generator count into. They run on one thread, so the lock
/// is never waited for; a histogram per connection would push all others out of the cache.
#[derive(Debug, Clone)]
pub(crate) struct SharedTally(Arc<Mutex<Tally>>);

impl SharedTally {
    /// Nothing yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(Tally::new()?))))
    }

    /// Counts one request.
    pub(crate) fn record(&self, latency: Duration, ending: Ending) {
        self.lock().record(latency, ending);
    }

    /// What was counted; what is counted afterwards goes nowhere.
    pub(crate) fn take(&self) -> anyhow::Result<Tally> {
        Ok(std::mem::replace(&mut *self.lock(), Tally::new()?))
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        // Counts are whole after every statement; a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_counted_by_kind_and_errors_by_name() {
        let mut tally = Tally::new().unwrap();
        for ms in 1..=100 {
            tally.record(Duration::from_millis(ms), Ending::Good);
        }
        for _ in 0..20 {
            tally.record(Duration::from_millis(1), Ending::Wrong("name".into()));
        }
        tally.record(Duration::from_secs(999), Ending::Error("429 rate-limited".into()));
        assert_eq!((tally.answered(), tally.wrong, tally.failed()), (120, 20, 1));
        assert_eq!(tally.errors["429 rate-limited"], 1);
        assert_eq!(tally.quotes.len(), QUOTES_MAX);
        assert!((tally.latency_ms(0.5) - 41.0).abs() < 0.1, "{}", tally.latency_ms(0.5));
        assert!(tally.latency_ms(1.0) >= 119_000.0);
    }
}
