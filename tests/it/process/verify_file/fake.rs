//! A gateway that knows jobs and nothing else, and misbehaves on order.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post, put};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

/// Identity of every job: there is one at a time.
pub(super) const JOB: &str = "job_1";
pub(super) const CLIENT: &str = "clerk";
pub(super) const SECRET: &str = "s3cret-of-the-clerk";

/// What the fake does and what it has seen.
#[derive(Debug, Default)]
pub(super) struct Fake {
    /// Results of a job that gets through.
    pub(super) results: Vec<u8>,
    pub(super) summary: Value,
    /// Bytes of results that are there, at each look at the job; the last stays.
    pub(super) reveals: Vec<usize>,
    /// The job ends when all results are there.
    pub(super) may_end: bool,
    /// How it ends, if not well: state and problem. A paused one goes on when it is resumed.
    pub(super) ends: Option<(&'static str, Value)>,
    /// Answers to orders, in place of a job.
    pub(super) refusal: Option<(StatusCode, Value)>,
    /// So many next calls find nobody, by method.
    pub(super) away: BTreeMap<&'static str, u32>,
    /// So many next parts of a file arrive by half, and their answers not at all.
    pub(super) broken_parts: u32,
    /// So many next results break off in the middle.
    pub(super) broken_results: u32,
    /// So many next tokens are good for one call.
    pub(super) expired: u32,

    pub(super) orders: Vec<Value>,
    pub(super) file: Vec<u8>,
    /// Offset, length and `Upload-Complete` of each part.
    pub(super) parts: Vec<(u64, usize, String)>,
    /// `Range` of each call for results.
    pub(super) ranges: Vec<String>,
    /// Method and path of all calls but those for tokens.
    pub(super) calls: Vec<String>,
    pub(super) tokens: u32,
    pub(super) resumed: u32,
    pub(super) is_used: bool,
    pub(super) is_complete: bool,
    pub(super) looks: usize,
}

/// A running fake.
pub(super) struct FakeGateway {
    pub(super) url: String,
    fake: Arc<Mutex<Fake>>,
}

impl FakeGateway {
    pub(super) async fn start(fake: Fake) -> anyhow::Result<Self> {
        let fake = Arc::new(Mutex::new(fake));
        let jobs = Router::new()
            .route("/v1/jobs", post(create))
            .route("/v1/jobs/{id}", get(job).delete(cancel))
            .route("/v1/jobs/{id}/file", put(receive))
            .route("/v1/jobs/{id}/results", get(results))
            .route("/v1/jobs/{id}/resume", post(resume))
            .layer(axum::middleware::from_fn_with_state(Arc::clone(&fake), at_the_door))
            .route("/oauth2/token", post(token))
            .fallback(any(StatusCode::NOT_FOUND))
            .with_state(Arc::clone(&fake));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, jobs).await });
        Ok(Self { url, fake })
    }

    pub(super) fn is(&self) -> MutexGuard<'_, Fake> {
        self.fake.lock().unwrap()
    }
}

type Shared = State<Arc<Mutex<Fake>>>;

fn problem(status: StatusCode, code: &str) -> Response {
    (status, axum::Json(json!({"status": status.as_u16(), "code": code, "detail": "Said so."})))
        .into_response()
}

/// A body that breaks off behind `bytes`, which are on their way by then.
fn broken(bytes: &[u8]) -> Body {
    let bytes = stream::iter([Ok(Bytes::copy_from_slice(bytes))]);
    let cut = stream::once(async {
        tokio::task::yield_now().await;
        Err(io::Error::other("the line is cut"))
    });
    Body::from_stream(bytes.chain(cut))
}

fn count_down(left: &mut u32) -> bool {
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}

async fn token(State(fake): Shared, headers: HeaderMap) -> Response {
    let mut fake = fake.lock().unwrap();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    if headers["authorization"] != basic.as_str() {
        return problem(StatusCode::UNAUTHORIZED, "invalid-client");
    }
    (fake.tokens, fake.is_used) = (fake.tokens + 1, false);
    let token = format!("token-{}", fake.tokens);
    axum::Json(json!({"access_token": token, "expires_in": 600})).into_response()
}

