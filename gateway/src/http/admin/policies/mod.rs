//! `/admin/v1/policies`: versions of policies are listed, shown, compared and added.

mod list;
mod read;
mod shown;
mod terms;
mod trial;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;

pub use list::*;
pub use read::*;
pub use shown::*;
pub use trial::*;

use super::super::code::Code;
use super::super::described::{BodyProblems, CallProblems};
use super::super::error::{FieldError, Problem, ProblemDocument};
use super::super::extract;
use super::super::verifications::json_reply;
use super::{admin_call, administrator};
use crate::access::{self, PolicyActError, PutMode, Run, TrialError};
use crate::app::App;

/// Entries that are read for a trial: some seconds, less than a request may take.
const TRIAL_ENTRIES_MAX: u64 = 200_000;

/// One version of a policy.
#[utoipa::path(
    get,
    path = "/admin/v1/policies/{name}",
    params(
        ("name" = String, Path, description = "The policy's name"),
        ("version" = Option<String>, Query, description = "Its version; the latest when left out"),
    ),
    responses(
        (status = 200, body = PolicyReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_policy(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [version] = extract::query(&request, ["version"])?;
    let version = version.map(|text| read_version("/version", &text)).transpose()?;
    call.admit().await?;
    let known = access::find_policy(&app.store, &name, version).await.map_err(problem)?;
    Ok(json_reply(&PolicyReply::new(known)))
}

/// What one version grants more than another, and what less.
#[utoipa::path(
    get,
    path = "/admin/v1/policies/{name}/diff",
    params(
        ("name" = String, Path, description = "The policy's name"),
        ("from" = String, Query, description = "The one version"),
        ("to" = String, Query, description = "The other"),
    ),
    responses(
        (status = 200, body = PolicyChangesReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_policy_diff(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [from, to] = extract::query(&request, ["from", "to"])?;
    let (Some(from), Some(to)) = (&from, &to) else {
        let absent = [("/from", &from), ("/to", &to)].into_iter().filter(|(_, it)| it.is_none());
        let missing = |(at, _): (&str, _)| FieldError { pointer: at.to_owned(), code: "missing" };
        return Err(Problem::with_errors(Code::InvalidRequest, absent.map(missing).collect()));
    };
    let from = (name.clone(), read_version("/from", from)?);
    let to = (name, read_version("/to", to)?);
    call.admit().await?;
    let changes = access::diff_policies(&app.store, (&from, &to)).await.map_err(problem)?;
    Ok(json_reply(&PolicyChangesReply::new(&from, &to, changes)))
}

/// Adds a version of a policy, after the latest. Clients stay on theirs unless they are moved with
/// it. A document that is the latest version's adds none, unless clients are moved.
#[utoipa::path(
    put,
    path = "/admin/v1/policies/{name}",
    params(
        ("name" = String, Path, description = "The policy's name"),
        ("dry_run" = Option<String>, Query, description = "`true`: only say what would be done"),
        (
            "move_clients" = Option<String>, Query,
            description = "`true`: the clients of this policy get the new version"
        ),
    ),
    request_body = PolicyBody,
    responses(
        (status = 200, body = NewVersionReply, description = "What would be done, or is as it was"),
        (status = 201, body = NewVersionReply),
        CallProblems,
        BodyProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn put_policy(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [dry_run, move_clients] = extract::query(&request, ["dry_run", "move_clients"])?;
    let is_dry = read_truth("/dry_run", dry_run.as_deref())?;
    let moves_clients = read_truth("/move_clients", move_clients.as_deref())?;
    let body = extract::body(&app, request, "application/json").await;
    let document = call.well_formed(body.and_then(|body| read_policy(&body)))?;
    call.admit().await?;
    let mode = PutMode { run: if is_dry { Run::Dry } else { Run::Real }, moves_clients };
    let (by, shared) = (administrator(&call), Arc::clone(&app));
    let putting = async move {
        let put = access::put_policy(&shared.store, &by, &name, &document, mode).await;
        shared.log_acts().await;
        put.map_err(problem)
    };
    let new = call.finish(putting).await?;
    let shown = NewVersionReply::new(new, is_dry);
    let mut reply = json_reply(&shown);
    if shown.added {
        *reply.status_mut() = StatusCode::CREATED;
    }
    Ok(reply)
}

/// What of the last day's log the policy would have refused or answered less to. Changes nothing.
/// Of a busy day the newest 200,000 entries are read; the command reads all.
#[utoipa::path(
    post,
    path = "/admin/v1/policies/{name}/try",
    params(("name" = String, Path, description = "The policy's name")),
    request_body = PolicyBody,
    responses(
        (status = 200, body = TrialReply),
        CallProblems,
        BodyProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_policy_trial(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await;
    let document = call.well_formed(body.and_then(|body| read_policy(&body)))?;
    call.admit().await?;
    // It reads a day of the log, as a report does.
    let _turn = app.report_turns.acquire().await;
    let now = app.clock.now();
    let most = Some(TRIAL_ENTRIES_MAX);
    let trial = access::try_policy(&app.store, &name, &document, now, most).await;
    let trial = trial.map_err(|error| match error {
        TrialError::Policy(error) => problem(error),
        TrialError::Log(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the log cannot be read");
            Code::InternalError.into()
        }
    })?;
    Ok(json_reply(&TrialReply::new(&trial)))
}

fn read_version(pointer: &str, text: &str) -> Result<u32, Problem> {
    let digits = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| malformed(pointer))
}

fn read_truth(pointer: &str, text: Option<&str>) -> Result<bool, Problem> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(malformed(pointer)),
    }
}

fn malformed(pointer: &str) -> Problem {
    let error = FieldError { pointer: pointer.to_owned(), code: "malformed" };
    Problem::with_errors(Code::InvalidValue, vec![error])
}

fn problem(error: PolicyActError) -> Problem {
    match error {
        PolicyActError::Unknown => Code::UnknownPolicy.into(),
        PolicyActError::Name => malformed("/name"),
        PolicyActError::Contended => Code::Overloaded.into(),
        PolicyActError::Document => Code::InternalError.into(),
        PolicyActError::Store(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "policies cannot be read or kept");
            Code::InternalError.into()
        }
    }
}
