//! `/v1/disputes`: a client says that an answer is wrong; and on the admin listener the operator's
//! decision.

mod list;
mod read;
mod shown;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;

pub use list::*;
pub use read::*;
pub use shown::*;

use super::code::Code;
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract::{self, Exchange};
use super::finish::Finish;
use super::json;
use super::verifications::json_reply;
use crate::app::App;
use crate::auth::Caller;
use crate::disputes::{self, NotDone, Opened};
use crate::policy::Disclosure;
use crate::reports::Edge;
use crate::request::{ClientId, Operation};

/// Disputes the answer of a receipt: this person is real. The same receipt again gets the dispute
/// that is there.
#[utoipa::path(
    post,
    path = "/v1/disputes",
    request_body = DisputeBody,
    responses(
        (status = 200, description = "It was disputed before", body = DisputeReply),
        (status = 201, body = DisputeReply),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 408, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 500, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_dispute(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let exchange = extract::exchange(&request)?;
    let caller = extract::caller(&app, &exchange, request.headers())?;
    let read = match extract::query::<0>(&request, []) {
        Ok([]) => extract::body(&app, request, "application/json")
            .await
            .and_then(|body| read_dispute(&json::parse(&body)?)),
        Err(problem) => Err(problem),
    };
    let client = caller.client().client_id.clone();
    let malformed = |_: &Problem| {
        app.edge.add(exchange.received_at, &client, None, None, Edge::Malformed);
    };
    let (disputed, note) = read.inspect_err(malformed)?;
    admit(&app, &caller, &exchange)?;
    let seen = Seen::Own(disclosure(&app, &caller)?);
    let (shared, request_id) = (Arc::clone(&app), exchange.request_id);
    let opening =
        async move { disputes::open(&shared, &client, &disputed, note, request_id).await };
    let Opened { row, is_new } = Finish::new(opening).await.map_err(problem)?;
    let mut reply = json_reply(&dispute_reply(row, seen)?);
    if is_new {
        *reply.status_mut() = StatusCode::CREATED;
    }
    Ok(reply)
}

/// The operator's decision on a dispute, on the admin listener.
pub async fn post_decision(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let exchange = extract::exchange(&request)?;
    let caller = admin(&app, &exchange, &request)?;
    let [] = extract::query::<0>(&request, [])?;
    let body = extract::body(&app, request, "application/json").await?;
    let (decision, reason) = read_decision(&json::parse(&body)?)?;
    admit(&app, &caller, &exchange)?;
    if !is_dispute_id(&id) {
        return Err(Code::UnknownDispute.into());
    }
    let (shared, request_id) = (Arc::clone(&app), exchange.request_id);
    let by = caller.client().client_id.clone();
    let deciding =
        async move { disputes::decide(&shared, &id, (decision, &reason), &by, request_id).await };
    let row = Finish::new(deciding).await.map_err(problem)?;
    Ok(json_reply(&dispute_reply(row, Seen::Admin)?))
}

/// Whether both token and policy name an operation.
fn may(app: &App, caller: &Caller, operation: Operation) -> Result<bool, Problem> {
    let policy = app.policies.find(&caller.client().policy).ok_or(Code::InternalError)?;
    Ok(caller.has_scope(operation) && policy.operations().contains(operation))
}

fn disclosure(app: &App, caller: &Caller) -> Result<Disclosure, Problem> {
    let policy = app.policies.find(&caller.client().policy).ok_or(Code::InternalError)?;
    Ok(policy.disclosure())
}

/// The caller, who must be an administrator.
fn admin(app: &App, exchange: &Exchange, request: &Request<Body>) -> Result<Caller, Problem> {
    let caller = extract::caller(app, exchange, request.headers())?;
    if may(app, &caller, Operation::Admin)? {
        return Ok(caller);
    }
    Err(Code::OperationNotPermitted.into())
}

/// Takes from the caller's rate; what it asks here has no operation.
fn admit(app: &App, caller: &Caller, exchange: &Exchange) -> Result<(), Problem> {
    let client: &ClientId = &caller.client().client_id;
    app.client_limits.admit(caller).map(drop).map_err(|limited| {
        app.edge.add(exchange.received_at, client, None, None, Edge::Throttled);
        Problem::retry_after(Code::RateLimited, limited.retry_after)
    })
}

fn problem(not_done: NotDone) -> Problem {
    match not_done {
        NotDone::UnknownReceipt => Code::UnknownReceipt.into(),
        NotDone::NotDisputable => {
            let error = FieldError { pointer: "/receipt".into(), code: "not-disputable" };
            Problem::with_errors(Code::InvalidValue, vec![error])
        }
        NotDone::UnknownDispute => Code::UnknownDispute.into(),
        NotDone::DecidedOtherwise => Code::DisputeDecided.into(),
        NotDone::LogUnavailable => Code::LogUnavailable.into(),
        NotDone::Store(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "disputes cannot be read or kept");
            Code::InternalError.into()
        }
    }
}
