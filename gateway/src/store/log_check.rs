//! What the auditor asks of the log's tables beside what the writer asks of them.

use sqlx::FromRow;

use super::{BundleRow, Store, StoreError};

/// Where the rows of a log begin and end, whatever its checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogExtent {
    /// First index of the first and of the last bundle.
    pub bundles: Option<(i64, i64)>,
    /// For each level that has full tiles: level, first and last index.
    pub tiles: Vec<(i64, i64, i64)>,
}

/// A bundle with all that its row holds.
#[derive(Debug, Clone, FromRow)]
pub struct StoredBundle {
    /// Vietnamese day of the latest entry so far, in days since 1970.
    pub day: i64,
    /// Place and entries.
    #[sqlx(flatten)]
    pub bundle: BundleRow,
}

impl Store {
    /// The first name after `name` under which there is a row in any table of the log: a log
    /// whose checkpoint was deleted is one, too.
    pub async fn log_after(&self, name: &str) -> Result<Option<String>, StoreError> {
        // Three look-ups in primary keys; a union of names would read every row.
        let log = on_pool!(self, (pool, _) => { sqlx::query_scalar(
            "select min(log) from (\
             select min(log) as log from log_checkpoints where log > $1 \
             union all select min(log) from log_bundles where log > $1 \
             union all select min(log) from log_tiles where log > $1) as logs",
        )
        .bind(name)
        .fetch_one(pool).await })?;
        Ok(log)
    }

    /// Where the bundles and tiles of a log begin and end.
    pub async fn log_extent(&self, log: &str) -> Result<LogExtent, StoreError> {
        let (first, last): (Option<i64>, Option<i64>) = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select (select min(first_index) from log_bundles where log = $1), \
             (select max(first_index) from log_bundles where log = $1)",
        )
        .bind(log)
        .fetch_one(pool).await })?;
        let tiles = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select level, min(tile_index), max(tile_index) from log_tiles \
             where log = $1 group by level order by level",
        )
        .bind(log)
        .fetch_all(pool).await })?;
        Ok(LogExtent { bundles: first.zip(last), tiles })
    }

    /// Whole rows of bundles from the one that holds `index` on, in order, at most `limit`.
    pub async fn stored_bundles_from(
        &self,
        log: &str,
        index: i64,
        limit: i64,
    ) -> Result<Vec<StoredBundle>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select first_index, entries_count, day, entries from log_bundles \
             where log = $1 and first_index >= coalesce((select max(first_index) \
             from log_bundles where log = $1 and first_index <= $2), 0) \
             order by first_index, day limit $3",
        )
        .bind(log)
        .bind(index)
        .bind(limit)
        .fetch_all(pool).await })?;
        Ok(rows)
    }
}
