//! Adds up answers beside the requests, in bounded memory: 16 MiB in two tables, and 0.7 KiB for each
//! client that has asked, of which there are 20,000 at most.

use std::sync::{Mutex, PoisonError};

use foldhash::HashMap;

use super::distinct::Distinct;
use super::neighbours::Neighbours;
use super::rules::Raised;
use super::subjects::Subjects;
use super::window::{ClientWindow, Span, SubjectAsked, SubjectsWindow};
use crate::audit::Pseudonym;
use crate::clock::Micros;
use crate::config::AlarmsConfig;
use crate::matching::Outcome;
use crate::rate_limit::Lane;
use crate::request::{ClientId, PersonalId};

/// Clients that are watched; those that come later are not.
pub const CLIENTS_MAX: usize = 20_000;
/// Windows that are full and not judged yet; more push the oldest out.
const FULL_MAX: usize = 40_000;
/// Alarms from elsewhere that are not raised yet; more are left out.
const RAISED_MAX: usize = 1_024;

/// An answer whose entry is durable.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Who asked.
    pub client: &'a ClientId,
    /// On which lane.
    pub lane: Lane,
    /// When it was decided.
    pub at: Micros,
    /// What came out.
    pub outcome: Outcome,
    /// The number that was asked, where it was one.
    pub number: Option<PersonalId>,
    /// The person, as the log has it.
    pub subject: Pseudonym,
}

/// Watches answers.
#[derive(Debug)]
pub struct Watch {
    config: AlarmsConfig,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    clients: HashMap<ClientId, Client>,
    /// Clients by their short numbers.
    names: Vec<ClientId>,
    neighbours: Neighbours,
    subjects: Subjects,
    /// The window over all clients.
    all: Option<Span>,
    full: Full,
}

/// What is to be judged.
#[derive(Debug, Default)]
pub(crate) struct Full {
    pub(crate) clients: Vec<ClientWindow>,
    pub(crate) subjects: Vec<SubjectsWindow>,
    pub(crate) raised: Vec<Raised>,
}

#[derive(Debug)]
struct Client {
    number: u16,
    span: Option<Span>,
    matched: u32,
    consecutive: u32,
    distinct: Distinct,
}

impl Watch {
    /// Starts with nothing seen.
    pub fn new(config: AlarmsConfig) -> Self {
        Self { config, watched: Mutex::default() }
    }

    /// Adds an answer. Only those of the interactive lane count that said `matched` or `not_matched`:
    /// what could not be decided tells nobody anything.
    pub fn note(&self, answered: &Answered<'_>) {
        match answered.lane {
            Lane::Interactive => {}
            Lane::Bulk | Lane::Emergency => return,
        }
        let is_match = match answered.outcome {
            Outcome::Matched => true,
            Outcome::NotMatched => false,
            Outcome::Inconclusive | Outcome::Refused => return,
        };
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.note(&self.config, answered, is_match);
    }

    /// Has an alarm raised by the next turn that judges, a second later at most.
    pub fn raise(&self, raised: Raised) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.full.raised.len() < RAISED_MAX {
            watched.full.raised.push(raised);
        }
    }

    /// Takes what is to be judged.
    pub(crate) fn take(&self) -> Full {
        std::mem::take(&mut self.watched.lock().unwrap_or_else(PoisonError::into_inner).full)
    }

    /// Gives back what could not be judged, for the next turn.
    pub(crate) fn give_back(&self, full: Full) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let since = std::mem::replace(&mut watched.full, full);
        watched.full.clients.extend(since.clients);
        watched.full.subjects.extend(since.subjects);
        watched.full.raised.extend(since.raised);
        watched.full.keep_newest();
    }
}

impl Full {
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.subjects.is_empty() && self.raised.is_empty()
    }

    fn keep_newest(&mut self) {
        let surplus = self.clients.len().saturating_sub(FULL_MAX);
        drop(self.clients.drain(..surplus));
        let surplus = self.subjects.len().saturating_sub(FULL_MAX);
        drop(self.subjects.drain(..surplus));
        self.raised.truncate(RAISED_MAX);
    }
}

impl Watched {
    fn note(&mut self, config: &AlarmsConfig, answered: &Answered<'_>, is_match: bool) {
        let Answered { client: id, at, number, subject, .. } = *answered;
        if !self.clients.contains_key(id) {
            if self.clients.len() >= CLIENTS_MAX {
                return;
            }
            let number = self.names.len() as u16;
            self.names.push(id.clone());
            self.clients.insert(id.clone(), Client::new(number));
        }
        let Some(client) = self.clients.get_mut(id) else { return };
        let digest = subject.short();
        let is_consecutive =
            number.is_some_and(|number| self.neighbours.note(client.number, number));
        self.subjects.note(client.number, digest);
        client.matched += u32::from(is_match);
        client.consecutive += u32::from(is_consecutive);
        client.distinct.add(digest);
        if let Some(span) = Span::extend(&mut client.span, at, config) {
            self.full.clients.push(client.end(id.clone(), span));
            self.full.keep_newest();
        }
        if let Some(span) = Span::extend(&mut self.all, at, config) {
            let by_many = self.subjects.end(config.subject_clients).into_iter();
            let named = |numbers: Vec<u16>| {
                let names = numbers.into_iter().filter_map(|of| self.names.get(usize::from(of)));
                let mut names: Vec<ClientId> = names.cloned().collect();
                names.sort_unstable();
                names
            };
            let by_many = by_many
                .map(|(digest, clients)| SubjectAsked { digest, clients: named(clients) })
                .collect();
            self.full.subjects.push(SubjectsWindow { span, by_many });
            self.full.keep_newest();
        }
    }
}

impl Client {
    fn new(number: u16) -> Self {
        let distinct = Distinct::default();
        Self { number, span: None, matched: 0, consecutive: 0, distinct }
    }

    /// The window that is full; the next one begins.
    fn end(&mut self, client: ClientId, span: Span) -> ClientWindow {
        let ended = std::mem::replace(self, Self::new(self.number));
        ClientWindow {
            client,
            span,
            matched: ended.matched,
            consecutive: ended.consecutive,
            distinct: ended.distinct.count(),
        }
    }
}

impl Span {
    /// Adds an answer; the span, if it is full by it. A clock that is set back makes it no shorter.
    fn extend(span: &mut Option<Self>, at: Micros, config: &AlarmsConfig) -> Option<Self> {
        let begun = span.get_or_insert(Self { from: at, to: at, answers: 0 });
        begun.to = begun.to.max(at);
        begun.answers += 1;
        let seconds = begun.to.since(begun.from) / 1_000_000;
        let is_full =
            begun.answers >= config.window_answers && seconds >= u64::from(config.window_seconds);
        if is_full { span.take() } else { None }
    }
}

#[cfg(test)]
mod tests;
