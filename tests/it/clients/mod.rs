//! Clients from onboarding to closure, on the admin listener and in the log.

mod dying;
mod documents;

use gateway::access::{NOTICE_SECONDS, Warned, is_step};
use gateway::audit::{Act, LogEntry, RequestIds};
use gateway::auth::ClientState;
use gateway::clock::{Micros, Random};
use gateway::store::{ActRow, ClientRow, SecretRow};
use serde_json::{Value, json};

use crate::support::{
    Answer, Caller, Database, TestApp, entry_bytes, merge, on_both_databases, read_gauge,
};

on_both_databases! {
    a_client_goes_from_draft_to_closed_and_every_step_is_in_the_log_once,
    every_pair_of_states_is_a_step_or_a_conflict,
    a_change_is_kept_and_a_change_of_nothing_leaves_no_trace,
    lists_come_in_pages_and_narrow_by_state_kind_and_warnings,
}

const JSON: &str = "application/json";

/// A document of a facility that can be connected.
fn document(id: &str) -> Value {
    json!({
        "client_id": id,
        "kind": "health_facility",
        "agency_code": "G12.24.01001",
        "name_vi": "Bệnh viện Hữu nghị Việt Đức",
        "name_en": "Viet Duc Friendship Hospital",
        "policy": "hospital-policy@1",
        "agreement": {"from": "2026-01-01", "until": "2028-12-31"},
        "assessment": {"level": 3, "date": "2026-02-01", "until": "2028-01-31"},
    })
}

async fn create(admin: &Caller, document: &Value) -> Answer {
    admin.post("/admin/v1/clients", JSON, &document.to_string()).await
}

async fn step(admin: &Caller, id: &str, body: &Value) -> Answer {
    admin.post(&format!("/admin/v1/clients/{id}/state"), JSON, &body.to_string()).await
}

async fn show(admin: &Caller, id: &str) -> Value {
    admin.get(&format!("/admin/v1/clients/{id}")).await.ok()
}

/// Every act in the log, in order.
async fn acts(app: &TestApp) -> Vec<Act> {
    let entries = entry_bytes(&app.app).await;
    let act = |bytes: &Vec<u8>| match LogEntry::decode(bytes).unwrap() {
        LogEntry::Act(act) => Some(act),
        _ => None,
    };
    entries.iter().filter_map(act).collect()
}

/// Act, target and detail of every act, by whom they all were.
async fn acts_of(app: &TestApp, by: &str) -> Vec<[String; 3]> {
    let line = |act: Act| {
        assert_eq!(act.by.as_str(), by);
        let detail = act.detail.map_or(String::new(), |detail| detail.as_str().to_owned());
        [act.act.as_str().to_owned(), act.target.as_str().to_owned(), detail]
    };
    acts(app).await.into_iter().map(line).collect()
}

/// An act that no administrator did.
fn bare_act(app: &TestApp, id: &str) -> ActRow {
    let at = app.app.clock.now();
    ActRow {
        id: RequestIds::new(&Random::system()).next(at).to_string(),
        at_us: at.0,
        made_by: "test".into(),
        act: "test".into(),
        target: id.into(),
        detail: None,
    }
}

/// Changes a row behind everybody's back.
async fn set_row(app: &TestApp, id: &str, change: impl FnOnce(&mut ClientRow)) {
    let old = app.app.store.client(id).await.unwrap().unwrap();
    let mut new = old.clone();
    change(&mut new);
    let act = bare_act(app, id);
    assert!(app.app.store.change_client((&old, &new), None, &act).await.unwrap());
    app.app.store.forget_acts(&[act]).await.unwrap();
}

