//! Days that were dropped, as the log itself tells them: a row beside the log counts only if the
//! totals that it holds stand in the tree.

use std::ops::Range;

use aws_lc_rs::digest::{Context, SHA256};

use super::checkpoint::Checkpoint;
use super::entry::{LogEntry, Totals};
use super::proof::verify_inclusion;
use super::tiles::Tiles;
use super::tree;
use super::verify::VerifyError;
use crate::clock::date_of_day;
use crate::store::{CheckpointRow, DroppedRow, Store, StoreError};

/// Outcome of a key of the outcome cube by day: `o|d|period|client|on behalf of|operation|purpose|
/// outcome|status`.
const OUTCOME_FIELD: usize = 7;

/// Ranges of entries that may be absent, because it was declared that they were dropped: the tree
/// over them is known from its tiles. Only whole bundles are dropped, and none after the last
/// full tile, whose hashes nothing else keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DroppedRanges(Vec<Range<u64>>);

impl DroppedRanges {
    /// Takes ranges in any order; those that touch each other become one.
    fn new(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().collect();
        ranges.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                Some(_) | None => merged.push(range),
            }
        }
        Self(merged)
    }

    /// Whether every entry of the range may be absent.
    pub(super) fn cover(&self, entries: &Range<u64>) -> bool {
        self.0.iter().any(|range| range.start <= entries.start && entries.end <= range.end)
    }
}

/// The totals of the days of a log that were dropped, whose entries may be absent.
///
/// # Errors
/// [`VerifyError::Dropped`] for a day whose totals are not in the tree.
pub(super) async fn dropped_days(store: &Store, log: &str) -> Result<Vec<Totals>, VerifyError> {
    let (mut days, tiles) = (Vec::new(), Tiles::new(store.clone()));
    // Before the checkpoint, which then covers the totals of each.
    let rows = store.dropped_days(log).await?;
    let Some(checkpoint) = store.checkpoint(log).await? else { return Ok(days) };
    for row in rows {
        let (Some(totals_index), Some(bytes)) = (row.totals_index, &row.totals) else { continue };
        let totals = match LogEntry::decode(bytes) {
            Ok(LogEntry::Totals(totals)) if fits(&totals, &row) => Some(totals),
            _ => None,
        };
        let no_totals = || VerifyError::Dropped { log: log.into(), day: row.day };
        let totals = totals.ok_or_else(no_totals)?;
        if !is_in_tree(&tiles, &checkpoint, totals_index, bytes).await? {
            return Err(no_totals());
        }
        days.push(totals);
    }
    Ok(days)
}

/// The ranges of entries that may be absent from a log.
pub(super) async fn dropped_ranges(store: &Store, log: &str) -> Result<DroppedRanges, VerifyError> {
    let days = dropped_days(store, log).await?;
    let range = |day: &Totals| day.first_index..day.end_index;
    Ok(DroppedRanges::new(days.iter().map(range)))
}

fn fits(totals: &Totals, row: &DroppedRow) -> bool {
    i64::from(totals.day) == row.day
        && totals.first_index as i64 == row.first_index
        && totals.end_index as i64 == row.end_index
}

/// Whether these bytes are the entry at `index`, by its proof against the root of the checkpoint: a
/// tile could be changed together with the row.
async fn is_in_tree(
    tiles: &Tiles,
    row: &CheckpointRow,
    index: i64,
    bytes: &[u8],
) -> Result<bool, VerifyError> {
    let checkpoint = Checkpoint::read_unverified(&row.note);
    let Some(checkpoint) = checkpoint.filter(|checkpoint| (index as u64) < checkpoint.size) else {
        return Ok(false);
    };
    let Checkpoint { size, root, .. } = checkpoint;
    // A tree that cannot be read proves nothing.
    let path = tiles.inclusion(&row.log, index as u64, size).await;
    let Ok(Some(path)) = path else { return Ok(false) };
    Ok(verify_inclusion(&tree::leaf_hash(bytes), index as u64, size, &path, &root))
}

/// The days whose counters the totals of a dropped day sum up, as they stand in keys: the day
/// itself, and the day before if it has no totals of its own. Its last requests may have been
/// committed after midnight, in a bundle of the next day.
pub(super) fn summed_days(day: i64, is_dropped: impl Fn(i64) -> bool) -> Vec<String> {
    let days = if is_dropped(day - 1) { vec![day] } else { vec![day - 1, day] };
    days.into_iter().map(|day| date_of_day(day).strftime("%Y%m%d").to_string()).collect()
}

/// The counters of days and their hours, in the order of their keys' bytes.
pub(super) async fn day_counters(
    store: &Store,
    log: &str,
    days: &[String],
) -> Result<Vec<(String, i64)>, StoreError> {
    let mut rows = Vec::new();
    for day in days {
        // A cube is one letter; which ones there are is for those who count.
        for cube in 'a'..='z' {
            let (from, until) = (format!("{cube}|d|{day}|"), format!("{cube}|d|{day}}}"));
            rows.extend(store.counters_between(log, &from, &until).await?);
            let (from, until) = (format!("{cube}|h|{day}00|"), format!("{cube}|h|{day}23}}"));
            rows.extend(store.counters_between(log, &from, &until).await?);
        }
    }
    rows.sort_unstable();
    Ok(rows)
}

/// Digest of a day's counters: of each its key, a space, its number and a line feed.
pub(super) fn digest(counters: &[(String, i64)]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for (key, n) in counters {
        context.update(format!("{key} {n}\n").as_bytes());
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Sum of an outcome over a day.
pub(super) fn sum_of(counters: &[(String, i64)], outcome: &str) -> u64 {
    let is_of =
        |key: &str| key.starts_with("o|d|") && key.split('|').nth(OUTCOME_FIELD) == Some(outcome);
    let sum: i64 = counters.iter().filter(|(key, _)| is_of(key)).map(|(_, n)| n).sum();
    sum as u64
}
