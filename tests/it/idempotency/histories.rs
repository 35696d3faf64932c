//! A look at who asked about a person is recorded once and shows the same again.

use serde_json::{Value, json};

use super::{is_replay, received};
use crate::support::{
    Answer, Caller, Database, FakeRegister, ON_FILE, Reaction, TestApp, TestClient, about_person,
    entries, merge, on_both_databases, on_file, person_on_file, tamper,
};

const PATH: &str = "/v1/subjects/history";

on_both_databases! {
    a_look_shows_again_what_it_showed_and_nothing_later,
    pages_of_a_look_are_the_same_pages_again,
    a_refused_look_is_recorded_once_under_its_key,
    a_key_of_a_look_goes_with_one_request_of_one_client,
    while_a_look_is_on_its_way_its_key_is_in_use,
    a_new_process_shows_the_look_of_the_last_one,
}

fn question(app: &TestApp) -> Value {
    let subject = json!({"personal_id": app.person().personal_id.as_str()});
    json!({"subject": subject, "purpose": "operations.report"})
}

async fn look(caller: &Caller, key: &str, body: &Value) -> Answer {
    caller.post_once(PATH, key, body).await
}

fn shown(answer: &Answer) -> usize {
    answer.ok()["entries"].as_array().unwrap().len()
}

async fn a_look_shows_again_what_it_showed_and_nothing_later(database: Database) {
    let app = TestApp::start_on(database).await;
    let (carrier, operator) = (app.caller("carrier").await, app.caller("operator").await);
    carrier.verify(&about_person(&app.person())).await.ok();
    let first = look(&operator, "h", &question(&app)).await;
    assert_eq!((shown(&first), is_replay(&first)), (1, false));
    // In the same microsecond and later.
    carrier.verify(&about_person(&app.person())).await.ok();
    app.pass(60);
    carrier.verify(&about_person(&app.person())).await.ok();
    let before = (received(&app).await, entries(&app.app).await.len());
    assert_eq!(before.1, 4);
    for _ in 0..2 {
        let again = look(&operator, "h", &question(&app)).await;
        assert!(is_replay(&again));
        assert_eq!(again.text, first.text);
    }
    assert_eq!((received(&app).await, entries(&app.app).await.len()), before);
    // A look without the key is another one, and sees the first.
    let plain = operator.post(PATH, "application/json", &question(&app).to_string()).await;
    assert_eq!((shown(&plain), is_replay(&plain)), (4, false));
}

async fn pages_of_a_look_are_the_same_pages_again(database: Database) {
    let app = TestApp::start_on(database).await;
    let (carrier, operator) = (app.caller("carrier").await, app.caller("operator").await);
    let ask = async || carrier.verify(&about_person(&app.person())).await.ok();
    for _ in 0..5 {
        ask().await;
        app.pass(1);
    }
    let (mut body, mut pages) = (merge(&question(&app), &json!({"limit": 2})), Vec::new());
    for key in ["1", "2", "3"] {
        let page = look(&operator, key, &body).await;
        let next = page.ok()["next"].clone();
        pages.push((key, body.clone(), page.text));
        body["after"] = next;
        ask().await;
    }
    assert_eq!(body["after"], Value::Null, "two, two and one");
    for (key, body, first) in pages {
        let again = look(&operator, key, &body).await;
        assert!(is_replay(&again), "page {key}");
        assert_eq!(again.text, first, "page {key}");
    }
}

async fn a_refused_look_is_recorded_once_under_its_key(database: Database) {
    let clients =
        vec![TestClient { purposes: &["registry.sync"], ..TestClient::operator("other") }];
    let app = TestApp::builder().on(database).clients(clients).start().await;
    let other = app.caller("other").await;
    for again in [false, true, true] {
        let answer = look(&other, "h", &question(&app)).await;
        answer.problem(403, "purpose-not-permitted");
        assert_eq!(is_replay(&answer), again);
    }
    assert_eq!(entries(&app.app).await.len(), 1);
}

async fn a_key_of_a_look_goes_with_one_request_of_one_client(database: Database) {
    let clients = [TestClient::operator("operator"), TestClient::operator("other")];
    let app = TestApp::builder().on(database).clients(clients).start().await;
    let (one, two) = (app.caller("operator").await, app.caller("other").await);
    let body = question(&app);
    let first = look(&one, "h", &body).await;
    let other_body = merge(&body, &json!({"limit": 5}));
    look(&one, "h", &other_body).await.problem(422, "idempotency-key-reused");
    let dispute = json!({"receipt": first.ok()["receipt"], "note": "card_seen"});
    let on_another_path = one.post_once("/v1/disputes", "h", &dispute).await;
    on_another_path.problem(422, "idempotency-key-reused");
    let of_two = look(&two, "h", &body).await;
    assert!(!is_replay(&of_two));
    assert_ne!(of_two.ok()["receipt"], first.ok()["receipt"]);
    assert_eq!(entries(&app.app).await.len(), 2);
}

