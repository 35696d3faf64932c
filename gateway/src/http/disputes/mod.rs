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

use super::admin::admin_call;
use super::call::Call;
use super::code::Code;
use super::error::{FieldError, Problem, ProblemDocument};
use super::finish::Finish;
use super::json;
use super::verifications::json_reply;
use crate::app::App;
use crate::disputes::{self, NotDone, Opened};

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
    let call = Call::begin(&app, &request, None)?;
    let body = call.json_body(request).await;
    let read = body.and_then(|body| read_dispute(&json::parse(&body)?));
    let (disputed, note) = call.well_formed(read)?;
    call.admit()?;
    let seen = Seen::Own(call.policy()?.disclosure());
    let (shared, client, request_id) = (app, call.client().clone(), call.exchange.request_id);
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
#[utoipa::path(
    post,
    path = "/admin/v1/disputes/{id}/decision",
    params(("id" = String, Path, description = "Identity of the dispute")),
    request_body = DecisionBody,
    responses(
        (status = 200, body = DisputeReply),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 408, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 500, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_decision(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await?;
    let (decision, reason) = read_decision(&json::parse(&body)?)?;
    call.admit()?;
    if !is_dispute_id(&id) {
        return Err(Code::UnknownDispute.into());
    }
    let (shared, by, request_id) = (app, call.client().clone(), call.exchange.request_id);
    let deciding =
        async move { disputes::decide(&shared, &id, (decision, &reason), &by, request_id).await };
    let row = Finish::new(deciding).await.map_err(problem)?;
    Ok(json_reply(&dispute_reply(row, Seen::Admin)?))
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
