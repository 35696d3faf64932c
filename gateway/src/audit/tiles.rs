//! Any log of the database as tiles, entries and proofs, at any size that it has reached.
//!
//! Reads what is stored and hashes the rest: full tiles are rows; the partial tile of level 0 is
//! hashed from its entries, that of a higher level from the full tiles below it. No entry is read
//! where a full tile of level 0 is there, so that proofs outlive dropped entries.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::proof::{self, Subtree, TilePlace};
use super::read_entry::read_bytes;
use super::recovery::tile_hashes;
use super::tree::{self, Hash, TILE_WIDTH};
use crate::store::{Store, StoreError, TileRow};

/// Full tiles read at once: 256 KiB, and about two milliseconds of hashing for one thread.
const TILES_PER_READ: u64 = 32;

/// Why a tile or proof is not there.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint in the row is none, or of another size.
    #[error("the checkpoint of log {log} cannot be read")]
    Checkpoint {
        /// The log.
        log: String,
    },
    /// What the tree is made of is missing or damaged.
    #[error("log {log}: tile {index} of level {level} cannot be made", index = place.index, level = place.level)]
    Damaged {
        /// The log.
        log: String,
        /// The tile.
        place: TilePlace,
    },
}

/// Reads the trees of the logs in a database.
#[derive(Debug)]
pub struct Tiles {
    store: Store,
    /// What is known of the partial tiles above level 0, by log and level: hashes of full tiles
    /// never change, and reading up to 255 of them for each proof would be most of its work. At
    /// most 8 KiB for each level of each log.
    edges: Mutex<HashMap<(String, u8), Edge>>,
}

/// The first hashes of a tile.
#[derive(Debug, Clone, Default)]
struct Edge {
    index: u64,
    hashes: Vec<Hash>,
}

