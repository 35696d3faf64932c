//! The auditor's check: reads a log from its first byte to its checkpoint and counts it again.

use std::collections::{BTreeMap, BTreeSet};

use super::counters::Counts;
use super::entry::{EntryError, LogEntry};
use super::recovery::{OpenError, count_bundles, split_bundle, tile_hashes};
use super::tree::{self, Frontier, FullTile};
use super::writer::{key_name, open_signer};
use crate::config::LogConfig;
use crate::store::{KeyFolder, Store, StoreError};

/// Bundles read at once.
const BUNDLES_PER_READ: i64 = 32;

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

/// How a recount differs from the counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    /// Name of the log.
    pub log: String,
    /// Entries counted.
    pub entries: u64,
    /// Counters compared.
    pub counters: usize,
    /// Keys whose counter is not what the entries give: key, counter, recounted.
    pub differences: Vec<(String, i64, i64)>,
}

/// Counts a log again from its entries and compares with the counters.
pub async fn recount(store: &Store, log: &str) -> Result<Recount, VerifyError> {
    let (row, stored) = store
        .counters_of_log(log)
        .await?
        .ok_or_else(|| VerifyError::NoSuchLog { log: log.into() })?;
    let mut counts = Counts::default();
    let mut entries = 0;
    let mut reader = EntryReader::new(store, log, row.tree_size as u64);
    while let Some(read) = reader.next().await? {
        for (index, bytes) in read {
            let entry = LogEntry::decode(&bytes).map_err(|source| VerifyError::Entry {
                log: log.into(),
                index,
                source,
            })?;
            // What the counters do not cover yet is counted from here by every report.
            if (index as i64) < row.counted_size {
                counts.add(&entry);
            }
            entries += 1;
        }
    }
    let (stored, recounted): (BTreeMap<_, _>, _) = (stored.into_iter().collect(), counts.by_key());
    let keys: BTreeSet<&String> = stored.keys().chain(recounted.keys()).collect();
    let of = |sums: &BTreeMap<String, i64>, key: &String| sums.get(key).copied().unwrap_or(0);
    let differences = keys
        .iter()
        .map(|&key| (key.clone(), of(&stored, key), of(&recounted, key)))
        .filter(|(_, counter, again)| counter != again)
        .collect();
    Ok(Recount { log: log.into(), entries, counters: keys.len(), differences })
}

/// What is counted in all logs at one moment, keys in `from..until`: the counters and, from their
/// bundles, the entries that these do not cover yet.
pub async fn counted(
    store: &Store,
    from: &str,
    until: &str,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let counted = store.counted(from, until).await?;
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (key, n) in counted.counters {
        *sums.entry(key).or_default() += n;
    }
    for (checkpoint, bundles) in &counted.tails {
        let mut tail = Counts::default();
        if count_bundles(bundles, &mut tail).is_none() && !bundles.is_empty() {
            return Err(StoreError::Inconsistent {
                table: "log_bundles",
                row: format!("{} from {}", checkpoint.log, checkpoint.counted_size),
            });
        }
        for (key, n) in tail.by_key() {
            if from <= key.as_str() && key.as_str() < until {
                *sums.entry(key).or_default() += n;
            }
        }
    }
    Ok(sums)
}

/// Reads a log's entries in order, a bounded number at a time, up to a given size: what a running
/// gateway appends meanwhile is not part of the question.
struct EntryReader<'a> {
    store: &'a Store,
    log: &'a str,
    next: u64,
    size: u64,
}

impl<'a> EntryReader<'a> {
    fn new(store: &'a Store, log: &'a str, size: u64) -> Self {
        Self { store, log, next: 0, size }
    }

    async fn next(&mut self) -> Result<Option<Vec<(u64, Vec<u8>)>>, VerifyError> {
        if self.next >= self.size {
            return Ok(None);
        }
        let out_of_place = |first_index| VerifyError::Bundle { log: self.log.into(), first_index };
        let bundles = self.store.bundles_from(self.log, self.next as i64, BUNDLES_PER_READ).await?;
        let mut read = Vec::new();
        for bundle in &bundles {
            if self.next >= self.size {
                break;
            }
            let entries = split_bundle(&bundle.entries).ok_or_else(|| out_of_place(self.next))?;
            let fits = bundle.first_index as u64 == self.next
                && entries.len() as i64 == bundle.entries_count
                && !entries.is_empty();
            if !fits {
                return Err(out_of_place(self.next));
            }
            read.extend((self.next..).zip(entries.into_iter().map(<[u8]>::to_vec)));
            self.next += bundle.entries_count as u64;
        }
        if read.is_empty() {
            return Err(out_of_place(self.next));
        }
        Ok(Some(read))
    }
}
