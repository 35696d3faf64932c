//! Writing a log into a `PostgreSQL` server, whose connections get lost.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgSeverity};

use super::{Append, CheckpointRow, CommitFailure, HeldKey, ReadBack, Signed, StoreError};
use crate::store::TileRow;
use crate::store::jobs::chunks_json;

/// Pause between tries to reach the server when it must be asked how a commit ended.
const RECONNECT_PAUSE: Duration = Duration::from_millis(200);
/// A step of a commit that takes longer is given up; milliseconds are usual.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// What the server itself gives up on the writer's connection, so that a session that was cut off
/// does not hold the checkpoint's row for hours.
const SESSION: [(&str, &str); 3] = [
    ("lock_timeout", "3s"),
    ("statement_timeout", "9s"),
    ("idle_in_transaction_session_timeout", "9s"),
];
/// Times that a start waits for a commit of before, each as long as the session's `lock_timeout`:
/// together longer than a session lives that was cut off, so that what still goes on then is a
/// commit that the server's disk, or its standby, holds up.
const AWAITED_TIMES: usize = 4;
/// `lock_not_available`: the `lock_timeout` ran out.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// A server that accepts no connection within this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers with level, index and bytes of what it wrote and read back (migration 4).
const APPEND: &str = "select level, place as tile_index, bytes as hashes \
    from log_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const ADD_CHUNKS: &str = "insert into job_chunks (job_id, number, log, first_index, entries, \
    first_line, input_offset, lines, result_bytes, summary, at_us) select c ->> 0, \
    (c ->> 1)::bigint, $1, (c ->> 2)::bigint, (c ->> 3)::bigint, (c ->> 4)::bigint, \
    (c ->> 5)::bigint, (c ->> 6)::bigint, (c ->> 7)::bigint, c ->> 8, (c ->> 9)::bigint \
    from json_array_elements($2::json) as c";
const SIGN: &str = "update log_checkpoints set tree_size = $3, counted_size = $4, note = $5 \
    where log = $1 and tree_size = $2";

const HELD_KEYS: &str = "select held.client_id, held.key_digest \
    from json_array_elements($1::json) as k join idempotency_keys as held \
    on held.client_id = k ->> 0 and held.key_digest = decode(k ->> 1, 'hex') \
    where held.created_us >= $2";

#[derive(Debug)]
pub(super) struct Writer {
    options: PgConnectOptions,
    /// None after it was lost, until the next use.
    connection: Option<PgConnection>,
    /// The latest day that is known to have a partition.
    day_ensured: i64,
}

impl Writer {
    pub(super) async fn open(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let options = options.clone().options(SESSION);
        let connection = Some(connect(&options).await?);
        Ok(Self { options, connection, day_ensured: i64::MIN })
    }

