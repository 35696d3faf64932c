//! `POST /v1/subjects/history`: who asked about a person.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::code::Code;
use super::deadline;
use super::described::{BodyProblems, CallProblems};
use super::error::{Problem, ProblemDocument};
use super::idempotency::{self, Sent, Turn};
use super::json::{self, Errors, Fields};
use super::subject::{Reader, SubjectBody, read_subject};
use super::verifications::{ReceiptReply, json_reply, refusal_code};
use super::whoami::{PurposeReply, purpose_reply};
use crate::app::App;
use crate::audit::{Decided, Entry};
use crate::history::{self, History, HistoryRequest, NotAnswered};
use crate::matching::Outcome;
use crate::projections::{Cursor, Hit};
use crate::replay;
use crate::request::{Attribute, Malformed, Operation, Purpose};

/// Where histories are asked for.
const PATH: &str = "/v1/subjects/history";
/// Entries in an answer where the request does not say how many.
const LIMIT_USUAL: u64 = 100;
/// Entries in an answer at most.
const LIMIT_MAX: u64 = 1_000;

/// Body of a question for a history. The handler reads it by hand so that all errors are told at
/// once.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct HistoryBody {
    /// The person asked about, by exactly one key.
    pub subject: SubjectBody,
    /// Purpose code of the client.
    #[schema(example = "operations.report")]
    pub purpose: String,
    /// `next` of the answer before.
    #[schema(nullable = false)]
    pub after: Option<String>,
    /// Entries at most; 100 when left out.
    #[schema(nullable = false, minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
}

/// Who asked about a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryReply {
    /// Identity of the answer.
    id: String,
    /// Who asked, the newest first.
    entries: Vec<HistoryEntryReply>,
    /// What `after` takes to go on; null where there is nothing more.
    next: Option<String>,
    /// Quarters of the logs whose entries nobody can link to a person any more, because the key
    /// was destroyed: this history holds none of them.
    unlinkable_quarters: usize,
    /// Where this look is written down.
    receipt: ReceiptReply,
}

/// One request about the person.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryEntryReply {
    /// When, RFC 3339.
    at: String,
    /// Who.
    client: HistoryClientReply,
    /// Code of the client's agency; null where the client is not connected any more.
    agency_code: Option<String>,
    /// For which agency, if not its own.
    on_behalf_of: Option<String>,
    /// Why.
    purpose: PurposeReply,
    /// What was done.
    operation: &'static str,
    /// Attributes that were asked.
    attributes: Vec<&'static str>,
    /// `matched`, `not_matched`, `inconclusive` or `refused`; null for a look at a history.
    outcome: Option<&'static str>,
    /// The request.
    request_id: String,
}

/// A client and its names.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryClientReply {
    /// Identifier.
    id: String,
    /// In Vietnamese; null where the client is not connected any more.
    name: Option<String>,
    /// In English.
    name_en: Option<String>,
}

