//! Reading the log's tables: bundles, tiles and checkpoints.

use std::ops::Range;

use sqlx::FromRow;

use super::{Store, StoreError};

/// How far a log reaches.
#[derive(Debug, Clone, FromRow)]
pub struct CheckpointRow {
    /// Name of the log.
    pub log: String,
    /// Number of entries.
    pub tree_size: i64,
    /// Number of entries that the counters cover.
    pub counted_size: i64,
    /// Signed checkpoint (C2SP `checkpoint`).
    pub note: String,
}

/// The entries of one commit.
#[derive(Debug, Clone, FromRow)]
pub struct BundleRow {
    /// Index of the first entry.
    pub first_index: i64,
    /// Number of entries.
    pub entries_count: i64,
    /// The entries, each after its length as big-endian `uint16`.
    pub entries: Vec<u8>,
}

/// A full hash tile.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TileRow {
    /// Level, 0 above the entries.
    pub level: i64,
    /// Index within the level.
    pub tile_index: i64,
    /// 256 hashes of 32 bytes.
    pub hashes: Vec<u8>,
}

impl Store {
    /// The checkpoint of a log.
    pub async fn checkpoint(&self, log: &str) -> Result<Option<CheckpointRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select log, tree_size, counted_size, note from log_checkpoints where log = $1",
        )
        .bind(log)
        .fetch_optional(pool).await })?;
        Ok(row)
    }

    /// The checkpoints of all logs in the database.
    pub async fn checkpoints(&self) -> Result<Vec<CheckpointRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select log, tree_size, counted_size, note from log_checkpoints order by log",
        )
        .fetch_all(pool).await })?;
        Ok(rows)
    }

    /// Bundles from the one that holds `index` on, in order, at most `limit`.
    pub async fn bundles_from(
        &self,
        log: &str,
        index: i64,
        limit: i64,
    ) -> Result<Vec<BundleRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select first_index, entries_count, entries from log_bundles \
             where log = $1 and first_index >= coalesce((select max(first_index) \
             from log_bundles where log = $1 and first_index <= $2), 0) \
             order by first_index limit $3",
        )
        .bind(log)
        .bind(index)
        .bind(limit)
        .fetch_all(pool).await })?;
        Ok(rows)
    }

    /// Vietnamese day of a log's last bundle, in days since 1970.
    pub async fn last_day(&self, log: &str) -> Result<Option<i64>, StoreError> {
        let day = on_pool!(self, (pool, _) => {
            sqlx::query_scalar(
                "select day from log_bundles where log = $1 order by first_index desc limit 1",
            )
            .bind(log)
            .fetch_optional(pool)
            .await
        })?;
        Ok(day)
    }

    /// One full tile.
    pub async fn tile(
        &self,
        log: &str,
        level: i64,
        tile_index: i64,
    ) -> Result<Option<TileRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select level, tile_index, hashes from log_tiles \
             where log = $1 and level = $2 and tile_index = $3",
        )
        .bind(log)
        .bind(level)
        .bind(tile_index)
        .fetch_optional(pool).await })?;
        Ok(row)
    }

    /// The full tiles of a level whose indexes lie in `range`, in order.
    pub async fn tiles(
        &self,
        log: &str,
        level: i64,
        range: Range<i64>,
    ) -> Result<Vec<TileRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select level, tile_index, hashes from log_tiles \
             where log = $1 and level = $2 and tile_index >= $3 and tile_index < $4 \
             order by tile_index",
        )
        .bind(log)
        .bind(level)
        .bind(range.start)
        .bind(range.end)
        .fetch_all(pool).await })?;
        Ok(rows)
    }
}
