//! Turns at writing into a file.
//!
//! `SQLite` has no queue: who finds the file locked looks again every tenth of a second. A log under
//! load leaves it free for a fraction of a millisecond between two commits, and where a disk is slow
//! its commits take nearly all of the time, so that whoever else writes looks in vain until it gives
//! up (`SQLITE_BUSY`). So every writer first takes its turn: it keeps it until it has the file, and
//! lets the next one, who then waits for the file alone, have it during the commit.
//!
//! A courtesy, as [`super::Hold`] is: what keeps writers apart is the file's own lock.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// How often a turn is asked for that another process has: it has it for a moment.
const POLL: Duration = Duration::from_millis(1);
/// Whoever waits longer goes on and waits for the file itself: somebody stands still in the turn.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a commit of the log waits: whoever has the turn looks for the file every tenth of a
/// second. A command that stands still in its turn must not stop the log.
pub(super) const GIVE_WAY_MAX: Duration = Duration::from_secs(1);

/// The queue before a file; none before a server, which has its own.
#[derive(Debug, Clone)]
pub(super) struct Turns(Option<Arc<Mutex<File>>>);

/// The turn of whoever has it, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(OwnedMutexGuard<File>);

impl Turns {
    /// Of those who do not write.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Before a database's file: a lock on its folder (flock(2)), which leaves no file behind, does
    /// not touch `SQLite`'s own locks, and ends with the process.
    pub(super) fn before(file: &Path) -> Self {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        match File::open(folder.unwrap_or(Path::new("."))) {
            Ok(folder) => Self(Some(Arc::new(Mutex::new(folder)))),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "whoever writes into the database does so out of turn");
                Self::none()
            }
        }
    }

    /// Waits for a turn; none where that takes longer than `limit`.
    pub(super) async fn take(&self, limit: Duration) -> Option<Turn> {
        let folder = self.0.as_ref()?;
        let waiting = async {
            // In this process they come in the order in which they asked.
            let folder = Arc::clone(folder).lock_owned().await;
            loop {
                match folder.try_lock() {
                    Ok(()) => return Some(Turn(folder)),
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
                    Err(TryLockError::Error(_)) => return None,
                }
            }
        };
        tokio::time::timeout(limit, waiting).await.ok().flatten()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // An error leaves it locked until the process ends, and the others wait no longer for it
        // than they would for a command that stands still.
        let _unlocked = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pool, Store};
    use super::*;
    use crate::config::StoreConfig;

    #[tokio::test]
    async fn whoever_has_the_turn_does_not_wait_behind_those_who_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.db");
        let store = Store::open(&StoreConfig { path, ..StoreConfig::default() }).await.unwrap();
        let Pool::Sqlite(pool, ..) = &store.pool else { panic!("it is a file") };
        let mut reading = Vec::new();
        for _ in 0..pool.options().get_max_connections() {
            reading.push(pool.acquire().await.unwrap());
        }
        let written = store.add_clients(&[], &[], 0);
        tokio::time::timeout(Duration::from_secs(20), written).await.expect("at once").unwrap();
    }
}
