//! The keys that sign tokens move on, and no request fails by it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gateway::access::token_keys::{self, RotationMode, TokenKeyError};
use gateway::auth::{SigningKey, SigningState, Tokens};
use gateway::clock::Random;
use gateway::request::{ClientId, Operation};
use gateway::store::KeyFolder;
use serde_json::Value;

use super::issued::published_keys;
use super::keeping::acts;
use super::{administrator, issuer, patient};
use crate::support::{Database, TestApp, about_person, on_both_databases};

on_both_databases! {
    the_next_key_signs_when_it_is_old_enough_and_the_one_before_retires,
    a_lost_next_key_is_replaced_and_a_lost_signing_key_stops_the_start,
    a_key_in_wrong_hands_signs_nothing_that_is_good_from_then_on,
    only_a_file_that_is_not_there_is_lost,
}

const ROTATE: &str = "/admin/v1/keys/rotate";

/// Identifiers by state, as the admin listener shows them.
async fn states(app: &TestApp) -> Vec<(String, String)> {
    let listed = app.admin_caller("operator").await.get("/admin/v1/keys").await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let keys = listed["keys"].as_array().unwrap().iter();
    let mut states: Vec<_> = keys.map(|key| (text(&key["state"]), text(&key["kid"]))).collect();
    states.sort();
    states
}