/// Shows who asked about a person, over all logs and under all of the person's numbers.
///
/// A number that leads to nobody has the history of those who asked for it; so has an old number
/// that several persons share.
#[utoipa::path(
    post,
    path = "/v1/subjects/history",
    request_body = HistoryBody,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "The same key and body within 24 hours get what the same look showed, marked by `Idempotent-Replayed: true` and not recorded again."),
        ("Request-Deadline-Ms" = Option<u32>, Header, minimum = 1, maximum = 30000, description = deadline::DESCRIPTION)
    ),
    responses(
        (status = 200, body = HistoryReply),
        CallProblems,
        BodyProblems,
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["history"]))
)]
pub async fn post_history(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, Some(Operation::History))?;
    let noted = deadline::note(&call, request.headers());
    let sent = Sent::read(&call, request).await;
    let read = noted.and(sent).and_then(|sent| {
        let asked = read_history(&json::parse(&sent.body)?, Reader::of(&call))?;
        Ok((sent, asked))
    });
    let (sent, asked) = call.well_formed(read)?;
    let admission = call.admit().await?;
    let admitted = call.enter(admission).await?;
    let turn = Turn::take(&call, &admitted.admission, PATH, sent).await?;
    let (shared, caller) = (Arc::clone(&app), call.caller.clone());
    let context = call.exchange.context(turn.key());
    let story = async move {
        // Held to the end of the story, which is not that of its caller.
        let shown = match &turn {
            Turn::Again(_held, row) => {
                replay::history(&shared, admitted, &caller, &asked, row).await
            }
            Turn::Plain | Turn::First(_) => {
                history::history(&shared, admitted, &caller, &asked, &context).await
            }
        };
        (shown, turn.is_again())
    };
    let (shown, again) = call.finish(story).await;
    match shown {
        Ok(history) if again => Ok(idempotency::mark(reply(&app, history))),
        Ok(history) => Ok(reply(&app, history)),
        Err(NotAnswered::Refused(refusal, _receipt)) => {
            let problem = Problem::from(refusal_code(refusal));
            Err(if again { problem.again() } else { problem })
        }
        Err(NotAnswered::LogUnavailable(_)) => Err(Code::LogUnavailable.into()),
        Err(NotAnswered::KeyTaken) => Err(Code::IdempotencyKeyInUse.into()),
        // What was asked under it then cannot be shown again: ask anew, under a new one.
        Err(NotAnswered::OtherPerson) => Err(Code::IdempotencyKeyReused.into()),
        Err(NotAnswered::Overloaded(shed)) => Err(shed.into()),
        Err(NotAnswered::RegisterUnavailable) => Err(Code::Overloaded.into()),
        Err(NotAnswered::Projections(error)) => Err(super::log_entries::unreadable(&error)),
        Err(error @ (NotAnswered::Keys(_) | NotAnswered::Store(_) | NotAnswered::NoPolicy)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "no history");
            Err(Code::InternalError.into())
        }
    }
}

fn read_history(node: &json::Node<'_>, reader: Reader<'_>) -> Result<HistoryRequest, Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    let sent = read_subject(&mut fields, reader, &mut errors);
    if !fields.has("purpose") {
        fields.missing("purpose", &mut errors);
    }
    let purpose = fields.parsed("purpose", &mut errors, Purpose::parse);
    let after =
        fields.parsed("after", &mut errors, |text| Cursor::parse(text).ok_or(Malformed::Form));
    let limit = fields.number("limit", 1..=LIMIT_MAX, &mut errors).unwrap_or(LIMIT_USUAL);
    fields.finish(&mut errors);
    errors.finish()?;
    // Whatever is missing was noted above, so both are there now.
    let (Some(subject), Some(purpose)) = (sent.subject, purpose) else {
        return Err(Code::InternalError.into());
    };
    // At most a thousand.
    Ok(HistoryRequest { subject, purpose, after, limit: limit as usize })
}

fn reply(app: &App, history: History) -> Response {
    let History { request_id, page, unlinkable_quarters, receipt } = history;
    let body = HistoryReply {
        id: format!("his_{request_id}"),
        entries: page.hits.iter().filter_map(|hit| show(app, hit)).collect(),
        next: page.next.map(|next| next.to_string()),
        unlinkable_quarters,
        receipt: ReceiptReply::new(&receipt),
    };
    json_reply(&body)
}

/// `None` for what is no request; a history holds nothing else.
fn show(app: &App, hit: &Hit) -> Option<HistoryEntryReply> {
    let entry = hit.entry.request()?;
    let client = app.directory.client(&entry.client);
    Some(HistoryEntryReply {
        at: entry.at.to_string(),
        client: HistoryClientReply {
            id: entry.client.to_string(),
            name: client.as_ref().map(|client| client.name_vi.clone()),
            name_en: client.as_ref().map(|client| client.name_en.clone()),
        },
        agency_code: client.map(|client| client.agency_code.as_str().to_owned()),
        on_behalf_of: entry.on_behalf_of.as_ref().map(|code| code.as_str().to_owned()),
        purpose: purpose_reply(&entry.purpose),
        operation: entry.operation.name(),
        attributes: attributes(entry),
        outcome: entry.outcome().map(Outcome::name),
        request_id: entry.request_id.to_string(),
    })
}

fn attributes(entry: &Entry) -> Vec<&'static str> {
    match &entry.record {
        Decided::Answered { findings, .. } => {
            findings.iter().map(|(attribute, _)| attribute.name()).collect()
        }
        Decided::Refused { asked, .. } => asked.iter().map(Attribute::name).collect(),
        Decided::Disclosed { .. } => Vec::new(),
    }
}
