//! The batch contract: what a caller sends and what the register answers, byte for byte.
//!
//! Requests are read without copying, answers written into one buffer: a gateway under load sends
//! tens of thousands of items a second to this process, on the same machine.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

use crate::digits::{Digits, PersonalNumber};
use crate::field::{Field, FieldSet};
use crate::{AS_OF, Hit, Key, Nation, json};

/// Items of one batch: the largest the contract allows.
const ITEMS_MAX: usize = 1_000;

/// Bytes to set aside per item: a person with a name, a date and two places.
const ANSWER_BYTES_PER_ITEM: usize = 320;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

/// One question: a key and the fields wanted about whoever it leads to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item<'a> {
    #[serde(borrow)]
    key: WireKey<'a>,
    fields: FieldSet,
}

impl Item<'_> {
    /// The personal numbers that are asked about: the one that is the key, issued or not, and those
    /// of the people that it or another key leads to.
    pub(super) fn asks_about(&self, nation: &Nation) -> impl Iterator<Item = PersonalNumber> {
        let key = self.key.parse();
        let (asked, present, others) = match key {
            Some(Key::PersonalId(number)) => (Some(number), nation.present_number(number), None),
            Some(Key::OldIdNumber(_) | Key::InsuranceNumber(_)) | None => (None, None, key),
        };
        let others = others.into_iter().flat_map(|key| nation.find_by(key));
        asked.into_iter().chain(present).chain(others.map(|hit| hit.person.personal_id))
    }
}

/// What leads to a person. A key that is no number at all leads to nobody: one bad item must not
/// spoil a batch.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireKey<'a> {
    PersonalId(#[serde(borrow)] Cow<'a, str>),
    OldIdNumber(#[serde(borrow)] Cow<'a, str>),
    InsuranceNumber(#[serde(borrow)] Cow<'a, str>),
}

impl WireKey<'_> {
    fn parse(&self) -> Option<Key> {
        match self {
            Self::PersonalId(number) => PersonalNumber::parse(number).map(Key::PersonalId),
            Self::OldIdNumber(number) => Digits::parse(number).map(Key::OldIdNumber),
            Self::InsuranceNumber(number) => Digits::parse(number).map(Key::InsuranceNumber),
        }
    }
}

/// Why a body is not a batch. Says where and never what: the body may hold personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    NotJson { line: usize, column: usize },
    NotABatch { line: usize, column: usize },
    Size { items: usize },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { line, column } => {
                write!(f, "the body is not JSON: line {line}, column {column}")
            }
            Self::NotABatch { line, column } => {
                write!(f, "the body is not a batch: line {line}, column {column}")
            }
            Self::Size { items } => {
                write!(f, "a batch has 1 to {ITEMS_MAX} items, this one has {items}")
            }
        }
    }
}

/// Reads a batch.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Item<'_>>, Malformed> {
    let batch: Batch<'_> = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_data() {
            return Malformed::NotABatch { line, column };
        }
        Malformed::NotJson { line, column }
    })?;
    if !(1..=ITEMS_MAX).contains(&batch.items.len()) {
        return Err(Malformed::Size { items: batch.items.len() });
    }
    Ok(batch.items)
}

/// Answers the items in the order asked.
pub(super) fn answer(nation: &Nation, items: &[Item<'_>]) -> String {
    let mut out = String::with_capacity(64 + items.len() * ANSWER_BYTES_PER_ITEM);
    out.push('{');
    json::member(&mut out, "as_of", AS_OF);
    out.push_str(",\"items\":[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str("{\"persons\":[");
        let hits = item.key.parse().into_iter().flat_map(|key| nation.find_by(key));
        for (index, hit) in hits.enumerate() {
            if index > 0 {
                out.push(',');
            }
            write(&mut out, &hit, item.fields);
            if item.fields.contains(Field::SupersededNumbers) {
                let numbers: Vec<_> = nation.superseded_numbers(hit.ordinal).collect();
                out.push(',');
                json::numbers(&mut out, Field::SupersededNumbers.name(), &numbers);
            }
            out.push('}');
        }
        out.push_str("]}");
    }
    out.push_str("]}");
    out
}

/// Writes a person but for the closing brace.
fn write(out: &mut String, hit: &Hit, fields: FieldSet) {
    let person = &hit.person;
    out.push('{');
    json::member(out, "personal_id", person.personal_id.as_str());
    out.push(',');
    json::member(out, "status", person.status().name());
    out.push_str(if hit.superseded { ",\"superseded\":true" } else { ",\"superseded\":false" });
    json::fields(out, person, fields);
}
