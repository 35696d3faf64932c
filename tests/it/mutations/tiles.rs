//! Mutations of tiles.

use super::ground::Ground;
use super::rows::{Mutation, Place, Row, Tile};

/// Kinds of mutation.
const KINDS: usize = 8;

/// Some mutation of this tile.
pub(super) fn mutate(ground: &mut Ground, tile: &Tile, kind: usize) -> Mutation {
    match kind % KINDS {
        0 => flip(ground, tile),
        1 => deleted(tile),
        2 => swap(ground, tile),
        3 => truncate(ground, tile),
        4 => extend(ground, tile),
        5 => move_to(ground, tile),
        6 => duplicate(ground, tile),
        _ => swap_hashes(ground, tile),
    }
}

/// Some tile.
pub(super) fn pick(ground: &mut Ground) -> Tile {
    let place = ground.below(ground.tiles.len());
    ground.tiles[place].clone()
}

fn changed(what: &str, before: &Tile, after: Tile) -> Mutation {
    let places = vec![Place::Tile(before.place()), Place::Tile(after.place())];
    let what = format!("{what} of tile {:?}", before.place());
    Mutation::of(what, Row::Tile(before.clone()), Row::Tile(after), places)
}

fn flip(ground: &mut Ground, tile: &Tile) -> Mutation {
    let (at, bit) = (ground.below(tile.hashes.len()), ground.below(8));
    let mut after = tile.clone();
    after.hashes[at] ^= 1 << bit;
    changed(&format!("bit {bit} of byte {at}"), tile, after)
}

fn deleted(tile: &Tile) -> Mutation {
    let what = format!("tile {:?} was deleted", tile.place());
    let places = vec![Place::Tile(tile.place())];
    Mutation { what, removed: vec![Row::Tile(tile.clone())], added: vec![], places }
}

fn swap(ground: &mut Ground, one: &Tile) -> Mutation {
    let other = loop {
        let other = pick(ground);
        if other.place() != one.place() {
            break other;
        }
    };
    let into = |place: &Tile, content: &Tile| {
        Row::Tile(Tile { hashes: content.hashes.clone(), ..place.clone() })
    };
    Mutation {
        what: format!("tiles {:?} and {:?} were swapped", one.place(), other.place()),
        added: vec![into(one, &other), into(&other, one)],
        places: vec![Place::Tile(one.place()), Place::Tile(other.place())],
        removed: vec![Row::Tile(one.clone()), Row::Tile(other)],
    }
}

fn truncate(ground: &mut Ground, tile: &Tile) -> Mutation {
    let mut after = tile.clone();
    after.hashes.truncate(ground.below(tile.hashes.len()));
    changed("truncated bytes", tile, after)
}

fn extend(ground: &mut Ground, tile: &Tile) -> Mutation {
    let mut after = tile.clone();
    after.hashes.extend_from_within(..=ground.below(64));
    changed("extended bytes", tile, after)
}

/// A place where no tile is: on its level or on another, below 0, too.
fn free_place(ground: &mut Ground) -> (i64, i64) {
    loop {
        let place = (ground.below(12) as i64 - 3, ground.below(600) as i64 - 20);
        if ground.tiles.iter().all(|tile| tile.place() != place) {
            return place;
        }
    }
}

fn move_to(ground: &mut Ground, tile: &Tile) -> Mutation {
    let (level, index) = free_place(ground);
    changed("place", tile, Tile { level, index, ..tile.clone() })
}

fn duplicate(ground: &mut Ground, tile: &Tile) -> Mutation {
    let (level, index) = free_place(ground);
    let copy = Tile { level, index, ..tile.clone() };
    Mutation {
        what: format!("tile {:?} lies at {:?}, too", tile.place(), copy.place()),
        removed: vec![],
        places: vec![Place::Tile(copy.place())],
        added: vec![Row::Tile(copy)],
    }
}

fn swap_hashes(ground: &mut Ground, tile: &Tile) -> Mutation {
    let one = ground.below(256);
    let other = (one + 1 + ground.below(255)) % 256;
    let mut after = tile.clone();
    for byte in 0..32 {
        after.hashes.swap(32 * one + byte, 32 * other + byte);
    }
    changed("swapped hashes", tile, after)
}
