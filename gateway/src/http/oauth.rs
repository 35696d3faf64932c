//! The token endpoint: client credentials by `client_secret_basic` (RFC 6749, sections 2.3.1 and
//! 4.4).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::code::Code;
use super::described::{BodyProblems, CallProblems};
use super::error::{FieldError, Problem};
use super::extract::{self, Exchange};
use super::verifications::json_reply;
use crate::app::App;
use crate::auth::{OperationSet, SecretCheck, Standing};
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
    let credentials = basic_credentials(request.headers());
    let body = extract::body(app, request, "application/x-www-form-urlencoded").await?;
    let scope = read_form(&body)?;
    let client_id = authenticate(app, &exchange, credentials).await?;
    let client = app.directory.client(&client_id).ok_or(Code::InvalidClient)?;
    // After a right secret, a state problem is told.
    match client.standing(exchange.received_at) {
        Standing::Good => {}
        standing => return Err(extract::standing_code(standing).into()),
    }
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

/// One body for every failure. The address is asked before anything is spent on it.
async fn authenticate(
    app: &App,
    exchange: &Exchange,
    credentials: Option<(ClientId, String)>,
) -> Result<ClientId, Problem> {
    let limited = |limit: crate::rate_limit::TooManyFailures| {
        Problem::retry_after(Code::AddressLimited, limit.retry_after)
    };
    app.address_guard.check(exchange.peer).map_err(limited)?;
    if let Some((client_id, secret)) = credentials {
        match app.secrets.check(&client_id, &secret).await {
            SecretCheck::Right => return Ok(client_id),
            SecretCheck::Wrong => {}
            SecretCheck::Overloaded => return Err(Code::Overloaded.into()),
        }
    }
    app.address_guard.note_failure(exchange.peer).map_err(limited)?;
    Err(Code::InvalidClient.into())
}

/// Client identifier and secret of the `Authorization` header. Both are of unreserved characters,
/// so the form-encoding of RFC 6749, section 2.3.1 leaves them as they are.
fn basic_credentials(headers: &HeaderMap) -> Option<(ClientId, String)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some((ClientId::parse(client_id).ok()?, secret.to_owned()))
}

/// Reads the form: the grant type must be ours, a parameter comes once, unknown ones are ignored
/// as RFC 6749, section 3.2 wants it. Returns the scope.
fn read_form(body: &[u8]) -> Result<Option<String>, Problem> {
    let (mut grant_type, mut scope) = (None, None);
    for (name, value) in form_urlencoded::parse(body) {
        let slot = match name.as_ref() {
            "grant_type" => &mut grant_type,
            "scope" => &mut scope,
            _ => continue,
        };
        if slot.replace(value.into_owned()).is_some() {
            let error = FieldError { pointer: format!("/{name}"), code: "duplicate" };
            return Err(Problem::with_errors(Code::InvalidRequest, vec![error]));
        }
    }
    match grant_type.as_deref() {
        Some("client_credentials") => Ok(scope.filter(|scope| !scope.is_empty())),
        Some(_) => Err(Code::UnsupportedGrantType.into()),
        None => {
            let error = FieldError { pointer: "/grant_type".into(), code: "missing" };
            Err(Problem::with_errors(Code::InvalidRequest, vec![error]))
        }
    }
}
