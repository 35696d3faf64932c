//! Proofs against the definition, for every index and size of small trees and for chance ones that
//! reach over several levels of tiles.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;
use crate::audit::tree::leaf_hash;

/// Sizes up to which everything is tried.
const ALL_SIZES: u64 = 300;
/// Entries of the large forest: past the first full tile of level 1.
const LARGE: u64 = 70_000;

/// Every hash of every tile level of a tree; its tiles are what is there up to a size.
struct Forest(Vec<Vec<Hash>>);

impl Forest {
    fn new(size: u64) -> Self {
        let mut levels = vec![(0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect::<Vec<_>>()];
        while let Some(roots) = levels.last().map(|level| level.chunks_exact(256)) {
            let roots: Vec<Hash> = roots.map(perfect_root).collect();
            if roots.is_empty() {
                break;
            }
            levels.push(roots);
        }
        Self(levels)
    }

    /// The large one, made once.
    fn large() -> &'static Self {
        static FOREST: OnceLock<Forest> = OnceLock::new();
        FOREST.get_or_init(|| Self::new(LARGE))
    }

    fn leaf(&self, index: u64) -> Hash {
        self.0[0][index as usize]
    }

    fn tile(&self, place: TilePlace, size: u64) -> Option<&[Hash]> {
        let first = place.index as usize * TILE_WIDTH;
        self.0.get(usize::from(place.level))?.get(first..first + place.width(size))
    }

    fn hashes(&self, path: &[Subtree], size: u64) -> Vec<Hash> {
        path.iter().map(|part| part.hash(|place| self.tile(place, size)).unwrap()).collect()
    }

    fn root(&self, size: u64) -> Hash {
        self.hashes(&[Subtree::whole(size)], size)[0]
    }

    fn head(&self, size: u64) -> TreeHead {
        TreeHead { size, root: self.root(size) }
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        self.hashes(&inclusion(index, size).unwrap(), size)
    }

    fn consistency(&self, from: u64, to: u64) -> Vec<Hash> {
        self.hashes(&consistency(from, to).unwrap(), to)
    }
}

/// MTH of RFC 6962, section 2.1, word for word.
fn reference_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&reference_root(&leaves[..k]), &reference_root(&leaves[k..]))
        }
    }
}

/// PATH of RFC 6962, section 2.1.1, word for word.
fn reference_path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, sibling) = if m < left.len() {
        (reference_path(m, left), right)
    } else {
        (reference_path(m - left.len(), right), left)
    };
    path.push(reference_root(sibling));
    path
}

/// SUBPROOF of RFC 6962, section 2.1.2, word for word.
fn reference_subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if whole { Vec::new() } else { vec![reference_root(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, sibling) = if m <= left.len() {
        (reference_subproof(m, left, whole), right)
    } else {
        (reference_subproof(m - left.len(), right, false), left)
    };
    path.push(reference_root(sibling));
    path
}

/// The same proof with something wrong, in every way that leaves it a list of hashes.
fn spoiled(hashes: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    let flipped = (0..hashes.len()).map(|place| {
        let mut hashes = hashes.to_vec();
        hashes[place][place % 32] ^= 1 << (place % 8);
        hashes
    });
    let shortened = (0..hashes.len()).map(|place| {
        let mut hashes = hashes.to_vec();
        hashes.remove(place);
        hashes
    });
    let lengthened = [[0; 32], empty_root()].map(|extra| [hashes, &[extra]].concat());
    flipped.chain(shortened).chain(lengthened)
}

#[test]
fn every_entry_of_every_small_tree_is_proven_as_the_definition_says() {
    let forest = Forest::new(ALL_SIZES);
    for size in 1..=ALL_SIZES {
        let leaves = &forest.0[0][..size as usize];
        let root = forest.root(size);
        assert_eq!(root, reference_root(leaves), "{size}");
        for index in 0..size {
            let hashes = forest.inclusion(index, size);
            assert!(verify_inclusion(&forest.leaf(index), index, size, &hashes, &root));
            // The definition hashes everything again, so it is asked for a part of them.
            if size < 70 || (index + size) % 41 == 0 {
                assert_eq!(hashes, reference_path(index as usize, leaves), "{index} of {size}");
            }
        }
    }
}

#[test]
fn every_small_tree_is_proven_to_begin_with_every_smaller_one() {
    let forest = Forest::new(ALL_SIZES);
    let heads: Vec<TreeHead> = (0..=ALL_SIZES).map(|size| forest.head(size)).collect();
    for to in 0..=ALL_SIZES {
        let leaves = &forest.0[0][..to as usize];
        for from in 0..=to {
            let hashes = forest.consistency(from, to);
            let (earlier, later) = (&heads[from as usize], &heads[to as usize]);
            assert!(verify_consistency(earlier, later, &hashes), "{from} to {to}");
            if from > 0 && (to < 70 || (from + to) % 41 == 0) {
                let reference = reference_subproof(from as usize, leaves, true);
                assert_eq!(hashes, reference, "{from} to {to}");
            }
        }
    }
}

#[test]
fn an_inclusion_proof_proves_nothing_else() {
    let forest = Forest::new(40);
    for size in 1..=40 {
        let root = forest.root(size);
        for index in 0..size {
            let (leaf, hashes) = (forest.leaf(index), forest.inclusion(index, size));
            for spoiled in spoiled(&hashes) {
                assert!(!verify_inclusion(&leaf, index, size, &spoiled, &root), "{index}, {size}");
            }
            let strange = leaf_hash(b"strange");
            assert!(!verify_inclusion(&strange, index, size, &hashes, &root), "{index}, {size}");
            assert!(!verify_inclusion(&leaf, index, size, &hashes, &strange), "{index}, {size}");
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(!verify_inclusion(&leaf, other, size, &hashes, &root), "{other}, {size}");
            }
        }
    }
}

