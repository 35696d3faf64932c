//! An answer given again: a request whose idempotency key was used before gets what its entry says,
//! and is neither decided nor counted a second time.
//!
//! What the log does not hold is read again: numbers of persons from the register, where they must
//! be those whose pseudonym the entry has, and what others asked about them from the logs.

mod history;
mod verification;

pub use history::history;
pub use verification::verify;

use std::collections::HashMap;

use crate::app::App;
use crate::audit::{self, IdempotencyKey, LogEntry, Receipt};
use crate::clock::Micros;
use crate::store::{IdempotencyRow, StoreError};

/// What is known of a key.
#[derive(Debug)]
pub enum Known {
    /// Nobody has used it within a day.
    Unused,
    /// It was used for the same request.
    Same(IdempotencyRow),
    /// It was used for another request.
    Other,
}

/// Looks a key up.
pub async fn find(app: &App, key: &IdempotencyKey, now: Micros) -> Result<Known, StoreError> {
    let (client, after_us) = (key.client.as_str(), now.0 - audit::KEY_HELD_US);
    let row = app.store.idempotency_key(client, &key.key_digest, after_us).await?;
    Ok(match row {
        None => Known::Unused,
        Some(row) if row.body_digest == key.body_digest => Known::Same(row),
        Some(_) => Known::Other,
    })
}

/// Looks the keys of one request's items up: of each the row, if it was used; `None` where any of them
/// was used for another request.
pub async fn find_items(
    app: &App,
    keys: &[IdempotencyKey],
    now: Micros,
) -> Result<Option<Vec<Option<IdempotencyRow>>>, StoreError> {
    let Some(IdempotencyKey { client, body_digest, .. }) = keys.first() else {
        return Ok(Some(Vec::new()));
    };
    let digests: Vec<[u8; 16]> = keys.iter().map(|key| key.key_digest).collect();
    let after_us = now.0 - audit::KEY_HELD_US;
    let used = app.store.idempotency_keys(client.as_str(), &digests, after_us).await?;
    if used.iter().any(|used| used.row.body_digest != body_digest) {
        return Ok(None);
    }
    let mut used: HashMap<Vec<u8>, IdempotencyRow> =
        used.into_iter().map(|used| (used.key_digest, used.row)).collect();
    Ok(Some(digests.iter().map(|digest| used.remove(&digest[..])).collect()))
}

/// The entry where the answer to a request stands, with its receipt.
async fn entry_of(app: &App, row: &IdempotencyRow) -> Result<(LogEntry, Receipt), StoreError> {
    let read = audit::read_entry(&app.store, &row.log, row.entry_index as u64).await?;
    read.ok_or_else(|| inconsistent(row))
}

/// A key leads to no entry, or to one that no such request leaves.
fn inconsistent(row: &IdempotencyRow) -> StoreError {
    let row = format!("{}/{}", row.log, row.entry_index);
    StoreError::Inconsistent { table: "idempotency_keys", row }
}
