//! Misbehaviour on order: what can be ordered, and how it is written.
//!
//! `PUT /v1/faults` replaces what was ordered before with what its body says, `{}` with nothing;
//! `GET /v1/faults` shows what is in force. Every member may be left out:
//!
//! | member | |
//! | --- | --- |
//! | `latency_ms` | added to every answer, at most 60,000 |
//! | `latency_jitter_ms` | up to so much more, drawn evenly, at most 60,000 |
//! | `error_rate` | share of batches (0 to 1) answered with `error_status` |
//! | `error_status` | 400 to 599, usually 503; 429 and 503 come with `Retry-After: 1` |
//! | `hang_rate` | share that gets no answer; the connection closes after a minute |
//! | `garbage_rate` | share answered 200 with, by turns, cut JSON, one item too few, an HTML page |
//! | `outage` | true: the connection of every batch is closed without an answer |
//! | `for_people` | at most 100 objects of a `personal_id` and the members above |
//!
//! A batch that asks about a listed person meets that person's faults and no others. The three
//! rates together are at most 1, since a batch fails in one way. Which batches fail is counted and
//! not drawn (`plan`), and counting begins anew with every order.
//!
//! [`PersonFaults`] can also stand from the start ([`super::Settings::with_standing_faults`]); an
//! order does not end those, and they come before what it says of the same person.
//!
//! `board` holds what is in force and carries it out.

pub(super) mod board;
mod plan;
mod read;

use serde::{Serialize, Serializer};

use crate::digits::PersonalNumber;

/// People with faults of their own: enough for a cast of test persons, and few enough to show.
const PEOPLE_MAX: usize = 100;

/// Milliseconds that can be added: far above what any caller waits.
const LATENCY_MS_MAX: u32 = 60_000;

/// All that was ordered. The default is to behave.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Faults {
    /// What batches meet that ask about nobody in `for_people`.
    #[serde(flatten)]
    pub usual: Misbehaviour,
    /// What batches meet that ask about these people.
    pub for_people: Vec<PersonFaults>,
}

/// What batches meet that ask about one person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonFaults {
    /// The person.
    #[serde(serialize_with = "digits")]
    pub personal_id: PersonalNumber,
    /// What such a batch meets.
    #[serde(flatten)]
    pub misbehaviour: Misbehaviour,
}

/// How some batches fail. The default is that none does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Misbehaviour {
    /// Milliseconds added to every answer, at most 60,000.
    pub latency_ms: u32,
    /// Up to so many milliseconds more, at most 60,000.
    pub latency_jitter_ms: u32,
    /// Share of batches answered with `error_status`, 0 to 1.
    pub error_rate: f64,
    /// Status of those, 400 to 599.
    pub error_status: u16,
    /// Share of batches that get no answer while their connection stays open, 0 to 1.
    pub hang_rate: f64,
    /// Share of batches answered with something outside the contract, 0 to 1.
    pub garbage_rate: f64,
    /// Whether the connection of every batch is closed without an answer.
    pub outage: bool,
}

impl Default for Misbehaviour {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            latency_jitter_ms: 0,
            error_rate: 0.0,
            error_status: 503,
            hang_rate: 0.0,
            garbage_rate: 0.0,
            outage: false,
        }
    }
}

/// Why faults are refused. Says where and never what, as with every other body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// Not JSON at all.
    #[error("the faults are not JSON: line {line}, column {column}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A member that is not known, comes twice or has the wrong type.
    #[error(
        "the faults have a member that is unknown, comes twice or is of the wrong type: \
         line {line}, column {column}"
    )]
    NotFaults {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// A member has a value that it cannot have.
    #[error("{member} must be {allowed}")]
    Value {
        /// The member; `for_people[2].error_rate` for one of a person's.
        member: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// The rates make more than all batches.
    #[error("{place}error_rate, hang_rate and garbage_rate together must be at most 1")]
    Rates {
        /// Empty, or `for_people[2].` for a person's.
        place: String,
    },
    /// A person has faults twice.
    #[error("for_people names a person twice")]
    PersonTwice,
    /// More people than fit.
    #[error("for_people has at most {PEOPLE_MAX} people, this one has {people}")]
    TooManyPeople {
        /// How many there are.
        people: usize,
    },
}

fn digits<S: Serializer>(number: &PersonalNumber, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(number.as_str())
}

#[cfg(test)]
mod tests;
