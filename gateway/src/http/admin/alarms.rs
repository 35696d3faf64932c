//! `/admin/v1/alarms`: what stands out in how clients ask, and that somebody has seen to it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::super::code::Code;
use super::super::described::{BodyProblems, CallProblems};
use super::super::error::{FieldError, Problem, ProblemDocument};
use super::super::extract;
use super::super::json::{self, Errors, Fields};
use super::super::verifications::json_reply;
use super::{admin_call, administrator};
use crate::alarms::{Acknowledged, AlarmKind, AlarmState, acknowledge, is_alarm_id, parse_note};
use crate::app::App;
use crate::audit::EventText;
use crate::clock::Micros;
use crate::request::ClientId;
use crate::store::{AlarmFilter, AlarmRow, Store, StoreError};

/// Alarms on a page when the caller names no number, and at most.
const PAGE_USUAL: i64 = 50;
const PAGE_MAX: i64 = 500;

/// Names of the list's parameters.
const PARAMETERS: [&str; 5] = ["state", "kind", "client", "after", "limit"];

/// Parameters of the list.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlarmsQuery {
    /// `open`, `acknowledged` or `cleared`; all when left out.
    pub state: Option<String>,
    /// `match-rate-low`, `consecutive-numbers`, `many-distinct-subjects`, `subject-asked-by-many`,
    /// `limits-unshared` or `guessing`.
    pub kind: Option<String>,
    /// Only those about this client.
    pub client: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Alarms on the page, 1 to 500; 50 when left out.
    pub limit: Option<String>,
}

/// A page of alarms, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlarmsReply {
    /// The alarms.
    alarms: Vec<AlarmReply>,
    /// `after` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An alarm. Nothing in it is about a person, but for a keyed digest.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlarmReply {
    /// Its identity.
    id: String,
    /// What stands out.
    kind: String,
    /// The same in words.
    explained: ExplainedReply,
    /// Whose doing it is; null where it is no single client's.
    client: Option<String>,
    /// First 8 bytes of the subject's pseudonym in the log, or name of a node; null where it is about
    /// neither.
    about: Option<String>,
    /// `open`, `acknowledged` or `cleared`.
    state: String,
    /// When it was raised.
    raised_at: String,
    /// When it was seen to stand last, to an hour or so.
    seen_at: String,
    /// Where it was seen first.
    window: WindowReply,
    /// `observed`, `habit` where there is one, `limit` from which on it stands out, and `clients` where
    /// there are several.
    #[schema(value_type = Object)]
    figures: Value,
    /// When somebody has seen to it; null before.
    acknowledged_at: Option<String>,
    /// Who.
    acknowledged_by: Option<String>,
    /// What was said about it.
    note: Option<String>,
    /// When it was over; null while it stands.
    cleared_at: Option<String>,
}

/// What is meant, in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedReply {
    /// In Vietnamese.
    vi: &'static str,
    /// In English.
    en: &'static str,
}

/// The answers in which something stood out.
#[derive(Debug, Serialize, ToSchema)]
pub struct WindowReply {
    /// The first one.
    from: String,
    /// The last one.
    to: String,
    /// How many.
    answers: i64,
}

/// That somebody has seen to an alarm.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct AcknowledgeBody {
    /// What was found, 1 to 148 bytes without control characters and with fewer than nine digits: it
    /// stays in the log for ever.
    #[schema(nullable = false)]
    note: Option<String>,
}

impl AlarmReply {
    /// An alarm as it is shown.
    pub fn new(row: &AlarmRow) -> Self {
        let moment = |us: i64| Micros(us).to_string();
        let unless_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        // A kind of a later version of this program is told by its name alone.
        let (vi, en) = AlarmKind::find(&row.kind).map_or(("", ""), AlarmKind::explained);
        Self {
            id: row.id.clone(),
            kind: row.kind.clone(),
            explained: ExplainedReply { vi, en },
            client: unless_empty(&row.client_id),
            about: unless_empty(&row.about),
            state: row.state.clone(),
            raised_at: moment(row.raised_us),
            seen_at: moment(row.seen_us),
            window: WindowReply {
                from: moment(row.from_us),
                to: moment(row.to_us),
                answers: row.answers,
            },
            figures: serde_json::from_str(&row.figures).unwrap_or(Value::Null),
            acknowledged_at: row.acknowledged_us.map(moment),
            acknowledged_by: row.acknowledged_by.clone(),
            note: row.note.clone(),
            cleared_at: row.cleared_us.map(moment),
        }
    }

    /// One line of a list: identity, state, kind, client, what else it is about, when it was raised,
    /// what was observed, the habit, the limit.
    pub fn cells(&self) -> [String; 9] {
        let figure = |name: &str| match self.figures[name].as_f64() {
            Some(figure) => format!("{}", (figure * 1e4).round() / 1e4),
            None => String::new(),
        };
        [
            self.id.clone(),
            self.state.clone(),
            self.kind.clone(),
            self.client.clone().unwrap_or_default(),
            self.about.clone().unwrap_or_default(),
            self.raised_at.clone(),
            figure("observed"),
            figure("habit"),
            figure("limit"),
        ]
    }
}

