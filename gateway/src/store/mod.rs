//! Rows in, rows out: the only place with SQL.
//!
//! Functions are questions and belong to the table they read; what a row means is for the modules
//! above. Statements that belong together are one function and one transaction.
//!
//! One SQL text serves both databases, and [`on_pool`] runs it on the one that is there. Where they
//! must differ, the difference is in a migration of the same number or in a pair of texts beside
//! each other.

/// Runs a body on the pool that is there. In it, `$pool` is the `sqlx` pool, whose database the
/// body is compiled for, and `$dialect` the few words that the databases spell differently.
macro_rules! on_pool {
    ($store:expr, ($pool:ident, $dialect:pat) => $body:expr) => {
        match &$store.pool {
            $crate::store::Pool::Sqlite($pool, ..) => {
                let $dialect = &$crate::store::SQLITE;
                $body
            }
            $crate::store::Pool::Postgres($pool, _) => {
                let $dialect = &$crate::store::POSTGRES;
                $body
            }
        }
    };
}

/// The same for what writes: into a file over the one connection that is there for it, so that whoever
/// has the turn never waits behind those who read.
macro_rules! on_writing_pool {
    ($store:expr, ($pool:ident, $dialect:pat) => $body:expr) => {
        match &$store.pool {
            $crate::store::Pool::Sqlite(_, _, $crate::store::Writers { pool: $pool, .. }) => {
                let $dialect = &$crate::store::SQLITE;
                $body
            }
            $crate::store::Pool::Postgres($pool, _) => {
                let $dialect = &$crate::store::POSTGRES;
                $body
            }
        }
    };
}

/// Begins a transaction that writes, in its turn: in the body of [`on_writing_pool`].
macro_rules! begin_write {
    ($store:expr, $pool:ident, $dialect:ident) => {{
        // Before a connection is taken, so that nobody who has one waits for a turn.
        let _until_it_is_begun = $store.pool.turn().await;
        $pool.begin_with($dialect.begin_write).await?
    }};
}

mod absence;
mod access;
mod acts;
mod alarms;
mod backup;
mod client_keys;
mod clients;
mod commit;
mod counters;
mod credentials;
mod disputes;
mod failed_disk;
mod hold;
mod idempotency;
mod inspect;
mod job_files;
mod jobs;
mod key_files;
mod key_fingerprints;
mod keys;
mod log;
mod policies;
mod published;
mod quota_warnings;
mod retention;
mod server_copy;
mod slowed;
mod spent;
mod token_keys;
mod log_check;
mod officials;
mod patience;
mod person_rows;
mod projection_upkeep;
mod projection_writer;
mod projections;
mod turns;
mod writer;

use std::cmp::Ordering;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use absence::{Absence, find_absence};
pub use access::{PolicyRow, SecretRow};
pub use acts::ActRow;
pub use alarms::{AlarmFilter, AlarmRow};
pub use client_keys::ClientKeyRow;
pub use clients::{ClientFilter, ClientRow, NewClientRow};
pub use commit::{Append, CommitFailure, HeldKey, KeyRow, ReadBack};
pub use counters::{CounterBatch, CounterTable, DayKeys, Extent, KeyRange, LogChoice};
pub use credentials::{
    CredentialPut, CredentialTaken, CredentialUse, SecretSlotRow, older_is_in_use_alone,
    slot_for_new,
};
pub use disputes::{DisputeDecision, DisputeFilter, DisputeRow};
pub use failed_disk::disk_failed;
pub use hold::{Hold, Session};
pub use idempotency::{IdempotencyRow, UsedKeyRow};
pub use inspect::DurabilitySetting;
pub use job_files::{JobFiles, UploadTurn, append_durably};
pub use jobs::{JobChange, JobChunkRow, JobRow};
pub use key_files::KeyFile;
pub use key_fingerprints::FingerprintRow;
pub use keys::{KEY_BYTES, KeyError, KeyFolder};
pub use log::{BundleRow, CheckpointRow, TileRow};
pub use log_check::{LogExtent, StoredBundle};
pub use patience::in_time;
pub use person_rows::PersonRows;
pub use policies::PolicyVersionRow;
pub use projection_upkeep::{ProjectionTable, Unbuilt};
pub use projection_writer::{Progress, ProjectionWriter};
pub use projections::{DistinctPersonsRow, PEOPLE, PostingsRow, ProgressRow, SegmentRow};
pub use published::PublishedNote;
pub use quota_warnings::QuotaWarningRow;
pub use retention::{BundlePlace, DroppedRow};
pub use server_copy::{ServerSnapshot, server_variables};
pub use slowed::SlowedRow;
pub use spent::{ALL_TOKENS, RevokedRow};
pub use token_keys::{TokenKeyRow, TokenKeyStep};
pub use writer::{LogWriter, Signed};

