//! The operator's search on the admin listener, and the report of distinct persons.

use std::sync::Arc;

use gateway::audit::{AuditLog, Kind, LogEntry};
use gateway::config::LogConfig;
use gateway::matching::Outcome;
use gateway::projections::{Filter, ProjectionError, catch_up, rebuild, status};
use gateway::rate_limit::Lane;
use gateway::store::Store;
use gateway::telemetry::Metrics;
use serde_json::{Value, json};

use crate::support::{
    Answer, Bare, Database, TestApp, TestClient, about_person, entries, merge, on_both_databases,
};

on_both_databases! {
    entries_are_found_by_every_parameter_and_by_several,
    an_answer_is_found_by_its_identity,
    pseudonyms_are_for_auditors_and_the_search_for_staff,
    persons_are_counted_once_a_month_and_client,
    the_projections_tell_the_story_of_a_closed_segment,
    builders_of_two_logs_at_once_count_a_person_once,
}

/// Searches as this client.
async fn search(app: &TestApp, client: &str, query: &str) -> Answer {
    let token = app.ask_token_as(client).await.ok();
    let request = app.http.get(format!("{}/admin/v1/log/entries{query}", app.admin));
    let request = request.bearer_auth(token["access_token"].as_str().unwrap());
    Answer::read(request.send().await.unwrap()).await
}

