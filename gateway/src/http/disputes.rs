//! `/v1/disputes`: a client says that an answer is wrong; and on the admin listener the operator's
//! decision.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::code::Code;
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract::{self, Exchange};
use super::finish::Finish;
use super::json::{self, Errors, Fields};
use super::verifications::json_reply;
use crate::app::App;
use crate::audit::{DisputeState, EventText};
use crate::auth::Caller;
use crate::clock::Micros;
use crate::config::is_log_name;
use crate::disputes::{self, Disputed, NotDone, Note, Opened};
use crate::policy::Disclosure;
use crate::reports::Edge;
use crate::request::{ClientId, Malformed, Operation};
use crate::store::{DisputeFilter, DisputeRow};

/// Disputes on a page when the caller names no number, and at most.
const PAGE_USUAL: i64 = 50;
const PAGE_MAX: i64 = 200;

/// Names of the list's parameters.
const PARAMETERS: [&str; 3] = ["state", "after", "limit"];

/// A dispute about an answer.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct DisputeBody {
    /// The receipt of the answer, as it came.
    receipt: DisputedReceiptBody,
    /// `card_seen`, `holder_present`, `documents_agree`, `civil_register_agrees` or
    /// `police_confirmed`.
    note: String,
}

/// A receipt, as an answer brought it.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct DisputedReceiptBody {
    /// Name of the log.
    log: String,
    /// Index of the entry.
    index: u64,
    /// Leaf hash of the entry; may be left out, and must be the entry's otherwise.
    #[schema(nullable = false)]
    leaf: Option<String>,
}

/// Parameters of the list.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
pub struct DisputesQuery {
    /// `open`, `upheld` or `rejected`; all when left out.
    pub state: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Disputes on the page, 1 to 200; 50 when left out.
    pub limit: Option<String>,
}

/// A dispute.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeReply {
    /// Its identity.
    id: String,
    /// `open`, `upheld` or `rejected`.
    state: &'static str,
    /// When it was opened, RFC 3339.
    opened_at: String,
    /// Whose answer it was; for callers that see everyone's.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    /// The answer.
    receipt: DisputedReceiptReply,
    /// What the client says.
    note: String,
    /// The note in words.
    note_text: NoteTextReply,
    /// Why the answer was not `matched`, as far as the policy tells reasons.
    reasons: Vec<String>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<String>,
    /// Why it was decided so.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_reason: Option<String>,
    /// Who decided it; on the admin listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
}

/// Where the disputed answer is written down.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputedReceiptReply {
    /// Name of the log.
    log: String,
    /// Index of the entry.
    index: u64,
}

/// A note in words.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteTextReply {
    /// In Vietnamese.
    vi: &'static str,
    /// In English.
    en: &'static str,
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

/// How much of a dispute is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// A client's own; with its reasons or without.
    Own(Disclosure),
    /// Everyone's.
    All,
    /// By an administrator.
    Admin,
}

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

