//! The log's tables: bundles, tiles, the checkpoint, and the counters that go with a commit.

use std::ops::Range;

use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions, FromRow};

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

/// Everything one commit writes.
#[derive(Debug)]
pub struct Commit<'a> {
    /// Name of the log.
    pub log: &'a str,
    /// Size of the tree this commit stands on.
    pub size_before: i64,
    /// Number of entries.
    pub entries_count: i64,
    /// The entries, length-prefixed.
    pub entries: &'a [u8],
    /// Tiles that became full.
    pub tiles: &'a [TileRow],
    /// Number of entries that the counters cover after this commit, at most `size_before`.
    pub counted_size: i64,
    /// What to add to the counters for that: a JSON object of key and number.
    pub counters: &'a str,
    /// The new signed checkpoint.
    pub note: &'a str,
}

/// How a commit ended if it did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommitFailure {
    /// Nothing was written; the next commit may succeed (a full disk, a busy database).
    #[error("nothing was written")]
    NotWritten(#[source] sqlx::Error),
    /// Somebody else wrote to this log. Going on would fork the tree.
    #[error("the log was written by somebody else")]
    OvertakenBySecondWriter,
    /// The commit itself failed: the entries may or may not be on disk.
    #[error("whether the entries are on disk is unknown")]
    Unknown(#[source] sqlx::Error),
}

/// The connection through which one log is written. There is one per node.
#[derive(Debug)]
pub struct LogWriter {
    connection: SqliteConnection,
}

impl Store {
    /// Opens the connection that writes a log.
    pub async fn log_writer(&self) -> Result<LogWriter, StoreError> {
        Ok(LogWriter { connection: self.options.connect().await? })
    }

    /// The checkpoint of a log.
    pub async fn checkpoint(&self, log: &str) -> Result<Option<CheckpointRow>, StoreError> {
        let row = sqlx::query_as(
            "select log, tree_size, counted_size, note from log_checkpoints where log = $1",
        )
        .bind(log)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row)
    }

    /// The checkpoints of all logs in the database.
    pub async fn checkpoints(&self) -> Result<Vec<CheckpointRow>, StoreError> {
        let rows = sqlx::query_as(
            "select log, tree_size, counted_size, note from log_checkpoints order by log",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Bundles from the one that holds `index` on, in order, at most `limit`.
    pub async fn bundles_from(
        &self,
        log: &str,
        index: i64,
        limit: i64,
    ) -> Result<Vec<BundleRow>, StoreError> {
        let rows = sqlx::query_as(
            "select first_index, entries_count, entries from log_bundles \
             where log = $1 and first_index >= coalesce((select max(first_index) \
             from log_bundles where log = $1 and first_index <= $2), 0) \
             order by first_index limit $3",
        )
        .bind(log)
        .bind(index)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// One full tile.
    pub async fn tile(
        &self,
        log: &str,
        level: i64,
        tile_index: i64,
    ) -> Result<Option<TileRow>, StoreError> {
        let row = sqlx::query_as(
            "select level, tile_index, hashes from log_tiles \
             where log = $1 and level = $2 and tile_index = $3",
        )
        .bind(log)
        .bind(level)
        .bind(tile_index)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row)
    }

    /// The full tiles of a level whose indexes lie in `range`, in order.
    pub async fn tiles(
        &self,
        log: &str,
        level: i64,
        range: Range<i64>,
    ) -> Result<Vec<TileRow>, StoreError> {
        let rows = sqlx::query_as(
            "select level, tile_index, hashes from log_tiles \
             where log = $1 and level = $2 and tile_index >= $3 and tile_index < $4 \
             order by tile_index",
        )
        .bind(log)
        .bind(level)
        .bind(range.start)
        .bind(range.end)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// How many full tiles a log has on each level it reaches.
    pub async fn tile_counts(&self, log: &str) -> Result<Vec<(i64, i64)>, StoreError> {
        let rows = sqlx::query_as(
            "select level, count(*) from log_tiles where log = $1 group by level order by level",
        )
        .bind(log)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}

impl LogWriter {
    /// Makes the first checkpoint of a log that has none.
    pub async fn create(&mut self, log: &str, note: &str) -> Result<(), StoreError> {
        sqlx::query(
            "insert into log_checkpoints (log, tree_size, counted_size, note) \
             values ($1, 0, 0, $2)",
        )
        .bind(log)
        .bind(note)
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Writes one commit: one statement, whose trigger (migration 3) does the four writes in the
    /// statement's own transaction. Every further statement would cost two switches between
    /// threads.
    ///
    /// If we die before it returns, start-up finds either all of it or nothing: `SQLite` replays
    /// or forgets the transaction as a whole.
    pub async fn commit(&mut self, commit: &Commit<'_>) -> Result<(), CommitFailure> {
        let places: Vec<_> =
            commit.tiles.iter().map(|tile| (tile.level, tile.tile_index)).collect();
        let hashes: Vec<u8> = commit.tiles.iter().flat_map(|tile| &tile.hashes).copied().collect();
        sqlx::query(
            "insert into log_commits (log, size_before, size_after, counted_size, note, \
             entries_count, entries, tile_places, tile_hashes, counters) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(commit.log)
        .bind(commit.size_before)
        .bind(commit.size_before + commit.entries_count)
        .bind(commit.counted_size)
        .bind(commit.note)
        .bind(commit.entries_count)
        .bind(commit.entries)
        .bind(places_json(&places))
        .bind(hashes)
        .bind(commit.counters)
        .execute(&mut self.connection)
        .await
        .map(drop)
        .map_err(classify)
    }
}

/// The places of tiles as a JSON array of level and index.
fn places_json(places: &[(i64, i64)]) -> String {
    let places: Vec<String> =
        places.iter().map(|(level, index)| format!("[{level},{index}]")).collect();
    format!("[{}]", places.join(","))
}

/// What a failure means for what is on disk, by `SQLite`'s result code.
fn classify(error: sqlx::Error) -> CommitFailure {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let code: i32 = code.and_then(|code| code.parse().ok()).unwrap_or(0);
    match (code, code & 0xff) {
        (CONSTRAINT_TRIGGER, _) => CommitFailure::OvertakenBySecondWriter,
        // The write-ahead log could not grow, or another writer held the lock: the frames of this
        // transaction carry no commit mark, so nothing of it counts.
        (_, BUSY | LOCKED | FULL) => CommitFailure::NotWritten(error),
        // Above all IOERR: a failed fsync says nothing about what is on disk.
        _ => CommitFailure::Unknown(error),
    }
}

/// `SQLITE_BUSY`.
const BUSY: i32 = 5;
/// `SQLITE_LOCKED`.
const LOCKED: i32 = 6;
/// `SQLITE_FULL`.
const FULL: i32 = 13;
/// `SQLITE_CONSTRAINT_TRIGGER`: the trigger found another size than this commit stands on.
const CONSTRAINT_TRIGGER: i32 = 1811;
