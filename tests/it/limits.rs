//! Never over the limit, and always told where one stands.

use serde_json::json;

use crate::support::{Answer, TestApp, TestClient, about_person, merge};

const RATE: u32 = 5;
const BURST: u32 = 10;

async fn slow() -> TestApp {
    let slow = TestClient { rate: RATE, burst: BURST, ..TestClient::carrier("slow") };
    TestApp::builder().clients([slow, TestClient::carrier("carrier")]).start().await
}

#[tokio::test]
async fn never_more_than_burst_and_rate_times_time_and_hardly_less() {
    let app = slow().await;
    let caller = app.caller("slow").await;
    let body = about_person(&app.person());
    let (mut admitted, mut elapsed_ms) = (0_u32, 0_i64);
    // Odd steps, some shorter than the time for one request, some longer than for several.
    for step_ms in [0, 30, 170, 199, 1, 200, 201, 777, 50, 50, 50, 50, 999] {
        app.hand.advance(step_ms * 1_000);
        elapsed_ms += step_ms;
        for _ in 0..BURST + 3 {
            let answer = caller.verify(&body).await;
            if answer.status == 200 {
                admitted += 1;
            } else {
                answer.problem(429, "rate-limited");
                break;
            }
        }
        let allowed = f64::from(BURST) + f64::from(RATE) * elapsed_ms as f64 / 1_000.0;
        assert!(f64::from(admitted) <= allowed, "{admitted} after {elapsed_ms} ms");
        assert!(f64::from(admitted) > allowed - 1.0, "{admitted} after {elapsed_ms} ms");
    }
}

#[tokio::test]
async fn callers_in_parallel_share_one_limit() {
    let app = slow().await;
    let caller = app.caller("slow").await;
    let body = about_person(&app.person());
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..60 {
        let (caller, body) = (caller.clone(), body.clone());
        asking.spawn(async move { caller.verify(&body).await.status });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), BURST as usize);
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 50);
    // One client's limit is not another's.
    app.caller("carrier").await.verify(&body).await.ok();
}

#[tokio::test]
async fn a_refused_request_consumes_nothing_and_retry_after_is_kept() {
    let app = slow().await;
    let caller = app.caller("slow").await;
    let body = about_person(&app.person());
    for _ in 0..BURST {
        caller.verify(&body).await.ok();
    }
    for _ in 0..50 {
        let answer = caller.verify(&body).await;
        answer.problem(429, "rate-limited");
        assert_eq!(answer.retry_after(), 1);
    }
    app.pass(1);
    for _ in 0..RATE {
        caller.verify(&body).await.ok();
    }
    caller.verify(&body).await.problem(429, "rate-limited");
}

#[tokio::test]
async fn a_key_is_looked_for_within_the_rate_whatever_comes_of_it() {
    let slow = TestClient { rate: 1, burst: 5, ..TestClient::carrier("slow") };
    let looks = TestClient { rate: 1, burst: 5, ..TestClient::operator("looks") };
    let app = TestApp::builder().clients([slow, looks, TestClient::operator("operator")]);
    let app = app.start().await;
    let verification = about_person(&app.person());
    let look = json!({"subject": verification["subject"], "purpose": "operations.report"});
    for (client, path, body, change) in [
        ("slow", "/v1/verifications", verification, "case_ref"),
        ("looks", "/v1/subjects/history", look, "after"),
    ] {
        let caller = app.caller(client).await;
        caller.post_once(path, "k", &body).await.ok();
        caller.post_once(path, "k", &body).await.ok();
        // "W10", a cursor without a log, is a reference to a case as well.
        let changed = merge(&body, &json!({change: "W10"}));
        for _ in 2..5 {
            caller.post_once(path, "k", &changed).await.problem(422, "idempotency-key-reused");
        }
        caller.post_once(path, "k", &changed).await.problem(429, "rate-limited");
        caller.post_once(path, "k", &body).await.problem(429, "rate-limited");
    }
    let operator = app.caller("operator").await;
    let report = operator.report("?group_by=client,purpose").await.ok();
    let throttled = |purpose: &str| {
        let of = |row: &&serde_json::Value| row["group"]["purpose"] == purpose;
        report["rows"].as_array().unwrap().iter().find(of).map(|row| row["throttled"].clone())
    };
    assert_eq!(throttled("telecom.subscriber"), Some(json!(2)), "{report}");
    assert_eq!(throttled("-"), Some(json!(2)), "{report}");
}

