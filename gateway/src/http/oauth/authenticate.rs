//! Which client asks: by its secret (`client_secret_basic`; RFC 6749, section 2.3.1) or by an
//! assertion (`private_key_jwt`; RFC 7523), never by both. One body for every failure.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::code::Code;
use super::super::error::Problem;
use super::super::extract::Exchange;
use super::form::{Identity, wrong};
use super::standing;
use crate::app::App;
use crate::auth::{SecretCheck, Turn};
use crate::rate_limit::{Authentication, TooManyFailures};
use crate::request::ClientId;
use crate::store::CredentialUse;

/// The one type of assertion that is taken (RFC 7523, section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a request says who sent it.
pub(super) enum Credentials {
    /// By a secret.
    Secret { client_id: ClientId, secret: String },
    /// By an assertion, and perhaps a name that must be that of the assertion.
    Assertion { assertion: String, client_id: Option<String> },
    /// Not at all, or in a way that is not offered.
    None,
}

impl Credentials {
    /// What the request brings. One way and no more (RFC 6749, sections 2.3 and 5.2).
    ///
    /// # Errors
    /// 400 for a second way, and for half an assertion.
    pub(super) fn of(headers: &HeaderMap, identity: Identity) -> Result<Self, Problem> {
        let Identity { client_id, assertion, assertion_type, has_secret } = identity;
        let has_header = headers.contains_key(header::AUTHORIZATION);
        let has_assertion = assertion.is_some() || assertion_type.is_some();
        if has_assertion && (has_header || has_secret) {
            return Err(wrong("client_assertion", "second-authentication"));
        }
        if has_secret && has_header {
            return Err(wrong("client_secret", "second-authentication"));
        }
        match (assertion, assertion_type) {
            (Some(assertion), Some(kind)) if kind == ASSERTION_TYPE => {
                Ok(Self::Assertion { assertion, client_id })
            }
            (Some(_), Some(_)) => Ok(Self::None),
            (Some(_), None) => Err(wrong("client_assertion_type", "missing")),
            (None, Some(_)) => Err(wrong("client_assertion", "missing")),
            (None, None) => {
                let basic = basic_credentials(headers);
                let basic = basic.filter(|(known, _)| {
                    client_id.is_none_or(|client_id| client_id == known.as_str())
                });
                Ok(basic
                    .map_or(Self::None, |(client_id, secret)| Self::Secret { client_id, secret }))
            }
        }
    }
}

/// Whom an endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    /// Clients that may call now: after a proof of who it is, a client is told what is in the way.
    Callers,
    /// Whoever proves who it is.
    Anybody,
}

/// The client that asks. The address is asked before anything is spent on it, and the client's rate
/// once it has proved who it is: neither may make rows or commits without limit.
///
/// # Errors
/// 401 whatever is wrong; 403 for a client that may not call now; 429 for an address that failed too
/// often, and for a client whose rate is used up; 503 where it cannot be known.
pub(super) async fn authenticate(
    app: &App,
    exchange: &Exchange,
    credentials: Credentials,
    answers: Answers,
) -> Result<ClientId, Problem> {
    let limited =
        |limit: TooManyFailures| Problem::retry_after(Code::AddressLimited, limit.retry_after);
    app.address_guard.check(exchange.source).map_err(limited)?;
    let admit = |client_id: &ClientId| admit(app, exchange, client_id, answers);
    let known = match credentials {
        Credentials::Secret { client_id, secret } => {
            by_secret(app, exchange, (client_id, &secret), admit).await?
        }
        Credentials::Assertion { assertion, client_id } => {
            by_assertion(app, &assertion, client_id.as_deref(), admit).await?
        }
        Credentials::None => None,
    };
    if let Some((client_id, credential)) = known {
        app.uses.note(&client_id, credential, exchange.received_at);
        return Ok(client_id);
    }
    app.address_guard.note_failure(exchange.source).map_err(limited)?;
    Err(Code::InvalidClient.into())
}

/// What is asked of a client that has proved who it is.
fn admit(
    app: &App,
    exchange: &Exchange,
    client_id: &ClientId,
    answers: Answers,
) -> Result<Authentication, Problem> {
    if answers == Answers::Callers {
        standing(app, exchange, client_id)?;
    }
    app.client_limits
        .admit_authentication(client_id)
        .map_err(|limited| Problem::retry_after(Code::RateLimited, limited.retry_after))
}

type Known = Option<(ClientId, CredentialUse)>;

async fn by_secret(
    app: &App,
    exchange: &Exchange,
    (client_id, secret): (ClientId, &str),
    admit: impl Fn(&ClientId) -> Result<Authentication, Problem>,
) -> Result<Known, Problem> {
    let turn = || {
        if app.address_guard.tries_in_vain(exchange.source) { Turn::Last } else { Turn::First }
    };
    match app.secrets.check(&client_id, secret, turn).await {
        SecretCheck::Right(hash) => {
            app.address_guard.note_success(exchange.source);
            admit(&client_id)?;
            Ok(Some((client_id, CredentialUse::Secret { hash })))
        }
        SecretCheck::Wrong => Ok(None),
        SecretCheck::Overloaded => Err(Code::Overloaded.into()),
    }
}

/// The signature first, then the store: nobody but the client can use its assertions up. In between
/// whether it is admitted: a client that is not must not make the store commit anything.
async fn by_assertion(
    app: &App,
    assertion: &str,
    client_id: Option<&str>,
    admit: impl Fn(&ClientId) -> Result<Authentication, Problem>,
) -> Result<Known, Problem> {
    let Some(verified) = app.assertions.verify(assertion) else { return Ok(None) };
    let by = verified.client_id.as_str();
    if client_id.is_some_and(|client_id| client_id != by) {
        return Ok(None);
    }
    let admitted = admit(&verified.client_id)?;
    let until_us = verified.accepted_until.0;
    let is_first = app.store.use_assertion(by, &verified.jti_digest, until_us).await;
    let is_first = is_first.map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "whether an assertion was used before cannot be known");
        Code::Overloaded
    })?;
    if !is_first {
        admitted.give_back();
    }
    let used = CredentialUse::Key { kid: verified.kid };
    Ok(is_first.then_some((verified.client_id, used)))
}

/// Client identifier and secret of the `Authorization` header. Both are of unreserved characters,
/// so the form-encoding of RFC 6749, section 2.3.1 leaves them as they are.
fn basic_credentials(headers: &HeaderMap) -> Option<(ClientId, String)> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some((ClientId::parse(client_id).ok()?, secret.to_owned()))
}
