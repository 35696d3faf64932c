//! The edge around every route: identity, time, panics, problem documents, rate fields, counting.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::Service;

use super::code::Code;
use super::error::Problem;
use super::extract::Exchange;
use super::{forwarded, quota_fields};
use crate::app::App;
use crate::audit::RequestIds;
use crate::rate_limit::{Deadline, RateState};

/// Routes that are counted by name, the busiest first; whatever else is asked for counts as `other`.
/// `{name}` stands for one segment of the path, `{*name}` for all that follow.
const ROUTES: [&str; 51] = [
    "/v1/verifications",
    "/v1/verifications/batch",
    "/oauth2/token",
    "/v1/reports/match-rates",
    "/v1/whoami",
    "/v1/subjects/history",
    "/v1/disputes",
    "/v1/normalize",
    "/v1/officials",
    "/v1/jobs",
    "/v1/jobs/{id}",
    "/v1/jobs/{id}/file",
    "/v1/jobs/{id}/results",
    "/v1/jobs/{id}/events",
    "/v1/jobs/{id}/receipts",
    "/v1/jobs/{id}/resume",
    "/v1/reports/distinct-persons",
    "/v1/usage",
    "/admin/v1/log/entries",
    "/admin/v1/disputes",
    "/admin/v1/disputes/{id}/decision",
    "/admin/v1/alarms",
    "/admin/v1/alarms/{id}/acknowledge",
    "/admin/v1/clients",
    "/admin/v1/clients/{id}",
    "/admin/v1/clients/{id}/state",
    "/admin/v1/clients/{id}/slow",
    "/admin/v1/clients/{id}/unslow",
    "/admin/v1/clients/{id}/secrets",
    "/admin/v1/clients/{id}/secrets/{slot}",
    "/admin/v1/clients/{id}/keys",
    "/admin/v1/clients/{id}/keys/{kid}",
    "/admin/v1/policies",
    "/admin/v1/policies/{name}",
    "/admin/v1/policies/{name}/diff",
    "/admin/v1/policies/{name}/try",
    "/admin/v1/keys",
    "/admin/v1/keys/rotate",
    "/v1/logs",
    "/v1/logs/{log}/checkpoint",
    "/v1/logs/{log}/tile/{*tile}",
    "/v1/logs/{log}/entries/{index}",
    "/v1/logs/{log}/proof/{kind}",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
];
/// Routes that take long by what they do, and how long they may take at least.
const LONG_ROUTES: [&str; 3] =
    ["/v1/officials", "/admin/v1/policies/{name}/try", "/v1/verifications/batch"];
const LONG: Duration = Duration::from_mins(2);
/// The route on which files come in, which ends when their sender does: silence ends it, not time.
const UPLOAD_ROUTE: &str = "/v1/jobs/{id}/file";
const UPLOAD: Duration = Duration::from_hours(24);
/// Statuses that are counted apart; any other counts as the first of its class.
const STATUSES: [u16; 16] =
    [200, 300, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 503, 100];

/// A router with its edge.
#[derive(Debug)]
pub struct Edge {
    app: Arc<App>,
    router: Router,
    ids: RequestIds,
    timeout: Duration,
    /// Until the deadline of a request that names none.
    usual_time: Duration,
    counters: Vec<metrics::Counter>,
}

impl Edge {
    /// Puts the edge around a router.
    pub fn new(app: Arc<App>, router: Router) -> Self {
        let counters = ROUTES
            .iter()
            .chain(["other"].iter())
            .flat_map(|route| STATUSES.iter().map(move |status| (*route, *status)))
            .map(|(route, status)| app.metrics.requests(route, status))
            .collect();
        let ids = RequestIds::new(&app.random);
        let timeout = Duration::from_millis(app.config.server.request_timeout_ms);
        let usual_time = Duration::from_millis(app.config.lanes.deadline_ms).min(timeout);
        Self { app, router, ids, timeout, usual_time, counters }
    }

