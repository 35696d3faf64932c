//! What is counted of an entry. [`Cube`] says under which keys.
//!
//! Pure. Report and recount read the same keys, so they can only differ if an entry was counted
//! wrongly or not at all.

use std::fmt::Write as _;

use foldhash::HashMap;

use super::cube::{Cube, Grain};
use super::entry::{Decided, Dispute, Entry, LogEntry};
use super::sums::Sums;
use crate::clock::VietnameseHour;
use crate::matching::Outcome;
use crate::policy::Reason;

/// Sums by key. Kept by the hour; the other grains are made when they are read out, because a
/// thousand entries have few different keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    cubes: &'static [Cube],
    hours: HashMap<String, i64>,
    entries: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self::of(&Cube::ALL)
    }
}

impl Counts {
    /// Counts in these cubes only.
    pub fn of(cubes: &'static [Cube]) -> Self {
        Self { cubes, hours: HashMap::default(), entries: 0 }
    }

    /// Adds one entry to every cube it belongs to.
    pub fn add(&mut self, entry: &LogEntry) {
        self.entries += 1;
        match entry {
            LogEntry::Request(entry) if entry.operation.is_counted() => self.add_request(entry),
            LogEntry::Dispute(dispute) => self.add_dispute(dispute),
            LogEntry::Request(_) | LogEntry::Act(_) | LogEntry::Totals(_) => {}
        }
    }

    fn add_request(&mut self, entry: &Entry) {
        let Some(outcome) = entry.outcome() else { return };
        let hour = entry.at.vietnamese_hour();
        let mut key = String::with_capacity(112);
        self.add_in_cube(Cube::Outcomes, hour, &mut key, |key| write_outcome(key, entry, outcome));
        self.add_in_cube(Cube::Provinces, hour, &mut key, |key| {
            let (client, prefix) = (entry.client.as_str(), entry.subject.prefix);
            let _infallible = write!(key, "{client}|{prefix:03}|{}", outcome.name());
        });
        let Decided::Answered { findings, .. } = &entry.record else { return };
        for (attribute, finding) in findings.iter() {
            self.add_in_cube(Cube::Attributes, hour, &mut key, |key| {
                let reason = finding.reason().map_or("-", Reason::name);
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

    fn add_dispute(&mut self, dispute: &Dispute) {
        let mut key = String::with_capacity(112);
        self.add_in_cube(Cube::Disputes, dispute.at.vietnamese_hour(), &mut key, |key| {
            let _infallible = write!(
                key,
                "{}|{}|{}|{}|{}",
                dispute.client.as_str(),
                dispute.operation.name(),
                dispute.purpose.as_str(),
                dispute.reason.map_or("-", Reason::name),
                dispute.state.name()
            );
        });
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

    /// The sums by the hour, with keys of that grain, in no order.
    pub fn hours(&self) -> impl Iterator<Item = (&str, i64)> {
        self.hours.iter().map(|(key, n)| (key.as_str(), *n))
    }

    /// The sums of every grain.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for (key, n) in &self.hours {
            // A key begins with cube, `|h|` and ten digits: `o|h|2026112121|...`.
            let (cube, hour, tail) = (Cube::find(&key[..1]), &key[4..14], &key[15..]);
            sums.add(cube, &Grain::ALL, hour, tail, *n);
        }
        sums
    }

    fn add_in_cube(
        &mut self,
        cube: Cube,
        hour: VietnameseHour,
        key: &mut String,
        write_tail: impl Fn(&mut String),
    ) {
        if !self.cubes.contains(&cube) {
            return;
        }
        key.clear();
        let (date, hour) = (hour.date, hour.hour);
        let _infallible = write!(
            key,
            "{}|h|{:04}{:02}{:02}{hour:02}|",
            cube.letter(),
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
