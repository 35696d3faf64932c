//! Every route needs a caller, unless it is on the list.

use serde_json::Value;

use crate::support::{Answer, TestApp};

/// Routes that ask for no token: what is public, and what asks for a client's credentials. This list
/// may only shrink.
const OPEN: [&str; 8] = [
    "/livez",
    "/readyz",
    "/oauth2/token",
    "/oauth2/revoke",
    "/oauth2/introspect",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/openapi.json",
];

/// Routes without a token that the sandbox alone has, because all people in them are made up. This
/// list may only shrink.
const OPEN_IN_THE_SANDBOX: [&str; 1] = ["/sandbox/v1/personas"];

/// What the API or the admin listener says of its routes.
async fn description(app: &TestApp, door: &str) -> Value {
    let answer = app.http.get(format!("{door}/openapi.json")).send().await.unwrap();
    Answer::read(answer).await.ok()
}

/// Path and method of everything that is described.
fn described(description: &Value) -> Vec<(String, reqwest::Method)> {
    let paths = description["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.filter_map(|name| {
            let method = reqwest::Method::from_bytes(name.to_uppercase().as_bytes()).unwrap();
            let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
            known.contains(&method.as_str()).then(|| (path.replace(['{', '}'], "x"), method))
        })
    });
    methods.collect()
}

#[tokio::test]
async fn every_described_route_needs_a_caller_unless_listed() {
    let app = TestApp::start().await;
    for door in [&app.api, &app.admin] {
        let routes = described(&description(&app, door).await);
        assert!(routes.len() >= 6, "{routes:?}");
        for (path, method) in routes {
            let request = app.http.request(method.clone(), format!("{door}{path}"));
            let answer = Answer::read(request.send().await.unwrap()).await;
            if OPEN.contains(&path.as_str()) {
                assert_ne!(answer.status, 404, "{method} {path}");
            } else {
                answer.problem(401, "invalid-token");
            }
        }
    }
}

#[tokio::test]
async fn every_operation_says_how_it_is_secured_and_how_it_refuses() {
    let app = TestApp::start().await;
    let mut paths = serde_json::Map::new();
    for door in [&app.api, &app.admin] {
        let described = description(&app, door).await;
        paths.extend(described["paths"].as_object().unwrap().clone());
    }
    for (path, item) in &paths {
        for (method, operation) in item.as_object().unwrap() {
            if !OPEN.contains(&path.as_str()) {
                assert!(operation["security"][0]["token"].is_array(), "{method} {path}");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                // What is done without an answer has no content.
                let types = response["content"].as_object();
                let problem = types.is_some_and(|t| t.contains_key("application/problem+json"));
                assert_eq!(problem, !status.starts_with('2'), "{method} {path} {status}");
            }
        }
    }
}

#[tokio::test]
async fn every_parameter_is_described_in_the_place_where_it_is_sent() {
    let app = TestApp::start().await;
    let mut seen = 0;
    for door in [&app.api, &app.admin] {
        let described = description(&app, door).await;
        let items = described["paths"].as_object().unwrap().iter();
        let operations = items.flat_map(|(path, item)| {
            item.as_object().unwrap().values().map(move |operation| (path, operation))
        });
        for (path, operation) in operations {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let is_in_path =
                    path.contains(&format!("{{{}}}", parameter["name"].as_str().unwrap()));
                assert_eq!(parameter["in"] == "path", is_in_path, "{path} {parameter}");
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "{seen}");
}

#[tokio::test]
async fn the_admin_listener_serves_metrics_and_the_api_does_not() {
    let app = TestApp::start().await;
    assert!(app.metrics().await.contains("gateway_request_seconds"));
    let answer = app.http.get(format!("{}/metrics", app.api)).send().await.unwrap();
    Answer::read(answer).await.problem(404, "not-found");
    let answer = app.http.post(format!("{}/v1/verifications", app.admin)).send().await.unwrap();
    Answer::read(answer).await.problem(404, "not-found");
}

#[tokio::test]
async fn what_the_sandbox_shows_is_not_found_elsewhere() {
    let app = TestApp::start().await;
    for path in OPEN_IN_THE_SANDBOX {
        for door in [&app.api, &app.admin] {
            let answer = app.http.get(format!("{door}{path}")).send().await.unwrap();
            Answer::read(answer).await.problem(404, "not-found");
        }
    }
}
