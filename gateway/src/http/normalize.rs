//! `POST /v1/normalize`: what the published rules do to a value, step by step, so that a caller can
//! see why two values differ. It asks nothing about anybody: no operation, no purpose, no entry,
//! and no register. Only the rate limits it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::code::Code;
use super::described::{BodyProblems, CallProblems};
use super::error::{Problem, ProblemDocument};
use super::json::{self, Errors, Fields};
use super::verifications::json_reply;
use crate::app::App;
use crate::matching::{self, NormalizeStep, PROFILE};
use crate::request::{Attribute, Malformed};

/// A value to be normalised.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct NormalizeBody {
    /// Which attribute it is a value of.
    #[schema(example = "full_name")]
    pub attribute: String,
    /// The value as a request would send it; places as `01/00004` or `2004/01/00004`.
    #[schema(example = "NGUYỄN VĂN HOÀ")]
    pub value: String,
}

/// What became of a value.
#[derive(Debug, Serialize, ToSchema)]
pub struct NormalizeReply {
    /// The published rules.
    #[schema(example = "vi-1")]
    profile: &'static str,
    /// The attribute.
    attribute: &'static str,
    /// The steps in their order, each with the value after it.
    steps: Vec<StepReply>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepReply {
    /// Its name, as the published page has it.
    #[schema(example = "orthography")]
    step: &'static str,
    /// The value after it.
    #[schema(example = "nguyễn văn hòa")]
    value: String,
}

/// Shows what the published rules do to a value; touches no register.
#[utoipa::path(
    post,
    path = "/v1/normalize",
    request_body = NormalizeBody,
    responses(
        (status = 200, body = NormalizeReply),
        CallProblems,
        BodyProblems,
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_normalize(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, None)?;
    let body = call.json_body(request).await;
    let read = body.and_then(|body| read_value(&json::parse(&body)?));
    let (attribute, steps) = call.well_formed(read)?;
    let _admission = call.admit().await?;
    let steps = steps.into_iter().map(|NormalizeStep { step, value }| StepReply { step, value });
    let reply =
        NormalizeReply { profile: PROFILE, attribute: attribute.name(), steps: steps.collect() };
    Ok(json_reply(&reply))
}

/// Reads a body and takes the steps: whether a value is well formed is the first of them.
fn read_value(node: &json::Node<'_>) -> Result<(Attribute, Vec<NormalizeStep>), Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    for name in ["attribute", "value"] {
        if !fields.has(name) {
            fields.missing(name, &mut errors);
        }
    }
    let attribute = fields
        .parsed("attribute", &mut errors, |name| Attribute::find(name).ok_or(Malformed::Form));
    // Without an attribute there is no form that the value could have.
    let steps = match attribute {
        Some(attribute) => {
            fields.parsed("value", &mut errors, |value| matching::normalize(attribute, value))
        }
        None => fields.text("value", &mut errors).and(None),
    };
    fields.finish(&mut errors);
    errors.finish()?;
    // Whatever is missing was noted above, so both are there now.
    attribute.zip(steps).ok_or_else(|| Code::InternalError.into())
}
