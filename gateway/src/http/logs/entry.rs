//! `GET /v1/logs/{log}/entries/{index}`: one entry with the proof that it is in the log, for its own
//! client and for auditors.
//!
//! Its client is shown what its answer disclosed and no more. Pseudonym, prefix and status tell
//! whether a number was issued, the bytes hold all of them, and times on the register differ: these
//! are for auditors.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::code::Code;
use super::super::described::CallProblems;
use super::super::entry_reply::{EntryReply, RequestEntryReply};
use super::super::error::{Problem, ProblemDocument};
use super::super::extract;
use super::super::verifications::json_reply;
use super::path::decimal;
use super::shown::show;
use super::{ProofReply, admit, find_head, split_path, unreadable};
use crate::app::App;
use crate::audit::{LogEntry, LogHead, leaf_hash, verify_inclusion};
use crate::request::Operation;

/// An entry and the proof that it is in the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogEntryReply {
    /// Name of the log.
    log: String,
    /// Index of the entry.
    index: u64,
    /// Leaf hash of the entry (RFC 6962), base64, as the receipt told it.
    leaf: String,
    /// What it says: a request, or for auditors also an act, a dispute or the totals of a day.
    #[schema(value_type = RequestEntryReply)]
    entry: EntryReply,
    /// The entry itself, base64; for auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
    /// That the leaf is in the tree of the checkpoint.
    proof: ProofReply,
    /// The signed checkpoint of that tree.
    checkpoint: String,
}

/// One entry of a log with its proof. An entry of somebody else is not found, as one that does not
/// exist is not.
#[utoipa::path(
    get,
    path = "/v1/logs/{log}/entries/{index}",
    params(
        ("log" = String, Path, description = "Name of the log."),
        ("index" = u64, Path, description = "Index of the entry."),
    ),
    responses(
        (status = 200, body = LogEntryReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_entry(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admit(&app, &request).await?;
    let [] = extract::query(&request, [])?;
    let (log, rest) = split_path(&request)?;
    let index = rest.strip_prefix("entries/").and_then(|index| decimal(index, u64::MAX));
    let index = index.ok_or(Code::NotFound)?;
    let head = find_head(&app, log).await?;
    if index >= head.checkpoint.size {
        return Err(Code::NotFound.into());
    }
    let read = app.tiles.entries(log, index, 1).await.map_err(|error| unreadable(&error))?;
    let bytes = read.and_then(|mut read| read.pop()).ok_or(Code::NotFound)?;
    let entry = LogEntry::decode(&bytes).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, log, index, "a damaged entry");
        Code::InternalError
    })?;
    let sees_all = call.may(Operation::Audit)?;
    let shown = show(&app, &entry, call.client(), sees_all).ok_or(Code::NotFound)?;
    let bytes = (sees_all, bytes);
    Ok(json_reply(&prove(&app, head, index, shown, bytes).await?))
}

/// Puts the reply together. A proof that does not hold is not given to anybody.
async fn prove(
    app: &App,
    head: LogHead,
    index: u64,
    entry: EntryReply,
    (shows_bytes, bytes): (bool, Vec<u8>),
) -> Result<LogEntryReply, Problem> {
    let LogHead { log, checkpoint, note } = head;
    let (leaf, size) = (leaf_hash(&bytes), checkpoint.size);
    let hashes =
        app.tiles.inclusion(&log, index, size).await.map_err(|error| unreadable(&error))?;
    let hashes = hashes.ok_or(Code::InternalError)?;
    if !verify_inclusion(&leaf, index, size, &hashes, &checkpoint.root) {
        tracing::error!(log, index, "the entry is not in the tree of the checkpoint");
        return Err(Code::InternalError.into());
    }
    Ok(LogEntryReply {
        log,
        index,
        leaf: STANDARD.encode(leaf),
        entry,
        bytes: shows_bytes.then(|| STANDARD.encode(&bytes)),
        proof: ProofReply::new(size, &hashes),
        checkpoint: note,
    })
}
