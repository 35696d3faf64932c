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

use foldhash::HashMap;

use super::entry::{Decided, Entry, LogEntry};
use crate::clock::VietnameseHour;
use crate::matching::Outcome;

/// Sums by key. Kept by the hour; days and months are made when they are read out, because a
/// thousand entries have few different keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    hours: HashMap<String, i64>,
    entries: u64,
}

impl Counts {
    /// Adds one entry to every cube it belongs to.
    pub fn add(&mut self, entry: &LogEntry) {
        self.entries += 1;
        match entry {
            LogEntry::Request(entry) if entry.operation.is_counted() => self.add_request(entry),
            LogEntry::Request(_)
            | LogEntry::Act(_)
            | LogEntry::Dispute(_)
            | LogEntry::Totals(_) => {}
        }
    }

    fn add_request(&mut self, entry: &Entry) {
        let Some(outcome) = entry.outcome() else { return };
        let hour = entry.at.vietnamese_hour();
        let mut key = String::with_capacity(112);
        self.add_in_cube('o', hour, &mut key, |key| write_outcome(key, entry, outcome));
        self.add_in_cube('p', hour, &mut key, |key| {
            let (client, prefix) = (entry.client.as_str(), entry.subject.prefix);
            let _infallible = write!(key, "{client}|{prefix:03}|{}", outcome.name());
        });
        let Decided::Answered { findings, .. } = &entry.record else { return };
        for (attribute, finding) in findings.iter() {
            self.add_in_cube('a', hour, &mut key, |key| {
                let reason = finding.reason().map_or("-", crate::policy::Reason::name);
                for part in [
                    entry.client.as_str(),
                    "|",
                    attribute.name(),
                    "|",
                    finding.verdict().name(),
                    "|",
                    reason,
                ] {
                    key.push_str(part);
                }
            });
        }
    }

    /// Adds what others have counted.
    pub fn merge(&mut self, others: Self) {
        self.entries += others.entries;
        for (key, n) in others.hours {
            *self.hours.entry(key).or_default() += n;
        }
    }

    /// Puts the sums of a day in the place of what was counted of it; `day` as it stands in keys.
    /// Of its rows, those by the hour count: all others are made of them.
    pub fn replace_day<'a>(&mut self, day: &str, rows: impl IntoIterator<Item = (&'a str, i64)>) {
        // A key begins with cube, `|h|` and ten digits: `o|h|2026112121|...`.
        self.hours.retain(|key, _| &key[4..12] != day);
        for (key, n) in rows {
            if key.get(1..4) == Some("|h|") && key.get(4..12) == Some(day) {
                self.hours.insert(key.to_owned(), n);
            }
        }
    }

    /// Entries that were added, counted ones or not.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The sums by hour, day and month, in the order of their keys.
    pub fn by_key(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for (key, n) in &self.hours {
            // A key begins with cube, `|h|` and ten digits: `o|h|2026112121|...`.
            let (cube, hour, rest) = (&key[..1], &key[4..14], &key[14..]);
            for (grain, period) in [('h', hour), ('d', &hour[..8]), ('m', &hour[..6])] {
                *sums.entry(format!("{cube}|{grain}|{period}{rest}")).or_default() += n;
            }
        }
        sums
    }

    /// The sums as a JSON object of key and number.
    pub fn to_json(&self) -> String {
        let sums = self.by_key();
        let mut json = String::with_capacity(2 + sums.len() * 80);
        json.push('{');
        for (position, (key, n)) in sums.iter().enumerate() {
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
        hour: VietnameseHour,
        key: &mut String,
        write_tail: impl Fn(&mut String),
    ) {
        key.clear();
        let (date, hour) = (hour.date, hour.hour);
        let _infallible = write!(
            key,
            "{cube}|h|{:04}{:02}{:02}{hour:02}|",
            date.year(),
            date.month(),
            date.day()
        );
        write_tail(key);
        match self.hours.get_mut(key.as_str()) {
            Some(n) => *n += 1,
            None => drop(self.hours.insert(key.clone(), 1)),
        }
    }
}

fn write_outcome(key: &mut String, entry: &Entry, outcome: Outcome) {
    let on_behalf_of = entry.on_behalf_of.as_ref().map_or("-", |code| code.as_str());
    let _infallible = write!(
        key,
        "{}|{on_behalf_of}|{}|{}|{}|{}",
        entry.client.as_str(),
        entry.operation.name(),
        entry.purpose.as_str(),
        outcome.name(),
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
