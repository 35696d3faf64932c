//! One gateway at a time on the same data.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use super::{Store, StoreError};
use crate::config::StoreConfig;

/// The session that asks.
const BACKEND: &str = "select pid, (extract(epoch from backend_start) * 1000000)::bigint \
    from pg_stat_activity where pid = pg_backend_pid()";
/// Ends a session of ours, and none that has its number since.
const END_BACKEND: &str = "select pg_terminate_backend(pid) from pg_stat_activity \
    where pid = $1 and (extract(epoch from backend_start) * 1000000)::bigint = $2";
/// A server that has not answered within this time is not there.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Holds a log for one gateway until it is dropped. A courtesy: what keeps a log from being forked
/// is the compare-and-swap of its commits.
#[derive(Debug)]
pub enum Hold {
    /// A lock on a file beside the database.
    File(File),
    /// A lock of the server.
    Session(Box<Session>),
}

/// A lock of the server, for as long as a connection lives.
#[derive(Debug)]
pub struct Session {
    options: PgConnectOptions,
    /// Name of the lock.
    name: String,
    /// None after it was lost.
    connection: Option<PgConnection>,
    /// The session that had the lock last: process and start, in microseconds since 1970.
    backend: (i32, i64),
}

impl Store {
    /// Holds the data for one gateway: a second one on the same file, or with the same log on the
    /// same server, would overtake the first one's log, and one of them would have to stop.
    pub async fn hold(config: &StoreConfig, log: &str) -> Result<Hold, StoreError> {
        match &config.url {
            Some(url) => hold_log(url.expose_secret(), log).await,
            None => hold_file(&config.path),
        }
    }
}

fn hold_file(path: &Path) -> Result<Hold, StoreError> {
    let lock = path.with_extension("lock");
    let refuse = |error| StoreError::Database(sqlx::Error::Io(error));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(lock);
    let file = file.map_err(refuse)?;
    match file.try_lock() {
        Ok(()) => Ok(Hold::File(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Held),
        Err(TryLockError::Error(error)) => Err(refuse(error)),
    }
}

async fn hold_log(url: &str, log: &str) -> Result<Hold, StoreError> {
    let (options, name) = (url.parse::<PgConnectOptions>()?, format!("gateway log {log}"));
    let mut session = Session { options, name, connection: None, backend: (0, 0) };
    session.take().await?;
    Ok(Hold::Session(Box::new(session)))
}

impl Hold {
    /// Takes the hold again if it was lost with its connection. To be asked again and again.
    ///
    /// # Errors
    /// [`StoreError::Held`] if another gateway has taken it meanwhile; any other error means that
    /// the server does not answer, so that nobody can take it.
    pub async fn keep(&mut self) -> Result<(), StoreError> {
        match self {
            // The system takes no lock away.
            Self::File(_) => Ok(()),
            Self::Session(session) => session.keep().await,
        }
    }
}

impl Session {
    async fn keep(&mut self) -> Result<(), StoreError> {
        if let Some(connection) = &mut self.connection {
            let answered = tokio::time::timeout(TIMEOUT, connection.ping()).await;
            if matches!(answered, Ok(Ok(()))) {
                return Ok(());
            }
            tracing::warn!(lock = self.name, "the hold on the log was lost with its connection");
            self.connection = None;
        }
        let taken = tokio::time::timeout(TIMEOUT, self.take()).await;
        taken.unwrap_or(Err(StoreError::Database(sqlx::Error::PoolTimedOut)))?;
        tracing::info!(lock = self.name, "the hold on the log is taken again");
        Ok(())
    }

    async fn take(&mut self) -> Result<(), StoreError> {
        let mut connection = self.options.connect().await?;
        let taken = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))")
            .bind(&self.name)
            .fetch_one(&mut connection)
            .await?;
        if taken {
            self.backend = sqlx::query_as(BACKEND).fetch_one(&mut connection).await?;
            self.connection = Some(connection);
            return Ok(());
        }
        // Where the network was cut, the server may not have missed our last session yet.
        let ended: Option<bool> = sqlx::query_scalar(END_BACKEND)
            .bind(self.backend.0)
            .bind(self.backend.1)
            .fetch_optional(&mut connection)
            .await?;
        let _closed = connection.close().await;
        match ended {
            Some(_) => Err(StoreError::Database(sqlx::Error::WorkerCrashed)),
            None => Err(StoreError::Held),
        }
    }
}
