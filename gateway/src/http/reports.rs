//! `GET /v1/reports/match-rates`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::code::Code;
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract;
use super::verifications::json_reply;
use crate::app::App;
use crate::reports::{
    self, DEFINITION_EN, DEFINITION_VI, Edge, Figures, GroupBy, Period, Row, Scope,
};
use crate::request::Operation;

/// Parameters of the report.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
pub struct MatchRatesQuery {
    /// First Vietnamese day, `2026-11-01`; the first in the log when left out.
    pub from: Option<String>,
    /// Last Vietnamese day, inclusive; the last in the log when left out.
    pub to: Option<String>,
    /// `client`, `kind`, `operation`, `purpose` or `none` (default).
    pub group_by: Option<String>,
}

/// The report.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchRatesReply {
    /// What the figures mean.
    definition: DefinitionReply,
    /// First day.
    from: String,
    /// Last day, inclusive.
    to: String,
    /// One row per group.
    #[schema(value_type = Vec<serde_json::Value>)]
    rows: Vec<Row>,
    /// All rows together.
    total: Figures,
}

/// What the figures mean.
#[derive(Debug, Serialize, ToSchema)]
pub struct DefinitionReply {
    /// In Vietnamese.
    vi: &'static str,
    /// In English.
    en: &'static str,
}

impl MatchRatesReply {
    /// The reply that shows a report.
    pub fn new(report: reports::MatchRates) -> Self {
        Self {
            definition: DefinitionReply { vi: DEFINITION_VI, en: DEFINITION_EN },
            from: report.from.to_string(),
            to: report.to.to_string(),
            rows: report.rows,
            total: report.total,
        }
    }
}

/// How much was asked and how much matched: own figures, or everyone's with `report`.
#[utoipa::path(
    get,
    path = "/v1/reports/match-rates",
    params(MatchRatesQuery),
    responses(
        (status = 200, body = MatchRatesReply),
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
pub async fn get_match_rates(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let exchange = extract::exchange(&request)?;
    let caller = extract::caller(&app, &exchange, request.headers())?;
    let [from, to, group_by] = extract::query(&request, ["from", "to", "group_by"])?;
    let (period, group_by) = read_parameters(from.as_deref(), to.as_deref(), group_by.as_deref())?;
    let client_id = &caller.client().client_id;
    if let Err(limited) = app.client_limits.admit(&caller) {
        let operation = Some(Operation::Report);
        app.edge.add(exchange.received_at, client_id, operation, None, Edge::Throttled);
        return Err(Problem::retry_after(Code::RateLimited, limited.retry_after));
    }
    let policy = app.policies.find(&caller.client().policy).ok_or(Code::InternalError)?;
    let sees_all =
        caller.has_scope(Operation::Report) && policy.operations().contains(Operation::Report);
    let scope = if sees_all { Scope::All } else { Scope::Client(client_id.clone()) };
    let report = reports::match_rates(
        &app.store,
        &app.edge,
        exchange.received_at,
        period,
        group_by,
        &scope,
        &app.client_kinds(),
    )
    .await
    .map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the report cannot be read");
        Code::InternalError
    })?;
    Ok(json_reply(&MatchRatesReply::new(report)))
}

/// Reads the parameters; all that is wrong is told at once.
fn read_parameters(
    from: Option<&str>,
    to: Option<&str>,
    group_by: Option<&str>,
) -> Result<(Period, GroupBy), Problem> {
    let mut errors = Vec::new();
    let mut day = |text: Option<&str>, name: &str| -> Option<Date> {
        let parsed = read_day(text?);
        if parsed.is_none() {
            errors.push(FieldError { pointer: format!("/{name}"), code: "malformed" });
        }
        parsed
    };
    let period = Period { from: day(from, "from"), to: day(to, "to") };
    if let (Some(from), Some(to)) = (period.from, period.to)
        && from > to
    {
        errors.push(FieldError { pointer: "/to".into(), code: "before-from" });
    }
    let grouping = group_by.map_or(Some(GroupBy::None), GroupBy::find);
    let only_grouping = errors.is_empty();
    if grouping.is_none() {
        errors.push(FieldError { pointer: "/group_by".into(), code: "not-available" });
    }
    match grouping {
        Some(group_by) if errors.is_empty() => Ok((period, group_by)),
        None if only_grouping => Err(Problem::with_errors(Code::GroupingNotAvailable, errors)),
        Some(_) | None => Err(Problem::with_errors(Code::InvalidValue, errors)),
    }
}

/// A day in the one form that the parameters take, `2026-11-01`.
pub fn read_day(text: &str) -> Option<Date> {
    let day = Date::strptime("%Y-%m-%d", text).ok()?;
    (day.to_string() == text).then_some(day)
}
