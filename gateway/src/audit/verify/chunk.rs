//! The work that is done on several cores: some leaf tiles and the entries below them.

use std::ops::Range;
use std::sync::Arc;

use super::branches::Branches;
use super::edge::{hashes_at, tile_fault};
use super::{EntryFault, Signed, TileFault, VerifyError, entry_fault, read_entry};
use crate::audit::reader::{Bundle, BundleReader};
use crate::audit::tree::{self, Hash, TILE_WIDTH};
use crate::store::{Store, TileRow};

/// Leaf tiles in one chunk: as many entries as a full commit has, under a megabyte.
const CHUNK_TILES: u64 = 16;
/// Entries below the leaf tiles of one chunk.
pub(super) const CHUNK_ENTRIES: u64 = CHUNK_TILES * TILE_WIDTH as u64;

/// Leaf tiles with the roots that they must have, and the entries below them.
pub(super) struct Chunk {
    log: Arc<str>,
    first_tile: u64,
    tiles: Vec<(Option<TileRow>, Hash)>,
    /// Entries to be read; those beside them are known from the tiles alone.
    entries: Range<u64>,
    bundles: Vec<Arc<Bundle>>,
}

/// What was found to be in order in a chunk.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Checked {
    /// Entries that lie in the chunk, dropped ones among them.
    pub(super) entries: u64,
    /// Entries that were read.
    pub(super) read: u64,
    pub(super) tiles: u64,
}

impl Chunk {
    /// Compares the tiles with their roots, and the entries with the tiles.
    pub(super) fn check(self) -> Result<Checked, VerifyError> {
        let mut leaves = Vec::with_capacity(self.tiles.len() * TILE_WIDTH);
        let count = self.tiles.len() as u64;
        for (index, (row, root)) in (self.first_tile..).zip(self.tiles) {
            let hashes = hashes_at(&self.log, 0, index, row)?;
            if tree::tile_root(&hashes) != Some(root) {
                return Err(tile_fault(&self.log, 0, index, TileFault::Hashes));
            }
            leaves.extend(hashes);
        }
        let mut read = 0;
        for bundle in &self.bundles {
            for (index, bytes) in bundle.entries(&self.entries) {
                read_entry(&self.log, bundle, index, bytes)?;
                let place = (index - self.first_tile * TILE_WIDTH as u64) as usize;
                if leaves.get(place) != Some(&tree::leaf_hash(bytes)) {
                    let fault = EntryFault::Hash { tile_index: index / TILE_WIDTH as u64 };
                    return Err(entry_fault(&self.log, bundle, index, fault));
                }
                read += 1;
            }
        }
        let entries = self.entries.end - self.entries.start;
        Ok(Checked { entries, read, tiles: count })
    }
}

/// Makes the chunks of a range of entries, in order.
pub(super) struct Chunks<'a> {
    store: &'a Store,
    signed: &'a Signed<'a>,
    log: Arc<str>,
    reader: BundleReader<'a>,
    branches: Branches<'a>,
    /// Entries below full tiles that were not put into a chunk yet.
    rest: Range<u64>,
}

impl<'a> Chunks<'a> {
    /// `entries` all lie below full leaf tiles.
    pub(super) fn new(
        store: &'a Store,
        signed: &'a Signed<'a>,
        reader: BundleReader<'a>,
        branches: Branches<'a>,
        entries: Range<u64>,
    ) -> Self {
        Self { store, signed, log: signed.log.into(), reader, branches, rest: entries }
    }

    /// Tiles above the leaves that were compared so far.
    pub(super) fn branches_compared(&self) -> u64 {
        self.branches.compared()
    }

    /// The next chunk; none after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, VerifyError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let first_tile = self.rest.start / TILE_WIDTH as u64;
        let until = self.rest.end.min((first_tile + CHUNK_TILES) * TILE_WIDTH as u64);
        let entries = self.rest.start..until;
        self.rest.start = until;
        let until_tile = until.div_ceil(TILE_WIDTH as u64);
        let bundles = self.reader.read_until(until).await?;
        for bundle in &bundles {
            self.signed.check_bundle(bundle)?;
        }
        let places = first_tile as i64..until_tile as i64;
        let rows = self.store.tiles(&self.log, 0, places).await?;
        // One that is missing must not put those after it out of place.
        let mut rows = rows.into_iter().peekable();
        let mut tiles = Vec::with_capacity(CHUNK_TILES as usize);
        for index in first_tile..until_tile {
            let row = rows.next_if(|row| row.tile_index == index as i64);
            tiles.push((row, self.branches.root_of_leaf_tile(index).await?));
        }
        Ok(Some(Chunk { log: Arc::clone(&self.log), first_tile, tiles, entries, bundles }))
    }
}
