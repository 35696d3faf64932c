//! Writing a log into an `SQLite` file.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::{Append, CommitFailure, HeldKey, ReadBack, Signed, StoreError};
use crate::store::TileRow;
use crate::store::jobs::chunks_json;
use crate::store::turns::{GIVE_WAY_MAX, Turn, Turns};

/// Begins the transaction, appends through the trigger of migration 4, writes what stands with the
/// entries, and reads back: one exchange with the database's thread.
macro_rules! append {
    ($beside:literal) => {
        concat!(
            "begin immediate; \
             insert into log_appends (log, size_before, entries_count, day, entries, tile_places, \
             tile_hashes, counters, keys, keys_after) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10); ",
            $beside,
            "select -1 as level, first_index as tile_index, entries as hashes from log_bundles \
             where log = $1 and first_index = $2 \
             union all select level, tile_index, hashes from log_tiles where log = $1 \
             and (level, tile_index) in (select value ->> 0, value ->> 1 from json_each($6))"
        )
    };
}

const APPEND: &str = append!("");
const APPEND_WITH_CHUNKS: &str = append!(
    "insert into job_chunks (job_id, number, log, first_index, entries, first_line, input_offset, \
     lines, result_bytes, summary, at_us) select value ->> 0, value ->> 1, $1, value ->> 2, \
     value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9 \
     from json_each($11); "
);

/// The row is the one that the append has found, and nobody else can have written since.
const SIGN: &str = "update log_checkpoints set tree_size = $3, counted_size = $4, note = $5 \
    where log = $1 and tree_size = $2; commit";

const HELD_KEYS: &str = "select held.client_id, held.key_digest from json_each($1) as k \
    join idempotency_keys as held on held.client_id = k.value ->> 0 \
    and held.key_digest = unhex(k.value ->> 1) where held.created_us >= $2";

/// Carries the write-ahead log over into the database.
pub(in crate::store) const CARRY_OVER: &str = "pragma wal_checkpoint(passive)";
/// Pages after which that is done: what `SQLite` would do by itself after as many.
const CARRY_OVER_PAGES: i64 = 1_000;
/// Pages kept in memory, in KiB (negative): a commit in bulk must not be spilled on its way.
const CACHE_SIZE: &str = "-16384";
/// Pages that every commit changes: checkpoint, and those of the tables and indexes that grow.
const PAGES_PER_COMMIT: usize = 8;
const PAGE_BYTES: usize = 4_096;

#[derive(Debug)]
pub(super) struct Writer {
    connection: SqliteConnection,
    turns: Turns,
    /// How long a commit gives way: not at all once it did so in vain, until it has had a turn.
    gives_way: Duration,
    /// Pages in the write-ahead log that are not carried over, about.
    uncarried_pages: i64,
}

impl Writer {
    /// Carrying over is done here, also for the other connections of the process.
    pub(super) async fn open(
        options: &SqliteConnectOptions,
        turns: Turns,
    ) -> Result<Self, StoreError> {
        let options = options
            .clone()
            .pragma("cache_size", CACHE_SIZE)
            // Pages of a statement that could fail halfway are kept twice; not in a file.
            .pragma("temp_store", "memory");
        Ok(Self {
            connection: options.connect().await?,
            turns,
            gives_way: GIVE_WAY_MAX,
            uncarried_pages: 0,
        })
    }

    pub(super) async fn create(&mut self, log: &str, note: &str) -> Result<(), StoreError> {
        sqlx::query(super::CREATE).bind(log).bind(note).execute(&mut self.connection).await?;
        Ok(())
    }

    pub(super) async fn append(&mut self, append: &Append<'_>) -> Result<ReadBack, CommitFailure> {
        let turn = self.turn().await;
        let statement = if append.chunks.is_empty() { APPEND } else { APPEND_WITH_CHUNKS };
        let mut query = sqlx::query_as(statement)
            .bind(append.log)
            .bind(append.size_before)
            .bind(append.entries_count)
            .bind(append.day)
            .bind(append.entries)
            .bind(append.tile_places())
            .bind(append.tile_hashes())
            .bind(append.counters)
            .bind(append.keys_json())
            .bind(append.keys_after_us);
        if !append.chunks.is_empty() {
            query = query.bind(chunks_json(append.chunks));
        }
        let rows: Result<Vec<TileRow>, sqlx::Error> = query.fetch_all(&mut self.connection).await;
        drop(turn);
        self.uncarried_pages += pages(append) as i64;
        match rows {
            Ok(rows) => Ok(ReadBack::from_rows(rows)),
            Err(error) => {
                self.roll_back().await;
                Err(classify(error))
            }
        }
    }

    /// Whoever stands still in its turn, a command that was stopped, holds up one commit and not all.
    async fn turn(&mut self) -> Option<Turn> {
        let turn = self.turns.take(self.gives_way).await;
        self.gives_way = if turn.is_some() { GIVE_WAY_MAX } else { Duration::ZERO };
        turn
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
            Ok(_) if self.uncarried_pages < CARRY_OVER_PAGES => Ok(()),
            Ok(_) => self.carry_over().await,
            Err(error) => {
                self.roll_back().await;
                Err(classify(error))
            }
        }
    }

    /// Carries the write-ahead log over. The commit before it is durable; but a
    /// disk that cannot sync is not written to again, and nothing more is promised on it.
    pub(super) async fn carry_over(&mut self) -> Result<(), CommitFailure> {
        let done: Result<(i64, i64, i64), _> =
            sqlx::query_as(CARRY_OVER).fetch_one(&mut self.connection).await;
        match done.map_err(classify) {
            // Busy or not: what readers still need stays for the next time.
            Ok((_busy, pages, carried)) => {
                self.uncarried_pages = pages - carried;
                Ok(())
            }
            Err(CommitFailure::NotWritten(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the write-ahead log is not carried over and grows");
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    pub(super) async fn held_keys(
        &mut self,
        keys: &str,
        after_us: i64,
    ) -> Result<Vec<HeldKey>, sqlx::Error> {
        let held = sqlx::query_as(HELD_KEYS).bind(keys).bind(after_us);
        held.fetch_all(&mut self.connection).await
    }

    pub(super) async fn roll_back(&mut self) {
        // An error says that there is no transaction: a full disk ends it by itself. `sqlx`'s own
        // transactions would count on it and stay stuck.
        let _none_open = sqlx::raw_sql("rollback").execute(&mut self.connection).await;
    }
}

/// Pages that an append writes into the write-ahead log, about: each tile fills two, and a counter
/// may lie anywhere.
fn pages(append: &Append<'_>) -> usize {
    let counters = append.counters.matches(':').count();
    PAGES_PER_COMMIT + append.entries.len() / PAGE_BYTES + 2 * append.tiles.len() + counters / 8
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
        // Somebody else goes on with the same job.
        (CONSTRAINT_PRIMARY_KEY, _) if says("job_chunks") => CommitFailure::ChunkTaken,
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
