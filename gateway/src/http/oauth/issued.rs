//! What becomes of a token after it was issued: taken back (RFC 7009), or asked about (RFC 7662).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::code::Code;
use super::super::described::{BodyProblems, CallProblems};
use super::super::error::Problem;
use super::super::extract::{self, Exchange};
use super::super::finish::Finish;
use super::super::verifications::json_reply;
use super::authenticate::{Answers, Credentials, authenticate};
use super::form::{Form, wrong};
use super::standing;
use crate::app::App;
use crate::auth::{Caller, VerifiedToken};
use crate::request::{ClientId, Operation};
use crate::store::RevokedRow;

/// Form that names a token.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct IssuedTokenForm {
    /// The access token.
    pub token: String,
    /// Ignored: all tokens are access tokens.
    #[schema(example = "access_token")]
    pub token_type_hint: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, with `client_assertion`.
    pub client_assertion_type: Option<String>,
    /// A JWT that the client has signed, in place of the secret in the header.
    pub client_assertion: Option<String>,
}

/// What a token is good for; nothing but `active` where it is good for nothing.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct IntrospectionReply {
    /// Whether it is good now.
    active: bool,
    /// Operations it was issued for and that its client still has.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Client it was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// Whom it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    /// When it was issued, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// When it expires, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// Its own identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// Takes a token of one's own back, on every node within seconds. An unknown one, or somebody
/// else's, is no error and stays as it is.
#[utoipa::path(
    post,
    path = "/oauth2/revoke",
    request_body(content = IssuedTokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is good for nothing, or never was"),
        CallProblems,
        BodyProblems,
    ),
    security(("client" = []))
)]
pub async fn post_revoke(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    revoke(app, request).await.map_err(Problem::at_token_endpoint)
}

/// Says what a token is good for: to the client that it was issued to, and to whoever may `audit`
/// or `admin`.
#[utoipa::path(
    post,
    path = "/oauth2/introspect",
    request_body(content = IssuedTokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = IntrospectionReply),
        CallProblems,
        BodyProblems,
    ),
    security(("client" = []))
)]
pub async fn post_introspect(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    introspect(&app, request).await.map_err(Problem::at_token_endpoint)
}

/// Whoever is suspended may take tokens back, too: that harms nobody.
async fn revoke(app: Arc<App>, request: Request<Body>) -> Result<Response, Problem> {
    let (client_id, exchange, unverified_token) =
        named_token(&app, request, Answers::Anybody).await?;
    let Ok(token) = app.tokens.verify(&unverified_token) else { return Ok(done()) };
    if *token.client_id() != client_id {
        return Ok(done());
    }
    let row = RevokedRow {
        client_id: client_id.to_string(),
        jti: token.jti().to_owned(),
        expires_us: token.accepted_until().0,
        revoked_us: exchange.received_at.max(token.issued_at()).0,
    };
    let revoking = async move {
        let row = app.store.revoke_token(row).await?;
        // Only what is on record: otherwise it would be good again after a start.
        app.tokens.revoked().learn(&[row]);
        Ok::<_, crate::store::StoreError>(())
    };
    Finish::new(revoking).await.map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "a token could not be revoked");
        Code::Overloaded
    })?;
    Ok(done())
}

async fn introspect(app: &App, request: Request<Body>) -> Result<Response, Problem> {
    let (client_id, exchange, unverified_token) =
        named_token(app, request, Answers::Callers).await?;
    let client = standing(app, &exchange, &client_id)?;
    let policy = app.policies.find(&client.policy).ok_or(Code::InternalError)?;
    let sees_all = [Operation::Audit, Operation::Admin]
        .into_iter()
        .any(|operation| policy.operations().contains(operation));
    let token = app.tokens.verify(&unverified_token).ok();
    let token = token.filter(|token| sees_all || *token.client_id() == client_id);
    let reply = token.and_then(|token| describe(app, &exchange, &token));
    Ok(json_reply(&reply.unwrap_or_default()))
}

/// Who asks, and about which token.
async fn named_token(
    app: &App,
    request: Request<Body>,
    answers: Answers,
) -> Result<(ClientId, Arc<Exchange>, String), Problem> {
    let exchange = extract::exchange(&request)?;
    extract::query::<0>(&request, [])?;
    let headers = request.headers().clone();
    let body = extract::body(app, request, "application/x-www-form-urlencoded").await?;
    let Form { values: [token], identity } = Form::read(&body, ["token"])?;
    let credentials = Credentials::of(&headers, identity)?;
    let token = token.ok_or_else(|| wrong("token", "missing"))?;
    let client_id = authenticate(app, &exchange, credentials, answers).await?;
    Ok((client_id, exchange, token))
}

/// What a token is good for now: of what it was issued for only what the client's policy still has.
/// `None` where that is nothing, and where the client may not call.
fn describe(
    app: &App,
    exchange: &Exchange,
    token: &Arc<VerifiedToken>,
) -> Option<IntrospectionReply> {
    let caller = Caller::admit(&app.directory, Arc::clone(token), exchange.received_at).ok()?;
    let policy = app.policies.find(&caller.client().policy)?;
    let scope = token.scope().intersection(policy.operations());
    if scope.is_empty() {
        return None;
    }
    let issuer = app.tokens.issuer().to_owned();
    Some(IntrospectionReply {
        active: true,
        scope: Some(scope.to_scope()),
        client_id: Some(token.client_id().to_string()),
        sub: Some(token.client_id().to_string()),
        token_type: Some("Bearer"),
        iss: Some(issuer.clone()),
        aud: Some(issuer),
        iat: Some(token.issued_at().seconds()),
        exp: Some(token.expires_at().seconds()),
        jti: Some(token.jti().to_owned()),
    })
}

fn done() -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], ()).into_response()
}
