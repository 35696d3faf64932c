//! Counts a log again and compares with its counters.

use std::collections::{BTreeMap, BTreeSet};

use super::counters::Counts;
use super::dropped::{digest, dropped_days, summed_days};
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
    /// Keys whose counter is not what the entries give: key, counter, recounted. Of a dropped day
    /// whose counters are not those of its totals, the day.
    pub differences: Vec<(String, i64, i64)>,
}

/// Counts a log again from its entries and compares with the counters. Tells `progress` how many
/// were counted after every bundle.
///
/// A day may be dropped meanwhile that was not all counted when its counters were read. Its totals
/// tell of later counters then, and all is read once more: as often, at most, as days are dropped.
pub async fn recount(
    store: &Store,
    log: &str,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Recount, VerifyError> {
    let mut dropped_before = dropped_days(store, log).await?.len();
    loop {
        let (recount, dropped) = recount_once(store, log, progress).await?;
        if recount.differences.is_empty() || dropped == dropped_before {
            return Ok(recount);
        }
        dropped_before = dropped;
    }
}

/// Counts a log again, and says how many of its days were dropped in the end.
async fn recount_once(
    store: &Store,
    log: &str,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(Recount, usize), VerifyError> {
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
        progress(entries);
    }
    // Read after the entries: what is missing of a day that was dropped meanwhile, its totals say.
    let dropped = dropped_days(store, log).await?;
    let mut lost = Vec::new();
    for day in &dropped {
        let is_dropped = |day| dropped.iter().any(|other| i64::from(other.day) == day);
        let days = summed_days(day.day.into(), is_dropped);
        let mut rows: Vec<_> = days.iter().flat_map(|day| of_day(&stored, day)).collect();
        rows.sort_unstable();
        if digest(&rows) != day.counters {
            lost.push((format!("totals of {}", days.join(" and ")), 0, 1));
        }
        for day in &days {
            counts.replace_day(day, rows.iter().map(|(key, n)| (key.as_str(), *n)));
        }
    }
    let (stored, recounted): (BTreeMap<_, _>, _) =
        (stored.into_iter().collect(), counts.sums().into_map());
    let keys: BTreeSet<&String> = stored.keys().chain(recounted.keys()).collect();
    let of = |sums: &BTreeMap<String, i64>, key: &String| sums.get(key).copied().unwrap_or(0);
    let differences = keys
        .iter()
        .map(|&key| (key.clone(), of(&stored, key), of(&recounted, key)))
        .filter(|(_, counter, again)| counter != again)
        .chain(lost)
        .collect();
    let recount = Recount { log: log.into(), entries, counters: keys.len(), differences };
    Ok((recount, dropped.len()))
}

/// The counters of a day and its hours among those of a log.
fn of_day(stored: &[(String, i64)], digits: &str) -> Vec<(String, i64)> {
    let is_of = |key: &str| {
        let period = key.get(4..).unwrap_or_default();
        matches!(key.get(1..4), Some("|d|" | "|h|")) && period.starts_with(digits)
    };
    stored.iter().filter(|(key, _)| is_of(key)).cloned().collect()
}