    pub(super) async fn create(&mut self, log: &str, note: &str) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        in_time(sqlx::query(super::CREATE).bind(log).bind(note).execute(connection)).await?;
        Ok(())
    }

    /// Waits for the checkpoint's row as [`Writer::ask`] does, and lets go of it at once.
    pub(super) async fn await_commits(&mut self, log: &str) -> Result<(), StoreError> {
        for time in 1..=AWAITED_TIMES {
            match self.checkpoint_for_update(log).await {
                Ok(_) => return Ok(()),
                Err(error) if code(&error).as_deref() != Some(LOCK_NOT_AVAILABLE) => {
                    return Err(error.into());
                }
                Err(error) if time == AWAITED_TIMES => return Err(StoreError::CommitRuns(error)),
                Err(_) => tracing::warn!(log, "waiting for a commit that still runs in the server"),
            }
        }
        Ok(())
    }

    /// Nothing counts before the commit, which is not sent here: whatever fails, nothing is
    /// written. A lost connection is made anew with the next batch.
    pub(super) async fn append(&mut self, append: &Append<'_>) -> Result<ReadBack, CommitFailure> {
        let mut appended = self.try_append(append).await;
        if appended.as_ref().is_err_and(is_lost) {
            // It may have been lost long ago, while nothing was asked.
            self.connection = None;
            appended = self.try_append(append).await;
        }
        match appended {
            Ok(rows) => Ok(ReadBack::from_rows(rows)),
            Err(error) => {
                self.clear_after(&error).await;
                Err(match code(&error).as_deref() {
                    Some("GW001") => CommitFailure::OvertakenBySecondWriter,
                    Some("GW002") => CommitFailure::KeyTaken,
                    Some("23505") if is_about(&error, "job_chunks") => CommitFailure::ChunkTaken,
                    // Two nodes wait for each other's keys: apart, each learns how it stands. Of an
                    // entry that is by itself already, nobody is known to hold the key.
                    Some("40P01") if append.entries_count > 1 => CommitFailure::KeyTaken,
                    _ => CommitFailure::NotWritten(error),
                })
            }
        }
    }

    async fn try_append(&mut self, append: &Append<'_>) -> Result<Vec<TileRow>, sqlx::Error> {
        in_time(self.append_now(append)).await
    }

    async fn append_now(&mut self, append: &Append<'_>) -> Result<Vec<TileRow>, sqlx::Error> {
        self.ensure_day(append.day).await?;
        let connection = self.connection().await?;
        sqlx::raw_sql("begin").execute(&mut *connection).await?;
        if !append.chunks.is_empty() {
            let chunks = chunks_json(append.chunks);
            let added = sqlx::query(ADD_CHUNKS).bind(append.log).bind(chunks);
            added.execute(&mut *connection).await?;
        }
        sqlx::query_as(APPEND)
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
            .fetch_all(connection)
            .await
    }

    /// A day's partition is made by the first commit that needs it.
    async fn ensure_day(&mut self, day: i64) -> Result<(), sqlx::Error> {
        if day <= self.day_ensured {
            return Ok(());
        }
        let connection = self.connection().await?;
        sqlx::query("select log_ensure_day($1)").bind(day).execute(connection).await?;
        self.day_ensured = day;
        Ok(())
    }

    pub(super) async fn sign(&mut self, signed: &Signed<'_>) -> Result<(), CommitFailure> {
        match self.try_sign(signed).await {
            Ok(()) => Ok(()),
            // The server says that the transaction is rolled back.
            Err(error) if !is_lost(&error) => {
                self.roll_back().await;
                Err(CommitFailure::NotWritten(error))
            }
            Err(lost) => {
                tracing::warn!(%lost, "the connection was lost during a commit; asking how it ended");
                // A server that lives says so at once.
                self.ask(signed).await.unwrap_or(Err(CommitFailure::Unsettled(lost)))
            }
        }
    }

    async fn try_sign(&mut self, signed: &Signed<'_>) -> Result<(), sqlx::Error> {
        in_time(self.sign_now(signed)).await
    }

    async fn sign_now(&mut self, signed: &Signed<'_>) -> Result<(), sqlx::Error> {
        // The connection that has appended: on another one there is nothing to commit.
        let connection = self.connection.as_mut().ok_or(sqlx::Error::WorkerCrashed)?;
        sqlx::query(SIGN)
            .bind(signed.log)
            .bind(signed.size_before)
            .bind(signed.size_after)
            .bind(signed.counted_size)
            .bind(signed.note)
            .execute(&mut *connection)
            .await?;
        sqlx::raw_sql("commit").execute(connection).await.map(drop)
    }

    /// The connection was lost while it committed: only the checkpoint knows how that ended. Asks
    /// until there is an answer; nothing is ever written twice.
    pub(super) async fn settle(&mut self, signed: &Signed<'_>) -> Result<(), CommitFailure> {
        loop {
            match self.ask(signed).await {
                Ok(ended) => return ended,
                Err(error) => {
                    tracing::debug!(%error, "the server cannot be asked yet");
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                }
            }
        }
    }

    /// How a commit ended; an error if the server does not say.
    async fn ask(&mut self, signed: &Signed<'_>) -> Result<Result<(), CommitFailure>, sqlx::Error> {
        self.connection = None;
        Ok(match self.checkpoint_for_update(signed.log).await? {
            Some(row) if row.note == signed.note => Ok(()),
            Some(row) if row.tree_size == signed.size_before => {
                Err(CommitFailure::NotWritten(sqlx::Error::WorkerCrashed))
            }
            Some(_) | None => Err(CommitFailure::OvertakenBySecondWriter),
        })
    }

    /// Waits for the row: a commit that is still on its way in the server holds it.
    async fn checkpoint_for_update(
        &mut self,
        log: &str,
    ) -> Result<Option<CheckpointRow>, sqlx::Error> {
        let connection = self.connection().await?;
        let row = sqlx::query_as(
            "select log, tree_size, counted_size, note from log_checkpoints \
             where log = $1 for update",
        );
        in_time(row.bind(log).fetch_optional(connection)).await
    }

    pub(super) async fn held_keys(
        &mut self,
        keys: &str,
        after_us: i64,
    ) -> Result<Vec<HeldKey>, sqlx::Error> {
        let connection = self.connection().await?;
        let held = sqlx::query_as(HELD_KEYS).bind(keys).bind(after_us).fetch_all(connection);
        let held = in_time(held).await;
        if let Err(error) = &held {
            self.clear_after(error).await;
        }
        held
    }

    /// Leaves nothing open after an error. A connection that is gone is not asked to roll back:
    /// nobody would answer, and the server forgets the transaction by itself.
    async fn clear_after(&mut self, error: &sqlx::Error) {
        if is_lost(error) {
            self.connection = None;
            return;
        }
        self.roll_back().await;
    }

    pub(super) async fn roll_back(&mut self) {
        let Some(connection) = self.connection.as_mut() else { return };
        if in_time(sqlx::raw_sql("rollback").execute(connection)).await.is_err() {
            self.connection = None;
        }
    }

    async fn connection(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        match self.connection {
            Some(ref mut connection) => Ok(connection),
            ref mut none => Ok(none.insert(connect(&self.options).await?)),
        }
    }
}

/// A step's end, or that of our patience: a server that is cut off does not say that it is gone.
async fn in_time<T>(step: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    tokio::time::timeout(STEP_TIMEOUT, step).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    tokio::time::timeout(CONNECT_TIMEOUT, options.connect())
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Whether an error is about this table.
fn is_about(error: &sqlx::Error, table: &str) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::table) == Some(table)
}

/// The `SQLSTATE` of an error that the server has sent.
fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// Whether the connection is gone, so that the server has not said how a statement ended. An error
/// rolls back and leaves the connection; a word of any other severity is the session's last: it was
/// shut down, or the server panics, as when its log cannot be synced, and recovers a commit that
/// may be there.
fn is_lost(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref());
    error.is_none_or(|error: &PgDatabaseError| error.severity() != PgSeverity::Error)
}
