//! Every error of design section 5 is a problem document, and tells no more than it should.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use gateway::http::Edge;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Answer, TestApp, TestClient, about_person};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn every_refusal_of_a_verification_is_a_problem_document() {
    let app =
        TestApp::builder().config(|config| config.server.body_bytes_max = 2_000).start().await;
    let caller = app.caller("carrier").await;
    let good = about_person(&app.person());
    let path = "/v1/verifications";
    caller.verify_text("{").await.problem(400, "invalid-json");
    caller.verify(&json!({})).await.problem(400, "invalid-request");
    app.caller_with("x.y.z").verify(&good).await.problem(401, "invalid-token");
    let mut other = good.clone();
    other["purpose"] = json!("tax.control");
    caller.verify(&other).await.problem(403, "purpose-not-permitted");
    let mut other = good.clone();
    other["on_behalf_of"] = json!("G09");
    caller.verify(&other).await.problem(403, "on-behalf-of-not-permitted");
    app.caller("operator").await.verify(&good).await.problem(403, "operation-not-permitted");
    caller.post("/v1/nothing", "application/json", "{}").await.problem(404, "not-found");
    let wrong_method = caller.get(path).await;
    wrong_method.problem(405, "method-not-allowed");
    assert_eq!(wrong_method.header("allow"), Some("POST"));
    let padded = format!("{good}{}", " ".repeat(2_000));
    caller.verify_text(&padded).await.problem(413, "body-too-large");
    for media_type in ["text/plain", FORM, "application/jsonx", ""] {
        let answer = caller.post(path, media_type, &good.to_string()).await;
        answer.problem(415, "unsupported-media-type");
    }
    let mut other = good.clone();
    other["subject"]["personal_id"] = json!("12");
    caller.verify(&other).await.problem(422, "invalid-value");
    let mut other = good.clone();
    other["attributes"] = json!({});
    caller.verify(&other).await.problem(422, "required-attribute-missing");
    caller.verify(&good).await.ok();
}

#[tokio::test]
async fn a_charset_after_the_media_type_is_fine() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person()).to_string();
    let answer = caller.post("/v1/verifications", "Application/JSON; charset=utf-8", &body).await;
    answer.ok();
}

