//! `/admin/v1/clients`: clients are listed, added, changed and moved on.

mod list;
mod read;
mod shown;
mod slowing;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode};
use axum::response::Response;

pub use list::*;
pub use read::*;
pub use shown::*;
pub use slowing::*;

use super::super::code::Code;
use super::super::described::{BodyProblems, CallProblems};
use super::super::error::{FieldError, Problem, ProblemDocument};
use super::super::extract;
use super::super::verifications::json_reply;
use super::{admin_call, administrator, known_id};
use crate::access::{self, ClientError, Fault, KnownClient, Run};
use crate::app::App;

/// Adds a client as a draft.
#[utoipa::path(
    post,
    path = "/admin/v1/clients",
    request_body = NewClientBody,
    responses(
        (status = 201, body = ClientReply),
        CallProblems,
        BodyProblems,
        (status = 409, body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn post_client(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await;
    let new = call.well_formed(body.and_then(|body| read_new_client(&body)))?;
    call.admit().await?;
    let by = administrator(&call);
    let shared = Arc::clone(&app);
    let creating = async move {
        let created = access::create_client(&shared.store, &by, &new, Run::Real).await;
        logged(&shared, created).await
    };
    let known = call.finish(creating).await?;
    let mut reply = json_reply(&ClientReply::new(&known, app.clock.now()));
    *reply.status_mut() = StatusCode::CREATED;
    Ok(reply)
}

/// One client.
#[utoipa::path(
    get,
    path = "/admin/v1/clients/{id}",
    params(("id" = String, Path, description = "The client's identifier")),
    responses(
        (status = 200, body = ClientReply),
        CallProblems,
        (status = 404, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_client(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let [] = extract::query(&request, [])?;
    call.admit().await?;
    let id = known_id(&id)?;
    let known = access::find_client(&app.store, &id).await.map_err(problem)?;
    Ok(json_reply(&ClientReply::new(&known, app.clock.now())))
}

/// Changes what is written down of a client; members that are left out stay as they are.
#[utoipa::path(
    patch,
    path = "/admin/v1/clients/{id}",
    params(("id" = String, Path, description = "The client's identifier")),
    request_body = ClientChangeBody,
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
pub async fn patch_client(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await;
    let change = call.well_formed(body.and_then(|body| read_client_change(&body)))?;
    call.admit().await?;
    let id = known_id(&id)?;
    let by = administrator(&call);
    let shared = Arc::clone(&app);
    let changing = async move {
        let changed = access::update_client(&shared.store, &by, &id, &change, Run::Real).await;
        logged(&shared, changed).await
    };
    let known = call.finish(changing).await?;
    Ok(json_reply(&ClientReply::new(&known, app.clock.now())))
}

/// Moves a client into another state; suspending and closing take a reason.
#[utoipa::path(
    post,
    path = "/admin/v1/clients/{id}/state",
    params(("id" = String, Path, description = "The client's identifier")),
    request_body = ClientStateBody,
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
pub async fn post_client_state(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let body = call.json_body(request).await;
    let (to, reason) = call.well_formed(body.and_then(|body| read_client_state(&body)))?;
    call.admit().await?;
    let id = known_id(&id)?;
    let by = administrator(&call);
    let shared = Arc::clone(&app);
    let moving = async move {
        let step = (to, reason.as_ref());
        let moved = access::set_client_state(&shared.store, &by, &id, step, Run::Real).await;
        logged(&shared, moved).await
    };
    let known = call.finish(moving).await?;
    Ok(json_reply(&ClientReply::new(&known, app.clock.now())))
}

/// Brings what was done into the log before it is answered. If the log cannot take it now, it will
/// within seconds: the act is kept with what it did.
async fn logged(app: &App, done: Result<KnownClient, ClientError>) -> Result<KnownClient, Problem> {
    let known = done.map_err(problem)?;
    app.log_acts().await;
    Ok(known)
}

fn problem(error: ClientError) -> Problem {
    match error {
        ClientError::Unknown => Code::UnknownClient.into(),
        ClientError::Exists => Code::ClientExists.into(),
        ClientError::Invalid(faults) => of_faults(Code::InvalidValue, &faults),
        ClientError::NoStep { .. } => Code::StateNotReachable.into(),
        ClientError::Closed => Code::ClientClosed.into(),
        ClientError::NoReason => {
            of_faults(Code::InvalidRequest, &[Fault { pointer: "/reason", code: "missing" }])
        }
        ClientError::OverAlready => {
            of_faults(Code::InvalidValue, &[Fault { pointer: "/until", code: "over-already" }])
        }
        ClientError::NotReady(faults) => of_faults(Code::ClientNotReady, &faults),
        ClientError::Contended => Code::Overloaded.into(),
        ClientError::Store(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "clients cannot be read or kept");
            Code::InternalError.into()
        }
    }
}

fn of_faults(code: Code, faults: &[Fault]) -> Problem {
    let error = |fault: &Fault| FieldError { pointer: fault.pointer.into(), code: fault.code };
    Problem::with_errors(code, faults.iter().map(error).collect())
}
