//! The checkpoint in the key folder: what a database is compared with that was put in the place
//! of another.

use std::fs;
use std::path::PathBuf;

use gateway::app::StartError;
use gateway::audit::{CheckpointSigner, Frontier, Loss, OpenError, find_loss, leaf_hash};
use gateway::clock::Random;
use gateway::store::{KeyFolder, Store};

use crate::support::{Kept, TestApp, copy_database, entry_bytes, put_back, remove_database};

/// A gateway on what is kept logs so many further entries and stops.
async fn go_on(kept: &Kept, count: usize) {
    let app = kept.again().start().await;
    app.fill(count).await;
    assert!(app.stop().await.1, "it ends well");
}

/// Number of entries that the published note signs.
fn published_size(kept: &Kept) -> u64 {
    let note = fs::read_to_string(kept.published()).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// A stopped gateway with three entries, and a copy of its database.
async fn with_copy() -> (Kept, PathBuf) {
    let app = TestApp::start().await;
    app.fill(3).await;
    let (kept, _) = app.stop().await;
    let copy = kept.database().with_extension("copy");
    copy_database(&kept.database(), &copy).await;
    (kept, copy)
}

async fn refusal(kept: &Kept) -> OpenError {
    match kept.again().try_start().await.map(drop) {
        Err(StartError::Log(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn loss(kept: &Kept) -> Loss {
    match refusal(kept).await {
        OpenError::Loss(loss) => *loss,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_start_and_a_stop_publish_the_checkpoint() {
    let app = TestApp::start().await;
    assert_eq!(published_size(&app.kept()), 0);
    app.fill(3).await;
    let (kept, _) = app.stop().await;
    assert_eq!(published_size(&kept), 3);
    let other = kept.published().with_extension("kept");
    fs::rename(kept.published(), &other).unwrap();
    go_on(&kept, 0).await;
    assert_eq!(fs::read(kept.published()).unwrap(), fs::read(other).unwrap());
}

#[tokio::test]
async fn an_older_copy_of_the_database_is_refused_and_the_newer_one_taken_back() {
    let (kept, older) = with_copy().await;
    go_on(&kept, 2).await;
    let newer = kept.database().with_extension("newer");
    copy_database(&kept.database(), &newer).await;
    put_back(&older, &kept.database());
    let loss = loss(&kept).await;
    assert_eq!((loss.size, loss.published.size, loss.is_fork()), (3, 5, false));
    let sentence = loss.to_string();
    assert!(sentence.contains("log n1 has 3 entries in the database"), "{sentence}");
    assert!(sentence.contains(" signs 5: most likely an older copy"), "{sentence}");
    assert!(sentence.ends_with("log accept-loss --log n1"), "{sentence}");
    assert_eq!(published_size(&kept), 5, "a refused start publishes nothing");
    put_back(&newer, &kept.database());
    go_on(&kept, 1).await;
    assert_eq!(published_size(&kept), 6);
}

#[tokio::test]
async fn a_lost_database_is_refused_and_no_new_log_begun() {
    let (kept, _) = with_copy().await;
    remove_database(&kept.database());
    for _ in 0..2 {
        let loss = loss(&kept).await;
        assert_eq!((loss.size, loss.published.size), (0, 3));
        assert!(loss.to_string().contains("the database was lost"), "{loss}");
    }
}

#[tokio::test]
async fn another_log_in_the_place_of_the_published_one_is_refused() {
    let (kept, older) = with_copy().await;
    go_on(&kept, 2).await;
    let note = fs::read(kept.published()).unwrap();
    put_back(&older, &kept.database());
    fs::remove_file(kept.published()).unwrap();
    // An hour later, or the entries would be the same.
    let app = kept.again().at("2026-11-20T10:00:00+07:00").start().await;
    app.fill(2).await;
    app.stop().await;
    // As many entries as were published, then more.
    for _ in 0..2 {
        fs::write(kept.published(), &note).unwrap();
        let loss = loss(&kept).await;
        assert!(loss.is_fork() && loss.published.size == 5, "{loss:?}");
        assert!(loss.to_string().starts_with("the first 5 entries of log n1 are not"), "{loss}");
        fs::remove_file(kept.published()).unwrap();
        go_on(&kept, 1).await;
    }
}

#[tokio::test]
async fn a_published_checkpoint_that_does_not_verify_is_refused_and_left_alone() {
    let (kept, _) = with_copy().await;
    let note = fs::read_to_string(kept.published()).unwrap();
    for bad in [String::new(), note.replacen("\n3\n", "\n2\n", 1), note.replace("n1\n", "n2\n")] {
        fs::write(kept.published(), &bad).unwrap();
        let refusal = refusal(&kept).await;
        assert!(matches!(refusal, OpenError::Published { .. }), "{refusal}");
        assert_eq!(fs::read_to_string(kept.published()).unwrap(), bad);
    }
}

#[tokio::test]
async fn a_note_of_any_size_the_log_once_had_agrees_and_no_other() {
    let app = TestApp::start().await;
    app.fill(560).await;
    let (entries, config) = (entry_bytes(&app.app).await, app.config.clone());
    // A running gateway would publish its own checkpoint over ours.
    let (_kept, ended_well) = app.stop().await;
    assert!(ended_well);
    let store = Store::open_existing(&config.store).await.unwrap();
    let keys = KeyFolder::open(&config.keys.folder, Random::seeded(9)).unwrap();
    let origin = format!("{}/n1", config.log.origin);
    let signer = CheckpointSigner::new(&keys.load("log-n1").unwrap(), origin).unwrap();
    let (mut frontier, mut full) = (Frontier::default(), Vec::new());
    for entry in entries {
        let size = frontier.size();
        if size % 85 == 0 || (size + 1) % 256 < 3 {
            keys.publish("n1", &signer.sign(size, frontier.root())).unwrap();
            let loss = find_loss(&store, &keys, &config.log).await.unwrap();
            assert_eq!(loss, None, "{size}");
            keys.publish("n1", &signer.sign(size, [7; 32])).unwrap();
            let loss = find_loss(&store, &keys, &config.log).await.unwrap();
            assert!(loss.is_some_and(|loss| loss.is_fork()), "{size}");
        }
        frontier.append(leaf_hash(&entry), &mut full);
    }
}
