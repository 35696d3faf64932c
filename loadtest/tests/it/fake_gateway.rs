//! A gateway small enough to be obviously right: it compares claims with a list of people.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// As a gateway must, to a carrier.
    Truthful,
    /// With one bit, always the same.
    AlwaysMatched,
    /// To nobody: it refuses every client.
    NoToken,
}

/// A running fake with the files that describe it.
pub(crate) struct FakeGateway {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    runtime: Option<Runtime>,
}

struct Register {
    answers: Answers,
    people: HashMap<String, (String, String, String)>,
}

impl FakeGateway {
    pub(crate) fn start(answers: Answers) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clients = json!([
            {"client_id": "carrier-slow", "client_secret": "a", "kind": "carrier", "rate": 10,
             "operations": ["verify"], "purposes": ["telecom.subscriber"]},
            {"client_id": "carrier-fast", "client_secret": "b", "kind": "carrier",
             "operations": ["verify"], "purposes": ["telecom.subscriber"], "rate": 200_000},
        ]);
        std::fs::write(folder.path().join("clients.json"), clients.to_string()).unwrap();
        let people = people();
        let mut lines = String::new();
        for (id, (name, date, sex)) in &people {
            let line = json!({"personal_id": id, "full_name": name, "date_of_birth": date,
                "sex": sex, "permanent_address": null, "status": "active"});
            writeln!(lines, "{line}").unwrap();
        }
        std::fs::write(folder.path().join("people.ndjson"), lines).unwrap();

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/oauth2/token", post(token))
            .route("/v1/verifications", post(verify))
            .with_state(Arc::new(Register { answers, people }));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, folder, runtime: Some(runtime) }
    }

    pub(crate) fn clients(&self) -> String {
        self.folder.path().join("clients.json").to_str().unwrap().to_owned()
    }

    pub(crate) fn people(&self) -> String {
        self.folder.path().join("people.ndjson").to_str().unwrap().to_owned()
    }

    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for FakeGateway {
    fn drop(&mut self) {
        self.stop();
    }
}

fn people() -> HashMap<String, (String, String, String)> {
    let names = ["Nguyễn Văn Hoà", "Trần Thị Ánh", "Lê Đức Dũng", "Phạm Ngọc Thuỷ"];
    (0..40)
        .map(|n| {
            let name = names[n % names.len()].to_owned();
            let date = format!("19{:02}-{:02}-{:02}", n + 50, n % 12 + 1, n % 28 + 1);
            (format!("001{:03}{n:06}", n + 50), (name, date, "male".to_owned()))
        })
        .collect()
}

async fn token(
    State(register): State<Arc<Register>>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    // "carrier-fast:b"
    let good =
        headers.get("authorization").is_some_and(|value| value == "Basic Y2Fycmllci1mYXN0OmI=");
    if register.answers == Answers::NoToken || !good {
        return (StatusCode::UNAUTHORIZED, Json(json!({"status": 401, "code": "invalid-client"})));
    }
    let token = json!({"access_token": "good", "token_type": "Bearer", "expires_in": 600});
    (StatusCode::OK, Json(token))
}

async fn verify(
    State(register): State<Arc<Register>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> (StatusCode, Json<Value>) {
    if headers.get("authorization").is_none_or(|value| value != "Bearer good") {
        return (StatusCode::UNAUTHORIZED, Json(json!({"status": 401, "code": "invalid-token"})));
    }
    let person = register.people.get(request["subject"]["personal_id"].as_str().unwrap());
    let claims = request["attributes"].as_object().unwrap();
    let all_match = register.answers == Answers::AlwaysMatched;
    let name = claims["full_name"].as_str().unwrap();
    let name_verdict = person.map_or("no_match", |person| compare_name(name, &person.0));
    let hidden = name_verdict == "no_match";
    let mut verdicts = serde_json::Map::new();
    for (attribute, claim) in claims {
        let verdict = match (attribute.as_str(), person) {
            _ if all_match => "match",
            ("full_name", _) => name_verdict,
            ("date_of_birth", Some(person)) if !hidden && *claim == person.1 => "match",
            ("sex", Some(person)) if !hidden && *claim == person.2 => "match",
            _ => "no_match",
        };
        verdicts.insert(attribute.clone(), json!({"verdict": verdict}));
    }
    let failed = |name: &str| verdicts[name]["verdict"] == "no_match";
    let matched = !failed("full_name") && !failed("date_of_birth");
    let outcome = if matched { "matched" } else { "not_matched" };
    (StatusCode::OK, Json(json!({"id": "ver_1", "outcome": outcome, "attributes": verdicts})))
}

/// The names that are sent are true, in capitals, decomposed, bare of marks, or somebody else's.
fn compare_name(claim: &str, on_file: &str) -> &'static str {
    use unicode_normalization::UnicodeNormalization;
    let whole = |name: &str| name.nfc().collect::<String>().to_lowercase();
    let bare = |name: &str| {
        let letters = name.nfd().filter(char::is_ascii);
        letters.collect::<String>()
    };
    if whole(claim) == whole(on_file) {
        return "match";
    }
    if claim.is_ascii() && bare(&claim.replace('D', "")) == bare(&on_file.replace(['Đ', 'D'], ""))
    {
        return "close";
    }
    "no_match"
}
