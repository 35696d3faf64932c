//! `GET /v1/usage`: what was used of quotas, and the monthly statement.

mod shown;
mod statement;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;

pub use shown::UsageReply;
pub use statement::statement;

use super::call::Call;
use super::code::Code;
use super::described::CallProblems;
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract;
use super::reports::read_day;
use super::verifications::json_reply;
use crate::app::App;
use crate::clock::Micros;
use crate::rate_limit::Period;
use crate::reports;
use crate::request::{ClientId, Operation};

/// Parameters of the figures of usage.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// Whose; the caller's own when left out. Another's takes the operation `report`.
    pub client: Option<String>,
    /// The Vietnamese month, `2026-11`; the present one when left out.
    pub month: Option<String>,
    /// `day`: the days are listed, too.
    pub group_by: Option<String>,
    /// `json` (default), or `csv` for the monthly statement, which `Accept: text/csv` asks for as
    /// well: a row for each day and operation, and the total.
    pub format: Option<String>,
}

/// What is asked.
struct Question {
    client: Option<ClientId>,
    month: i64,
    by_day: bool,
    as_csv: bool,
}

/// What was used of quotas in a month: own figures, or those of another with `report`.
#[utoipa::path(
    get,
    path = "/v1/usage",
    params(UsageQuery),
    responses(
        (status = 200, content((UsageReply = "application/json"), (String = "text/csv"))),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_usage(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, Some(Operation::Report))?;
    let now = call.exchange.received_at;
    let names = ["client", "month", "group_by", "format"];
    let question = read(extract::query(&request, names)?, request.headers(), now)?;
    let _admission = call.admit().await?;
    let id = match question.client {
        Some(other) if other != *call.client() => {
            // Before it is looked whether there is one: who may not see it does not learn that.
            if !call.may(Operation::Report)? {
                return Err(Code::OperationNotPermitted.into());
            }
            other
        }
        Some(_) | None => call.client().clone(),
    };
    let client = app.directory.client(&id).ok_or(Code::UnknownClient)?;
    let policy = app.policies.find(&client.policy);
    let _turn = app.report_turns.acquire().await;
    let usage = reports::usage(&app.store, Some(&id), question.month).await.map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "the figures of usage cannot be read");
        Code::InternalError
    })?;
    if question.as_csv {
        return Ok(csv_reply(&id, question.month, &statement(&usage, question.month)?));
    }
    let policy = policy.as_deref();
    let reply = UsageReply::new(&id, policy, question.month, &usage, now);
    Ok(json_reply(&if question.by_day { reply.with_days(&usage) } else { reply }))
}

/// Reads the parameters; all that is wrong is told at once.
fn read(
    [client, month, group_by, format]: [Option<String>; 4],
    headers: &HeaderMap,
    now: Micros,
) -> Result<Question, Problem> {
    let mut errors = Vec::new();
    let mut wrong = |name: &str, code| {
        errors.push(FieldError { pointer: format!("/{name}"), code });
    };
    let client = client.and_then(|text| {
        let parsed = ClientId::parse(&text);
        parsed.inspect_err(|_| wrong("client", "malformed")).ok()
    });
    let month = match month {
        None => now.vietnamese_month(),
        Some(text) => read_month(&text).unwrap_or_else(|| {
            wrong("month", "malformed");
            0
        }),
    };
    let by_day = match group_by.as_deref() {
        None => false,
        Some("day") => true,
        Some(_) => {
            wrong("group_by", "unknown-name");
            false
        }
    };
    let as_csv = match format.as_deref() {
        None => prefers_csv(headers),
        Some("json") => false,
        Some("csv") => true,
        Some(_) => {
            wrong("format", "unknown-name");
            false
        }
    };
    if errors.is_empty() {
        return Ok(Question { client, month, by_day, as_csv });
    }
    Err(Problem::with_errors(Code::InvalidValue, errors))
}

/// A month in the one form that parameters take, `2026-11`, as [`Period::Month`] numbers it.
pub fn read_month(text: &str) -> Option<i64> {
    let day = read_day(&format!("{text}-01"))?;
    let number = i64::from(day.year()) * 12 + i64::from(day.month()) - 1;
    (Period::Month.label(number) == text).then_some(number)
}

/// Whether the first media type that the caller names is CSV.
fn prefers_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let first = accept.and_then(|types| types.split([',', ';']).next()).map(str::trim);
    first.is_some_and(|first| first.eq_ignore_ascii_case("text/csv"))
}

fn csv_reply(client: &ClientId, month: i64, statement: &str) -> Response {
    let month = Period::Month.label(month);
    // An identifier has no quote and no control character.
    let file = format!("attachment; filename=\"usage-{client}-{month}.csv\"");
    let csv = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    let no_store = HeaderValue::from_static("no-store");
    let mut response =
        ([(header::CONTENT_TYPE, csv), (header::CACHE_CONTROL, no_store)], statement.to_owned())
            .into_response();
    if let Ok(file) = HeaderValue::from_str(&file) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, file);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_one_form() {
        assert_eq!(read_month("2026-11"), Some(2026 * 12 + 10));
        for text in ["2026-13", "2026-1", "202611", "2026-11-01", "", "-2026-11", "November"] {
            assert_eq!(read_month(text), None, "{text}");
        }
    }
}
