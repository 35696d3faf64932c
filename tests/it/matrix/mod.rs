//! The matrix: every route, every kind of caller, another client's ids. The routes come from the
//! OpenAPI documents of both listeners, so that a new one is in it by itself; what it asks of a caller
//! is one row in [`rights`], and a route about which something is not known fails and is named.
//!
//! In a test the order is: first those who may not, then those who may, so that what the latter do
//! to other clients hides nothing.

mod bodies;
mod callers;
mod described;
mod foreign;
mod ids;
mod jobs;
mod planted;
mod requests;
mod rights;
mod stage;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

use callers::{EVERYTHING, Expected};
use described::{Door, Route};
use foreign::Pair;
use rights::{RIGHTS, Right};
use stage::Stage;

/// What both listeners have.
const ON_BOTH: [&str; 2] = ["/livez", "/readyz"];

#[tokio::test]
async fn every_route_answers_every_caller_by_its_right() {
    let stage = Stage::set().await;
    let mut refusals = BTreeMap::new();
    let mut answered = BTreeSet::new();
    let mut last = BTreeMap::new();
    for route in &stage.routes {
        for who in &stage.callers {
            let what = format!("{} by {}", route.name(), who.name);
            let answer = stage.send(route, who, &stage.good(route, who)).await;
            stage.check_unseen(&what, route, who, &answer);
            match who.expected(route.row) {
                Expected::NotKnown(code) => {
                    assert_eq!(answer.status, 401, "{what}: {}", answer.text);
                    let told = answer.problem(401, code);
                    assert!(told.get("errors").is_none(), "{what}: {told}");
                    // One body for all of them, whatever is wrong and wherever.
                    let first = refusals.entry(code).or_insert_with(|| answer.without_identity());
                    assert_eq!(*first, answer.without_identity(), "{what}");
                }
                Expected::Refused(code) => {
                    assert_eq!(answer.status, 403, "{what}: {}", answer.text);
                    let told = answer.problem(403, code);
                    assert!(told.get("errors").is_none(), "{what}: {told}");
                }
                Expected::Admitted => {
                    last.insert(route.name(), answer.text.clone());
                    let refused = [401, 403, 405].contains(&answer.status);
                    assert!(!refused, "{what}: {}", answer.text);
                    if answer.status < 300 {
                        answered.insert(route.name());
                    }
                }
            }
            let described = route.statuses.contains(&answer.status);
            assert!(described, "{what}: {} is not described", answer.status);
        }
    }
    for route in &stage.routes {
        let name = route.name();
        assert!(
            answered.contains(&name),
            "{name}: no request of the matrix is a good one: {:?}",
            last.get(&name)
        );
    }
    stage.app.verify_log().await.unwrap();
}

#[tokio::test]
async fn anothers_ids_are_as_those_of_nothing_to_all_who_do_not_see_everybodys() {
    let stage = Stage::set().await;
    let before = stage.state().await;
    for (route, who, pair) in pairs(&stage, false) {
        let what = format!("{} by {}: {}", route.name(), who.name, pair.what);
        let another = stage.send(route, who, &pair.another).await;
        let absent = stage.send(route, who, &pair.absent).await;
        for answer in [&another, &absent] {
            stage.check_unseen(&what, route, who, answer);
        }
        // Its own answer may come again, under either key.
        let again = [&another, &absent].map(|answer| answer.header("idempotent-replayed"));
        assert_eq!(again[0], again[1], "{what}: somebody's answer");
        if pair.fresh && another.status < 300 && absent.status < 300 {
            continue;
        }
        assert_eq!(another.status, absent.status, "{what}: {} {}", another.text, absent.text);
        assert_eq!(another.without_identity(), absent.without_identity(), "{what}");
    }
    for (was, is) in before.iter().zip(stage.state().await) {
        assert_eq!(*was, is, "changed by somebody who may not");
    }
    stage.app.caller_with(&stage.planted.token).get("/v1/whoami").await.ok();

    // The ids are good ones: whoever sees everybody's can tell them from those of nothing.
    let mut told_apart: BTreeMap<String, bool> = BTreeMap::new();
    for (route, who, pair) in pairs(&stage, true) {
        let another = stage.send(route, who, &pair.another).await;
        let absent = stage.send(route, who, &pair.absent).await;
        let differ = another.status != absent.status
            || another.without_identity() != absent.without_identity();
        *told_apart.entry(format!("{}: {}", route.name(), pair.what)).or_default() |= differ;
    }
    let alike: Vec<_> = told_apart.iter().filter(|(_, differ)| !**differ).collect();
    assert!(told_apart.len() > 15 && alike.is_empty(), "{alike:?}");
}

/// All requests with another's ids, of those whose rights cover all clients or of the others. Tokens
/// for one operation are those of the client that may do everything.
fn pairs(stage: &Stage, covering: bool) -> Vec<(&Route, &callers::Who, Pair)> {
    let mut all = Vec::new();
    for route in &stage.routes {
        for who in stage.callers.iter().filter(|who| who.is_whole || who.client == Some(EVERYTHING))
        {
            let mut pairs = stage.foreign(route, who);
            pairs.retain(|pair| (who.sees_all(route.row) && !pair.never) == covering);
            all.extend(pairs.into_iter().map(|pair| (route, who, pair)));
        }
    }
    all
}

