//! Tiles and proofs of logs large enough for several levels, read from the database.

use std::sync::Arc;

use gateway::audit::{
    AuditLog, Frontier, Hash, LogEntry, RequestIds, TilePlace, Tiles, TreeHead, find_request,
    tile_root, verify_consistency, verify_inclusion,
};
use gateway::clock::{Clock, Random};
use gateway::config::LogConfig;
use gateway::store::Store;
use gateway::telemetry::Metrics;

use crate::support::{
    Bare, Database, TestApp, about_person, entries, micros, on_both_databases, tamper,
};

on_both_databases! {
    proofs_hold_at_every_size_and_outlive_dropped_entries,
    entries_are_read_over_the_borders_of_bundles,
    the_entry_of_a_request_is_found_without_an_index,
    a_damaged_tile_is_an_error_and_no_proof,
}

/// Past the first full tile of level 1, with a partial tile on every level.
const LARGE: u64 = 66_100;

/// A log with the same entry over and over, each with an identity of its own, a second apart.
struct LargeLog {
    bare: Bare,
    store: Store,
    leaves: Vec<Hash>,
    ids: Vec<gateway::audit::RequestId>,
}

impl LargeLog {
    async fn new(database: Database, size: u64) -> Self {
        let like = {
            let app = TestApp::start().await;
            app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
            entries(&app.app).await.remove(0)
        };
        let bare = Bare::on(database).await;
        let (store, keys, random) = (bare.store().await, bare.keys(), Random::seeded(3));
        let (clock, hand) = Clock::manual(micros("2026-11-20T09:00:00+07:00"));
        let metrics = Arc::new(Metrics::new());
        let config = LogConfig::default();
        let log = AuditLog::open(&store, &keys, &config, clock.clone(), metrics).await.unwrap();
        let made = RequestIds::new(&random);
        let (mut leaves, mut ids) = (Vec::new(), Vec::new());
        // Commits of odd sizes, so that no bundle begins where a tile does.
        for share in [1, 2, 253, 700, 3_001].into_iter().cycle() {
            let count = share.min(size - leaves.len() as u64);
            if count == 0 {
                break;
            }
            let batch = (0..count).map(|_| {
                hand.advance(1_000_000);
                let id = made.next(clock.now());
                ids.push(id);
                log.record(LogEntry::from(gateway::audit::Entry {
                    at: clock.now(),
                    request_id: id,
                    ..like.clone()
                }))
            });
            let batch: Vec<_> = batch.collect();
            for receipt in futures_util::future::join_all(batch).await {
                leaves.push(*receipt.unwrap().leaf());
            }
        }
        log.close().await;
        Self { bare, store, leaves, ids }
    }

    /// Roots of the trees of these sizes, as the writer makes them.
    fn heads(&self, sizes: &[u64]) -> Vec<TreeHead> {
        let (mut tree, mut full) = (Frontier::default(), Vec::new());
        let mut heads = Vec::new();
        for size in 0..=self.leaves.len() {
            if sizes.contains(&(size as u64)) {
                heads.push(TreeHead { size: size as u64, root: tree.root() });
            }
            if let Some(leaf) = self.leaves.get(size) {
                tree.append(*leaf, &mut full);
            }
        }
        heads
    }
}

/// Every proof holds between a spread of sizes, each also at its edges.
async fn check_proofs(log: &LargeLog, tiles: &Tiles) {
    let sizes = [0, 1, 255, 256, 257, 40_000, 65_535, 65_536, 65_537, 66_048, LARGE];
    let heads = log.heads(&sizes);
    for to in &heads {
        assert_eq!(tiles.root("n1", to.size).await.unwrap(), to.root, "{}", to.size);
        for from in heads.iter().filter(|from| from.size <= to.size) {
            let proof = tiles.consistency("n1", from.size, to.size).await.unwrap().unwrap();
            assert!(verify_consistency(from, to, &proof), "{} to {}", from.size, to.size);
        }
        let indexes = [0, 1, 255, 256, 12_345, 65_535, 65_536, 66_000, to.size.saturating_sub(1)];
        for index in indexes.into_iter().filter(|index| *index < to.size) {
            let proof = tiles.inclusion("n1", index, to.size).await.unwrap().unwrap();
            let leaf = &log.leaves[index as usize];
            assert!(
                verify_inclusion(leaf, index, to.size, &proof, &to.root),
                "{index}, {}",
                to.size
            );
        }
        assert_eq!(tiles.inclusion("n1", to.size, to.size).await.unwrap(), None);
    }
}

