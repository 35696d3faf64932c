//! The Merkle tree of the log: RFC 6962 hashing, C2SP `tlog-tiles` tiles.
//!
//! Pure. Holds the right edge only: the roots of the perfect subtrees (a binary counter) and the
//! hashes of the tiles that are not full yet.

use aws_lc_rs::digest::{Context, SHA256, digest};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Levels of the tree within one tile (C2SP `tlog-tiles`).
pub(super) const TILE_HEIGHT: u32 = 8;
/// Width of a tile in hashes, and of a bundle that is served in entries.
pub const TILE_WIDTH: usize = 1 << TILE_HEIGHT;

/// Hash of an entry: `SHA-256(0x00 || entry)` (RFC 6962, section 2.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    hash_of(&[&[0], entry])
}

/// Hash of two subtrees: `SHA-256(0x01 || left || right)` (RFC 6962, section 2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // In one piece: a context that is fed three takes half as long again.
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    hash_of_one(&bytes)
}

fn hash_of_one(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

fn hash_of(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Hash of a perfect subtree over `hashes`, whose number is a power of two.
pub(super) fn perfect_root(hashes: &[Hash]) -> Hash {
    if let [only] = hashes {
        return *only;
    }
    let (left, right) = hashes.split_at(hashes.len() / 2);
    node_hash(&perfect_root(left), &perfect_root(right))
}

/// A tile that has become full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullTile {
    /// Level, 0 above the entries.
    pub level: u8,
    /// Index within the level.
    pub index: u64,
    /// Its 256 hashes.
    pub hashes: Vec<Hash>,
}

/// The right edge of a tree of any size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of perfect subtrees with their heights, left to right, heights falling.
    subtrees: Vec<(u32, Hash)>,
    /// Hashes of the tile in progress on each tile level.
    tiles: Vec<Vec<Hash>>,
}

impl Frontier {
    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds an entry by its leaf hash; tiles that become full are put into `full`.
    pub fn append(&mut self, leaf: Hash, full: &mut Vec<FullTile>) {
        self.size += 1;
        self.subtrees.push((0, leaf));
        self.note_in_tile(0, leaf, full);
        while let [.., (left_height, left), (right_height, right)] = self.subtrees[..]
            && left_height == right_height
        {
            let parent = node_hash(&left, &right);
            self.subtrees.truncate(self.subtrees.len() - 2);
            self.subtrees.push((left_height + 1, parent));
            if (left_height + 1) % TILE_HEIGHT == 0 {
                self.note_in_tile((left_height + 1) / TILE_HEIGHT, parent, full);
            }
        }
    }

    /// Root of the tree; that of the empty tree is the hash of nothing (RFC 6962, section 2.1).
    pub fn root(&self) -> Hash {
        self.subtrees
            .iter()
            .rev()
            .map(|&(_, hash)| hash)
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(|| hash_of(&[]))
    }

    /// The edge of a tree of `size` entries, from what is kept of it: for each tile level the
    /// hashes of the tile in progress, level 0 first.
    ///
    /// Returns `None` where their number does not fit the size.
    pub fn from_partial_tiles(size: u64, tiles: Vec<Vec<Hash>>) -> Option<Self> {
        let fits = tiles
            .iter()
            .enumerate()
            .all(|(level, tile)| tile.len() as u64 == partial_width(size, level as u32));
        let covers = partial_levels(size) as usize == tiles.len();
        if !fits || !covers {
            return None;
        }
        let mut subtrees = Vec::new();
        for (level, tile) in tiles.iter().enumerate().rev() {
            let mut rest = tile.as_slice();
            while !rest.is_empty() {
                let height = rest.len().ilog2();
                let (perfect, after) = rest.split_at(1 << height);
                subtrees.push((level as u32 * TILE_HEIGHT + height, perfect_root(perfect)));
                rest = after;
            }
        }
        Some(Self { size, subtrees, tiles })
    }

    fn note_in_tile(&mut self, level: u32, hash: Hash, full: &mut Vec<FullTile>) {
        let slot = level as usize;
        if self.tiles.len() <= slot {
            self.tiles.resize_with(slot + 1, || Vec::with_capacity(TILE_WIDTH));
        }
        let tile = &mut self.tiles[slot];
        tile.push(hash);
        if tile.len() == TILE_WIDTH {
            let index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1;
            full.push(FullTile { level: level as u8, index, hashes: std::mem::take(tile) });
        }
    }
}

/// Hashes in the tile in progress on a tile level of a tree of `size` entries.
pub(super) fn partial_width(size: u64, level: u32) -> u64 {
    (size >> (TILE_HEIGHT * level)) % TILE_WIDTH as u64
}

/// Tile levels that a tree of `size` entries reaches.
pub(super) fn partial_levels(size: u64) -> u32 {
    if size == 0 { 0 } else { size.ilog2() / TILE_HEIGHT + 1 }
}

/// Root of a full tile: its hash on the tile level above.
pub fn tile_root(hashes: &[Hash]) -> Option<Hash> {
    (hashes.len() == TILE_WIDTH).then(|| perfect_root(hashes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962, section 2.1, word for word.
    fn reference_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => hash_of(&[]),
            [only] => *only,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&reference_root(&leaves[..split]), &reference_root(&leaves[split..]))
            }
        }
    }

    #[test]
    fn roots_agree_with_the_definition_at_every_size() {
        let mut frontier = Frontier::default();
        let (mut leaves, mut full) = (Vec::new(), Vec::new());
        assert_eq!(frontier.root(), reference_root(&[]));
        for number in 0..1_100_u32 {
            let leaf = leaf_hash(&number.to_be_bytes());
            leaves.push(leaf);
            frontier.append(leaf, &mut full);
            if number < 300 || number % 37 == 0 {
                assert_eq!(frontier.root(), reference_root(&leaves), "{number}");
            }
        }
        let places: Vec<_> = full.iter().map(|tile| (tile.level, tile.index)).collect();
        assert_eq!(places, [(0, 0), (0, 1), (0, 2), (0, 3)]);
        assert_eq!(full[2].hashes, leaves[512..768]);
    }

    #[test]
    fn the_edge_comes_back_from_its_tiles() {
        for size in [0_u64, 1, 2, 255, 256, 257, 700, 65_535, 65_536, 66_000] {
            let (mut frontier, mut full) = (Frontier::default(), Vec::new());
            for number in 0..size {
                frontier.append(leaf_hash(&number.to_be_bytes()), &mut full);
            }
            let again = Frontier::from_partial_tiles(size, frontier.tiles.clone()).unwrap();
            assert_eq!((again.root(), again.size()), (frontier.root(), size), "{size}");
            let short = Frontier::from_partial_tiles(size + 1, frontier.tiles.clone());
            assert!(short.is_none(), "{size}");
        }
    }

    #[test]
    fn a_level_one_tile_holds_the_roots_of_level_zero() {
        let (mut frontier, mut full) = (Frontier::default(), Vec::new());
        for number in 0..65_536_u32 {
            frontier.append(leaf_hash(&number.to_be_bytes()), &mut full);
        }
        let upper = full.iter().find(|tile| tile.level == 1).unwrap();
        let lower: Vec<Hash> = full
            .iter()
            .filter(|tile| tile.level == 0)
            .filter_map(|tile| tile_root(&tile.hashes))
            .collect();
        assert_eq!(upper.hashes, lower);
    }
}
