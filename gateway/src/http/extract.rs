//! What a handler needs of a request: the caller, the body, the parameters.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, Request, header};
use futures_util::future::poll_immediate;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::code::Code;
use super::error::{FieldError, Problem};
use super::json::child;
use crate::app::App;
use crate::audit::{IdempotencyKey, RequestId};
use crate::auth::{Caller, CallerRefusal, Standing};
use crate::clock::Micros;
use crate::rate_limit::{Deadline, InFlight, Units};
use crate::request::ClientId;
use crate::verification::RequestContext;

/// One request at the edge: put into its extensions when its head has come in.
#[derive(Debug)]
pub struct Exchange {
    /// Identity of the request.
    pub request_id: RequestId,
    /// Which item of a batch it is, from 1 on; 0 for the request itself.
    item: u16,
    /// The batch that it is an item of, which is on its way for as long as the item is.
    _batch: Option<Arc<Self>>,
    /// When its head had come in.
    pub received_at: Micros,
    /// When that was on the monotonic clock, in nanoseconds.
    pub received_nanos: u64,
    /// Address that the request comes from: that of the peer, or the one that trusted proxies name.
    pub source: IpAddr,
    /// Whose rate the answer tells; set once the caller is known.
    client: OnceLock<ClientId>,
    /// Counts it as on its way, until the last who works on it has let go.
    in_flight: OnceLock<InFlight>,
    usual_deadline: Deadline,
    asked_deadline: OnceLock<Deadline>,
    /// What it has taken from limits.
    units: Mutex<Option<Units>>,
}

impl Exchange {
    /// A request that has just come in.
    pub fn new(
        request_id: RequestId,
        received_at: (Micros, u64),
        source: IpAddr,
        usual_deadline: Deadline,
    ) -> Self {
        let (received_at, received_nanos) = received_at;
        Self {
            request_id,
            item: 0,
            _batch: None,
            received_at,
            received_nanos,
            source,
            client: OnceLock::new(),
            in_flight: OnceLock::new(),
            usual_deadline,
            asked_deadline: OnceLock::new(),
            units: Mutex::default(),
        }
    }

    /// An item of a batch, which takes from limits for itself.
    pub(super) fn of_item(batch: &Arc<Self>, item: u16) -> Self {
        let received_at = (batch.received_at, batch.received_nanos);
        let alone = Self::new(batch.request_id, received_at, batch.source, batch.deadline());
        Self { item, _batch: Some(Arc::clone(batch)), ..alone }
    }

    /// Keeps it counted as on its way for as long as anybody works on it.
    pub fn hold(&self, in_flight: InFlight) {
        let _set_once = self.in_flight.set(in_flight);
    }

    /// Its caller has named another deadline than the usual one.
    pub fn ask_deadline(&self, deadline: Deadline) {
        let _set_once = self.asked_deadline.set(deadline);
    }

    /// The authenticated client, if there is one.
    pub fn client(&self) -> Option<&ClientId> {
        self.client.get()
    }

    /// Until when its answer is of use.
    pub fn deadline(&self) -> Deadline {
        *self.asked_deadline.get().unwrap_or(&self.usual_deadline)
    }

    /// Keeps what the request has taken from limits.
    pub(super) fn take(&self, units: Option<Units>) {
        *self.units.lock().unwrap_or_else(PoisonError::into_inner) = units;
    }

    /// Gives it back: the request has failed, and through no fault of its own.
    pub(super) fn give_back(&self) {
        let units = self.units.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(units) = units {
            units.give_back();
        }
    }

    /// What the story of a request needs to know of it; `key` is the one under which it may come
    /// again.
    pub fn context(&self, key: Option<IdempotencyKey>) -> RequestContext {
        let Self { request_id, item, received_at, .. } = *self;
        RequestContext { request_id, item, received_at, key }
    }
}

/// The exchange that a request belongs to.
///
/// # Errors
/// `internal-error` if the edge was left out, which only a wrongly assembled router can do.
pub fn exchange(request: &Request<Body>) -> Result<Arc<Exchange>, Problem> {
    request.extensions().get().cloned().ok_or(Problem::from(Code::InternalError))
}