#[tokio::test]
async fn a_used_up_rate_and_a_closed_log_say_when_to_come_back() {
    let slow = TestClient { rate: 1, burst: 1, ..TestClient::carrier("slow") };
    let app = TestApp::builder().clients([slow, TestClient::carrier("carrier")]).start().await;
    let (slow, carrier) = (app.caller("slow").await, app.caller("carrier").await);
    let body = about_person(&app.person());
    slow.verify(&body).await.ok();
    let limited = slow.verify(&body).await;
    limited.problem(429, "rate-limited");
    assert_eq!(limited.retry_after(), 1);
    app.app.close().await;
    let unavailable = carrier.verify(&body).await;
    unavailable.problem(503, "log-unavailable");
    assert!(unavailable.retry_after() >= 1);
    for base in [&app.api, &app.admin] {
        let answer = app.http.get(format!("{base}/readyz")).send().await.unwrap();
        Answer::read(answer).await.problem(503, "not-ready");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_answered_408() {
    let app =
        TestApp::builder().config(|config| config.server.header_timeout_ms = 100).start().await;
    let token = app.ask_token_as("carrier").await.ok();
    let token = token["access_token"].as_str().unwrap();
    let address = app.api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/verifications HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"subject\":"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(answer.contains(r#""code":"request-timeout""#), "{answer}");
}

#[tokio::test]
async fn a_panic_and_a_handler_that_hangs_are_problem_documents_too() {
    let app =
        TestApp::builder().config(|config| config.server.request_timeout_ms = 50).start().await;
    let router = Router::new()
        .route("/panic", get(async || -> &'static str { panic!("as a test wants it") }))
        .route("/hang", get(async || std::future::pending::<&'static str>().await));
    let edge = Edge::new(Arc::clone(&app.app), router);
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        Answer::of_edge(edge.answer(request, IpAddr::V4(Ipv4Addr::LOCALHOST)).await).await
    };
    ask("/panic").await.problem(500, "internal-error");
    let late = ask("/hang").await;
    late.problem(503, "overloaded");
    assert!(late.retry_after() >= 1);
    // axum's own 404 for a router without a fallback.
    ask("/nothing").await.problem(404, "not-found");
}

#[tokio::test]
async fn a_problem_is_told_in_the_language_that_is_asked_for() {
    let app = TestApp::start().await;
    let ask = async |languages: &str| {
        let request = app.http.get(format!("{}/v1/nothing", app.api));
        let request = request.header("accept-language", languages);
        Answer::read(request.send().await.unwrap()).await
    };
    for languages in ["vi", "vi-VN,en;q=0.5", "VI"] {
        let answer = ask(languages).await;
        let problem = answer.problem(404, "not-found");
        assert_eq!(answer.header("content-language"), Some("vi"));
        assert_eq!(problem["detail"], "Không có gì tại đường dẫn này.");
    }
    for languages in ["en", "fr", ""] {
        let answer = ask(languages).await;
        answer.problem(404, "not-found");
        assert_eq!(answer.header("content-language"), Some("en"));
    }
}

#[tokio::test]
async fn the_token_endpoint_adds_the_error_of_rfc_6749() {
    let app = TestApp::start().await;
    let right = || Some(format!("Basic {}", base64_of("carrier:a-secret-for-tests")));
    let cases = [
        (right(), "grant_type=password", 400, "unsupported-grant-type", "unsupported_grant_type"),
        (right(), "scope=verify", 400, "invalid-request", "invalid_request"),
        (
            right(),
            "grant_type=client_credentials&grant_type=client_credentials",
            400,
            "invalid-request",
            "invalid_request",
        ),
        (
            right(),
            "grant_type=client_credentials&scope=verify+audit",
            400,
            "invalid-scope",
            "invalid_scope",
        ),
        (
            right(),
            "grant_type=client_credentials&scope=everything",
            400,
            "invalid-scope",
            "invalid_scope",
        ),
        (None, "grant_type=client_credentials", 401, "invalid-client", "invalid_client"),
    ];
    for (authorization, form, status, code, error) in cases {
        let answer = app.ask_token(authorization, form).await;
        assert_eq!(answer.problem(status, code)["error"], error, "{form}");
    }
    let url = format!("{}/oauth2/token", app.api);
    let answer = app.http.post(&url).header("content-type", "text/plain").body("x");
    let answer = Answer::read(answer.send().await.unwrap()).await;
    assert_eq!(answer.problem(415, "unsupported-media-type")["error"], "invalid_request");
    let answer = app.http.post(format!("{url}?client_secret=x")).header("content-type", FORM);
    let answer = Answer::read(answer.body("").send().await.unwrap()).await;
    assert_eq!(answer.problem(400, "invalid-request")["error"], "invalid_request");
    let elsewhere = app.caller("carrier").await.verify_text("{").await;
    assert!(elsewhere.problem(400, "invalid-json").get("error").is_none());
}

#[tokio::test]
async fn nobody_learns_from_a_401_which_part_was_wrong() {
    let app = TestApp::start().await;
    let form = "grant_type=client_credentials";
    let answers = [
        app.ask_token_with("nobody", "a-secret-for-tests").await,
        app.ask_token_with("carrier", "wrong").await,
        app.ask_token_with("no such name", "wrong").await,
        app.ask_token(None, form).await,
        app.ask_token(Some("Basic !".into()), form).await,
        app.ask_token(Some("Bearer x".into()), form).await,
    ];
    for answer in &answers {
        answer.problem(401, "invalid-client");
        assert_eq!(answer.without_identity(), answers[0].without_identity());
        let names = |answer: &Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(answer), names(&answers[0]));
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"gateway\""));
    }
}

#[tokio::test]
async fn nobody_learns_from_a_401_what_was_wrong_with_a_token() {
    let app = TestApp::start().await;
    let body = about_person(&app.person());
    let token = app.ask_token_as("carrier").await.ok()["access_token"].as_str().unwrap().to_owned();
    let mut changed = token.clone();
    changed.replace_range(40..41, if &token[40..41] == "A" { "B" } else { "A" });
    let mut answers = vec![
        app.caller_with("").verify(&body).await,
        app.caller_with("x").verify(&body).await,
        app.caller_with(&changed).verify(&body).await,
    ];
    let url = format!("{}/v1/verifications", app.api);
    let without = app.http.post(url).header("content-type", "application/json").body("{}");
    answers.push(Answer::read(without.send().await.unwrap()).await);
    app.caller_with(&token).verify(&body).await.ok();
    app.pass(611);
    answers.push(app.caller_with(&token).verify(&body).await);
    for answer in &answers {
        answer.problem(401, "invalid-token");
        assert_eq!(answer.without_identity(), answers[0].without_identity());
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
