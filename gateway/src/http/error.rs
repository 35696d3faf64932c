//! Problem documents (RFC 9457): the one place that makes error responses.
//!
//! Handlers return a [`Problem`]; the edge renders it with the request id. The chain of causes
//! goes to the process log and never to the body.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::code::{Code, Explained};
use super::idempotency::REPLAYED;
use crate::rate_limit::Shed;

/// Where an upload is gone on with (IETF draft-ietf-httpbis-resumable-upload).
pub(super) const UPLOAD_OFFSET: &str = "upload-offset";

/// One wrong field: where it is and what is wrong, never what it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field; for a query parameter `/` and its name.
    pub pointer: String,
    /// What is wrong, from a closed list.
    pub code: &'static str,
}

/// An error on its way to the caller.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    upload_offset: Option<u64>,
    oauth: bool,
    again: bool,
}

impl Problem {
    /// A problem with fields.
    pub fn with_errors(code: Code, errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::from(code) }
    }

    /// The same problem with the first so many of its wrong fields.
    #[must_use]
    pub fn with_errors_at_most(mut self, errors_max: usize) -> Self {
        self.errors.truncate(errors_max);
        self
    }

    /// A problem that goes away after a while.
    pub fn retry_after(code: Code, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..Self::from(code) }
    }

    /// An upload that is to be gone on with at another place.
    pub fn upload_ends_at(offset: u64) -> Self {
        Self { upload_offset: Some(offset), ..Self::from(Code::OffsetMismatch) }
    }

    /// The same problem at the token endpoint, which adds RFC 6749's `error`.
    #[must_use]
    pub fn at_token_endpoint(self) -> Self {
        Self { oauth: true, ..self }
    }

    /// The same problem, told again to a request that came twice.
    #[must_use]
    pub fn again(self) -> Self {
        Self { again: true, ..self }
    }

    /// The wrong fields.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Whether it was told before.
    pub fn is_again(&self) -> bool {
        self.again
    }

    /// Seconds after which it goes away.
    fn retry_seconds(&self) -> Option<u64> {
        let wait = self.retry_after?;
        Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// The document of an item of a batch, from 0 on, which stands in the answer to the whole. What a
    /// header field tells of a problem that is an answer by itself stands in it.
    pub fn document_of_item<'a>(
        &'a self,
        request_id: &'a str,
        item: usize,
        in_vietnamese: bool,
    ) -> ProblemDocument<'a> {
        let document = self.document(request_id, in_vietnamese);
        let instance = format!("{}#/items/{item}", document.instance);
        ProblemDocument { instance, retry_after: self.retry_seconds(), ..document }
    }

    fn document<'a>(&'a self, request_id: &'a str, in_vietnamese: bool) -> ProblemDocument<'a> {
        let Explained { code, status, en, vi } = self.code.explained();
        ProblemDocument {
            r#type: format!("/docs/problems#{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: if in_vietnamese { vi } else { en },
            instance: format!("urn:request:{request_id}"),
            request_id,
            errors: &self.errors,
            error: self.code.oauth_error().filter(|_| self.oauth),
            retry_after: None,
        }
    }

    /// The whole response, for the edge: `request_id` completes the document.
    pub fn render(&self, request_id: &str, in_vietnamese: bool) -> Response {
        let document = self.document(request_id, in_vietnamese);
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.code.explained().status, body).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let language = HeaderValue::from_static(if in_vietnamese { "vi" } else { "en" });
        headers.insert(header::CONTENT_LANGUAGE, language);
        if let Some(seconds) = self.retry_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(offset) = self.upload_offset {
            headers.insert(UPLOAD_OFFSET, HeaderValue::from(offset));
        }
        if self.again {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        match self.code {
            Code::InvalidToken => {
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Code::InvalidClient => {
                let challenge = HeaderValue::from_static("Basic realm=\"gateway\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            _ => {}
        }
        response
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        let passes = matches!(
            code,
            Code::LogUnavailable
                | Code::Overloaded
                | Code::NoRoomForFile
                | Code::NotReady
                | Code::IdempotencyKeyInUse
        );
        let retry_after = passes.then_some(Duration::from_secs(1));
        Self {
            code,
            errors: Vec::new(),
            retry_after,
            upload_offset: None,
            oauth: false,
            again: false,
        }
    }
}

impl From<Shed> for Problem {
    fn from(shed: Shed) -> Self {
        Self::retry_after(Code::Overloaded, shed.retry_after)
    }
}

impl IntoResponse for Problem {
    /// Carries the problem to the edge, which alone knows the request id and language.
    fn into_response(self) -> Response {
        let mut response = self.code.explained().status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The problem document (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemDocument<'a> {
    /// Reference to the documentation of the code.
    r#type: String,
    /// The status in words.
    title: &'a str,
    /// The status.
    status: u16,
    /// Stable code.
    code: &'static str,
    /// What it means and what to do.
    detail: &'static str,
    /// This occurrence.
    instance: String,
    /// Identity of the request, also in `x-request-id`.
    request_id: &'a str,
    /// Wrong fields.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    /// RFC 6749, section 5.2; at the token endpoint only.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// Seconds after which it goes away; of an item of a batch only, elsewhere `Retry-After` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after: Option<u64>,
}
