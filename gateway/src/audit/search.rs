//! Finds the entry of a request in a log that has no index: identities of requests begin with
//! their time, and entries lie in the order in which they were decided.

use std::ops::Range;

use super::entry::{AnswerId, EntryError, LogEntry, RequestId};
use super::recovery::split_bundle;
use super::verify::{BundleFault, VerifyError};
use crate::clock::Micros;
use crate::store::{BundleRow, Store};

/// The longest that a request can take from its head to its entry, in seconds: more than any
/// time-out that can be configured with sense.
const REQUEST_SECONDS: i64 = 60;
/// Entries decided at once may lie in another order, and a clock may be set back a little: where
/// the search begins is this much earlier, in seconds.
const DISORDER_SECONDS: i64 = 5;
/// Bundles read at once while the neighbourhood is searched.
const BUNDLES_PER_READ: i64 = 8;

/// The times in which the entries of a request can lie. Its identity tells when it came in (UUID
/// version 7), so that it needs no index of its own.
pub fn times_of_request(request_id: RequestId) -> Range<Micros> {
    let begun = request_id.time();
    let until = begun.plus_seconds(REQUEST_SECONDS + DISORDER_SECONDS);
    begun.plus_seconds(-DISORDER_SECONDS)..until
}

/// The index of an answer's entry in a log of `size` entries, or of the first one of a request of which
/// no item is named; `None` where the log holds none, or not any more.
pub async fn find_request(
    store: &Store,
    log: &str,
    size: u64,
    id: AnswerId,
) -> Result<Option<u64>, VerifyError> {
    let times = times_of_request(id.request_id);
    let is_meant = |found: AnswerId| {
        found.request_id == id.request_id && id.named_item().is_none_or(|item| item == found.item)
    };
    let first = first_index_after(store, log, size, times.start).await?;
    let mut next = first;
    while next < size {
        let bundles = store.bundles_from(log, next as i64, BUNDLES_PER_READ).await?;
        let before = next;
        for bundle in &bundles {
            let mut past = true;
            for (index, entry) in (bundle.first_index as u64..).zip(heads(log, bundle)?) {
                let (at, found) = entry.map_err(|source| unreadable(log, bundle, index, source))?;
                if is_meant(found) && times.contains(&at) && index < size {
                    return Ok(Some(index));
                }
                past &= at >= times.end;
            }
            if past {
                return Ok(None);
            }
            next = next.max((bundle.first_index + bundle.entries_count) as u64);
        }
        if next == before {
            return Ok(None);
        }
    }
    Ok(None)
}

/// An index from which on every entry is that was decided at `moment` or later, found by halving.
///
/// # Errors
/// If the log cannot be read.
pub async fn first_index_after(
    store: &Store,
    log: &str,
    size: u64,
    moment: Micros,
) -> Result<u64, VerifyError> {
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        let bundles = store.bundles_from(log, middle as i64, 1).await?;
        let Some(bundle) = bundles.first() else { break };
        let (first, end) =
            (bundle.first_index as u64, (bundle.first_index + bundle.entries_count) as u64);
        let last = heads(log, bundle)?.last();
        let last = last.transpose().map_err(|source| unreadable(log, bundle, end - 1, source))?;
        let is_before = last.is_none_or(|(at, _)| at < moment);
        if is_before {
            // What lies between two bundles was dropped.
            low = end.max(middle + 1);
        } else {
            high = first.min(middle);
        }
    }
    Ok(low)
}

/// Time and identity of every entry of a bundle.
fn heads(
    log: &str,
    bundle: &BundleRow,
) -> Result<impl Iterator<Item = Result<(Micros, AnswerId), EntryError>>, VerifyError> {
    let (first_index, fault) = (bundle.first_index, BundleFault::Form);
    let damaged = || VerifyError::Bundle { log: log.into(), first_index, fault };
    let entries = split_bundle(&bundle.entries).ok_or_else(damaged)?;
    Ok(entries.into_iter().map(LogEntry::decode_origin))
}

fn unreadable(log: &str, bundle: &BundleRow, index: u64, source: EntryError) -> VerifyError {
    let (log, first_index) = (log.into(), bundle.first_index as u64);
    VerifyError::Entry { log, index, first_index, fault: source.into() }
}
