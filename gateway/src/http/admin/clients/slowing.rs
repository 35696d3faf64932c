//! A client is slowed, and slowed no longer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::response::Response;
use utoipa::ToSchema;

use super::super::super::code::Code;
use super::super::super::described::{BodyProblems, CallProblems};
use super::super::super::error::{Problem, ProblemDocument};
use super::super::super::json::{self, Errors, Fields};
use super::super::super::verifications::json_reply;
use super::super::{admin_call, administrator, known_id};
use super::logged;
use super::read::{parse_moment, require};
use super::shown::ClientReply;
use crate::access::{self, Slowing, parse_reason};
use crate::app::App;
use crate::audit::EventText;
use crate::rate_limit::Limits;
use crate::request::Malformed;

/// How a client is slowed.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct SlowBody {
    /// Requests a second in the long run, at most; where its policy allows fewer, that many.
    #[schema(minimum = 1)]
    rate: u32,
    /// Requests at once after a rest, at most: a whole multiple of the rate; the rate when left out.
    #[schema(minimum = 1, nullable = false)]
    burst: Option<u32>,
    /// Until when: a moment (RFC 3339), or a Vietnamese day, which is the last one. Until somebody
    /// ends it when left out.
    #[schema(nullable = false)]
    until: Option<String>,
    /// Why, 1 to 255 bytes without control characters and with fewer than nine digits: it stays in
    /// the log for ever.
    reason: String,
}

/// Why a client is slowed no longer.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct UnslowBody {
    /// 1 to 255 bytes without control characters and with fewer than nine digits: it stays in the
    /// log for ever.
    reason: String,
}

/// Slows a client: a cap on top of its policy's rate, in force on every node within 5 seconds. One
/// that is slowed already is slowed as said now.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{id}/slow",
    params(("id" = String, Path, description = "The client's identifier")),
    request_body = SlowBody,
    responses(
        (status = 200, body = ClientReply),
        CallProblems,
        BodyProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_slow(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await;
    let slowing = call.well_formed(body.and_then(|body| read_slowing(&body)))?;
    call.admit().await?;
    let (id, by) = (known_id(&id)?, administrator(&call));
    let shared = Arc::clone(&app);
    let slowing = async move {
        let slowed = access::slow_client(&shared.store, &by, &id, &slowing).await;
        logged(&shared, slowed).await
    };
    let known = call.finish(slowing).await?;
    Ok(json_reply(&ClientReply::new(&known, app.clock.now())))
}

/// Slows a client no longer. One that is not slowed stays as it is.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{id}/unslow",
    params(("id" = String, Path, description = "The client's identifier")),
    request_body = UnslowBody,
    responses(
        (status = 200, body = ClientReply),
        CallProblems,
        BodyProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_unslow(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await;
    let reason = call.well_formed(body.and_then(|body| read_reason(&body)))?;
    call.admit().await?;
    let (id, by) = (known_id(&id)?, administrator(&call));
    let shared = Arc::clone(&app);
    let ending = async move {
        let ended = access::unslow_client(&shared.store, &by, &id, &reason).await;
        logged(&shared, ended).await
    };
    let known = call.finish(ending).await?;
    Ok(json_reply(&ClientReply::new(&known, app.clock.now())))
}

fn read_slowing(document: &[u8]) -> Result<Slowing, Problem> {
    let node = json::parse(document)?;
    let mut errors = Errors::default();
    let mut fields = Fields::of(&node, String::new(), &mut errors);
    require(&fields, &["rate", "reason"], &mut errors);
    let count = 1..=u64::from(u32::MAX);
    let rate = fields.number("rate", count.clone(), &mut errors);
    let burst = fields.number("burst", count, &mut errors).or(rate);
    let until = fields.parsed("until", &mut errors, |text| parse_moment(text, 1));
    let reason = fields.parsed("reason", &mut errors, parse_reason);
    let limits = rate.zip(burst).and_then(|(rate, burst)| {
        let limits = Limits::new(u32::try_from(rate).ok()?, u32::try_from(burst).ok()?);
        if limits.is_none() {
            errors.value(fields.pointer("burst"), Malformed::Form);
        }
        limits
    });
    fields.finish(&mut errors);
    errors.finish()?;
    // Whatever is missing was noted above, so all is there now.
    let slowing = || Some(Slowing { limits: limits?, until, reason: reason? });
    slowing().ok_or_else(|| Code::InternalError.into())
}

fn read_reason(document: &[u8]) -> Result<EventText, Problem> {
    let node = json::parse(document)?;
    let mut errors = Errors::default();
    let mut fields = Fields::of(&node, String::new(), &mut errors);
    require(&fields, &["reason"], &mut errors);
    let reason = fields.parsed("reason", &mut errors, parse_reason);
    fields.finish(&mut errors);
    errors.finish()?;
    reason.ok_or_else(|| Code::InternalError.into())
}
