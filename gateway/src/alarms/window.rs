//! Windows that are full, as they are judged.

use crate::clock::Micros;
use crate::request::ClientId;

/// From when to when, and how many answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first answer.
    pub from: Micros,
    /// The last one.
    pub to: Micros,
    /// Answers in it.
    pub answers: u32,
}

impl Span {
    /// How long it is, in hours.
    pub fn hours(&self) -> f64 {
        self.to.since(self.from) as f64 / 3_600e6
    }
}

/// What one client was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientWindow {
    /// Who.
    pub client: ClientId,
    /// When, and how many: matched and not matched.
    pub span: Span,
    /// Of them matched.
    pub matched: u32,
    /// Of them about a new number beside one that was asked lately.
    pub consecutive: u32,
    /// About how many different people.
    pub distinct: f64,
}

/// What all clients were answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectsWindow {
    /// When, and how many.
    pub span: Span,
    /// About whom many clients have asked.
    pub by_many: Vec<SubjectAsked>,
}

/// Somebody about whom many clients have asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectAsked {
    /// The first 8 bytes of the pseudonym in the log.
    pub digest: u64,
    /// The clients, 64 of them at most.
    pub clients: Vec<ClientId>,
}
