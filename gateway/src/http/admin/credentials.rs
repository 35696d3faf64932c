//! `/admin/v1/clients/{id}/secrets` and `.../keys`: what a client proves with who it is.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::code::Code;
use super::super::described::{BodyProblems, CallProblems};
use super::super::error::{FieldError, Problem, ProblemDocument};
use super::super::extract;
use super::super::verifications::json_reply;
use super::{admin_call, administrator, known_id};
use crate::access::credentials::{self, CredentialError, NewSecret};
use crate::app::App;
use crate::auth::PublicKey;
use crate::clock::Micros;
use crate::store::{ClientKeyRow, SecretSlotRow};

/// The secrets of a client, without what is secret about them.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretsReply {
    /// Two at most.
    secrets: Vec<SecretReply>,
}

/// One secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretReply {
    /// 1 or 2.
    slot: i64,
    /// When it was made.
    created_at: String,
    /// When it was last good for a token, by the minute; null if never.
    last_used_at: Option<String>,
}

/// A secret that was made just now.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewSecretReply {
    /// 1 or 2.
    slot: i64,
    /// The secret. It is shown this once.
    secret: String,
}

/// The public keys of a client.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientKeysReply {
    /// By their identifiers.
    keys: Vec<ClientKeyReply>,
}

/// One public key.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientKeyReply {
    /// Its identifier.
    kid: String,
    /// The key (RFC 7517).
    #[schema(value_type = Object)]
    jwk: serde_json::Value,
    /// When it was added.
    created_at: String,
    /// When it was last good for a token, by the minute; null if never.
    last_used_at: Option<String>,
}

/// A public key as JWK (RFC 7517, RFC 8037): Ed25519 or P-256. Other members are left aside.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct PublicJwk {
    /// `OKP` or `EC`.
    pub kty: String,
    /// `Ed25519` or `P-256`.
    pub crv: String,
    /// Coordinate, base64url.
    pub x: String,
    /// Coordinate of a point on P-256, base64url.
    pub y: Option<String>,
    /// Its identifier; the thumbprint (RFC 7638) when left out.
    pub kid: Option<String>,
}