/// Which alarms a list shows.
#[derive(Debug, Clone, Default)]
pub struct ListedAlarms {
    /// In this state.
    pub state: Option<AlarmState>,
    /// Of this kind.
    pub kind: Option<AlarmKind>,
    /// About this client.
    pub client: Option<ClientId>,
}

/// Alarms after the one with this identity, the newest first, at most `limit`.
///
/// # Errors
/// If the store does not answer.
pub async fn alarm_page(
    store: &Store,
    listed: &ListedAlarms,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<AlarmRow>, StoreError> {
    let filter = AlarmFilter {
        state: listed.state.map(AlarmState::name),
        kind: listed.kind.map(AlarmKind::name),
        client: listed.client.as_ref().map(ClientId::as_str),
        before: after,
    };
    store.alarm_page(filter, limit).await
}

/// Alarms, the newest first, in pages.
#[utoipa::path(
    get,
    path = "/admin/v1/alarms",
    params(AlarmsQuery),
    responses(
        (status = 200, body = AlarmsReply),
        CallProblems,
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_alarms(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let (listed, after, limit) = read_query(extract::query(&request, PARAMETERS)?)?;
    call.admit().await?;
    // One more than is shown tells whether there is a next page.
    let page = alarm_page(&app.store, &listed, after.as_deref(), limit + 1).await;
    let mut page = page.map_err(|error| unreadable(&error))?;
    let is_last = page.len() as i64 <= limit;
    page.truncate(limit as usize);
    let next = page.last().filter(|_| !is_last).map(|row| row.id.clone());
    Ok(json_reply(&AlarmsReply { alarms: page.iter().map(AlarmReply::new).collect(), next }))
}

/// Notes that somebody has seen to an alarm. One that was seen to already stays as it is.
#[utoipa::path(
    post,
    path = "/admin/v1/alarms/{id}/acknowledge",
    params(("id" = String, Path, description = "Identity of the alarm")),
    request_body = AcknowledgeBody,
    responses(
        (status = 200, body = AlarmReply),
        CallProblems,
        BodyProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_acknowledge(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await;
    let note = call.well_formed(body.and_then(|body| read_note(&body)))?;
    call.admit().await?;
    let by = administrator(&call);
    let shared = Arc::clone(&app);
    let acknowledging = async move {
        let done = acknowledge(&shared.store, &by, &id, note.as_ref()).await;
        if done.is_ok() {
            shared.log_acts().await;
        }
        done
    };
    match call.finish(acknowledging).await.map_err(|error| unreadable(&error))? {
        Acknowledged::Now(row) => Ok(json_reply(&AlarmReply::new(&row))),
        Acknowledged::Over => Err(Code::AlarmCleared.into()),
        Acknowledged::Unknown => Err(Code::UnknownAlarm.into()),
    }
}

fn unreadable(error: &StoreError) -> Problem {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "alarms cannot be read or kept");
    Code::InternalError.into()
}

fn read_query(sent: [Option<String>; 5]) -> Result<(ListedAlarms, Option<String>, i64), Problem> {
    let [state, kind, client, after, limit] = sent;
    let mut errors = Vec::new();
    let mut read = |name: &str, is_good: bool| {
        if !is_good {
            errors.push(FieldError { pointer: format!("/{name}"), code: "malformed" });
        }
    };
    let listed = ListedAlarms {
        state: state.as_deref().and_then(AlarmState::find),
        kind: kind.as_deref().and_then(AlarmKind::find),
        client: client.as_deref().and_then(|id| ClientId::parse(id).ok()),
    };
    read("state", listed.state.is_some() == state.is_some());
    read("kind", listed.kind.is_some() == kind.is_some());
    read("client", listed.client.is_some() == client.is_some());
    read("after", after.as_deref().is_none_or(is_alarm_id));
    let number = limit.map_or(Some(PAGE_USUAL), |limit| limit.parse().ok());
    let number = number.filter(|limit| (1..=PAGE_MAX).contains(limit));
    read("limit", number.is_some());
    match number {
        Some(limit) if errors.is_empty() => Ok((listed, after, limit)),
        Some(_) | None => Err(Problem::with_errors(Code::InvalidValue, errors)),
    }
}

fn read_note(document: &[u8]) -> Result<Option<EventText>, Problem> {
    let node = json::parse(document)?;
    let mut errors = Errors::default();
    let mut fields = Fields::of(&node, String::new(), &mut errors);
    let note = fields.parsed("note", &mut errors, parse_note);
    fields.finish(&mut errors);
    errors.finish()?;
    Ok(note)
}