async fn a_client_goes_from_draft_to_closed_and_every_step_is_in_the_log_once(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let created =
        create(&admin, &merge(&document("bv"), &json!({"delegations": ["G18", "000.00.18.G12"]})))
            .await;
    assert_eq!(created.status, 201, "{}", created.text);
    let created: Value = serde_json::from_str(&created.text).unwrap();
    assert_eq!(created["state"], "draft");
    assert_eq!(created["connected_at"], Value::Null);
    assert_eq!(created["agency"], "Bộ Tài chính");
    assert_eq!(created["delegations"], json!(["G12.18", "G18"]));
    let agreement = json!({
        "from": "2026-01-01T00:00:00.000+07:00", "until": "2029-01-01T00:00:00.000+07:00",
    });
    assert_eq!(created["agreement"], agreement);
    assert_eq!(created["warnings"], json!([]));
    assert_eq!(show(&admin, "bv").await, created);
    create(&admin, &document("bv")).await.problem(409, "client-exists");

    let hash = gateway::auth::hash_secret("its-secret").unwrap();
    let secret = SecretRow { client_id: "bv".into(), slot: 1, hash };
    app.app.store.put_secrets(&[secret], 0).await.unwrap();
    for state in ["security_review", "draft", "security_review", "sandbox", "active"] {
        let answer = step(&admin, "bv", &json!({"state": state})).await.ok();
        assert_eq!(answer["state"], state);
        app.app.load_directory().await.unwrap();
        let token = app.ask_token_with("bv", "its-secret").await;
        if state == "active" {
            token.ok();
        } else {
            token.problem(403, "client-not-active");
        }
    }
    let connected = show(&admin, "bv").await["connected_at"].clone();
    assert_eq!(connected, "2026-11-20T09:00:00.000+07:00");
    app.pass(60);
    for body in [json!({"state": "suspended"}), json!({"state": "closed"})] {
        let answer = step(&admin, "bv", &body).await;
        answer.problem(400, "invalid-request");
        assert_eq!(answer.field_errors(), [("/reason".into(), "missing".into())]);
    }
    let suspended = json!({"state": "suspended", "reason": "secret seen in a public repository"});
    let answer = step(&admin, "bv", &suspended).await.ok();
    assert_eq!(answer["state_reason"], "secret seen in a public repository");
    assert_eq!(answer["state_since"], "2026-11-20T09:01:00.000+07:00");
    app.app.load_directory().await.unwrap();
    app.ask_token_with("bv", "its-secret").await.problem(403, "client-suspended");
    let active = step(&admin, "bv", &json!({"state": "active"})).await.ok();
    assert_eq!((&active["state_reason"], &active["connected_at"]), (&Value::Null, &connected));
    step(&admin, "bv", &json!({"state": "closed", "reason": "merged"})).await.ok();
    step(&admin, "bv", &json!({"state": "active"})).await.problem(409, "state-not-reachable");
    let change = admin.patch("/admin/v1/clients/bv", &json!({"name_en": "x"})).await;
    change.problem(409, "client-closed");

    let expected = [
        (
            "client-created",
            "health_facility G12.24.01001 as draft, policy hospital-policy@1, agreement \
             2026-01-01T00:00:00.000+07:00 to 2029-01-01T00:00:00.000+07:00, assessment of level 3 \
             to 2028-02-01T00:00:00.000+07:00, acts for G12.18 G18",
        ),
        ("client-security-review", "was draft"),
        ("client-draft", "was security_review"),
        ("client-security-review", "was draft"),
        ("client-sandbox", "was security_review"),
        ("client-active", "was sandbox"),
        ("client-suspended", "secret seen in a public repository"),
        ("client-active", "was suspended"),
        ("client-closed", "merged"),
    ];
    let expected = expected.map(|(act, detail)| [act, "bv", detail].map(str::to_owned));
    assert_eq!(acts_of(&app, "operator").await, expected);
    app.verify_log().await.unwrap();
}

