//! The HTTP client of the population database: one kept-alive connection per caller.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;

use super::wire::{self, WireError};
use super::{Finding, Question};
use crate::clock::Micros;
use crate::config::PopulationConfig;
use crate::telemetry::Metrics;

const BATCH_GET: &str = "/v1/persons/batch-get";
/// Bytes of an answer per question at most; a person with every field takes under 1 KiB, and a
/// shared old number has two.
const ANSWER_BYTES_PER_ITEM_MAX: usize = 16 * 1024;

/// Why the register gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is not `http://host:port`.
    #[error("population.url must be http://host:port")]
    Url,
    /// The key has characters that a header cannot carry.
    #[error("population.api_key has characters that a header cannot carry")]
    Key,
    /// No connection.
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Http(#[from] hyper::Error),
    /// The answer was too long or broke off.
    #[error("the answer was too long or broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Not in time.
    #[error("no answer in time")]
    Timeout,
    /// A status other than 200.
    #[error("status {0}")]
    Status(StatusCode),
    /// An answer outside the contract.
    #[error(transparent)]
    Wire(#[from] WireError),
}

/// Where the register is.
#[derive(Debug, Clone)]
pub struct RegistryUrl {
    authority: String,
}

impl RegistryUrl {
    /// Reads `http://host:port`.
    ///
    /// # Errors
    /// [`ClientError::Url`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let uri: Uri = text.parse().map_err(|_| ClientError::Url)?;
        let plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/");
        match uri.authority() {
            Some(authority) if plain && authority.port().is_some() => {
                Ok(Self { authority: authority.as_str().to_owned() })
            }
            _ => Err(ClientError::Url),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    url: RegistryUrl,
    authorization: HeaderValue,
    host: HeaderValue,
    timeout: Duration,
}

impl Settings {
    pub(super) fn from_config(config: &PopulationConfig) -> Result<Self, ClientError> {
        let url = RegistryUrl::parse(&config.url)?;
        let key = config.api_key.as_ref().map_or("", |key| key.expose_secret());
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ClientError::Key)?;
        authorization.set_sensitive(true);
        let host = HeaderValue::from_str(&url.authority).map_err(|_| ClientError::Url)?;
        Ok(Self { url, authorization, host, timeout: Duration::from_millis(config.timeout_ms) })
    }
}

/// One of the callers: has at most one call in flight.
#[derive(Debug)]
pub(super) struct RegistryCaller {
    settings: Settings,
    metrics: Arc<Metrics>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl RegistryCaller {
    pub(super) fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self { settings, metrics, connection: None }
    }

    /// Puts the questions in one call; the body of the answer. After a failure the connection is
    /// given up, because a late answer must never meet the next call.
    pub(super) async fn call(&mut self, questions: &[Question]) -> Result<Bytes, ClientError> {
        self.metrics.population_calls.increment(1);
        self.metrics.population_items.increment(questions.len() as u64);
        let body = Bytes::from(wire::write_request(questions));
        let answer =
            tokio::time::timeout(self.settings.timeout, self.exchange(questions.len(), body))
                .await
                .unwrap_or(Err(ClientError::Timeout));
        if answer.is_err() {
            self.connection = None;
            self.metrics.population_failures.increment(1);
        }
        answer
    }

    /// Reads the answer to a number of questions.
    pub(super) fn read(
        &mut self,
        questions: usize,
        body: &[u8],
    ) -> Result<(Option<Micros>, Vec<Finding>), ClientError> {
        let answer = wire::read_answer(questions, body);
        if answer.is_err() {
            self.connection = None;
            self.metrics.population_failures.increment(1);
        }
        Ok(answer?)
    }

    async fn exchange(&mut self, questions: usize, body: Bytes) -> Result<Bytes, ClientError> {
        let kept_alive = self.connection.take().filter(|sender| !sender.is_closed());
        let reused = kept_alive.is_some();
        let mut sender = match kept_alive {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = match sender.send_request(self.request(body.clone())).await {
            // The register may close an idle connection just as we write on it. Nothing was
            // answered, asking is free of effects: once more on a fresh connection.
            Err(_) if reused => {
                sender = self.connect().await?;
                sender.send_request(self.request(body)).await?
            }
            other => other?,
        };
        if response.status() != StatusCode::OK {
            return Err(ClientError::Status(response.status()));
        }
        let limit = questions.saturating_mul(ANSWER_BYTES_PER_ITEM_MAX);
        let bytes =
            Limited::new(response.into_body(), limit).collect().await.map_err(ClientError::Body)?;
        self.connection = Some(sender);
        Ok(bytes.to_bytes())
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(BATCH_GET);
        let headers = request.headers_mut();
        headers.insert(HOST, self.settings.host.clone());
        headers.insert(AUTHORIZATION, self.settings.authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let stream =
            TcpStream::connect(&self.settings.url.authority).await.map_err(ClientError::Connect)?;
        stream.set_nodelay(true).map_err(ClientError::Connect)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends by itself when the sender is dropped or the peer closes; errors reach the sender.
        tokio::spawn(async move {
            let _reported_by_the_sender = connection.await;
        });
        Ok(sender)
    }
}
