//! When credentials were last good, on the way to the store: by the minute, and never in the way
//! of a request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::clock::Micros;
use crate::request::ClientId;
use crate::store::CredentialUse;

/// A use is noted by the minute.
const MINUTE_US: i64 = 60_000_000;
/// Credentials remembered as noted; two for each of 12,900 health facilities fit. Full: all go, and
/// some are written twice a minute.
const NOTED_MAX: usize = 65_536;

/// Uses that are not written down yet, and the minute in which each credential was noted last.
#[derive(Debug, Default)]
pub struct CredentialUses(Mutex<Uses>);

#[derive(Debug, Default)]
struct Uses {
    noted: HashMap<(ClientId, CredentialUse), i64>,
    waiting: HashMap<(ClientId, CredentialUse), i64>,
}

impl CredentialUses {
    /// Notes that a credential was good for a token.
    pub fn note(&self, client_id: &ClientId, credential: CredentialUse, now: Micros) {
        let minute_us = now.0 - now.0.rem_euclid(MINUTE_US);
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (client_id.clone(), credential);
        if uses.noted.get(&key).is_some_and(|noted| *noted >= minute_us) {
            return;
        }
        if uses.noted.len() >= NOTED_MAX {
            uses.noted.clear();
        }
        uses.noted.insert(key.clone(), minute_us);
        uses.waiting.insert(key, minute_us);
    }

    /// Takes at most `limit` of what waits to be written down, in one order everywhere: rows are locked
    /// in it.
    pub fn take(&self, limit: usize) -> Vec<(String, CredentialUse, i64)> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken: Vec<_> = uses.waiting.keys().take(limit).cloned().collect();
        let mut taken: Vec<_> = taken
            .into_iter()
            .filter_map(|key| {
                let at = uses.waiting.remove(&key)?;
                Some((key.0.as_str().to_owned(), key.1, at))
            })
            .collect();
        taken.sort_unstable();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_written_once_a_minute() {
        let uses = CredentialUses::default();
        let client = ClientId::parse("c").unwrap();
        let secret = || CredentialUse::Secret { hash: "h".into() };
        uses.note(&client, secret(), Micros(61_000_000));
        uses.note(&client, secret(), Micros(119_000_000));
        assert_eq!(uses.take(9), [("c".into(), secret(), 60_000_000)]);
        uses.note(&client, secret(), Micros(119_999_999));
        assert_eq!(uses.take(9), []);
        uses.note(&client, secret(), Micros(120_000_000));
        uses.note(&client, CredentialUse::Key { kid: "k".into() }, Micros(120_000_000));
        assert_eq!((uses.take(1).len(), uses.take(9).len(), uses.take(9).len()), (1, 1, 0));
    }

    #[test]
    fn uses_come_in_one_order_whatever_the_order_of_their_requests() {
        let note = |numbers: Vec<u32>| {
            let uses = CredentialUses::default();
            for number in numbers {
                let client = ClientId::parse(&format!("c{number:02}")).unwrap();
                uses.note(&client, CredentialUse::Secret { hash: "h".into() }, Micros(0));
                uses.note(&client, CredentialUse::Key { kid: "k".into() }, Micros(0));
            }
            uses.take(256)
        };
        let taken = note((0..99).collect());
        assert!(taken.is_sorted());
        assert_eq!(taken, note((0..99).rev().collect()));
    }
}