fn kid_of(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

async fn token_of(app: &TestApp) -> String {
    app.ask_token_as("carrier").await.ok()["access_token"].as_str().unwrap().to_owned()
}

async fn the_next_key_signs_when_it_is_old_enough_and_the_one_before_retires(database: Database) {
    let app = patient().on(database).start().await;
    let office = app.admin_caller("operator").await;
    let before = states(&app).await;
    let [(active, first), (next, second)] = &before[..] else { panic!("{before:?}") };
    assert_eq!((active.as_str(), next.as_str()), ("active", "next"));
    let old = token_of(&app).await;
    assert_eq!(kid_of(&old), *first);
    app.pass(400);
    let refused = office.post(ROTATE, "application/json", "").await;
    refused.problem(409, "next-key-too-young");
    assert_eq!(refused.retry_after(), 200);
    assert_eq!(states(&app).await, before);
    app.pass(200);
    let office = app.admin_caller("operator").await;
    let old = token_of(&app).await;
    let rotated = office.post(ROTATE, "application/json", "").await.ok();
    assert_eq!(
        (&rotated["activates"], &rotated["retires"]),
        (&second.as_str().into(), &first.as_str().into())
    );
    app.app.load_token_keys().await.unwrap();
    let after = states(&app).await;
    assert_eq!(after[0], ("active".into(), second.clone()));
    assert_eq!(after[2], ("retiring".into(), first.clone()));
    assert_eq!(published_keys(&app).await["keys"].as_array().unwrap().len(), 3);
    let new = token_of(&app).await;
    assert_eq!(kid_of(&new), *second);
    let body = about_person(&app.person());
    for token in [&old, &new] {
        app.caller_with(token).verify(&body).await.ok();
    }
    app.pass(3_660);
    assert_eq!(published_keys(&app).await["keys"].as_array().unwrap().len(), 2, "it has retired");
    app.pass(1);
    app.app.forget_spent().await;
    assert_eq!(states(&app).await[2], ("retired".into(), first.clone()));
    let acts = acts(&app).await;
    assert_eq!(acts.len(), 1);
    assert_eq!(acts[0][..3], ["operator", "token-key-rotated", first.as_str()].map(String::from));
    // What was rotated stays so after a start.
    let (kept, _) = app.stop().await;
    let app = kept.again().at("2026-11-20T12:00:00+07:00").start().await;
    assert_eq!(kid_of(&token_of(&app).await), *second);
    app.admin_caller("carrier")
        .await
        .post(ROTATE, "application/json", "")
        .await
        .problem(403, "operation-not-permitted");
}

async fn a_lost_next_key_is_replaced_and_a_lost_signing_key_stops_the_start(database: Database) {
    let app = patient().on(database).start().await;
    let before = states(&app).await;
    let (first, second) = (before[0].1.clone(), before[1].1.clone());
    let file = |kid: &str| app.kept().keys().join(format!("token-signing-{kid}.key"));
    std::fs::remove_file(file(&second)).unwrap();
    let (by, mode) = (administrator(&app), RotationMode::default());
    let keys = KeyFolder::open(&app.config.keys.folder, Random::system()).unwrap();
    let rotate = token_keys::rotate(&app.app.store, &keys, &app.app.random, &by, mode);
    let rotation = rotate.await.unwrap();
    assert_eq!((rotation.activates, rotation.retires), (None, second));
    let third = rotation.next.unwrap();
    assert!(file(&third).exists());
    app.app.load_token_keys().await.unwrap();
    assert_eq!(kid_of(&token_of(&app).await), first, "what signs stays");
    let (by, mode) = (
        administrator(&app),
        RotationMode { force: true, dry_run: true, ..RotationMode::default() },
    );
    let trial =
        token_keys::rotate(&app.app.store, &keys, &app.app.random, &by, mode).await.unwrap();
    assert_eq!((trial.activates, trial.next), (Some(third.clone()), None));
    let by = administrator(&app);
    let young =
        token_keys::rotate(&app.app.store, &keys, &app.app.random, &by, RotationMode::default());
    assert!(matches!(young.await, Err(TokenKeyError::TooYoung { wait_seconds: 600 })));
    let mode = RotationMode { force: true, ..RotationMode::default() };
    token_keys::rotate(&app.app.store, &keys, &app.app.random, &by, mode).await.unwrap();
    app.app.load_token_keys().await.unwrap();
    assert_eq!(kid_of(&token_of(&app).await), third);
    std::fs::remove_file(file(&third)).unwrap();
    assert!(app.app.load_token_keys().await.is_err());
    token_of(&app).await;
    let (kept, _) = app.stop().await;
    assert!(kept.again().try_start().await.is_err());
}

async fn a_key_in_wrong_hands_signs_nothing_that_is_good_from_then_on(database: Database) {
    let app = patient().on(database).start().await;
    let body = about_person(&app.person());
    let oldest = token_of(&app).await;
    app.pass(600);
    let office = app.admin_caller("operator").await;
    office.post(ROTATE, "", "").await.ok();
    app.app.load_token_keys().await.unwrap();
    let old = token_of(&app).await;
    // A thief has the key that signs; the one before it signs no more, whoever has it.
    let (stolen, stale) = (signing(&app, "active"), signing(&app, "retiring"));
    app.pass(16);
    let forged = |key: &Copied| {
        let random = Random::seeded(5);
        let forger = Tokens::new(issuer(&app), 600, app.app.clock.clone(), random);
        forger.replace_keys(vec![key.key()]).unwrap();
        let carrier = ClientId::parse("carrier").unwrap();
        let scope = [Operation::Verify].into_iter().collect();
        forger.issue(&carrier, scope).unwrap().access_token
    };
    let verify = async |token: &str| app.caller_with(token).verify(&body).await;
    verify(&forged(&stale)).await.problem(401, "invalid-token");
    verify(&old).await.ok();
    verify(&forged(&stolen)).await.ok();
    let both = "?compromised=true&force=false";
    let rotated = office.post(&format!("{ROTATE}{both}"), "", "").await.ok();
    assert_eq!(rotated["retires"], stolen.key().kid());
    for token in [&oldest, &old, &forged(&stolen), &forged(&stale)] {
        verify(token).await.problem(401, "invalid-token");
    }
    office.get("/admin/v1/keys").await.problem(401, "invalid-token");
    let new = token_of(&app).await;
    assert_eq!(Some(kid_of(&new).as_str()), rotated["activates"].as_str());
    verify(&new).await.ok();
    let states: Vec<String> = states(&app).await.into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, ["active", "next", "retired", "retired"]);
    let names: Vec<String> = acts(&app).await.into_iter().map(|[_, name, ..]| name).collect();
    assert_eq!(names, ["token-key-rotated", "token-key-compromised"]);
    app.admin_caller("operator")
        .await
        .post(&format!("{ROTATE}?compromised=1"), "", "")
        .await
        .problem(422, "invalid-value");
}

/// The key in a state, as whoever has copied its file has it.
fn signing(app: &TestApp, state: &str) -> Copied {
    let keys = app.app.tokens.keys();
    let key = keys.iter().find(|key| key.state().name() == state).unwrap();
    let folder = KeyFolder::open(&app.config.keys.folder, Random::system()).unwrap();
    Copied(token_keys::file_of(&folder, key.kid()).unwrap().1)
}

