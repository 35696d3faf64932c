//! The right edge of a log: what its tiles in progress hold, compared with the signed root.
//!
//! Tiles in progress are not stored. Their hashes are the roots of the full tiles below them, and
//! on level 0 those of the entries after the last full tile.

use std::ops::Range;

use super::{BundleFault, Signed, TileFault, VerifyError, read_entry};
use crate::audit::reader::{BundleReader, DroppedRanges};
use crate::audit::recovery::tile_hashes;
use crate::audit::tree::{self, Frontier, Hash, TILE_WIDTH};
use crate::store::{Store, TileRow};

/// For each level the hashes of the tile in progress, in agreement with the signed root.
pub(super) struct Edge(Vec<Vec<Hash>>);

impl Edge {
    /// The hash at a place of the tile in progress.
    pub(super) fn hash(&self, level: u8, place: usize) -> Option<Hash> {
        self.0.get(usize::from(level))?.get(place).copied()
    }
}

/// Reads the edge of a log and compares it with the signed root.
pub(super) async fn read_edge(store: &Store, signed: &Signed<'_>) -> Result<Edge, VerifyError> {
    let mut levels = Vec::new();
    for level in 0..tree::partial_levels(signed.size) {
        let width = tree::partial_width(signed.size, level);
        let until = signed.size >> (8 * level);
        let hashes = match level.checked_sub(1) {
            None => tail_hashes(store, signed, until - width..until).await?,
            Some(below) => tile_roots(store, signed, below as u8, until - width..until).await?,
        };
        levels.push(hashes);
    }
    let root = Frontier::from_partial_tiles(signed.size, levels.clone()).map(|tree| tree.root());
    if root == Some(signed.root) {
        return Ok(Edge(levels));
    }
    Err(find_fault(store, signed).await?)
}

/// Hashes of the entries after the last full tile. None of them can have been dropped.
async fn tail_hashes(
    store: &Store,
    signed: &Signed<'_>,
    entries: Range<u64>,
) -> Result<Vec<Hash>, VerifyError> {
    let none_dropped = DroppedRanges::default();
    let log = signed.log;
    let mut reader = BundleReader::new(store, log, &none_dropped, entries.start, signed.size);
    let mut hashes = Vec::with_capacity(TILE_WIDTH);
    for bundle in reader.read_until(entries.end).await? {
        signed.check_border(&bundle)?;
        for (index, bytes) in bundle.entries(&entries) {
            read_entry(log, &bundle, index, bytes)?;
            hashes.push(tree::leaf_hash(bytes));
        }
    }
    Ok(hashes)
}

async fn tile_roots(
    store: &Store,
    signed: &Signed<'_>,
    level: u8,
    tiles: Range<u64>,
) -> Result<Vec<Hash>, VerifyError> {
    let hashes = read_tiles(store, signed, level, tiles).await?;
    Ok(hashes.iter().filter_map(|(_, hashes)| tree::tile_root(hashes)).collect())
}

/// The full tiles of a range of a level, each with its index.
async fn read_tiles(
    store: &Store,
    signed: &Signed<'_>,
    level: u8,
    tiles: Range<u64>,
) -> Result<Vec<(u64, Vec<Hash>)>, VerifyError> {
    let (from, until) = (tiles.start as i64, tiles.end as i64);
    let mut rows = store.tiles(signed.log, i64::from(level), from, until).await?.into_iter();
    tiles.map(|index| Ok((index, hashes_at(signed.log, level, index, rows.next())?))).collect()
}

/// The hashes of the tile that must be `row`.
pub(super) fn hashes_at(
    log: &str,
    level: u8,
    index: u64,
    row: Option<TileRow>,
) -> Result<Vec<Hash>, VerifyError> {
    let row = row
        .filter(|row| row.tile_index == index as i64)
        .ok_or_else(|| tile_fault(log, level, index, TileFault::Missing))?;
    tile_hashes(&row).ok_or_else(|| tile_fault(log, level, index, TileFault::Form))
}

pub(super) fn tile_fault(log: &str, level: u8, index: u64, fault: TileFault) -> VerifyError {
    let (level, tile_index) = (i64::from(level), index as i64);
    VerifyError::Tile { log: log.into(), level, tile_index, fault }
}

/// The edge does not make the signed root. Each of its tiles is known twice, by itself and from
/// what lies below it: the one that disagrees is at fault. If none does, it is an entry after the
/// last full tile.
async fn find_fault(store: &Store, signed: &Signed<'_>) -> Result<VerifyError, VerifyError> {
    for level in 1..tree::partial_levels(signed.size) {
        let (width, until) = (tree::partial_width(signed.size, level), signed.size >> (8 * level));
        let below = (level - 1) as u8;
        for (index, hashes) in read_tiles(store, signed, below, until - width..until).await? {
            let from = index * TILE_WIDTH as u64;
            let again = hashes_below(store, signed, below, from..from + TILE_WIDTH as u64).await?;
            if again.is_some_and(|again| again != hashes) {
                return Ok(tile_fault(signed.log, below, index, TileFault::Hashes));
            }
        }
    }
    let from = signed.size - tree::partial_width(signed.size, 0);
    Ok(VerifyError::Root { log: signed.log.into(), from, entries: signed.size })
}

/// The hashes of a full tile from what lies below it; none where entries were dropped.
async fn hashes_below(
    store: &Store,
    signed: &Signed<'_>,
    level: u8,
    places: Range<u64>,
) -> Result<Option<Vec<Hash>>, VerifyError> {
    if let Some(below) = level.checked_sub(1) {
        return tile_roots(store, signed, below, places).await.map(Some);
    }
    match tail_hashes(store, signed, places).await {
        Ok(hashes) => Ok(Some(hashes)),
        Err(VerifyError::Bundle { fault: BundleFault::Missing, .. }) => Ok(None),
        Err(other) => Err(other),
    }
}