async fn while_a_look_is_on_its_way_its_key_is_in_use(database: Database) {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let app = TestApp::builder().on(database).register(&register.url).start().await;
    let operator = app.caller("operator").await;
    let body = merge(&question(&app), &json!({"subject": {"personal_id": ON_FILE}}));
    let first = tokio::spawn({
        let (operator, body) = (operator.clone(), body.clone());
        async move { look(&operator, "h", &body).await }
    });
    register.called(1).await;
    look(&operator, "h", &body).await.problem(409, "idempotency-key-in-use");
    register.release();
    let first = first.await.unwrap();
    let again = look(&operator, "h", &body).await;
    assert!(is_replay(&again));
    assert_eq!(again.text, first.text);
    assert_eq!(entries(&app.app).await.len(), 1);
}

async fn a_new_process_shows_the_look_of_the_last_one(database: Database) {
    let app = TestApp::start_on(database).await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    let first = look(&app.caller("operator").await, "h", &question(&app)).await;
    let (kept, _) = app.stop().await;
    let app = kept.again().start().await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    let again = look(&app.caller("operator").await, "h", &question(&app)).await;
    assert!(is_replay(&again));
    assert_eq!(again.text, first.text);
    assert_eq!(app.recount().await.entries, 3);
}

#[tokio::test]
async fn a_key_that_leads_to_others_now_shows_nobody_again() {
    let register = FakeRegister::start(Reaction::Answer).await;
    let app = TestApp::builder().register(&register.url).start().await;
    app.caller("carrier").await.verify(&on_file()).await.ok();
    let operator = app.caller("operator").await;
    let by_old = json!({
        "subject": {"old_id_number": person_on_file()["old_id_number"]},
        "purpose": "operations.report",
    });
    let first = look(&operator, "h", &by_old).await;
    assert_eq!(shown(&first), 1);
    register.behave(Reaction::Status(500));
    look(&operator, "h", &by_old).await.problem(503, "overloaded");
    register.behave(Reaction::Answer);
    assert_eq!(look(&operator, "h", &by_old).await.text, first.text);
    // Somebody else turns up with the same old number: without a name nobody can say who is meant.
    register.enter(merge(&person_on_file(), &json!({"personal_id": "001090004712"})));
    look(&operator, "h", &by_old).await.problem(422, "idempotency-key-reused");
    assert_eq!(entries(&app.app).await.len(), 2);
}

/// Gives the operator the next version of its policy.
async fn next_policy(app: &TestApp, version: i64, operations: &'static [&'static str]) {
    let changed = TestClient { operations, ..TestClient::operator("operator") };
    let row = gateway::store::PolicyRow { version, ..changed.policy_row() };
    app.app.store.add_clients(&[row], &[], 0).await.unwrap();
    let follow =
        format!("update clients set policy_version = {version} where client_id = 'operator'");
    tamper(app.kept().rows(), follow).await;
    app.app.load_directory().await.unwrap();
}

#[tokio::test]
async fn a_look_is_shown_again_as_far_as_the_policy_of_today_permits() {
    let app = TestApp::start().await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    let operator = app.caller("operator").await;
    let first = look(&operator, "h", &question(&app)).await;
    assert_eq!(shown(&first), 1);
    next_policy(&app, 2, &["report", "audit", "admin"]).await;
    let refused = look(&operator, "h", &question(&app)).await;
    refused.problem(403, "operation-not-permitted");
    // Another version that still permits it shows what the first one did.
    next_policy(&app, 3, &["history"]).await;
    let again = look(&operator, "h", &question(&app)).await;
    assert!(is_replay(&again));
    assert_eq!(again.text, first.text);
    assert_eq!(entries(&app.app).await.len(), 2);
}

#[tokio::test]
async fn a_look_that_was_not_recorded_leaves_its_key_free() {
    let app = TestApp::start().await;
    let operator = app.caller("operator").await;
    app.misbehave(&json!({"outage": true})).await;
    look(&operator, "h", &question(&app)).await.problem(503, "overloaded");
    app.misbehave(&json!({})).await;
    let other = merge(&question(&app), &json!({"limit": 5}));
    assert!(!is_replay(&look(&operator, "h", &other).await));
}
