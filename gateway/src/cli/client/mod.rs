//! Clients of the gateway's own API, as commands use it: here one kept-alive connection for many small
//! requests; in `steady` one for long work, that says of every failure whether to try again.

pub(super) mod steady;

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No connection.
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    /// The connection broke.
    #[error("the connection broke")]
    Http(#[from] hyper::Error),
    /// The request cannot be put together.
    #[error("the request cannot be put together")]
    Request(#[from] hyper::http::Error),
    /// The answer broke off or is too long.
    #[error("the answer broke off or is too long")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Not the answer that was asked for.
    #[error("status {0}")]
    Status(StatusCode),
    /// Not JSON, or without what was asked for.
    #[error("the answer is not what the API describes")]
    Answer,
}

/// One connection to the API.
#[derive(Debug)]
pub struct ApiClient {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authorization: String,
}

impl ApiClient {
    /// Connects and obtains a token.
    pub async fn connect(
        address: SocketAddr,
        client_id: &str,
        secret: &str,
    ) -> Result<Self, ApiError> {
        let stream = TcpStream::connect(address).await.map_err(ApiError::Connect)?;
        stream.set_nodelay(true).map_err(ApiError::Connect)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            let _reported_by_the_sender = connection.await;
        });
        let basic = STANDARD.encode(format!("{client_id}:{secret}"));
        let mut client =
            Self { sender, host: address.to_string(), authorization: format!("Basic {basic}") };
        let form = "grant_type=client_credentials".to_owned();
        let kind = "application/x-www-form-urlencoded";
        let (status, body) = client.post("/oauth2/token", kind, form).await?;
        if status != StatusCode::OK {
            return Err(ApiError::Status(status));
        }
        let reply: serde_json::Value =
            serde_json::from_slice(&body).map_err(|_| ApiError::Answer)?;
        let token = reply["access_token"].as_str().ok_or(ApiError::Answer)?;
        client.authorization = format!("Bearer {token}");
        Ok(client)
    }

    /// Posts JSON; status and body of the answer.
    pub async fn post_json(
        &mut self,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, Bytes), ApiError> {
        self.post(path, "application/json", body).await
    }

    async fn post(
        &mut self,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Result<(StatusCode, Bytes), ApiError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let limited = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = limited.collect().await.map_err(ApiError::Body)?;
        Ok((status, body.to_bytes()))
    }
}
