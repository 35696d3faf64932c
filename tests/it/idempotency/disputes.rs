//! A dispute, or the decision on it, that comes twice is answered alike and recorded once.

use serde_json::{Value, json};

use super::{is_replay, received};
use crate::support::{
    Answer, Caller, Database, TestApp, about_person, merge, on_both_databases, tamper,
};

const PATH: &str = "/v1/disputes";

on_both_databases! {
    a_dispute_is_opened_once_and_told_as_it_stands,
    a_key_that_found_the_dispute_there_finds_it_again,
    a_decision_is_made_once_under_its_key,
    a_key_of_a_dispute_goes_with_one_request_of_one_client_for_a_day,
    of_two_disputes_at_once_under_a_key_one_is_told_to_wait,
    a_new_process_knows_the_keys_of_disputes,
}

/// An answer that is `not_matched`: its receipt.
async fn not_matched(app: &TestApp, client: &str, purpose: &str) -> Value {
    let wrong = json!({"purpose": purpose, "attributes": {"full_name": "Đặng Thử Nghiệm"}});
    let wrong = merge(&about_person(&app.person()), &wrong);
    app.caller(client).await.verify(&wrong).await.ok()["receipt"].clone()
}

/// The dispute about an answer, under a key.
async fn dispute(caller: &Caller, key: &str, receipt: &Value, note: &str) -> Answer {
    caller.post_once(PATH, key, &json!({"receipt": receipt, "note": note})).await
}

async fn decide(admin: &Caller, key: &str, id: &Value, decision: &str, reason: &str) -> Answer {
    let path = format!("/admin/v1/disputes/{}/decision", id.as_str().unwrap());
    admin.post_once(&path, key, &json!({"decision": decision, "reason": reason})).await
}

/// Status, and whether the answer was given before.
fn told(answer: &Answer) -> (u16, bool) {
    (answer.status, is_replay(answer))
}

async fn a_dispute_is_opened_once_and_told_as_it_stands(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
    let first = dispute(&carrier, "d", &receipt, "card_seen").await;
    assert_eq!(told(&first), (201, false));
    let again = dispute(&carrier, "d", &receipt, "card_seen").await;
    assert_eq!(told(&again), (201, true));
    assert_eq!(again.text, first.text);
    let figures = carrier.report("").await.ok()["total"].clone();
    assert_eq!((&figures["received"], &figures["disputed"]), (&json!(1), &json!(1)));
    let admin = app.admin_caller("operator").await;
    decide(&admin, "1", &first.json()["id"], "upheld", "corrected").await.ok();
    let later = dispute(&carrier, "d", &receipt, "card_seen").await;
    assert_eq!(told(&later), (201, true));
    assert_eq!(later.json()["state"], "upheld");
    // The answer, the dispute, the decision.
    assert_eq!(app.recount().await.entries, 3);
    app.verify_log().await.unwrap();
}

async fn a_key_that_found_the_dispute_there_finds_it_again(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
    let opened = dispute(&carrier, "d", &receipt, "card_seen").await;
    for again in [false, true, true] {
        let found = dispute(&carrier, "e", &receipt, "holder_present").await;
        assert_eq!(told(&found), (200, again));
        assert_eq!(found.text, opened.text);
    }
    let other_note = dispute(&carrier, "e", &receipt, "card_seen").await;
    other_note.problem(422, "idempotency-key-reused");
    assert_eq!(app.recount().await.entries, 2);
}