/// The secrets of a client: which there are, and when they were last good.
#[utoipa::path(
    get,
    path = "/admin/v1/clients/{id}/secrets",
    params(("id" = String, Path, description = "The client's identifier")),
    responses(
        (status = 200, body = SecretsReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_secrets(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [] = extract::query(&request, [])?;
    call.admit().await?;
    let id = known_id(&id)?;
    let secrets = credentials::secrets(&app.store, &id).await.map_err(problem)?;
    Ok(json_reply(&SecretsReply { secrets: secrets.iter().map(SecretReply::of).collect() }))
}

/// Makes a new secret in the free slot, or in place of the older one. The other stays good. It is
/// refused while the newer of two was never used, as where this is repeated.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{id}/secrets",
    params(
        ("id" = String, Path, description = "The client's identifier"),
        ("force" = Option<String>, Query,
            description = "`true`: although the newer secret was never used"),
    ),
    responses(
        (status = 201, body = NewSecretReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_secret(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let force = read_force(&request)?;
    extract::no_body(&app, request).await?;
    call.admit().await?;
    let id = known_id(&id)?;
    let by = administrator(&call);
    let rotating = async move {
        // A use of the last seconds counts.
        app.flush_uses().await;
        let secret = NewSecret::generate(&app.random);
        let slot = credentials::rotate_secret(&app.store, &by, &id, &secret, force).await;
        let slot = logged(&app, slot).await?;
        Ok::<_, Problem>(NewSecretReply { slot, secret: secret.expose().to_owned() })
    };
    Ok(created(&call.finish(rotating).await?))
}

/// Takes a secret away.
#[utoipa::path(
    delete,
    path = "/admin/v1/clients/{id}/secrets/{slot}",
    params(
        ("id" = String, Path, description = "The client's identifier"),
        ("slot" = String, Path, description = "1 or 2"),
        ("force" = Option<String>, Query, description = "`true`: although it is the last"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn delete_secret(
    State(app): State<Arc<App>>,
    Path((id, slot)): Path<(String, String)>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let force = read_force(&request)?;
    extract::no_body(&app, request).await?;
    call.admit().await?;
    let id = known_id(&id)?;
    let slot = match slot.as_str() {
        "1" => 1,
        "2" => 2,
        _ => return Err(Code::UnknownCredential.into()),
    };
    let by = administrator(&call);
    let retiring = async move {
        let retired = credentials::retire_secret(&app.store, &by, &id, slot, force).await;
        logged(&app, retired).await
    };
    call.finish(retiring).await?;
    Ok(gone())
}

/// The public keys of a client.
#[utoipa::path(
    get,
    path = "/admin/v1/clients/{id}/keys",
    params(("id" = String, Path, description = "The client's identifier")),
    responses(
        (status = 200, body = ClientKeysReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_client_keys(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [] = extract::query(&request, [])?;
    call.admit().await?;
    let id = known_id(&id)?;
    let keys = credentials::keys(&app.store, &id).await.map_err(problem)?;
    Ok(json_reply(&ClientKeysReply { keys: keys.iter().map(ClientKeyReply::of).collect() }))
}

/// Adds a public key for `private_key_jwt`.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{id}/keys",
    params(("id" = String, Path, description = "The client's identifier")),
    request_body = PublicJwk,
    responses(
        (status = 201, body = ClientKeyReply),
        CallProblems,
        BodyProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_client_key(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await;
    let key = call.well_formed(body.and_then(|body| read_key(&body)))?;
    call.admit().await?;
    let id = known_id(&id)?;
    let by = administrator(&call);
    let adding = async move {
        let added = credentials::add_key(&app.store, &by, &id, &key).await;
        logged(&app, added).await?;
        let row = ClientKeyRow {
            client_id: id,
            kid: key.kid().to_owned(),
            jwk: key.to_jwk(),
            created_us: by.at.0,
            last_used_us: None,
        };
        Ok::<_, Problem>(ClientKeyReply::of(&row))
    };
    Ok(created(&call.finish(adding).await?))
}

/// Takes a public key away.
#[utoipa::path(
    delete,
    path = "/admin/v1/clients/{id}/keys/{kid}",
    params(
        ("id" = String, Path, description = "The client's identifier"),
        ("kid" = String, Path, description = "The key's identifier"),
        ("force" = Option<String>, Query, description = "`true`: although it is the last"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn delete_client_key(
    State(app): State<Arc<App>>,
    Path((id, kid)): Path<(String, String)>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let force = read_force(&request)?;
    extract::no_body(&app, request).await?;
    call.admit().await?;
    let id = known_id(&id)?;
    if !PublicKey::is_kid(&kid) {
        return Err(Code::UnknownCredential.into());
    }
    let by = administrator(&call);
    let removing = async move {
        let removed = credentials::remove_key(&app.store, &by, &id, &kid, force).await;
        logged(&app, removed).await
    };
    call.finish(removing).await?;
    Ok(gone())
}

impl SecretReply {
    fn of(row: &SecretSlotRow) -> Self {
        Self {
            slot: row.slot,
            created_at: Micros(row.created_us).to_string(),
            last_used_at: row.last_used_us.map(|at| Micros(at).to_string()),
        }
    }
}

impl ClientKeyReply {
    fn of(row: &ClientKeyRow) -> Self {
        Self {
            kid: row.kid.clone(),
            jwk: serde_json::from_str(&row.jwk).unwrap_or_default(),
            created_at: Micros(row.created_us).to_string(),
            last_used_at: row.last_used_us.map(|at| Micros(at).to_string()),
        }
    }
}

fn read_key(body: &[u8]) -> Result<PublicKey, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Code::InvalidJson)?;
    PublicKey::from_jwk(text).map_err(|error| {
        let (pointer, code) = error.place();
        Problem::with_errors(Code::InvalidValue, vec![FieldError { pointer, code }])
    })
}

/// Whether something is to be done although it is dangerous.
fn read_force(request: &Request<Body>) -> Result<bool, Problem> {
    let [force] = extract::query(request, ["force"])?;
    extract::truth("/force", force.as_deref())
}

fn created(body: &impl Serialize) -> Response {
    let mut reply = json_reply(body);
    *reply.status_mut() = StatusCode::CREATED;
    reply
}

fn gone() -> Response {
    let mut reply = Response::new(Body::empty());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

/// Brings what was done into the log before it is answered.
async fn logged<T>(app: &App, done: Result<T, CredentialError>) -> Result<T, Problem> {
    let done = done.map_err(problem)?;
    app.log_acts().await;
    Ok(done)
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn problem(error: CredentialError) -> Problem {
    match error {
        CredentialError::UnknownClient => Code::UnknownClient.into(),
        CredentialError::Unknown => Code::UnknownCredential.into(),
        CredentialError::Last => Code::LastCredential.into(),
        CredentialError::Closed => Code::ClientClosed.into(),
        CredentialError::NewerUnused => Code::NewerSecretUnused.into(),
        CredentialError::OfAnother => Code::KeyOfAnotherClient.into(),
        CredentialError::Taken | CredentialError::TooMany => Code::NoRoomForKey.into(),
        CredentialError::Form => Code::InvalidValue.into(),
        CredentialError::Hashing(_) | CredentialError::Store(_) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "credentials cannot be read or kept");
            Code::InternalError.into()
        }
    }
}
