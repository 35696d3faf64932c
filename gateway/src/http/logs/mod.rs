//! `GET /v1/logs/...`: the logs of the database in C2SP `tlog-tiles` form, for anybody with a token,
//! and their entries for those whom they concern.
//!
//! Whatever is not there, or is not the caller's to see, is the same 404.

mod entry;
mod path;
mod proof;
mod shown;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use entry::*;
pub use proof::*;

use self::path::{TilePath, parse_level};
use super::call::Call;
use super::code::Code;
use super::described::CallProblems;
use super::error::{Problem, ProblemDocument};
use super::extract;
use super::verifications::json_reply;
use crate::app::App;
use crate::audit::{LogHead, TILE_WIDTH, TilePlace, TilesError};
use crate::request::Operation;

/// The logs of the database.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogsReply {
    /// One for each node that ever wrote.
    logs: Vec<LogReply>,
}

/// A log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogReply {
    /// Its name, which receipts tell.
    #[schema(example = "n1")]
    name: String,
    /// Its origin, the first line of its checkpoints.
    #[schema(example = "gateway.example/log/n1")]
    origin: String,
    /// Number of entries.
    size: u64,
    /// The key that verifies its checkpoints (C2SP `signed-note`); null where the node that
    /// answers does not hold it.
    verifier_key: Option<String>,
}

/// All logs of the database.
#[utoipa::path(
    get,
    path = "/v1/logs",
    responses(
        (status = 200, body = LogsReply),
        CallProblems,
    ),
    security(("token" = []))
)]
pub async fn get_logs(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    admit(&app, &request).await?;
    let [] = extract::query(&request, [])?;
    let heads = app.tiles.heads().await.map_err(|error| unreadable(&error))?;
    let logs = heads
        .into_iter()
        .map(|head| LogReply {
            verifier_key: head.verifier_key(&app.keys).ok().flatten(),
            name: head.log,
            origin: head.checkpoint.origin,
            size: head.checkpoint.size,
        })
        .collect();
    Ok(json_reply(&LogsReply { logs }))
}

/// The signed checkpoint of a log: its origin, size and root.
#[utoipa::path(
    get,
    path = "/v1/logs/{log}/checkpoint",
    params(("log" = String, Path, description = "Name of the log.")),
    responses(
        (status = 200, body = String, content_type = "text/plain; charset=utf-8"),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_checkpoint(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    admit(&app, &request).await?;
    let [] = extract::query(&request, [])?;
    let (log, _) = split_path(&request)?;
    let head = find_head(&app, log).await?;
    Ok(reply("text/plain; charset=utf-8", NOT_KEPT, head.note.into_bytes()))
}

/// A hash tile of a log: 256 hashes of 32 bytes, or the first ones of them.
#[utoipa::path(
    get,
    path = "/v1/logs/{log}/tile/{level}/{*index}",
    params(
        ("log" = String, Path, description = "Name of the log."),
        ("level" = u8, Path, description = "Level of the tile, 0 above the entries."),
        ("index" = String, Path, description = "Index within the level in groups of three digits, \
            `x001/x234/067`; behind it `.p/8` for the first eight hashes."),
    ),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_tile(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    admit(&app, &request).await?;
    let [] = extract::query(&request, [])?;
    let (log, rest) = split_path(&request)?;
    let parsed = rest.strip_prefix("tile/").and_then(|rest| rest.split_once('/'));
    let (level, index) = parsed.ok_or(Code::NotFound)?;
    let path = TilePath::parse(index).ok_or(Code::NotFound)?;
    let level = parse_level(level).ok_or(Code::NotFound)?;
    let place = TilePlace { level, index: path.index };
    let size = find_head(&app, log).await?.checkpoint.size;
    if place.width(size) < path.width {
        return Err(Code::NotFound.into());
    }
    let hashes = app.tiles.tile(log, size, place).await.map_err(|error| unreadable(&error))?;
    let bytes = hashes[..path.width].as_flattened().to_vec();
    Ok(reply("application/octet-stream", NEVER_CHANGES, bytes))
}

/// 256 entries of a log, or the first ones of them, each after its length as big-endian `uint16`:
/// for auditors.
#[utoipa::path(
    get,
    path = "/v1/logs/{log}/tile/entries/{*index}",
    params(
        ("log" = String, Path, description = "Name of the log."),
        ("index" = String, Path, description = "Index of the bundle in groups of three digits, \
            `x001/x234/067`; behind it `.p/8` for the first eight entries."),
    ),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = ["audit"]))
)]
pub async fn get_bundle(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    if !admit(&app, &request).await?.may(Operation::Audit)? {
        return Err(Code::OperationNotPermitted.into());
    }
    let [] = extract::query(&request, [])?;
    let (log, rest) = split_path(&request)?;
    let path = rest.strip_prefix("tile/entries/").and_then(TilePath::parse);
    let path = path.ok_or(Code::NotFound)?;
    let place = TilePlace { level: 0, index: path.index };
    let size = find_head(&app, log).await?.checkpoint.size;
    if place.width(size) < path.width {
        return Err(Code::NotFound.into());
    }
    let entries = app
        .tiles
        .entries(log, path.index * TILE_WIDTH as u64, path.width)
        .await
        .map_err(|error| unreadable(&error))?;
    let mut bytes = Vec::new();
    for entry in entries.ok_or(Code::NotFound)? {
        // An entry was stored behind its length in two bytes.
        bytes.extend_from_slice(&(entry.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&entry);
    }
    // A day that is dropped must not live on in caches.
    Ok(reply("application/octet-stream", NOT_KEPT, bytes))
}

/// Tiles are what they are for ever; a token is needed, so shared caches keep none.
const NEVER_CHANGES: &str = "private, max-age=31536000, immutable";
const NOT_KEPT: &str = "no-store";

/// Who calls, within its rate. What is waited for holds no request: its body cannot be shared.
fn admit(
    app: &Arc<App>,
    request: &Request<Body>,
) -> impl Future<Output = Result<Call, Problem>> + use<> {
    let begun = Call::begin(app, request, Some(Operation::Audit));
    async move {
        let call = begun?;
        let _admission = call.admit().await?;
        Ok(call)
    }
}

/// The log that a path names and what is asked of it. Read as sent: what is percent-encoded is
/// another path, and tiles have one.
fn split_path(request: &Request<Body>) -> Result<(&str, &str), Problem> {
    let split = request.uri().path().strip_prefix("/v1/logs/").and_then(|p| p.split_once('/'));
    split.ok_or(Code::NotFound.into())
}

async fn find_head(app: &App, log: &str) -> Result<LogHead, Problem> {
    app.tiles.head(log).await.map_err(|error| unreadable(&error))?.ok_or(Code::NotFound.into())
}

fn unreadable(error: &TilesError) -> Problem {
    tracing::error!(error = error as &dyn std::error::Error, "the log cannot be read");
    Code::InternalError.into()
}

fn reply(media_type: &'static str, cached: &'static str, body: Vec<u8>) -> Response {
    let media_type = HeaderValue::from_static(media_type);
    let cached = HeaderValue::from_static(cached);
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, cached)], body).into_response()
}
