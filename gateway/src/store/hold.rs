//! One gateway at a time on the same data.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use super::{Store, StoreError};
use crate::config::StoreConfig;

/// Holds a log for one gateway until it is dropped. A courtesy: what keeps a log from being forked
/// is the compare-and-swap of its commits, also where a hold was lost with its connection.
#[derive(Debug)]
pub enum Hold {
    /// A lock on a file beside the database.
    File(File),
    /// A lock of the server, for as long as the connection lives.
    Session(PgConnection),
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
    let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
    let taken = sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended($1, 0))")
        .bind(format!("gateway log {log}"))
        .fetch_one(&mut connection)
        .await?;
    if taken {
        return Ok(Hold::Session(connection));
    }
    let _closed = connection.close().await;
    Err(StoreError::Held)
}
