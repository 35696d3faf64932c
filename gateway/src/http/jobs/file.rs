//! A file comes in, in one piece or in several.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;
use utoipa::ToSchema;

use super::shown::{JobReply, job_reply};
use super::{begin, here, malformed, own_job, unreadable, unreadable_file};
use crate::app::App;
use crate::http::code::Code;
use crate::http::described::{BodyProblems, CallProblems};
use crate::http::error::{Problem, ProblemDocument, UPLOAD_OFFSET};
use crate::http::extract;
use crate::http::verifications::json_reply;
use crate::store::{JobChange, JobRow, UploadTurn};

/// Whether this part is the last one (IETF draft-ietf-httpbis-resumable-upload).
const UPLOAD_COMPLETE: &str = "upload-complete";
/// Who sends nothing for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Bytes after which the disk is looked at, and what came in is made durable.
const LOOKED_AT: u64 = 16 << 20;

/// A file, or a part of one: bytes, whatever their media type says.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct JobFileBody(Vec<u8>);

/// Takes the file of a job, or the next part of it. What came in stays when the connection breaks: go on
/// at `received_bytes`.
#[utoipa::path(
    put,
    path = "/v1/jobs/{id}/file",
    params(
        ("id" = String, Path, description = "Identity of the job"),
        ("Upload-Offset" = Option<u64>, Header, description = "Where this part begins; 0 unless told"),
        ("Upload-Complete" = Option<String>, Header, description = "`?1` (unless told): the file ends with this part; `?0`: more will come"),
    ),
    request_body(content = JobFileBody, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = JobReply),
        CallProblems,
        BodyProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn put_file(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = begin(&app, &request)?;
    let [] = extract::query(&request, [])?;
    let (offset, is_last) = read_headers(request.headers())?;
    call.admit().await?;
    let job = here(&app, own_job(&call, &id).await?)?;
    let turn = app.job_files.begin_upload(&id).ok_or(Code::UploadInProgress)?;
    if !["created", "receiving"].contains(&job.state.as_str()) {
        return Err(Code::JobState.into());
    }
    let received = app.job_files.received(&id).map_err(|error| unreadable_file(&error))?;
    if offset != received {
        return Err(Problem::upload_ends_at(received));
    }
    let shared = Arc::clone(&app);
    // To its end also when the caller has gone: two must not write at once.
    let receiving = async move {
        let received = receive(&shared, &job, turn, offset, request.into_body()).await?;
        conclude(&shared, &job, received, is_last).await
    };
    call.finish(receiving).await?;
    Ok(json_reply(&job_reply(&app, own_job(&call, &id).await?).await?))
}

fn read_headers(headers: &HeaderMap) -> Result<(u64, bool), Problem> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let offset = match text(UPLOAD_OFFSET).map(str::parse) {
        None => 0,
        Some(Ok(offset)) => offset,
        Some(Err(_)) => return Err(malformed("/upload-offset")),
    };
    match text(UPLOAD_COMPLETE) {
        None | Some("?1") => Ok((offset, true)),
        Some("?0") => Ok((offset, false)),
        Some(_) => Err(malformed("/upload-complete")),
    }
}

/// Writes what comes in behind what is there; the bytes that are there then.
async fn receive(
    app: &App,
    job: &JobRow,
    turn: UploadTurn,
    offset: u64,
    body: Body,
) -> Result<u64, Problem> {
    let _turn = turn;
    let change = JobChange {
        from: &["created", "receiving"],
        to: "receiving",
        at_us: app.clock.now().0,
        ..JobChange::default()
    };
    if !app.store.change_job(&job.id, &change).await.map_err(|error| unreadable(&error))? {
        return Err(Code::JobState.into());
    }
    let file = app.job_files.append_upload(&job.id).map_err(|error| unreadable_file(&error))?;
    let mut file = tokio::fs::File::from_std(file);
    let (mut body, mut received, mut looked_at) = (pin!(body), offset, None);
    let ended = loop {
        if looked_at.is_none_or(|at| received >= at + LOOKED_AT) {
            looked_at = Some(received);
            if let Err(problem) = look(app, &mut file).await {
                break Err(problem);
            }
        }
        let frame = match tokio::time::timeout(SILENCE_MAX, body.frame()).await {
            Err(_silent) => break Err(Code::RequestTimeout.into()),
            Ok(None) => break Ok(()),
            Ok(Some(Err(_broken))) => break Err(Code::RequestTimeout.into()),
            Ok(Some(Ok(frame))) => frame,
        };
        let Some(bytes) = frame.data_ref() else { continue };
        if received + bytes.len() as u64 > app.config.jobs.file_bytes_max {
            break Err(Code::BodyTooLarge.into());
        }
        if let Err(error) = file.write_all(bytes).await {
            break Err(not_written(&error));
        }
        received += bytes.len() as u64;
    };
    // What came in is kept, whatever ended it.
    file.sync_all().await.map_err(|error| not_written(&error))?;
    ended.map(|()| received)
}

async fn look(app: &App, file: &mut tokio::fs::File) -> Result<(), Problem> {
    file.sync_data().await.map_err(|error| not_written(&error))?;
    let free = app.job_files.free_bytes().map_err(|error| unreadable_file(&error))?;
    if free < app.config.jobs.free_bytes_min {
        return Err(Code::NoRoomForFile.into());
    }
    Ok(())
}

fn not_written(error: &std::io::Error) -> Problem {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Code::NoRoomForFile.into()
        }
        _ => unreadable_file(error),
    }
}

/// The file is whole: the job runs.
async fn conclude(app: &App, job: &JobRow, received: u64, is_last: bool) -> Result<(), Problem> {
    if !is_last {
        return Ok(());
    }
    let change = JobChange {
        from: &["receiving"],
        to: "running",
        file_bytes: Some(received as i64),
        at_us: app.clock.now().0,
        ..JobChange::default()
    };
    if !app.store.change_job(&job.id, &change).await.map_err(|error| unreadable(&error))? {
        return Err(Code::JobState.into());
    }
    app.jobs_changed.notify_one();
    Ok(())
}
