//! Rows in, rows out: the only place with SQL.
//!
//! Functions are questions and belong to the table they read; what a row means is for the modules
//! above. Statements that belong together are one function and one transaction.

mod access;
mod counters;
mod keys;
mod log;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use access::{ClientRow, PolicyRow, SecretRow};
pub use counters::Counted;
pub use keys::{KEY_BYTES, KeyError, KeyFolder};
pub use log::{BundleRow, CheckpointRow, Commit, CommitFailure, LogWriter, TileRow};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections that read, and the one that an administrative act borrows to write.
const CONNECTIONS_MAX: u32 = 4;
/// Writers wait for each other this long: a commit of the log takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    options: SqliteConnectOptions,
}

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is of a newer version of this program.
    #[error("the database was written by a newer version of this program (migration {version})")]
    Newer {
        /// The first migration that this program does not know.
        version: i64,
    },
    /// The tables cannot be made or brought up to date.
    #[error("the database cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the database did not answer")]
    Database(#[from] sqlx::Error),
    /// A row that nobody can have written.
    #[error("table {table} holds a row that contradicts the program: {row}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// Which row; never a personal value.
        row: String,
    },
}

impl Store {
    /// Opens the file, makes it if it is not there, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, true).await
    }

    /// Opens a file that must exist: for commands that only read.
    pub async fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, false).await
    }

    async fn open_with(path: &Path, create: bool) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit that returned is on disk. Everything the log promises rests on it.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .connect_with(options.clone())
            .await?;
        MIGRATIONS.run(&pool).await.map_err(|error| match error {
            sqlx::migrate::MigrateError::VersionMissing(version) => StoreError::Newer { version },
            other => StoreError::Migrate(other),
        })?;
        Ok(Self { pool, options })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.pool).await?;
        Ok(())
    }
}
