//! How long verifications took that somebody waited for, as reports have it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tally::Tally;

/// Of verifications, in milliseconds from the moment at which each was due.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) requests: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) wrong: u64,
}

impl Latency {
    /// Reads what was counted.
    pub(crate) fn of(tally: &Tally) -> Self {
        Self {
            requests: tally.answered() + tally.failed(),
            p50_ms: tally.latency_ms(0.5),
            p99_ms: tally.latency_ms(0.99),
            max_ms: tally.latency_ms(1.0),
            errors: tally.errors.clone(),
            wrong: tally.wrong,
        }
    }

    /// Those that were refused, lost or wrong.
    pub(crate) fn spoilt(&self) -> u64 {
        self.wrong + self.errors.values().sum::<u64>()
    }

    /// A row of a table.
    pub(crate) fn row(&self, name: &str) -> Vec<String> {
        let ms = [self.p50_ms, self.p99_ms, self.max_ms].map(|ms| format!("{ms:.2}"));
        let counts = [name.to_owned(), self.requests.to_string()];
        [&counts[..], &ms[..], &[self.spoilt().to_string()]].concat()
    }
}
