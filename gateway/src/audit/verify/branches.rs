//! The stored tiles above the leaves, each held against the one above it and the topmost against
//! the edge, so that what is said about a tile is about that tile.

use super::edge::{Edge, hashes_at, tile_fault};
use super::{Signed, TileFault, VerifyError};
use crate::audit::tree::{self, Hash, TILE_WIDTH};
use crate::store::Store;

/// The path from the root to the leaf tile that was asked for last, and how much was compared on
/// the way. Leaf tiles are asked for in rising order, so that each tile is read once.
pub(super) struct Branches<'a> {
    store: &'a Store,
    signed: &'a Signed<'a>,
    edge: &'a Edge,
    /// For each level the tile on the path, where it is full.
    path: Vec<Option<(u64, Vec<Hash>)>>,
    compared: u64,
}

impl<'a> Branches<'a> {
    pub(super) fn new(store: &'a Store, signed: &'a Signed<'a>, edge: &'a Edge) -> Self {
        let levels = tree::partial_levels(signed.size) as usize;
        Self { store, signed, edge, path: vec![None; levels], compared: 0 }
    }

    /// Tiles compared so far.
    pub(super) fn compared(&self) -> u64 {
        self.compared
    }

    /// The root that a full leaf tile must have.
    pub(super) async fn root_of_leaf_tile(&mut self, leaf_tile: u64) -> Result<Hash, VerifyError> {
        for level in (1..self.path.len() as u8).rev() {
            let index = leaf_tile >> (8 * u32::from(level));
            let is_full = index < self.signed.full_tiles(level);
            let is_known =
                self.path[usize::from(level)].as_ref().is_some_and(|(known, _)| *known == index);
            if is_full && !is_known {
                self.read(level, index).await?;
            }
        }
        self.hash_above(0, leaf_tile)
    }

    async fn read(&mut self, level: u8, index: u64) -> Result<(), VerifyError> {
        let expected = self.hash_above(level, index)?;
        let row = self.store.tile(self.signed.log, i64::from(level), index as i64).await?;
        let hashes = hashes_at(self.signed.log, level, index, row)?;
        if tree::tile_root(&hashes) != Some(expected) {
            return Err(tile_fault(self.signed.log, level, index, TileFault::Hashes));
        }
        self.path[usize::from(level)] = Some((index, hashes));
        self.compared += 1;
        Ok(())
    }

    /// The hash that the level above has for a tile: in a tile on the path, or in the edge.
    fn hash_above(&self, level: u8, index: u64) -> Result<Hash, VerifyError> {
        let (parent, place) = (index / TILE_WIDTH as u64, (index % TILE_WIDTH as u64) as usize);
        let above = level + 1;
        let on_path = self.path.get(usize::from(above)).and_then(Option::as_ref);
        let hash = if parent < self.signed.full_tiles(above) {
            on_path.filter(|(known, _)| *known == parent).and_then(|(_, hashes)| hashes.get(place))
        } else {
            return self.edge.hash(above, place).ok_or_else(|| self.unreachable(above, parent));
        };
        hash.copied().ok_or_else(|| self.unreachable(above, parent))
    }

    /// The arithmetic of the levels excludes it; if it is wrong, the log must not pass.
    fn unreachable(&self, level: u8, index: u64) -> VerifyError {
        tile_fault(self.signed.log, level, index, TileFault::Missing)
    }
}
