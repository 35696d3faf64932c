//! `/admin/v1/keys`: the keys that sign access tokens.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::code::Code;
use super::super::described::CallProblems;
use super::super::error::{Problem, ProblemDocument};
use super::super::extract;
use super::super::verifications::json_reply;
use super::{admin_call, administrator};
use crate::access::token_keys::{self, KeyRotation, RotationMode, TokenKeyError};
use crate::app::App;
use crate::clock::Micros;

/// The keys that sign access tokens, and did.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenKeysReply {
    /// The latest change last.
    keys: Vec<TokenKeyReply>,
}

/// One key.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenKeyReply {
    /// Its identifier.
    kid: String,
    /// `next`, `active`, `retiring` or `retired`.
    state: String,
    /// Since when.
    since: String,
}

/// What a rotation has done.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyRotationReply {
    /// The key that signs from now on; absent where only a lost key was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    activates: Option<String>,
    /// The key that signed until now, or was lost.
    retires: String,
    /// The key that comes next.
    next: Option<String>,
}

/// The keys that sign access tokens, and did.
#[utoipa::path(
    get,
    path = "/admin/v1/keys",
    responses(
        (status = 200, body = TokenKeysReply),
        CallProblems,
    ),
    security(("token" = []))
)]
pub async fn get_token_keys(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [] = extract::query(&request, [])?;
    call.admit().await?;
    let rows = app.store.token_keys().await.map_err(|error| problem(error.into()))?;
    let keys = rows.into_iter().map(|row| TokenKeyReply {
        kid: row.kid,
        state: row.state,
        since: Micros(row.state_us).to_string(),
    });
    Ok(json_reply(&TokenKeysReply { keys: keys.collect() }))
}

/// The next key signs from now on; the one that signed verifies what it has signed.
#[utoipa::path(
    post,
    path = "/admin/v1/keys/rotate",
    params(
        (
            "force" = Option<String>, Query,
            description = "`true`: although the next key may not be known everywhere yet"
        ),
        (
            "compromised" = Option<String>, Query,
            description = "`true`: what the key has signed until now is good for nothing any more"
        ),
    ),
    responses(
        (status = 200, body = KeyRotationReply),
        CallProblems,
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_key_rotation(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [force, compromised] = extract::query(&request, ["force", "compromised"])?;
    let mode = RotationMode {
        force: extract::truth("/force", force.as_deref())?,
        compromised: extract::truth("/compromised", compromised.as_deref())?,
        dry_run: false,
    };
    extract::no_body(&app, request).await?;
    call.admit().await?;
    let by = administrator(&call);
    let rotating = async move {
        let rotated = token_keys::rotate(&app.store, &app.keys, &app.random, &by, mode).await;
        if rotated.is_ok() && mode.compromised {
            // Here at once; the others within five seconds.
            let _told_by_the_next_turn = app.load_token_keys().await;
        }
        app.log_acts().await;
        rotated
    };
    let KeyRotation { activates, retires, next } = call.finish(rotating).await.map_err(problem)?;
    Ok(json_reply(&KeyRotationReply { activates, retires, next }))
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn problem(error: TokenKeyError) -> Problem {
    match error {
        TokenKeyError::TooYoung { wait_seconds } => {
            let wait = Duration::from_secs(wait_seconds.unsigned_abs());
            Problem::retry_after(Code::NextKeyTooYoung, wait)
        }
        TokenKeyError::Changed => Code::SigningKeysChanged.into(),
        TokenKeyError::ActiveLost { .. } => Code::ActiveKeyLost.into(),
        TokenKeyError::NextLost { .. } => Code::NextKeyLost.into(),
        TokenKeyError::None(_)
        | TokenKeyError::File(_)
        | TokenKeyError::Key(_)
        | TokenKeyError::Store(_) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the keys of tokens cannot be read or kept");
            Code::InternalError.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_slower_is_not_told_to_wait_for_the_next_key() {
        assert_eq!(problem(TokenKeyError::Changed).code(), Code::SigningKeysChanged);
        let young = problem(TokenKeyError::TooYoung { wait_seconds: 9 });
        assert_eq!(young.code(), Code::NextKeyTooYoung);
    }

    #[test]
    fn whose_key_is_lost_is_told_which_and_not_that_we_are_broken() {
        let kid = || "k".to_owned();
        let active = problem(TokenKeyError::ActiveLost { kid: kid() });
        assert_eq!(active.code(), Code::ActiveKeyLost);
        let next = problem(TokenKeyError::NextLost { kid: kid() });
        assert_eq!(next.code(), Code::NextKeyLost);
    }
}
