//! Reads a log from its bundles in order, for those who count, check or copy it: every bundle
//! whole and in its place, or an error that names it. What its entries mean is for the caller.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::dropped::{DroppedRanges, dropped_ranges};
use super::entry::{EntryError, LogEntry};
use super::recovery::split_bundle;
use super::verify::{BundleFault, VerifyError};
use crate::clock::Micros;
use crate::store::{Store, StoredBundle};

/// Bundles read at once before it is known how large they are.
const FIRST_READ: i64 = 4;
/// Bundles read at once are about so many bytes: enough to make the statement around them cheap.
const READ_BYTES: usize = 8 << 20;
/// Fewest bundles read at once: the last one is read again with the next one.
const READ_BUNDLES_MIN: usize = 2;
/// Most bundles read at once, however small they are.
const READ_BUNDLES_MAX: usize = 1_024;

/// A bundle whose bytes are as many entries as its row says, in its place.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) first_index: u64,
    pub(super) until: u64,
    bytes: Vec<u8>,
}

impl Bundle {
    /// Those of its entries that lie in `range`, with their indexes.
    pub(super) fn entries(&self, range: &Range<u64>) -> impl Iterator<Item = (u64, &[u8])> {
        let (from, until) = (range.start.max(self.first_index), range.end.min(self.until));
        // That the bytes split into entries was checked when the bundle was read.
        let entries = split_bundle(&self.bytes).unwrap_or_default();
        (self.first_index..)
            .zip(entries)
            .skip(from.saturating_sub(self.first_index) as usize)
            .take_while(move |&(index, _)| index < until)
    }
}

/// Reads bundles in order, a bounded number at a time, up to a given size: what a running gateway
/// appends meanwhile is not part of the question, and the days that it drops meanwhile may be
/// absent.
pub(super) struct BundleReader<'a> {
    store: &'a Store,
    log: &'a str,
    /// What was dropped when a gap was last met.
    dropped: DroppedRanges,
    /// Index of the next entry that was not read.
    next: u64,
    /// Number of entries that the checkpoint signs.
    size: u64,
    /// First index of the bundle that was read last. The very first one may begin before the
    /// place where the reader does.
    last_first: Option<i64>,
    /// Day of that bundle.
    last_day: i64,
    page: VecDeque<StoredBundle>,
    page_bundles: i64,
    /// The last bundle, where it reaches beyond what was asked for.
    last: Option<Arc<Bundle>>,
}

impl<'a> BundleReader<'a> {
    pub(super) fn new(store: &'a Store, log: &'a str, from: u64, size: u64) -> Self {
        Self {
            store,
            log,
            dropped: DroppedRanges::default(),
            next: from,
            size,
            last_first: None,
            last_day: i64::MIN,
            page: VecDeque::new(),
            page_bundles: FIRST_READ,
            last: None,
        }
    }

    /// The bundles that hold what comes next of the log up to `until`. Dropped entries are in
    /// none of them.
    pub(super) async fn read_until(&mut self, until: u64) -> Result<Vec<Arc<Bundle>>, VerifyError> {
        let mut bundles: Vec<_> = self.last.take().into_iter().collect();
        while self.next < until {
            let Some(bundle) = self.next().await? else { break };
            bundles.push(Arc::new(bundle));
        }
        self.last = bundles.last().filter(|bundle| bundle.until > until).map(Arc::clone);
        Ok(bundles)
    }

