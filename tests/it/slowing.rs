//! A client is slowed at once, without another version of its policy.

use serde_json::{Value, json};

use crate::credentials::acts;
use crate::support::{
    Answer, Caller, Database, TestApp, TestClient, about_person, merge, micros, on_both_databases,
};

on_both_databases! {
    the_lower_of_cap_and_policy_applies_and_what_is_owed_stays_owed,
    a_cap_outlives_a_restart_and_ends_by_itself,
    what_cannot_be_is_refused_and_leaves_no_trace,
}

const RATE: u32 = 5;
const BURST: u32 = 10;

fn company() -> [TestClient; 3] {
    let asks = TestClient { rate: RATE, burst: BURST, ..TestClient::carrier("asks") };
    [asks, TestClient::carrier("carrier"), TestClient::operator("operator")]
}

async fn post(admin: &Caller, path: &str, body: &Value) -> Answer {
    let path = format!("/admin/v1/clients/{path}");
    admin.post(&path, "application/json", &body.to_string()).await
}

/// How many pass now.
async fn passing(app: &TestApp, client: &str) -> u32 {
    let (caller, body) = (app.caller(client).await, about_person(&app.person()));
    let mut passed = 0;
    loop {
        let answer = caller.verify(&body).await;
        if answer.status != 200 {
            answer.problem(429, "rate-limited");
            return passed;
        }
        passed += 1;
    }
}

async fn the_lower_of_cap_and_policy_applies_and_what_is_owed_stays_owed(database: Database) {
    let app = TestApp::builder().on(database).clients(company()).start().await;
    let admin = app.admin_caller("operator").await;
    assert_eq!(passing(&app, "asks").await, BURST);
    let body = json!({"rate": 1, "burst": 3, "reason": "it asks number after number"});
    let shown = post(&admin, "asks/slow", &body).await.ok();
    assert_eq!(
        shown["slowed"],
        json!({
            "rate": 1, "burst": 3, "since": "2026-11-20T09:00:00.000+07:00", "until": null,
            "reason": "it asks number after number",
        })
    );
    app.app.load_directory().await.unwrap();
    // Two seconds were owed to its bucket of two, and are owed to the one of three.
    assert_eq!(passing(&app, "asks").await, 1);
    app.pass(2);
    assert_eq!(passing(&app, "asks").await, 2);
    app.pass(100);
    assert_eq!(passing(&app, "asks").await, 3);
    let answer = app.caller("asks").await.report("").await;
    assert_eq!(answer.header("ratelimit-policy"), Some("\"client\";q=3;w=3"));

    // A cap above the policy changes nothing.
    let wide = json!({"rate": 100, "reason": "less strict"});
    post(&admin, "asks/slow", &wide).await.ok();
    app.app.load_directory().await.unwrap();
    app.pass(100);
    assert_eq!(passing(&app, "asks").await, BURST);

    // Nobody else is slowed.
    let list = admin.get("/admin/v1/clients").await.ok();
    let slowed = |of: &&Value| !of["slowed"].is_null();
    let slowed: Vec<_> = list["clients"].as_array().unwrap().iter().filter(slowed).collect();
    assert_eq!(slowed.len(), 1);
    assert_eq!(slowed[0]["client_id"], "asks");

    let shown = post(&admin, "asks/unslow", &json!({"reason": "explained"})).await.ok();
    assert_eq!(shown["slowed"], Value::Null);
    // Again: it is not slowed, and nothing is written down.
    post(&admin, "asks/unslow", &json!({"reason": "explained"})).await.ok();
    assert_eq!(
        acts(&app).await,
        [
            [
                "operator",
                "client-slowed",
                "asks",
                "1 a second, 3 at once: it asks number after number"
            ],
            ["operator", "client-slowed", "asks", "100 a second, 100 at once: less strict"],
            ["operator", "client-unslowed", "asks", "explained"],
        ]
    );
}

async fn a_cap_outlives_a_restart_and_ends_by_itself(database: Database) {
    let app = TestApp::builder().on(database).clients(company()).start().await;
    let admin = app.admin_caller("operator").await;
    let until = "2026-11-20T09:10:00.000+07:00";
    let body = json!({"rate": 1, "until": until, "reason": "for ten minutes"});
    post(&admin, "asks/slow", &body).await.ok();
    let (kept, _) = app.stop().await;

    let app = kept.again().start().await;
    assert_eq!(passing(&app, "asks").await, 1);
    app.hand.advance(micros(until).since(app.app.clock.now()) as i64 - 1);
    app.app.end_slowness();
    assert_eq!(passing(&app, "asks").await, 1);
    app.hand.advance(1);
    app.app.end_slowness();
    app.pass(100);
    assert_eq!(passing(&app, "asks").await, BURST);
    let admin = app.admin_caller("operator").await;
    assert_eq!(admin.get("/admin/v1/clients/asks").await.ok()["slowed"], Value::Null);
    // It is over: there is nothing to end.
    post(&admin, "asks/unslow", &json!({"reason": "explained"})).await.ok();
    let detail = format!("1 a second, 1 at once until {until}: for ten minutes");
    assert_eq!(acts(&app).await, [["operator", "client-slowed", "asks", detail.as_str()]]);
}

async fn what_cannot_be_is_refused_and_leaves_no_trace(database: Database) {
    let app = TestApp::builder().on(database).clients(company()).start().await;
    let admin = app.admin_caller("operator").await;
    let good = json!({"rate": 2, "burst": 4, "reason": "x"});
    let mut bad = Vec::new();
    for (change, pointer, code) in [
        (json!({"burst": 3}), "/burst", "malformed"),
        (json!({"rate": 0}), "/rate", "malformed"),
        (json!({"until": "tomorrow"}), "/until", "malformed"),
        (json!({"until": "2026-11-20T09:00:00.000+07:00"}), "/until", "over-already"),
        (json!({"reason": "asked 001090012345"}), "/reason", "malformed"),
    ] {
        let answer = post(&admin, "asks/slow", &merge(&good, &change)).await;
        let problem = answer.problem(422, "invalid-value");
        assert_eq!(problem["errors"], json!([{"pointer": pointer, "code": code}]), "{change}");
        bad.push(answer);
    }
    for change in [json!({"rate": "2"}), json!({"for": "2h"})] {
        post(&admin, "asks/slow", &merge(&good, &change)).await.problem(400, "invalid-request");
    }
    post(&admin, "asks/unslow", &json!({})).await.problem(400, "invalid-request");
    post(&admin, "nobody/slow", &good).await.problem(404, "unknown-client");
    post(&admin, "nobody/unslow", &json!({"reason": "x"})).await.problem(404, "unknown-client");
    app.app.store.set_client_state("carrier", "closed").await.unwrap();
    post(&admin, "carrier/slow", &good).await.problem(409, "client-closed");
    assert!(acts(&app).await.is_empty());
    assert!(app.app.store.slowed_clients().await.unwrap().is_empty());
}
