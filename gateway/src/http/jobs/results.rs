//! Results are fetched, also while the job runs: what is committed is given, and nothing else.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::{begin, here, own_job, unreadable};
use crate::app::App;
use crate::http::code::Code;
use crate::http::described::CallProblems;
use crate::http::error::{Problem, ProblemDocument};
use crate::http::extract;
use crate::jobs::Order;
use crate::jobs::rows::FileFormat;
use crate::store::JobFiles;

/// Bytes that are read at once.
const READ_AT_ONCE: u64 = 256 * 1024;

/// The results of a job so far: a line for each row, in the order of the file.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/results",
    params(
        ("id" = String, Path, description = "Identity of the job"),
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=4096-` (RFC 9110, section 14)"),
    ),
    responses(
        (status = 200, description = "All that there is so far.", content_type = "text/csv"),
        (status = 206, description = "That part of it.", content_type = "text/csv"),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 416, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn get_results(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = begin(&app, &request)?;
    let [] = extract::query(&request, [])?;
    call.admit().await?;
    let job = here(&app, own_job(&call, &id).await?)?;
    let done =
        app.store.last_chunk(&job.node, &job.id).await.map_err(|error| unreadable(&error))?;
    let there = done.map_or(0, |done| done.result_bytes.unsigned_abs());
    let order = Order::parse(&job.settings).map_err(|_| Code::InternalError)?;
    let range = read_range(request.headers(), there)?;
    let (status, from, until) = match range {
        None => (StatusCode::OK, 0, there),
        Some((from, until)) => (StatusCode::PARTIAL_CONTENT, from, until),
    };
    let mut response = (status, body(app.job_files.clone(), id, from, until)).into_response();
    let headers = response.headers_mut();
    let media_type = match order.results {
        FileFormat::Csv => "text/csv; charset=utf-8; header=present",
        FileFormat::Ndjson => "application/x-ndjson",
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(until - from));
    if range.is_some() {
        // While it runs nobody knows how long they will be.
        let whole = if job.ended_us.is_some() { there.to_string() } else { "*".to_owned() };
        let text = format!("bytes {from}-{}/{whole}", until - 1);
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header::CONTENT_RANGE, value);
        }
    }
    Ok(response)
}

/// The range that is asked for, of what is there; none where all is. What is no single range of bytes is
/// passed over (RFC 9110, section 14.2).
fn read_range(headers: &HeaderMap, there: u64) -> Result<Option<(u64, u64)>, Problem> {
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some(range) = text.and_then(|text| text.strip_prefix("bytes=")) else { return Ok(None) };
    let Some((first, last)) = range.split_once('-') else { return Ok(None) };
    let (Ok(first), last) = (first.parse::<u64>(), last.parse::<u64>()) else { return Ok(None) };
    if first >= there {
        return Err(Code::RangeNotSatisfiable.into());
    }
    let until = last.map_or(there, |last| last.saturating_add(1)).min(there);
    Ok((until > first).then_some((first, until)))
}

fn body(files: JobFiles, id: String, from: u64, until: u64) -> Body {
    let pieces = stream::try_unfold(from, move |offset| {
        let (files, id) = (files.clone(), id.clone());
        async move {
            if offset >= until {
                return Ok(None);
            }
            let length = READ_AT_ONCE.min(until - offset) as usize;
            let read =
                tokio::task::spawn_blocking(move || files.read_results(&id, offset, length)).await;
            let bytes = read.map_err(io::Error::other)??;
            if bytes.len() < length {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            let next = offset + bytes.len() as u64;
            Ok(Some((Bytes::from(bytes), next)))
        }
    });
    Body::from_stream(pieces)
}
