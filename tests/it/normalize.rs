//! What the published rules do to a value, shown to whoever has a token.

use serde_json::{Value, json};

use crate::support::{Answer, Caller, TestApp};

async fn normalize(caller: &Caller, body: &Value) -> Answer {
    caller.post("/v1/normalize", "application/json", &body.to_string()).await
}

#[tokio::test]
async fn a_name_is_shown_after_every_step_of_the_profile() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let shown = normalize(&caller, &json!({"attribute": "full_name", "value": "THUÝ  Hoà"})).await;
    let shown = shown.ok();
    assert_eq!((&shown["profile"], &shown["attribute"]), (&json!("vi-1"), &json!("full_name")));
    let step = |name: &str| {
        let steps = shown["steps"].as_array().unwrap();
        steps.iter().find(|step| step["step"] == name).unwrap()["value"].clone()
    };
    assert_eq!(step("parse"), "THUÝ  Hoà");
    assert_eq!(step("orthography"), "thúy hòa");
    assert_eq!(step("fold"), "thuy hoa");
    let date = json!({"attribute": "date_of_birth", "value": "01/05/1990"});
    let date = normalize(&caller, &date).await.ok();
    assert_eq!(date["steps"], json!([{"step": "parse", "value": "1990-05-01"}]));
}

#[tokio::test]
async fn what_a_request_could_not_send_is_refused_by_pointer_and_not_echoed() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    for (body, status, pointer, code) in [
        (json!({"attribute": "full_name", "value": "Nguy?n"}), 422, "/value", "malformed"),
        (json!({"attribute": "phone", "value": "0912"}), 422, "/attribute", "malformed"),
        (json!({"attribute": "sex"}), 400, "/value", "missing"),
        (json!({"attribute": "sex", "value": 1}), 400, "/value", "wrong-type"),
        (json!({"attribute": "sex", "value": "male", "purpose": "x"}), 400, "/purpose", "unknown"),
    ] {
        let answer = normalize(&caller, &body).await;
        answer.problem(status, if status == 400 { "invalid-request" } else { "invalid-value" });
        assert_eq!(answer.field_errors(), [(pointer.to_owned(), code.to_owned())], "{body}");
        assert!(!answer.text.contains("Nguy?n"));
    }
}

#[tokio::test]
async fn normalizing_asks_nobody_and_leaves_no_entry() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    normalize(&caller, &json!({"attribute": "sex", "value": "male"})).await.ok();
    let report = caller.get("/v1/reports/match-rates").await.ok();
    assert_eq!(
        (&report["total"]["received"], &report["total"]["malformed"]),
        (&json!(0), &json!(0))
    );
    normalize(&app.caller_with("x"), &json!({})).await.problem(401, "invalid-token");
}
