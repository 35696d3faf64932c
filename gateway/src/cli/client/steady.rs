//! A client for work that takes hours: it tells a failure that passes from one that stays, renews its
//! token, and gives up a call on which nothing moves.
//!
//! How often a call is tried again is for who calls.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::clock::Clock;

/// For a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nothing may move on a call, in either direction: longer than the gateway takes to put a
/// part of a file on its disk.
const STALL: Duration = Duration::from_mins(1);
/// Bytes that are handed to the connection at once: whoever watches sees that something moves.
const FRAME_BYTES: usize = 64 * 1024;
/// Largest answer that is read as a whole, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// A token is renewed so long before it expires: longer than a part of a file usually takes.
const RENEWED_BEFORE_SECONDS: u64 = 60;

/// Where a gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct GatewayUrl(String);

impl GatewayUrl {
    /// Reads `http://host[:port]`.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| NOT_A_URL.to_owned())?;
        match (uri.scheme_str(), uri.authority()) {
            (Some("https"), _) => Err(NO_TLS.to_owned()),
            (Some("http"), Some(authority))
                if uri.path() == "/" && uri.query().is_none() && !text.contains(['@', '#']) =>
            {
                Ok(Self(authority.as_str().to_owned()))
            }
            _ => Err(NOT_A_URL.to_owned()),
        }
    }

    /// Whether nothing that is sent there leaves the machine.
    pub(in crate::cli) fn is_loopback(&self) -> bool {
        let uri: Option<Uri> = self.to_string().parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default().trim_matches(['[', ']']);
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

const NOT_A_URL: &str = "takes http://HOST:PORT";
const NO_TLS: &str = "takes http://HOST:PORT: this program speaks no TLS; let a TLS proxy on this \
    machine, such as stunnel, reach the gateway, and name its address";

/// Who calls.
#[derive(Debug)]
pub(in crate::cli) struct Credentials {
    pub(in crate::cli) client_id: String,
    pub(in crate::cli) secret: SecretString,
}

/// A request, which can be sent again.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Call {
    method: Method,
    path: String,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
}

impl Call {
    pub(in crate::cli) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    #[must_use]
    pub(in crate::cli) fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub(in crate::cli) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    #[must_use]
    pub(in crate::cli) fn json(self, body: &serde_json::Value) -> Self {
        self.header(CONTENT_TYPE, "application/json").body(body.to_string())
    }
}

/// Why a call has no answer that is worth reading.
#[derive(Debug)]
pub(in crate::cli) enum Trouble {
    /// Nobody answered, or not to the end.
    Lost(String),
    /// The gateway asks to come again.
    Later { told: Told, after: Option<Duration> },
    /// This client may not do this.
    Denied(Told),
    /// The request cannot be put together.
    Unusable(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) => write!(f, "no answer from the gateway: {why}"),
            Self::Later { told, .. } | Self::Denied(told) => told.fmt(f),
            Self::Unusable(why) => f.write_str(why),
        }
    }
}

/// What the gateway says by a problem document.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Told {
    pub(in crate::cli) status: u16,
    pub(in crate::cli) code: String,
    pub(in crate::cli) detail: String,
    pub(in crate::cli) errors: Vec<ToldField>,
}

/// One wrong field.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct ToldField {
    pub(in crate::cli) pointer: String,
    pub(in crate::cli) code: String,
}

