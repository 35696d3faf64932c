//! Writing a log into an `SQLite` file.

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::{Append, CommitFailure, ReadBack, Signed, StoreError};
use crate::store::TileRow;

/// Begins the transaction, appends through the trigger of migration 4 and reads back: one exchange
/// with the database's thread.
const APPEND: &str = "begin immediate; \
    insert into log_appends (log, size_before, entries_count, day, entries, tile_places, \
    tile_hashes, counters, keys, keys_after) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10); \
    select -1 as level, first_index as tile_index, entries as hashes from log_bundles \
    where log = $1 and first_index = $2 \
    union all select level, tile_index, hashes from log_tiles where log = $1 \
    and (level, tile_index) in (select value ->> 0, value ->> 1 from json_each($6))";

/// The row is the one that the append has found, and nobody else can have written since.
const SIGN: &str = "update log_checkpoints set tree_size = $3, counted_size = $4, note = $5 \
    where log = $1 and tree_size = $2; commit";

#[derive(Debug)]
pub(super) struct Writer {
    connection: SqliteConnection,
}

impl Writer {
    pub(super) async fn open(options: &SqliteConnectOptions) -> Result<Self, StoreError> {
        Ok(Self { connection: options.connect().await? })
    }

    pub(super) async fn create(&mut self, log: &str, note: &str) -> Result<(), StoreError> {
        sqlx::query(super::CREATE).bind(log).bind(note).execute(&mut self.connection).await?;
        Ok(())
    }

    pub(super) async fn append(&mut self, append: &Append<'_>) -> Result<ReadBack, CommitFailure> {
        let rows: Result<Vec<TileRow>, sqlx::Error> = sqlx::query_as(APPEND)
            .bind(append.log)
            .bind(append.size_before)
            .bind(append.entries_count)
            .bind(append.day)
            .bind(append.entries)
            .bind(append.tile_places())
            .bind(append.tile_hashes())
            .bind(append.counters)
            .bind(append.keys_json())
            .bind(append.keys_after_us)
            .fetch_all(&mut self.connection)
            .await;
        match rows {
            Ok(rows) => Ok(ReadBack::from_rows(rows)),
            Err(error) => {
                self.roll_back().await;
                Err(classify(error))
            }
        }
    }

    pub(super) async fn sign(&mut self, signed: &Signed<'_>) -> Result<(), CommitFailure> {
        let done = sqlx::query(SIGN)
            .bind(signed.log)
            .bind(signed.size_before)
            .bind(signed.size_after)
            .bind(signed.counted_size)
            .bind(signed.note)
            .execute(&mut self.connection)
            .await;
        match done {
            Ok(_) => Ok(()),
            Err(error) => {
                self.roll_back().await;
                Err(classify(error))
            }
        }
    }

    pub(super) async fn roll_back(&mut self) {
        // An error says that there is no transaction: a full disk ends it by itself. `sqlx`'s own
        // transactions would count on it and stay stuck.
        let _none_open = sqlx::raw_sql("rollback").execute(&mut self.connection).await;
    }
}

/// What a failure means for what is on disk, by `SQLite`'s result code.
fn classify(error: sqlx::Error) -> CommitFailure {
    let database = error.as_database_error();
    let code = database.and_then(sqlx::error::DatabaseError::code);
    let code: i32 = code.and_then(|code| code.parse().ok()).unwrap_or(0);
    let says = |what| database.is_some_and(|error| error.message().contains(what));
    match (code, code & 0xff) {
        (CONSTRAINT_TRIGGER, _) if says("key taken") => CommitFailure::KeyTaken,
        // Two of the same commit.
        (CONSTRAINT_PRIMARY_KEY, _) if says("idempotency_keys") => CommitFailure::KeyTaken,
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
/// `SQLITE_CONSTRAINT_TRIGGER`: the trigger found another size than this commit stands on, or a key
/// that is taken.
const CONSTRAINT_TRIGGER: i32 = 1811;
/// `SQLITE_CONSTRAINT_PRIMARYKEY`.
const CONSTRAINT_PRIMARY_KEY: i32 = 1555;
