//! `/v1/jobs`: files in bulk.

mod events;
mod file;
mod order;
mod results;
mod shown;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::order::{JobBody, read_order};
use self::shown::{JobReply, ReceiptsReply, job_reply};
use super::call::Call;
use super::code::Code;
use super::described::{BodyProblems, CallProblems};
use super::error::{FieldError, Problem, ProblemDocument};
use super::extract;
use super::json;
use super::verifications::json_reply;
use crate::app::App;
use crate::jobs::{self, OPEN};
use crate::policy::Officials;
use crate::request::Operation;
use crate::store::{JobChange, JobRow, StoreError};

/// Jobs and receipts on a page.
const PAGE_USUAL: i64 = 100;
const PAGE_MAX: i64 = 1_000;
/// What an identity begins with.
const PREFIX: &str = "job_";

/// The routes of jobs.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(post_job, get_jobs))
        .routes(routes!(get_job, delete_job))
        .routes(routes!(post_resume))
        .routes(routes!(get_receipts))
        .routes(routes!(file::put_file))
        .routes(routes!(results::get_results))
        .routes(routes!(events::get_events))
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobsReply {
    /// The newest first.
    jobs: Vec<JobReply>,
    /// The `before` of the next page; null on the last one.
    next: Option<String>,
}

/// Orders a job. Its file is sent afterwards.
#[utoipa::path(
    post,
    path = "/v1/jobs",
    request_body = JobBody,
    responses(
        (status = 201, body = JobReply),
        CallProblems,
        BodyProblems,
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn post_job(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, Some(Operation::Verify))?;
    let body = call.json_body(request).await;
    let read = body.and_then(|body| read_order(&call, &json::parse(&body)?));
    let order = call.well_formed(read)?;
    let _admission = call.admit().await?;
    may_order(&call, &order).await?;
    let now = app.clock.now();
    let id = format!("{PREFIX}{}", call.exchange.request_id);
    let row = JobRow {
        id: id.clone(),
        client_id: call.client().as_str().to_owned(),
        node: app.config.log.name.clone(),
        state: "created".to_owned(),
        settings: order.to_json(),
        file_bytes: None,
        problem: None,
        digest: None,
        created_us: now.0,
        changed_us: now.0,
        ended_us: None,
    };
    let open_max = i64::from(app.config.jobs.open_max);
    if !app.store.add_job(&row, open_max).await.map_err(|error| unreadable(&error))? {
        return Err(Code::TooManyJobs.into());
    }
    let mut response = json_reply(&job_reply(&app, row).await?);
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/jobs/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What the rows would be refused for one by one is refused at once.
async fn may_order(call: &Call, order: &jobs::Order) -> Result<(), Problem> {
    let policy = call.policy()?;
    if !call.has_scope() || !policy.operations().contains(Operation::Verify) {
        return Err(Code::OperationNotPermitted.into());
    }
    if policy.granted(Operation::Verify, &order.purpose).is_none() {
        return Err(Code::PurposeNotPermitted.into());
    }
    let agency = order.on_behalf_of.as_ref();
    if agency.is_some_and(|agency| !call.caller.client().may_act_for(agency)) {
        return Err(Code::OnBehalfOfNotPermitted.into());
    }
    let Some(official) = order.official else { return Ok(()) };
    if policy.officials() == Officials::Optional {
        return Ok(());
    }
    match call.app.officials.know(&call.app.store, call.client(), official.0).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Code::OfficialUnknown.into()),
        Err(error) => Err(unreadable(&error)),
    }
}

/// The client's jobs, the newest first.
#[utoipa::path(
    get,
    path = "/v1/jobs",
    params(
        ("before" = Option<String>, Query, description = "Jobs before the one with this identity: `next` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Jobs on the page; 100 unless told"),
    ),
    responses(
        (status = 200, body = JobsReply),
        CallProblems,
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn get_jobs(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = begin(&app, &request)?;
    let [before, limit] = extract::query(&request, ["before", "limit"])?;
    let limit = read_limit(limit.as_deref())?;
    call.admit().await?;
    let client = call.client().as_str();
    let rows = app.store.jobs_of(client, before.as_deref().unwrap_or(""), limit + 1).await;
    let mut rows = rows.map_err(|error| unreadable(&error))?;
    let is_last = rows.len() as i64 <= limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| !is_last).map(|row| row.id.clone());
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        jobs.push(job_reply(&app, row).await?);
    }
    Ok(json_reply(&JobsReply { jobs, next }))
}

