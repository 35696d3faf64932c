//! Dropping whole days of a log: first their totals are in it, then their bundles go. The tiles
//! stay, and with them every proof.

use super::dropped::{day_counters, digest, sum_of, summed_days};
use super::entry::{LogEntry, RequestIds, Totals};
use super::recovery::split_bundle;
use super::tree::TILE_WIDTH;
use super::writer::{AuditLog, LogUnavailable};
use crate::clock::Clock;
use crate::matching::Outcome;
use crate::store::{BundlePlace, DroppedRow, PEOPLE, Store, StoreError};

/// Entries deleted at once, about: a commit of the log waits for them.
const ENTRIES_PER_DELETE: i64 = 20_000;
/// Bundles read at once while totals are looked for.
const BUNDLES_PER_READ: i64 = 64;

/// A day that can be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Droppable {
    /// Vietnamese day in days since 1970.
    pub day: i64,
    /// First index of its bundles.
    pub first_index: i64,
    /// The index after the last of them.
    pub end_index: i64,
}

/// Why a day was not dropped.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The totals could not be logged.
    #[error(transparent)]
    Log(#[from] LogUnavailable),
}

/// The days before `before` that can be dropped, the earliest first. A day can be once the day
/// after it has ended and both are counted, as they are by the first commit of a later day, so that
/// no entry of it is still on its way; once full tiles keep its hashes; and once the persons in its
/// entries have been counted.
pub async fn droppable(
    store: &Store,
    log: &str,
    before: i64,
    clock: &Clock,
) -> Result<Vec<Droppable>, StoreError> {
    let before = before.min(clock.now().vietnamese_day() - 1);
    let Some(row) = store.checkpoint(log).await? else { return Ok(Vec::new()) };
    let projections = store.projection_progress(log).await?;
    // It cannot count a person whose entry is gone. The search can wait: it finds no entry that was
    // dropped.
    let built = projections.into_iter().find(|projection| projection.name == PEOPLE);
    let in_tiles = row.tree_size - row.tree_size % TILE_WIDTH as i64;
    let limit = in_tiles.min(built.map_or(0, |built| built.next_index));
    let (mut days, mut place) = (Vec::new(), store.first_bundle(log).await?);
    while let Some(first) = place.filter(|first| first.day < before) {
        let next = first_after(store, log, first, first.day, row.tree_size).await?;
        let Some(next) = next.filter(|next| next.first_index <= limit) else { break };
        let closed = if next.day > first.day + 1 {
            Some(next)
        } else {
            first_after(store, log, next, first.day + 1, row.tree_size).await?
        };
        if closed.is_none_or(|closed| closed.first_index > row.counted_size) {
            break;
        }
        let (day, first_index) = (first.day, first.first_index);
        days.push(Droppable { day, first_index, end_index: next.first_index });
        place = Some(next);
    }
    Ok(days)
}

/// The first bundle of a later day than `day`, by halving: days never fall from one bundle to the
/// next.
async fn first_after(
    store: &Store,
    log: &str,
    from: BundlePlace,
    day: i64,
    size: i64,
) -> Result<Option<BundlePlace>, StoreError> {
    let (mut low, mut high, mut found) = (from.first_index, size, None);
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(place) = store.bundle_at(log, middle).await? else { break };
        if place.day > day {
            high = place.first_index;
            found = Some(place);
        } else {
            low = place.first_index + place.entries_count;
        }
    }
    Ok(found)
}

/// Drops the days before `before` that can be, after what an earlier try has left to be done.
pub async fn drop_days(
    store: &Store,
    audit: &AuditLog,
    log: &str,
    before: i64,
    made_by: (&Clock, &RequestIds),
) -> Result<Vec<Droppable>, RetentionError> {
    let mut known = store.dropped_days(log).await?;
    finish_dropping(store, audit, log, &known, made_by).await?;
    let days = droppable(store, log, before, made_by.0).await?;
    for day in &days {
        known.push(choose(store, log, *day).await?);
        drop_last(store, audit, log, &known, made_by).await?;
    }
    Ok(days)
}

/// Notes that a day is about to be dropped.
///
/// If we die after it, or after the day's totals were logged, the next try finds out which; if
/// after it was declared dropped, its bundles may go at any time.
async fn choose(store: &Store, log: &str, chosen: Droppable) -> Result<DroppedRow, StoreError> {
    let from_size = store.checkpoint(log).await?.map_or(0, |row| row.tree_size);
    let Droppable { day, first_index, end_index } = chosen;
    let row =
        DroppedRow { day, first_index, end_index, from_size, totals_index: None, totals: None };
    store.choose_day(log, &row).await
}

