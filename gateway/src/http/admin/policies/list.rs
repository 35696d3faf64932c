//! Versions of policies in pages, by name and version.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use utoipa::IntoParams;

use super::super::super::code::Code;
use super::super::super::described::CallProblems;
use super::super::super::error::{FieldError, Problem, ProblemDocument};
use super::super::super::extract;
use super::super::super::verifications::json_reply;
use super::super::{admin_call, parse_policy_label};
use super::problem;
use super::shown::PoliciesReply;
use crate::app::App;

/// Versions on a page when the caller names no number, and at most.
const PAGE_USUAL: i64 = 50;
const PAGE_MAX: i64 = 500;

/// Parameters of the list.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PoliciesQuery {
    /// `next` of the page before.
    pub after: Option<String>,
    /// Versions on the page, 1 to 500; 50 when left out.
    pub limit: Option<String>,
}

/// All versions of all policies, in pages.
#[utoipa::path(
    get,
    path = "/admin/v1/policies",
    params(PoliciesQuery),
    responses(
        (status = 200, body = PoliciesReply),
        CallProblems,
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_policies(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [after, limit] = extract::query(&request, ["after", "limit"])?;
    let (after, limit) = read_query(after.as_deref(), limit.as_deref())?;
    call.admit().await?;
    // One more than is shown tells whether there is a next page.
    let page = app.store.policy_version_page((&after.0, after.1), limit + 1).await;
    let mut page = page.map_err(|error| problem(error.into()))?;
    let is_last = page.len() as i64 <= limit;
    page.truncate(limit as usize);
    let last = page.last().filter(|_| !is_last);
    let next = last.map(|row| URL_SAFE_NO_PAD.encode(format!("{}@{}", row.name, row.version)));
    Ok(json_reply(&PoliciesReply::new(&page, next)))
}

type Query = ((String, i64), i64);

fn read_query(after: Option<&str>, limit: Option<&str>) -> Result<Query, Problem> {
    let mut errors = Vec::new();
    let mut read = |name: &str, is_good: bool| {
        if !is_good {
            errors.push(FieldError { pointer: format!("/{name}"), code: "malformed" });
        }
    };
    let cursor = after.map_or(Some((String::new(), 0)), read_cursor);
    read("after", cursor.is_some());
    let number = limit.map_or(Some(PAGE_USUAL), |limit| limit.parse().ok());
    let number = number.filter(|limit| (1..=PAGE_MAX).contains(limit));
    read("limit", number.is_some());
    cursor.zip(number).ok_or_else(|| Problem::with_errors(Code::InvalidValue, errors))
}

fn read_cursor(text: &str) -> Option<(String, i64)> {
    let label = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (name, version) = parse_policy_label(&label).ok()?;
    Some((name, i64::from(version)))
}