    /// Answers one request. Whatever happens inside, an answer comes out.
    pub async fn answer(&self, mut request: Request<Body>, peer: IpAddr) -> Response {
        let started = self.app.clock.monotonic_nanos();
        let received_at = self.app.clock.now();
        let proxies = &self.app.config.server.trusted_proxies;
        let source = forwarded::source(peer, request.headers(), proxies);
        let deadline = Deadline::after(started, self.usual_time);
        let id = self.ids.next(received_at);
        let exchange = Arc::new(Exchange::new(id, (received_at, started), source, deadline));
        let route = ROUTES.iter().position(|route| fits(route, request.uri().path()));
        let in_vietnamese = prefers_vietnamese(request.headers());
        request.extensions_mut().insert(Arc::clone(&exchange));
        // Whoever sets a deadline of its own could ask for nothing with one that is too short.
        let is_our_fault = !request.headers().contains_key(super::deadline::FIELD);
        let response = self.run(request, self.time_for(route)).await;
        let mut response = complete(response, &exchange, in_vietnamese);
        if response.status().is_server_error() && is_our_fault {
            exchange.give_back();
        }
        self.add_rate_fields(&exchange, response.headers_mut());
        let seconds = (self.app.clock.monotonic_nanos() - started) as f64 / 1e9;
        self.app.metrics.request_seconds.record(seconds);
        self.count(route, response.status());
        response
    }

    /// What a request may take.
    fn time_for(&self, route: Option<usize>) -> Duration {
        if route.is_some_and(|route| ROUTES[route] == UPLOAD_ROUTE) {
            return UPLOAD;
        }
        let is_long = route.is_some_and(|route| LONG_ROUTES.contains(&ROUTES[route]));
        if is_long { self.timeout.max(LONG) } else { self.timeout }
    }

    async fn run(&self, request: Request<Body>, time: Duration) -> Response {
        let call = AssertUnwindSafe(self.router.clone().call(request)).catch_unwind();
        match tokio::time::timeout(time, call).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_panic)) => {
                tracing::error!("a handler panicked; the panic's place is on standard error");
                Problem::from(Code::InternalError).into_response()
            }
            Err(_elapsed) => {
                tracing::error!(timeout = ?time, "a request was not answered in time");
                Problem::from(Code::Overloaded).into_response()
            }
        }
    }

    fn add_rate_fields(&self, exchange: &Exchange, headers: &mut HeaderMap) {
        let Some(client) = exchange.client() else { return };
        let Some(state) = self.app.client_limits.state(client) else { return };
        let (mut policy, mut rate) = rate_fields(state);
        let quotas = self.app.quotas.states(client, self.app.clock.now());
        quota_fields::append(&quotas, &mut policy, &mut rate);
        let warning = quota_fields::warning(&quotas).map(|warning| ("quota-warning", warning));
        let fields = [("ratelimit-policy", policy), ("ratelimit", rate)];
        for (name, value) in fields.into_iter().chain(warning) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }

    fn count(&self, route: Option<usize>, status: StatusCode) {
        let class = status.as_u16() / 100 * 100;
        let column = STATUSES
            .iter()
            .position(|known| *known == status.as_u16())
            .or_else(|| STATUSES.iter().position(|known| *known == class))
            .unwrap_or(0);
        let row = route.unwrap_or(ROUTES.len());
        self.counters[row * STATUSES.len() + column].increment(1);
    }
}

/// `RateLimit-Policy` and `RateLimit` (IETF draft-ietf-httpapi-ratelimit-headers): quota and
/// window, what is left and seconds until it is full again.
fn rate_fields(RateState { limits, remaining }: RateState) -> (String, String) {
    let (burst, rate) = (limits.burst.get(), limits.rate.get());
    let window = limits.window_seconds();
    let reset = (burst - remaining.min(burst)).div_ceil(rate);
    (format!("\"client\";q={burst};w={window}"), format!("\"client\";r={remaining};t={reset}"))
}