#[tokio::test]
async fn every_authenticated_answer_tells_quota_and_rest() {
    let app = slow().await;
    let caller = app.caller("slow").await;
    let body = about_person(&app.person());
    let policy = |answer: &Answer| answer.header("ratelimit-policy").map(str::to_owned);
    let rest = |answer: &Answer| answer.header("ratelimit").map(str::to_owned);
    let answer = caller.verify(&body).await;
    answer.ok();
    assert_eq!(policy(&answer).as_deref(), Some("\"client\";q=10;w=2"));
    assert_eq!(rest(&answer).as_deref(), Some("\"client\";r=9;t=1"));
    let refused = caller.verify(&merge(&body, &json!({"purpose": "a"}))).await;
    refused.problem(403, "purpose-not-permitted");
    let mut answers = vec![
        caller.verify_text("{").await,
        caller.verify(&merge(&body, &json!({"purpose": ""}))).await,
        caller.post("/v1/verifications", "text/plain", "").await,
        caller.report("?group_by=weather").await,
        caller.report("").await,
    ];
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [400, 422, 415, 422, 200]);
    answers.push(refused);
    while answers.last().unwrap().status != 429 {
        answers.push(caller.verify(&body).await);
    }
    for answer in &answers {
        assert!(policy(answer).is_some() && rest(answer).is_some(), "{}", answer.text);
    }
    assert_eq!(rest(answers.last().unwrap()).as_deref(), Some("\"client\";r=0;t=2"));
    for answer in [
        app.caller_with("x").verify(&body).await,
        app.ask_token_with("slow", "wrong").await,
        Answer::read(app.http.get(format!("{}/livez", app.api)).send().await.unwrap()).await,
    ] {
        assert!(policy(&answer).is_none() && rest(&answer).is_none(), "{}", answer.text);
    }
}

#[tokio::test]
async fn an_address_that_fails_too_often_is_not_listened_to_until_its_time_has_come() {
    let app = slow().await;
    let form = "grant_type=client_credentials";
    for _ in 0..30 {
        app.ask_token(None, form).await.problem(401, "invalid-client");
    }
    let limited = app.ask_token_with("carrier", "wrong").await;
    let problem = limited.problem(429, "address-limited");
    assert_eq!(problem["error"], "temporarily_unavailable");
    assert_eq!(limited.retry_after(), 1);
    // Nothing is spent on the address now, not even the look at a right secret.
    app.ask_token_as("carrier").await.problem(429, "address-limited");
    app.pass(1);
    app.ask_token_as("carrier").await.ok();
    app.ask_token(None, form).await.problem(401, "invalid-client");
    app.ask_token(None, form).await.problem(429, "address-limited");
    // Whoever stays away long enough begins anew.
    app.pass(60);
    for _ in 0..30 {
        app.ask_token(None, form).await.problem(401, "invalid-client");
    }
    app.ask_token(None, form).await.problem(429, "address-limited");
}

#[tokio::test]
async fn only_failed_authentications_count_against_an_address() {
    let app = slow().await;
    let body = about_person(&app.person());
    for _ in 0..40 {
        app.ask_token_as("carrier").await.ok();
        app.caller_with("x").verify(&body).await.problem(401, "invalid-token");
    }
    app.ask_token(None, "grant_type=client_credentials").await.problem(401, "invalid-client");
}
