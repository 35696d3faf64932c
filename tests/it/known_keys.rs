//! Nodes on one database share their keys, and whoever has others does not start.

use std::fs;

use gateway::app::StartError;
use gateway::audit::KnownKeyError;
use gateway::clock::Random;
use gateway::store::KeyFolder;

use crate::support::{Builder, Database, Kept, TestApp, about_person, on_both_databases, run_on};

on_both_databases! {
    a_gateway_with_another_key_does_not_start_and_makes_nothing,
    a_gateway_without_a_key_that_others_have_makes_none,
    a_destroyed_key_and_one_of_a_past_quarter_are_not_missed,
    a_database_that_does_not_know_its_keys_learns_them,
    a_key_of_a_new_quarter_is_that_of_the_node_that_was_first,
}

/// A gateway that has answered once and stopped.
async fn asked_once(builder: Builder) -> Kept {
    let app = builder.start().await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    app.stop().await.0
}

/// Why a gateway does not start.
async fn refusal(kept: &Kept) -> KnownKeyError {
    match kept.again().try_start().await {
        Err(StartError::KnownKey(refusal)) => refusal,
        started => panic!("{:?}", started.map(drop)),
    }
}

fn names(kept: &Kept) -> Vec<String> {
    let files = fs::read_dir(kept.keys()).unwrap();
    let mut names: Vec<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn a_gateway_with_another_key_does_not_start_and_makes_nothing(database: Database) {
    let kept = asked_once(TestApp::builder().on(database)).await;
    for name in ["references", "guesses", "pseudonym-2026Q4"] {
        let path = kept.keys().join(format!("{name}.key"));
        let key = fs::read(&path).unwrap();
        fs::write(&path, "ab".repeat(32)).unwrap();
        let before = names(&kept);
        let refusal = refusal(&kept).await;
        assert!(matches!(&refusal, KnownKeyError::Differs { name: found, .. } if found == name));
        let says = refusal.to_string();
        assert!(says.contains("is not the one that this database was written with"), "{says}");
        assert_eq!(names(&kept), before);
        fs::write(&path, key).unwrap();
    }
    asked_once(kept.again()).await;
}

async fn a_gateway_without_a_key_that_others_have_makes_none(database: Database) {
    let kept = asked_once(TestApp::builder().on(database)).await;
    for name in ["references", "guesses", "pseudonym-2026Q4"] {
        let path = kept.keys().join(format!("{name}.key"));
        let key = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let refusal = refusal(&kept).await;
        assert!(matches!(&refusal, KnownKeyError::Missing { name: found, .. } if found == name));
        let says = refusal.to_string();
        assert!(says.contains(&format!("key accept-loss {name} --yes")), "{says}");
        assert!(!path.exists(), "it was made");
        fs::write(&path, key).unwrap();
    }
    // As a node does whose folder is its own.
    let aside = kept.folder().join("aside");
    fs::rename(kept.keys(), &aside).unwrap();
    assert!(matches!(refusal(&kept).await, KnownKeyError::Missing { .. }));
    assert_eq!(names(&kept), [""; 0]);
    fs::remove_dir(kept.keys()).unwrap();
    fs::rename(&aside, kept.keys()).unwrap();
    asked_once(kept.again()).await;
}

async fn a_destroyed_key_and_one_of_a_past_quarter_are_not_missed(database: Database) {
    let first = TestApp::builder().on(database).at("2026-03-31T09:00:00+07:00");
    let kept = asked_once(first).await;
    let kept = asked_once(kept.again().at("2026-04-01T09:00:00+07:00")).await;
    let keys = KeyFolder::open(&kept.keys(), Random::seeded(1)).unwrap();
    // Cut short: the key is overwritten and there.
    let path = kept.keys().join("pseudonym-2026Q1.key");
    fs::write(kept.keys().join("pseudonym-2026Q1.destroyed"), "").unwrap();
    fs::write(&path, "00".repeat(32)).unwrap();
    asked_once(kept.again().at("2026-05-01T09:00:00+07:00")).await;
    keys.destroy("pseudonym-2026Q1").unwrap();
    asked_once(kept.again().at("2026-05-02T09:00:00+07:00")).await;
    // Destroyed on another node, whose folder is its own.
    fs::remove_file(kept.keys().join("pseudonym-2026Q1.destroyed")).unwrap();
    asked_once(kept.again().at("2026-05-03T09:00:00+07:00")).await;
    let back = kept.again().at("2026-03-31T09:00:00+07:00").try_start().await;
    assert!(matches!(back, Err(StartError::KnownKey(KnownKeyError::Missing { .. }))));
    assert!(!path.exists(), "it was made again");
}

async fn a_database_that_does_not_know_its_keys_learns_them(database: Database) {
    let kept = asked_once(TestApp::builder().on(database)).await;
    let forgotten = run_on(kept.rows(), "delete from key_fingerprints".into()).await;
    assert_eq!(forgotten, 3);
    let kept = asked_once(kept.again()).await;
    fs::write(kept.keys().join("guesses.key"), "ab".repeat(32)).unwrap();
    assert!(matches!(refusal(&kept).await, KnownKeyError::Differs { .. }));
}

async fn a_key_of_a_new_quarter_is_that_of_the_node_that_was_first(database: Database) {
    let app = TestApp::start_on(database).await;
    let (caller, body) = (app.caller("carrier").await, about_person(&app.person()));
    caller.verify(&body).await.ok();
    // Another node has made the key of the next quarter, in a folder of its own.
    let insert = "insert into key_fingerprints values ('pseudonym-2027Q1', 'another')";
    run_on(app.kept().rows(), insert.into()).await;
    app.pass(60 * 24 * 3_600);
    let caller = app.caller("carrier").await;
    for _ in 0..2 {
        caller.verify(&body).await.problem(503, "log-unavailable");
        app.pass(1);
    }
    let path = app.kept().keys().join("pseudonym-2027Q1.key");
    assert!(!path.exists(), "it made one of its own");
    fs::write(&path, "ab".repeat(32)).unwrap();
    caller.verify(&body).await.problem(503, "log-unavailable");
    app.pass(1);
    // That it is the right one now is told by the database alone.
    run_on(app.kept().rows(), "delete from key_fingerprints where fingerprint = 'another'".into())
        .await;
    caller.verify(&body).await.ok();
    assert_eq!(app.verify_log().await.unwrap().entries, 2);
}
