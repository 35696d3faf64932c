//! Which entries of one log can be asked for, newest first, by the index alone.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use super::ProjectionError;
use super::marks::Marks;
use super::postings::{Positions, SEGMENT_ENTRIES};
use crate::store::{Store, StoreError};

/// Segments whose sets are read at once: 8 KiB each, and as much again for each term.
const SEGMENTS_PER_READ: i64 = 32;
/// Entries of one person read at once.
const ENTRIES_PER_READ: i64 = 256;

/// Candidates among the entries that a projection covers.
#[derive(Debug)]
pub(super) enum Candidates {
    /// Those of the search.
    Segments(Segments),
    /// Those of persons.
    Persons(Persons),
}

impl Candidates {
    /// The next candidate below an index. Indexes fall from call to call.
    pub(super) async fn next_below(
        &mut self,
        store: &Store,
        log: &str,
        below: i64,
    ) -> Result<Option<i64>, ProjectionError> {
        match self {
            Self::Segments(segments) => segments.next_below(store, log, below).await,
            Self::Persons(persons) => persons.next_below(store, log, below).await,
        }
    }
}

/// Candidates by terms and time.
#[derive(Debug)]
pub(super) struct Segments {
    /// An entry has one term of each group.
    groups: Vec<Vec<String>>,
    times: Range<i64>,
    /// What was read of segments, the newest last.
    read: Vec<(i64, Positions)>,
    /// The segments below this one were not read.
    unread: Option<i64>,
}

impl Segments {
    pub(super) fn new(groups: Vec<Vec<String>>, times: Range<i64>) -> Self {
        Self { groups, times, read: Vec::new(), unread: None }
    }

    async fn next_below(
        &mut self,
        store: &Store,
        log: &str,
        below: i64,
    ) -> Result<Option<i64>, ProjectionError> {
        loop {
            while let Some((segment, positions)) = self.read.last() {
                let first = segment * SEGMENT_ENTRIES;
                // At most a segment's size, so it fits.
                let limit = (below - first).clamp(0, SEGMENT_ENTRIES) as usize;
                if let Some(position) = positions.highest_below(limit) {
                    return Ok(Some(first + i64::from(position)));
                }
                self.read.pop();
            }
            let until =
                self.unread.unwrap_or_else(|| (below + SEGMENT_ENTRIES - 1) / SEGMENT_ENTRIES);
            if until <= 0 {
                return Ok(None);
            }
            let from = (until - SEGMENTS_PER_READ).max(0);
            self.read = self.read_segments(store, log, from..until).await?.into_iter().collect();
            self.unread = Some(from);
        }
    }

    async fn read_segments(
        &self,
        store: &Store,
        log: &str,
        range: Range<i64>,
    ) -> Result<BTreeMap<i64, Positions>, ProjectionError> {
        let mut found: BTreeMap<i64, Positions> =
            range.clone().map(|segment| (segment, Positions::all())).collect();
        for group in &self.groups {
            let with_term = with_any_term(store, log, group, &range).await?;
            found.retain(|segment, positions| {
                with_term.get(segment).is_some_and(|also| {
                    positions.intersect(also);
                    !positions.is_empty()
                })
            });
        }
        if self.times != (i64::MIN..i64::MAX) && !found.is_empty() {
            let rows = store.search_segments(log, range.start, range.end).await?;
            let marks = rows.into_iter().map(|row| {
                let marks = Marks::decode(row.first_us, &row.marks);
                Ok((
                    row.segment,
                    marks.ok_or_else(|| damaged("search_segments", log, row.segment))?,
                ))
            });
            let marks = marks.collect::<Result<BTreeMap<i64, Marks>, StoreError>>()?;
            found.retain(|segment, positions| {
                marks.get(segment).is_some_and(|marks| {
                    marks.narrow(positions, &self.times);
                    !positions.is_empty()
                })
            });
        }
        Ok(found)
    }
}

async fn with_any_term(
    store: &Store,
    log: &str,
    terms: &[String],
    range: &Range<i64>,
) -> Result<BTreeMap<i64, Positions>, ProjectionError> {
    let mut with_term: BTreeMap<i64, Positions> = BTreeMap::new();
    for term in terms {
        for (segment, stored) in store.search_postings(log, term, range.start, range.end).await? {
            let positions = Positions::decode(&stored)
                .ok_or_else(|| damaged("search_postings", log, segment))?;
            with_term.entry(segment).or_insert_with(Positions::none).unite(&positions);
        }
    }
    Ok(with_term)
}

fn damaged(table: &'static str, log: &str, segment: i64) -> StoreError {
    StoreError::Inconsistent { table, row: format!("{log}, {segment}") }
}

/// Candidates by persons.
#[derive(Debug)]
pub(super) struct Persons {
    keys: Vec<i64>,
    /// What was read and not given out yet, newest first.
    read: VecDeque<i64>,
    /// Entries below this one were not read; 0 where all were.
    unread: Option<i64>,
}

impl Persons {
    pub(super) fn new(keys: Vec<i64>) -> Self {
        Self { keys, read: VecDeque::new(), unread: None }
    }

    async fn next_below(
        &mut self,
        store: &Store,
        log: &str,
        below: i64,
    ) -> Result<Option<i64>, ProjectionError> {
        loop {
            while let Some(index) = self.read.pop_front() {
                if index < below {
                    return Ok(Some(index));
                }
            }
            match self.unread.unwrap_or(below) {
                0 => return Ok(None),
                unread => self.read_on(store, log, unread).await?,
            }
        }
    }

    /// Of a person with more entries than are read at once the older ones are missing, so that
    /// nobody's entries below the newest such place are given out yet.
    async fn read_on(
        &mut self,
        store: &Store,
        log: &str,
        below: i64,
    ) -> Result<(), ProjectionError> {
        let (mut found, mut horizon) = (Vec::new(), 0);
        for person in &self.keys {
            let indexes = store.person_entries(log, *person, below, ENTRIES_PER_READ).await?;
            if indexes.len() as i64 == ENTRIES_PER_READ {
                horizon = indexes.last().map_or(horizon, |last| horizon.max(*last));
            }
            found.extend(indexes);
        }
        found.retain(|index| *index >= horizon);
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.dedup();
        self.read = found.into();
        self.unread = Some(horizon);
        Ok(())
    }
}
