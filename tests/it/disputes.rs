//! Disputes: who may open one about what, what the operator decides, and what is counted.

use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, TestApp, TestClient, about_person, merge, on_both_databases, tamper,
};

on_both_databases! {
    a_client_disputes_its_own_answer_once,
    the_operator_decides_once_and_the_match_rate_stays,
    lists_come_in_pages_and_everyones_to_the_operator_alone,
    many_at_once_open_one_dispute,
}

/// An answer that is `not_matched`, and its receipt.
async fn not_matched(app: &TestApp, caller: &Caller, purpose: &str) -> Value {
    let wrong = json!({"purpose": purpose, "attributes": {"full_name": "Đặng Thử Nghiệm"}});
    let answer = caller.verify(&merge(&about_person(&app.person()), &wrong)).await.ok();
    assert_eq!(answer["outcome"], "not_matched");
    answer["receipt"].clone()
}

async fn dispute(caller: &Caller, receipt: &Value) -> Answer {
    let body = json!({"receipt": receipt, "note": "card_seen"}).to_string();
    caller.post("/v1/disputes", "application/json", &body).await
}

async fn list(caller: &Caller, query: &str) -> Vec<Value> {
    let page = caller.get(&format!("/v1/disputes{query}")).await.ok();
    page["disputes"].as_array().unwrap().clone()
}

/// Somebody who calls the admin listener.
async fn administrator(app: &TestApp) -> Caller {
    app.admin_caller("operator").await
}

async fn decide(admin: &Caller, id: &Value, decision: &str) -> Answer {
    let path = format!("/admin/v1/disputes/{}/decision", id.as_str().unwrap());
    let body = json!({"decision": decision, "reason": "the register was corrected"}).to_string();
    admin.post(&path, "application/json", &body).await
}

fn figures(report: &Value) -> [i64; 5] {
    ["received", "not_matched", "disputed", "disputes_upheld", "disputes_rejected"]
        .map(|name| report["total"][name].as_i64().unwrap())
}

async fn a_client_disputes_its_own_answer_once(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let receipt = not_matched(&app, &carrier, "telecom.subscriber").await;
    let opened = dispute(&carrier, &receipt).await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let opened: Value = serde_json::from_str(&opened.text).unwrap();
    assert_eq!((&opened["state"], &opened["note"]), (&json!("open"), &json!("card_seen")));
    assert_eq!(opened["receipt"], json!({"log": "n1", "index": receipt["index"]}));
    assert_eq!(opened["reasons"], json!(["different"]));
    assert_eq!(opened["opened_at"], "2026-11-20T09:00:00.000+07:00");
    assert!(opened["note_text"]["vi"].is_string() && opened.get("client").is_none());
    let again =
        json!({"receipt": {"log": "n1", "index": receipt["index"]}, "note": "holder_present"});
    let again = carrier.post("/v1/disputes", "application/json", &again.to_string()).await;
    assert_eq!(again.ok(), opened);
    assert_eq!(list(&carrier, "").await, [opened]);
    // The answer, and the dispute: once.
    assert_eq!(app.recount().await.entries, 2);
    app.verify_log().await.unwrap();
}

