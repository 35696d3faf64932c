//! Committed entries by their indexes: their bytes, or one with the receipt it was answered with.

use std::sync::Arc;

use super::entry::LogEntry;
use super::recovery::split_bundle;
use super::tree::{self, TILE_WIDTH};
use super::writer::Receipt;
use crate::store::{Store, StoreError};

/// Bundles read at once at most. One is read first: it can hold thousands of entries.
const BUNDLES_PER_READ: i64 = 64;

/// The entry at `index` of a log; none where the log does not reach so far, or where the entry was
/// dropped. What the store holds is committed, so its receipt is as good as the first one.
pub async fn read_entry(
    store: &Store,
    log: &str,
    index: u64,
) -> Result<Option<(LogEntry, Receipt)>, StoreError> {
    let read = read_bytes(store, log, index, 1).await?;
    let Some(bytes) = read.and_then(|mut read| read.pop()) else { return Ok(None) };
    let entry = LogEntry::decode(&bytes).map_err(|_| inconsistent(log, index))?;
    let receipt = Receipt::of_committed(Arc::from(log), index, tree::leaf_hash(&bytes));
    Ok(Some((entry, receipt)))
}

/// The bytes of `count` entries from `first` on; `None` where not all of them are there: not yet, or
/// not any more.
pub(super) async fn read_bytes(
    store: &Store,
    log: &str,
    first: u64,
    count: usize,
) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
    let mut entries: Vec<Vec<u8>> = Vec::with_capacity(count.min(TILE_WIDTH));
    let mut limit = 1;
    while entries.len() < count {
        let next = first + entries.len() as u64;
        for bundle in store.bundles_from(log, next as i64, limit).await? {
            let wanted = first + entries.len() as u64;
            // One that begins later has a gap before it.
            let before = wanted.checked_sub(bundle.first_index as u64);
            let Some(before) = before else { return Ok(None) };
            let split = split_bundle(&bundle.entries).ok_or_else(|| inconsistent(log, wanted))?;
            let held = split.into_iter().skip(before as usize).take(count - entries.len());
            entries.extend(held.map(<[u8]>::to_vec));
            if entries.len() == count {
                break;
            }
        }
        if first + entries.len() as u64 == next {
            return Ok(None);
        }
        limit = (2 * limit).min(BUNDLES_PER_READ);
    }
    Ok(Some(entries))
}

fn inconsistent(log: &str, index: u64) -> StoreError {
    StoreError::Inconsistent { table: "log_bundles", row: format!("{log}/{index}") }
}