use crate::config::StoreConfig;
use turns::{Turn, Turns};

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// Connections to a file that read.
const SQLITE_CONNECTIONS_MAX: u32 = 4;
/// Connections of one node to a server: reading is all they do on a request's path.
const POSTGRES_CONNECTIONS_MAX: u32 = 8;
/// Writers wait for each other this long: a commit of the log takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The same in a command, behind whom nobody waits: the disk of a busy gateway may stand still for
/// longer, and so may one that has just been started and reads its write-ahead log.
const COMMAND_BUSY_TIMEOUT: Duration = Duration::from_mins(1);
/// A connection to a file is there within this time also where it had to wait to be opened.
const FILE_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// A server that gives no connection within this time is not there.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The database: a file of its own, or a server that nodes share.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
}

#[derive(Debug, Clone)]
enum Pool {
    Sqlite(SqlitePool, SqliteConnectOptions, Writers),
    Postgres(PgPool, PgConnectOptions),
}

/// Who writes into a file beside the log: in turns, over one connection.
#[derive(Debug, Clone)]
struct Writers {
    turns: Turns,
    pool: SqlitePool,
}

impl Pool {
    /// The turn of one who is about to write: to be kept until the transaction is begun, or over a
    /// statement that is one by itself. Not within a transaction. Upkeep that is tried again anyway
    /// takes none.
    async fn turn(&self) -> Option<Turn> {
        match self {
            Self::Sqlite(_, _, Writers { turns, .. }) => turns.take(turns::WAIT_MAX).await,
            Self::Postgres(..) => None,
        }
    }
}

/// What the databases spell differently.
struct Dialect {
    /// Begins a transaction that will write, so that it waits for other writers now.
    begin_write: &'static str,
    /// Makes the builders of persons wait for each other, as the first statement of a transaction;
    /// none where `begin_write` does it.
    exclude_builders: Option<&'static str>,
    /// Begins a transaction whose statements all see one moment.
    begin_snapshot: &'static str,
    /// Gives the disk of a dropped day ($1) back.
    free_day: &'static str,
    /// Dropped days of a log ($1) whose disk was not given back.
    days_to_free: &'static str,
    /// Adds a JSON object of key and number ($2) to a log's edge counters ($1).
    add_edge_counters: &'static str,
    /// Reads counters by ranges of their keys.
    sums_of_ranges: counters::SumsOfRanges,
}

static SQLITE: Dialect = Dialect {
    free_day: "select $1",
    days_to_free: "select day from log_dropped where log = $1 and false",
    begin_write: "begin immediate",
    exclude_builders: None,
    begin_snapshot: "begin",
    add_edge_counters: "insert into edge_counters (log, key, n) \
        select $1, key, value from json_each($2) where true \
        on conflict (log, key) do update set n = n + excluded.n",
    sums_of_ranges: counters::SQLITE_SUMS,
};

static POSTGRES: Dialect = Dialect {
    free_day: "select log_drop_day($1)",
    days_to_free: "select day from log_dropped where log = $1 and totals_index is not null \
        and to_regclass('log_bundles_' || day) is not null order by day",
    begin_write: "begin",
    exclude_builders: Some(
        "select pg_advisory_xact_lock(hashtextextended('gateway projections of persons', 0))",
    ),
    begin_snapshot: "begin isolation level repeatable read, read only",
    add_edge_counters: "insert into edge_counters (log, key, n) \
        select $1, key, value::bigint from json_each_text($2::json) \
        on conflict (log, key) do update set n = edge_counters.n + excluded.n",
    sums_of_ranges: counters::POSTGRES_SUMS,
};

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is of a newer version of this program.
    #[error(
        "the database was written by a newer version of this program (migration {version}): use \
         that version"
    )]
    Newer {
        /// The last migration of the database.
        version: i64,
    },
    /// The database is of an older version of this program, which may be running on it.
    #[error(
        "the database is at migration {version}, and this program needs {needed}: start this \
         version's `gateway serve`, which brings it up to date, or use the version that made it"
    )]
    Older {
        /// The last migration of the database; 0 where it has no tables.
        version: i64,
        /// The last migration of this program.
        needed: i64,
    },
    /// Another gateway runs on the same data.
    #[error("another gateway is running on this database")]
    Held,
    /// A commit to the log does not end in the server: that of a gateway which was killed, or which
    /// another machine still runs.
    #[error(
        "a commit of a gateway that was killed is still running in the database server; try again \
         when it has ended"
    )]
    CommitRuns(#[source] sqlx::Error),
    /// The tables cannot be made or brought up to date.
    #[error("the database cannot be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The server would forget what it has said is committed.
    #[error(
        "the database server runs with {setting}=off, so that a crash would lose or tear what was \
         answered; turn it on"
    )]
    NotDurable {
        /// The setting.
        setting: &'static str,
    },
    /// The server's programs cannot be told what the URL says.
    #[error("the parameter {name} of the database's URL cannot be passed on to its programs")]
    Parameter {
        /// Its name.
        name: String,
    },
    /// A statement failed.
    #[error("the database did not answer")]
    Database(#[source] sqlx::Error),
    /// A row that nobody can have written.
    #[error("table {table} holds a row that contradicts the program: {row}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// Which row; never a personal value.
        row: String,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        failed_disk::note(&error);
        Self::Database(error)
    }
}