#[tokio::test]
async fn somebody_elses_receipt_is_as_unknown_as_one_that_is_not_there() {
    let app = TestApp::start().await;
    let [carrier, hospital] = [app.caller("carrier").await, app.caller("hospital").await];
    let receipt = not_matched(&app, &carrier, "telecom.subscriber").await;
    let foreign = dispute(&hospital, &receipt).await;
    foreign.problem(404, "unknown-receipt");
    let leaf = merge(&receipt, &json!({"leaf": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}));
    for wrong in [
        json!({"log": "n1", "index": 77}),
        json!({"log": "n1", "index": u64::MAX}),
        json!({"log": "n2", "index": 0}),
        leaf,
    ] {
        dispute(&carrier, &wrong).await.problem(404, "unknown-receipt");
    }
    // A dispute is an entry of the log, and no answer.
    assert_eq!(dispute(&carrier, &receipt).await.status, 201);
    dispute(&carrier, &json!({"log": "n1", "index": 1})).await.problem(404, "unknown-receipt");
    assert_eq!(list(&hospital, "").await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_matched_or_was_refused_cannot_be_disputed() {
    let app = TestApp::start().await;
    let carrier = app.caller("carrier").await;
    let matched = carrier.verify(&about_person(&app.person())).await.ok();
    let refused = merge(&about_person(&app.person()), &json!({"purpose": "tax.control"}));
    carrier.verify(&refused).await.problem(403, "purpose-not-permitted");
    for receipt in [matched["receipt"].clone(), json!({"log": "n1", "index": 1})] {
        let answer = dispute(&carrier, &receipt).await;
        answer.problem(422, "invalid-value");
        assert_eq!(answer.field_errors(), [("/receipt".into(), "not-disputable".into())]);
    }
    assert_eq!(app.recount().await.entries, 2);
}

#[tokio::test]
async fn what_is_wrong_with_a_dispute_is_told_by_pointer() {
    let app = TestApp::start().await;
    let carrier = app.caller("carrier").await;
    for (body, status, code, errors) in [
        (json!({}), 400, "invalid-request", vec![("/receipt", "missing"), ("/note", "missing")]),
        (
            json!({"receipt": {"log": 1, "index": "1", "x": 1}, "note": "card_seen"}),
            400,
            "invalid-request",
            vec![
                ("/receipt/log", "wrong-type"),
                ("/receipt/index", "wrong-type"),
                ("/receipt/x", "unknown"),
            ],
        ),
        (
            json!({"receipt": {"log": "n1", "index": 1}, "note": "He is my cousin"}),
            422,
            "invalid-value",
            vec![("/note", "malformed")],
        ),
    ] {
        let answer = carrier.post("/v1/disputes", "application/json", &body.to_string()).await;
        answer.problem(status, code);
        let errors: Vec<_> =
            errors.iter().map(|(at, code)| ((*at).to_owned(), (*code).to_owned())).collect();
        assert_eq!(answer.field_errors(), errors);
        assert!(!answer.text.contains("cousin"));
    }
    for query in ["?state=lost", "?after=%2e", "?limit=0", "?limit=201"] {
        carrier.get(&format!("/v1/disputes{query}")).await.problem(422, "invalid-value");
    }
}

async fn the_operator_decides_once_and_the_match_rate_stays(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let operator = app.caller("operator").await;
    let admin = administrator(&app).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let receipt = not_matched(&app, &carrier, "telecom.subscriber").await;
        let opened = dispute(&carrier, &receipt).await;
        ids.push(serde_json::from_str::<Value>(&opened.text).unwrap()["id"].clone());
    }
    let upheld = decide(&admin, &ids[0], "upheld").await.ok();
    assert_eq!((&upheld["state"], &upheld["decided_by"]), (&json!("upheld"), &json!("operator")));
    assert_eq!(upheld["decision_reason"], "the register was corrected");
    assert_eq!(decide(&admin, &ids[0], "upheld").await.ok(), upheld);
    decide(&admin, &ids[0], "rejected").await.problem(409, "dispute-decided");
    decide(&admin, &ids[1], "rejected").await.ok();
    decide(&admin, &json!("dsp_x"), "upheld").await.problem(404, "unknown-dispute");
    decide(&admin, &ids[2], "open").await.problem(422, "invalid-value");
    let report = operator.report("?group_by=client").await.ok();
    assert_eq!(figures(&report), [3, 3, 3, 1, 1]);
    assert_eq!(report["total"]["match_rate"], 0.0);
    let by_reason = operator.report("?group_by=dispute_reason,client").await.ok();
    let row = json!({"group": {"client": "carrier", "dispute_reason": "different"},
        "disputed": 3, "disputes_upheld": 1, "disputes_rejected": 1});
    assert_eq!(by_reason["rows"], json!([row]));
    let own = list(&carrier, "?state=upheld").await;
    assert_eq!((own.len(), &own[0]["id"]), (1, &ids[0]));
    assert!(own[0].get("decided_by").is_none());
    assert_eq!(list(&carrier, "?state=open").await.len(), 1);
    // Three answers, three disputes, two decisions.
    assert_eq!(app.recount().await.entries, 8);
}

async fn lists_come_in_pages_and_everyones_to_the_operator_alone(database: Database) {
    let app = TestApp::start_on(database).await;
    let [carrier, hospital] = [app.caller("carrier").await, app.caller("hospital").await];
    let operator = app.caller("operator").await;
    for _ in 0..2 {
        let receipt = not_matched(&app, &carrier, "telecom.subscriber").await;
        dispute(&carrier, &receipt).await;
        let receipt = not_matched(&app, &hospital, "health.insurance").await;
        dispute(&hospital, &receipt).await;
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = operator.get(&format!("/v1/disputes{query}")).await.ok();
        seen.extend(page["disputes"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=3&after={next}");
    }
    let clients: Vec<_> = seen.iter().map(|it| it["client"].as_str().unwrap()).collect();
    assert_eq!(clients, ["carrier", "hospital", "carrier", "hospital"]);
    assert_eq!(list(&carrier, "").await.len(), 2);
}

#[tokio::test]
async fn only_an_administrator_decides() {
    let app = TestApp::start().await;
    let carrier = app.caller("carrier").await;
    let receipt = not_matched(&app, &carrier, "telecom.subscriber").await;
    let opened: Value = serde_json::from_str(&dispute(&carrier, &receipt).await.text).unwrap();
    let not_admin = app.admin_caller("carrier").await;
    decide(&not_admin, &opened["id"], "upheld").await.problem(403, "operation-not-permitted");
    not_admin.get("/admin/v1/disputes").await.problem(403, "operation-not-permitted");
    let nobody = app.admin_caller_with("x");
    decide(&nobody, &opened["id"], "upheld").await.problem(401, "invalid-token");
    let admin = administrator(&app).await;
    let all = list_admin(&admin).await;
    assert_eq!((all.len(), &all[0]["client"]), (1, &json!("carrier")));
    // The API's own listener decides nothing.
    let operator = app.caller("operator").await;
    decide(&operator, &opened["id"], "upheld").await.problem(404, "not-found");
}

async fn list_admin(admin: &Caller) -> Vec<Value> {
    admin.get("/admin/v1/disputes").await.ok()["disputes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn reasons_stay_with_whoever_may_know_them() {
    let terse = TestClient {
        disclosure: gateway::policy::Disclosure::Verdicts,
        ..TestClient::carrier("terse")
    };
    let app = TestApp::builder().clients([terse]).start().await;
    let terse = app.caller("terse").await;
    let receipt = not_matched(&app, &terse, "telecom.subscriber").await;
    let opened: Value = serde_json::from_str(&dispute(&terse, &receipt).await.text).unwrap();
    assert_eq!(opened["reasons"], json!([]));
}

/// A dispute whose process died after some of its steps is finished by whoever comes next, once.
#[tokio::test]
async fn a_dispute_that_was_cut_short_is_finished_once() {
    // Died with the row alone (no entry), or with row and entry (not marked).
    for entry_is_there in [false, true] {
        for by_start in [false, true] {
            let app = TestApp::start().await;
            let carrier = app.caller("carrier").await;
            let receipt = not_matched(&app, &carrier, "telecom.subscriber").await;
            let database = app.kept().database();
            if entry_is_there {
                assert_eq!(dispute(&carrier, &receipt).await.status, 201);
                tamper(&database, "update disputes set settled = 0".into()).await;
            } else {
                let insert = "insert into disputes (id, log, entry_index, client_id, operation, \
                    purpose, note, reasons, opened_us, state, settled) values \
                    ('dsp_00000000000000000000000000000001', 'n1', 0, 'carrier', 'verify', \
                    'telecom.subscriber', 'card_seen', 'different', 0, 'open', 0)";
                tamper(&database, insert.into()).await;
            }
            assert_eq!(list(&carrier, "").await, [] as [Value; 0]);
            let app = if by_start { app.stop().await.0.again().start().await } else { app };
            let carrier = app.caller("carrier").await;
            if by_start {
                assert_eq!(list(&carrier, "").await.len(), 1);
                assert_found_by_its_request(&app).await;
            }
            let again = dispute(&carrier, &receipt).await;
            assert_eq!(again.status, if by_start { 200 } else { 201 });
            assert_eq!(app.recount().await.entries, 2, "{entry_is_there} {by_start}");
            assert_eq!(figures(&carrier.report("").await.ok()), [1, 1, 1, 0, 0]);
        }
    }
}

/// The entry of the only dispute is found by the identity that it shows.
async fn assert_found_by_its_request(app: &TestApp) {
    let admin = administrator(app).await;
    let search = async |query: String| {
        let found = admin.get(&format!("/admin/v1/log/entries?{query}")).await.ok();
        assert_eq!(found["entries"].as_array().unwrap().len(), 1, "{query}");
        found["entries"][0].clone()
    };
    let entry = search("kind=dispute".into()).await;
    let request_id = entry["request_id"].as_str().unwrap();
    assert_eq!(search(format!("request_id={request_id}")).await, entry);
}

async fn many_at_once_open_one_dispute(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    let receipt = not_matched(&app, &carrier, "telecom.subscriber").await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (carrier, receipt) = (carrier.clone(), receipt.clone());
        asking.spawn(async move { dispute(&carrier, &receipt).await.status });
    }
    let mut statuses = asking.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    assert_eq!(app.recount().await.entries, 2);
}
