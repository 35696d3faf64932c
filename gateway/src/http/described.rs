//! What routes have in common in the description of the API: the problems that they answer with.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, ToSchema as _};

use super::error::ProblemDocument;

/// Of every route that asks who calls: a request that is not well formed, a caller that may not ask
/// or asks too much, and our own failures.
pub(super) struct CallProblems;

/// Of every route that reads a body: one that does not come, is too long or of another kind.
pub(super) struct BodyProblems;

impl IntoResponses for CallProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[400, 401, 403, 429, 500, 503])
    }
}

impl IntoResponses for BodyProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[408, 413, 415])
    }
}

fn problems(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let document = Ref::from_schema_name(ProblemDocument::name());
    let content = ContentBuilder::new().schema(Some(document)).build();
    let problem = ResponseBuilder::new().content("application/problem+json", content).build();
    statuses.iter().map(|status| (status.to_string(), problem.clone().into())).collect()
}
