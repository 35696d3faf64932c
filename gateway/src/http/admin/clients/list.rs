//! Clients in pages, by identifier.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::super::code::Code;
use super::super::super::described::CallProblems;
use super::super::super::error::{FieldError, Problem, ProblemDocument};
use super::super::super::extract;
use super::super::super::verifications::json_reply;
use super::super::admin_call;
use super::problem;
use super::shown::ClientReply;
use crate::access::{KnownClient, NOTICE_SECONDS};
use crate::app::App;
use crate::auth::{ClientKind, ClientState};
use crate::clock::Micros;
use crate::request::ClientId;
use crate::store::{ClientFilter, Store, StoreError};

/// Clients on a page when the caller names no number, and at most.
const PAGE_USUAL: i64 = 50;
const PAGE_MAX: i64 = 500;

/// Names of the list's parameters.
const PARAMETERS: [&str; 5] = ["state", "kind", "warnings", "after", "limit"];

/// Parameters of the list.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ClientsQuery {
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// `true`: only those with a paper that has ended, or ends within 30 days.
    pub warnings: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Clients on the page, 1 to 500; 50 when left out.
    pub limit: Option<String>,
}

/// A page of clients, by identifier.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientsReply {
    /// The clients.
    clients: Vec<ClientReply>,
    /// `after` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which clients a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListedClients {
    /// In this state.
    pub state: Option<ClientState>,
    /// Of this kind.
    pub kind: Option<ClientKind>,
    /// With a warning.
    pub with_warnings: bool,
}

/// Clients, in pages.
#[utoipa::path(
    get,
    path = "/admin/v1/clients",
    params(ClientsQuery),
    responses(
        (status = 200, body = ClientsReply),
        CallProblems,
        (status = 422, body = ProblemDocument, content_type = "application/problem+json"),
    ),
    security(("token" = []))
)]
pub async fn get_clients(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = admin_call(&app, &request)?;
    let (listed, after, limit) = read_query(extract::query(&request, PARAMETERS)?)?;
    call.admit().await?;
    let now = app.clock.now();
    // One more than is shown tells whether there is a next page.
    let page = client_page(&app.store, listed, after.as_deref(), limit + 1, now).await;
    let mut page = page.map_err(|error| problem(error.into()))?;
    let is_last = page.len() as i64 <= limit;
    page.truncate(limit as usize);
    let last = page.last().filter(|_| !is_last);
    let next = last.map(|known| URL_SAFE_NO_PAD.encode(&known.row.client_id));
    let clients = page.iter().map(|known| ClientReply::new(known, now)).collect();
    Ok(json_reply(&ClientsReply { clients, next }))
}

/// Clients after the one with this identifier, at most `limit`.
///
/// # Errors
/// If the store does not answer.
pub async fn client_page(
    store: &Store,
    listed: ListedClients,
    after: Option<&str>,
    limit: i64,
    now: Micros,
) -> Result<Vec<KnownClient>, StoreError> {
    let filter = ClientFilter {
        state: listed.state.map(ClientState::name),
        kind: listed.kind.map(ClientKind::name),
        ending_before_us: listed.with_warnings.then(|| now.plus_seconds(NOTICE_SECONDS).0),
        after,
    };
    let rows = store.client_page(filter, limit).await?;
    let mut delegations: HashMap<String, Vec<String>> = HashMap::new();
    let ids: Vec<&str> = rows.iter().map(|row| row.client_id.as_str()).collect();
    for (client_id, code) in store.delegations_of(&ids).await? {
        delegations.entry(client_id).or_default().push(code);
    }
    let slowed = store.slowed_clients().await?.into_iter();
    let mut slowed: HashMap<_, _> =
        slowed.map(|slowed| (slowed.client_id.clone(), slowed)).collect();
    let known = |row: crate::store::ClientRow| {
        let delegations = delegations.remove(&row.client_id).unwrap_or_default();
        let slowed = slowed.remove(&row.client_id);
        KnownClient { row, delegations, slowed }
    };
    Ok(rows.into_iter().map(known).collect())
}

type Query = (ListedClients, Option<String>, i64);

fn read_query(sent: [Option<String>; 5]) -> Result<Query, Problem> {
    let [state, kind, warnings, after, limit] = sent;
    let mut errors = Vec::new();
    let mut read = |name: &str, is_good: bool| {
        if !is_good {
            errors.push(FieldError { pointer: format!("/{name}"), code: "malformed" });
        }
    };
    let listed = ListedClients {
        state: state.as_deref().and_then(ClientState::find),
        kind: kind.as_deref().and_then(ClientKind::find),
        with_warnings: warnings.as_deref() == Some("true"),
    };
    read("state", listed.state.is_some() == state.is_some());
    read("kind", listed.kind.is_some() == kind.is_some());
    read("warnings", matches!(warnings.as_deref(), None | Some("true" | "false")));
    let cursor = after.as_deref().and_then(read_cursor);
    read("after", cursor.is_some() == after.is_some());
    let number = limit.map_or(Some(PAGE_USUAL), |limit| limit.parse().ok());
    let number = number.filter(|limit| (1..=PAGE_MAX).contains(limit));
    read("limit", number.is_some());
    match number {
        Some(limit) if errors.is_empty() => Ok((listed, cursor, limit)),
        Some(_) | None => Err(Problem::with_errors(Code::InvalidValue, errors)),
    }
}

fn read_cursor(text: &str) -> Option<String> {
    let id = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    ClientId::parse(&id).is_ok().then_some(id)
}