#[tokio::test]
async fn methods_that_are_not_described_do_nothing() {
    let stage = Stage::set().await;
    let before = stage.state().await;
    let entries = crate::support::entry_bytes(&stage.app.app).await.len();
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    let callers = stage.callers.iter().filter(|who| is_nobody_or_anybody(who));
    for (who, route) in callers.flat_map(|who| stage.routes.iter().map(move |it| (who, it))) {
        let of_path =
            stage.routes.iter().filter(|it| (it.door, &it.path) == (route.door, &route.path));
        let described: Vec<_> = of_path.map(|it| it.method.clone()).collect();
        for name in methods {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            let is_head = method == Method::HEAD;
            let reads = is_head && described.contains(&Method::GET);
            if reads || described.contains(&method) {
                continue;
            }
            let what = format!("{name} {} by {}", route.path, who.name);
            let mut sent = stage.good(route, who);
            sent.method = method;
            let answer = stage.send(route, who, &sent).await;
            assert_eq!(answer.status, 405, "{what}: {}", answer.text);
            if !is_head {
                answer.problem(405, "method-not-allowed");
            }
            let allowed: BTreeSet<_> =
                answer.header("allow").unwrap_or_default().split(',').map(str::trim).collect();
            for known in &described {
                assert!(allowed.contains(known.as_str()), "{what}: Allow has {allowed:?}");
            }
            assert!(!allowed.contains(name), "{what}: Allow has {allowed:?}");
        }
    }
    for (was, is) in before.iter().zip(stage.state().await) {
        assert_eq!(*was, is);
    }
    assert_eq!(crate::support::entry_bytes(&stage.app.app).await.len(), entries);
}

fn is_nobody_or_anybody(who: &callers::Who) -> bool {
    who.name == "nobody" || (who.client == Some(EVERYTHING) && who.is_whole)
}

#[tokio::test]
async fn each_listener_has_its_own_routes_and_not_those_of_the_other() {
    let stage = Stage::set().await;
    let callers: Vec<_> = stage.callers.iter().filter(|who| is_nobody_or_anybody(who)).collect();
    assert_eq!(callers.len(), 2);
    for (who, route) in callers.iter().flat_map(|who| stage.routes.iter().map(move |it| (who, it)))
    {
        let mut sent = stage.good(route, who);
        sent.door = match route.door {
            Door::Api => Door::Admin,
            Door::Admin => Door::Api,
        };
        let answer = stage.send(route, who, &sent).await;
        if ON_BOTH.contains(&route.path.as_str()) {
            answer.ok();
            continue;
        }
        answer.problem(404, "not-found");
        sent.path = "/no/such/path".into();
        let nothing = stage.send(route, who, &sent).await;
        assert_eq!(answer.without_identity(), nothing.without_identity(), "{}", route.name());
    }
}

#[tokio::test]
async fn the_documents_say_of_each_route_what_the_table_says() {
    let stage = Stage::set().await;
    for route in &stage.routes {
        let (scheme, operations) = match route.row.right {
            Right::Public => (None, [].as_slice()),
            Right::Secret | Right::SecretOfAnyState => (Some("client"), [].as_slice()),
            Right::Own | Right::OwnWithStatus(_) => (Some("token"), [].as_slice()),
            Right::Operation(names) => (Some("token"), names),
        };
        let told = route.security.as_ref();
        assert_eq!(told.map(|(scheme, _)| scheme.as_str()), scheme, "{}", route.name());
        // Where a document names operations, they are those. It may name none: OpenAPI has no words
        // for one operation or another.
        let named = told.map(|(_, named)| named.as_slice()).unwrap_or_default();
        assert!(named.is_empty() || named == operations, "{}: {named:?}", route.name());
    }
    for row in &RIGHTS {
        let used = stage.routes.iter().any(|route| std::ptr::eq(route.row, row));
        assert!(used, "{row:?} is of no route");
    }
}

#[tokio::test]
async fn a_route_of_which_too_little_is_known_fails_and_is_named() {
    let app = TestApp::start().await;
    let read = app.http.get(format!("{}/openapi.json", app.admin)).send().await.unwrap();
    let document = Answer::read(read).await.ok();
    let with = |path: &str, operation: Value| {
        let mut document = document.clone();
        document["paths"][path] = json!({"post": operation});
        described::read(Door::Admin, &document).map(|routes| routes.len())
    };
    let known = described::read(Door::Admin, &document).unwrap().len();
    let told = json!({"responses": {"200": {}}});
    let parameter = |name: &str, place: &str| json!({"responses": {}, "parameters": [{"name": name, "in": place, "required": true}]});
    let body = |schema: &str| {
        json!({
            "responses": {},
            "requestBody": {"content": {"application/json": {"schema": {"$ref": schema}}}},
        })
    };
    // A route below what is known needs nothing here.
    assert_eq!(with("/admin/v1/news", told.clone()), Ok(known + 1));
    for (path, operation, words) in [
        ("/v1/news", told.clone(), "RIGHTS does not say"),
        ("/admin/v1/news/{id}", parameter("id", "path"), "PATHS does not know /admin/v1/news/"),
        ("/admin/v1/clients/{id}", told.clone(), "does not describe id"),
        ("/admin/v1/news", parameter("owner", "query"), "QUERY does not know the parameter owner"),
        ("/admin/v1/news", parameter("state", "query"), "QUERY has no value for state"),
        ("/admin/v1/news", parameter("X-Owner", "header"), "HEADERS does not know X-Owner"),
        ("/admin/v1/news", body("#/components/schemas/NewsBody"), "no good NewsBody is known"),
    ] {
        let unknown = with(path, operation).unwrap_err();
        let named = format!("POST {path}: ");
        assert!(
            unknown.len() == 1 && unknown[0].starts_with(&named) && unknown[0].contains(words),
            "{unknown:?}"
        );
    }
}