async fn every_pair_of_states_is_a_step_or_a_conflict(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    assert_eq!(create(&admin, &document("bv")).await.status, 201);
    let mut steps = 0;
    for from in ClientState::ALL {
        for to in ClientState::ALL {
            assert!(app.app.store.set_client_state("bv", from.name()).await.unwrap());
            let answer = step(&admin, "bv", &json!({"state": to.name(), "reason": "a test"})).await;
            let now = show(&admin, "bv").await["state"].clone();
            if is_step(from, to) {
                assert_eq!(answer.ok()["state"], to.name(), "{from:?} {to:?}");
                assert_eq!(now, to.name());
                steps += 1;
            } else {
                answer.problem(409, "state-not-reachable");
                assert_eq!(now, from.name());
            }
        }
    }
    assert_eq!(steps, 11);
    // What was refused is not in the log.
    assert_eq!(acts(&app).await.len(), 1 + steps);
}

async fn a_change_is_kept_and_a_change_of_nothing_leaves_no_trace(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let path = "/admin/v1/clients/hospital";
    let before = show(&admin, "hospital").await;
    assert_eq!(admin.patch(path, &json!({})).await.ok(), before);
    let change = json!({
        "agency_code": "000.00.18.G12",
        "name_vi": "Cục Thuế",
        "policy": "ministry-policy@1",
        "agreement": {"from": "2026-11-01", "until": "2027-11-01T00:00:00+07:00"},
        "delegations": ["H26", "G18.03"],
    });
    let changed = admin.patch(path, &change).await.ok();
    assert_eq!(changed, show(&admin, "hospital").await);
    for (member, value) in [
        ("agency_code", json!("G12.18")),
        ("name_vi", json!("Cục Thuế")),
        ("name_en", before["name_en"].clone()),
        ("policy", json!("ministry-policy@1")),
        ("delegations", json!(["G18.03", "H26"])),
        ("assessment", before["assessment"].clone()),
        ("state", json!("active")),
        ("connected_at", before["connected_at"].clone()),
    ] {
        assert_eq!(changed[member], value, "{member}");
    }
    assert_eq!(changed["agreement"]["until"], "2027-11-01T00:00:00.000+07:00");
    assert_eq!(admin.patch(path, &change).await.ok(), changed);
    assert_eq!(
        acts_of(&app, "operator").await,
        [[
            "client-updated",
            "hospital",
            "agency_code G12.18, policy ministry-policy@1, agreement \
             2026-11-01T00:00:00.000+07:00 to 2027-11-01T00:00:00.000+07:00, name_vi, delegations +G18.03 +H26",
        ]
        .map(str::to_owned)]
    );
    admin.patch(path, &json!({"delegations": ["G18.03", "H17"]})).await.ok();
    let [_, _, detail] = acts_of(&app, "operator").await.pop().unwrap();
    assert_eq!(detail, "delegations +H17 -H26");
    let many: Vec<String> = (100..200).map(|n| format!("G18.{n}")).collect();
    admin.patch(path, &json!({ "delegations": many })).await.ok();
    let [_, _, detail] = acts_of(&app, "operator").await.pop().unwrap();
    assert!(detail.starts_with("delegations 100 added, 2 removed, 100 now, SHA-256 "), "{detail}");
    // The node follows by itself; here it is told.
    app.app.load_directory().await.unwrap();
    let client =
        app.app.directory.all().values().find(|it| it.client_id.as_str() == "hospital").cloned();
    assert_eq!(client.unwrap().agency_code.as_str(), "G12.18");
}

