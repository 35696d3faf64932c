//! Which officials a client has made known: the persons in whose name it asks, by the digests that
//! stand in the log.
//!
//! The store knows. Who was found there is remembered until anything of the directory changes, so
//! that whoever was taken off the list is refused everywhere within seconds, and whoever was put on
//! it is found at once. Strangers are not remembered: there are as many as somebody makes up.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::HashSet;

use crate::request::ClientId;
use crate::store::{Store, StoreError, in_time};

/// Officials that are remembered, some 6 MiB.
const REMEMBERED_MAX: usize = 65_536;
/// What looking may take; the request waits.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Keyed digest of an official of a client.
type Digest = [u8; 8];

/// Officials who were found.
#[derive(Debug, Default)]
pub struct KnownOfficials(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    found: HashSet<(ClientId, Digest)>,
    /// Grows when all is forgotten: who was looked for before is not remembered after.
    turn: u64,
}

impl KnownOfficials {
    /// Whether a client has made an official known.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn know(
        &self,
        store: &Store,
        client_id: &ClientId,
        official: Digest,
    ) -> Result<bool, StoreError> {
        let key = (client_id.clone(), official);
        let Some(turn) = self.remembered(&key) else { return Ok(true) };
        let look = store.has_official(client_id.as_str(), &official);
        let is_there = in_time(LOOK_MAX, look).await?;
        if is_there {
            self.remember(key, turn);
        }
        Ok(is_there)
    }

    /// Forgets everybody: lists may have changed.
    pub fn forget(&self) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.found.clear();
        remembered.turn += 1;
    }

    /// The turn in which to look; none where the official is remembered.
    fn remembered(&self, key: &(ClientId, Digest)) -> Option<u64> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!remembered.found.contains(key)).then_some(remembered.turn)
    }

    fn remember(&self, key: (ClientId, Digest), turn: u64) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.turn != turn {
            return;
        }
        if remembered.found.len() >= REMEMBERED_MAX {
            remembered.found.clear();
        }
        remembered.found.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_found_before_all_was_forgotten_is_not_remembered_after() {
        let officials = KnownOfficials::default();
        let key = || (ClientId::parse("c").unwrap(), [1; 8]);
        let turn = officials.remembered(&key()).unwrap();
        officials.forget();
        officials.remember(key(), turn);
        let turn = officials.remembered(&key()).unwrap();
        officials.remember(key(), turn);
        assert_eq!(officials.remembered(&key()), None);
    }
}
