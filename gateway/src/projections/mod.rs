//! What is built from the log behind its writer, so that questions need not read it from its first
//! byte: operator search, citizen history, distinct persons. Tables and guarantees are in
//! `docs/projections.md`.
//!
//! Nothing here proves anything: an index leads to entries, and entries are what is shown.

mod builder;
mod candidates;
mod cursor;
mod follow;
mod history;
mod marks;
mod people;
mod postings;
mod reader;
mod rebuild;
mod search;
mod segment;
mod status;
mod terms;
mod walk;

pub use builder::catch_up;
pub use cursor::Cursor;
pub use follow::Follower;
pub use history::{covered_history, history, quarters};
pub use people::vietnamese_month;
pub use rebuild::{Compared, Rebuilt, rebuild};
pub use search::search;
pub use status::{Status, status};
pub use terms::{Filter, Why};
pub use walk::{Hit, Look, Page};

use crate::audit::EntryError;
use crate::store::{PEOPLE, Store, StoreError};
use postings::SEGMENT_ENTRIES;

/// Name of the search's progress.
const SEARCH: &str = "search";

/// Why a projection was not built or not read.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no log of this name.
    #[error("there is no log {log}")]
    NoSuchLog {
        /// The name.
        log: String,
    },
    /// An entry cannot be read.
    #[error("log {log}: entry {index} cannot be read")]
    Entry {
        /// The log.
        log: String,
        /// Where.
        index: i64,
        /// Why.
        #[source]
        source: EntryError,
    },
    /// Somebody else builds the projections of this log.
    #[error("the projections of log {log} are built by somebody else")]
    Overtaken {
        /// The log.
        log: String,
    },
    /// The projections of a log have so much to catch up with that a page would take too long.
    #[error("the projections of log {log} are {entries} entries behind")]
    Behind {
        /// The log.
        log: String,
        /// Entries that are not covered.
        entries: i64,
    },
}

/// The first entries of a log that its projections do not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Covered {
    /// Search: a multiple of 65,536.
    search: i64,
    /// Persons.
    people: i64,
}

async fn progress(store: &Store, log: &str) -> Result<Covered, ProjectionError> {
    let rows = store.projection_progress(log).await?;
    let next = |name| rows.iter().find(|row| row.name == name).map_or(0, |row| row.next_index);
    Ok(Covered { search: next(SEARCH), people: next(PEOPLE) })
}

#[cfg(test)]
mod tests;
