//! Keys beside their entries: all with it or none, and whose request was first.

use gateway::audit::{IdempotencyKey, LogEntry, NotRecorded};
use gateway::disputes::{self, Disputed, NotDone, Note};
use gateway::request::ClientId;
use gateway::verification::RequestContext;

use crate::support::{
    Database, TestApp, about_person, entries, merge, on_both_databases, read_gauge,
};

on_both_databases! {
    an_entry_comes_with_all_of_its_keys_or_not_at_all,
    one_taken_key_costs_the_others_no_commit_of_their_own,
    a_key_by_itself_is_kept_for_the_first_request,
    a_dispute_whose_key_another_node_has_taken_waits_for_another_key,
}

fn key(app: &TestApp, text: &str, body: &[u8]) -> IdempotencyKey {
    let client = ClientId::parse("carrier").unwrap();
    app.app.digests.idempotency(&client, text, "/v1/disputes", body)
}

/// Index of the entry that a key leads to.
async fn leads_to(app: &TestApp, key: &IdempotencyKey) -> Option<i64> {
    let row = app.app.store.idempotency_key("carrier", &key.key_digest, 0).await.unwrap();
    row.map(|row| row.entry_index)
}

async fn an_entry_comes_with_all_of_its_keys_or_not_at_all(database: Database) {
    let app = TestApp::start_on(database).await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    let entry = || async { LogEntry::Request(entries(&app.app).await.remove(0)) };
    let [a, b, c] = ["a", "b", "c"].map(|text| key(&app, text, b""));
    let receipt = app.app.audit.record_once(entry().await, [a.clone(), b.clone()]).await.unwrap();
    for key in [&a, &b] {
        assert_eq!(leads_to(&app, key).await, Some(receipt.index() as i64));
    }
    // Beside one whose key is free: nobody suffers for the other.
    let [taken, free] = [entry().await, entry().await];
    let (taken, free) = tokio::join!(
        app.app.audit.record_once(taken, [c.clone(), b.clone()]),
        app.app.audit.record_once(free, [key(&app, "d", b"")]),
    );
    assert_eq!((taken.unwrap_err(), free.unwrap().index()), (NotRecorded::KeyTaken, 2));
    assert_eq!(leads_to(&app, &c).await, None);
    assert_eq!(app.recount().await.entries, 3);
}

async fn one_taken_key_costs_the_others_no_commit_of_their_own(database: Database) {
    let app = TestApp::start_on(database).await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    let entry = LogEntry::Request(entries(&app.app).await.remove(0));
    let taken = key(&app, "taken", b"");
    app.app.audit.record_once(entry.clone(), [taken.clone()]).await.unwrap();
    let commits = async || read_gauge(&app.metrics().await, "gateway_log_commits_total");
    let before = commits().await;
    // All are asked for before the log gets to see the first.
    let record = |text: String| app.app.audit.record_once(entry.clone(), [key(&app, &text, b"")]);
    let mut asked = vec![record("taken".into())];
    asked.extend((0..40).map(|number| record(format!("free-{number}"))));
    let recorded = futures_util::future::join_all(asked).await;
    assert_eq!(recorded[0], Err(NotRecorded::KeyTaken));
    assert!(recorded[1..].iter().all(Result::is_ok), "{recorded:?}");
    assert_eq!(commits().await, before + 1);
    assert_eq!(app.recount().await.entries, 42);
}

async fn a_key_by_itself_is_kept_for_the_first_request(database: Database) {
    let app = TestApp::start_on(database).await;
    let now = app.app.clock.now();
    let keep = async |body: &[u8], index: i64, after_us: i64| {
        let row = gateway::store::KeyRow {
            client_id: "carrier".into(),
            key_digest: key(&app, "k", body).key_digest,
            entry_index: index,
            body_digest: key(&app, "k", body).body_digest,
            created_us: now.0,
        };
        app.app.store.keep_idempotency_key("n1", &row, after_us).await.unwrap()
    };
    let index = || async { leads_to(&app, &key(&app, "k", b"")).await };
    assert!(keep(b"one", 1, 0).await);
    assert!(keep(b"one", 2, 0).await, "the same request again");
    assert!(!keep(b"other", 3, 0).await);
    assert_eq!(index().await, Some(1));
    // When it is too old to be held, it is anybody's.
    assert!(keep(b"other", 4, now.0 + 1).await);
    assert_eq!(index().await, Some(4));
}

async fn a_dispute_whose_key_another_node_has_taken_waits_for_another_key(database: Database) {
    let app = TestApp::start_on(database).await;
    let wrong = serde_json::json!({"attributes": {"full_name": "Đặng Thử Nghiệm"}});
    let wrong = merge(&about_person(&app.person()), &wrong);
    app.caller("carrier").await.verify(&wrong).await.ok();
    let entry = entries(&app.app).await.remove(0);
    // Since this node looked.
    let taken = key(&app, "k", b"other");
    app.app.audit.record_once(LogEntry::Request(entry.clone()), [taken]).await.unwrap();
    let disputed = Disputed { log: "n1".into(), index: 0, leaf: None };
    let open = async |text: &str| {
        let context = RequestContext {
            item: 0,
            request_id: entry.request_id,
            received_at: entry.at,
            key: Some(key(&app, text, b"one")),
        };
        disputes::open(&app.app, &entry.client, &disputed, Note::CardSeen, &context).await
    };
    // While it opens the dispute, and when the dispute is there.
    assert!(matches!(open("k").await, Err(NotDone::KeyTaken)));
    assert_eq!(app.recount().await.entries, 2);
    assert!(open("l").await.unwrap().is_new);
    assert_eq!(leads_to(&app, &key(&app, "l", b"one")).await, Some(2));
    assert!(matches!(open("k").await, Err(NotDone::KeyTaken)));
    assert_eq!(app.recount().await.entries, 3);
}
