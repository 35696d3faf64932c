//! `GET /v1/reports/distinct-persons`: how many different persons each client asked about.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::call::Call;
use super::code::Code;
use super::described::CallProblems;
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract;
use super::log_entries::unreadable;
use super::verifications::json_reply;
use crate::app::App;
use crate::projections::{self, ProjectionError, Status};
use crate::request::{ClientId, Operation};
use crate::store::{DistinctPersonsRow, Store};

/// Parameters of the report.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DistinctPersonsQuery {
    /// First Vietnamese month, `2026-11`; the first in the log when left out.
    pub from_month: Option<String>,
    /// Last Vietnamese month, inclusive; the last in the log when left out.
    pub to_month: Option<String>,
}

/// The report.
#[derive(Debug, Serialize, ToSchema)]
pub struct DistinctPersonsReply {
    /// One row per client and month.
    rows: Vec<DistinctPersonsRowReply>,
    /// Entries of all logs that are not counted yet.
    behind: i64,
}

/// How many persons a client asked about in a month.
#[derive(Debug, Serialize, ToSchema)]
pub struct DistinctPersonsRowReply {
    /// The client.
    pub client: String,
    /// The Vietnamese month.
    #[schema(example = "2026-11")]
    pub month: String,
    /// Different persons whom the register knew.
    pub persons: i64,
}

/// Months from first to last, as numbers such as 202611.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Months {
    /// First.
    pub from: i64,
    /// Last.
    pub to: i64,
}

impl DistinctPersonsReply {
    /// Reads the report: everybody's, or one client's.
    pub async fn read(
        store: &Store,
        months: Months,
        own: Option<&ClientId>,
    ) -> Result<Self, ProjectionError> {
        // First how far the projection is: it can only have gone on since.
        let behind = projections::status(store).await?.iter().map(Status::people_behind).sum();
        let rows = store.distinct_persons(months.from, months.to).await?;
        let is_shown =
            |row: &DistinctPersonsRow| own.is_none_or(|own| own.as_str() == row.client_id);
        let rows = rows.into_iter().filter(is_shown).map(|row| DistinctPersonsRowReply {
            client: row.client_id,
            month: format!("{:04}-{:02}", row.month / 100, row.month % 100),
            persons: row.n,
        });
        Ok(Self { rows: rows.collect(), behind })
    }

    /// One row per client and month.
    pub fn rows(&self) -> &[DistinctPersonsRowReply] {
        &self.rows
    }

    /// Entries of all logs that are not counted yet.
    pub fn behind(&self) -> i64 {
        self.behind
    }
}

/// How many different persons were asked about in a month: own figures, or everyone's with
/// `report`. Only persons whom the register knew, so that no number counts that nobody has.
#[utoipa::path(
    get,
    path = "/v1/reports/distinct-persons",
    params(DistinctPersonsQuery),
    responses(
        (status = 200, body = DistinctPersonsReply),
        CallProblems,
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_distinct_persons(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, Some(Operation::Report))?;
    let [from, to] = extract::query(&request, ["from_month", "to_month"])?;
    let months = read_months(from.as_deref(), to.as_deref())
        .map_err(|errors| Problem::with_errors(Code::InvalidValue, errors))?;
    let _admission = call.admit().await?;
    let sees_all = call.may(Operation::Report)?;
    // Only persons whom the register knew are counted: one request and a look at this figure would
    // tell whether a number was issued.
    if !sees_all && !call.policy()?.discloses_status() {
        return Err(Code::OperationNotPermitted.into());
    }
    let own = Some(call.client()).filter(|_| !sees_all);
    let report = DistinctPersonsReply::read(&app.store, months, own).await;
    Ok(json_reply(&report.map_err(|error| unreadable(&error))?))
}

/// Reads the months; open ends reach to the first and the last one counted.
///
/// # Errors
/// Every parameter that is not a month, or a last month before the first.
pub fn read_months(from: Option<&str>, to: Option<&str>) -> Result<Months, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut month = |text: Option<&str>, name: &str, open: i64| {
        let read = text.map_or(Some(open), read_month);
        if read.is_none() {
            errors.push(FieldError { pointer: format!("/{name}"), code: "malformed" });
        }
        read.unwrap_or(open)
    };
    let months = Months { from: month(from, "from_month", 0), to: month(to, "to_month", 999_912) };
    if errors.is_empty() && months.from > months.to {
        errors.push(FieldError { pointer: "/to_month".into(), code: "before-from" });
    }
    if errors.is_empty() { Ok(months) } else { Err(errors) }
}

/// A month in the one form that the parameters take, `2026-11`.
fn read_month(text: &str) -> Option<i64> {
    let day = super::reports::read_day(&format!("{text}-01"))?;
    Some(i64::from(day.year()) * 100 + i64::from(day.month()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_one_form_and_an_order() {
        let months = |from, to| Months { from, to };
        assert_eq!(read_months(None, None), Ok(months(0, 999_912)));
        assert_eq!(read_months(Some("2026-01"), Some("2026-01")), Ok(months(202_601, 202_601)));
        let codes = |from, to| {
            let errors = read_months(Some(from), Some(to)).unwrap_err();
            errors.iter().map(|error| (error.pointer.clone(), error.code)).collect::<Vec<_>>()
        };
        let (from, to) = ("/from_month".to_owned(), "/to_month".to_owned());
        for bad in ["2026-1", "2026-13", "202601", "2026-01-01", ""] {
            assert_eq!(codes(bad, bad), [(from.clone(), "malformed"), (to.clone(), "malformed")]);
        }
        assert_eq!(codes("2026-02", "2026-01"), [(to, "before-from")]);
    }
}
