//! Behind a proxy: whoever fails too often is the caller, and not the proxy that all come through.

use gateway::config::Networks;

use crate::support::{Answer, TestApp};

const FORM: &str = "grant_type=client_credentials";

/// A token request that comes from `source`, as the proxy between says.
async fn ask(app: &TestApp, secret: &str, source: &str) -> Answer {
    let request = app.http.post(format!("{}/oauth2/token", app.api)).body(FORM);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.basic_auth("carrier", Some(secret));
    let request = request.header("forwarded", format!("for=198.51.100.9, for={source}"));
    Answer::read(request.send().await.unwrap()).await
}

async fn behind(trusted: &'static str) -> TestApp {
    let builder = TestApp::builder().config(move |config| {
        config.server.trusted_proxies = Networks::parse([trusted]).unwrap();
        config.auth.address_failures_burst = 2;
    });
    builder.start().await
}

async fn source_of(app: &TestApp, token: &str, forwarded: &str) -> String {
    let request = app.http.get(format!("{}/v1/whoami", app.api)).bearer_auth(token);
    let request = request.header("forwarded", forwarded);
    let told = Answer::read(request.send().await.unwrap()).await.ok();
    told["source_address"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_callers_failures_behind_a_trusted_proxy_lock_no_other_out() {
    let app = behind("127.0.0.1").await;
    for _ in 0..2 {
        ask(&app, "wrong", "203.0.113.7").await.problem(401, "invalid-client");
    }
    ask(&app, "wrong", "203.0.113.7").await.problem(429, "address-limited");
    let right = crate::support::SECRET;
    ask(&app, right, "203.0.113.7").await.problem(429, "address-limited");
    let token = ask(&app, right, "203.0.113.8").await.ok()["access_token"].clone();
    let token = token.as_str().unwrap();
    assert_eq!(source_of(&app, token, "for=203.0.113.8;proto=https").await, "203.0.113.8");
    assert_eq!(source_of(&app, token, "for=_hidden").await, "127.0.0.1");
}

#[tokio::test]
async fn whoever_is_no_trusted_proxy_is_not_believed() {
    let app = behind("10.0.0.0/8").await;
    let token = ask(&app, crate::support::SECRET, "203.0.113.8").await.ok()["access_token"].clone();
    let token = token.as_str().unwrap();
    assert_eq!(source_of(&app, token, "for=203.0.113.8").await, "127.0.0.1");
    for last in 0..2 {
        ask(&app, "wrong", &format!("203.0.113.{last}")).await.problem(401, "invalid-client");
    }
    ask(&app, "wrong", "203.0.113.50").await.problem(429, "address-limited");
    ask(&app, "wrong", "203.0.113.51").await.problem(429, "address-limited");
}