impl Store {
    /// Opens the database, makes the file if it is not there, and brings its tables up to date. For
    /// what holds the database: beside a gateway that runs, see [`Store::open_existing`].
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        if config.url.is_none() {
            // Made here, because SQLite would let everyone read it; the files beside it follow its
            // mode.
            let mut options = OpenOptions::new();
            let made = options.write(true).create_new(true).mode(0o600).open(&config.path);
            match made {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(StoreError::Database(sqlx::Error::Io(error)));
                }
                Ok(_) | Err(_) => {}
            }
        }
        Self::open_and_bring_up_to_date(config).await
    }

    /// Opens a database that must exist, and brings its tables up to date.
    pub async fn open_and_bring_up_to_date(config: &StoreConfig) -> Result<Self, StoreError> {
        let store = Self::connect(config, BUSY_TIMEOUT).await?;
        let migrated = match &store.pool {
            Pool::Sqlite(pool, ..) => SQLITE_MIGRATIONS.run(pool).await,
            Pool::Postgres(pool, _) => POSTGRES_MIGRATIONS.run(pool).await,
        };
        migrated.map_err(migration_error)?;
        Ok(store)
    }

    /// Opens a database that must exist and have the tables of this program, and changes none: for
    /// commands, which work beside a gateway that may be of another version.
    pub async fn open_existing(config: &StoreConfig) -> Result<Self, StoreError> {
        let store = Self::connect(config, COMMAND_BUSY_TIMEOUT).await?;
        let (version, needed) = (store.migration().await?, Self::newest_migration());
        match version.cmp(&needed) {
            Ordering::Equal => Ok(store),
            Ordering::Greater => Err(StoreError::Newer { version }),
            Ordering::Less => Err(StoreError::Older { version, needed }),
        }
    }

    async fn connect(config: &StoreConfig, busy: Duration) -> Result<Self, StoreError> {
        match &config.url {
            Some(url) => Self::connect_server(url.expose_secret()).await,
            None => Self::connect_file(&config.path, busy).await,
        }
    }

    async fn connect_file(path: &Path, busy: Duration) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit that returned is on disk. Everything the log promises rests on it.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // `SQLite` would carry the write-ahead log over by itself, and not tell that it failed.
            .pragma("wal_autocheckpoint", "0")
            .busy_timeout(busy);
        let pool = SqlitePoolOptions::new()
            .max_connections(SQLITE_CONNECTIONS_MAX)
            .acquire_timeout(busy + FILE_ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        let writers = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(busy + FILE_ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.clone());
        let writers = Writers { turns: Turns::before(path), pool: writers };
        Ok(Self { pool: Pool::Sqlite(pool, options, writers) })
    }

    async fn connect_server(url: &str) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        // A server may be set to commit later; on our connections a commit waits for the disk.
        let options = options.application_name("gateway").options([
            ("synchronous_commit", "on"),
            // Whoever gave up waiting leaves a statement that nobody waits for.
            ("client_connection_check_interval", "5s"),
        ]);
        let pool = server_pool(POSTGRES_CONNECTIONS_MAX).connect_with(options.clone()).await?;
        for setting in ["fsync", "full_page_writes"] {
            let value: String = sqlx::query_scalar("select current_setting($1)")
                .bind(setting)
                .fetch_one(&pool)
                .await?;
            if value != "on" {
                return Err(StoreError::NotDurable { setting });
            }
        }
        Ok(Self { pool: Pool::Postgres(pool, options) })
    }

    /// The same database over connections of its own, made when they are needed.
    #[must_use]
    pub fn apart(&self, connections_max: u32) -> Self {
        let pool = match &self.pool {
            Pool::Sqlite(_, options, writers) => {
                let pool = SqlitePoolOptions::new().max_connections(connections_max);
                let pool = pool.connect_lazy_with(options.clone());
                Pool::Sqlite(pool, options.clone(), writers.clone())
            }
            Pool::Postgres(_, options) => {
                let pool = server_pool(connections_max).connect_lazy_with(options.clone());
                Pool::Postgres(pool, options.clone())
            }
        };
        Self { pool }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_pool!(self, (pool, _) => sqlx::query("select 1").execute(pool).await.map(drop))?;
        Ok(())
    }
}

fn server_pool(connections_max: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_release(|connection, _| Box::pin(patience::is_alive(connection)))
}

fn migration_error(error: sqlx::migrate::MigrateError) -> StoreError {
    match error {
        sqlx::migrate::MigrateError::VersionMissing(version) => StoreError::Newer { version },
        other => StoreError::Migrate(other),
    }
}
