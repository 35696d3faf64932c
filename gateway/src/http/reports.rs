//! `GET /v1/reports/match-rates`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::call::Call;
use super::code::Code;
use super::described::CallProblems;
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract;
use super::verifications::json_reply;
use crate::app::App;
use crate::audit::Cube;
use crate::policy::{Disclosure, Policy};
use crate::reports::{
    self, DEFINITION_EN, DEFINITION_VI, Dimension, Grouping, Period, Question, ReportError, Row,
    RowFigures, Scope,
};
use crate::request::Operation;

/// Parameters of the report.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MatchRatesQuery {
    /// First Vietnamese day, `2026-11-01`; the first in the log when left out.
    pub from: Option<String>,
    /// Last Vietnamese day, inclusive; the last in the log when left out.
    pub to: Option<String>,
    /// `none` (default), or what one cube holds, separated by commas, such as `client,month`:
    /// `client`, `kind`, `on_behalf_of`, `operation`, `purpose`, `outcome`, `status`; or `client`,
    /// `kind`, `attribute`, `verdict`, `reason`; or `client`, `kind`, `province`, `outcome`; or
    /// `client`, `kind`, `operation`, `purpose`, `dispute_reason`; and with any of them `hour`,
    /// `day`, `month`.
    pub group_by: Option<String>,
    /// `asked` (default): what the caller has asked, or everybody with `report`. `acted_for`: what
    /// anybody has asked on behalf of the caller's agency or of one below it; `group_by` then takes
    /// `client`, `kind`, `on_behalf_of`, `operation`, `purpose`, `outcome`, `status` and times.
    pub view: Option<String>,
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
    total: RowFigures,
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
///
/// `matched_deceased` is null in own figures unless the policy discloses the status of a person.
#[utoipa::path(
    get,
    path = "/v1/reports/match-rates",
    params(MatchRatesQuery),
    responses(
        (status = 200, body = MatchRatesReply),
        CallProblems,
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_match_rates(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, Some(Operation::Report))?;
    let [from, to, group_by, view] = extract::query(&request, ["from", "to", "group_by", "view"])?;
    let acted_for = read_view(view.as_deref())?;
    let (period, grouping) = read_parameters(from.as_deref(), to.as_deref(), group_by.as_deref())?;
    let _admission = call.admit().await?;
    let (sees_all, policy) = (call.may(Operation::Report)?, call.policy()?);
    if !sees_all && !may_see(&policy, &grouping) {
        return Err(not_available("not-available"));
    }
    let is_long = grouping.has(Dimension::Hour);
    if acted_for && (is_long || grouping.cube() != Cube::Outcomes) {
        return Err(not_available("not-available"));
    }
    let scope = match (acted_for, sees_all) {
        (true, _) => Scope::ActedFor(call.caller.client().agency_code.clone()),
        (false, true) => Scope::All,
        (false, false) => Scope::Client(call.client().clone()),
    };
    let question = Question { period, grouping, scope };
    let (now, kinds) = (call.exchange.received_at, app.client_kinds());
    // Read over all clients, so it must not take every turn.
    let _of_these_one = if acted_for { Some(app.acted_for_turn.acquire().await) } else { None };
    let _turn = app.report_turns.acquire().await;
    let report = reports::match_rates(&app.store, &app.edge, now, &question, &kinds).await;
    let report = report.map_err(|error| match error {
        ReportError::Store(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the report cannot be read");
            Code::InternalError.into()
        }
        ReportError::TooManyRows => not_available("too-many-rows"),
        ReportError::TooManyHours => not_available("period-too-long"),
    })?;
    let knows_status = sees_all || policy.discloses_status();
    let report = if knows_status { report } else { report.without_status() };
    Ok(json_reply(&MatchRatesReply::new(report)))
}

/// Whether a client may see its own figures this way: they must not tell what its answers keep from
/// it. A report over one request is that request's answer.
fn may_see(policy: &Policy, grouping: &Grouping) -> bool {
    grouping.dimensions().iter().all(|dimension| match dimension {
        Dimension::Client
        | Dimension::Kind
        | Dimension::OnBehalfOf
        | Dimension::Operation
        | Dimension::Purpose
        | Dimension::Outcome
        | Dimension::Hour
        | Dimension::Day
        | Dimension::Month => true,
        // The prefix of a key that led to nobody is 0: it tells whether a number exists.
        Dimension::Province => false,
        Dimension::Status => policy.discloses_status(),
        Dimension::Attribute | Dimension::Verdict => policy.disclosure() >= Disclosure::Verdicts,
        Dimension::Reason | Dimension::DisputeReason => policy.disclosure() >= Disclosure::Reasons,
    })
}

fn not_available(code: &'static str) -> Problem {
    let errors = vec![FieldError { pointer: "/group_by".into(), code }];
    Problem::with_errors(Code::GroupingNotAvailable, errors)
}

/// Whether it is asked what others did on behalf of the caller's agency.
fn read_view(view: Option<&str>) -> Result<bool, Problem> {
    match view {
        None | Some("asked") => Ok(false),
        Some("acted_for") => Ok(true),
        Some(_) => {
            let error = FieldError { pointer: "/view".into(), code: "unknown-name" };
            Err(Problem::with_errors(Code::InvalidValue, vec![error]))
        }
    }
}

/// Reads the parameters; all that is wrong is told at once.
fn read_parameters(
    from: Option<&str>,
    to: Option<&str>,
    group_by: Option<&str>,
) -> Result<(Period, Grouping), Problem> {
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
    let grouping = group_by.map_or_else(|| Some(Grouping::none()), Grouping::parse);
    let only_grouping = errors.is_empty();
    if grouping.is_none() {
        errors.push(FieldError { pointer: "/group_by".into(), code: "not-available" });
    }
    match grouping {
        Some(grouping) if errors.is_empty() => Ok((period, grouping)),
        None if only_grouping => Err(Problem::with_errors(Code::GroupingNotAvailable, errors)),
        Some(_) | None => Err(Problem::with_errors(Code::InvalidValue, errors)),
    }
}

/// A day in the one form that the parameters take, `2026-11-01`.
pub fn read_day(text: &str) -> Option<Date> {
    let day = Date::strptime("%Y-%m-%d", text).ok()?;
    (day.to_string() == text).then_some(day)
}
