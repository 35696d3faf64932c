//! One committed entry, read back with the receipt it was answered with.

use std::sync::Arc;

use super::entry::LogEntry;
use super::recovery::split_bundle;
use super::tree;
use super::writer::Receipt;
use crate::store::{Store, StoreError};

/// The entry at `index` of a log; none where the log does not reach so far, or where the entry was
/// dropped. What the store holds is committed, so its receipt is as good as the first one.
pub async fn read_entry(
    store: &Store,
    log: &str,
    index: u64,
) -> Result<Option<(LogEntry, Receipt)>, StoreError> {
    let inconsistent =
        || StoreError::Inconsistent { table: "log_bundles", row: format!("{log}/{index}") };
    let bundles = store.bundles_from(log, index as i64, 1).await?;
    let Some(bundle) = bundles.first() else { return Ok(None) };
    let Some(place) = index.checked_sub(bundle.first_index as u64) else { return Ok(None) };
    let entries = split_bundle(&bundle.entries).ok_or_else(inconsistent)?;
    let Some(bytes) = entries.get(place as usize) else { return Ok(None) };
    let entry = LogEntry::decode(bytes).map_err(|_| inconsistent())?;
    let receipt = Receipt::of_committed(Arc::from(log), index, tree::leaf_hash(bytes));
    Ok(Some((entry, receipt)))
}
