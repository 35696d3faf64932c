//! Walks through logs from the newest entry backwards and gathers a page of what was asked for.
//!
//! What a projection covers is found by it; what came after is read entry by entry. Every entry is
//! held against the question before it is shown, so that an index can lead nowhere but never
//! astray.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use super::candidates::{Candidates, Persons, Segments};
use super::cursor::Cursor;
use super::people::person;
use super::reader::{self, Backwards, Below, OpenBundle};
use super::terms::Filter;
use super::{Covered, ProjectionError};
use crate::audit::{LogEntry, Pseudonym};
use crate::clock::Micros;
use crate::store::Store;

/// Entries after the end of a projection that are read for a page. Beyond it the builder is so far
/// behind (it was just given a log that was filled without it) that a page would take seconds.
const TAIL_ENTRIES_MAX: i64 = 1_000_000;

/// An entry that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Name of the log.
    pub log: String,
    /// Index in it.
    pub index: i64,
    /// The entry.
    pub entry: LogEntry,
}

/// Some of the entries that were asked for, newest first.
#[derive(Debug, Clone)]
pub struct Page {
    /// The entries.
    pub hits: Vec<Hit>,
    /// Where the next page begins; `None` where there is nothing more.
    pub next: Option<Cursor>,
}

/// What is asked for.
#[derive(Debug)]
pub(super) enum Question {
    Filter(Filter),
    /// Entries about any of these; as an earlier look saw them, if there is one.
    Persons(HashSet<Pseudonym>, Option<Look>),
}

/// A look at entries about a person, by its own entry: it saw nothing that stands after it in its
/// log, and nothing of other logs that came later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Name of the log that its entry is in.
    pub log: String,
    /// Index of its entry.
    pub index: i64,
    /// When.
    pub at: Micros,
}

impl Question {
    fn matches(&self, entry: &LogEntry) -> bool {
        match self {
            Self::Filter(filter) => filter.matches(entry),
            Self::Persons(pseudonyms, _) => {
                entry.request().is_some_and(|entry| pseudonyms.contains(&entry.subject.pseudonym))
            }
        }
    }

    fn candidates(&self) -> Candidates {
        match self {
            Self::Filter(filter) => {
                Candidates::Segments(Segments::new(filter.terms(), filter.times()))
            }
            Self::Persons(pseudonyms, _) => {
                let mut persons: Vec<i64> = pseudonyms.iter().map(person).collect();
                persons.sort_unstable();
                persons.dedup();
                Candidates::Persons(Persons::new(persons))
            }
        }
    }

    /// Times in which an entry of a log must lie, and the request it must be of.
    fn head(&self, log: &str) -> (Range<i64>, Option<[u8; 16]>) {
        match self {
            Self::Filter(filter) => (filter.times(), filter.request_id.map(|id| id.0)),
            Self::Persons(_, Some(look)) if look.log != log => {
                (i64::MIN..look.at.0.saturating_add(1), None)
            }
            Self::Persons(..) => (i64::MIN..i64::MAX, None),
        }
    }

    fn covered(&self, covered: Covered) -> i64 {
        match self {
            Self::Filter(_) => covered.search,
            Self::Persons(..) => covered.people,
        }
    }

    /// The index of a log below which an entry must lie, if it would otherwise have to lie below
    /// `below`. Where a look has its own entry, places say more than times: what was committed
    /// before it stands before it.
    fn below(&self, log: &str, below: i64) -> i64 {
        match self {
            Self::Persons(_, Some(look)) if look.log == log => below.min(look.index),
            Self::Persons(..) | Self::Filter(_) => below,
        }
    }
}

/// Gathers a page of at most `limit` entries over all logs.
pub(super) async fn page(
    store: &Store,
    question: &Question,
    after: Option<&Cursor>,
    limit: usize,
) -> Result<Page, ProjectionError> {
    let begin = if let Some(cursor) = after {
        cursor.below.clone()
    } else {
        let logs = store.checkpoints().await?;
        let mut begin: Vec<_> = logs.into_iter().map(|log| (log.log, log.tree_size)).collect();
        // As a cursor has them; a database may sort names otherwise.
        begin.sort_unstable();
        begin
    };
    page_below(store, question, begin, (Micros(i64::MIN), limit)).await
}

