//! Disputes in pages, the oldest first: a client's own, or everyone's.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::admin::admin_call;
use super::super::call::Call;
use super::super::code::Code;
use super::super::described::CallProblems;
use super::super::error::{FieldError, Problem, ProblemDocument};
use super::super::extract;
use super::super::verifications::json_reply;
use super::problem;
use super::read::is_dispute_id;
use super::shown::{DisputeReply, Seen, dispute_reply};
use crate::app::App;
use crate::audit::DisputeState;
use crate::disputes::NotDone;
use crate::request::Operation;
use crate::store::DisputeFilter;

/// Disputes on a page when the caller names no number, and at most.
const PAGE_USUAL: i64 = 50;
const PAGE_MAX: i64 = 200;

/// Names of the list's parameters.
const PARAMETERS: [&str; 3] = ["state", "after", "limit"];

/// Parameters of the list.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DisputesQuery {
    /// `open`, `upheld` or `rejected`; all when left out.
    pub state: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Disputes on the page, 1 to 200; 50 when left out.
    pub limit: Option<String>,
}

/// A page of disputes, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputesReply {
    /// The disputes.
    disputes: Vec<DisputeReply>,
    /// `after` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Own disputes, or everyone's with `report`, the oldest first.
#[utoipa::path(
    get,
    path = "/v1/disputes",
    params(DisputesQuery),
    responses(
        (status = 200, body = DisputesReply),
        CallProblems,
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_disputes(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, None)?;
    let sees_all = call.may(Operation::Report)?;
    let seen = if sees_all { Seen::All } else { Seen::Own(call.policy()?.disclosure()) };
    list(&call, seen, extract::query(&request, PARAMETERS)?).await
}

/// Everyone's disputes, on the admin listener.
#[utoipa::path(
    get,
    path = "/admin/v1/disputes",
    params(DisputesQuery),
    responses(
        (status = 200, body = DisputesReply),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 500, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_admin_disputes(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    list(&call, Seen::Admin, extract::query(&request, PARAMETERS)?).await
}

async fn list(
    call: &Call,
    seen: Seen,
    [state, after, limit]: [Option<String>; 3],
) -> Result<Response, Problem> {
    let mut errors = Vec::new();
    let mut wrong = |name: &str| {
        errors.push(FieldError { pointer: format!("/{name}"), code: "malformed" });
    };
    if state.as_deref().is_some_and(|state| DisputeState::find(state).is_none()) {
        wrong("state");
    }
    let after = after.map(|after| read_cursor(&after));
    if after == Some(None) {
        wrong("after");
    }
    let limit = limit.map_or(Some(PAGE_USUAL), |limit| limit.parse().ok());
    let limit = limit.filter(|limit| (1..=PAGE_MAX).contains(limit));
    if limit.is_none() {
        wrong("limit");
    }
    let (Some(limit), true) = (limit, errors.is_empty()) else {
        return Err(Problem::with_errors(Code::InvalidValue, errors));
    };
    let _admission = call.admit().await?;
    let client = match seen {
        Seen::Own(_) => Some(call.client().as_str()),
        Seen::All | Seen::Admin => None,
    };
    let after = after.flatten();
    let filter =
        DisputeFilter { client_id: client, state: state.as_deref(), after: after.as_deref() };
    // One more than is shown tells whether there is a next page.
    let rows = call.app.store.disputes(filter, limit + 1).await;
    let mut rows = rows.map_err(|error| problem(NotDone::Store(error)))?;
    let is_last = rows.len() as i64 <= limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| !is_last).map(|row| URL_SAFE_NO_PAD.encode(&row.id));
    let disputes =
        rows.into_iter().map(|row| dispute_reply(row, seen)).collect::<Result<_, _>>()?;
    Ok(json_reply(&DisputesReply { disputes, next }))
}

fn read_cursor(text: &str) -> Option<String> {
    let id = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    is_dispute_id(&id).then_some(id)
}
