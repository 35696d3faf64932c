//! What is wrong with a document or a step is told at once, and to administrators alone.

use serde_json::json;

use super::{JSON, acts, create, document, step};
use crate::support::{TestApp, merge};

#[tokio::test]
async fn everything_wrong_with_a_document_is_told_at_once() {
    let app = TestApp::start().await;
    let admin = app.admin_caller("operator").await;
    let wrong = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    let cases = [
        (
            json!({"kind": 1, "agreement": {"from": "2026-01-01", "x": 1}, "state": "active"}),
            400,
            "invalid-request",
            wrong(&[
                ("/client_id", "missing"),
                ("/agency_code", "missing"),
                ("/name_vi", "missing"),
                ("/name_en", "missing"),
                ("/policy", "missing"),
                ("/kind", "wrong-type"),
                ("/agreement/until", "missing"),
                ("/agreement/x", "unknown"),
                ("/state", "unknown"),
            ]),
        ),
        (
            merge(
                &document("a b"),
                &json!({
                    "kind": "pirate",
                    "agency_code": "g12",
                    "name_vi": " ",
                    "name_en": "x".repeat(256),
                    "policy": "hospital-policy",
                    "agreement": {"from": "2026-02-30", "until": "01/01/2027"},
                    "assessment": {"level": 6, "date": "", "until": "1969-12-31"},
                    "delegations": ["G18", "0100109107"],
                }),
            ),
            422,
            "invalid-value",
            wrong(&[
                ("/client_id", "malformed"),
                ("/kind", "malformed"),
                ("/agency_code", "malformed"),
                ("/name_vi", "empty"),
                ("/name_en", "too-long"),
                ("/policy", "malformed"),
                ("/agreement/from", "malformed"),
                ("/agreement/until", "malformed"),
                ("/assessment/level", "malformed"),
                ("/assessment/date", "empty"),
                ("/assessment/until", "malformed"),
                ("/delegations/1", "malformed"),
            ]),
        ),
        (
            merge(
                &document("bv"),
                &json!({
                    "agency_code": "G14.01",
                    "policy": "hospital-policy@2",
                    "agreement": {"from": "2027-01-01", "until": "2026-12-31"},
                    "assessment": {"level": 3, "date": "2026-11-21", "until": "2026-11-20"},
                }),
            ),
            422,
            "invalid-value",
            wrong(&[
                ("/agency_code", "agency-closed"),
                ("/policy", "unknown-policy"),
                ("/agreement/until", "ends-before-it-begins"),
                ("/assessment/date", "in-the-future"),
                ("/assessment/until", "ends-before-it-begins"),
            ]),
        ),
        (
            merge(&document("bv"), &json!({"delegations": ["G12.18", "000.00.18.G12"]})),
            400,
            "invalid-request",
            wrong(&[("/delegations/1", "duplicate")]),
        ),
    ];
    for (document, status, code, errors) in cases {
        let answer = create(&admin, &document).await;
        answer.problem(status, code);
        assert_eq!(answer.field_errors(), errors);
    }
    create(&admin, &json!([])).await.problem(400, "invalid-request");
    let many: Vec<String> = (0..257).map(|n| format!("G12.{n}")).collect();
    let many = merge(&document("bv"), &json!({"delegations": many}));
    create(&admin, &many).await.problem(400, "invalid-request");
    assert_eq!(acts(&app).await, []);
    assert_eq!(app.app.store.clients().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_step_is_read_as_strictly_as_a_document() {
    let app = TestApp::start().await;
    let admin = app.admin_caller("operator").await;
    for (body, pointer, code, status) in [
        (json!({"state": "gone"}), "/state", "malformed", 422),
        (json!({"state": "closed", "reason": ""}), "/reason", "empty", 422),
        (json!({"state": "closed", "reason": "x".repeat(256)}), "/reason", "too-long", 422),
        (json!({"state": "closed", "reason": "of 001090012345"}), "/reason", "malformed", 422),
        (json!({"state": "closed", "reason": 1}), "/reason", "wrong-type", 400),
    ] {
        let answer = step(&admin, "hospital", &body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.field_errors(), [(pointer.to_owned(), code.to_owned())]);
    }
    assert_eq!(acts(&app).await, []);
}

#[tokio::test]
async fn only_administrators_come_in_and_an_unknown_client_is_not_found() {
    let app = TestApp::start().await;
    let document = document("bv").to_string();
    for client in ["carrier", "hospital", "ministry"] {
        let caller = app.admin_caller(client).await;
        for path in ["/admin/v1/clients", "/admin/v1/clients/carrier"] {
            caller.get(path).await.problem(403, "operation-not-permitted");
        }
        let answer = caller.post("/admin/v1/clients", JSON, &document).await;
        answer.problem(403, "operation-not-permitted");
        let closed = json!({"state": "closed", "reason": "x"});
        step(&caller, "carrier", &closed).await.problem(403, "operation-not-permitted");
        let answer = caller.patch("/admin/v1/clients/carrier", &json!({})).await;
        answer.problem(403, "operation-not-permitted");
    }
    let token =
        app.ask_token_scoped("operator", "grant_type=client_credentials&scope=report").await.ok();
    let narrow = app.admin_caller_with(token["access_token"].as_str().unwrap());
    narrow.get("/admin/v1/clients").await.problem(403, "operation-not-permitted");
    let admin = app.admin_caller("operator").await;
    for id in ["nobody", "a%20b", "%00"] {
        let path = format!("/admin/v1/clients/{id}");
        admin.get(&path).await.problem(404, "unknown-client");
        admin.patch(&path, &json!({})).await.problem(404, "unknown-client");
        step(&admin, id, &json!({"state": "active"})).await.problem(404, "unknown-client");
    }
    assert_eq!(acts(&app).await, []);
}