/// The same of the entries that stand below these indexes of the logs and were not made before a moment.
pub(super) async fn page_below(
    store: &Store,
    question: &Question,
    begin: Vec<(String, i64)>,
    (since, limit): (Micros, usize),
) -> Result<Page, ProjectionError> {
    let mut walks = Vec::with_capacity(begin.len());
    for (log, below) in begin {
        let below = question.below(&log, below);
        walks.push(Walk::begin(store, question, log, below).await?);
    }
    let mut hits = Vec::new();
    while let Some(walk) = newest(&mut walks).await? {
        if hits.len() == limit {
            let below = walks.iter().map(|walk| (walk.log.clone(), walk.position())).collect();
            return Ok(Page { hits, next: Some(Cursor { below }) });
        }
        hits.extend(walks[walk].ready.pop_front());
        if hits.pop_if(|hit| hit.entry.at() < since).is_some() {
            break;
        }
    }
    Ok(Page { hits, next: None })
}

/// Which walk has come upon the newest entry.
async fn newest(walks: &mut [Walk<'_>]) -> Result<Option<usize>, ProjectionError> {
    let mut newest = None;
    for (place, walk) in walks.iter_mut().enumerate() {
        if let Some(at) = walk.peek().await?
            && newest.is_none_or(|(_, newest_at)| at > newest_at)
        {
            newest = Some((place, at));
        }
    }
    Ok(newest.map(|(place, _)| place))
}

/// The way through one log.
struct Walk<'a> {
    store: &'a Store,
    question: &'a Question,
    log: String,
    /// The entries below this one were not looked at.
    below: i64,
    /// The entries below this one are found by the projection.
    covered: i64,
    candidates: Candidates,
    tail: Backwards,
    bundle: Option<OpenBundle>,
    ready: VecDeque<Hit>,
    head: (Range<i64>, Option<[u8; 16]>),
}

impl<'a> Walk<'a> {
    async fn begin(
        store: &'a Store,
        question: &'a Question,
        log: String,
        below: i64,
    ) -> Result<Self, ProjectionError> {
        let covered = question.covered(super::progress(store, &log).await?);
        if below - covered > TAIL_ENTRIES_MAX {
            return Err(ProjectionError::Behind { log, entries: below - covered });
        }
        let (candidates, head) = (question.candidates(), question.head(&log));
        let (tail, bundle, ready) = (Backwards::default(), None, VecDeque::new());
        Ok(Self { store, question, log, below, covered, candidates, tail, bundle, ready, head })
    }

    /// Below which index the next page goes on in this log.
    fn position(&self) -> i64 {
        self.ready.front().map_or(self.below, |hit| hit.index + 1)
    }

    /// Time of the next entry, if there is one.
    async fn peek(&mut self) -> Result<Option<i64>, ProjectionError> {
        while self.ready.is_empty() && self.below > 0 {
            if self.below > self.covered {
                self.look_through_tail().await?;
            } else {
                self.look_at_candidate().await?;
            }
        }
        Ok(self.ready.front().map(|hit| hit.entry.at().0))
    }

    /// Looks through the last bundle below, as far as the projection does not cover it.
    async fn look_through_tail(&mut self) -> Result<(), ProjectionError> {
        let next = self.tail.next(self.store, &self.log, self.covered, self.below).await?;
        let first = match next {
            Below::Bundle(bundle) => {
                let held = bundle.indexes();
                self.bundle = Some(bundle);
                let first = held.start.max(self.covered);
                for index in (first..held.end.min(self.below)).rev() {
                    self.look_at(index)?;
                }
                first
            }
            Below::Nothing(first) => first,
        };
        self.below = first.min(self.below - 1);
        Ok(())
    }

    async fn look_at_candidate(&mut self) -> Result<(), ProjectionError> {
        let next = self.candidates.next_below(self.store, &self.log, self.below).await?;
        if let Some(index) = next {
            self.open(index).await?;
            self.look_at(index)?;
        }
        self.below = next.unwrap_or(0);
        Ok(())
    }

    /// Opens the bundle that holds `index`, or else the one before it.
    async fn open(&mut self, index: i64) -> Result<(), ProjectionError> {
        if !self.bundle.as_ref().is_some_and(|bundle| bundle.indexes().contains(&index)) {
            self.bundle = OpenBundle::at_or_before(self.store, &self.log, index).await?;
        }
        Ok(())
    }

    /// Puts the entry at `index` with the others, if it is there and was asked for.
    fn look_at(&mut self, index: i64) -> Result<(), ProjectionError> {
        let Some(bundle) = &self.bundle else { return Ok(()) };
        let (times, request_id) = &self.head;
        let worthwhile = |bytes: &[u8]| reader::head_is(bytes, times, *request_id);
        let entry = bundle.find(&self.log, index, worthwhile)?;
        if let Some(entry) = entry.filter(|entry| self.question.matches(entry)) {
            self.ready.push_back(Hit { log: self.log.clone(), index, entry });
        }
        Ok(())
    }
}
