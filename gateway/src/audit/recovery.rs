//! Start-up of a log: its right edge from what is on disk, refused if that contradicts the signed
//! checkpoint.

use super::checkpoint::{CheckpointError, CheckpointSigner};
use super::counters::Counts;
use super::entry::LogEntry;
use super::tree::{self, Frontier, Hash, TILE_WIDTH};
use crate::store::{BundleRow, CheckpointRow, KeyError, Store, StoreError, TileRow};

/// Bundles read at once while the tail is hashed again.
const BUNDLES_PER_READ: i64 = 64;

/// Why a log does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key is missing.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The checkpoint is not ours or was changed.
    #[error("the checkpoint of log {log} cannot be trusted")]
    Checkpoint {
        /// The log.
        log: String,
        /// Why.
        #[source]
        source: CheckpointError,
    },
    /// Entries, tiles and checkpoint do not tell the same story.
    #[error("log {log} contradicts its checkpoint: {what}")]
    Contradiction {
        /// The log.
        log: String,
        /// What does not fit.
        what: String,
    },
}

/// What the writer of a log goes on from.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// The right edge of the tree.
    pub(super) frontier: Frontier,
    /// Sums of the entries that the counters in the store do not cover.
    pub(super) uncounted: Counts,
    /// Vietnamese day of the last bundle.
    pub(super) last_day: i64,
}

/// A log as its checkpoint promises it, or the reason why it is not there. A log without a
/// checkpoint is new.
pub(super) async fn recover(
    store: &Store,
    log: &str,
    signer: &CheckpointSigner,
) -> Result<Option<Recovered>, OpenError> {
    let Some(row) = store.checkpoint(log).await? else {
        return Ok(None);
    };
    let contradiction =
        |what: &str| OpenError::Contradiction { log: log.into(), what: what.into() };
    let checkpoint = signer
        .verify(&row.note)
        .map_err(|source| OpenError::Checkpoint { log: log.into(), source })?;
    if i64::try_from(checkpoint.size) != Ok(row.tree_size) {
        return Err(contradiction("the signed size is not the size in its row"));
    }
    let mut tiles = vec![tail_leaves(store, log, checkpoint.size).await?];
    if checkpoint.size == 0 {
        tiles.clear();
    }
    for level in 1..tree::partial_levels(checkpoint.size) {
        tiles.push(tile_roots(store, log, checkpoint.size, level).await?);
    }
    let frontier = Frontier::from_partial_tiles(checkpoint.size, tiles)
        .ok_or_else(|| contradiction("entries are missing or left over after the last tile"))?;
    if frontier.root() != checkpoint.root {
        return Err(contradiction("the root over entries and tiles is not the signed one"));
    }
    let uncounted = count_tail(store, &row).await?;
    let last_day = store.last_day(log).await?.unwrap_or_default();
    Ok(Some(Recovered { frontier, uncounted, last_day }))
}

async fn count_tail(store: &Store, row: &CheckpointRow) -> Result<Counts, OpenError> {
    let mut counts = Counts::default();
    let mut next = row.counted_size;
    while next < row.tree_size {
        let bundles = store.bundles_from(&row.log, next, BUNDLES_PER_READ).await?;
        let counted = count_bundles(&bundles, &mut counts);
        next = counted.filter(|after| *after > next).ok_or_else(|| OpenError::Contradiction {
            log: row.log.clone(),
            what: format!("the entries from {next} on cannot be counted"),
        })?;
    }
    Ok(counts)
}

/// Counts the entries of bundles; the index after the last, or `None` if an entry cannot be read.
pub(super) fn count_bundles(bundles: &[BundleRow], counts: &mut Counts) -> Option<i64> {
    for bundle in bundles {
        for bytes in split_bundle(&bundle.entries)? {
            counts.add(&LogEntry::decode(bytes).ok()?);
        }
    }
    bundles.last().map(|bundle| bundle.first_index + bundle.entries_count)
}

/// Hashes of the entries after the last full tile, from their bundles. Entries beyond the
/// checkpoint make the tree too wide and are found by the caller.
async fn tail_leaves(store: &Store, log: &str, size: u64) -> Result<Vec<Hash>, OpenError> {
    let first = size - tree::partial_width(size, 0);
    let (mut next, mut leaves) = (first, Vec::new());
    loop {
        let bundles = store.bundles_from(log, next as i64, BUNDLES_PER_READ).await?;
        let before = next;
        for bundle in &bundles {
            let damaged = || OpenError::Contradiction {
                log: log.into(),
                what: format!("the bundle at entry {} is damaged", bundle.first_index),
            };
            let entries = split_bundle(&bundle.entries).ok_or_else(damaged)?;
            if entries.len() as i64 != bundle.entries_count {
                return Err(damaged());
            }
            for (index, entry) in (bundle.first_index as u64..).zip(entries) {
                if index == next {
                    leaves.push(tree::leaf_hash(entry));
                    next += 1;
                } else if index > next {
                    return Err(OpenError::Contradiction {
                        log: log.into(),
                        what: format!("entry {next} is missing"),
                    });
                }
            }
        }
        if next == before {
            return Ok(leaves);
        }
    }
}

/// Hashes of the tile in progress on `level`: the roots of the full tiles below it.
async fn tile_roots(
    store: &Store,
    log: &str,
    size: u64,
    level: u32,
) -> Result<Vec<Hash>, OpenError> {
    let below = size >> (8 * level);
    let first = below - tree::partial_width(size, level);
    let mut roots = Vec::new();
    for index in first..below {
        let tile = store.tile(log, i64::from(level) - 1, index as i64).await?;
        let root = tile.as_ref().and_then(tile_hashes).and_then(|hashes| tree::tile_root(&hashes));
        roots.push(root.ok_or_else(|| OpenError::Contradiction {
            log: log.into(),
            what: format!("tile {index} of level {} is missing or damaged", level - 1),
        })?);
    }
    Ok(roots)
}

/// The hashes of a stored tile.
pub(super) fn tile_hashes(row: &TileRow) -> Option<Vec<Hash>> {
    let hashes: Vec<Hash> =
        row.hashes.chunks(32).map(TryInto::try_into).collect::<Result<_, _>>().ok()?;
    (hashes.len() == TILE_WIDTH).then_some(hashes)
}

/// The entries of a bundle, each after its length as big-endian `uint16`.
pub fn split_bundle(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut rest, mut entries) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
    }
    Some(entries)
}