async fn at_the_door(
    State(fake): Shared,
    request: Request,
    next: axum::middleware::Next,
) -> Response {
    {
        let mut fake = fake.lock().unwrap();
        fake.calls.push(format!("{} {}", request.method(), request.uri().path()));
        if fake.away.get_mut(request.method().as_str()).is_some_and(count_down) {
            return problem(StatusCode::SERVICE_UNAVAILABLE, "overloaded");
        }
        let token = format!("Bearer token-{}", fake.tokens);
        let is_spent = fake.is_used && count_down(&mut fake.expired);
        fake.is_used = true;
        if request.headers()["authorization"] != token.as_str() || is_spent {
            return problem(StatusCode::UNAUTHORIZED, "invalid-token");
        }
    }
    next.run(request).await
}

impl Fake {
    fn result_bytes(&self) -> usize {
        let look = self.looks.min(self.reveals.len());
        look.checked_sub(1).map_or(0, |look| self.reveals[look].min(self.results.len()))
    }

    fn document(&mut self) -> Value {
        let shown = self.result_bytes();
        let is_whole = shown == self.results.len() && self.may_end;
        let (state, problem) = match &self.ends {
            _ if self.file.is_empty() && !self.is_complete => ("created", Value::Null),
            _ if !self.is_complete => ("receiving", Value::Null),
            Some((state, problem)) if is_whole => (*state, problem.clone()),
            None if is_whole => ("done", Value::Null),
            _ => ("running", Value::Null),
        };
        let mut document = json!({
            "id": JOB, "state": state, "received_bytes": self.file.len(), "result_bytes": shown,
            "rows": shown, "lines": shown, "summary": self.summary, "something_new": true,
        });
        if !problem.is_null() {
            document["problem"] = problem;
        }
        if state == "done" {
            document["digest"] = json!({"sha256": super::sha256(&self.results),
                "bytes": self.results.len(), "rows": 3, "note": "n"});
        }
        document
    }
}

async fn create(State(fake): Shared, axum::Json(order): axum::Json<Value>) -> Response {
    let mut fake = fake.lock().unwrap();
    if let Some((status, body)) = &fake.refusal {
        return (*status, axum::Json(body.clone())).into_response();
    }
    fake.orders.push(order);
    let document = fake.document();
    (StatusCode::CREATED, axum::Json(document)).into_response()
}

async fn job(State(fake): Shared, Path(id): Path<String>) -> Response {
    let mut fake = fake.lock().unwrap();
    if id != JOB || fake.orders.is_empty() {
        return problem(StatusCode::NOT_FOUND, "not-found");
    }
    if fake.is_complete {
        fake.looks += 1;
    }
    axum::Json(fake.document()).into_response()
}

async fn cancel(State(fake): Shared) -> StatusCode {
    *fake.lock().unwrap() =
        Fake { calls: vec![format!("{} cancelled", Method::DELETE)], ..Fake::default() };
    StatusCode::NO_CONTENT
}

async fn receive(State(fake): Shared, headers: HeaderMap, body: Body) -> Response {
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (offset, complete) = (header("upload-offset").parse().unwrap(), header("upload-complete"));
    let mut fake = fake.lock().unwrap();
    if offset != fake.file.len() as u64 {
        let has = [("upload-offset", fake.file.len().to_string())];
        return (has, problem(StatusCode::CONFLICT, "offset-mismatch")).into_response();
    }
    fake.parts.push((offset, bytes.len(), complete.clone()));
    if count_down(&mut fake.broken_parts) {
        fake.file.extend_from_slice(&bytes[..bytes.len() / 2]);
        return broken(b"{").into_response();
    }
    fake.file.extend_from_slice(&bytes);
    fake.is_complete = complete == "?1";
    axum::Json(fake.document()).into_response()
}

async fn results(State(fake): Shared, headers: HeaderMap) -> Response {
    let mut fake = fake.lock().unwrap();
    let range = headers["range"].to_str().unwrap().to_owned();
    let from: usize =
        range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap();
    fake.ranges.push(range);
    let there = fake.result_bytes();
    if from >= there {
        return problem(StatusCode::RANGE_NOT_SATISFIABLE, "range");
    }
    let is_broken = count_down(&mut fake.broken_results);
    let bytes = &fake.results[from..there];
    let body =
        if is_broken { broken(&bytes[..bytes.len() / 2]) } else { Body::from(bytes.to_vec()) };
    let range = format!("bytes {from}-{}/*", there - 1);
    (StatusCode::PARTIAL_CONTENT, [("content-range", range)], body).into_response()
}

async fn resume(State(fake): Shared) -> Response {
    let mut fake = fake.lock().unwrap();
    (fake.resumed, fake.ends) = (fake.resumed + 1, None);
    axum::Json(fake.document()).into_response()
}
