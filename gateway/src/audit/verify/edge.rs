//! The right edge of a log: what its tiles in progress hold, compared with the signed root.
//!
//! Tiles in progress are not stored. Their hashes are the roots of the full tiles below them, and
//! on level 0 those of the entries after the last full tile.

use std::ops::Range;

use super::{BundleFault, Signed, TileFault, VerifyError, read_entry};
use crate::audit::reader::BundleReader;
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

    fn makes_root_of(&self, signed: &Signed<'_>) -> bool {
        Frontier::from_partial_tiles(signed.size, self.0.clone())
            .is_some_and(|tree| tree.root() == signed.root)
    }

    /// Puts a hash in a place; whether another one was there.
    fn replace(&mut self, level: u8, place: usize, hash: Hash) -> bool {
        let known = self.0.get_mut(usize::from(level)).and_then(|level| level.get_mut(place));
        known.is_some_and(|known| std::mem::replace(known, hash) != hash)
    }
}

/// Reads the edge of a log and compares it with the signed root.
pub(super) async fn read_edge(store: &Store, signed: &Signed<'_>) -> Result<Edge, VerifyError> {
    let mut levels = Vec::new();
    for level in 0..tree::partial_levels(signed.size) {
        let width = tree::partial_width(signed.size, level);
        let until = signed.size >> (8 * level);
        let hashes = match level.checked_sub(1) {
            None => leaf_hashes(store, signed, until - width..until).await?,
            Some(below) => tile_roots(store, signed, below as u8, until - width..until).await?,
        };
        levels.push(hashes);
    }
    let edge = Edge(levels);
    if edge.makes_root_of(signed) {
        return Ok(edge);
    }
    Err(find_fault(store, signed, &edge).await?)
}

/// Hashes of entries, less those that were dropped; of those after the last full tile none can
/// have been.
async fn leaf_hashes(
    store: &Store,
    signed: &Signed<'_>,
    entries: Range<u64>,
) -> Result<Vec<Hash>, VerifyError> {
    let log = signed.log;
    let mut reader = BundleReader::new(store, log, entries.start, signed.size);
    let mut hashes = Vec::with_capacity(TILE_WIDTH);
    for bundle in reader.read_until(entries.end).await? {
        signed.check_bundle(&bundle)?;
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
    let places = tiles.start as i64..tiles.end as i64;
    let mut rows = store.tiles(signed.log, i64::from(level), places).await?.into_iter();
    let mut roots = Vec::with_capacity(TILE_WIDTH);
    for index in tiles {
        let hashes = hashes_at(signed.log, level, index, rows.next())?;
        roots.extend(tree::tile_root(&hashes));
    }
    Ok(roots)
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
/// what lies below it: where the latter makes the root, the tile is at fault, and otherwise an
/// entry after the last full tile, or a tile below which entries were dropped.
async fn find_fault(
    store: &Store,
    signed: &Signed<'_>,
    edge: &Edge,
) -> Result<VerifyError, VerifyError> {
    let width = TILE_WIDTH as u64;
    let (mut mended, mut differing) = (Edge(edge.0.clone()), Vec::new());
    let mut from = signed.tail_from();
    for level in 1..tree::partial_levels(signed.size) as u8 {
        let until = signed.full_tiles(level - 1);
        let first = until - tree::partial_width(signed.size, u32::from(level));
        for (place, index) in (first..until).enumerate() {
            let below = index * width..(index + 1) * width;
            let Some(hashes) = hashes_below(store, signed, level - 1, below).await? else {
                from = from.min(index * width);
                continue;
            };
            let root = tree::tile_root(&hashes);
            if root.is_some_and(|root| mended.replace(level, place, root)) {
                differing.push((level - 1, index));
            }
        }
        if mended.makes_root_of(signed) {
            break;
        }
    }
    let is_mended = mended.makes_root_of(signed);
    // Above the leaves, tiles that disagree are at fault themselves, whatever else is.
    let at_fault = differing.into_iter().find(|&(level, _)| is_mended || level > 0);
    Ok(match at_fault {
        Some((level, index)) => tile_fault(signed.log, level, index, TileFault::Hashes),
        None => VerifyError::Root { log: signed.log.into(), from, entries: signed.size },
    })
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
    match leaf_hashes(store, signed, places).await {
        Ok(hashes) => Ok((hashes.len() == TILE_WIDTH).then_some(hashes)),
        // Or it cannot be proved that they were, with a tile that is wrong.
        Err(
            VerifyError::Bundle { fault: BundleFault::Missing, .. } | VerifyError::Dropped { .. },
        ) => Ok(None),
        Err(other) => Err(other),
    }
}
