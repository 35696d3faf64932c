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
use super::described::{BodyProblems, CallProblems};
use super::error::{FieldError, Problem, ProblemDocument};
use super::idempotency::{self, Sent, Turn};
use super::json;
use super::verifications::json_reply;
use crate::app::App;
use crate::disputes::{self, NotDone, Opened};

/// Where disputes are posted.
const PATH: &str = "/v1/disputes";
/// Where an administrator finds everyone's.
const PATH_OF_ALL: &str = "/admin/v1/disputes";

/// Disputes the answer of a receipt: this person is real. The same receipt again gets the dispute
/// that is there.
#[utoipa::path(
    post,
    path = "/v1/disputes",
    request_body = DisputeBody,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours get the same status and the dispute as it then stands, marked by `Idempotent-Replayed: true`; nothing is recorded again.")
    ),
    responses(
        (status = 200, description = "It was disputed before", body = DisputeReply),
        (status = 201, body = DisputeReply),
        CallProblems,
        BodyProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_dispute(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, None)?;
    let sent = Sent::read(&call, request).await;
    let read = sent.and_then(|sent| {
        let (disputed, note) = read_dispute(&json::parse(&sent.body)?)?;
        Ok((sent, disputed, note))
    });
    let (sent, disputed, note) = call.well_formed(read)?;
    let admission = call.admit().await?;
    let seen = Seen::Own(call.policy()?.disclosure());
    let turn = Turn::take(&call, &admission, PATH, sent).await?;
    let (client, context) = (call.client().clone(), call.exchange.context(turn.key()));
    let story = async move {
        // Held to the end of the story, which is not that of its caller.
        let opened = match &turn {
            Turn::Again(_held, row) => {
                disputes::open_again(&app, &client, &disputed, row, context.request_id).await
            }
            Turn::Plain | Turn::First(_) => {
                disputes::open(&app, &client, &disputed, note, &context).await
            }
        };
        (opened, turn.is_again())
    };
    let (opened, again) = call.finish(story).await;
    let Opened { row, is_new } = opened.map_err(problem)?;
    let mut reply = json_reply(&dispute_reply(row, seen)?);
    if is_new {
        *reply.status_mut() = StatusCode::CREATED;
    }
    Ok(if again { idempotency::mark(reply) } else { reply })
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
    let sent = Sent::read(&call, request).await?;
    let (decision, reason) = read_decision(&json::parse(&sent.body)?)?;
    let admission = call.admit().await?;
    if !is_dispute_id(&id) {
        return Err(Code::UnknownDispute.into());
    }
    let path = format!("{PATH_OF_ALL}/{id}/decision");
    let turn = Turn::take(&call, &admission, &path, sent).await?;
    let (by, context) = (call.client().clone(), call.exchange.context(turn.key()));
    let story = async move {
        // Again or not: what was decided so is found so. The turn is held to the end.
        let decided = disputes::decide(&app, &id, (decision, &reason), &by, &context).await;
        (decided, turn.is_again())
    };
    let (decided, again) = call.finish(story).await;
    let reply = json_reply(&dispute_reply(decided.map_err(problem)?, Seen::Admin)?);
    Ok(if again { idempotency::mark(reply) } else { reply })
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
        NotDone::KeyTaken => Code::IdempotencyKeyInUse.into(),
        NotDone::Store(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "disputes cannot be read or kept");
            Code::InternalError.into()
        }
    }
}
