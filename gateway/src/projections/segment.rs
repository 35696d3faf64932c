//! A segment in the making: 65,536 entries of a log, gathered term by term.

use std::collections::BTreeMap;

use super::marks::Marks;
use super::postings::{self, SEGMENT_ENTRIES};
use super::terms;
use crate::audit::LogEntry;
use crate::store::{PostingsRow, SegmentRow};

/// Gathers what the rows of a segment are made from. Takes about 14 bytes an entry.
#[derive(Debug)]
pub(super) struct Segment {
    number: i64,
    terms: BTreeMap<String, Vec<u16>>,
    marks: Marks,
}

/// The rows of a closed segment.
#[derive(Debug)]
pub(super) struct ClosedSegment {
    pub(super) number: i64,
    /// `None` where all of its entries are gone.
    pub(super) row: Option<SegmentRow>,
    pub(super) postings: Vec<PostingsRow>,
}

impl Segment {
    /// The empty segment that begins at `index`, a multiple of 65,536.
    pub(super) fn beginning_at(index: i64) -> Self {
        Self { number: index / SEGMENT_ENTRIES, terms: BTreeMap::new(), marks: Marks::none() }
    }

    /// The first entry after it.
    pub(super) fn end(&self) -> i64 {
        (self.number + 1) * SEGMENT_ENTRIES
    }

    /// Adds the entry at `index`, which lies in this segment and after all that were added.
    pub(super) fn add(&mut self, index: i64, entry: &LogEntry) {
        let position = (index % SEGMENT_ENTRIES) as u16;
        self.marks.add(position, entry.at().0);
        terms::for_each_term(entry, |term| match self.terms.get_mut(term) {
            Some(positions) if positions.last() == Some(&position) => {}
            Some(positions) => positions.push(position),
            None => drop(self.terms.insert(term.to_owned(), vec![position])),
        });
    }

    /// Closes it and begins the next one.
    pub(super) fn close(&mut self) -> ClosedSegment {
        let next = Self::beginning_at(self.end());
        let Self { number, terms, marks } = std::mem::replace(self, next);
        let row = marks.bounds().map(|(first_us, last_us)| SegmentRow {
            segment: number,
            first_us,
            last_us,
            marks: marks.encode(),
        });
        let postings = terms
            .into_iter()
            .map(|(term, positions)| PostingsRow { term, postings: postings::encode(&positions) })
            .collect();
        ClosedSegment { number, row, postings }
    }
}
