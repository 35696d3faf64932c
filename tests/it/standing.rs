//! Suspension, agreements and assessments act at once, at both doors.

use crate::support::{TestApp, TestClient, about_person, micros, run_on};

#[tokio::test]
async fn a_suspended_client_is_refused_until_it_is_active_again() {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    let states = [
        ("suspended", "client-suspended"),
        ("closed", "client-not-active"),
        ("sandbox", "client-not-active"),
        ("security_review", "client-not-active"),
    ];
    for (state, code) in states {
        assert!(app.app.store.set_client_state("carrier", state).await.unwrap());
        app.app.load_directory().await.unwrap();
        let answer = caller.verify(&body).await;
        answer.problem(403, code);
        assert!(answer.header("ratelimit").is_some(), "the caller is known: {code}");
        caller.report("").await.problem(403, code);
        let problem = app.ask_token_as("carrier").await.problem(403, code);
        assert_eq!(problem["error"], "unauthorized_client");
        // Only a right secret is told about the state.
        app.ask_token_with("carrier", "wrong").await.problem(401, "invalid-client");
        app.caller("hospital").await;
        app.app.store.set_client_state("carrier", "active").await.unwrap();
        app.app.load_directory().await.unwrap();
        caller.verify(&body).await.ok();
    }
    assert!(!app.app.store.set_client_state("nobody", "suspended").await.unwrap());
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_holds_no_suspension_back() {
    let clients = ["carrier", "other", "lost"].map(TestClient::carrier);
    let app = TestApp::builder().clients(clients).start().await;
    let [caller, other, lost] =
        [app.caller("carrier").await, app.caller("other").await, app.caller("lost").await];
    let body = about_person(&app.person());
    for statement in [
        "insert into policies (name, version, document, created_us) select policy_name, 9, '{}', 0 \
         from clients where client_id = 'lost'",
        "update clients set policy_version = 9 where client_id = 'lost'",
    ] {
        assert_eq!(run_on(app.kept().rows(), statement.to_owned()).await, 1);
    }
    assert!(app.app.store.set_client_state("carrier", "suspended").await.unwrap());
    app.app.load_directory().await.unwrap();
    caller.verify(&body).await.problem(403, "client-suspended");
    other.verify(&body).await.ok();
    assert_ne!(lost.verify(&body).await.status, 200, "nobody knows what it may");
    assert_ne!(app.ask_token_as("lost").await.status, 200);
    // Nor does it keep a gateway from starting.
    let (kept, _) = app.stop().await;
    let app = kept.again().start().await;
    app.ask_token_as("carrier").await.problem(403, "client-suspended");
    app.ask_token_as("other").await.ok();
}

#[tokio::test]
async fn an_agreement_begins_and_ends_by_the_clock_alone() {
    let (from, until) = (micros("2026-11-20T09:05:00+07:00"), micros("2026-11-20T09:10:00+07:00"));
    let client = TestClient { agreement: (from, until), ..TestClient::carrier("carrier") };
    let app = TestApp::builder().clients([client]).start().await;
    app.ask_token_as("carrier").await.problem(403, "agreement-expired");
    app.pass(299);
    app.ask_token_as("carrier").await.problem(403, "agreement-expired");
    app.pass(1);
    let caller = app.caller("carrier").await;
    let body = about_person(&app.person());
    caller.verify(&body).await.ok();
    app.pass(299);
    caller.verify(&body).await.ok();
    app.pass(1);
    caller.verify(&body).await.problem(403, "agreement-expired");
    app.ask_token_as("carrier").await.problem(403, "agreement-expired");
}

#[tokio::test]
async fn an_assessment_ends_by_the_clock_alone_and_must_be_of_level_3() {
    let until = micros("2026-11-20T09:05:00+07:00");
    let clients = [
        TestClient { assessment_until: until, ..TestClient::carrier("expiring") },
        TestClient { assessment_level: 2, ..TestClient::carrier("low") },
        TestClient { assessment_level: 5, ..TestClient::carrier("high") },
    ];
    let app = TestApp::builder().clients(clients).start().await;
    app.ask_token_as("low").await.problem(403, "assessment-expired");
    app.ask_token_as("high").await.ok();
    let caller = app.caller("expiring").await;
    let body = about_person(&app.person());
    caller.verify(&body).await.ok();
    app.pass(300);
    caller.verify(&body).await.problem(403, "assessment-expired");
    app.ask_token_as("expiring").await.problem(403, "assessment-expired");
}

#[tokio::test]
async fn a_replaced_secret_stops_working_at_once() {
    let app = TestApp::start().await;
    app.ask_token_as("carrier").await.ok();
    let hash = gateway::auth::hash_secret("another-secret").unwrap();
    let row = gateway::store::SecretRow { client_id: "carrier".into(), slot: 1, hash };
    app.app.store.put_secrets(&[row], 0).await.unwrap();
    app.app.load_directory().await.unwrap();
    app.ask_token_as("carrier").await.problem(401, "invalid-client");
    app.ask_token_with("carrier", "another-secret").await.ok();
}
