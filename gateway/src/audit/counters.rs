//! The cubes: what is counted of an entry, and under which key.
//!
//! Pure. A key is a path of fields joined by `|`, which none of the fields can hold:
//!
//! | cube | fields |
//! | --- | --- |
//! | `o` | grain, period, client, on behalf of, operation, purpose, outcome, status |
//! | `a` | grain, period, client, attribute, verdict, reason |
//! | `p` | grain, period, client, prefix of the number, outcome |
//!
//! Grain `h`, `d` or `m`; period `2026112121`, `20261121` or `202611`, Vietnamese time; `-` where
//! a field has no value. Report and recount read the same keys, so they can only differ if an
//! entry was counted wrongly or not at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::entry::{Decided, Entry};
use crate::clock::VietnameseHour;

/// Sums by key, in the order of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, i64>);

impl Counts {
    /// Adds one entry to every cube it belongs to.
    pub fn add(&mut self, entry: &Entry) {
        if !entry.operation.is_counted() {
            return;
        }
        let hour = entry.at.vietnamese_hour();
        let mut tail = String::with_capacity(96);
        self.add_in_cube('o', &hour, &mut tail, |tail| write_outcome(tail, entry));
        self.add_in_cube('p', &hour, &mut tail, |tail| {
            let (client, outcome) = (entry.client.as_str(), entry.outcome().name());
            let _infallible = write!(tail, "{client}|{:03}|{outcome}", entry.subject.prefix);
        });
        let Decided::Answered { findings, .. } = &entry.record else {
            return;
        };
        for (attribute, finding) in findings.iter() {
            self.add_in_cube('a', &hour, &mut tail, |tail| {
                let reason = finding.reason().map_or("-", crate::policy::Reason::name);
                let (client, verdict) = (entry.client.as_str(), finding.verdict().name());
                let _infallible = write!(tail, "{client}|{attribute}|{verdict}|{reason}");
            });
        }
    }

    /// The sums.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(key, &n)| (key.as_str(), n))
    }

    /// Adds other sums to these.
    pub fn merge(&mut self, other: &Self) {
        for (key, n) in other.iter() {
            *self.0.entry(key.to_owned()).or_default() += n;
        }
    }

    /// The sums as a JSON object of key and number.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(2 + self.0.len() * 80);
        json.push('{');
        for (position, (key, n)) in self.0.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
            // Keys are made of codes and names that hold no quote, backslash or control character.
            let _infallible = write!(json, "{comma}\"{key}\":{n}");
        }
        json.push('}');
        json
    }

    fn add_in_cube(
        &mut self,
        cube: char,
        hour: &VietnameseHour,
        key: &mut String,
        write_tail: impl Fn(&mut String),
    ) {
        for grain in ['h', 'd', 'm'] {
            key.clear();
            write_period(key, cube, grain, hour);
            write_tail(key);
            match self.0.get_mut(key.as_str()) {
                Some(n) => *n += 1,
                None => drop(self.0.insert(key.clone(), 1)),
            }
        }
    }
}

fn write_period(key: &mut String, cube: char, grain: char, hour: &VietnameseHour) {
    let (year, month) = (hour.date.year(), hour.date.month());
    let _infallible = write!(key, "{cube}|{grain}|{year:04}{month:02}");
    if grain != 'm' {
        let _infallible = write!(key, "{:02}", hour.date.day());
    }
    if grain == 'h' {
        let _infallible = write!(key, "{:02}", hour.hour);
    }
    key.push('|');
}

fn write_outcome(key: &mut String, entry: &Entry) {
    let on_behalf_of = entry.on_behalf_of.as_ref().map_or("-", |code| code.as_str());
    let _infallible = write!(
        key,
        "{}|{on_behalf_of}|{}|{}|{}|{}",
        entry.client.as_str(),
        entry.operation.name(),
        entry.purpose.as_str(),
        entry.outcome().name(),
        entry.status().name()
    );
}

/// One row of the outcome cube by day, read back from its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeKey<'a> {
    /// Day, `20261121`.
    pub day: &'a str,
    /// Client.
    pub client: &'a str,
    /// Agency acted for, `-` for none.
    pub on_behalf_of: &'a str,
    /// Operation by name.
    pub operation: &'a str,
    /// Purpose code.
    pub purpose: &'a str,
    /// Outcome by name.
    pub outcome: &'a str,
    /// Status by name.
    pub status: &'a str,
}

/// Prefix of the outcome cube by day; a day's digits and `|` follow.
pub const OUTCOMES_BY_DAY: &str = "o|d|";

impl<'a> OutcomeKey<'a> {
    /// Reads a key of the outcome cube by day.
    pub fn parse(key: &'a str) -> Option<Self> {
        let mut fields = key.strip_prefix(OUTCOMES_BY_DAY)?.split('|');
        let parsed = Self {
            day: fields.next()?,
            client: fields.next()?,
            on_behalf_of: fields.next()?,
            operation: fields.next()?,
            purpose: fields.next()?,
            outcome: fields.next()?,
            status: fields.next()?,
        };
        fields.next().is_none().then_some(parsed)
    }
}
