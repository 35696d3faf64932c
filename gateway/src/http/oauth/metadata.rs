//! What programs need to know before they ask for a token: metadata (RFC 8414) and the keys that
//! verify tokens (RFC 7517). Public, and the same for everybody.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::code::Code;
use super::super::error::{Problem, ProblemDocument};
use crate::access::token_keys::JWKS_SECONDS;
use crate::app::App;
use crate::auth::{AssertionAlgorithm, SigningKey};
use crate::request::Operation;

const METHODS: [&str; 2] = ["client_secret_basic", "private_key_jwt"];

/// Metadata of an authorization server (RFC 8414).
#[derive(Debug, Serialize, ToSchema)]
pub struct MetadataReply {
    /// Who issues tokens; the audience of assertions.
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    /// Operations.
    scopes_supported: Vec<&'static str>,
    /// None: there is no authorization endpoint.
    response_types_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
}

/// The keys that verify tokens: of the next, the active and the retiring keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct JwksReply {
    keys: Vec<JwkReply>,
}

/// One key (RFC 8037).
#[derive(Debug, Serialize, ToSchema)]
pub struct JwkReply {
    kty: &'static str,
    crv: &'static str,
    /// The public key.
    x: String,
    /// Names it in the header of a token.
    kid: String,
    alg: &'static str,
    r#use: &'static str,
}

/// How to obtain a token.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    responses(
        (status = 200, body = MetadataReply),
        (status = 500, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(())
)]
pub async fn get_metadata(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let issuer = app.tokens.issuer().to_owned();
    let at = |path: &str| format!("{issuer}{path}");
    let algorithms = || AssertionAlgorithm::ALL.map(AssertionAlgorithm::name).to_vec();
    let reply = MetadataReply {
        token_endpoint: at("/oauth2/token"),
        revocation_endpoint: at("/oauth2/revoke"),
        introspection_endpoint: at("/oauth2/introspect"),
        jwks_uri: at("/.well-known/jwks.json"),
        scopes_supported: Operation::ALL.map(Operation::name).to_vec(),
        response_types_supported: Vec::new(),
        grant_types_supported: vec!["client_credentials"],
        token_endpoint_auth_methods_supported: METHODS.to_vec(),
        token_endpoint_auth_signing_alg_values_supported: algorithms(),
        revocation_endpoint_auth_methods_supported: METHODS.to_vec(),
        revocation_endpoint_auth_signing_alg_values_supported: algorithms(),
        introspection_endpoint_auth_methods_supported: METHODS.to_vec(),
        introspection_endpoint_auth_signing_alg_values_supported: algorithms(),
        issuer,
    };
    published(&reply, "application/json")
}

/// The keys that verify tokens.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    responses(
        (status = 200, body = JwksReply, content_type = "application/jwk-set+json"),
        (status = 500, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(())
)]
pub async fn get_jwks(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let now = app.clock.now();
    let jwk = |key: &Arc<SigningKey>| JwkReply {
        kty: "OKP",
        crv: "Ed25519",
        x: key.public(),
        kid: key.kid().to_owned(),
        alg: "EdDSA",
        r#use: "sig",
    };
    let keys = app.tokens.keys();
    let keys = keys.iter().filter(|key| key.verifies(now)).map(jwk).collect();
    published(&JwksReply { keys }, "application/jwk-set+json")
}

/// Whatever may be kept for a while: no longer than a key is `next`.
fn published(reply: &impl Serialize, media_type: &'static str) -> Result<Response, Problem> {
    let body = serde_json::to_vec(reply).map_err(|_| Code::InternalError)?;
    let mut response = body.into_response();
    let kept = HeaderValue::from_str(&format!("public, max-age={JWKS_SECONDS}"));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, kept.map_err(|_| Code::InternalError)?);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}
