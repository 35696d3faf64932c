//! `POST /v1/verifications`: wire to request, decision to reply.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use utoipa::ToSchema;

use super::call::Call;
use super::claims::{AttributesBody, SentClaims, read_claims};
use super::code::Code;
use super::deadline;
use super::described::{BodyProblems, CallProblems};
use super::error::{Problem, ProblemDocument};
use super::idempotency::{self, Sent, Turn};
use super::json::{self, Errors, Fields};
use super::subject::{Reader, SubjectBody, read_subject};
use crate::app::App;
use crate::audit::Receipt;
use crate::matching::{self, Shown};
use crate::policy::{Demands, Disclosure, Refusal};
use crate::replay;
use crate::request::{
    AgencyCode, Attribute, CaseRef, OfficialRef, Operation, Procedure, Purpose, Verification,
};
use crate::verification::{self, Decision, NotAnswered};

/// Where verifications are posted.
const PATH: &str = "/v1/verifications";

/// Body of a verification. The handler reads it by hand so that all errors are told at once; a
/// test holds this description to what it reads.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct VerificationBody {
    /// The person asked about, by exactly one key.
    pub subject: SubjectBody,
    /// Purpose code of the client.
    #[schema(example = "telecom.subscriber")]
    pub purpose: String,
    /// The caller's own reference; kept only as a keyed digest.
    #[schema(nullable = false)]
    pub case_ref: Option<String>,
    /// The official who asks; kept only as a keyed digest.
    #[schema(nullable = false)]
    pub official: Option<String>,
    /// Agency code for which the client acts.
    #[schema(nullable = false)]
    pub on_behalf_of: Option<String>,
    /// Code of the public-service procedure.
    #[schema(nullable = false)]
    pub procedure: Option<String>,
    /// What the caller holds about the person. May be left out with `card_qr`, and with no other
    /// key; what it says goes before what the card says.
    #[schema(required = false)]
    pub attributes: AttributesBody,
}

/// Answer to a verification.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationReply {
    /// Identity of the answer.
    id: String,
    /// `matched`, `not_matched` or `inconclusive`.
    outcome: &'static str,
    /// Normalisation rules that were applied.
    profile: &'static str,
    /// Policy that was applied, `name@version`.
    policy: String,
    /// Verdict and reason per attribute, as far as the policy discloses them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::HashMap<String, VerdictReply>>)]
    attributes: Option<AttributesReply>,
    /// Status of the subject, where the policy discloses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_status: Option<&'static str>,
    /// What the clerk should do now; with every answer that is not `matched`.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<AdviceReply>,
    /// Token by which this client knows the person again.
    subject_token: String,
    /// Freshness of the register's answer, RFC 3339; null where it did not answer.
    registry_as_of: Option<String>,
    /// When it was decided, RFC 3339.
    evaluated_at: String,
    /// Where it is written down.
    receipt: ReceiptReply,
}

/// Verdict on one attribute.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerdictReply {
    /// `match`, `close`, `no_match`, `not_on_file`, `not_checked` or `not_permitted`.
    verdict: &'static str,
    /// Why it is not `match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// What the clerk should do now.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdviceReply {
    /// Stable code.
    code: &'static str,
    /// In Vietnamese.
    vi: &'static str,
    /// In English.
    en: &'static str,
}

/// Where an answer is written down.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptReply {
    /// Name of the log.
    log: String,
    /// Index of the entry.
    index: u64,
    /// Leaf hash of the entry (RFC 6962), base64.
    leaf: String,
}

impl ReceiptReply {
    /// Shows a receipt.
    pub(super) fn new(receipt: &Receipt) -> Self {
        Self {
            log: receipt.log().to_owned(),
            index: receipt.index(),
            leaf: STANDARD.encode(receipt.leaf()),
        }
    }
}

/// Findings as far as they are shown, an object by attribute.
#[derive(Debug)]
pub(super) struct AttributesReply(pub(super) Vec<(Attribute, Shown)>);

impl Serialize for AttributesReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (attribute, shown) in &self.0 {
            let verdict = VerdictReply {
                verdict: shown.verdict.name(),
                reason: shown.reason.map(crate::policy::Reason::name),
            };
            map.serialize_entry(attribute.name(), &verdict)?;
        }
        map.end()
    }
}

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
        Ok(decision) if again => Ok(idempotency::mark(reply(decision))),
        Ok(decision) => Ok(reply(decision)),
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

/// Reads a body into a verification.
///
/// A subject token is opened here, before limiter and policy: whether it is one is a question of
/// form like any other, costs less than reading the body did, and asks the register nothing.
///
/// # Errors
/// 400 or 422 with every wrong field.
pub fn read_verification(
    node: &json::Node<'_>,
    demands: Demands,
    reader: Reader<'_>,
) -> Result<Verification, Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    let sent = read_subject(&mut fields, reader, &mut errors);
    if !fields.has("purpose") {
        fields.missing("purpose", &mut errors);
    }
    let purpose = fields.parsed("purpose", &mut errors, Purpose::parse);
    let case_ref = fields.parsed("case_ref", &mut errors, CaseRef::parse);
    if demands.official && !fields.has("official") {
        errors.required_attribute(fields.pointer("official"));
    }
    let official = fields.parsed("official", &mut errors, OfficialRef::parse);
    let on_behalf_of = fields.parsed("on_behalf_of", &mut errors, AgencyCode::parse_either);
    let procedure = fields.parsed("procedure", &mut errors, Procedure::parse);
    let SentClaims { claims, from_card } =
        read_claims(&mut fields, sent.card, demands.attributes, reader.current_year, &mut errors);
    fields.finish(&mut errors);
    errors.finish()?;
    // Whatever is missing was noted above, so both are there now.
    let (Some(subject), Some(purpose)) = (sent.subject, purpose) else {
        return Err(Code::InternalError.into());
    };
    Ok(Verification {
        subject,
        purpose,
        case_ref,
        official,
        on_behalf_of,
        procedure,
        claims,
        from_card,
    })
}

fn reply(decision: Decision) -> Response {
    let disclosed = decision.policy.disclosure() > Disclosure::Outcome;
    let body = VerificationReply {
        id: format!("ver_{}", decision.request_id),
        outcome: decision.outcome.name(),
        profile: matching::PROFILE,
        policy: decision.policy.label().to_string(),
        attributes: disclosed.then_some(AttributesReply(decision.attributes)),
        subject_status: decision.status.map(crate::population::SubjectStatus::name),
        advice: decision.advice.map(|advice| AdviceReply {
            code: advice.code(),
            vi: advice.vi(),
            en: advice.en(),
        }),
        subject_token: decision.subject_token,
        registry_as_of: decision.registry_as_of.map(|at| at.to_string()),
        evaluated_at: decision.evaluated_at.to_string(),
        receipt: ReceiptReply::new(&decision.receipt),
    };
    json_reply(&body)
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
