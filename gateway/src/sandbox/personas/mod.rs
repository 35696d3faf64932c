//! Personas: made-up people, each of whom forces one answer, so that a newcomer can see every
//! answer that the gateway can give.
//!
//! `data/sandbox/personas.csv` has a row for each: who they are, how they are asked for and with
//! what claims, by which client, and what comes of it today. When the gateway learns to recognise
//! more, the row's expectation changes and nothing else. States of insurance come with the
//! insurance endpoint: as values of [`Who`] and rows of an operation of their own.
//!
//! [`cast`] finds the person, [`change`] makes the claims of them, [`written`] writes both down.

mod cast;
mod change;
mod key;
mod misspelling;
mod request;
#[cfg(test)]
mod tests;
mod written;

use mock_population_db::Nation;
use mock_population_db::server::{Misbehaviour, PersonFaults};
use serde::Deserialize;

use super::tables::{PERSONAS_TABLE, rows};
use crate::cli::CliError;
use crate::population::SubjectTokens;
use cast::{Found, Who};
use change::Change;
use key::{KeyForm, Keys};
use request::Request;
pub(super) use written::{to_csv, to_json};

/// Longer than usual and within the two seconds that the gateway waits.
const SLOW_MS: u32 = 500;
/// Longer than it waits.
const TOO_SLOW_MS: u32 = 5_000;

/// A person with the request that is made about them.
#[derive(Debug)]
pub(super) struct Persona {
    row: Row,
    found: Found,
    request: Request,
}

/// A row of the table.
#[derive(Debug, Clone, Deserialize)]
struct Row {
    /// Its name, from which the search for the person begins: who is found for one row does not
    /// depend on the others.
    persona: String,
    /// What it is there for: a kind and a word.
    forces: String,
    client_id: String,
    purpose: String,
    who: Who,
    /// Another row of the same [`Who`], whose person this one is too.
    same_person_as: Option<String>,
    key: KeyForm,
    change: Change,
    register: Register,
    expected_http: u16,
    expected_outcome: Option<String>,
    expected_status: Option<String>,
    /// The attribute that it is about.
    attribute: Option<String>,
    expected_verdict: Option<String>,
    expected_reason: Option<String>,
    expected_advice: Option<String>,
    vi: String,
    en: String,
}

/// How the register behaves when it is asked about the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Register {
    #[serde(rename = "")]
    Well,
    Slow,
    TooSlow,
    Hangs,
    Down,
    TooManyRequests,
    Unavailable,
    Garbage,
}

/// Finds everybody. `tokens` are the gateway's that will be asked.
///
/// # Errors
/// For a nation without such people. A test holds the sandbox's nation to have them.
pub(super) fn find(nation: &Nation, tokens: &SubjectTokens) -> Result<Vec<Persona>, CliError> {
    let find = |row: Row| {
        let missing = format!("the nation has nobody for the persona {}", row.persona);
        Persona::find(Keys { nation, tokens }, row).ok_or(CliError::Failed(missing))
    };
    rows(PERSONAS_TABLE).into_iter().map(find).collect()
}

/// What stands against the personas whom the register treats badly.
pub(super) fn faults(personas: &[Persona]) -> Vec<PersonFaults> {
    let faults = |persona: &Persona| {
        let misbehaviour = persona.row.register.misbehaviour()?;
        Some(PersonFaults { personal_id: persona.found.person.personal_id, misbehaviour })
    };
    personas.iter().filter_map(faults).collect()
}

impl Persona {
    /// The first of those who could be meant of whom the request can be made.
    fn find(keys: Keys<'_>, row: Row) -> Option<Self> {
        let cast_as = row.same_person_as.as_ref().unwrap_or(&row.persona);
        let (request, found) = cast::candidates(keys.nation, row.who, cast_as)
            .find_map(|found| Some((Request::about(keys, &found, &row)?, found)))?;
        Some(Self { row, found, request })
    }
}

impl Register {
    fn misbehaviour(self) -> Option<Misbehaviour> {
        let well = Misbehaviour::default();
        match self {
            Self::Well => None,
            Self::Slow => Some(Misbehaviour { latency_ms: SLOW_MS, ..well }),
            Self::TooSlow => Some(Misbehaviour { latency_ms: TOO_SLOW_MS, ..well }),
            Self::Hangs => Some(Misbehaviour { hang_rate: 1.0, ..well }),
            Self::Down => Some(Misbehaviour { outage: true, ..well }),
            Self::TooManyRequests => {
                Some(Misbehaviour { error_rate: 1.0, error_status: 429, ..well })
            }
            Self::Unavailable => Some(Misbehaviour { error_rate: 1.0, ..well }),
            Self::Garbage => Some(Misbehaviour { garbage_rate: 1.0, ..well }),
        }
    }
}
