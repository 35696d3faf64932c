//! The edges: routes, wire shapes, status codes.
//!
//! A handler turns wire into a request, calls the story, and turns what comes back into a reply or
//! a [`Problem`]. It decides nothing.

mod admin;
mod batch;
mod call;
mod claims;
mod code;
mod deadline;
mod distinct_persons;
mod described;
mod disputes;
mod document;
mod edge;
mod entry_reply;
mod error;
mod extract;
mod finish;
mod forwarded;
mod found;
mod health;
mod idempotency;
mod jobs;
mod json;
mod log_entries;
mod logs;
mod normalize;
mod oauth;
mod officials;
mod quota_fields;
mod reports;
mod subject;
mod subjects;
mod usage;
mod verifications;
mod whoami;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::security::{
    ClientCredentials, Flow, Http, HttpAuthScheme, OAuth2, Scopes, SecurityScheme,
};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use admin::{
    AlarmReply, ClientReply, ListedAlarms, ListedClients, NewVersionReply, PoliciesReply,
    PolicyChangeReply, PolicyChangesReply, PolicyReply, PolicyVersionReply, TrialReply,
    TrialRowReply, alarm_page, client_page, parse_moment, parse_policy_label, read_client_change,
    read_new_client, read_policy,
};
pub use code::{Code, Explained, problem_table};
pub use distinct_persons::{DistinctPersonsReply, Months, read_months};
pub use document::Document;
pub use edge::Edge;
pub use error::{FieldError, Problem};
pub use found::FoundReply;
pub use log_entries::{Search, read_search};
pub use reports::{MatchRatesReply, read_day};
pub use usage::{UsageReply, read_month, statement};

use crate::app::App;
use crate::request::Operation;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Population verification gateway",
        description = "Asks the national population database whether what a caller holds about a person is true; answers per attribute, with a reason, and logs every answer provably.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&SecuritySchemes)
)]
struct Api;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Population verification gateway: administration",
        description = "Who may ask what, and what became of it. On the admin listener alone.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&SecuritySchemes)
)]
struct AdminApi;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scopes = Operation::ALL.map(|operation| (operation.name(), operation.name()));
        let flow = Flow::ClientCredentials(ClientCredentials::new(
            "/oauth2/token",
            Scopes::from_iter(scopes),
        ));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::OAuth2(OAuth2::new([flow])));
        let basic = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
        components.add_security_scheme("client", basic);
    }
}

/// The API's routes and their description.
fn api() -> (Router<Arc<App>>, utoipa::openapi::OpenApi) {
    let (router, mut description) = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(oauth::post_token))
        .routes(routes!(oauth::post_revoke))
        .routes(routes!(oauth::post_introspect))
        .routes(routes!(oauth::get_metadata))
        .routes(routes!(oauth::get_jwks))
        .routes(routes!(verifications::post_verification))
        .merge(jobs::routes())
        .routes(routes!(batch::post_batch))
        .routes(routes!(subjects::post_history))
        .routes(routes!(reports::get_match_rates))
        .routes(routes!(distinct_persons::get_distinct_persons))
        .routes(routes!(usage::get_usage))
        .routes(routes!(disputes::post_dispute, disputes::get_disputes))
        .routes(routes!(logs::get_logs))
        .routes(routes!(logs::get_checkpoint))
        .routes(routes!(logs::get_tile))
        .routes(routes!(logs::get_bundle))
        .routes(routes!(logs::get_entry))
        .routes(routes!(logs::get_inclusion))
        .routes(routes!(logs::get_consistency))
        .routes(routes!(normalize::post_normalize))
        .routes(routes!(officials::put_list, officials::get_list))
        .routes(routes!(whoami::get_whoami))
        .routes(routes!(health::get_livez))
        .routes(routes!(health::get_readyz))
        .split_for_parts();
    close_request_bodies(&mut description);
    name_wildcards(&mut description);
    (router, description)
}

/// What is administered, and its description.
fn admin_api() -> (Router<Arc<App>>, utoipa::openapi::OpenApi) {
    let (router, mut description) = OpenApiRouter::with_openapi(AdminApi::openapi())
        .routes(routes!(log_entries::get_log_entries))
        .routes(routes!(disputes::get_admin_disputes))
        .routes(routes!(disputes::post_decision))
        .merge(admin::routes())
        .split_for_parts();
    close_request_bodies(&mut description);
    (router, description)
}

/// The router marks a parameter that goes on over slashes by a star; OpenAPI has no such mark.
fn name_wildcards(description: &mut utoipa::openapi::OpenApi) {
    let paths = std::mem::take(&mut description.paths.paths);
    description.paths.paths =
        paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
}

/// Says in the description what the reader does: an unknown member is an error.
fn close_request_bodies(description: &mut utoipa::openapi::OpenApi) {
    let schemas = description.components.iter_mut().flat_map(|components| &mut components.schemas);
    for (name, schema) in schemas {
        if let RefOr::T(Schema::Object(object)) = schema
            && name.ends_with("Body")
        {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// The API's description: OpenAPI 3.1, generated from the code.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().1
}

/// Lets everybody read how the routes are described.
fn describe(router: Router<Arc<App>>, description: &utoipa::openapi::OpenApi) -> Router<Arc<App>> {
    let description: Arc<str> = description.to_json().unwrap_or_default().into();
    let json = HeaderValue::from_static("application/json");
    let serve = move || {
        let body = description.to_string();
        async move { ([(header::CONTENT_TYPE, json)], body).into_response() }
    };
    router.route("/openapi.json", get(serve))
}

/// The API behind its edge, and with it the documents that the caller has to show.
pub fn api_edge(app: &Arc<App>, documents: Vec<Document>) -> Edge {
    let (router, description) = api();
    let router = documents
        .into_iter()
        .fold(describe(router, &description), document::add)
        .fallback(edge::not_found)
        .with_state(Arc::clone(app));
    Edge::new(Arc::clone(app), router)
}

/// The admin listener behind its edge.
pub fn admin_edge(app: &Arc<App>) -> Edge {
    let (router, description) = admin_api();
    let router = describe(router, &description)
        .route("/livez", get(health::get_livez))
        .route("/readyz", get(health::get_readyz))
        .route("/metrics", get(health::get_metrics))
        .fallback(edge::not_found)
        .with_state(Arc::clone(app));
    Edge::new(Arc::clone(app), router)
}

#[cfg(test)]
mod tests;