    /// The next bundle; none after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Bundle>, VerifyError> {
        while self.next < self.size {
            let row = self.next_row().await?;
            // One that begins beyond was appended since, and all before it dropped.
            let Some(row) = row.filter(|row| row.bundle.first_index < self.size as i64) else {
                self.check_gap(self.size).await?;
                self.next = self.size;
                return Ok(None);
            };
            let began = self.last_first.replace(row.bundle.first_index).is_none();
            let (day, bundle) = (row.day, self.check(row)?);
            if began && bundle.until <= self.next {
                // It ends before the place where this reader began: a gap follows.
                continue;
            }
            if bundle.first_index < self.next && !began {
                return Err(self.fault(bundle.first_index as i64, BundleFault::Overlap));
            }
            self.check_gap(bundle.first_index).await?;
            let follows = bundle.first_index == 0 || (!began && bundle.first_index == self.next);
            self.check_day(&bundle, day, follows)?;
            self.next = bundle.until;
            return Ok(Some(bundle));
        }
        Ok(None)
    }

    /// Entries are absent up to `until`, if there are any: they must have been dropped.
    async fn check_gap(&mut self, until: u64) -> Result<(), VerifyError> {
        let gap = self.next..until;
        if gap.is_empty() || self.dropped.cover(&gap) {
            return Ok(());
        }
        // Asked once the gap is seen and not before: a day is declared before its bundles go, so
        // that one that is dropped while this reads is declared by now.
        self.dropped = dropped_ranges(self.store, self.log).await?;
        if self.dropped.cover(&gap) {
            return Ok(());
        }
        Err(self.fault(self.next as i64, BundleFault::Missing))
    }

    fn check(&self, row: StoredBundle) -> Result<Bundle, VerifyError> {
        let row = row.bundle;
        let fault = |fault| self.fault(row.first_index, fault);
        let first_index =
            u64::try_from(row.first_index).map_err(|_| fault(BundleFault::Overlap))?;
        let entries = split_bundle(&row.entries).ok_or_else(|| fault(BundleFault::Form))?.len();
        if entries == 0 || entries as i64 != row.entries_count {
            return Err(fault(BundleFault::Count));
        }
        let until = first_index + entries as u64;
        if until > self.size {
            return Err(fault(BundleFault::Beyond));
        }
        Ok(Bundle { first_index, until, bytes: row.entries })
    }

    /// The day of a bundle is that of its latest entry, or of the bundle before it if that is
    /// later. Whole days are dropped by it. Bundles of the first version have the day of their
    /// first entry.
    fn check_day(&mut self, bundle: &Bundle, day: i64, follows: bool) -> Result<(), VerifyError> {
        let all = bundle.first_index..bundle.until;
        // What cannot be read is named as an entry, by who reads it.
        let day_of = |bytes| LogEntry::decode_at(bytes).map_or(day, Micros::vietnamese_day);
        let mut days = bundle.entries(&all).map(|(_, bytes)| day_of(bytes));
        let first = days.next().unwrap_or(day).max(self.last_day);
        let latest = days.fold(first, i64::max);
        if day < first || (follows && day > latest) {
            return Err(self.fault(bundle.first_index as i64, BundleFault::Day));
        }
        self.last_day = day;
        Ok(())
    }

    async fn next_row(&mut self) -> Result<Option<StoredBundle>, VerifyError> {
        if self.page.is_empty() {
            // From the bundle that was read last, or one that is hidden behind it is not seen.
            let from = self.last_first.unwrap_or(self.next as i64);
            let rows = self.store.stored_bundles_from(self.log, from, self.page_bundles).await?;
            let bytes: usize = rows.iter().map(|row| row.bundle.entries.len()).sum();
            let usual_bytes = (bytes / rows.len().max(1)).max(1);
            let bundles = (READ_BYTES / usual_bytes).clamp(READ_BUNDLES_MIN, READ_BUNDLES_MAX);
            (self.page, self.page_bundles) = (rows.into(), bundles as i64);
            self.page.pop_front_if(|row| Some(row.bundle.first_index) == self.last_first);
        }
        Ok(self.page.pop_front())
    }

    fn fault(&self, first_index: i64, fault: BundleFault) -> VerifyError {
        VerifyError::Bundle { log: self.log.into(), first_index, fault }
    }
}

/// Reads all entries of a log in order, up to a given size.
pub(super) struct EntryReader<'a>(BundleReader<'a>);

impl<'a> EntryReader<'a> {
    /// Entries of days that were dropped are passed over.
    pub(super) fn new(store: &'a Store, log: &'a str, size: u64) -> Self {
        Self(BundleReader::new(store, log, 0, size))
    }

    /// The entries of the next bundle with their indexes; none after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<(u64, Vec<u8>)>>, VerifyError> {
        let Some(bundle) = self.0.next().await? else { return Ok(None) };
        let all = bundle.first_index..bundle.until;
        Ok(Some(bundle.entries(&all).map(|(index, bytes)| (index, bytes.to_vec())).collect()))
    }

    /// An entry of the bundle that was read last is none.
    pub(super) fn unreadable(&self, index: u64, error: EntryError) -> VerifyError {
        let first_index = self.0.last_first.map_or(index, |first_index| first_index as u64);
        VerifyError::Entry { log: self.0.log.into(), index, first_index, fault: error.into() }
    }
}
