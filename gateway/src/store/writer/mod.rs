//! The connection through which one log is written: append, read back, sign and commit.

mod postgres;
mod sqlite;

pub(super) use sqlite::CARRY_OVER;

use super::commit::keys_json;
use super::{
    Append, CheckpointRow, CommitFailure, HeldKey, KeyRow, Pool, ReadBack, Store, StoreError,
    TileRow,
};

/// The first checkpoint of a log.
const CREATE: &str =
    "insert into log_checkpoints (log, tree_size, counted_size, note) values ($1, 0, 0, $2)";
/// Level under which a bundle is read back among the tiles.
const BUNDLE_LEVEL: i64 = -1;

/// The connection through which one log is written. There is one per node.
#[derive(Debug)]
pub struct LogWriter(Backend);

#[derive(Debug)]
enum Backend {
    Sqlite(sqlite::Writer),
    Postgres(Box<postgres::Writer>),
}

/// The checkpoint that ends a commit.
#[derive(Debug)]
pub struct Signed<'a> {
    /// Name of the log.
    pub log: &'a str,
    /// Size of the tree that the commit stands on.
    pub size_before: i64,
    /// Size of the tree after it.
    pub size_after: i64,
    /// Number of entries that the counters cover after it, at most `size_before`.
    pub counted_size: i64,
    /// The signed checkpoint.
    pub note: &'a str,
}

impl Store {
    /// Opens the connection that writes a log.
    pub async fn log_writer(&self) -> Result<LogWriter, StoreError> {
        Ok(LogWriter(match &self.pool {
            Pool::Sqlite(_, options, writers) => {
                Backend::Sqlite(sqlite::Writer::open(options, writers.turns.clone()).await?)
            }
            Pool::Postgres(_, options) => {
                Backend::Postgres(Box::new(postgres::Writer::open(options).await?))
            }
        }))
    }
}

impl LogWriter {
    /// Waits until no commit to the log is on its way in the server. That of a gateway which was
    /// killed goes on there, and what is read meanwhile is partly of before it and partly of after.
    ///
    /// # Errors
    /// [`StoreError::CommitRuns`] if it does not end.
    pub async fn await_commits(&mut self, log: &str) -> Result<(), StoreError> {
        match &mut self.0 {
            // Whoever wrote into a file is gone with its process.
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(writer) => writer.await_commits(log).await,
        }
    }

    /// Makes the first checkpoint of a log that has none.
    pub async fn create(&mut self, log: &str, note: &str) -> Result<(), StoreError> {
        match &mut self.0 {
            Backend::Sqlite(writer) => writer.create(log, note).await,
            Backend::Postgres(writer) => writer.create(log, note).await,
        }
    }

    /// Begins a commit: writes everything but the checkpoint, and reads it back. A failure leaves
    /// nothing behind.
    pub async fn append(&mut self, append: &Append<'_>) -> Result<ReadBack, CommitFailure> {
        match &mut self.0 {
            Backend::Sqlite(writer) => writer.append(append).await,
            Backend::Postgres(writer) => writer.append(append).await,
        }
    }

    /// Ends a commit with its checkpoint. If we die before it returns, start-up finds either all
    /// of the commit or nothing. After [`CommitFailure::Unsettled`] comes [`LogWriter::settle`], and
    /// nothing else before it.
    pub async fn sign(&mut self, signed: &Signed<'_>) -> Result<(), CommitFailure> {
        match &mut self.0 {
            Backend::Sqlite(writer) => writer.sign(signed).await,
            Backend::Postgres(writer) => writer.sign(signed).await,
        }
    }

    /// Waits until the server says how a commit ended that is [`CommitFailure::Unsettled`].
    pub async fn settle(&mut self, signed: &Signed<'_>) -> Result<(), CommitFailure> {
        match &mut self.0 {
            // What a file does not say at once it never says.
            Backend::Sqlite(_) => Err(CommitFailure::Unknown(sqlx::Error::WorkerCrashed)),
            Backend::Postgres(writer) => writer.settle(signed).await,
        }
    }

    /// Those of the keys that somebody holds since `after_us`. Nothing may be begun.
    pub async fn held_keys(
        &mut self,
        keys: &[KeyRow],
        after_us: i64,
    ) -> Result<Vec<HeldKey>, StoreError> {
        let keys = keys_json(keys);
        Ok(match &mut self.0 {
            Backend::Sqlite(writer) => writer.held_keys(&keys, after_us).await,
            Backend::Postgres(writer) => writer.held_keys(&keys, after_us).await,
        }?)
    }

    /// Carries over what any connection of the process has written, where the database is a file:
    /// nobody else does it. To be done when there is nothing to commit.
    pub async fn carry_over(&mut self) -> Result<(), CommitFailure> {
        match &mut self.0 {
            Backend::Sqlite(writer) => writer.carry_over().await,
            Backend::Postgres(_) => Ok(()),
        }
    }

    /// Forgets a commit that was begun.
    pub async fn abandon(&mut self) {
        match &mut self.0 {
            Backend::Sqlite(writer) => writer.roll_back().await,
            Backend::Postgres(writer) => writer.roll_back().await,
        }
    }
}

impl ReadBack {
    /// From the rows that both databases give: the bundle and the tiles.
    fn from_rows(rows: Vec<TileRow>) -> Self {
        let mut read = Self::default();
        for row in rows {
            if row.level == BUNDLE_LEVEL {
                read.entries = row.hashes;
            } else {
                read.tiles.push(row);
            }
        }
        read
    }
}
