//! Mutations of bundles.

use super::ground::Ground;
use super::rows::{Bundle, Mutation, Place, Row};

/// Kinds of mutation.
const KINDS: usize = 14;

/// Some mutation of some bundle.
pub(super) fn mutate(ground: &mut Ground, kind: usize) -> Mutation {
    match kind % KINDS {
        0 | 1 => flip(ground),
        2 => delete(ground),
        3 => swap_rows(ground),
        4 => truncate(ground),
        5 => extend(ground),
        6 => move_row(ground),
        7 => change_count(ground),
        8 => duplicate(ground),
        9 => swap_entries(ground),
        10 => delete_entry(ground, false),
        11 => delete_entry(ground, true),
        12 => change_day(ground),
        _ => rename(ground),
    }
}

fn pick(ground: &mut Ground) -> Bundle {
    let place = ground.below(ground.bundles.len());
    ground.bundles[place].clone()
}

/// One row becomes another; what can be said of the entries in a bundle, and of the bundle.
fn changed(ground: &Ground, what: &str, before: Bundle, after: Bundle) -> Mutation {
    let (first, until) = (before.first_index, before.until());
    let what = format!("{what} of the bundle {first} to {until}");
    let mut places = vec![Place::Bundle(first), Place::EntryOf(first)];
    if until as u64 > ground.tail_from() {
        places.push(Place::Tail);
    }
    Mutation::of(what, Row::Bundle(before), Row::Bundle(after), places)
}

fn flip(ground: &mut Ground) -> Mutation {
    let before = pick(ground);
    let (at, bit) = (ground.below(before.entries.len()), ground.below(8));
    let mut after = before.clone();
    after.entries[at] ^= 1 << bit;
    let mut mutation = changed(ground, &format!("bit {bit} of byte {at}"), before.clone(), after);
    let (mut index, mut begin) = (before.first_index, 0);
    for entry in before.split() {
        // Beyond its length, an entry that was changed is named by itself.
        if (begin + 2..begin + entry.len()).contains(&at) {
            mutation.places.retain(|place| *place == Place::Tail);
            mutation.places.push(Place::Entry(index));
        }
        (index, begin) = (index + 1, begin + entry.len());
    }
    mutation
}

fn delete(ground: &mut Ground) -> Mutation {
    let bundle = pick(ground);
    let places = vec![Place::Bundle(bundle.first_index)];
    let what = format!("the bundle {} was deleted", bundle.first_index);
    Mutation { what, removed: vec![Row::Bundle(bundle)], added: vec![], places }
}

fn swap_rows(ground: &mut Ground) -> Mutation {
    let one = ground.below(ground.bundles.len());
    let other = (one + 1 + ground.below(ground.bundles.len() - 1)) % ground.bundles.len();
    let (one, other) = (ground.bundles[one].clone(), ground.bundles[other].clone());
    let into = |place: &Bundle, content: &Bundle| {
        Row::Bundle(Bundle { entries: content.entries.clone(), ..place.clone() })
    };
    let mut places = Vec::new();
    for bundle in [&one, &other] {
        places.extend([Place::Bundle(bundle.first_index), Place::EntryOf(bundle.first_index)]);
        if bundle.until() as u64 > ground.tail_from() {
            places.push(Place::Tail);
        }
    }
    Mutation {
        what: format!("bundles {} and {} were swapped", one.first_index, other.first_index),
        added: vec![into(&one, &other), into(&other, &one)],
        removed: vec![Row::Bundle(one), Row::Bundle(other)],
        places,
    }
}

fn truncate(ground: &mut Ground) -> Mutation {
    let before = pick(ground);
    let mut after = before.clone();
    after.entries.truncate(ground.below(before.entries.len()));
    changed(ground, "truncated bytes", before, after)
}

fn extend(ground: &mut Ground) -> Mutation {
    let before = pick(ground);
    let mut after = before.clone();
    if ground.below(2) == 0 {
        let bytes = 1 + ground.below(64);
        after.entries.extend((0..bytes).map(|byte| byte as u8));
    } else {
        after.entries.extend(before.split().swap_remove(0));
    }
    changed(ground, "extended bytes", before, after)
}

/// An index where no bundle begins, on either side of both ends, too.
fn free_index(ground: &mut Ground) -> i64 {
    loop {
        let index = ground.below(ground.size() as usize + 40) as i64 - 20;
        if ground.bundles.iter().all(|bundle| bundle.first_index != index) {
            return index;
        }
    }
}

fn move_row(ground: &mut Ground) -> Mutation {
    let before = pick(ground);
    let first_index = free_index(ground);
    let after = Bundle { first_index, ..before.clone() };
    let mut mutation = changed(ground, &format!("move to {first_index}"), before, after);
    mutation.places.push(Place::Bundle(first_index));
    mutation
}

fn change_count(ground: &mut Ground) -> Mutation {
    let before = pick(ground);
    let other = [0, -1, before.entries_count - 1, before.entries_count + 1, i64::MAX];
    let entries_count = other[ground.below(other.len())];
    let after = Bundle { entries_count, ..before.clone() };
    changed(ground, &format!("count {entries_count}"), before, after)
}

fn duplicate(ground: &mut Ground) -> Mutation {
    let bundle = pick(ground);
    let first_index = free_index(ground);
    Mutation {
        what: format!("the bundle {} lies at {first_index}, too", bundle.first_index),
        removed: vec![],
        added: vec![Row::Bundle(Bundle { first_index, ..bundle })],
        places: vec![Place::Bundle(first_index)],
    }
}

/// A bundle of more than one entry.
fn pick_large(ground: &mut Ground) -> Bundle {
    loop {
        let bundle = pick(ground);
        if bundle.entries_count > 1 {
            return bundle;
        }
    }
}

fn swap_entries(ground: &mut Ground) -> Mutation {
    let before = pick_large(ground);
    let mut entries = before.split();
    let one = ground.below(entries.len());
    let other = (one + 1 + ground.below(entries.len() - 1)) % entries.len();
    entries.swap(one, other);
    let after = Bundle { entries: entries.concat(), ..before.clone() };
    let first = before.first_index;
    let mut mutation = changed(ground, "swapped entries", before, after);
    mutation.places.retain(|place| *place == Place::Tail);
    let swapped = [one, other].map(|place| Place::Entry(first + place as i64));
    mutation.places.extend(swapped);
    mutation
}

/// Without one of its entries; the row's count may be made to agree.
fn delete_entry(ground: &mut Ground, counted: bool) -> Mutation {
    let before = pick_large(ground);
    let mut entries = before.split();
    entries.remove(ground.below(entries.len()));
    let mut after = Bundle { entries: entries.concat(), ..before.clone() };
    if counted {
        after.entries_count -= 1;
    }
    // Where the count agrees, the bundle that should hold the entry before the next is missing.
    let last = Place::Bundle(before.until() - 1);
    let mut mutation = changed(ground, "one entry less", before, after);
    if counted {
        mutation.places.push(last);
    }
    mutation
}

fn change_day(ground: &mut Ground) -> Mutation {
    let before = pick(ground);
    let by = 1 + ground.below(40) as i64;
    let day = if ground.below(2) == 0 { before.day + by } else { before.day - by };
    let after = Bundle { day, ..before.clone() };
    let first = before.first_index;
    let mut mutation = changed(ground, &format!("day {day}"), before, after);
    mutation.places = vec![Place::Bundle(first)];
    mutation
}

/// The bundle is put into another log.
fn rename(ground: &mut Ground) -> Mutation {
    let before = pick(ground);
    let after = Bundle { log: "n2", ..before.clone() };
    changed(ground, "another log's name", before, after)
}
