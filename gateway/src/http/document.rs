//! Documents beside the API: texts made at the start by whoever serves them, the same for
//! everybody and without a token. `gateway serve` has none; the sandbox shows its people.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::error::Problem;
use super::extract;
use crate::app::App;

/// A JSON text at a path of its own.
#[derive(Debug, Clone)]
pub struct Document {
    path: &'static str,
    json: Bytes,
}

impl Document {
    /// Shows `json` at `path`, a literal path that the API does not have.
    pub fn new(path: &'static str, json: String) -> Self {
        Self { path, json: json.into() }
    }
}

/// Adds a route for `document`.
pub(super) fn add(router: Router<Arc<App>>, document: Document) -> Router<Arc<App>> {
    let Document { path, json } = document;
    let serve = move |request: Request<Body>| {
        let json = json.clone();
        async move { reply(&request, json) }
    };
    router.route(path, get(serve))
}

fn reply(request: &Request<Body>, json: Bytes) -> Result<Response, Problem> {
    extract::query::<0>(request, [])?;
    let media_type = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, media_type)], json).into_response())
}
