//! Mutations of the checkpoint.

use super::ground::Ground;
use super::rows::{Checkpoint, Mutation, Place, Row};

/// Kinds of mutation.
const KINDS: usize = 8;

/// Some mutation of the checkpoint.
pub(super) fn mutate(ground: &mut Ground, kind: usize) -> Mutation {
    match kind % KINDS {
        0..=2 => flip(ground),
        3 => cut(ground),
        4 => extend(ground),
        5 => change_size(ground),
        6 => change_counted(ground),
        _ => replay(ground),
    }
}

fn changed(ground: &Ground, what: String, after: Checkpoint, places: Vec<Place>) -> Mutation {
    let before = Row::Checkpoint(ground.checkpoint.clone());
    Mutation::of(what, before, Row::Checkpoint(after), places)
}

fn flip(ground: &mut Ground) -> Mutation {
    let mut after = ground.checkpoint.clone();
    let (at, bit) = (ground.below(after.note.len()), ground.below(8));
    after.note[at] ^= 1 << bit;
    changed(ground, format!("bit {bit} of byte {at} of the note"), after, vec![Place::Note])
}

fn cut(ground: &mut Ground) -> Mutation {
    let mut after = ground.checkpoint.clone();
    let length = ground.below(after.note.len());
    after.note.truncate(length);
    changed(ground, format!("the note cut to {length} bytes"), after, vec![Place::Note])
}

fn extend(ground: &mut Ground) -> Mutation {
    let mut after = ground.checkpoint.clone();
    let signature = after.note.iter().position(|&byte| byte > 127).unwrap();
    let more = match ground.below(4) {
        0 => b"\n".to_vec(),
        1 => after.note[signature..].to_vec(),
        2 => vec![b'a' + ground.below(26) as u8],
        _ => "\u{2014} other.example AAAA\n".as_bytes().to_vec(),
    };
    after.note.extend(more);
    changed(ground, "more after the note".into(), after, vec![Place::Note])
}

fn change_size(ground: &mut Ground) -> Mutation {
    let mut after = ground.checkpoint.clone();
    let by = 1 + ground.below(300) as i64;
    after.tree_size += if ground.below(2) == 0 { by } else { -by };
    let what = format!("size {}", after.tree_size);
    changed(ground, what, after, vec![Place::Column("tree_size")])
}

/// Beyond the log, or in the middle of a bundle: at another border only a recount finds it.
fn change_counted(ground: &mut Ground) -> Mutation {
    let mut after = ground.checkpoint.clone();
    after.counted_size = loop {
        let size = ground.below(ground.size() as usize + 200) as i64 - 100;
        let is_border =
            |bundle: &super::rows::Bundle| bundle.first_index == size || bundle.until() == size;
        if !ground.bundles.iter().any(is_border) {
            break size;
        }
    };
    let what = format!("counted size {}", after.counted_size);
    changed(ground, what, after, vec![Place::Column("counted_size")])
}

/// A note that was right once, with the size that it signs: what came after it is left over.
fn replay(ground: &mut Ground) -> Mutation {
    let place = ground.below(ground.older.len());
    let (tree_size, note) = ground.older[place].clone();
    let after = Checkpoint { tree_size, counted_size: 0, note };
    let last = ground.bundles.last().unwrap().first_index;
    let first = ground.bundles.first().unwrap().first_index;
    let places = vec![Place::Bundle(last), Place::Bundle(first)];
    changed(ground, format!("the note of {tree_size} entries"), after, places)
}
