//! `/admin/v1`, on the admin listener: what administrators do, by the same functions as the
//! commands. One file or folder for each thing.

mod alarms;
mod clients;
mod credentials;
mod keys;
mod policies;

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use alarms::*;
pub use clients::*;
pub use policies::*;

use super::call::Call;
use super::code::Code;
use super::error::Problem;
use crate::access::Administrator;
use crate::app::App;
use crate::request::{ClientId, Operation};

/// The routes of everything that is administered.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(clients::get_clients, clients::post_client))
        .routes(routes!(clients::get_client, clients::patch_client))
        .routes(routes!(clients::post_client_state))
        .routes(routes!(alarms::get_alarms))
        .routes(routes!(alarms::post_acknowledge))
        .routes(routes!(clients::post_slow))
        .routes(routes!(clients::post_unslow))
        .routes(routes!(credentials::get_secrets, credentials::post_secret))
        .routes(routes!(credentials::delete_secret))
        .routes(routes!(credentials::get_client_keys, credentials::post_client_key))
        .routes(routes!(credentials::delete_client_key))
        .routes(routes!(policies::get_policies))
        .routes(routes!(policies::get_policy, policies::put_policy))
        .routes(routes!(policies::get_policy_diff))
        .routes(routes!(policies::post_policy_trial))
        .routes(routes!(keys::get_token_keys))
        .routes(routes!(keys::post_key_rotation))
}

/// The call of somebody who must be an administrator.
///
/// # Errors
/// As [`Call::begin`]; 403 where token or policy does not name `admin`.
pub(super) fn admin_call(app: &Arc<App>, request: &Request<Body>) -> Result<Call, Problem> {
    let call = Call::begin(app, request, None)?;
    if call.may(Operation::Admin)? {
        return Ok(call);
    }
    Err(Code::OperationNotPermitted.into())
}

/// Who acts by a request.
fn administrator(call: &Call) -> Administrator {
    Administrator {
        by: call.client().to_string(),
        request_id: call.exchange.request_id,
        at: call.exchange.received_at,
    }
}

/// The identifier of a client in a path. What cannot be one is nobody's, and is not asked for: a store
/// need not take every letter.
///
/// # Errors
/// 404.
fn known_id(id: &str) -> Result<String, Problem> {
    match ClientId::parse(id) {
        Ok(id) => Ok(id.to_string()),
        Err(_) => Err(Code::UnknownClient.into()),
    }
}