impl Tiles {
    /// Over this store.
    pub fn new(store: Store) -> Self {
        Self { store, edges: Mutex::default() }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The hashes of a tile in the tree of `size` entries, which the log must have reached: 256
    /// where it is full, none where the tree does not reach it.
    pub async fn tile(
        &self,
        log: &str,
        size: u64,
        place: TilePlace,
    ) -> Result<Vec<Hash>, TilesError> {
        let width = place.width(size);
        if width == 0 {
            return Ok(Vec::new());
        }
        // At an earlier size a tile may be partial that is full by now, its entries dropped.
        let (level, index) = (i64::from(place.level), place.index as i64);
        let damaged = || TilesError::Damaged { log: log.into(), place };
        if let Some(row) = self.store.tile(log, level, index).await? {
            let mut hashes = tile_hashes(&row).ok_or_else(damaged)?;
            hashes.truncate(width);
            return Ok(hashes);
        }
        match place.level {
            _ if width == TILE_WIDTH => Err(damaged()),
            0 => {
                let first = place.index * TILE_WIDTH as u64;
                let entries = self.entries(log, first, width).await?.ok_or_else(damaged)?;
                Ok(entries.iter().map(|bytes| tree::leaf_hash(bytes)).collect())
            }
            _ => self.roots_below(log, place, width).await,
        }
    }

    /// The bytes of `count` entries from `first` on; `None` where not all of them are there: not
    /// yet, or not any more.
    pub async fn entries(
        &self,
        log: &str,
        first: u64,
        count: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, TilesError> {
        Ok(read_bytes(&self.store, log, first, count).await?)
    }

    /// The root of the tree of `size` entries.
    pub async fn root(&self, log: &str, size: u64) -> Result<Hash, TilesError> {
        let root = self.hashes(log, size, &[Subtree::whole(size)]).await?;
        // One subtree, one hash.
        Ok(root.first().copied().unwrap_or_default())
    }

    /// The proof that entry `index` is in the tree of `size` entries (RFC 6962, section 2.1.1);
    /// `None` where there is no such entry.
    pub async fn inclusion(
        &self,
        log: &str,
        index: u64,
        size: u64,
    ) -> Result<Option<Vec<Hash>>, TilesError> {
        let Some(path) = proof::inclusion(index, size) else { return Ok(None) };
        self.hashes(log, size, &path).await.map(Some)
    }

    /// The proof that the tree of `to` entries begins with that of `from` entries (RFC 6962,
    /// section 2.1.2); `None` where the second is smaller.
    pub async fn consistency(
        &self,
        log: &str,
        from: u64,
        to: u64,
    ) -> Result<Option<Vec<Hash>>, TilesError> {
        let Some(path) = proof::consistency(from, to) else { return Ok(None) };
        self.hashes(log, to, &path).await.map(Some)
    }

    /// The hashes of subtrees, each tile read once.
    async fn hashes(
        &self,
        log: &str,
        size: u64,
        path: &[Subtree],
    ) -> Result<Vec<Hash>, TilesError> {
        let places: BTreeSet<_> = path.iter().flat_map(|part| part.tiles()).collect();
        let mut tiles = BTreeMap::new();
        for place in places {
            tiles.insert(place, self.tile(log, size, place).await?);
        }
        let mut hashes = Vec::with_capacity(path.len());
        for part in path {
            let hash = part.hash(|place| tiles.get(&place).map(Vec::as_slice));
            let place = part.tiles().next().unwrap_or(TilePlace { level: 0, index: 0 });
            hashes.push(hash.ok_or_else(|| TilesError::Damaged { log: log.into(), place })?);
        }
        Ok(hashes)
    }

    /// The first `width` hashes of a tile above level 0: the roots of the full tiles below it.
    ///
    /// They are hashed beside the reading, by as many threads as there are, and remembered.
    async fn roots_below(
        &self,
        log: &str,
        place: TilePlace,
        width: usize,
    ) -> Result<Vec<Hash>, TilesError> {
        let mut hashes = self.known(log, place);
        let (level, first) = (place.level - 1, place.index * TILE_WIDTH as u64);
        let (mut next, end) = (first + hashes.len() as u64, first + width as u64);
        let mut hashing = Vec::new();
        while next < end {
            let wanted = next..end.min(next + TILES_PER_READ);
            next = wanted.end;
            let range = wanted.start as i64..wanted.end as i64;
            let rows = self.store.tiles(log, i64::from(level), range).await?;
            hashing.push(tokio::task::spawn_blocking(move || roots(&rows, wanted)));
        }
        let damaged = |index| {
            let place = TilePlace { level, index };
            TilesError::Damaged { log: log.into(), place }
        };
        for roots in hashing {
            // A thread that panicked or was never begun has made no root.
            let roots = roots.await.map_err(|_| damaged(first))?;
            hashes.extend(roots.map_err(damaged)?);
        }
        self.remember(log, place, &hashes);
        hashes.truncate(width);
        Ok(hashes)
    }

    fn known(&self, log: &str, place: TilePlace) -> Vec<Hash> {
        let edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        let edge = edges.get(&(log.to_owned(), place.level));
        edge.filter(|edge| edge.index == place.index)
            .map(|edge| edge.hashes.clone())
            .unwrap_or_default()
    }

    fn remember(&self, log: &str, place: TilePlace, hashes: &[Hash]) {
        let mut edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        let edge = edges.entry((log.to_owned(), place.level)).or_default();
        if (edge.index, edge.hashes.len()) < (place.index, hashes.len()) {
            *edge = Edge { index: place.index, hashes: hashes.to_vec() };
        }
    }
}

/// Roots of the full tiles `wanted`; the index of the first that is missing or damaged.
fn roots(rows: &[TileRow], wanted: Range<u64>) -> Result<Vec<Hash>, u64> {
    let mut rows = rows.iter();
    wanted
        .map(|index| {
            let row = rows.next().filter(|row| row.tile_index as u64 == index);
            let hashes = row.and_then(tile_hashes);
            hashes.and_then(|hashes| tree::tile_root(&hashes)).ok_or(index)
        })
        .collect()
}