/// Indexes of what was found.
fn indexes(found: &Value) -> Vec<u64> {
    let entries = found["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["index"].as_u64().unwrap()).collect()
}

/// A gateway about which this is in the log: 0 matched, 1 not matched, 2 refused, all by the
/// carrier, a minute apart; 3 by the hospital.
async fn filled(database: Database) -> TestApp {
    let mut clients = TestClient::company();
    clients[1].lane = Lane::Emergency;
    clients.push(TestClient { operations: &["admin"], ..TestClient::operator("admin") });
    let app = TestApp::builder().on(database).clients(clients).start().await;
    let (carrier, hospital) = (app.caller("carrier").await, app.caller("hospital").await);
    let body = about_person(&app.person());
    carrier.verify(&body).await.ok();
    app.pass(60);
    let wrong = json!({"attributes": {"full_name": "Đặng Thử Nghiệm"}});
    carrier.verify(&merge(&body, &wrong)).await.ok();
    app.pass(60);
    carrier
        .verify(&merge(&body, &json!({"purpose": "tax.control"})))
        .await
        .problem(403, "purpose-not-permitted");
    app.pass(60);
    hospital.verify(&merge(&body, &json!({"purpose": "health.insurance"}))).await.ok();
    app
}

async fn entries_are_found_by_every_parameter_and_by_several(database: Database) {
    let app = filled(database).await;
    for (query, expected) in [
        ("", &[3, 2, 1, 0][..]),
        ("?client=carrier", &[2, 1, 0]),
        ("?client=carrier,hospital&outcome=matched", &[3, 0]),
        ("?client=nobody", &[]),
        ("?outcome=not_matched,refused", &[2, 1]),
        ("?reason=different", &[1]),
        ("?reason=purpose-not-permitted", &[2]),
        ("?purpose=health.insurance", &[3]),
        ("?operation=history", &[]),
        ("?lane=emergency", &[3]),
        ("?lane=interactive", &[2, 1, 0]),
        ("?lane=bulk", &[]),
        ("?kind=refusal", &[2]),
        ("?from=2026-11-20T09:01:00%2B07:00&to=2026-11-20T09:02:00%2B07:00", &[1]),
        ("?from=2026-11-20&to=2026-11-20", &[3, 2, 1, 0]),
        ("?to=2026-11-19", &[]),
        ("?limit=2", &[3, 2]),
    ] {
        let found = search(&app, "operator", query).await.ok();
        assert_eq!(indexes(&found), expected, "{query}");
        assert_eq!(found["next"].is_string(), query == "?limit=2", "{query}");
    }
    let first = search(&app, "operator", "?limit=3").await.ok();
    let next = first["next"].as_str().unwrap();
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    let second = search(&app, "operator", &format!("?limit=3&after={next}")).await.ok();
    assert_eq!((indexes(&second), &second["next"]), (vec![0], &Value::Null));
}

async fn an_answer_is_found_by_its_identity(database: Database) {
    let app = filled(database).await;
    let answer = app.caller("carrier").await.verify(&about_person(&app.person())).await;
    let request_id = answer.header("x-request-id").unwrap();
    for id in [request_id, &format!("ver_{request_id}")] {
        let found = search(&app, "operator", &format!("?request_id={id}")).await.ok();
        assert_eq!(indexes(&found), [4]);
        assert_eq!(found["entries"][0]["request_id"], request_id);
    }
}

async fn pseudonyms_are_for_auditors_and_the_search_for_staff(database: Database) {
    let app = filled(database).await;
    let audited = search(&app, "operator", "?limit=1").await.ok();
    assert_eq!(audited["entries"][0]["pseudonym"].as_str().unwrap().len(), 32);
    assert_eq!(audited["entries"][0]["quarter"], "2026Q4");
    let administered = search(&app, "admin", "?limit=1").await.ok();
    let shown = administered["entries"][0].as_object().unwrap();
    assert!(!shown.contains_key("pseudonym") && shown["outcome"] == "matched", "{shown:?}");
    search(&app, "carrier", "").await.problem(403, "operation-not-permitted");
    let request = app.http.get(format!("{}/admin/v1/log/entries", app.admin));
    Answer::read(request.send().await.unwrap()).await.problem(401, "invalid-token");
    let outside = app.caller("operator").await.get("/admin/v1/log/entries").await;
    outside.problem(404, "not-found");
}

#[tokio::test]
async fn what_a_search_cannot_take_is_told_by_parameter() {
    let app = TestApp::start().await;
    let answer = search(&app, "operator", "?outcome=good&from=today&limit=0").await;
    answer.problem(422, "invalid-value");
    let wrong = ["/outcome", "/from", "/limit"].map(|p| (p.to_owned(), "malformed".to_owned()));
    assert_eq!(answer.field_errors(), wrong);
    search(&app, "operator", "?name=x").await.problem(400, "invalid-request");
}

async fn persons_are_counted_once_a_month_and_client(database: Database) {
    let app = TestApp::start_on(database).await;
    let carrier = app.caller("carrier").await;
    for person in app.people(3) {
        for _ in 0..2 {
            carrier.verify(&about_person(&person)).await.ok();
        }
    }
    app.caller("hospital")
        .await
        .verify(&merge(&about_person(&app.person()), &json!({"purpose": "health.insurance"})))
        .await
        .ok();
    let report = "/v1/reports/distinct-persons";
    // Beside the gateway's own builder, which may be faster.
    while let Err(error) = catch_up(&app.app.store, "n1").await {
        assert!(matches!(error, ProjectionError::Overtaken { .. }), "{error}");
    }
    let all = app.caller("operator").await.get(report).await.ok();
    let row = |client, persons| json!({"client": client, "month": "2026-11", "persons": persons});
    let expected = json!({"rows": [row("carrier", 3), row("hospital", 1)], "behind": 0});
    assert_eq!(all, expected);
    let hospital = app.caller("hospital").await;
    let own = hospital.get(report).await.ok();
    assert_eq!(own["rows"], json!([row("hospital", 1)]));
    // Only persons whom the register knew count, which is not the carrier's to learn.
    carrier.get(report).await.problem(403, "operation-not-permitted");
    let none = hospital.get(&format!("{report}?from_month=2026-12")).await.ok();
    assert_eq!(none["rows"], json!([]));
    let wrong = hospital.get(&format!("{report}?to_month=2026-13")).await;
    wrong.problem(422, "invalid-value");
}

/// More entries than a segment has, made of one that is in the log.
async fn fill_segment(app: &TestApp) -> i64 {
    let one = entries(&app.app).await.remove(0);
    let copies: Vec<LogEntry> = (0..4_096)
        .map(|n| {
            let mut entry = one.clone();
            entry.subject.pseudonym.digest[..4].copy_from_slice(&(n % 500_u32).to_be_bytes());
            LogEntry::Request(entry)
        })
        .collect();
    for _ in 0..17 {
        app.app.audit.record_many(&copies).await.unwrap();
    }
    17 * 4_096
}

async fn the_projections_tell_the_story_of_a_closed_segment(database: Database) {
    let app = TestApp::start_on(database).await;
    let (carrier, operator) = (app.caller("carrier").await, app.caller("operator").await);
    let person = app.person();
    carrier.verify(&about_person(&person)).await.ok();
    let made = fill_segment(&app).await;
    carrier.verify(&about_person(&app.people(2)[1])).await.ok();
    let body = json!({"subject": {"personal_id": person.personal_id.as_str()},
                      "purpose": "operations.report"});
    let body = body.to_string();
    let history = operator.post("/v1/subjects/history", "application/json", &body).await;
    assert_eq!(history.ok()["entries"].as_array().unwrap().len(), 1);
    let config = app.config.clone();
    let (kept, ended_well) = app.stop().await;
    assert!(ended_well);
    // The log has one builder at a time; the gateway's has ended with it.
    let store = Store::open_existing(&config.store).await.unwrap();
    while let Err(error) = catch_up(&store, "n1").await {
        assert!(matches!(error, ProjectionError::Overtaken { .. }), "{error}");
    }
    let status = status(&store).await.unwrap().remove(0);
    assert_eq!((status.entries, status.search), (made + 3, 65_536));
    assert_eq!(status.people_behind(), 0);
    let outcome = Filter { outcomes: vec![Outcome::Matched], ..Filter::default() };
    let page = gateway::projections::search(&store, outcome, None, 1_000).await.unwrap();
    let newest: Vec<i64> = page.hits.iter().map(|hit| hit.index).collect();
    assert_eq!(newest, (made + 1 - 999..=made + 1).rev().collect::<Vec<_>>());
    let look = Filter { kinds: vec![Kind::Disclosure], ..Filter::default() };
    let page = gateway::projections::search(&store, look, None, 10).await.unwrap();
    assert_eq!((page.hits.len(), page.hits[0].index), (1, made + 2));
    let persons = store.distinct_persons(202_611, 202_611).await.unwrap();
    assert_eq!(persons.iter().map(|row| row.n).collect::<Vec<_>>(), [502]);
    let rebuilt = rebuild(&store).await.unwrap();
    assert!(rebuilt.tables.iter().all(|table| table.equal && table.rows > 0), "{rebuilt:?}");
    drop(kept);
}

async fn builders_of_two_logs_at_once_count_a_person_once(database: Database) {
    let bare = Bare::on(database).await;
    let app = TestApp::start().await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    let one = entries(&app.app).await.remove(0);
    let copies: Vec<LogEntry> = (0..8_000_u32)
        .map(|n| {
            let mut entry = one.clone();
            entry.subject.pseudonym.digest[..4].copy_from_slice(&(n % 5_000).to_be_bytes());
            LogEntry::Request(entry)
        })
        .collect();
    let (store, keys) = (bare.store().await, bare.keys());
    for name in ["n1", "n2"] {
        let config = LogConfig { name: name.into(), ..LogConfig::default() };
        let clock = app.app.clock.clone();
        let metrics = Arc::new(Metrics::new());
        let log = AuditLog::open(&store, &keys, &config, clock, metrics).await.unwrap();
        for some in copies.chunks(4_000) {
            log.record_many(some).await.unwrap();
        }
    }
    let (one, other) = tokio::join!(catch_up(&store, "n1"), catch_up(&store, "n2"));
    one.and(other).unwrap();
    let persons = store.distinct_persons(202_611, 202_611).await.unwrap();
    assert_eq!(persons.iter().map(|row| row.n).collect::<Vec<_>>(), [5_000]);
    let rebuilt = rebuild(&store).await.unwrap();
    assert!(rebuilt.tables.iter().all(|table| table.equal), "{rebuilt:?}");
}