async fn a_decision_is_made_once_under_its_key(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
    let id = dispute(&carrier, "d", &receipt, "card_seen").await.json()["id"].clone();
    let admin = app.admin_caller("operator").await;
    let mut texts = Vec::new();
    // The first makes it; another key finds it made.
    for (key, again) in [("1", false), ("1", true), ("2", false), ("2", true)] {
        let decided = decide(&admin, key, &id, "upheld", "corrected").await;
        assert_eq!(told(&decided), (200, again), "{key}");
        texts.push(decided.text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
    for key in ["1", "2"] {
        let other_reason = decide(&admin, key, &id, "upheld", "looked at again").await;
        other_reason.problem(422, "idempotency-key-reused");
    }
    // What was not done leaves its key free.
    decide(&admin, "3", &id, "rejected", "corrected").await.problem(409, "dispute-decided");
    assert_eq!(told(&decide(&admin, "3", &id, "upheld", "corrected").await), (200, false));
    assert_eq!(app.recount().await.entries, 3);
}

async fn a_key_of_a_dispute_goes_with_one_request_of_one_client_for_a_day(database: Database) {
    let app = TestApp::start_on(database).await;
    let (carrier, hospital) = (app.caller("carrier").await, app.caller("hospital").await);
    let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
    let another = not_matched(&app, "carrier", "telecom.subscriber").await;
    let of_hospital = not_matched(&app, "hospital", "health.insurance").await;
    assert_eq!(told(&dispute(&carrier, "d", &receipt, "card_seen").await), (201, false));
    for (receipt, note) in [(&receipt, "holder_present"), (&another, "card_seen")] {
        let other = dispute(&carrier, "d", receipt, note).await;
        other.problem(422, "idempotency-key-reused");
    }
    let verification = about_person(&app.person());
    let on_another_path = carrier.post_once("/v1/verifications", "d", &verification).await;
    on_another_path.problem(422, "idempotency-key-reused");
    assert_eq!(told(&dispute(&hospital, "d", &of_hospital, "card_seen").await), (201, false));
    assert_eq!(told(&dispute(&carrier, "e", &receipt, "card_seen").await), (200, false));
    app.pass(86_400 + 1);
    let carrier = app.caller("carrier").await;
    for again in [false, true] {
        // By itself, and with an entry.
        let found = dispute(&carrier, "e", &receipt, "holder_present").await;
        assert_eq!(told(&found), (200, again));
        assert_eq!(told(&dispute(&carrier, "d", &another, "card_seen").await), (201, again));
    }
    // Three answers and three disputes.
    assert_eq!(received(&app).await, 3);
    assert_eq!(app.recount().await.entries, 6);
}

async fn of_two_disputes_at_once_under_a_key_one_is_told_to_wait(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
    let others_wait = app.app.one_dispute.lock().await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (carrier, receipt) = (carrier.clone(), receipt.clone());
        asking.spawn(async move { dispute(&carrier, "d", &receipt, "card_seen").await });
    }
    // Whichever comes second does not wait for the first.
    let told_to_wait = asking.join_next().await.unwrap().unwrap();
    told_to_wait.problem(409, "idempotency-key-in-use");
    drop(others_wait);
    let first = asking.join_next().await.unwrap().unwrap();
    assert_eq!(told(&first), (201, false));
    let again = dispute(&carrier, "d", &receipt, "card_seen").await;
    assert_eq!(told(&again), (201, true));
    assert_eq!(again.text, first.text);
    assert_eq!(app.recount().await.entries, 2);
}

async fn a_new_process_knows_the_keys_of_disputes(database: Database) {
    let app = TestApp::start_on(database).await;
    let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
    let opened = dispute(&app.caller("carrier").await, "d", &receipt, "card_seen").await;
    let admin = app.admin_caller("operator").await;
    let id = opened.json()["id"].clone();
    let decided = decide(&admin, "d", &id, "rejected", "corrected").await;
    let (kept, _) = app.stop().await;
    let app = kept.again().start().await;
    let admin = app.admin_caller("operator").await;
    let opened = dispute(&app.caller("carrier").await, "d", &receipt, "card_seen").await;
    assert_eq!((told(&opened), &opened.json()["state"]), ((201, true), &json!("rejected")));
    let again = decide(&admin, "d", &id, "rejected", "corrected").await;
    assert_eq!((told(&again), again.text), ((200, true), decided.text));
    assert_eq!(app.recount().await.entries, 3);
}

#[tokio::test]
async fn a_dispute_that_was_not_opened_leaves_its_key_free() {
    let app = TestApp::start().await;
    let carrier = app.caller("carrier").await;
    let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
    let unknown = json!({"log": "n1", "index": 77});
    dispute(&carrier, "d", &unknown, "card_seen").await.problem(404, "unknown-receipt");
    assert_eq!(told(&dispute(&carrier, "d", &receipt, "card_seen").await), (201, false));
}

/// Where a process died after some of the steps, the same request is answered as it would have been,
/// and the log has one entry.
#[tokio::test]
async fn a_dispute_that_was_cut_short_is_finished_once_under_its_key() {
    let insert = "insert into disputes (id, log, entry_index, client_id, operation, \
        purpose, note, reasons, opened_us, state, settled) values \
        ('dsp_00000000000000000000000000000001', 'n1', 0, 'carrier', 'verify', \
        'telecom.subscriber', 'card_seen', 'different', 0, 'open', 0)";
    let unsettle = "update disputes set settled = 0";
    // The row alone; row, entry and key; row and entry of a request without a key.
    let with_key = [("idempotency-key", "d")];
    for (sent, death, replay) in
        [(None, insert, false), (Some(&with_key[..]), unsettle, true), (Some(&[]), unsettle, false)]
    {
        let app = TestApp::start().await;
        let carrier = app.caller("carrier").await;
        let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
        if let Some(fields) = sent {
            let body = json!({"receipt": receipt, "note": "card_seen"}).to_string();
            assert_eq!(carrier.post_with(PATH, fields, &body).await.status, 201);
        }
        tamper(&app.kept().database(), death.into()).await;
        for again in [replay, true] {
            let answer = dispute(&carrier, "d", &receipt, "card_seen").await;
            assert_eq!(told(&answer), (201, again), "{sent:?}");
        }
        assert_eq!(app.recount().await.entries, 2, "{sent:?}");
    }
}

/// The same of a decision.
#[tokio::test]
async fn a_decision_that_was_cut_short_is_finished_once_under_its_key() {
    let decided = "update disputes set state = 'upheld', settled = 0, decided_us = 1, \
        decided_by = 'operator', decision_reason = 'corrected'";
    let unsettle = "update disputes set settled = 0";
    for (is_logged, by_start) in [(false, false), (false, true), (true, false), (true, true)] {
        let app = TestApp::start().await;
        let carrier = app.caller("carrier").await;
        let receipt = not_matched(&app, "carrier", "telecom.subscriber").await;
        let id = dispute(&carrier, "d", &receipt, "card_seen").await.json()["id"].clone();
        if is_logged {
            let admin = app.admin_caller("operator").await;
            decide(&admin, "1", &id, "upheld", "corrected").await.ok();
        }
        let death = if is_logged { unsettle } else { decided };
        tamper(&app.kept().database(), death.into()).await;
        let app = if by_start { app.stop().await.0.again().start().await } else { app };
        let admin = app.admin_caller("operator").await;
        for again in [is_logged, true] {
            let answer = decide(&admin, "1", &id, "upheld", "corrected").await;
            assert_eq!(told(&answer), (200, again), "{is_logged} {by_start}");
            assert_eq!(answer.ok()["state"], "upheld");
        }
        assert_eq!(app.recount().await.entries, 3, "{is_logged} {by_start}");
    }
}