#[test]
fn a_consistency_proof_proves_nothing_else() {
    let forest = Forest::new(40);
    let strange = leaf_hash(b"strange");
    for to in 1..=40 {
        for from in 1..=to {
            let (earlier, later) = (forest.head(from), forest.head(to));
            let hashes = forest.consistency(from, to);
            for spoiled in spoiled(&hashes) {
                assert!(!verify_consistency(&earlier, &later, &spoiled), "{from} to {to}");
            }
            let wrong = |head: TreeHead| TreeHead { root: strange, ..head };
            assert!(!verify_consistency(&wrong(earlier), &later, &hashes), "{from} to {to}");
            assert!(!verify_consistency(&earlier, &wrong(later), &hashes), "{from} to {to}");
            for other in (1..to + 2).filter(|other| *other != from) {
                let claimed = TreeHead { size: other, ..earlier };
                assert!(!verify_consistency(&claimed, &later, &hashes), "{other} to {to}");
            }
        }
        let empty = TreeHead { size: 0, root: empty_root() };
        assert!(verify_consistency(&empty, &forest.head(to), &[]));
        assert!(!verify_consistency(&empty, &forest.head(to), &[strange]));
        let claimed = TreeHead { size: 0, root: strange };
        assert!(!verify_consistency(&claimed, &forest.head(to), &[]));
    }
}

#[test]
fn there_is_no_proof_of_what_is_not_there() {
    assert_eq!(inclusion(0, 0), None);
    assert_eq!(inclusion(7, 7), None);
    assert_eq!(consistency(8, 7), None);
    assert_eq!(consistency(7, 7), Some(Vec::new()));
    assert_eq!(consistency(0, 7), Some(Vec::new()));
}

/// The example of C2SP tlog-tiles, section "Partial Tiles".
#[test]
fn tiles_are_as_wide_as_the_specification_says() {
    let width = |level, index| TilePlace { level, index }.width(70_000);
    assert_eq!([width(0, 0), width(0, 272), width(0, 273), width(0, 274)], [256, 256, 112, 0]);
    assert_eq!([width(1, 0), width(1, 1), width(1, 2)], [256, 17, 0]);
    assert_eq!([width(2, 0), width(2, 1), width(3, 0), width(63, 0)], [1, 0, 0, 0]);
    assert_eq!(TilePlace { level: 1, index: 0 }.width(256), 1);
    assert_eq!(TilePlace { level: 0, index: u64::MAX }.width(u64::MAX), 0);
}

#[test]
fn a_proof_reads_few_tiles() {
    let size = 10_000_000;
    for index in (0..size).step_by(99_991) {
        let path = inclusion(index, size).unwrap();
        let tiles: BTreeSet<_> = path.iter().flat_map(|part| part.tiles()).collect();
        assert!(tiles.len() <= 6, "entry {index}: {tiles:?}");
        let path = consistency(index, size).unwrap();
        let tiles: BTreeSet<_> = path.iter().flat_map(|part| part.tiles()).collect();
        assert!(tiles.len() <= 6, "from {index}: {tiles:?}");
    }
}

#[test]
fn the_root_is_that_of_the_writer() {
    let (mut frontier, mut full) = (Frontier::default(), Vec::new());
    let forest = Forest::large();
    for index in 0..LARGE {
        frontier.append(forest.leaf(index), &mut full);
        if index % 4_999 == 0 || index > LARGE - 3 {
            assert_eq!(frontier.root(), forest.root(index + 1), "{index}");
        }
    }
}

proptest! {
    #[test]
    fn proofs_hold_over_several_levels_of_tiles(
        (size, index) in (1..=LARGE).prop_flat_map(|size| (Just(size), 0..size)),
    ) {
        let forest = Forest::large();
        let (root, hashes) = (forest.root(size), forest.inclusion(index, size));
        prop_assert!(verify_inclusion(&forest.leaf(index), index, size, &hashes, &root));
        let hashes = forest.consistency(index + 1, size);
        prop_assert!(verify_consistency(&forest.head(index + 1), &forest.head(size), &hashes));
    }
}
