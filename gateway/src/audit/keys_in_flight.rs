//! Idempotency keys of requests that are on their way in this process: the same request sent twice
//! at once is decided once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::IdempotencyKey;
use crate::request::ClientId;

/// The keys; as many as there are requests on their way.
#[derive(Debug, Default)]
pub struct KeysInFlight(Mutex<HashSet<(ClientId, [u8; 16])>>);

impl KeysInFlight {
    /// Takes a client's key; false where another request has it.
    pub fn take(&self, key: &IdempotencyKey) -> bool {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert((key.client.clone(), key.key_digest))
    }

    /// Gives a key back whose request has ended.
    pub fn give_back(&self, key: &IdempotencyKey) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&(key.client.clone(), key.key_digest));
    }
}
