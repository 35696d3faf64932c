//! A gateway with everybody who calls it, everything that belongs to another client, and all routes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::callers::{self, Standing, Who};
use super::described::{self, Door, Route};
use super::jobs;
use super::planted::{self, Planted};
use super::requests::Sent;
use super::rights::Right;
use crate::support::{Answer, Caller, SECRET, TestApp};

/// What a matrix is made of.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) app: TestApp,
    pub(super) callers: Vec<Who>,
    pub(super) planted: Planted,
    pub(super) routes: Vec<Route>,
    /// An administrator.
    pub(super) office: Caller,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let builder =
            TestApp::builder().clients([callers::clients(), planted::clients().into()].concat());
        // Whoever cannot be told fails at the token endpoint, and all have one address.
        let builder = builder.config(|config| {
            config.auth.address_failures_burst = 1_000_000;
            config.auth.address_failures_per_second = 1_000_000;
            config.jobs.open_max = 1_000_000;
        });
        let app = builder.start().await;
        let mut callers = callers::all(&app).await;
        let office = app.admin_caller("operator").await;
        let planted = planted::plant(&app, &office).await;
        for client in callers.iter().filter_map(|who| who.client).chain([planted::ID]) {
            jobs::plant(&app, client).await;
        }
        for who in &mut callers {
            if who.may.contains(&"verify") && who.standing == Standing::Good {
                let caller = app.caller_with(who.token.as_deref().unwrap());
                who.receipt = planted::receipt_of(&app, &caller, who.purpose).await;
            }
        }
        let mut routes = Vec::new();
        for (door, url) in [(Door::Api, &app.api), (Door::Admin, &app.admin)] {
            let read = app.http.get(format!("{url}/openapi.json")).send().await.unwrap();
            let described = described::read(door, &Answer::read(read).await.ok());
            routes.extend(described.unwrap_or_else(|unknown| {
                panic!("the matrix knows too little of:\n{}", unknown.join("\n"))
            }));
        }
        Self { app, callers, planted, routes, office }
    }

    /// Sends a request as somebody: with the token, or with the secret where that is asked for.
    pub(super) async fn send(&self, route: &Route, who: &Who, sent: &Sent) -> Answer {
        let door = match sent.door {
            Door::Api => &self.app.api,
            Door::Admin => &self.app.admin,
        };
        // All of them are letters, digits and what stands for itself.
        let query: Vec<_> =
            sent.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{door}{}{mark}{}", sent.path, query.join("&"));
        let mut request = self.app.http.request(sent.method.clone(), url);
        request = match (route.row.right, who.client, &who.token) {
            (Right::Secret | Right::SecretOfAnyState, Some(client), _) => {
                let basic = STANDARD.encode(format!("{client}:{SECRET}"));
                request.header("authorization", format!("Basic {basic}"))
            }
            (_, _, Some(token)) => request.bearer_auth(token),
            (_, _, None) => request,
        };
        if let Some(media_type) = &sent.media_type {
            request = request.header("content-type", media_type);
        }
        for (name, value) in &sent.headers {
            request = request.header(name, value);
        }
        Answer::read(request.body(sent.body.clone()).send().await.unwrap()).await
    }

    /// A refusal is a problem document and nothing else, and nobody reads what is another client's
    /// who may not see everybody's.
    pub(super) fn check_unseen(&self, what: &str, route: &Route, who: &Who, answer: &Answer) {
        assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text);
        if !(200..300).contains(&answer.status) {
            let problem = answer.json();
            let code = problem["code"].as_str().unwrap_or_else(|| panic!("{what}: {problem}"));
            answer.problem(answer.status, code);
        }
        if who.sees_all(route.row) && answer.status < 300 {
            return;
        }
        let head = format!("{:?}", answer.headers);
        for canary in &self.planted.canaries {
            let tells = answer.text.contains(canary) || head.contains(canary);
            assert!(!tells, "{what}: {canary} is read in {} {}", answer.status, answer.text);
        }
    }

    /// Everything that a request without a right could have changed, as an administrator and the
    /// other client see it.
    pub(super) async fn state(&self) -> Vec<(String, Value)> {
        let mut paths = Vec::new();
        for client in [planted::ID, planted::TARGET, callers::SUSPENDED] {
            let below = ["", "/secrets", "/keys"].iter();
            paths.extend(below.map(|below| format!("/admin/v1/clients/{client}{below}")));
        }
        let lists =
            ["clients?limit=500", "policies?limit=500", "keys", "log/entries?kind=act&limit=1000"];
        paths.extend(lists.map(|list| format!("/admin/v1/{list}")));
        let mut state = Vec::new();
        for path in paths {
            let told = self.office.get(&path).await.ok();
            state.push((path, without_uses(told)));
        }
        let other = self.app.caller_with(&self.planted.token);
        for path in ["/v1/disputes", "/v1/officials", "/v1/reports/match-rates"] {
            state.push((path.to_owned(), other.get(path).await.ok()));
        }
        state
    }
}

/// When a credential was last used is written down behind requests.
fn without_uses(mut told: Value) -> Value {
    for list in ["secrets", "keys"] {
        let credentials = told.get_mut(list).and_then(Value::as_array_mut);
        for credential in credentials.into_iter().flatten() {
            if let Some(members) = credential.as_object_mut() {
                members.remove("last_used_at");
            }
        }
    }
    told
}
