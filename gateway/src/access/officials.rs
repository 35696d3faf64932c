//! The officials of a client: the list that it has sent is the list.
//!
//! A list is put down by what changes in it, some rows at a time, so that the log's writer does not
//! wait behind a hundred thousand of them; each part is a transaction with its act. What if we die
//! in between? Every part says what it did, and the client, which got no answer, sends the list
//! again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::acts::Administrator;
use crate::audit::RequestIds;
use crate::request::ClientId;
use crate::store::{Store, StoreError, in_time};

/// Officials of one client.
pub const OFFICIALS_MAX: usize = 100_000;
/// Rows that are changed in one transaction.
const PART: usize = 2_000;
/// Times that a list is compared with what is there: whoever sends another one meanwhile undoes it.
const ROUNDS_MAX: usize = 3;

/// What a part may take.
const PART_TIME: Duration = Duration::from_secs(10);
/// Lists on their way at once on one node, one of each client.
const LISTS_MAX: usize = 4;

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

/// Lists on their way: each holds digests and writes rows, so there are few, and one of each client.
#[derive(Debug, Clone, Default)]
pub struct ListTurns(Arc<Mutex<BTreeSet<ClientId>>>);

/// A list's turn, until it is dropped.
#[derive(Debug)]
pub struct ListTurn {
    turns: ListTurns,
    client_id: ClientId,
}

impl ListTurns {
    /// The turn of a client's list; none while there is no room, or another one of this client's
    /// is on its way.
    pub fn begin(&self, client_id: &ClientId) -> Option<ListTurn> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= LISTS_MAX || !taken.insert(client_id.clone()) {
            return None;
        }
        Some(ListTurn { turns: self.clone(), client_id: client_id.clone() })
    }
}

impl Drop for ListTurn {
    fn drop(&mut self) {
        self.turns.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.client_id);
    }
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
        let there = in_time(PART_TIME, known(store, client_id)).await?;
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
            let change = store.change_officials(client_id, added, removed, &act);
            in_time(PART_TIME, change).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_one_list_on_its_way_and_a_node_few() {
        let turns = ListTurns::default();
        let client = |name: &str| ClientId::parse(name).unwrap();
        let first = turns.begin(&client("a"));
        assert!(first.is_some() && turns.begin(&client("a")).is_none());
        let more: Vec<_> = ["b", "c", "d"].map(|name| turns.begin(&client(name))).into();
        assert!(more.iter().all(Option::is_some) && turns.begin(&client("e")).is_none());
        drop(first);
        assert!(turns.begin(&client("a")).is_some());
    }
}