#[tokio::test]
async fn a_client_is_connected_with_good_papers_alone() {
    let app = TestApp::start().await;
    let admin = app.admin_caller("operator").await;
    let now = app.app.clock.now();
    let bare = json!({
        "client_id": "bv", "kind": "health_facility", "agency_code": "G12.24.01001",
        "name_vi": "a", "name_en": "b", "policy": "hospital-policy@1",
    });
    assert_eq!(create(&admin, &bare).await.status, 201);
    assert!(app.app.store.set_client_state("bv", "sandbox").await.unwrap());
    // Agreement's end, assessment's level and end, and what stands against the step.
    let late = now.0 + 1_000_000;
    for (agreement, level, assessment, against) in [
        (0, 0, 0, vec![("/agreement", "missing"), ("/assessment", "missing")]),
        (now.0, 2, late, vec![("/agreement", "ended"), ("/assessment", "not-passed")]),
        (late, 3, now.0, vec![("/assessment", "ended")]),
        (now.0 + 1, 3, now.0, vec![("/assessment", "ended")]),
        (now.0, 5, now.0 + 1, vec![("/agreement", "ended")]),
    ] {
        set_row(&app, "bv", |row| {
            row.agreement_until_us = agreement;
            row.assessment_level = level;
            row.assessment_until_us = assessment;
        })
        .await;
        let answer = step(&admin, "bv", &json!({"state": "active"})).await;
        answer.problem(409, "client-not-ready");
        let against: Vec<_> =
            against.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        assert_eq!(answer.field_errors(), against);
    }
    // The last microsecond of both is good; the agreement's dates act by themselves.
    set_row(&app, "bv", |row| {
        (row.agreement_until_us, row.assessment_until_us) = (now.0 + 1, now.0 + 1);
    })
    .await;
    step(&admin, "bv", &json!({"state": "active"})).await.ok();
    // Coming back from a suspension, they are looked at again.
    step(&admin, "bv", &json!({"state": "suspended", "reason": "x"})).await.ok();
    app.pass(1);
    step(&admin, "bv", &json!({"state": "active"})).await.problem(409, "client-not-ready");
}

#[tokio::test]
async fn a_closed_code_is_good_for_whom_was_connected_before() {
    let app = TestApp::start().await;
    let admin = app.admin_caller("operator").await;
    // The ministry's seeded code G24 was closed on 1 March 2025; it was connected long before.
    let shown = show(&admin, "ministry").await;
    assert_eq!(shown["successor_agency_code"], "G12");
    step(&admin, "ministry", &json!({"state": "suspended", "reason": "x"})).await.ok();
    step(&admin, "ministry", &json!({"state": "active"})).await.ok();
    // It keeps it, and is given no other that was closed.
    let same = json!({"agency_code": "G24", "name_en": "Social security"});
    assert_eq!(admin.patch("/admin/v1/clients/ministry", &same).await.ok()["agency_code"], "G24");
    for other in ["G24.01", "G14"] {
        let answer =
            admin.patch("/admin/v1/clients/ministry", &json!({ "agency_code": other })).await;
        answer.problem(422, "invalid-value");
        assert_eq!(answer.field_errors(), [("/agency_code".into(), "agency-closed".into())]);
    }
    // Nor an agency to act for that is no more.
    let answer =
        admin.patch("/admin/v1/clients/ministry", &json!({"delegations": ["H26", "G14.01"]})).await;
    answer.problem(422, "invalid-value");
    assert_eq!(answer.field_errors(), [("/delegations".into(), "agency-closed".into())]);
    let listed = ["H26".to_owned(), "G14.01".to_owned()];
    let ministry = app.app.store.client("ministry").await.unwrap().unwrap();
    let mut renamed = ministry.clone();
    renamed.name_vi = "Bảo hiểm".into();
    let act = bare_act(&app, "ministry");
    let rows = (&ministry, &renamed);
    assert!(app.app.store.change_client(rows, Some(&listed), &act).await.unwrap());
    let kept = json!({"delegations": ["G14.01", "H17"]});
    admin.patch("/admin/v1/clients/ministry", &kept).await.ok();
    // Connected one microsecond before the closure, and at it.
    let closure = Micros::parse_rfc3339("2025-03-01T00:00:00+07:00").unwrap();
    assert_eq!(create(&admin, &document("bv")).await.status, 201);
    let closed = json!({"agency_code": "G14.01", "name_en": "x"});
    for (connected, is_good) in
        [(Some(closure.0 - 1), true), (Some(closure.0), false), (None, false)]
    {
        set_row(&app, "bv", |row| {
            row.connected_us = connected;
            row.agency_code = "G14.01".into();
        })
        .await;
        let answer = admin.patch("/admin/v1/clients/bv", &closed).await;
        if is_good {
            assert_eq!(answer.ok()["agency_code"], "G14.01");
        } else {
            answer.problem(422, "invalid-value");
            assert_eq!(answer.field_errors(), [("/agency_code".into(), "agency-closed".into())]);
        }
    }
    // A draft whose code was closed while it waited is not connected.
    set_row(&app, "bv", |row| row.agency_code = "G14.01".into()).await;
    assert!(app.app.store.set_client_state("bv", "sandbox").await.unwrap());
    let answer = step(&admin, "bv", &json!({"state": "active"})).await;
    answer.problem(409, "client-not-ready");
    assert_eq!(answer.field_errors(), [("/agency_code".into(), "agency-closed".into())]);
}