struct Copied([u8; 32]);

impl Copied {
    fn key(&self) -> SigningKey {
        SigningKey::new(&self.0, SigningState::Active, None).unwrap()
    }
}

async fn only_a_file_that_is_not_there_is_lost(database: Database) {
    let app = patient().on(database).start().await;
    let before = states(&app).await;
    let (first, second) = (before[0].1.clone(), before[1].1.clone());
    let keys = KeyFolder::open(&app.config.keys.folder, Random::system()).unwrap();
    let file = app.kept().keys().join(format!("token-signing-{second}.key"));
    let seed = std::fs::read_to_string(&file).unwrap();
    app.pass(600);
    let rotate = async |keys: &KeyFolder, mode: RotationMode| {
        let by = administrator(&app);
        token_keys::rotate(&app.app.store, keys, &app.app.random, &by, mode).await
    };
    let forced = RotationMode { force: true, ..RotationMode::default() };
    // Damaged, of another key, and not to be read: no reason to throw the key away.
    for damaged in ["", "00", &"0".repeat(64)] {
        std::fs::write(&file, damaged).unwrap();
        for mode in [RotationMode::default(), forced] {
            assert!(rotate(&keys, mode).await.is_err(), "{damaged:?}");
        }
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert!(rotate(&keys, RotationMode::default()).await.is_err());
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, seed).unwrap();
    // Another folder: nothing is there, which is no reason either.
    let elsewhere = tempfile::tempdir().unwrap();
    let wrong = KeyFolder::open(elsewhere.path(), Random::system()).unwrap();
    let refused = rotate(&wrong, RotationMode::default()).await;
    assert!(matches!(refused, Err(TokenKeyError::ActiveLost { kid }) if kid == first));
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    assert_eq!(states(&app).await, before);
    std::fs::remove_file(&file).unwrap();
    let replaced = rotate(&keys, RotationMode::default()).await.unwrap();
    assert_eq!((replaced.activates, replaced.retires), (None, second));
    let names: Vec<String> = acts(&app).await.into_iter().map(|[_, name, ..]| name).collect();
    assert_eq!(names, ["token-key-replaced"]);
}

/// Each asks for tokens on one node and verifies on the other, all the time.
async fn load(nodes: [&TestApp; 2], body: &Value, ended: &AtomicBool, done: &AtomicUsize) {
    while !ended.load(Ordering::Relaxed) {
        let token = token_of(nodes[0]).await;
        for node in nodes {
            node.caller_with(&token).verify(body).await.ok();
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_two_nodes_hear_of_a_rotation_one_after_the_other() {
    let one = patient().on(Database::Postgres).start().await;
    let other = one.kept().again().config(|config| config.log.name = "n2".into()).start().await;
    assert_eq!(states(&one).await, states(&other).await, "the nodes share their keys");
    let body = about_person(&one.person());
    // The first entry of a day makes its partition, and two nodes at once may get in each other's
    // way there: that is not what this is about.
    for node in [&one, &other] {
        node.caller("carrier").await.verify(&body).await.ok();
    }
    let (ended, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let busy = async || {
        let from = done.load(Ordering::Relaxed);
        while done.load(Ordering::Relaxed) < from + 20 {
            tokio::task::yield_now().await;
        }
    };
    let rotations = async {
        for _ in 0..3 {
            // Both know the next key, so that nobody has to wait for it.
            let office = one.admin_caller("operator").await;
            busy().await;
            let forced = format!("{ROTATE}?force=true");
            let rotated = office.post(&forced, "application/json", "").await.ok();
            let signs = rotated["activates"].as_str().unwrap().to_owned();
            busy().await;
            other.app.load_token_keys().await.unwrap();
            assert_eq!(kid_of(&token_of(&other).await), signs);
            busy().await;
            one.app.load_token_keys().await.unwrap();
            assert_eq!(kid_of(&token_of(&one).await), signs);
            busy().await;
        }
        ended.store(true, Ordering::Relaxed);
    };
    tokio::join!(
        load([&one, &other], &body, &ended, &done),
        load([&other, &one], &body, &ended, &done),
        rotations,
    );
}
