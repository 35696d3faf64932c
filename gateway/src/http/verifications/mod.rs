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
use crate::policy::{Demands, Policy, Refusal};
use crate::rate_limit::{Admission, Admitted};
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
    let admission = admit(&call, &policy, &verification).await?;
    let admitted = call.enter(admission).await?;
    let turn = Turn::take(&call, &admitted.admission, PATH, sent).await?;
    let Answered { reply, is_again } = answer(&call, admitted, verification, turn).await?;
    let response = json_reply(&reply);
    Ok(if is_again { idempotency::mark(response) } else { response })
}

/// An answer as it is sent.
pub(super) struct Answered {
    pub(super) reply: VerificationReply,
    /// Whether it was given before.
    pub(super) is_again: bool,
}

/// Takes from the rates that a verification meets.
///
/// # Errors
/// 429, which is counted.
pub(super) async fn admit(
    call: &Call,
    policy: &Policy,
    verification: &Verification,
) -> Result<Admission, Problem> {
    let own_purpose = Some(&verification.purpose).filter(|purpose| policy.names(purpose));
    let agency = verification.on_behalf_of.as_ref();
    // Nobody makes a digest that no limit asks for.
    let is_limited = policy.terms().official_limits.is_some();
    let official = verification.official.as_ref().filter(|_| is_limited);
    call.admit_for(own_purpose, agency, official).await
}

/// The story of a verification that has its place, and what is told of it. It goes on to its end when
/// the caller has gone.
///
/// # Errors
/// The problem that it came to.
pub(super) async fn answer(
    call: &Call,
    admitted: Admitted,
    verification: Verification,
    turn: Turn,
) -> Result<Answered, Problem> {
    let (app, caller) = (Arc::clone(&call.app), call.caller.clone());
    let context = call.exchange.context(turn.key());
    let story = async move {
        // Held to the end of the story, which is not that of its caller.
        let decided = match &turn {
            Turn::Again(_held, row) => {
                replay::verify(&app, admitted, &caller, &verification, row).await
            }
            Turn::Plain | Turn::First(_) => {
                verification::verify(&app, admitted, &caller, &verification, &context).await
            }
        };
        (decided, turn.is_again())
    };
    let (decided, is_again) = call.finish(story).await;
    match decided {
        Ok(decision) => Ok(Answered { reply: VerificationReply::new(decision), is_again }),
        Err(not_answered) => Err(problem(call, not_answered, is_again)),
    }
}

/// What a caller is told who gets no answer.
fn problem(call: &Call, not_answered: NotAnswered, is_again: bool) -> Problem {
    match not_answered {
        NotAnswered::Refused(refusal, _receipt) => {
            let problem = Problem::from(refusal_code(refusal));
            if is_again { problem.again() } else { problem }
        }
        NotAnswered::SubjectGuarded(guarded, recorded) => {
            // Who is refused takes nothing; asking the register has its price.
            if recorded.is_none() {
                call.exchange.give_back();
            }
            Problem::retry_after(Code::SubjectGuarded, guarded.retry_after)
        }
        NotAnswered::QuotaExceeded(exceeded) => {
            Problem::retry_after(Code::QuotaExceeded, exceeded.retry_after)
        }
        NotAnswered::LogUnavailable(_) => Code::LogUnavailable.into(),
        NotAnswered::KeyTaken => Code::IdempotencyKeyInUse.into(),
        NotAnswered::Overloaded(shed) => shed.into(),
        NotAnswered::RegisterUnavailable => Code::Overloaded.into(),
        NotAnswered::Store(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "an entry cannot be read");
            Code::InternalError.into()
        }
        NotAnswered::NoPolicy => Code::InternalError.into(),
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
    let node = json::parse(&sent.body)?;
    let verification = read_verification(&node, String::new(), demands, Reader::of(call))?;
    drop(node);
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