/// One job: where it stands, and what became of its rows so far.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}",
    params(("id" = String, Path, description = "Identity of the job")),
    responses(
        (status = 200, body = JobReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn get_job(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = begin(&app, &request)?;
    let [] = extract::query(&request, [])?;
    call.admit().await?;
    let job = own_job(&call, &id).await?;
    Ok(json_reply(&job_reply(&app, job).await?))
}

/// Where the entries of a job stand in the log, a range for each chunk of its rows.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/receipts",
    params(
        ("id" = String, Path, description = "Identity of the job"),
        ("after" = Option<u64>, Query, description = "Chunks behind the one with this number: `next` of the page before"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Chunks on the page; 100 unless told"),
    ),
    responses(
        (status = 200, body = ReceiptsReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn get_receipts(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = begin(&app, &request)?;
    let [after, limit] = extract::query(&request, ["after", "limit"])?;
    let limit = read_limit(limit.as_deref())?;
    let from = match after.as_deref().map(str::parse::<u32>) {
        None => 0,
        Some(Ok(after)) => i64::from(after) + 1,
        Some(Err(_)) => return Err(malformed("/after")),
    };
    call.admit().await?;
    let job = own_job(&call, &id).await?;
    let chunks = app.store.chunks((&job.node, &job.id), from, limit + 1).await;
    Ok(json_reply(&ReceiptsReply::new(chunks.map_err(|error| unreadable(&error))?, limit as usize)))
}

/// Goes on with a job that stands still.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/resume",
    params(("id" = String, Path, description = "Identity of the job")),
    responses(
        (status = 200, body = JobReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 408, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn post_resume(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = begin(&app, &request)?;
    let [] = extract::query(&request, [])?;
    extract::no_body(&app, request).await?;
    call.admit().await?;
    let job = own_job(&call, &id).await?;
    // Whoever goes on behind too many rows that cannot be read has seen them.
    let found = job.problem.as_deref().and_then(jobs::problem::JobProblem::parse);
    let is_accepted = found.is_some_and(|found| found.code == jobs::problem::TOO_MANY_ROW_PROBLEMS);
    let settings = is_accepted.then(|| accepting_all(&job)).flatten();
    let change = JobChange {
        from: &["paused"],
        to: "running",
        settings: settings.as_deref(),
        at_us: app.clock.now().0,
        ..JobChange::default()
    };
    if !app.store.change_job(&job.id, &change).await.map_err(|error| unreadable(&error))? {
        return Err(Code::JobState.into());
    }
    app.jobs_changed.notify_one();
    let job = own_job(&call, &id).await?;
    Ok(json_reply(&job_reply(&app, job).await?))
}

fn accepting_all(job: &JobRow) -> Option<String> {
    let order = jobs::Order::parse(&job.settings).ok()?;
    Some(jobs::Order { error_threshold: 1.0, ..order }.to_json())
}

/// Ends a job that has not ended, which removes its upload; removes one that has, and its results.
#[utoipa::path(
    delete,
    path = "/v1/jobs/{id}",
    params(("id" = String, Path, description = "Identity of the job")),
    responses(
        (status = 200, body = JobReply, description = "It is cancelled; its results stay until their time is over or it is deleted again."),
        (status = 204, description = "It is gone, and its results with it."),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn delete_job(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = begin(&app, &request)?;
    let [] = extract::query(&request, [])?;
    call.admit().await?;
    let job = here(&app, own_job(&call, &id).await?)?;
    if OPEN.contains(&job.state.as_str()) {
        let at_us = app.clock.now().0;
        let change = JobChange {
            from: &OPEN,
            to: "cancelled",
            at_us,
            has_ended: true,
            ..JobChange::default()
        };
        app.store.change_job(&job.id, &change).await.map_err(|error| unreadable(&error))?;
        // What a run has open goes when it ends, which is at its next chunk.
        jobs::remove_upload(&app, &job.id);
        let job = own_job(&call, &id).await?;
        return Ok(json_reply(&job_reply(&app, job).await?));
    }
    jobs::forget(&app, &job).await.map_err(|error| unreadable(&error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn begin(app: &Arc<App>, request: &Request<Body>) -> Result<Call, Problem> {
    let call = Call::begin(app, request, Some(Operation::Verify))?;
    if !call.may(Operation::Verify)? {
        return Err(Code::OperationNotPermitted.into());
    }
    Ok(call)
}

/// A job of the caller; somebody else's is as none.
async fn own_job(call: &Call, id: &str) -> Result<JobRow, Problem> {
    let job = call.app.store.job(id).await.map_err(|error| unreadable(&error))?;
    let job = job.filter(|job| job.client_id == call.client().as_str());
    job.ok_or_else(|| Code::UnknownJob.into())
}

/// A job whose files are on this node.
fn here(app: &App, job: JobRow) -> Result<JobRow, Problem> {
    if job.node == app.config.log.name { Ok(job) } else { Err(Code::JobElsewhere.into()) }
}

fn read_limit(limit: Option<&str>) -> Result<i64, Problem> {
    let limit = limit.map_or(Some(PAGE_USUAL), |limit| limit.parse().ok());
    limit.filter(|limit| (1..=PAGE_MAX).contains(limit)).ok_or_else(|| malformed("/limit"))
}

fn malformed(pointer: &str) -> Problem {
    let error = FieldError { pointer: pointer.to_owned(), code: "malformed" };
    Problem::with_errors(Code::InvalidValue, vec![error])
}

fn unreadable(error: &StoreError) -> Problem {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "jobs cannot be read or kept");
    Code::Overloaded.into()
}

fn unreadable_file(error: &std::io::Error) -> Problem {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "files of a job cannot be read or written");
    Code::InternalError.into()
}
