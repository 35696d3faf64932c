//! Empties the projections and builds them again from the log, and says whether they are what they
//! were.
//!
//! What cannot be built again stays: entries of days that were dropped are in no log any more, so
//! that their segments, and the persons in them, are left as they are.

use super::{ProjectionError, SEGMENT_ENTRIES, catch_up};
use crate::store::{ProjectionTable, Store, Unbuilt};

/// One table before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The table.
    pub table: &'static str,
    /// Rows after.
    pub rows: u64,
    /// Whether every row is what it was.
    pub equal: bool,
}

/// What a rebuild came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries of all logs together.
    pub entries: i64,
    /// The tables.
    pub tables: Vec<Compared>,
}

/// Rebuilds the projections of all logs. Nobody else may build them meanwhile.
///
/// If we die on the way, the builder goes on where this ended: tables and progress are emptied in
/// one transaction.
pub async fn rebuild(store: &Store) -> Result<Rebuilt, ProjectionError> {
    let logs = store.checkpoints().await?;
    for log in &logs {
        // What was built is compared with what would have been; if it cannot go on from where it
        // is, it differs, and that is what a rebuild is for.
        if let Err(error) = catch_up(store, &log.log).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the projections cannot go on from where they are");
        }
    }
    let before = digests(store).await?;
    let mut unbuilt = Vec::new();
    for log in &logs {
        let first = store.next_bundle_index(&log.log, 0).await?.unwrap_or(0);
        let first_segment = (first + SEGMENT_ENTRIES - 1) / SEGMENT_ENTRIES;
        unbuilt.push(Unbuilt {
            log: log.log.clone(),
            people_from: first,
            first_segment,
            search_from: first_segment * SEGMENT_ENTRIES,
        });
    }
    store.clear_projections(&unbuilt, [super::SEARCH, super::PEOPLE]).await?;
    for log in &logs {
        catch_up(store, &log.log).await?;
    }
    let after = digests(store).await?;
    let tables = before.into_iter().zip(after).map(|((table, was), (_, is))| Compared {
        table,
        rows: is.0,
        equal: was == is,
    });
    let entries = logs.iter().map(|log| log.tree_size).sum();
    Ok(Rebuilt { entries, tables: tables.collect() })
}

async fn digests(store: &Store) -> Result<Vec<(&'static str, (u64, [u8; 32]))>, ProjectionError> {
    let mut digests = Vec::new();
    for table in ProjectionTable::ALL {
        digests.push((table.name(), store.projection_digest(table).await?));
    }
    Ok(digests)
}