/// Whether a path is of a route.
fn fits(route: &str, path: &str) -> bool {
    if !route.contains('{') {
        return route == path;
    }
    let mut segments = path.split('/');
    for name in route.split('/') {
        match segments.next() {
            Some(segment) if name.starts_with("{*") => return !segment.is_empty(),
            Some(segment) if name.starts_with('{') && !segment.is_empty() => {}
            Some(segment) if name == segment => {}
            Some(_) | None => return false,
        }
    }
    segments.next().is_none()
}

/// Turns what a handler or axum itself answered into the final response.
fn complete(response: Response, exchange: &Exchange, in_vietnamese: bool) -> Response {
    let request_id = exchange.request_id.to_string();
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => Some(problem.clone()),
        None => axums_own_refusal(&response).map(Problem::from),
    };
    let mut completed = match problem {
        None => response,
        Some(problem) => {
            let code = problem.code().explained();
            if code.status.is_client_error() {
                tracing::debug!(request_id, code = code.code, "request refused");
            } else {
                tracing::warn!(request_id, code = code.code, "request failed");
            }
            let allow = response.headers().get(header::ALLOW).cloned();
            let mut rendered = problem.render(&request_id, in_vietnamese);
            if let Some(allow) = allow {
                rendered.headers_mut().insert(header::ALLOW, allow);
            }
            rendered
        }
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        completed.headers_mut().insert("x-request-id", value);
    }
    completed
}

/// What the router and its extractors answer by themselves: 405 with an empty body, 400 with a text
/// where a path is not encoded well, which is the path of nothing.
fn axums_own_refusal(response: &Response) -> Option<Code> {
    match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some(Code::MethodNotAllowed),
        StatusCode::REQUEST_TIMEOUT => Some(Code::RequestTimeout),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Code::BodyTooLarge),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Code::UnsupportedMediaType),
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Some(Code::NotFound),
        status if status.is_client_error() => Some(Code::InvalidRequest),
        status if status.is_server_error() => Some(Code::InternalError),
        _ => None,
    }
}

/// Whether the first language the caller names is Vietnamese.
pub(super) fn prefers_vietnamese(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|languages| languages.trim_start().to_ascii_lowercase().starts_with("vi"))
}

/// What the router falls back to.
pub async fn not_found() -> Result<Infallible, Problem> {
    Err(Code::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::Limits;

    #[test]
    fn a_route_fits_its_paths_and_no_others() {
        let of = |path| ROUTES.iter().find(|route| fits(route, path)).copied();
        assert_eq!(of("/v1/verifications"), Some("/v1/verifications"));
        assert_eq!(of("/v1/logs"), Some("/v1/logs"));
        assert_eq!(of("/v1/logs/n1/checkpoint"), Some("/v1/logs/{log}/checkpoint"));
        assert_eq!(of("/v1/logs/n1/tile/0/x001/067.p/8"), Some("/v1/logs/{log}/tile/{*tile}"));
        assert_eq!(of("/v1/logs/n1/entries/7"), Some("/v1/logs/{log}/entries/{index}"));
        let strange = ["/", "/v1", "/v1/logs/", "/v1/logs/n1", "/v1/logs//checkpoint"];
        for path in strange.into_iter().chain(["/v1/logs/n1/entries/7/8", "/v1/logs/n1/tile/"]) {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn every_route_is_counted_by_name() {
        let described = crate::http::openapi();
        let described = described.paths.paths.keys().map(String::as_str);
        let (_, admin) = crate::http::admin_api();
        let admin = admin.paths.paths.keys().map(String::as_str);
        for path in described.chain(admin).chain(["/openapi.json"]) {
            assert!(ROUTES.iter().any(|route| fits(route, path)), "{path}");
        }
    }

    #[test]
    fn rate_fields_tell_quota_window_rest_and_reset() {
        let limits = Limits::new(50, 100).unwrap();
        let (policy, rate) = rate_fields(RateState { limits, remaining: 1 });
        assert_eq!(policy, "\"client\";q=100;w=2");
        assert_eq!(rate, "\"client\";r=1;t=2");
    }
}
