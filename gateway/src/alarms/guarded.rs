//! Clients that use up the guess budgets of many people: an hour for each, in bounded memory.

use std::sync::{Mutex, PoisonError};

use foldhash::{HashMap, HashSet};

use super::kind::AlarmKind;
use super::rules::{Figures, Normal, Raised};
use super::watch::CLIENTS_MAX;
use super::window::Span;
use crate::clock::Micros;
use crate::request::ClientId;

/// How long guesses are added up, in seconds.
const HOUR: i64 = 3_600;

/// Guesses that budgets had no room for.
#[derive(Debug, Default)]
pub struct Guarded(Mutex<HashMap<ClientId, Window>>);

#[derive(Debug)]
struct Window {
    from: Micros,
    /// On whom: keyed digests, as many as make an alarm at most.
    subjects: HashSet<u64>,
    /// Whether an alarm was raised and is not over.
    stands: bool,
}

impl Guarded {
    /// Adds one on a person; the alarm, where it is the one that makes it.
    pub fn note(
        &self,
        client: &ClientId,
        subject: u64,
        at: Micros,
        limit: usize,
    ) -> Option<Raised> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !windows.contains_key(client) && windows.len() >= CLIENTS_MAX {
            return None;
        }
        let new = || Window { from: at, subjects: HashSet::default(), stands: false };
        let window = windows.entry(client.clone()).or_insert_with(new);
        if window.is_past(at) {
            (window.from, window.subjects) = (at, HashSet::default());
        }
        let makes_it = window.subjects.len() + 1 == limit && window.subjects.insert(subject);
        if !makes_it {
            if window.subjects.len() < limit {
                window.subjects.insert(subject);
            }
            return None;
        }
        window.stands = true;
        let figures = Figures {
            observed: limit as f64,
            habit: None,
            limit: limit as f64,
            clients: Vec::new(),
        };
        Some(Raised {
            kind: AlarmKind::Guessing,
            client: Some(client.clone()),
            about: String::new(),
            span: Span { from: window.from, to: at, answers: 0 },
            figures,
        })
    }

    /// Clients that have had an hour with less than half of what makes an alarm.
    pub fn calm(&self, now: Micros, limit: usize) -> Vec<Normal> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut calm = Vec::new();
        windows.retain(|client, window| {
            if !window.is_past(now) {
                return true;
            }
            let is_calm = window.subjects.len() * 2 < limit;
            if is_calm && window.stands {
                calm.push(normal(client));
            }
            (window.from, window.subjects) = (now, HashSet::default());
            !is_calm
        });
        calm
    }

    /// Those of `clients` on whose behalf nothing was refused within the hour: what was raised before a
    /// start is over.
    pub fn others(&self, clients: impl Iterator<Item = ClientId>) -> Vec<Normal> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.filter(|client| !windows.contains_key(client)).map(|it| normal(&it)).collect()
    }
}

impl Window {
    fn is_past(&self, now: Micros) -> bool {
        self.from.plus_seconds(HOUR) <= now
    }
}

fn normal(client: &ClientId) -> Normal {
    Normal { kind: AlarmKind::Guessing, client: Some(client.clone()), about: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn id(name: &str) -> ClientId {
        ClientId::parse(name).unwrap()
    }

    #[test]
    fn many_people_in_an_hour_make_one_alarm_and_a_calm_hour_ends_it() {
        let (guarded, client) = (Guarded::default(), id("a"));
        let note = |subject, at| guarded.note(&client, subject, Micros(at), 20);
        for subject in 0..19 {
            assert!(note(subject, SECOND).is_none());
            assert!(note(subject, SECOND).is_none(), "the same person again");
        }
        let raised = note(19, 5 * SECOND).unwrap();
        assert_eq!((raised.figures.observed, raised.client), (20.0, Some(client.clone())));
        assert!(note(20, 6 * SECOND).is_none(), "once");
        let calm = |hours: i64| guarded.calm(Micros(1 + SECOND + hours * 3_600 * SECOND), 20);
        assert!(calm(0).is_empty());
        assert!(calm(1).is_empty(), "that hour was not calm");
        assert_eq!(guarded.others([client.clone(), id("b")].into_iter()), [normal(&id("b"))]);
        assert_eq!(calm(2), [normal(&client)]);
        assert!(calm(3).is_empty());
    }

    #[test]
    fn a_few_people_each_hour_make_none() {
        let (guarded, client) = (Guarded::default(), id("a"));
        for hour in 0..50 {
            for subject in 0..19 {
                let at = Micros(hour * 3_600 * SECOND + SECOND);
                assert!(guarded.note(&client, subject, at, 20).is_none());
            }
        }
        assert_eq!(guarded.calm(Micros(60 * 3_600 * SECOND), 20), []);
    }
}
