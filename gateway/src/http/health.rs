//! Liveness, readiness, metrics: no token, no request is counted.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::code::Code;
use super::error::{Problem, ProblemDocument};
use super::extract;
use super::verifications::json_reply;
use crate::app::App;

/// State of the process.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthReply {
    /// `live` or `ready`.
    status: &'static str,
}

/// The process runs.
#[utoipa::path(
    get,
    path = "/livez",
    responses(
        (status = 200, body = HealthReply),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn get_livez(request: Request<Body>) -> Result<Response, Problem> {
    extract::query::<0>(&request, [])?;
    Ok(json_reply(&HealthReply { status: "live" }))
}

/// The gateway can answer: its store answers and its log takes entries. The population database
/// is not asked, or its outage would take every node out of service at once, and with them the
/// `inconclusive` answers that callers are promised then.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, body = HealthReply),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub async fn get_readyz(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    extract::query::<0>(&request, [])?;
    if !app.audit.is_open() || app.store.ping().await.is_err() {
        return Err(Code::NotReady.into());
    }
    Ok(json_reply(&HealthReply { status: "ready" }))
}

/// The process's numbers in the Prometheus text form.
pub async fn get_metrics(State(app): State<Arc<App>>) -> Response {
    app.lanes.tell();
    let text = app.metrics.handle().render();
    let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, plain)], text).into_response()
}
