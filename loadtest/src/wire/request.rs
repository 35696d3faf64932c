//! The bytes of one request, built once and sent many times.

use super::Endpoint;

/// A POST, part by part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'a> {
    /// Path and nothing else.
    pub(crate) path: &'a str,
    /// The whole value of `Authorization`.
    pub(crate) authorization: &'a str,
    /// Media type of the body.
    pub(crate) content_type: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Post<'_> {
    /// The request on the wire. The body is its tail.
    pub(crate) fn bytes(&self, endpoint: &Endpoint) -> Vec<u8> {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nContent-Type: {}\r\n\
             Content-Length: {}\r\n\r\n",
            self.path,
            endpoint.authority(),
            self.authorization,
            self.content_type,
            self.body.len(),
        );
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body);
        bytes
    }
}

/// A GET of a path with a bearer token, on the wire.
pub(crate) fn get(endpoint: &Endpoint, path: &str, bearer: &str) -> Vec<u8> {
    let host = endpoint.authority();
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {bearer}\r\n\r\n")
        .into_bytes()
}

/// A POST of a form without `Authorization`, on the wire.
pub(crate) fn form(endpoint: &Endpoint, path: &str, body: &str) -> Vec<u8> {
    let (host, length) = (endpoint.authority(), body.len());
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_host_and_the_length_in_bytes() {
        let post = Post {
            path: "/v1/verifications",
            authorization: "Bearer abc",
            content_type: "application/json",
            body: "Hoà".as_bytes(),
        };
        let text = String::from_utf8(post.bytes(&Endpoint::local(81))).unwrap();
        assert_eq!(
            text,
            "POST /v1/verifications HTTP/1.1\r\nHost: 127.0.0.1:81\r\n\
             Authorization: Bearer abc\r\nContent-Type: application/json\r\n\
             Content-Length: 4\r\n\r\nHoà"
        );
    }
}