/// Drops the day that was chosen last.
async fn drop_last(
    store: &Store,
    audit: &AuditLog,
    log: &str,
    known: &[DroppedRow],
    made_by: (&Clock, &RequestIds),
) -> Result<(), RetentionError> {
    let Some(row) = known.last() else { return Ok(()) };
    complete(store, audit, log, (row, known), made_by).await?;
    delete(store, log, row).await?;
    Ok(store.free_day(row.day).await?)
}

/// Ends what an earlier try has begun and not brought to its end. The disk of a day may not have
/// been given back although its bundles are gone, where somebody was reading or the process died.
async fn finish_dropping(
    store: &Store,
    audit: &AuditLog,
    log: &str,
    known: &[DroppedRow],
    made_by: (&Clock, &RequestIds),
) -> Result<(), RetentionError> {
    let first_index = store.first_bundle(log).await?.map(|first| first.first_index);
    for row in known {
        complete(store, audit, log, (row, known), made_by).await?;
        if first_index.is_some_and(|first| first < row.end_index) {
            delete(store, log, row).await?;
        }
    }
    for day in store.days_to_free(log).await? {
        store.free_day(day).await?;
    }
    Ok(())
}

/// Sees to it that the day's totals are in the log, once, and that its row says where.
async fn complete(
    store: &Store,
    audit: &AuditLog,
    log: &str,
    (row, known): (&DroppedRow, &[DroppedRow]),
    made_by: (&Clock, &RequestIds),
) -> Result<(), RetentionError> {
    if row.totals_index.is_some() {
        return Ok(());
    }
    let (index, bytes) = if let Some(found) = find_totals(store, log, row).await? {
        found
    } else {
        let entry = LogEntry::Totals(sum_up(store, log, (row, known), made_by).await?);
        let bytes = entry.encode();
        (audit.record(entry).await?.index() as i64, bytes)
    };
    store.declare_dropped(log, row.day, index, &bytes).await?;
    Ok(())
}

/// The totals of a day, if an earlier try has logged them.
async fn find_totals(
    store: &Store,
    log: &str,
    row: &DroppedRow,
) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let mut next = row.from_size;
    loop {
        let bundles = store.bundles_from(log, next, BUNDLES_PER_READ).await?;
        let before = next;
        for bundle in bundles.iter().filter(|bundle| bundle.first_index >= row.from_size) {
            let entries = split_bundle(&bundle.entries).unwrap_or_default();
            for (index, bytes) in (bundle.first_index..).zip(entries) {
                if matches!(LogEntry::decode(bytes),
                    Ok(LogEntry::Totals(totals)) if i64::from(totals.day) == row.day)
                {
                    return Ok(Some((index, bytes.to_vec())));
                }
            }
            next = bundle.first_index + bundle.entries_count;
        }
        if next == before {
            return Ok(None);
        }
    }
}

async fn sum_up(
    store: &Store,
    log: &str,
    (row, known): (&DroppedRow, &[DroppedRow]),
    (clock, ids): (&Clock, &RequestIds),
) -> Result<Totals, StoreError> {
    let days = summed_days(row.day, |day| known.iter().any(|other| other.day == day));
    let counters = day_counters(store, log, &days).await?;
    let sum = |outcome: Outcome| sum_of(&counters, outcome.name());
    let at = clock.now();
    Ok(Totals {
        at,
        request_id: ids.next(at),
        // Days since 1970 stay far below 2^31.
        day: row.day as i32,
        first_index: row.first_index as u64,
        end_index: row.end_index as u64,
        entries: (row.end_index - row.first_index) as u64,
        matched: sum(Outcome::Matched),
        not_matched: sum(Outcome::NotMatched),
        inconclusive: sum(Outcome::Inconclusive),
        refused: sum(Outcome::Refused),
        counters: digest(&counters),
    })
}

/// Deletes the day's bundles, a few at a time, so that commits come between.
async fn delete(store: &Store, log: &str, row: &DroppedRow) -> Result<(), StoreError> {
    let mut from = row.first_index;
    while from < row.end_index {
        let until = (from + ENTRIES_PER_DELETE).min(row.end_index);
        store.delete_bundles(log, row.day, from, until).await?;
        from = until;
        tokio::task::yield_now().await;
    }
    Ok(())
}
