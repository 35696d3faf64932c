//! Proofs over the tree: that an entry is in it, and that a later tree holds an earlier one.
//!
//! Pure. A proof is planned first ([`inclusion`], [`consistency`]): which ranges of leaves it needs
//! the hashes of, and which tiles those are made from. Reading the tiles is for `tiles`; judging a
//! proof ([`verify_inclusion`], [`verify_consistency`]) needs nothing but the proof.

use super::tree::{Frontier, Hash, TILE_HEIGHT, TILE_WIDTH, node_hash, perfect_root};

/// Where a tile lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePlace {
    /// Level, 0 above the entries.
    pub level: u8,
    /// Index within the level.
    pub index: u64,
}

impl TilePlace {
    /// How many hashes the tile has in a tree of `size` entries: 256 where it is full, 0 where the
    /// tree does not reach it.
    pub fn width(self, size: u64) -> usize {
        let hashes = size.checked_shr(TILE_HEIGHT * u32::from(self.level)).unwrap_or(0);
        let before = self.index.saturating_mul(TILE_WIDTH as u64);
        // At most 256, so nothing is lost.
        hashes.saturating_sub(before).min(TILE_WIDTH as u64) as usize
    }
}

/// A range of leaves that the tree hashes together: `start` is a multiple of every power of two up
/// to its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    start: u64,
    end: u64,
}

/// The root of a perfect subtree: leaf `index` x 2^`height` is its first.
#[derive(Debug, Clone, Copy)]
struct Node {
    height: u32,
    index: u64,
}

impl Node {
    fn tile(self) -> TilePlace {
        let within = self.height % TILE_HEIGHT;
        TilePlace {
            // A tree of 2^64 entries has 64 levels.
            level: (self.height / TILE_HEIGHT) as u8,
            index: self.index >> (TILE_HEIGHT - within),
        }
    }

    fn hash(self, tile: &[Hash]) -> Option<Hash> {
        let within = self.height % TILE_HEIGHT;
        let first = (self.index << within) as usize % TILE_WIDTH;
        tile.get(first..first + (1 << within)).map(perfect_root)
    }
}

impl Subtree {
    /// All leaves of a tree of `size` entries.
    pub fn whole(size: u64) -> Self {
        Self { start: 0, end: size }
    }

    /// The tiles from which its hash is made.
    pub fn tiles(self) -> impl Iterator<Item = TilePlace> {
        self.nodes().map(Node::tile)
    }

    /// Its hash, from tiles that may be longer than the tree at hand; `None` where one is missing
    /// or too short.
    pub fn hash<'a>(self, tile: impl Fn(TilePlace) -> Option<&'a [Hash]>) -> Option<Hash> {
        if self.start == self.end {
            return Some(empty_root());
        }
        let hashes: Option<Vec<Hash>> =
            self.nodes().map(|node| node.hash(tile(node.tile())?)).collect();
        hashes?.into_iter().rev().reduce(|right, left| node_hash(&left, &right))
    }

    /// The perfect subtrees that make it up, from left to right, each smaller than the one before.
    fn nodes(self) -> impl Iterator<Item = Node> {
        let mut next = self.start;
        std::iter::from_fn(move || {
            let height = (self.end - next).checked_ilog2()?;
            let node = Node { height, index: next >> height };
            next += 1 << height;
            Some(node)
        })
    }

    /// Where the tree divides it: after the largest power of two below its length.
    fn middle(self) -> u64 {
        self.start + (1 << (self.end - self.start - 1).ilog2())
    }
}

/// The hashes that prove that entry `index` is in a tree of `size` entries (RFC 6962, section
/// 2.1.1), lowest first; `None` where there is no such entry.
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Subtree>> {
    if index >= size {
        return None;
    }
    let (mut path, mut around) = (Vec::new(), Subtree::whole(size));
    while around.end - around.start > 1 {
        let (left, right) = divide(around);
        let (sibling, inner) = if index < left.end { (right, left) } else { (left, right) };
        path.push(sibling);
        around = inner;
    }
    path.reverse();
    Some(path)
}

/// The hashes that prove that a tree of `to` entries begins with the tree of `from` entries (RFC
/// 6962, section 2.1.2), lowest first; `None` where the second is smaller. Every tree begins with
/// the empty one, which takes no proof.
pub fn consistency(from: u64, to: u64) -> Option<Vec<Subtree>> {
    if from > to {
        return None;
    }
    if from == 0 {
        return Some(Vec::new());
    }
    let (mut path, mut around) = (Vec::new(), Subtree::whole(to));
    while around.end != from {
        let (left, right) = divide(around);
        let (sibling, inner) = if from <= left.end { (right, left) } else { (left, right) };
        path.push(sibling);
        around = inner;
    }
    // What begins with the first leaf is the earlier tree itself: whoever asks has its root.
    if around.start != 0 {
        path.push(around);
    }
    path.reverse();
    Some(path)
}

fn divide(around: Subtree) -> (Subtree, Subtree) {
    let middle = around.middle();
    (Subtree { end: middle, ..around }, Subtree { start: middle, ..around })
}

/// Whether `hashes` prove that the entry with this leaf hash is entry `index` of the tree of `size`
/// entries with this root (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, hashes: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut position, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in hashes {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(sibling, &hash);
            (position, last) = climb_right_edge(position, last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (position, last) = (position >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// A tree by its size and root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// Whether `hashes` prove that the tree `to` begins with the tree `from` (RFC 9162, section
/// 2.1.4.2).
pub fn verify_consistency(from: &TreeHead, to: &TreeHead, hashes: &[Hash]) -> bool {
    if from.size == 0 {
        return hashes.is_empty() && from.root == empty_root();
    }
    if from.size >= to.size {
        return hashes.is_empty() && from == to;
    }
    // A perfect earlier tree is a node of the later one, so its root is not sent.
    let (first, rest) = match hashes.split_first() {
        _ if from.size.is_power_of_two() => (&from.root, hashes),
        Some((first, rest)) => (first, rest),
        None => return false,
    };
    let below = (from.size - 1).trailing_ones();
    let (mut position, mut last) = ((from.size - 1) >> below, (to.size - 1) >> below);
    let (mut earlier, mut later) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            earlier = node_hash(sibling, &earlier);
            later = node_hash(sibling, &later);
            (position, last) = climb_right_edge(position, last);
        } else {
            later = node_hash(&later, sibling);
        }
        (position, last) = (position >> 1, last >> 1);
    }
    last == 0 && earlier == from.root && later == to.root
}

/// A node on the right edge without a sibling stands for its ancestors up to where it is a right
/// child.
fn climb_right_edge(position: u64, last: u64) -> (u64, u64) {
    let alone = if position == 0 { 0 } else { position.trailing_zeros() };
    (position >> alone, last >> alone)
}

/// Root of the tree without entries.
fn empty_root() -> Hash {
    Frontier::default().root()
}

#[cfg(test)]
mod tests;
