//! Proofs between any two places of a log, for anybody with a token: they hold hashes alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::code::Code;
use super::super::described::CallProblems;
use super::super::error::{FieldError, Problem, ProblemDocument};
use super::super::extract;
use super::super::verifications::json_reply;
use super::path::decimal;
use super::{admit, find_head, split_path, unreadable};
use crate::app::App;
use crate::audit::Hash;

/// A proof over the tree (RFC 6962, sections 2.1.1 and 2.1.2).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProofReply {
    /// Number of entries of the tree that it leads to.
    tree_size: u64,
    /// Its hashes, base64, lowest first.
    hashes: Vec<String>,
}

impl ProofReply {
    /// The proof as it is shown.
    pub fn new(tree_size: u64, hashes: &[Hash]) -> Self {
        let hashes = hashes.iter().map(|hash| STANDARD.encode(hash)).collect();
        Self { tree_size, hashes }
    }
}

/// Parameters of an inclusion proof.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InclusionQuery {
    /// Index of the entry.
    pub index: u64,
    /// Number of entries of the tree; that of the checkpoint when left out.
    pub size: Option<u64>,
}

/// Parameters of a consistency proof.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConsistencyQuery {
    /// Number of entries of the earlier tree.
    pub from: u64,
    /// Number of entries of the later tree; that of the checkpoint when left out.
    pub to: Option<u64>,
}

/// The proof that an entry is in the tree of a size.
#[utoipa::path(
    get,
    path = "/v1/logs/{log}/proof/inclusion",
    params(("log" = String, Path, description = "Name of the log."), InclusionQuery),
    responses(
        (status = 200, body = ProofReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_inclusion(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    prove(&app, request, Proof::Inclusion).await
}

/// The proof that the tree of a later size begins with that of an earlier one.
#[utoipa::path(
    get,
    path = "/v1/logs/{log}/proof/consistency",
    params(("log" = String, Path, description = "Name of the log."), ConsistencyQuery),
    responses(
        (status = 200, body = ProofReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_consistency(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    prove(&app, request, Proof::Consistency).await
}

/// Which proof is asked for.
#[derive(Debug, Clone, Copy)]
enum Proof {
    Inclusion,
    Consistency,
}

impl Proof {
    /// The parameters that name the two places between which it leads. The second is the size of the
    /// tree.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Inclusion => ["index", "size"],
            Self::Consistency => ["from", "to"],
        }
    }
}

async fn prove(app: &Arc<App>, request: Request<Body>, proof: Proof) -> Result<Response, Problem> {
    admit(app, &request).await?;
    let names = proof.names();
    let sent = extract::query(&request, names)?;
    let (log, _) = split_path(&request)?;
    let [first, size] = read_range(app, log, names, sent).await?;
    let found = match proof {
        Proof::Inclusion => app.tiles.inclusion(log, first, size).await,
        Proof::Consistency => app.tiles.consistency(log, first, size).await,
    };
    let hashes = found.map_err(|error| unreadable(&error))?;
    let hashes = hashes.ok_or_else(|| out_of_range(names[0]))?;
    Ok(json_reply(&ProofReply::new(size, &hashes)))
}

/// Reads two numbers, the second at most the size of the log, which it is when left out.
async fn read_range(
    app: &App,
    log: &str,
    names: [&'static str; 2],
    [first, second]: [Option<String>; 2],
) -> Result<[u64; 2], Problem> {
    let size = find_head(app, log).await?.checkpoint.size;
    let Some(first) = first else {
        let missing = FieldError { pointer: format!("/{}", names[0]), code: "missing" };
        return Err(Problem::with_errors(Code::InvalidRequest, vec![missing]));
    };
    let first = decimal(&first, u64::MAX).ok_or_else(|| malformed(names[0]))?;
    let second = match second {
        Some(text) => decimal(&text, u64::MAX).ok_or_else(|| malformed(names[1]))?,
        None => size,
    };
    if second > size {
        return Err(out_of_range(names[1]));
    }
    Ok([first, second])
}

fn malformed(name: &str) -> Problem {
    let error = FieldError { pointer: format!("/{name}"), code: "malformed" };
    Problem::with_errors(Code::InvalidValue, vec![error])
}

fn out_of_range(name: &str) -> Problem {
    let error = FieldError { pointer: format!("/{name}"), code: "out-of-range" };
    Problem::with_errors(Code::InvalidValue, vec![error])
}
