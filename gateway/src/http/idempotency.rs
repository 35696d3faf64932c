//! The `Idempotency-Key` field (IETF draft-ietf-httpapi-idempotency-key-header): a POST that is
//! recorded may be sent again and is answered once.
//!
//! While a request is on its way, its key is taken in this process; across processes the log's
//! commit finds out.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use axum::response::Response;

use super::call::Call;
use super::code::Code;
use super::error::{FieldError, Problem};
use crate::app::App;
use crate::audit::IdempotencyKey;
use crate::rate_limit::Admission;
use crate::replay::{self, Known};
use crate::store::IdempotencyRow;

/// Name of the field.
const FIELD: &str = "idempotency-key";
/// Longest key, in bytes; a UUID has 36.
const KEY_BYTES_MAX: usize = 255;
/// Marks an answer that was given before.
pub(super) const REPLAYED: &str = "idempotent-replayed";

/// Holds a key until the request has ended, however it ends.
#[derive(Debug)]
pub(super) struct Held {
    app: Arc<App>,
    key: IdempotencyKey,
}

/// A request as it was sent.
pub(super) struct Sent {
    /// The key, if it came with one.
    key: Option<String>,
    /// The body as it came.
    pub(super) body: Bytes,
}

impl Sent {
    /// Reads a request that takes no parameters.
    ///
    /// # Errors
    /// 400, 408, 413, 415.
    pub(super) async fn read(call: &Call, request: Request<Body>) -> Result<Self, Problem> {
        let key = read_field(request.headers())?;
        Ok(Self { key, body: call.json_body(request).await? })
    }
}

/// What is to be done with a request.
pub(super) enum Turn {
    /// It has no key.
    Plain,
    /// It has a key that is new.
    First(Held),
    /// It was answered before.
    Again(Held, IdempotencyRow),
}

impl Turn {
    /// Takes the key of a request, if it has one. Looking for a key reads the store, so that it
    /// takes an admission, whatever comes of it.
    ///
    /// A token without the scope gets its refusal, which is recorded each time: its requests have
    /// no turn.
    ///
    /// # Errors
    /// 409 while the same key is on its way, 422 where it was used for another request.
    pub(super) async fn take(
        call: &Call,
        _admission: &Admission,
        path: &str,
        sent: Sent,
    ) -> Result<Self, Problem> {
        let Some(text) = sent.key.filter(|_| call.has_scope()) else { return Ok(Self::Plain) };
        let key = call.app.digests.idempotency(call.client(), &text, path, &sent.body);
        let held = Held::take(&call.app, key).ok_or(Code::IdempotencyKeyInUse)?;
        match replay::find(&call.app, &held.key, call.exchange.received_at).await {
            Ok(Known::Unused) => Ok(Self::First(held)),
            Ok(Known::Same(row)) => Ok(Self::Again(held, row)),
            Ok(Known::Other) => Err(Code::IdempotencyKeyReused.into()),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a key cannot be read");
                Err(Code::LogUnavailable.into())
            }
        }
    }

    /// The key that goes into the log.
    pub(super) fn key(&self) -> Option<IdempotencyKey> {
        match self {
            Self::Plain | Self::Again(..) => None,
            Self::First(held) => Some(held.key.clone()),
        }
    }

    /// Whether the request was answered before.
    pub(super) fn is_again(&self) -> bool {
        match self {
            Self::Plain | Self::First(_) => false,
            Self::Again(..) => true,
        }
    }
}

impl Held {
    fn take(app: &Arc<App>, key: IdempotencyKey) -> Option<Self> {
        let is_new = app.keys_in_flight.take(&key);
        is_new.then(|| Self { app: Arc::clone(app), key })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.app.keys_in_flight.give_back(&self.key);
    }
}

/// The key: a string as the draft has it (RFC 9651, section 3.3.3), or the bare text that most
/// callers send.
///
/// # Errors
/// 400 for a field that is not well formed or comes twice.
fn read_field(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(FIELD).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().map(str::trim).and_then(|text| {
        let quoted = text.strip_prefix('"').map(|rest| rest.strip_suffix('"'));
        quoted.unwrap_or(Some(text))
    });
    let is_plain = |c: char| (' '..='~').contains(&c) && c != '"' && c != '\\';
    let key = text.filter(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
    let key = key.filter(|key| key.chars().all(is_plain) && values.next().is_none());
    let malformed = || {
        let error = FieldError { pointer: "/Idempotency-Key".into(), code: "malformed" };
        Problem::with_errors(Code::InvalidRequest, vec![error])
    };
    key.map(|key| Some(key.to_owned())).ok_or_else(malformed)
}

/// The same answer, marked.
pub(super) fn mark(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED, axum::http::HeaderValue::from_static("true"));
    response
}
