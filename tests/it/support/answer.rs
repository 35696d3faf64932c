//! An answer of the gateway, and what must hold of every refusal.

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use gateway::http::Code;
use serde_json::Value;

/// Status, header fields and body.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// Reads what came over the wire.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body comes whole");
        Self { status, headers, text }
    }

    /// Reads what an edge answered without a wire.
    pub async fn of_edge(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("the body comes whole");
        let text = String::from_utf8(body.to_vec()).expect("the body is UTF-8");
        Self { status: head.status.as_u16(), headers: head.headers, text }
    }

    /// One header field; none where it is missing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("header fields are ASCII"))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("not JSON: {error}: {}", self.text))
    }

    /// The body of a 200.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// The problem document of a refusal, after everything that design section 5 says of all of
    /// them was checked.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{code}: {}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{code}");
        let document = self.json();
        let known = Code::ALL.into_iter().map(Code::explained).find(|known| known.code == code);
        let known = known.unwrap_or_else(|| panic!("{code} is not in the published table"));
        let request_id = self.header("x-request-id").expect("every answer has an identity");
        assert_eq!(known.status.as_u16(), status, "{code}");
        assert_eq!(document["code"], code);
        assert_eq!(document["status"], status);
        assert_eq!(document["type"], format!("/docs/problems#{code}"));
        assert_eq!(document["title"], known.status.canonical_reason().expect("a known status"));
        assert_eq!(document["request_id"], request_id);
        assert_eq!(document["instance"], format!("urn:request:{request_id}"));
        let detail = match self.header("content-language") {
            Some("vi") => known.vi,
            Some("en") => known.en,
            other => panic!("{code} is told in {other:?}"),
        };
        assert_eq!(document["detail"], detail);
        let members = ["type", "title", "status", "code", "detail", "instance", "request_id"];
        for member in document.as_object().expect("an object").keys() {
            let expected = members.contains(&member.as_str());
            assert!(expected || member == "errors" || member == "error", "{code}: {member}");
        }
        document
    }

    /// Pointer and code of every wrong field, in the order they were told.
    pub fn field_errors(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let document = self.json();
        let errors = document["errors"].as_array().expect("errors are listed");
        errors.iter().map(|error| (text(&error["pointer"]), text(&error["code"]))).collect()
    }

    /// Seconds that `Retry-After` asks to wait.
    pub fn retry_after(&self) -> u64 {
        let text = self.header("retry-after").expect("Retry-After says when");
        text.parse().expect("Retry-After is in whole seconds")
    }

    /// The part of the body that two answers to different requests may have in common.
    pub fn without_identity(&self) -> String {
        let request_id = self.header("x-request-id").expect("every answer has an identity");
        self.text.replace(request_id, "{request_id}")
    }
}
