//! The log beside its published checkpoint: whether everything that was once signed is still there.
//!
//! The database alone cannot tell that it is an older copy of itself. The note in the key folder
//! can: a log that is shorter than it has lost entries, and one that has another root at that size
//! is another log.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointSigner};
use super::recovery::{OpenError, Reading, recover, root_of_first};
use super::tree::{Frontier, Hash};
use super::writer::{key_name, open_signer};
use crate::config::LogConfig;
use crate::store::{KeyError, KeyFolder, PublishedNote, Store, StoreError};

/// Entries that were signed and published, and that the database does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Name of the log.
    pub log: String,
    /// Entries in the database.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// What the published note says.
    pub published: Checkpoint,
    /// The published note itself.
    pub note: PublishedNote,
}

impl Loss {
    /// Whether the database holds as many entries as were published, but other ones.
    pub fn is_fork(&self) -> bool {
        self.size >= self.published.size
    }

    /// Sizes and roots of both, for the log and for people: 255 characters at most.
    pub fn figures(&self) -> String {
        format!(
            "kept {} root {}, published {} root {}",
            self.size,
            STANDARD.encode(self.root),
            self.published.size,
            STANDARD.encode(self.published.root)
        )
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, size, published, note, .. } = self;
        let (was, at) = (published.size, note.at);
        if self.is_fork() {
            write!(
                f,
                "the first {was} entries of log {log} are not those whose checkpoint was published \
                 at {at}: another log was written in the place of this one, most likely after an \
                 older copy of the database had been restored"
            )?;
        } else if *size == 0 {
            write!(
                f,
                "the database holds no entry of log {log}, but its checkpoint published at {at} \
                 signs {was}: the database was lost, or is another one"
            )?;
        } else {
            write!(
                f,
                "log {log} has {size} entries in the database, but its checkpoint published at \
                 {at} signs {was}: most likely an older copy of the database was restored"
            )?;
        }
        write!(
            f,
            "; put the right database in its place, or accept that entries are lost with: gateway \
             --config FILE log accept-loss --log {log}"
        )
    }
}

impl std::error::Error for Loss {}

/// What a log has lost since its checkpoint was last published; none if everything is there.
/// Reads only.
///
/// # Errors
/// [`OpenError`] if the log contradicts its own checkpoint, or the published note is not ours.
pub async fn find_loss(
    store: &Store,
    keys: &KeyFolder,
    config: &LogConfig,
) -> Result<Option<Loss>, OpenError> {
    let Some(note) = keys.published(&config.name)? else {
        return Ok(None);
    };
    let signer = open_signer(&keys.load(&key_name(config))?, config)?;
    let recovered = recover(store, &config.name, &signer, Reading::BesideWriter).await?;
    let recovered = recovered.unwrap_or_default();
    compare(store, &signer, note, &recovered.frontier, config).await
}

/// The same for a log that was opened; what is published is read again.
pub(super) async fn loss_of(
    store: &Store,
    keys: &KeyFolder,
    config: &LogConfig,
    signer: &CheckpointSigner,
    frontier: &Frontier,
) -> Result<Option<Loss>, OpenError> {
    match keys.published(&config.name)? {
        None => Ok(None),
        Some(note) => compare(store, signer, note, frontier, config).await,
    }
}

async fn compare(
    store: &Store,
    signer: &CheckpointSigner,
    note: PublishedNote,
    frontier: &Frontier,
    config: &LogConfig,
) -> Result<Option<Loss>, OpenError> {
    let log = &config.name;
    let published = signer.verify(&note.unverified_note).map_err(|source| {
        OpenError::Published { log: log.clone(), path: note.path.clone(), source }
    })?;
    let (size, root) = (frontier.size(), frontier.root());
    if size >= published.size {
        let then = root_of_first(store, log, size, published.size).await?;
        if then == published.root {
            return Ok(None);
        }
    }
    Ok(Some(Loss { log: log.clone(), size, root, published, note }))
}

/// Publishes the checkpoints of one log as it grows.
#[derive(Debug)]
pub struct Publisher {
    keys: KeyFolder,
    log: String,
    /// The note that was published last.
    last: Mutex<Option<String>>,
}

/// Why a checkpoint is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key folder did not take the note.
    #[error(transparent)]
    Folder(#[from] KeyError),
}

impl Publisher {
    /// A publisher that has published nothing yet.
    pub fn new(keys: KeyFolder, log: &str) -> Self {
        Self { keys, log: log.to_owned(), last: Mutex::new(None) }
    }

    /// Publishes the log's checkpoint if it is another than the last one.
    ///
    /// It is read from the store: a note is seen there once its commit is durable, so what is
    /// published is never ahead of what a crash leaves.
    pub async fn publish(&self, store: &Store) -> Result<(), PublishError> {
        let Some(row) = store.checkpoint(&self.log).await? else {
            return Ok(());
        };
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if last.as_ref() == Some(&row.note) {
            return Ok(());
        }
        let (keys, log, note) = (self.keys.clone(), self.log.clone(), row.note.clone());
        // Two fsyncs: not on a thread that others wait for.
        match tokio::task::spawn_blocking(move || keys.publish(&log, &note)).await {
            Ok(published) => published?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(row.note);
        Ok(())
    }
}
