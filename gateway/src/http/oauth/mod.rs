//! The OAuth endpoints: tokens for client credentials (RFC 6749, section 4.4), what becomes of them,
//! and what programs need to know to obtain one.

mod authenticate;
mod form;
mod issued;
mod metadata;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

pub use issued::*;
pub use metadata::*;

use authenticate::{Answers, Credentials, authenticate};
use form::{Form, wrong};

use super::code::Code;
use super::described::{BodyProblems, CallProblems};
use super::error::Problem;
use super::extract::{self, Exchange};
use super::verifications::json_reply;
use crate::app::App;
use crate::auth::{Client, OperationSet, Standing};
use crate::request::ClientId;

/// Form of a token request.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct TokenForm {
    /// `client_credentials`.
    #[schema(example = "client_credentials")]
    pub grant_type: String,
    /// Operations, separated by spaces; all of the client's when left out.
    pub scope: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, with `client_assertion`.
    pub client_assertion_type: Option<String>,
    /// A JWT that the client has signed (RFC 7523), in place of the secret in the header.
    pub client_assertion: Option<String>,
    /// The client's identifier, where it is sent beside an assertion; must be that of the assertion.
    pub client_id: Option<String>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenReply {
    /// The token: EdDSA `at+jwt`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until it expires.
    expires_in: u32,
    /// The operations it was issued for.
    scope: String,
}

/// Issues an access token to a client.
#[utoipa::path(
    post,
    path = "/oauth2/token",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = TokenReply),
        CallProblems,
        BodyProblems,
    ),
    security(("client" = []))
)]
pub async fn post_token(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    token(&app, request).await.map_err(Problem::at_token_endpoint)
}

async fn token(app: &App, request: Request<Body>) -> Result<Response, Problem> {
    let exchange = extract::exchange(&request)?;
    extract::query::<0>(&request, [])?;
    let headers = request.headers().clone();
    let body = extract::body(app, request, "application/x-www-form-urlencoded").await?;
    let Form { values: [grant_type, scope], identity } =
        Form::read(&body, ["grant_type", "scope"])?;
    let credentials = Credentials::of(&headers, identity)?;
    match grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(Code::UnsupportedGrantType.into()),
        None => return Err(wrong("grant_type", "missing")),
    }
    let client_id = authenticate(app, &exchange, credentials, Answers::Callers).await?;
    let client = standing(app, &exchange, &client_id)?;
    let policy = app.policies.find(&client.policy).ok_or(Code::InternalError)?;
    let scope = match scope {
        None => policy.operations(),
        Some(text) => OperationSet::parse_scope(&text)
            .filter(|scope| scope.difference(policy.operations()).is_empty())
            .ok_or(Code::InvalidScope)?,
    };
    let issued = app.tokens.issue(&client_id, scope).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a token cannot be signed");
        Code::InternalError
    })?;
    Ok(json_reply(&TokenReply {
        access_token: issued.access_token,
        token_type: "Bearer",
        expires_in: issued.expires_in,
        scope: issued.scope.to_scope(),
    }))
}

/// A client that has proved who it is, and may call now: after a right secret, a state problem is
/// told.
fn standing(app: &App, exchange: &Exchange, client_id: &ClientId) -> Result<Arc<Client>, Problem> {
    let client = app.directory.client(client_id).ok_or(Code::InvalidClient)?;
    match client.standing(exchange.received_at) {
        Standing::Good => Ok(client),
        standing => Err(extract::standing_code(standing).into()),
    }
}
