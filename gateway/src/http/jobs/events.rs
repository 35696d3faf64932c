//! Progress as server-sent events (HTML Living Standard, section 9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::shown::job_reply;
use super::{OPEN, begin, own_job};
use crate::app::App;
use crate::http::described::CallProblems;
use crate::http::error::{Problem, ProblemDocument};
use crate::http::extract;

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// Events of one connection: an hour of them; the client comes again by itself.
const EVENTS_MAX: u32 = 3_600;

/// How a job gets on: an event `job` every second, with the job as `GET /v1/jobs/{id}` shows it, until it
/// has ended or the caller's right has.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/events",
    params(("id" = String, Path, description = "Identity of the job")),
    responses(
        (status = 200, description = "Events.", content_type = "text/event-stream"),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["verify"]))
)]
pub async fn get_events(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = begin(&app, &request)?;
    let [] = extract::query(&request, [])?;
    call.admit().await?;
    own_job(&call, &id).await?;
    let client = call.client().clone();
    let events = stream::unfold(0, move |told| {
        let (app, id, client) = (Arc::clone(&app), id.clone(), client.clone());
        async move {
            if told == EVENTS_MAX {
                return None;
            }
            if told > 0 {
                tokio::time::sleep(TOLD_EVERY).await;
            }
            let stands_well = app.directory.client(&client)?.standing(app.clock.now());
            if stands_well != crate::auth::Standing::Good {
                return None;
            }
            let job = app.store.job(&id).await.ok()??;
            let has_ended = !OPEN.contains(&job.state.as_str());
            let shown = job_reply(&app, job).await.ok()?;
            let json = serde_json::to_string(&shown).unwrap_or_default();
            let event = Bytes::from(format!("event: job\ndata: {json}\n\n"));
            Some((Ok::<_, Infallible>(event), if has_ended { EVENTS_MAX } else { told + 1 }))
        }
    });
    let mut response = Body::from_stream(events).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
