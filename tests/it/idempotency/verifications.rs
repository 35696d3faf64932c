//! A verification that comes twice is decided, recorded and counted once.

use serde_json::{Value, json};

use super::{is_replay, received};
use crate::support::{
    Answer, Caller, Database, FakeRegister, Reaction, TestApp, TestClient, about_person, entries,
    merge, on_both_databases, on_file, unissued_near,
};

on_both_databases! {
    the_same_request_gets_the_same_answer_and_is_counted_once,
    an_answer_by_another_key_or_number_is_told_again_with_its_token,
    a_refusal_is_recorded_once_under_its_key,
    a_key_goes_with_one_body_of_one_client_for_a_day,
    while_a_request_is_on_its_way_its_key_is_in_use,
    a_new_process_knows_the_keys_of_the_last_one,
    many_at_once_under_few_keys_have_an_entry_a_key,
}

/// Members that tell one answer from every other.
fn identity(answer: &Answer) -> (Value, Value) {
    let body = answer.ok();
    (body["id"].clone(), body["receipt"].clone())
}

async fn send(caller: &Caller, key: &str, body: &Value) -> Answer {
    caller.post_once("/v1/verifications", key, body).await
}

async fn the_same_request_gets_the_same_answer_and_is_counted_once(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let true_claims = about_person(&app.person());
    let wrong = merge(&true_claims, &json!({"attributes": {"full_name": "Chim Vàng Anh"}}));
    let near = merge(&true_claims, &json!({"attributes": {"date_of_birth": "1901-01-01"}}));
    let nobody = unissued_near(&app.nation, &app.person());
    let nobody = merge(&true_claims, &json!({"subject": {"personal_id": nobody}}));
    for (key, body) in [("a", &true_claims), ("b", &wrong), ("c", &near), ("d", &nobody)] {
        let first = send(&caller, key, body).await;
        assert!(!is_replay(&first), "{key}");
        let again = send(&caller, &format!("\"{key}\""), body).await;
        assert!(is_replay(&again), "{key}");
        assert_eq!(again.text, first.text, "{key}");
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    assert_eq!(entries(&app.app).await.len(), 4);
    assert_eq!(received(&app).await, 4);
}

async fn an_answer_by_another_key_or_number_is_told_again_with_its_token(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let with_old = |person: &mock_population_db::Person| person.old_id_number.is_some();
    let person = app.nation.sample(10_000).find(with_old).expect("many have one");
    let old_id_number = person.old_id_number.as_ref().map(ToString::to_string);
    let by_old = merge(
        &about_person(&person),
        &json!({"subject": {"personal_id": null, "old_id_number": old_id_number}}),
    );
    let first = send(&caller, "old", &by_old).await;
    let again = send(&caller, "old", &by_old).await;
    assert!(is_replay(&again));
    assert_eq!(again.text, first.text);
    assert_eq!(entries(&app.app).await.len(), 1);
}

async fn a_refusal_is_recorded_once_under_its_key(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let refused = merge(&about_person(&app.person()), &json!({"purpose": "health.insurance"}));
    for again in [false, true, true] {
        let answer = send(&caller, "r", &refused).await;
        answer.problem(403, "purpose-not-permitted");
        assert_eq!(is_replay(&answer), again);
    }
    assert_eq!(received(&app).await, 1);
}

async fn a_key_goes_with_one_body_of_one_client_for_a_day(database: Database) {
    let app = TestApp::builder().on(database).clients(two_carriers()).start().await;
    let (one, two) = (app.caller("carrier").await, app.caller("other").await);
    let body = about_person(&app.person());
    let other = merge(&body, &json!({"case_ref": "x"}));
    let first = send(&one, "k", &body).await;
    send(&one, "k", &other).await.problem(422, "idempotency-key-reused");
    let of_two = send(&two, "k", &body).await;
    assert_ne!(identity(&of_two), identity(&first));
    app.pass(86_400 - 1);
    let one = app.caller("carrier").await;
    assert_eq!(identity(&send(&one, "k", &body).await), identity(&first));
    app.pass(2);
    let one = app.caller("carrier").await;
    let later = send(&one, "k", &other).await;
    assert!(!is_replay(&later));
    assert!(is_replay(&send(&one, "k", &other).await));
    assert_eq!(entries(&app.app).await.len(), 3);
}

fn two_carriers() -> Vec<TestClient> {
    vec![TestClient::carrier("carrier"), TestClient::carrier("other")]
}

#[tokio::test]
async fn what_was_not_recorded_leaves_its_key_free() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    let malformed = merge(&body, &json!({"attributes": {"date_of_birth": "yesterday"}}));
    send(&caller, "k", &malformed).await.problem(422, "invalid-value");
    assert!(!is_replay(&send(&caller, "k", &body).await));
}

#[tokio::test]
async fn a_key_that_is_not_well_formed_is_refused() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person()).to_string();
    let long = "x".repeat(256);
    for key in ["", "\"", "\"a", "a\"b", "\"\"", "a\\b", long.as_str()] {
        let answer = caller.verify_with(&[("idempotency-key", key)], &body).await;
        let problem = answer.problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["pointer"], "/Idempotency-Key", "{key:?}");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "a")];
    caller.verify_with(&twice, &body).await.problem(400, "invalid-request");
    assert_eq!(entries(&app.app).await.len(), 0);
}

async fn while_a_request_is_on_its_way_its_key_is_in_use(database: Database) {
    let register = FakeRegister::start(Reaction::AnswerLate).await;
    let url = register.url.clone();
    let app = TestApp::builder().on(database).register(&url).start().await;
    let caller = app.caller("carrier").await;
    let first = tokio::spawn({
        let caller = caller.clone();
        async move { send(&caller, "k", &on_file()).await }
    });
    register.called(1).await;
    let second = send(&caller, "k", &on_file()).await;
    second.problem(409, "idempotency-key-in-use");
    assert_eq!(second.retry_after(), 1);
    register.release();
    let first = first.await.unwrap();
    let third = send(&caller, "k", &on_file()).await;
    assert!(is_replay(&third));
    assert_eq!(third.text, first.text);
    assert_eq!(entries(&app.app).await.len(), 1);
}

async fn a_new_process_knows_the_keys_of_the_last_one(database: Database) {
    let app = TestApp::start_on(database).await;
    let body = about_person(&app.person());
    let first = send(&app.caller("carrier").await, "k", &body).await;
    let (kept, _) = app.stop().await;
    let app = kept.again().start().await;
    let again = send(&app.caller("carrier").await, "k", &body).await;
    assert!(is_replay(&again));
    assert_eq!(again.text, first.text);
    assert_eq!(received(&app).await, 1);
}

async fn many_at_once_under_few_keys_have_an_entry_a_key(database: Database) {
    let app = TestApp::start_on(database).await;
    let caller = app.caller("carrier").await;
    let people = app.people(10);
    let mut asking = tokio::task::JoinSet::new();
    for round in 0..200_usize {
        let (caller, body) = (caller.clone(), about_person(&people[round % people.len()]));
        let key = format!("key-{}", round % people.len());
        asking.spawn(async move { send(&caller, &key, &body).await });
    }
    for answer in asking.join_all().await {
        if answer.status != 200 {
            answer.problem(409, "idempotency-key-in-use");
        }
    }
    assert_eq!(received(&app).await, 10);
    assert_eq!(entries(&app.app).await.len(), 10);
}