/// Own disputes, or everyone's with `report`, the oldest first.
#[utoipa::path(
    get,
    path = "/v1/disputes",
    params(DisputesQuery),
    responses(
        (status = 200, body = DisputesReply),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 500, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_disputes(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let exchange = extract::exchange(&request)?;
    let caller = extract::caller(&app, &exchange, request.headers())?;
    let sees_all = may(&app, &caller, Operation::Report)?;
    let seen = if sees_all { Seen::All } else { Seen::Own(disclosure(&app, &caller)?) };
    let parameters = extract::query(&request, PARAMETERS)?;
    list(&app, &caller, &exchange, seen, parameters).await
}

/// Everyone's disputes, on the admin listener.
pub async fn get_admin_disputes(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let exchange = extract::exchange(&request)?;
    let caller = admin(&app, &exchange, &request)?;
    let parameters = extract::query(&request, PARAMETERS)?;
    list(&app, &caller, &exchange, Seen::Admin, parameters).await
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

async fn list(
    app: &App,
    caller: &Caller,
    exchange: &Exchange,
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
    admit(app, caller, exchange)?;
    let client = match seen {
        Seen::Own(_) => Some(caller.client().client_id.as_str()),
        Seen::All | Seen::Admin => None,
    };
    let after = after.flatten();
    let filter =
        DisputeFilter { client_id: client, state: state.as_deref(), after: after.as_deref() };
    // One more than is shown tells whether there is a next page.
    let rows = app.store.disputes(filter, limit + 1).await;
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

/// Whether a text has the form of a dispute's identifier.
fn is_dispute_id(text: &str) -> bool {
    text.strip_prefix("dsp_")
        .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether a text could hold a number of a person or of a telephone: a reason stays in the log for
/// ever, where no personal value may be.
fn holds_a_number(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= 9
}

fn read_dispute(node: &json::Node<'_>) -> Result<(Disputed, Note), Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    for name in ["receipt", "note"] {
        if !fields.has(name) {
            fields.missing(name, &mut errors);
        }
    }
    let note = fields.parsed("note", &mut errors, |code| Note::find(code).ok_or(Malformed::Form));
    let mut disputed = None;
    if let Some(mut receipt) = fields.object("receipt", &mut errors) {
        for name in ["log", "index"] {
            if !receipt.has(name) {
                receipt.missing(name, &mut errors);
            }
        }
        let log = receipt.text("log", &mut errors);
        let index = receipt.number("index", 0..=u64::MAX, &mut errors);
        let leaf = receipt
            .parsed("leaf", &mut errors, |leaf| STANDARD.decode(leaf).map_err(|_| Malformed::Form));
        receipt.finish(&mut errors);
        let log = log.map(|log| if is_log_name(log) { log } else { "-" });
        disputed = log.zip(index).map(|(log, index)| Disputed { log: log.into(), index, leaf });
    }
    fields.finish(&mut errors);
    errors.finish()?;
    // Whatever is missing was noted above, so both are there now.
    disputed.zip(note).ok_or_else(|| Code::InternalError.into())
}

fn read_decision(node: &json::Node<'_>) -> Result<(DisputeState, EventText), Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    for name in ["decision", "reason"] {
        if !fields.has(name) {
            fields.missing(name, &mut errors);
        }
    }
    let decision = fields.parsed("decision", &mut errors, |name| {
        let state = DisputeState::find(name).filter(|state| *state != DisputeState::Open);
        state.ok_or(Malformed::Form)
    });
    let reason = fields.parsed("reason", &mut errors, |text| match text.len() {
        0 => Err(Malformed::Empty),
        256.. => Err(Malformed::TooLong),
        _ if holds_a_number(text) => Err(Malformed::Form),
        _ => EventText::parse(text).ok_or(Malformed::Form),
    });
    fields.finish(&mut errors);
    errors.finish()?;
    decision.zip(reason).ok_or_else(|| Code::InternalError.into())
}

fn dispute_reply(row: DisputeRow, seen: Seen) -> Result<DisputeReply, Problem> {
    let known = || Some((DisputeState::find(&row.state)?, Note::find(&row.note)?));
    let (state, note) = known().ok_or(Code::InternalError)?;
    // What is not in the log yet is not told.
    let is_decided = row.settled != 0 && state != DisputeState::Open;
    let shows_reasons = match seen {
        Seen::Own(disclosure) => disclosure >= Disclosure::Reasons,
        Seen::All | Seen::Admin => true,
    };
    let reasons = row.reasons.split(',').filter(|name| shows_reasons && !name.is_empty());
    let reasons = reasons.map(str::to_owned).collect();
    Ok(DisputeReply {
        state: if is_decided { state } else { DisputeState::Open }.name(),
        opened_at: Micros(row.opened_us).to_string(),
        client: Some(row.client_id).filter(|_| !matches!(seen, Seen::Own(_))),
        receipt: DisputedReceiptReply { log: row.log, index: row.entry_index as u64 },
        note: row.note,
        note_text: NoteTextReply { vi: note.vi(), en: note.en() },
        reasons,
        decided_at: row.decided_us.filter(|_| is_decided).map(|at| Micros(at).to_string()),
        decision_reason: row.decision_reason.filter(|_| is_decided),
        decided_by: row.decided_by.filter(|_| is_decided && seen == Seen::Admin),
        id: row.id,
    })
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
