//! `POST /v1/verifications`: wire to request, decision to reply.

mod read;
mod shown;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::call::Call;
use super::code::Code;
use super::deadline;
use super::described::{BodyProblems, CallProblems};
use super::error::{Problem, ProblemDocument};
use super::idempotency::{self, Sent, Turn};
use super::json;
use super::subject::Reader;
use crate::app::App;
use crate::policy::{Demands, Refusal};
use crate::replay;
use crate::request::{Operation, Verification};
use crate::verification::{self, NotAnswered};

pub use read::{VerificationBody, read_verification};
pub(super) use shown::AttributesReply;
pub use shown::{ReceiptReply, VerdictReply, VerificationReply};

/// Where verifications are posted.
const PATH: &str = "/v1/verifications";

/// Verifies what the caller holds about one person.
#[utoipa::path(
    post,
    path = "/v1/verifications",
    request_body = VerificationBody,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours get the same answer, marked by `Idempotent-Replayed: true` and not counted again."),
        ("Request-Deadline-Ms" = Option<u32>, Header, minimum = 1, maximum = 30000, description = deadline::DESCRIPTION)
    ),
    responses(
        (status = 200, body = VerificationReply),
        CallProblems,
        BodyProblems,
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn post_verification(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, Some(Operation::Verify))?;
    let policy = call.policy()?;
    let read = read(&call, policy.demands(), request).await;
    let (sent, verification) = call.well_formed(read)?;
    let own_purpose = Some(&verification.purpose).filter(|purpose| policy.names(purpose));
    let agency = verification.on_behalf_of.as_ref();
    // Nobody makes a digest that no limit asks for.
    let is_limited = policy.terms().official_limits.is_some();
    let official = verification.official.as_ref().filter(|_| is_limited);
    let admission = call.admit_for(own_purpose, agency, official).await?;
    let admitted = call.enter(admission).await?;
    let turn = Turn::take(&call, &admitted.admission, PATH, sent).await?;
    let (shared, caller, context) = (app, call.caller.clone(), call.exchange.context(turn.key()));
    let story = async move {
        // Held to the end of the story, which is not that of its caller.
        let decided = match &turn {
            Turn::Again(_held, row) => {
                replay::verify(&shared, admitted, &caller, &verification, row).await
            }
            Turn::Plain | Turn::First(_) => {
                verification::verify(&shared, admitted, &caller, &verification, &context).await
            }
        };
        (decided, turn.is_again())
    };
    let exchange = Arc::clone(&call.exchange);
    let (decided, again) = call.finish(story).await;
    match decided {
        Ok(decision) if again => {
            Ok(idempotency::mark(json_reply(&VerificationReply::new(decision))))
        }
        Ok(decision) => Ok(json_reply(&VerificationReply::new(decision))),
        Err(NotAnswered::Refused(refusal, _receipt)) => {
            let problem = Problem::from(refusal_code(refusal));
            Err(if again { problem.again() } else { problem })
        }
        Err(NotAnswered::SubjectGuarded(guarded, recorded)) => {
            // Who is refused takes nothing; asking the register has its price.
            if recorded.is_none() {
                exchange.give_back();
            }
            Err(Problem::retry_after(Code::SubjectGuarded, guarded.retry_after))
        }
        Err(NotAnswered::QuotaExceeded(exceeded)) => {
            Err(Problem::retry_after(Code::QuotaExceeded, exceeded.retry_after))
        }
        Err(NotAnswered::LogUnavailable(_)) => Err(Code::LogUnavailable.into()),
        Err(NotAnswered::KeyTaken) => Err(Code::IdempotencyKeyInUse.into()),
        Err(NotAnswered::Overloaded(shed)) => Err(shed.into()),
        Err(NotAnswered::RegisterUnavailable) => Err(Code::Overloaded.into()),
        Err(NotAnswered::Store(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an entry cannot be read");
            Err(Code::InternalError.into())
        }
        Err(NotAnswered::NoPolicy) => Err(Code::InternalError.into()),
    }
}

/// Everything a request says: as it was sent, and what it means.
async fn read(
    call: &Call,
    demands: Demands,
    request: Request<Body>,
) -> Result<(Sent, Verification), Problem> {
    deadline::note(call, request.headers())?;
    let sent = Sent::read(call, request).await?;
    let verification = read_verification(&json::parse(&sent.body)?, demands, Reader::of(call))?;
    Ok((sent, verification))
}

/// The code that tells a client why the policy refused.
pub(super) fn refusal_code(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Operation => Code::OperationNotPermitted,
        Refusal::Purpose => Code::PurposeNotPermitted,
        Refusal::OnBehalfOf => Code::OnBehalfOfNotPermitted,
        Refusal::Official => Code::OfficialUnknown,
        Refusal::SubjectGuarded => Code::SubjectGuarded,
    }
}

/// A reply with its advice in two languages fits, so that the buffer does not grow in steps.
const REPLY_BYTES_USUAL: usize = 1_536;

/// A 200 with a JSON body.
pub(super) fn json_reply(body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(REPLY_BYTES_USUAL);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => {
            let json = HeaderValue::from_static("application/json");
            let no_store = HeaderValue::from_static("no-store");
            ([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, no_store)], bytes)
                .into_response()
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a reply cannot be written");
            Problem::from(Code::InternalError).into_response()
        }
    }
}
