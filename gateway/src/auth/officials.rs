//! Which officials a client has made known: the persons in whose name it asks, by the digests that
//! stand in the log.
//!
//! The store knows. Who was found there is remembered for seconds, so that whoever was taken off the
//! list is refused everywhere soon, and whoever was put on it is found at once. Strangers are not
//! remembered: there are as many as somebody makes up.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::HashMap;

use crate::clock::Clock;
use crate::request::ClientId;
use crate::store::{Store, StoreError, in_time};

/// Officials that are remembered, some 6 MiB.
const REMEMBERED_MAX: usize = 65_536;
/// For how long, monotonic nanoseconds: whoever was taken off a list is to be refused within 5 s.
const REMEMBERED_NANOS: u64 = 4_000_000_000;
/// What looking may take; the request waits.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Keyed digest of an official of a client.
type Digest = [u8; 8];

/// Officials who were found, and when it was begun to look for them.
#[derive(Debug)]
pub struct KnownOfficials {
    clock: Clock,
    found: Mutex<HashMap<(ClientId, Digest), u64>>,
}

impl KnownOfficials {
    /// Starts with nobody remembered.
    pub fn new(clock: Clock) -> Self {
        Self { clock, found: Mutex::default() }
    }

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
        let (key, begun) = ((client_id.clone(), official), self.clock.monotonic_nanos());
        if self.remembers(&key, begun) {
            return Ok(true);
        }
        let look = store.has_official(client_id.as_str(), &official);
        let is_there = in_time(LOOK_MAX, look).await?;
        if is_there {
            self.remember(key, begun);
        }
        Ok(is_there)
    }

    fn remembers(&self, key: &(ClientId, Digest), now: u64) -> bool {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(key).is_some_and(|at| now.saturating_sub(*at) < REMEMBERED_NANOS)
    }

    fn remember(&self, key: (ClientId, Digest), begun: u64) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= REMEMBERED_MAX {
            found.retain(|_, at| begun.saturating_sub(*at) < REMEMBERED_NANOS);
            if found.len() >= REMEMBERED_MAX {
                found.clear();
            }
        }
        found.insert(key, begun);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    #[test]
    fn who_was_found_is_remembered_for_seconds_from_when_it_was_begun_to_look() {
        let (clock, _hand) = Clock::manual(Micros(0));
        let officials = KnownOfficials::new(clock);
        let key = || (ClientId::parse("c").unwrap(), [1; 8]);
        assert!(!officials.remembers(&key(), 0));
        officials.remember(key(), 1_000);
        assert!(officials.remembers(&key(), REMEMBERED_NANOS + 999));
        assert!(!officials.remembers(&key(), REMEMBERED_NANOS + 1_000));
    }
}
