//! Rows in, rows out: the only place with SQL.
//!
//! Functions are questions and belong to the table they read; what a row means is for the modules
//! above. Statements that belong together are one function and one transaction.

mod access;
mod backup;
mod counters;
mod key_files;
mod keys;
mod log;
mod published;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use access::{ClientRow, PolicyRow, SecretRow};
pub use counters::Counted;
pub use key_files::KeyFile;
pub use keys::{KEY_BYTES, KeyError, KeyFolder};
pub use log::{BundleRow, CheckpointRow, Commit, CommitFailure, LogWriter, TileRow};
pub use published::PublishedNote;

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
    /// Another gateway runs on the same data.
    #[error("another gateway is running on this database")]
    Held,
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
        // Made here, because SQLite would let everyone read it; the files beside it follow its mode.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(StoreError::Database(sqlx::Error::Io(error)));
            }
            Ok(_) | Err(_) => {}
        }
        Self::open_with(path, true).await
    }

    /// Holds the database for one gateway until the returned file is dropped: a second one on the
    /// same data would overtake the first one's log, and one of them would have to stop.
    pub fn hold(path: &Path) -> Result<File, StoreError> {
        let lock = path.with_extension("lock");
        let refuse = |error| StoreError::Database(sqlx::Error::Io(error));
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(lock);
        let file = file.map_err(refuse)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::Held),
            Err(TryLockError::Error(error)) => Err(refuse(error)),
        }
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