async fn proofs_hold_at_every_size_and_outlive_dropped_entries(database: Database) {
    let log = LargeLog::new(database, LARGE).await;
    check_proofs(&log, &Tiles::new(log.store.clone())).await;

    let tiles = Tiles::new(log.store.clone());
    let place = |level, index| TilePlace { level, index };
    let upper = tiles.tile("n1", LARGE, place(1, 1)).await.unwrap();
    let lower = tiles.tile("n1", LARGE, place(0, 257)).await.unwrap();
    assert_eq!((upper.len(), lower.len()), (2, 256));
    assert_eq!(upper[1], tile_root(&lower).unwrap());
    assert_eq!(tiles.tile("n1", LARGE, place(0, 258)).await.unwrap(), log.leaves[66_048..]);
    assert_eq!(tiles.tile("n1", 66_050, place(0, 258)).await.unwrap(), log.leaves[66_048..66_050]);
    assert_eq!(tiles.tile("n1", LARGE, place(2, 0)).await.unwrap().len(), 1);
    assert_eq!(tiles.tile("n1", LARGE, place(3, 0)).await.unwrap(), [[0; 32]; 0]);
    assert_eq!(tiles.tile("n1", LARGE, place(0, 259)).await.unwrap(), [[0; 32]; 0]);

    // All bundles that end within full tiles.
    let bundles = log.store.bundles_from("n1", 0, 10_000).await.unwrap();
    let old = bundles.iter().filter(|b| b.first_index + b.entries_count <= 66_048);
    let old: Vec<i64> = old.map(|b| b.first_index).collect();
    assert!(old.len() > 40);
    for first in &old {
        tamper(log.bare.rows(), format!("delete from log_bundles where first_index = {first}"))
            .await;
    }
    assert_eq!(tiles.entries("n1", 12_345, 1).await.unwrap(), None);
    check_proofs(&log, &Tiles::new(log.store.clone())).await;
}

async fn entries_are_read_over_the_borders_of_bundles(database: Database) {
    let log = LargeLog::new(database, 1_500).await;
    let tiles = Tiles::new(log.store.clone());
    for (first, count) in [(0, 1), (0, 256), (2, 254), (255, 3), (700, 300), (1_499, 1)] {
        let read = tiles.entries("n1", first, count).await.unwrap().unwrap();
        let leaves: Vec<Hash> = read.iter().map(|bytes| gateway::audit::leaf_hash(bytes)).collect();
        assert_eq!(leaves, log.leaves[first as usize..first as usize + count]);
    }
    assert_eq!(tiles.entries("n1", 1_499, 2).await.unwrap(), None);
    assert_eq!(tiles.entries("n1", 1_500, 1).await.unwrap(), None);
    assert_eq!(tiles.entries("n2", 0, 1).await.unwrap(), None);
}

async fn the_entry_of_a_request_is_found_without_an_index(database: Database) {
    let log = LargeLog::new(database, 9_000).await;
    let find = async |id| {
        find_request(&log.store, "n1", 9_000, gateway::audit::AnswerId { request_id: id, item: 0 })
            .await
            .unwrap()
    };
    for index in [0, 1, 2, 3, 255, 256, 4_000, 8_998, 8_999] {
        assert_eq!(find(log.ids[index]).await, Some(index as u64), "{index}");
    }
    let mut strange = log.ids[4_000];
    strange.0[15] ^= 1;
    assert_eq!(find(strange).await, None);
    let early = gateway::audit::RequestId([0; 16]);
    let late = gateway::audit::RequestId([0x7f; 16]);
    assert_eq!((find(early).await, find(late).await), (None, None));
    // What lies before and behind a gap is still found; what was in it is not.
    let bundles = log.store.bundles_from("n1", 0, 10_000).await.unwrap();
    let gone = &bundles[bundles.len() / 2];
    let first = gone.first_index;
    tamper(log.bare.rows(), format!("delete from log_bundles where first_index = {first}")).await;
    let (first, end) = (first as usize, (first + gone.entries_count) as usize);
    assert_eq!(find(log.ids[first]).await, None);
    for index in [0, first - 1, end, 8_999] {
        assert_eq!(find(log.ids[index]).await, Some(index as u64), "{index}");
    }
}

async fn a_damaged_tile_is_an_error_and_no_proof(database: Database) {
    let log = LargeLog::new(database, 600).await;
    tamper(
        log.bare.rows(),
        "update log_tiles set hashes = substr(hashes, 1, 1) where tile_index = 1".into(),
    )
    .await;
    let tiles = Tiles::new(log.store.clone());
    assert!(tiles.inclusion("n1", 300, 600).await.is_err());
    assert!(tiles.inclusion("n1", 3, 600).await.is_err());
    tamper(log.bare.rows(), "delete from log_tiles where tile_index = 0".into()).await;
    assert!(tiles.inclusion("n1", 3, 200).await.is_ok(), "as long as the entries are there");
    assert!(tiles.inclusion("n1", 3, 600).await.is_err());
}
