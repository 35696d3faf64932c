//! The register's HTTP interface: looks people up in batches for a caller who holds the key.
//!
//! No TLS, no deadlines: it stands in for a system on the far side of a private line. It misbehaves
//! on order, `PUT /v1/faults`, as `faults` explains; `/livez` is spared.

mod faults;
mod wire;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::Nation;
use faults::board::Board;
pub use faults::{Faults, FaultsError, Misbehaviour, PersonFaults};

/// Bytes of a request body: room for a full batch that asks for everything.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How the register is served.
#[derive(Clone)]
pub struct Settings {
    /// What callers must present as their bearer token.
    pub api_key: String,
    faults: Faults,
    standing_faults: Vec<PersonFaults>,
}

impl Settings {
    /// Serves whoever presents this key, and behaves.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self { api_key: api_key.into(), faults: Faults::default(), standing_faults: Vec::default() }
    }

    /// Misbehaves from the start, until an order says otherwise.
    ///
    /// # Errors
    /// When a value is beyond its limit.
    pub fn with_faults(self, faults: Faults) -> Result<Self, FaultsError> {
        faults.check()?;
        Ok(Self { faults, ..self })
    }

    /// Misbehaves about these people for as long as it runs, whatever is ordered.
    ///
    /// # Errors
    /// When a value is beyond its limit, there are more than 100 people, or one comes twice.
    pub fn with_standing_faults(self, people: Vec<PersonFaults>) -> Result<Self, FaultsError> {
        let faults = Faults { for_people: people, ..Faults::default() };
        faults.check()?;
        Ok(Self { standing_faults: faults.for_people, ..self })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings(..)")
    }
}

struct Register {
    nation: Arc<Nation>,
    api_key: String,
    faults: Board,
}

impl Register {
    fn new(nation: Arc<Nation>, settings: Settings) -> Arc<Self> {
        let faults = Board::new(settings.standing_faults, settings.faults);
        Arc::new(Self { nation, api_key: settings.api_key, faults })
    }
}

/// Answers on `listener` until `shutdown` is done and the requests under way are answered.
pub async fn serve(
    listener: TcpListener,
    nation: Arc<Nation>,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_register(listener, Register::new(nation, settings), shutdown).await
}

async fn serve_register(
    listener: TcpListener,
    register: Arc<Register>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Small answers must not wait for an acknowledgement. A socket that refuses is only slower.
        drop(stream.set_nodelay(true));
    });
    let router = router(Arc::clone(&register));
    let shutdown = async move {
        shutdown.await;
        // Whoever was to be left hanging would hold the server up.
        register.faults.stop();
    };
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

fn router(register: Arc<Register>) -> Router {
    Router::new()
        .route("/v1/persons/batch-get", post(batch_get))
        .route("/v1/faults", get(get_faults).put(put_faults))
        .route("/livez", get(async || "ok"))
        .fallback(async || Refusal::NotFound)
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
        .with_state(register)
}

async fn batch_get(
    State(register): State<Arc<Register>>,
    request: Request,
) -> Result<Response, Refusal> {
    check_key(request.headers(), &register.api_key)?;
    let body = read(request.into_body()).await?;
    let items = wire::parse(&body).map_err(Refusal::BadRequest)?;
    let answer = |count| wire::answer(&register.nation, &items[..count]);
    let asked = items.iter().flat_map(|item| item.asks_about(&register.nation));
    let misfortune = register.faults.next(asked);
    Ok(match misfortune {
        None => json(answer(items.len())),
        Some(misfortune) => register.faults.carry_out(misfortune, items.len(), answer).await,
    })
}

async fn get_faults(
    State(register): State<Arc<Register>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    check_key(&headers, &register.api_key)?;
    Ok(json(register.faults.to_json()))
}

async fn put_faults(
    State(register): State<Arc<Register>>,
    request: Request,
) -> Result<Response, Refusal> {
    check_key(request.headers(), &register.api_key)?;
    let body = read(request.into_body()).await?;
    register.faults.replace(Faults::parse(&body).map_err(Refusal::BadFaults)?);
    Ok(json(register.faults.to_json()))
}

fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

fn check_key(headers: &HeaderMap, api_key: &str) -> Result<(), Refusal> {
    let presented = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .ok_or(Refusal::Unauthorized)?;
    if same(presented, api_key.as_bytes()) { Ok(()) } else { Err(Refusal::Unauthorized) }
}

/// Compares in a time that depends on the lengths only, so that a key cannot be guessed byte by
/// byte.
fn same(presented: &[u8], expected: &[u8]) -> bool {
    let differences = presented.iter().zip(expected).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(differences) == 0 && presented.len() == expected.len()
}

async fn read(body: Body) -> Result<axum::body::Bytes, Refusal> {
    // A broken connection ends here too; nobody is left to read which refusal it was.
    axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| Refusal::TooLarge)
}

/// Why a request gets no answer.
#[derive(Debug)]
enum Refusal {
    Unauthorized,
    TooLarge,
    BadRequest(wire::Malformed),
    BadFaults(FaultsError),
    NotFound,
    MethodNotAllowed,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, reason) = match self {
            Self::Unauthorized => {
                (StatusCode::UNAUTHORIZED, "a valid bearer key is required".to_owned())
            }
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body has more than {BODY_BYTES_MAX} bytes"),
            ),
            Self::BadRequest(malformed) => (StatusCode::BAD_REQUEST, malformed.to_string()),
            Self::BadFaults(error) => (StatusCode::BAD_REQUEST, error.to_string()),
            Self::NotFound => (StatusCode::NOT_FOUND, "no such path".to_owned()),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "this path has another method".to_owned())
            }
        };
        let body = serde_json::json!({ "error": reason }).to_string();
        let mut response = (status, [(CONTENT_TYPE, "application/json")], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests;
