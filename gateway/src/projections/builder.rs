//! Builds the projections of one log, a bounded step at a time.
//!
//! Everything that must outlive the process is in the progress rows. Whatever fails, the builder is
//! thrown away and a new one goes on from there; entries since then are read again, and no row of
//! theirs was written.

use std::collections::VecDeque;

use super::people::Asked;
use super::reader;
use super::segment::{ClosedSegment, Segment};
use super::{PEOPLE, ProjectionError, SEARCH, SEGMENT_ENTRIES};
use crate::audit::LogEntry;
use crate::store::{PersonRows, Progress, ProjectionWriter, Store};

/// Entries read at once, about: a few megabytes at most.
const ENTRIES_PER_READ: i64 = 4_096;

/// Entries in one transaction where nobody is waiting for the database.
const ENTRIES_PER_STEP: usize = 4_096;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// One transaction; there may be more to do.
    Wrote,
    /// Entries were read and nothing written.
    Read,
    /// The log holds nothing that is not covered, but for the segment that is still open.
    Idle,
}

/// Builds the projections of one log.
#[derive(Debug)]
pub(super) struct Builder {
    log: String,
    rows: ProjectionWriter,
    search_next: i64,
    people_next: i64,
    read_next: i64,
    segment: Segment,
    closed: VecDeque<ClosedSegment>,
    people: VecDeque<(i64, Option<Asked>)>,
}

impl Builder {
    /// A builder that goes on where the last one's last transaction ended.
    pub(super) async fn open(store: &Store, log: &str) -> Result<Self, ProjectionError> {
        let rows = store.projection_writer().await?;
        let progress = super::progress(store, log).await?;
        Ok(Self {
            log: log.to_owned(),
            rows,
            search_next: progress.search,
            people_next: progress.people,
            read_next: progress.search.min(progress.people),
            segment: Segment::beginning_at(progress.search),
            closed: VecDeque::new(),
            people: VecDeque::new(),
        })
    }

    /// Does one thing: writes a closed segment, or what at most `entries_max` entries say about
    /// persons, or reads on.
    pub(super) async fn step(
        &mut self,
        store: &Store,
        entries_max: usize,
    ) -> Result<Step, ProjectionError> {
        if let Some(closed) = self.closed.pop_front() {
            self.write_segment(&closed).await?;
            return Ok(Step::Wrote);
        }
        if !self.people.is_empty() {
            self.write_people(entries_max).await?;
            return Ok(Step::Wrote);
        }
        let size = reader::log_size(store, &self.log).await?;
        if self.read_next >= size {
            return Ok(Step::Idle);
        }
        self.read(store, size).await?;
        Ok(Step::Read)
    }

    async fn read(&mut self, store: &Store, size: i64) -> Result<(), ProjectionError> {
        let until = size.min(self.read_next + ENTRIES_PER_READ);
        let entries = reader::entries_within(store, &self.log, self.read_next, until).await?;
        if entries.is_empty() {
            // Days that were dropped leave a gap.
            let next = store.next_bundle_index(&self.log, self.read_next).await?;
            self.read_next = next.unwrap_or(size).min(size);
            self.close_segments_before(self.read_next);
            return Ok(());
        }
        for (index, entry) in &entries {
            if *index >= self.search_next {
                self.close_segments_before(*index);
                self.segment.add(*index, entry);
            }
            if *index >= self.people_next {
                self.read_people(*index, entry);
            }
            self.read_next = index + 1;
        }
        self.close_segments_before(self.read_next);
        Ok(())
    }

    /// Notes what an entry says about a person. One that says nothing moves the progress all the
    /// same.
    fn read_people(&mut self, index: i64, entry: &LogEntry) {
        let asked = entry.request().map(Asked::by);
        self.people.push_back((index, asked));
    }

    /// Closes the segments that end at or before `index`.
    fn close_segments_before(&mut self, index: i64) {
        while self.segment.end() <= index {
            self.closed.push_back(self.segment.close());
        }
    }

    async fn write_segment(&mut self, closed: &ClosedSegment) -> Result<(), ProjectionError> {
        let until = (closed.number + 1) * SEGMENT_ENTRIES;
        let progress = Progress { log: &self.log, name: SEARCH, from: self.search_next, until };
        let row = closed.row.as_ref();
        let moved = self.rows.add_segment(progress, row, closed.number, &closed.postings).await?;
        self.search_next = until;
        self.check(moved)
    }

    async fn write_people(&mut self, entries_max: usize) -> Result<(), ProjectionError> {
        let count = self.people.len().min(entries_max.max(1));
        let read: Vec<_> = self.people.drain(..count).collect();
        let until = read.last().map_or(self.people_next, |(index, _)| index + 1);
        let mut rows = PersonRows::default();
        for (index, asked) in read {
            let Some(Asked { person, counted }) = asked else { continue };
            let counted = counted.as_ref().map(|(client, month)| (client.as_str(), *month));
            rows.add(person, index, counted);
        }
        let progress = Progress { log: &self.log, name: PEOPLE, from: self.people_next, until };
        let moved = self.rows.add_people(progress, rows).await?;
        self.people_next = until;
        self.check(moved)
    }

    fn check(&self, moved: bool) -> Result<(), ProjectionError> {
        if moved { Ok(()) } else { Err(ProjectionError::Overtaken { log: self.log.clone() }) }
    }
}

/// Builds the projections of a log up to its present end, as fast as it goes.
pub async fn catch_up(store: &Store, log: &str) -> Result<(), ProjectionError> {
    let mut builder = Builder::open(store, log).await?;
    loop {
        match builder.step(store, ENTRIES_PER_STEP).await? {
            Step::Wrote => builder.rows.carry_over().await?,
            Step::Read => {}
            Step::Idle => return Ok(()),
        }
    }
}
