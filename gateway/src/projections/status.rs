//! How far the projections are behind their logs.

use super::ProjectionError;
use crate::store::Store;

/// How far the projections of one log have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Name of the log.
    pub log: String,
    /// Number of its entries.
    pub entries: i64,
    /// Entries covered by the search; it covers whole segments of 65,536.
    pub search: i64,
    /// Entries covered by citizen history and distinct persons.
    pub people: i64,
}

impl Status {
    /// Entries that citizen history and distinct persons do not cover.
    pub fn people_behind(&self) -> i64 {
        (self.entries - self.people).max(0)
    }

    /// Entries that the search does not cover.
    pub fn search_behind(&self) -> i64 {
        (self.entries - self.search).max(0)
    }
}

/// Where the projections of every log stand.
pub async fn status(store: &Store) -> Result<Vec<Status>, ProjectionError> {
    let mut all = Vec::new();
    for checkpoint in store.checkpoints().await? {
        let covered = super::progress(store, &checkpoint.log).await?;
        all.push(Status {
            log: checkpoint.log,
            entries: checkpoint.tree_size,
            search: covered.search,
            people: covered.people,
        });
    }
    Ok(all)
}
