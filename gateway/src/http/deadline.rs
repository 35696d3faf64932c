//! The `Request-Deadline-Ms` field: how long the caller will wait for its answer.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::http::HeaderMap;

use super::call::Call;
use super::code::Code;
use super::error::{FieldError, Problem};
use crate::rate_limit::Deadline;

/// Name of the field.
pub(super) const FIELD: &str = "request-deadline-ms";
/// How it is described.
pub(super) const DESCRIPTION: &str = "How long the caller waits for the answer, in milliseconds from when the head of the request has come in: 1 to 30000, 3000 where it is left out. What cannot be answered by then gets 503 `overloaded`, at once where that can be seen, and is not recorded.";
/// What it may say, in milliseconds.
const ALLOWED_MS: RangeInclusive<u64> = 1..=30_000;

/// Notes the deadline that a request names.
///
/// # Errors
/// 400 for a field that is not well formed or comes twice.
pub(super) fn note(call: &Call, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(allowed) = read_field(headers)? else { return Ok(()) };
    // The gateway gives every request up after a while.
    let at_most = Duration::from_millis(call.app.config.server.request_timeout_ms);
    let deadline = Deadline::after(call.exchange.received_nanos, allowed.min(at_most));
    call.exchange.ask_deadline(deadline);
    Ok(())
}

fn read_field(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let mut values = headers.get_all(FIELD).iter();
    let Some(value) = values.next() else { return Ok(None) };
    // A number as Rust reads it may begin with a sign.
    let text = value.to_str().ok().map(str::trim);
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let ms = digits.and_then(|text| text.parse().ok()).filter(|ms| ALLOWED_MS.contains(ms));
    let malformed = || {
        let error = FieldError { pointer: "/Request-Deadline-Ms".into(), code: "malformed" };
        Problem::with_errors(Code::InvalidRequest, vec![error])
    };
    let ms = ms.filter(|_| values.next().is_none()).ok_or_else(malformed)?;
    Ok(Some(Duration::from_millis(ms)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_deadline_is_a_whole_number_of_milliseconds_once() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(FIELD, HeaderValue::from_static(value));
            }
            read_field(&headers).map_err(|problem| problem.errors()[0].pointer.clone())
        };
        let ms = |ms| Ok(Some(Duration::from_millis(ms)));
        assert_eq!(read(&[]), Ok(None));
        for (text, good) in [("1", 1), ("30000", 30_000), (" 250 ", 250), ("0099", 99)] {
            assert_eq!(read(&[text]), ms(good), "{text}");
        }
        let wrong = ["", "0", "30001", "-1", "+5", "1.5", "1e3", "3 s", "99999999999999999999"];
        for text in wrong {
            assert_eq!(read(&[text]).unwrap_err(), "/Request-Deadline-Ms", "{text}");
        }
        assert!(read(&["5", "5"]).is_err());
    }
}
