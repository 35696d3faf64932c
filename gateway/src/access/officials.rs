//! The officials of a client: the list that it has sent is the list.
//!
//! A list is put down by what changes in it, some rows at a time, so that the log's writer does not
//! wait behind a hundred thousand of them; each part is a transaction with its act. What if we die
//! in between? Every part says what it did, and the client, which got no answer, sends the list
//! again.

use std::collections::BTreeSet;

use super::acts::Administrator;
use crate::audit::RequestIds;
use crate::store::{Store, StoreError};

/// Officials of one client.
pub const OFFICIALS_MAX: usize = 100_000;
/// Rows that are changed in one transaction.
const PART: usize = 2_000;
/// Times that a list is compared with what is there: whoever sends another one meanwhile undoes it.
const ROUNDS_MAX: usize = 3;

/// Keyed digests of officials.
pub type OfficialDigests = BTreeSet<[u8; 8]>;

/// What became of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOfficials {
    /// Officials on the list.
    pub officials: usize,
    /// Those who were not on it before.
    pub added: usize,
    /// Those who were and are not any more.
    pub removed: usize,
}

/// Why a list is not the list.
#[derive(Debug, thiserror::Error)]
pub enum OfficialsError {
    /// Another list came in meanwhile.
    #[error("another list of officials came in meanwhile")]
    Contended,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a list the client's, and writes down what changed.
///
/// # Errors
/// [`OfficialsError`]; a part of the list may be put down then.
pub async fn put_officials(
    store: &Store,
    by: &Administrator,
    ids: &RequestIds,
    client_id: &str,
    wanted: &OfficialDigests,
) -> Result<ListedOfficials, OfficialsError> {
    let mut listed = ListedOfficials { officials: wanted.len(), added: 0, removed: 0 };
    let mut first = Some(by.request_id);
    for _ in 0..ROUNDS_MAX {
        let there = known(store, client_id).await?;
        let added: Vec<_> = wanted.difference(&there).copied().collect();
        let removed: Vec<_> = there.difference(wanted).copied().collect();
        if added.is_empty() && removed.is_empty() {
            return Ok(listed);
        }
        (listed.added, listed.removed) =
            (listed.added + added.len(), listed.removed + removed.len());
        let parts = added.len().max(removed.len()).div_ceil(PART);
        for part in 0..parts {
            let (added, removed) = (part_of(&added, part), part_of(&removed, part));
            let request_id = first.take().unwrap_or_else(|| ids.next(by.at));
            let by = Administrator { request_id, ..by.clone() };
            let (more, less) = (added.len(), removed.len());
            let act =
                by.act("officials-changed", client_id, Some(format!("{more} on, {less} off")));
            store.change_officials(client_id, added, removed, &act).await?;
        }
    }
    Err(OfficialsError::Contended)
}

fn part_of(officials: &[[u8; 8]], part: usize) -> &[[u8; 8]] {
    officials.chunks(PART).nth(part).unwrap_or_default()
}

async fn known(store: &Store, client_id: &str) -> Result<OfficialDigests, StoreError> {
    let rows = store.officials(client_id).await?;
    let digest = |row: Vec<u8>| {
        let inconsistent =
            || StoreError::Inconsistent { table: "officials", row: client_id.to_owned() };
        <[u8; 8]>::try_from(row).map_err(|_| inconsistent())
    };
    rows.into_iter().map(digest).collect()
}
