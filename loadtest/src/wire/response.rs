//! Just enough of a response: status, where the body is, whether the connection stays open.
//!
//! Only answers with a `Content-Length` are understood. All systems that we compare send one; a
//! chunked answer is refused by name rather than misread.

/// Longest head that is read; the systems under load send a few hundred bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Longest body that is read; a verification answers in about one kilobyte.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A response head that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Status code.
    pub(super) status: u16,
    /// Where the body begins.
    pub(super) body_at: usize,
    /// How long the body is.
    pub(super) body_bytes: usize,
    /// The server closes the connection after this answer.
    pub(super) closes: bool,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResponseError {
    /// Not HTTP/1.1, or a line that is no header.
    #[error("the answer is not HTTP/1.1")]
    Malformed,
    /// Neither a length nor a status without body.
    #[error("the answer has no content-length")]
    NoLength,
    /// `Transfer-Encoding`, which these generators do not speak.
    #[error("the answer is chunked, which the load tester does not speak")]
    Chunked,
    /// Head or body above the limit.
    #[error("the answer is too long")]
    TooLong,
}

/// Reads the head at the start of `bytes`; `None` while it is incomplete.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Option<Head>, ResponseError> {
    let Some((status_line, mut at)) = line_at(bytes, 0) else {
        return unfinished(bytes);
    };
    let status = parse_status(status_line)?;
    let mut length = None;
    let mut closes = false;
    loop {
        let Some((line, next)) = line_at(bytes, at) else {
            return unfinished(bytes);
        };
        at = next;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|&byte| byte == b':').ok_or(ResponseError::Malformed)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            length = Some(parse_length(value)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(ResponseError::Chunked);
        } else if name.eq_ignore_ascii_case(b"connection") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    let body_bytes = match (length, status) {
        (_, 204 | 304) => 0,
        (Some(length), _) => length,
        (None, _) => return Err(ResponseError::NoLength),
    };
    Ok(Some(Head { status, body_at: at, body_bytes, closes }))
}

fn unfinished(bytes: &[u8]) -> Result<Option<Head>, ResponseError> {
    if bytes.len() > HEAD_BYTES_MAX {
        return Err(ResponseError::TooLong);
    }
    Ok(None)
}

/// The line that starts at `start`, without its end, and where the next one starts.
fn line_at(bytes: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let rest = &bytes[start..];
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let line = &rest[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), start + end + 1))
}

fn parse_status(line: &[u8]) -> Result<u16, ResponseError> {
    let digits = line
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .ok_or(ResponseError::Malformed)?;
    match digits.parse() {
        // An interim answer would come before the real one; nothing that we send asks for one.
        Ok(status @ 200..=599) => Ok(status),
        _ => Err(ResponseError::Malformed),
    }
}

fn parse_length(value: &[u8]) -> Result<usize, ResponseError> {
    let length = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse::<usize>().ok())
        .ok_or(ResponseError::Malformed)?;
    if length > BODY_BYTES_MAX {
        return Err(ResponseError::TooLong);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 2\r\n\r\n{}";

    #[test]
    fn a_head_is_found_only_once_it_is_whole() {
        let body_at = ANSWER.len() - 2;
        for end in 0..body_at {
            assert_eq!(parse_head(&ANSWER[..end]), Ok(None), "{end}");
        }
        let head = Head { status: 200, body_at, body_bytes: 2, closes: false };
        assert_eq!(parse_head(&ANSWER[..body_at]), Ok(Some(head)));
        assert_eq!(parse_head(ANSWER), Ok(Some(head)));
    }

    #[test]
    fn a_chunked_answer_is_refused_by_name() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(parse_head(answer), Err(ResponseError::Chunked));
    }

    #[test]
    fn an_answer_without_length_is_refused_unless_it_has_no_body() {
        assert_eq!(parse_head(b"HTTP/1.1 200 OK\r\n\r\n"), Err(ResponseError::NoLength));
        let none = parse_head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((none.status, none.body_bytes), (204, 0));
    }

    #[test]
    fn a_closing_connection_is_noticed() {
        let answer = b"HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert!(parse_head(answer).unwrap().unwrap().closes);
    }

    #[test]
    fn nonsense_and_endless_answers_are_refused() {
        let endless = [b"HTTP/1.1 200 OK\r\nx: ".as_slice(), &[b'a'; HEAD_BYTES_MAX]].concat();
        assert_eq!(parse_head(&endless), Err(ResponseError::TooLong));
        let long = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n";
        assert_eq!(parse_head(long), Err(ResponseError::TooLong));
        for answer in ["SSH-2.0-x\r\n", "HTTP/1.1 100 \r\n\r\n", "HTTP/1.1 200 OK\r\nnone\r\n\r\n"]
        {
            assert_eq!(parse_head(answer.as_bytes()), Err(ResponseError::Malformed), "{answer}");
        }
    }
}