impl Told {
    fn read(status: StatusCode, body: &[u8]) -> Self {
        let told = serde_json::from_slice(body).unwrap_or_default();
        Self { status: status.as_u16(), ..told }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gateway answered {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        for ToldField { pointer, code } in &self.errors {
            write!(f, "; {pointer} {code}")?;
        }
        Ok(())
    }
}

/// An answer below 500 that neither asks for patience nor denies access.
#[derive(Debug)]
pub(in crate::cli) struct Answer {
    pub(in crate::cli) status: StatusCode,
    pub(in crate::cli) headers: HeaderMap,
    body: Incoming,
}

impl Answer {
    /// The next bytes; none at the end.
    pub(in crate::cli) async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        loop {
            let frame = tokio::time::timeout(STALL, self.body.frame()).await;
            match frame.map_err(|_| stalled())? {
                None => return Ok(None),
                Some(Err(error)) => return Err(lost(&error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// All of it.
    pub(in crate::cli) async fn whole(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.next().await? {
            if whole.len() + bytes.len() > ANSWER_BYTES_MAX {
                return Err(Trouble::Unusable("the answer is too long".to_owned()));
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    /// What an answer with this body says that is no success.
    pub(in crate::cli) fn told_by(&self, body: &[u8]) -> Told {
        Told::read(self.status, body)
    }

    async fn told(mut self) -> Result<Told, Trouble> {
        let body = self.whole().await?;
        Ok(self.told_by(&body))
    }

    fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?;
        text.trim().parse().ok().map(Duration::from_secs)
    }
}

struct Token {
    authorization: HeaderValue,
    /// On the clock's monotonic scale.
    renewed_at_nanos: u64,
}

/// A gateway as one client meets it.
pub(in crate::cli) struct SteadyClient {
    http: Client<HttpConnector, Sent>,
    url: GatewayUrl,
    credentials: Credentials,
    clock: Clock,
    token: Option<Token>,
}

impl SteadyClient {
    pub(in crate::cli) fn new(url: GatewayUrl, credentials: Credentials, clock: Clock) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let http =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        Self { http, url, credentials, clock, token: None }
    }

    /// Sends a call once. A token that is not taken any more is renewed for it.
    pub(in crate::cli) async fn attempt(&mut self, call: &Call) -> Result<Answer, Trouble> {
        let is_old = self.token.is_some();
        let answer = self.try_with_token(call).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return judge(answer).await;
        }
        self.token = None;
        if !is_old {
            return judge(answer).await;
        }
        let answer = self.try_with_token(call).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            self.token = None;
        }
        judge(answer).await
    }

    async fn try_with_token(&mut self, call: &Call) -> Result<Answer, Trouble> {
        let now = self.clock.monotonic_nanos();
        let token = match self.token.take().filter(|token| now < token.renewed_at_nanos) {
            Some(token) => token,
            None => self.obtain_token().await?,
        };
        let authorization = token.authorization.clone();
        self.token = Some(token);
        self.exchange(call, authorization).await
    }

    async fn obtain_token(&self) -> Result<Token, Trouble> {
        #[derive(Deserialize)]
        struct Issued {
            access_token: String,
            expires_in: u64,
        }
        let Credentials { client_id, secret } = &self.credentials;
        let basic = STANDARD.encode(format!("{client_id}:{}", secret.expose_secret()));
        let call = Call::new(Method::POST, "/oauth2/token")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let asked_at = self.clock.monotonic_nanos();
        let answer = self.exchange(&call, secret_header(&format!("Basic {basic}"))?).await?;
        let mut answer = judge(answer).await?;
        if answer.status != StatusCode::OK {
            // 400: the client may not do what every client does.
            return Err(Trouble::Denied(answer.told().await?));
        }
        let issued: Issued = serde_json::from_slice(&answer.whole().await?)
            .map_err(|_| Trouble::Unusable("the gateway issues no token".to_owned()))?;
        // A short life is used to its half.
        let life = issued.expires_in;
        let used = life.saturating_sub(RENEWED_BEFORE_SECONDS).max(life / 2);
        let renewed_at_nanos = asked_at.saturating_add(used.saturating_mul(1_000_000_000));
        let authorization = secret_header(&format!("Bearer {}", issued.access_token))?;
        Ok(Token { authorization, renewed_at_nanos })
    }

    async fn exchange(&self, call: &Call, authorization: HeaderValue) -> Result<Answer, Trouble> {
        let moved = Arc::new(AtomicU64::new(0));
        let body = Sent { rest: call.body.clone(), moved: Arc::clone(&moved) };
        let mut request = Request::builder()
            .method(&call.method)
            .uri(format!("{}{}", self.url, call.path))
            .header(AUTHORIZATION, authorization);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|error| Trouble::Unusable(error.to_string()))?;
        let answer = tokio::select! {
            answer = self.http.request(request) => answer.map_err(|error| lost(&error))?,
            () = stalls(&moved) => return Err(stalled()),
        };
        let (head, body) = answer.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

fn secret_header(text: &str) -> Result<HeaderValue, Trouble> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Trouble::Unusable("the secret has characters that a header cannot carry".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Sorts answers: those of access and of patience are trouble.
async fn judge(answer: Answer) -> Result<Answer, Trouble> {
    let after = answer.retry_after();
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(Trouble::Denied(answer.told().await?))
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(Trouble::Later { told: answer.told().await?, after })
        }
        status if status.is_server_error() => {
            Err(Trouble::Later { told: answer.told().await?, after })
        }
        _ => Ok(answer),
    }
}

/// Ends when nothing has moved for [`STALL`].
async fn stalls(moved: &AtomicU64) {
    let mut before = None;
    loop {
        let now = moved.load(Ordering::Relaxed);
        if before == Some(now) {
            return;
        }
        before = Some(now);
        tokio::time::sleep(STALL).await;
    }
}

fn stalled() -> Trouble {
    Trouble::Lost(format!("nothing moved for {} seconds", STALL.as_secs()))
}

/// The last cause says most.
fn lost(error: &dyn std::error::Error) -> Trouble {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    Trouble::Lost(last.to_string())
}

/// A body that counts what the connection has taken of it.
struct Sent {
    rest: Bytes,
    moved: Arc<AtomicU64>,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = FRAME_BYTES.min(self.rest.len());
        let next = self.rest.split_to(length);
        self.moved.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(next))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_named_by_host_and_port() {
        for (text, shown) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://gateway.example/", "http://gateway.example"),
            ("http://[::1]:80", "http://[::1]:80"),
        ] {
            assert_eq!(GatewayUrl::parse(text).map(|url| url.to_string()), Ok(shown.to_owned()));
        }
        for text in ["", "gateway", "ftp://a", "http://a/b", "http://a?b", "http://u:p@a", "/a"] {
            assert_eq!(GatewayUrl::parse(text), Err(NOT_A_URL.to_owned()), "{text}");
        }
        assert_eq!(GatewayUrl::parse("https://a"), Err(NO_TLS.to_owned()));
    }

    #[test]
    fn what_leaves_the_machine_is_told_from_what_does_not() {
        let is_loopback = |text: &str| GatewayUrl::parse(text).unwrap().is_loopback();
        assert!(
            ["http://127.0.0.1:1", "http://localhost", "http://[::1]:2"].map(is_loopback)
                == [true; 3]
        );
        assert!(!is_loopback("http://10.0.0.1:8080") && !is_loopback("http://localhost.example"));
    }

    #[test]
    fn a_problem_reads_as_a_sentence() {
        let body = br#"{"code":"invalid-value","detail":"Wrong.","x":1,
            "errors":[{"pointer":"/purpose","code":"malformed"}]}"#;
        let told = Told::read(StatusCode::UNPROCESSABLE_ENTITY, body);
        let text = "the gateway answered 422 invalid-value: Wrong.; /purpose malformed";
        assert_eq!(told.to_string(), text);
        let told = Told::read(StatusCode::BAD_GATEWAY, b"<html>");
        assert_eq!(told.to_string(), "the gateway answered 502");
    }
}
