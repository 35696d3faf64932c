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
use crate::store::{IdempotencyRow, StoreError};

/// Name of the field.
const FIELD: &str = "idempotency-key";
/// Longest key, in bytes; a UUID has 36.
const KEY_BYTES_MAX: usize = 255;
/// Marks an answer that was given before.
pub(super) const REPLAYED: &str = "idempotent-replayed";

/// Holds a key until the request has ended, however it ends.
#[derive(Debug)]
struct Held {
    app: Arc<App>,
    key: IdempotencyKey,
}

/// The key of a request, or of one of its items, for as long as it is worked on.
#[derive(Debug)]
pub(super) struct Taken {
    key: IdempotencyKey,
    _held: Arc<Held>,
}

/// The keys of a batch, whose items are answered each under its own.
#[derive(Debug)]
pub(super) struct ItemKeys {
    keys: Vec<IdempotencyKey>,
    held: Arc<Held>,
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
        Self::read_within(call, request, call.app.config.server.body_bytes_max).await
    }

    /// The same with a body of so many bytes at most.
    ///
    /// # Errors
    /// As [`Sent::read`].
    pub(super) async fn read_within(
        call: &Call,
        request: Request<Body>,
        bytes_max: usize,
    ) -> Result<Self, Problem> {
        let key = read_field(request.headers())?;
        Ok(Self { key, body: call.json_body_within(request, bytes_max).await? })
    }
}

/// What is to be done with a request.
pub(super) enum Turn {
    /// It has no key.
    Plain,
    /// It has a key that is new.
    First(Taken),
    /// It was answered before.
    Again(Taken, IdempotencyRow),
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
        let held = Held::take(&call.app, &key)?;
        let taken = Taken { key, _held: held };
        match replay::find(&call.app, &taken.key, call.exchange.received_at).await {
            Ok(Known::Unused) => Ok(Self::First(taken)),
            Ok(Known::Same(row)) => Ok(Self::Again(taken, row)),
            Ok(Known::Other) => Err(Code::IdempotencyKeyReused.into()),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// The key that goes into the log.
    pub(super) fn key(&self) -> Option<IdempotencyKey> {
        match self {
            Self::Plain | Self::Again(..) => None,
            Self::First(taken) => Some(taken.key.clone()),
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

impl ItemKeys {
    /// Takes the keys of a batch of so many items at most, if it came with one. Nothing is asked for
    /// it: whether it was used before is the next question.
    ///
    /// # Errors
    /// 409 while the same key is on its way.
    pub(super) fn take(
        call: &Call,
        path: &str,
        sent: &Sent,
        items_max: usize,
    ) -> Result<Option<Self>, Problem> {
        let Some(text) = sent.key.as_ref().filter(|_| call.has_scope()) else { return Ok(None) };
        let (client, digests) = (call.client(), &call.app.digests);
        let keys = digests.idempotency_of_items(client, text, (path, &sent.body), items_max);
        let Some(first) = keys.first() else { return Ok(None) };
        let held = Held::take(&call.app, first)?;
        Ok(Some(Self { keys, held }))
    }

    /// What is to be done with each item. All keys that the batch could have are looked up, so that
    /// another one with fewer items, or with others that were recorded, is found to be another one.
    ///
    /// # Errors
    /// 422 where one was used for another request.
    pub(super) async fn turns(
        self,
        call: &Call,
        _admission: &Admission,
    ) -> Result<Vec<Turn>, Problem> {
        let rows = replay::find_items(&call.app, &self.keys, call.exchange.received_at).await;
        let rows = rows.map_err(|error| unreadable(&error))?.ok_or(Code::IdempotencyKeyReused)?;
        let turns = self.keys.into_iter().zip(rows).map(|(key, row)| {
            let taken = Taken { key, _held: Arc::clone(&self.held) };
            match row {
                None => Turn::First(taken),
                Some(row) => Turn::Again(taken, row),
            }
        });
        Ok(turns.collect())
    }
}

fn unreadable(error: &StoreError) -> Problem {
    tracing::error!(error = error as &dyn std::error::Error, "a key cannot be read");
    Code::LogUnavailable.into()
}

impl Held {
    fn take(app: &Arc<App>, key: &IdempotencyKey) -> Result<Arc<Self>, Code> {
        let is_new = app.keys_in_flight.take(key);
        let held = || Arc::new(Self { app: Arc::clone(app), key: key.clone() });
        is_new.then(held).ok_or(Code::IdempotencyKeyInUse)
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
