//! The auditor's check: reads a log from its first byte to its checkpoint.

use std::collections::BTreeMap;

use super::entry::{EntryError, LogEntry};
use super::reader::EntryReader;
use super::recovery::{OpenError, tile_hashes};
use super::tree::{self, Frontier, FullTile};
use super::writer::{key_name, open_signer};
use crate::config::LogConfig;
use crate::store::{KeyFolder, Store, StoreError};

/// What a verification found to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Name of the log.
    pub log: String,
    /// Number of entries.
    pub entries: u64,
    /// Full tiles compared.
    pub tiles: u64,
    /// Root of the tree, which the checkpoint signs.
    pub root: tree::Hash,
}

/// What is wrong with a log, and where.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Key, checkpoint or their relation.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no log of this name.
    #[error("there is no log {log}")]
    NoSuchLog {
        /// The name.
        log: String,
    },
    /// A bundle is damaged, missing or out of place.
    #[error("log {log}: the bundle at entry {first_index} is damaged, missing or out of place")]
    Bundle {
        /// The log.
        log: String,
        /// Where.
        first_index: u64,
    },
    /// An entry cannot be read.
    #[error("log {log}: entry {index} cannot be read")]
    Entry {
        /// The log.
        log: String,
        /// Where.
        index: u64,
        /// Why.
        #[source]
        source: EntryError,
    },
    /// A tile is damaged, missing or left over.
    #[error("log {log}: tile {tile_index} of level {level} is damaged, missing or left over")]
    Tile {
        /// The log.
        log: String,
        /// Level.
        level: u8,
        /// Index within the level.
        tile_index: u64,
    },
    /// The entries do not make the signed tree.
    #[error("log {log}: {entries} entries do not make the tree that its checkpoint signs")]
    Root {
        /// The log.
        log: String,
        /// Entries read.
        entries: u64,
    },
}

/// Verifies one log against its signed checkpoint.
pub async fn verify_log(
    store: &Store,
    keys: &KeyFolder,
    config: &LogConfig,
) -> Result<Verification, VerifyError> {
    let log = config.name.as_str();
    // A key that is lost must not be replaced by reading: the log could never be verified again.
    let signer = open_signer(&keys.load(&key_name(config)).map_err(OpenError::from)?, config)?;
    // Counted before the checkpoint is read: a gateway that runs meanwhile only adds tiles.
    let tiles_stored = store.tile_counts(log).await?;
    let row =
        store.checkpoint(log).await?.ok_or_else(|| VerifyError::NoSuchLog { log: log.into() })?;
    let checkpoint = signer
        .verify(&row.note)
        .map_err(|source| OpenError::Checkpoint { log: log.into(), source })?;
    let mut frontier = Frontier::default();
    let mut tiles = BTreeMap::new();
    let mut full = Vec::new();
    let mut reader = EntryReader::new(store, log, checkpoint.size);
    while let Some(entries) = reader.next().await? {
        for (index, bytes) in entries {
            LogEntry::decode(&bytes).map_err(|source| VerifyError::Entry {
                log: log.into(),
                index,
                source,
            })?;
            frontier.append(tree::leaf_hash(&bytes), &mut full);
        }
        for tile in full.drain(..) {
            check_tile(store, log, &tile).await?;
            *tiles.entry(tile.level).or_insert(0_u64) += 1;
        }
    }
    for (level, stored) in tiles_stored {
        let counted = tiles.get(&(level as u8)).copied().unwrap_or(0);
        if stored as u64 > counted {
            let level = level as u8;
            return Err(VerifyError::Tile { log: log.into(), level, tile_index: counted });
        }
    }
    let (entries, root) = (frontier.size(), frontier.root());
    if entries != checkpoint.size || root != checkpoint.root {
        return Err(VerifyError::Root { log: log.into(), entries });
    }
    Ok(Verification { log: log.into(), entries, tiles: tiles.values().sum(), root })
}

async fn check_tile(store: &Store, log: &str, tile: &FullTile) -> Result<(), VerifyError> {
    let stored = store.tile(log, i64::from(tile.level), tile.index as i64).await?;
    if stored.as_ref().and_then(tile_hashes).as_ref() == Some(&tile.hashes) {
        return Ok(());
    }
    Err(VerifyError::Tile { log: log.into(), level: tile.level, tile_index: tile.index })
}