/// Who calls, by the bearer token (RFC 6750, section 2.1; never by the URL).
///
/// # Errors
/// 401 for a token that is not good, 403 for a client that may not call now.
pub fn caller(app: &App, exchange: &Exchange, headers: &HeaderMap) -> Result<Caller, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Code::InvalidToken.into());
    };
    let unverified_token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token)
        .ok_or(Code::InvalidToken)?;
    let token = app.tokens.verify(unverified_token).map_err(|_| Code::InvalidToken)?;
    // Who it is stands now; whether it may call is the next question. Nobody's rate is told for a
    // client that is not known any more.
    let _set_once = exchange.client.set(token.client_id().clone());
    let caller =
        Caller::admit(&app.directory, token, exchange.received_at).map_err(
            |refusal| match refusal {
                CallerRefusal::UnknownClient => Code::InvalidToken,
                CallerRefusal::Standing(standing) => standing_code(standing),
            },
        )?;
    Ok(caller)
}

/// The code that tells a client why it may not call.
pub fn standing_code(standing: Standing) -> Code {
    match standing {
        // Nobody in good standing is refused; if it happens, it is our fault.
        Standing::Good => Code::InternalError,
        Standing::Suspended => Code::ClientSuspended,
        Standing::NotActive => Code::ClientNotActive,
        Standing::AgreementExpired => Code::AgreementExpired,
        Standing::AssessmentExpired => Code::AssessmentExpired,
    }
}

/// The body of a request, of one media type, within the limits of size and time.
///
/// # Errors
/// 408, 413, 415; 400 for a body that breaks off.
pub async fn body(app: &App, request: Request<Body>, media_type: &str) -> Result<Bytes, Problem> {
    body_within(app, request, media_type, app.config.server.body_bytes_max).await
}

/// The same within another limit of size.
///
/// # Errors
/// As [`body`].
pub async fn body_within(
    app: &App,
    request: Request<Body>,
    media_type: &str,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let sent = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = sent.and_then(|text| text.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case(media_type)) {
        return Err(Code::UnsupportedMediaType.into());
    }
    let limited = Limited::new(request.into_body(), bytes_max);
    let time = Duration::from_millis(app.config.server.header_timeout_ms);
    let mut collecting = pin!(limited.collect());
    // A body usually came in with its head; only one that did not costs a timer.
    let collected = match poll_immediate(collecting.as_mut()).await {
        Some(collected) => collected,
        None => Box::pin(tokio::time::timeout(time, collecting))
            .await
            .map_err(|_| Problem::from(Code::RequestTimeout))?,
    };
    match collected {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Code::BodyTooLarge.into()),
        Err(_) => Err(Code::InvalidJson.into()),
    }
}

/// Refuses a body where none is expected: what it asks for would be done by nobody.
///
/// # Errors
/// 400 for one that is not empty, 408.
pub async fn no_body(app: &App, request: Request<Body>) -> Result<(), Problem> {
    let body = request.into_body();
    if body.is_end_stream() {
        return Ok(());
    }
    let time = Duration::from_millis(app.config.server.header_timeout_ms);
    let collected = tokio::time::timeout(time, Limited::new(body, 0).collect()).await;
    let collected = collected.map_err(|_| Problem::from(Code::RequestTimeout))?;
    collected.map(drop).map_err(|_| {
        let error = FieldError { pointer: String::new(), code: "unexpected-body" };
        Problem::with_errors(Code::InvalidRequest, vec![error])
    })
}

/// A parameter that is `true` or `false`, which is the same as none.
///
/// # Errors
/// 422 for anything else.
pub fn truth(pointer: &str, text: Option<&str>) -> Result<bool, Problem> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            let error = FieldError { pointer: pointer.to_owned(), code: "malformed" };
            Err(Problem::with_errors(Code::InvalidValue, vec![error]))
        }
    }
}

/// The query parameters by name, each known and given once.
///
/// # Errors
/// 400 with every parameter that does not belong.
pub fn query<const N: usize>(
    request: &Request<Body>,
    names: [&'static str; N],
) -> Result<[Option<String>; N], Problem> {
    let mut values = [const { None }; N];
    let mut errors = Vec::new();
    let text = request.uri().query().unwrap_or("");
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        match names.iter().position(|known| *known == name) {
            Some(index) if values[index].is_none() => values[index] = Some(value.into_owned()),
            Some(index) => {
                errors
                    .push(FieldError { pointer: format!("/{}", names[index]), code: "duplicate" });
            }
            None => errors.push(FieldError { pointer: child("", &name), code: "unknown" }),
        }
    }
    if errors.is_empty() {
        return Ok(values);
    }
    Err(Problem::with_errors(Code::InvalidRequest, errors))
}
