//! Counts a log again and compares with its counters.

use std::collections::{BTreeMap, BTreeSet};

use super::counters::Counts;
use super::entry::LogEntry;
use super::reader::EntryReader;
use super::verify::VerifyError;
use crate::store::Store;

/// How a recount differs from the counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    /// Name of the log.
    pub log: String,
    /// Entries counted.
    pub entries: u64,
    /// Counters compared.
    pub counters: usize,
    /// Keys whose counter is not what the entries give: key, counter, recounted.
    pub differences: Vec<(String, i64, i64)>,
}

/// Counts a log again from its entries and compares with the counters.
pub async fn recount(store: &Store, log: &str) -> Result<Recount, VerifyError> {
    let (row, stored) = store
        .counters_of_log(log)
        .await?
        .ok_or_else(|| VerifyError::NoSuchLog { log: log.into() })?;
    let mut counts = Counts::default();
    let mut entries = 0;
    let mut reader = EntryReader::new(store, log, row.tree_size as u64);
    while let Some(read) = reader.next().await? {
        for (index, bytes) in read {
            let entry =
                LogEntry::decode(&bytes).map_err(|error| reader.unreadable(index, error))?;
            // What the counters do not cover yet is counted from here by every report.
            if (index as i64) < row.counted_size {
                counts.add(&entry);
            }
            entries += 1;
        }
    }
    let (stored, recounted): (BTreeMap<_, _>, _) = (stored.into_iter().collect(), counts.by_key());
    let keys: BTreeSet<&String> = stored.keys().chain(recounted.keys()).collect();
    let of = |sums: &BTreeMap<String, i64>, key: &String| sums.get(key).copied().unwrap_or(0);
    let differences = keys
        .iter()
        .map(|&key| (key.clone(), of(&stored, key), of(&recounted, key)))
        .filter(|(_, counter, again)| counter != again)
        .collect();
    Ok(Recount { log: log.into(), entries, counters: keys.len(), differences })
}
