//! Paths that no client of ours sends, and bodies where none is expected.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::Request;
use gateway::http::admin_edge;
use serde_json::json;

use crate::support::{Answer, Database, TestApp, on_both_databases};

on_both_databases! {
    a_name_that_can_be_nobodys_is_unknown_and_no_fault_of_ours,
}

async fn a_name_that_can_be_nobodys_is_unknown_and_no_fault_of_ours(database: Database) {
    let app = TestApp::start_on(database).await;
    let office = app.admin_caller("operator").await;
    for name in ["%00", "a%00b", "%0A", "x%20y", "%F0%9F%98%80", "a%2Fb"] {
        let client = format!("/admin/v1/clients/{name}");
        office.get(&client).await.problem(404, "unknown-client");
        office.patch(&client, &json!({"name_en": "x"})).await.problem(404, "unknown-client");
        let closed = json!({"state": "closed", "reason": "x"}).to_string();
        let moved = office.post(&format!("{client}/state"), "application/json", &closed).await;
        moved.problem(404, "unknown-client");
        for path in ["secrets", "keys"] {
            office.get(&format!("{client}/{path}")).await.problem(404, "unknown-client");
        }
        office.post(&format!("{client}/secrets"), "", "").await.problem(404, "unknown-client");
        office.delete(&format!("{client}/secrets/1")).await.problem(404, "unknown-client");
        let key = format!("/admin/v1/clients/carrier/keys/{name}");
        office.delete(&key).await.problem(404, "unknown-credential");
        let policy = format!("/admin/v1/policies/{name}");
        office.get(&policy).await.problem(404, "unknown-policy");
        office.get(&format!("{policy}/diff?from=1&to=2")).await.problem(404, "unknown-policy");
        for path in ["checkpoint", "entries/0"] {
            let log = format!("/v1/logs/{name}/{path}");
            let unknown = app.caller("carrier").await.get(&log).await;
            assert_eq!(unknown.status, 404, "{log}: {}", unknown.text);
        }
    }
}

#[tokio::test]
async fn a_path_that_is_not_encoded_well_is_nothings_and_a_problem_document() {
    let app = TestApp::start().await;
    let office = app.admin_caller("operator").await;
    for path in [
        "/admin/v1/clients/%FF",
        "/admin/v1/clients/%C3%28/keys/x",
        "/admin/v1/policies/%FF",
        "/admin/v1/disputes/%FF/decision",
    ] {
        let answer = if path.ends_with("decision") {
            office.post(path, "application/json", "{}").await
        } else if path.ends_with("/x") {
            office.delete(path).await
        } else {
            office.get(path).await
        };
        answer.problem(404, "not-found");
        let nobody = app.http.get(format!("{}{path}", app.admin)).send().await.unwrap();
        let nobody = Answer::read(nobody).await;
        assert_eq!(nobody.header("content-type"), Some("application/problem+json"), "{path}");
    }
}

#[tokio::test]
async fn a_body_where_none_is_expected_is_refused_and_nothing_is_done() {
    let app = TestApp::start().await;
    let token = app.ask_token_as("operator").await.ok()["access_token"].clone();
    let token = token.as_str().unwrap();
    let office = app.admin_caller_with(token);
    let before = office.get("/admin/v1/keys").await.ok();
    let slots = "/admin/v1/clients/carrier/secrets";
    for (method, path) in [
        ("POST", slots.to_owned()),
        ("DELETE", format!("{slots}/1?force=true")),
        ("DELETE", "/admin/v1/clients/carrier/keys/x".to_owned()),
        ("POST", "/admin/v1/keys/rotate?force=true".to_owned()),
    ] {
        let url = format!("{}{path}", app.admin);
        let request = app.http.request(method.parse().unwrap(), url).bearer_auth(token);
        let sized = Answer::read(request.body("{}").send().await.unwrap()).await;
        // Nor one whose length is not told.
        let chunk = futures_util::stream::iter([Ok::<_, std::io::Error>("{}")]);
        let request = Request::builder().method(method).uri(&path);
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::from_stream(chunk)).unwrap();
        let chunked = admin_edge(&app.app).answer(request, IpAddr::from([127, 0, 0, 1])).await;
        for refused in [sized, Answer::of_edge(chunked).await] {
            refused.problem(400, "invalid-request");
            assert_eq!(refused.field_errors(), [(String::new(), "unexpected-body".to_owned())]);
        }
    }
    assert_eq!(office.get("/admin/v1/keys").await.ok(), before);
    let secrets = office.get(slots).await.ok();
    assert_eq!(secrets["secrets"].as_array().unwrap().len(), 1);
}
