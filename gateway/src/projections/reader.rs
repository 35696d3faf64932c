//! Reads entries out of their bundles: a range, one by its index, or backwards from the end.
//!
//! An entry whose day was dropped is not there, and nobody's mistake.

use std::collections::BTreeSet;
use std::ops::Range;

use super::ProjectionError;
use crate::audit::{LogEntry, Quarter, split_bundle};
use crate::clock::Micros;
use crate::store::{BundleRow, Store, StoreError};

/// Entries looked at between two questions to the store.
const ENTRIES_PER_READ: i64 = 4_096;

/// Number of entries in a log.
pub(super) async fn log_size(store: &Store, log: &str) -> Result<i64, ProjectionError> {
    let checkpoint = store.checkpoint(log).await?;
    Ok(checkpoint.ok_or_else(|| ProjectionError::NoSuchLog { log: log.into() })?.tree_size)
}

/// The entries of `from..until` that are there, with their indexes.
pub(super) async fn entries_within(
    store: &Store,
    log: &str,
    from: i64,
    until: i64,
) -> Result<Vec<(i64, LogEntry)>, ProjectionError> {
    let mut entries = Vec::new();
    for bundle in store.bundles_within(log, from, until).await? {
        for (index, bytes) in (bundle.first_index..).zip(split(log, &bundle)?) {
            if (from..until).contains(&index) {
                entries.push((index, decode(log, index, bytes)?));
            }
        }
    }
    Ok(entries)
}

/// The quarter of the entry at an index, if it is there.
pub(super) async fn quarter_at(
    store: &Store,
    log: &str,
    index: i64,
) -> Result<Option<Quarter>, ProjectionError> {
    Ok(quarters_within(store, log, index, index + 1).await?.into_iter().next())
}

/// The quarters of the entries of `from..until` that are there, by their heads alone.
pub(super) async fn quarters_within(
    store: &Store,
    log: &str,
    from: i64,
    until: i64,
) -> Result<BTreeSet<Quarter>, ProjectionError> {
    let (mut quarters, mut next) = (BTreeSet::new(), from);
    while next < until {
        let end = until.min(next + ENTRIES_PER_READ);
        for bundle in store.bundles_within(log, next, end).await? {
            for (index, bytes) in (bundle.first_index..).zip(split(log, &bundle)?) {
                if (next..end).contains(&index) {
                    quarters.insert(Quarter::of(at(log, index, bytes)?));
                }
            }
        }
        next = end;
    }
    Ok(quarters)
}

/// A bundle and where its entries lie in it.
#[derive(Debug)]
pub(super) struct OpenBundle {
    row: BundleRow,
    places: Vec<Range<usize>>,
}

impl OpenBundle {
    fn of(log: &str, row: BundleRow) -> Result<Self, ProjectionError> {
        let start = row.entries.as_ptr() as usize;
        let places = split(log, &row)?
            .into_iter()
            .map(|entry| {
                let from = entry.as_ptr() as usize - start;
                from..from + entry.len()
            })
            .collect();
        Ok(Self { row, places })
    }

    /// The last bundle that begins at or before an index.
    pub(super) async fn at_or_before(
        store: &Store,
        log: &str,
        index: i64,
    ) -> Result<Option<Self>, ProjectionError> {
        let row = store.bundle_at_or_before(log, index).await?;
        row.map(|row| Self::of(log, row)).transpose()
    }

    /// Indexes of its entries.
    pub(super) fn indexes(&self) -> Range<i64> {
        self.row.first_index..self.row.first_index + self.places.len() as i64
    }

    /// The entry at `index`, if it is there and its bytes pass `worthwhile`, which is asked before
    /// they are taken apart.
    pub(super) fn find(
        &self,
        log: &str,
        index: i64,
        worthwhile: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<LogEntry>, ProjectionError> {
        let place = usize::try_from(index - self.row.first_index).ok();
        let place = place.and_then(|place| self.places.get(place).cloned());
        match place.map(|place| &self.row.entries[place]) {
            Some(bytes) if worthwhile(bytes) => decode(log, index, bytes).map(Some),
            Some(_) | None => Ok(None),
        }
    }
}

/// What lies below an index.
#[derive(Debug)]
pub(super) enum Below {
    /// A bundle.
    Bundle(OpenBundle),
    /// Nothing down to this index: the days of these entries were dropped.
    Nothing(i64),
}

/// Goes backwards through the bundles of a log. Where nobody waits for the next commit, a bundle has
/// one entry, so that many are read at once.
#[derive(Debug, Default)]
pub(super) struct Backwards {
    /// What was read and not gone through, the newest last.
    read: Vec<BundleRow>,
}

impl Backwards {
    /// The last bundle that holds entries of `from..below`, which falls from call to call; it may
    /// begin before `from`.
    pub(super) async fn next(
        &mut self,
        store: &Store,
        log: &str,
        from: i64,
        below: i64,
    ) -> Result<Below, ProjectionError> {
        let from = from.max(below - ENTRIES_PER_READ);
        if self.is_empty() {
            self.read = store.bundles_within(log, from, below).await?;
        }
        match self.read.pop() {
            Some(row) => OpenBundle::of(log, row).map(Below::Bundle),
            None => Ok(Below::Nothing(from)),
        }
    }

    /// Whether the next bundle must be asked of the store.
    pub(super) fn is_empty(&self) -> bool {
        self.read.is_empty()
    }
}

fn split<'b>(log: &str, bundle: &'b BundleRow) -> Result<Vec<&'b [u8]>, StoreError> {
    split_bundle(&bundle.entries).ok_or_else(|| StoreError::Inconsistent {
        table: "log_bundles",
        row: format!("{log}, {}", bundle.first_index),
    })
}

fn decode(log: &str, index: i64, bytes: &[u8]) -> Result<LogEntry, ProjectionError> {
    LogEntry::decode(bytes).map_err(|source| ProjectionError::Entry {
        log: log.into(),
        index,
        source,
    })
}

fn at(log: &str, index: i64, bytes: &[u8]) -> Result<Micros, ProjectionError> {
    let at = LogEntry::decode_at(bytes);
    at.map_err(|source| ProjectionError::Entry { log: log.into(), index, source })
}

/// Whether an entry lies in these times and is of this request, by its head alone: bytes 2 to 9 are
/// its time, 10 to 25 its request. Bytes without a head are left to be taken apart and refused.
pub(super) fn head_is(bytes: &[u8], times: &Range<i64>, request_id: Option<[u8; 16]>) -> bool {
    let Some(head) = bytes.first_chunk::<26>() else { return true };
    let mut at = [0; 8];
    at.copy_from_slice(&head[2..10]);
    times.contains(&i64::from_be_bytes(at)) && request_id.is_none_or(|id| id == head[10..])
}