async fn lists_come_in_pages_and_narrow_by_state_kind_and_warnings(database: Database) {
    let app = TestApp::start_on(database).await;
    let admin = app.admin_caller("operator").await;
    let now = app.app.clock.now();
    let notice = now.plus_seconds(NOTICE_SECONDS).0;
    let ids = |page: &Value| -> Vec<String> {
        let clients = page["clients"].as_array().unwrap();
        clients.iter().map(|client| client["client_id"].as_str().unwrap().to_owned()).collect()
    };
    let list = async |query: &str| ids(&admin.get(&format!("/admin/v1/clients{query}")).await.ok());
    assert_eq!(list("").await, ["carrier", "hospital", "ministry", "operator"]);
    let first = admin.get("/admin/v1/clients?limit=3").await.ok();
    assert_eq!(ids(&first), ["carrier", "hospital", "ministry"]);
    let next = format!("/admin/v1/clients?limit=3&after={}", first["next"].as_str().unwrap());
    let second = admin.get(&next).await.ok();
    assert_eq!((ids(&second), second.get("next")), (vec!["operator".to_owned()], None));
    assert_eq!(list("?limit=4&warnings=false").await.len(), 4);
    assert_eq!(list("?kind=carrier").await, ["carrier"]);
    assert_eq!(list("?state=suspended").await, [""; 0]);
    assert_eq!(list("?warnings=true").await, [""; 0]);
    set_row(&app, "carrier", |row| row.agreement_until_us = notice).await;
    set_row(&app, "hospital", |row| row.assessment_until_us = now.0).await;
    set_row(&app, "ministry", |row| row.agreement_until_us = notice + 1).await;
    assert_eq!(list("?warnings=true").await, ["carrier", "hospital"]);
    let soon = json!([{"paper": "agreement", "code": "ends-soon", "until": "2026-12-20T09:00:00.000+07:00"}]);
    assert_eq!(show(&admin, "carrier").await["warnings"], soon);
    let ended =
        json!([{"paper": "assessment", "code": "ended", "until": "2026-11-20T09:00:00.000+07:00"}]);
    assert_eq!(show(&admin, "hospital").await["warnings"], ended);
    assert_eq!(show(&admin, "ministry").await["warnings"], json!([]));
    app.app.load_directory().await.unwrap();
    app.app.warn_of_papers(&mut Warned::default());
    let metrics = app.metrics().await;
    for code in ["ends-soon", "ended"] {
        let name = format!("gateway_clients_warned{{code=\"{code}\"}}");
        assert_eq!(read_gauge(&metrics, &name), 1, "{code}");
    }
    step(&admin, "carrier", &json!({"state": "closed", "reason": "x"})).await.ok();
    assert_eq!(list("?warnings=true").await, ["hospital"]);
    assert_eq!(list("?state=closed&kind=carrier").await, ["carrier"]);
    for query in ["state=gone", "kind=x", "warnings=1", "after=%3F", "limit=0", "limit=501"] {
        let answer = admin.get(&format!("/admin/v1/clients?{query}")).await;
        answer.problem(422, "invalid-value");
        let name = query.split('=').next().unwrap();
        assert_eq!(answer.field_errors(), [(format!("/{name}"), "malformed".to_owned())]);
    }
    admin.get("/admin/v1/clients?page=2").await.problem(400, "invalid-request");
}
