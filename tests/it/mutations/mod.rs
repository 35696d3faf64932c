//! Whatever is changed in the log's tables is found by the auditor, and the place is named: ten
//! thousand mutations, each of them made, looked for and taken back.

mod bundles;
mod checkpoints;
pub(crate) mod ground;
mod rows;
mod server;
mod tiles;

use gateway::audit::{Check, recount};

use ground::{Ground, LOG};
use rows::{Checkpoint, Mutation, Place, Row};

/// Two full tiles and some entries after them.
const ENTRIES: usize = 600;
const BUNDLE_MAX: usize = 48;
/// One full tile of level 1, and two of level 0 beside it.
const ENTRIES_OF_TWO_LEVELS: usize = 65_536 + 2 * 256 + 30;

const OF_BUNDLES: usize = 3_000;
const OF_TILES: usize = 2_000;
const OF_CHECKPOINTS: usize = 1_000;
const OF_TWO_LEVELS: usize = 1_000;
const _: () = assert!(2 * OF_BUNDLES + OF_TILES + OF_CHECKPOINTS + OF_TWO_LEVELS == 10_000);

async fn mutate_bundles(seed: u64) {
    let mut ground = Ground::with(ENTRIES, BUNDLE_MAX, seed).await;
    let check = Check::default();
    for kind in 0..OF_BUNDLES {
        let mutation = bundles::mutate(&mut ground, kind);
        ground.must_find(&mutation, &check).await;
    }
    ground.verify(&check).await.unwrap();
}

#[tokio::test]
async fn three_thousand_mutations_of_bundles_are_found() {
    mutate_bundles(1).await;
}

#[tokio::test]
async fn three_thousand_mutations_of_other_bundles_are_found() {
    mutate_bundles(2).await;
}

#[tokio::test]
async fn two_thousand_mutations_of_tiles_are_found() {
    let mut ground = Ground::with(ENTRIES, BUNDLE_MAX, 3).await;
    let check = Check::default();
    for kind in 0..OF_TILES {
        let tile = tiles::pick(&mut ground);
        let mutation = tiles::mutate(&mut ground, &tile, kind);
        ground.must_find(&mutation, &check).await;
    }
    ground.verify(&check).await.unwrap();
}

#[tokio::test]
async fn a_thousand_mutations_of_checkpoints_are_found() {
    let mut ground = Ground::with(ENTRIES, BUNDLE_MAX, 4).await;
    let check = Check::default();
    for kind in 0..OF_CHECKPOINTS {
        let mutation = checkpoints::mutate(&mut ground, kind);
        ground.must_find(&mutation, &check).await;
    }
    let row = Row::Checkpoint(ground.checkpoint.clone());
    let (what, places) = ("no checkpoint".to_owned(), vec![Place::Checkpoint]);
    let mutation = Mutation { what, removed: vec![row], added: vec![], places };
    ground.must_find(&mutation, &check).await;
    ground.verify(&check).await.unwrap();
}

#[tokio::test]
async fn a_thousand_mutations_of_tiles_on_two_levels_are_found_in_their_range() {
    let mut ground = Ground::with(ENTRIES_OF_TWO_LEVELS, 3_000, 5).await;
    for kind in 0..OF_TWO_LEVELS {
        // The one tile of level 1 is above every tenth range.
        let top = ground.tiles.last().unwrap().clone();
        let tile = if kind.is_multiple_of(10) { top } else { tiles::pick(&mut ground) };
        let from = if tile.level == 0 { tile.index as u64 * 256 } else { 1_000 };
        let check = Check { range: Some(from..from + 1), jobs: 1 };
        let mutation = tiles::mutate(&mut ground, &tile, kind / 10);
        ground.must_find(&mutation, &check).await;
    }
    let whole = Check { jobs: 2, ..Check::default() };
    let mutation = bundles::mutate(&mut ground, 9);
    ground.must_find(&mutation, &whole).await;
    let verified = ground.verify(&whole).await.unwrap();
    assert_eq!((verified.read, verified.tiles), (ENTRIES_OF_TWO_LEVELS as u64, 258 + 1));
}

#[tokio::test]
async fn counters_that_claim_another_border_are_found_by_the_recount() {
    let mut ground = Ground::with(100, 10, 6).await;
    let border = ground.bundles[3].first_index;
    let after = Checkpoint { counted_size: border, ..ground.checkpoint.clone() };
    let before = Row::Checkpoint(ground.checkpoint.clone());
    assert_eq!(recount(&ground.store, LOG, &mut |_| {}).await.unwrap().differences, []);
    ground.exchange(&[before], &[Row::Checkpoint(after)]).await;
    ground.verify(&Check::default()).await.unwrap();
    assert_ne!(recount(&ground.store, LOG, &mut |_| {}).await.unwrap().differences, []);
}

#[tokio::test]
async fn entries_may_be_absent_where_they_were_declared_as_dropped_and_nowhere_else() {
    let mut ground = Ground::with(1_200, BUNDLE_MAX, 7).await;
    let absent: Vec<_> = ground.bundles.iter().take(20).cloned().collect();
    let until = absent.last().unwrap().until() as u64;
    assert!(until < ground.tail_from());
    let rows: Vec<_> = absent.into_iter().map(Row::Bundle).collect();
    ground.exchange(&rows, &[]).await;
    let check = Check::default();
    assert!(ground.verify(&check).await.is_err());
    ground.declare_dropped(1, until - 1).await;
    assert!(ground.verify(&check).await.is_err(), "one of them was not dropped");
    ground.declare_dropped(2, until).await;
    let verified = ground.verify(&check).await.unwrap();
    assert_eq!((verified.read, verified.tiles), (1_202 - until, 4));
    let range = Check { range: Some(5..until + 10), ..check.clone() };
    ground.verify(&range).await.unwrap();
    // What is absent is still known from its tiles, and what is there is read.
    for kind in [0, 1, 7] {
        let tile = ground.tiles[0].clone();
        let mut mutation = tiles::mutate(&mut ground, &tile, kind);
        // Nothing is left to compare it with but the root.
        mutation.places.push(Place::Tail);
        ground.must_find(&mutation, &check).await;
    }
}
