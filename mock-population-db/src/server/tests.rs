//! The HTTP interface from outside: the golden bytes pin the contract that callers are written
//! against.

use axum::http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

use super::*;
use crate::DEFAULT_SEED;

const KEY: &str = "the-key-of-the-gateway";
const REQUEST: &str = include_str!("golden/request.json");
const RESPONSE: &str = include_str!("golden/response.json");

fn post(body: impl Into<Body>) -> Request {
    Request::post("/v1/persons/batch-get")
        .header(AUTHORIZATION, format!("Bearer {KEY}"))
        .body(body.into())
        .expect("a request")
}

async fn answer(request: Request) -> (StatusCode, String) {
    let register = Register::new(Arc::new(Nation::new(DEFAULT_SEED)), Settings::new(KEY));
    let response = router(register).oneshot(request).await.expect("infallible");
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, String::from_utf8(body.into()).expect("UTF-8"))
}

async fn refusal(request: Request) -> (u16, String) {
    let (status, body) = answer(request).await;
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    (status.as_u16(), body["error"].as_str().expect("an error text").to_owned())
}

fn batch_of(items: usize) -> String {
    let item = r#"{"key":{"personal_id":"001090012345"},"fields":[]}"#;
    format!(r#"{{"items":[{}]}}"#, vec![item; items].join(","))
}

#[tokio::test]
async fn request_and_response_are_these_bytes() {
    let (status, body) = answer(post(REQUEST)).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, RESPONSE.trim_end()));
}

#[tokio::test]
async fn escapes_in_a_key_are_understood() {
    let plain = r#"{"items":[{"key":{"personal_id":"066187225060"},"fields":[]}]}"#;
    let (_, expected) = answer(post(plain)).await;
    assert!(expected.contains("066187225060"));
    assert_eq!(answer(post(plain.replace("066187", "\\u003066187"))).await.1, expected);
}

#[tokio::test]
async fn only_the_holder_of_the_key_is_answered() {
    let wrong =
        ["Bearer wrong", "Bearer ", "Basic the-key-of-the-gateway", "the-key-of-the-gateway"];
    for presented in wrong.into_iter().map(str::to_owned).chain([
        format!("Bearer {KEY}x"),
        format!("Bearer {}", &KEY[1..]),
        format!("Bearer {}", &KEY[..KEY.len() - 1]),
    ]) {
        let mut request = post(REQUEST);
        let value = presented.parse().expect("a header value");
        request.headers_mut().insert(AUTHORIZATION, value);
        let expected = (401, "a valid bearer key is required".to_owned());
        assert_eq!(refusal(request).await, expected, "{presented}");
    }
    let mut request = post(REQUEST);
    request.headers_mut().remove(AUTHORIZATION);
    assert_eq!(refusal(request).await.0, 401);
}

#[tokio::test]
async fn a_batch_has_one_to_a_thousand_items() {
    for items in [1, 1_000] {
        assert_eq!(answer(post(batch_of(items))).await.0, StatusCode::OK);
    }
    for items in [0, 1_001] {
        let expected = format!("a batch has 1 to 1000 items, this one has {items}");
        assert_eq!(refusal(post(batch_of(items))).await, (400, expected));
    }
}

#[tokio::test]
async fn what_is_not_in_the_contract_is_refused() {
    let bodies = [
        "",
        "{",
        "[]",
        "{}",
        r#"{"items":{}}"#,
        r#"{"items":[],"more":1}"#,
        r#"{"items":[{"key":{"personal_id":"001092162308"}}]}"#,
        r#"{"items":[{"key":{"personal_id":"001092162308"},"fields":["phone"]}]}"#,
        r#"{"items":[{"key":{"personal_id":"001092162308"},"fields":[],"why":"x"}]}"#,
        r#"{"items":[{"key":{"passport":"B1234567"},"fields":[]}]}"#,
        r#"{"items":[{"key":{"personal_id":1092162308},"fields":[]}]}"#,
        r#"{"items":[{"key":{},"fields":[]}]}"#,
        r#"{"items":[{"key":{"personal_id":"1","old_id_number":"2"},"fields":[]}]}"#,
    ];
    for body in bodies {
        assert_eq!(refusal(post(body)).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn a_refusal_never_repeats_what_was_sent() {
    let body = r#"{"items":[{"key":{"secret-key":"secret-value"},"fields":["secret-field"]}]}"#;
    let (_, error) = refusal(post(body)).await;
    assert_eq!(error, "the body is not a batch: line 1, column 30");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let mut body = batch_of(1);
    body.push_str(&" ".repeat(BODY_BYTES_MAX - body.len()));
    assert_eq!(answer(post(body.clone())).await.0, StatusCode::OK);
    body.push(' ');
    assert_eq!(refusal(post(body)).await, (413, "the body has more than 1048576 bytes".to_owned()));
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let request = |method: Method, path: &str| {
        Request::builder().method(method).uri(path).body(Body::empty()).expect("a request")
    };
    assert_eq!(refusal(request(Method::GET, "/")).await.0, 404);
    assert_eq!(refusal(request(Method::GET, "/v1/persons/batch-get")).await.0, 405);
}

#[tokio::test]
async fn the_server_answers_on_its_listener_until_told_to_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let nation = Arc::new(Nation::new(DEFAULT_SEED));
    let server = tokio::spawn(serve(listener, nation, Settings::new(KEY), async {
        drop(stopped.await);
    }));

    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = "GET /livez HTTP/1.1\r\nhost: register\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("the response is read");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");

    drop(stop);
    server.await.expect("no panic").expect("no error");
    assert!(TcpStream::connect(address).await.is_err());
}
