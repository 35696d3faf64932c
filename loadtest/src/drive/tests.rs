use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;

use super::*;
use crate::material::{Caller, Kind, made_up_people};

/// A load of echoes over `connections` on whatever `router` serves.
async fn load(router: Router, connections: u32) -> Load {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::local(listener.local_addr().unwrap().port());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let caller = Caller { token: "t", kind: Kind::Carrier, purpose: "telecom.subscriber" };
    let ring = Arc::new(Ring::build(&endpoint, caller, &made_up_people()));
    Load { endpoint, ring, judge: Judge::SampledEchoes, connections, sources: Vec::new() }
}

fn echo() -> Router {
    Router::new().route("/v1/verifications", post(|body: Bytes| async { body }))
}

/// Echoes, but for the one request that stalls.
fn stalling(stalled: u64, stall: Duration) -> Router {
    let seen = Arc::new(AtomicU64::new(0));
    let answer = move |body: Bytes| {
        let index = seen.fetch_add(1, Ordering::Relaxed);
        async move {
            if index == stalled {
                tokio::time::sleep(stall).await;
            }
            body
        }
    };
    Router::new().route("/v1/verifications", post(answer))
}

#[tokio::test]
async fn the_open_loop_sends_every_arrival_once() {
    let schedule = Schedule::new(1_000, Duration::from_millis(200));
    let tally = open_loop(&load(echo(), 8).await, schedule).await.unwrap();
    assert_eq!((tally.good, tally.failed(), tally.wrong), (200, 0, 0));
}

#[tokio::test]
async fn a_stall_counts_for_everybody_who_arrived_meanwhile() {
    let schedule = Schedule::new(500, Duration::from_millis(400));
    let stall = Duration::from_millis(300);
    let tally = open_loop(&load(stalling(0, stall), 1).await, schedule).await.unwrap();
    assert_eq!(tally.good, 200);
    // One request stalled for 300 ms, and 150 arrived behind it. A closed loop would see a median
    // below a millisecond.
    assert!(tally.latency_ms(0.5) > 50.0, "{}", tally.latency_ms(0.5));
    assert!(tally.latency_ms(1.0) >= 300.0, "{}", tally.latency_ms(1.0));
}

#[tokio::test]
async fn what_is_never_answered_or_never_sent_has_failed() {
    let schedule = Schedule::new(100, Duration::from_millis(100));
    let load = load(stalling(4, Duration::from_mins(1)), 1).await;
    let tally = open_loop(&load, schedule).await.unwrap();
    assert_eq!((tally.good, tally.failed()), (4, 6));
    assert_eq!((tally.errors["no answer"], tally.errors["unsent"]), (1, 5));
    assert!(tally.latency_ms(1.0) >= 5_000.0);
}

#[tokio::test]
async fn the_closed_loop_counts_what_was_answered_in_time() {
    let tally = closed_loop(&load(echo(), 4).await, Duration::from_millis(100)).await.unwrap();
    assert!(tally.good > 50, "{}", tally.good);
    assert_eq!((tally.failed(), tally.wrong), (0, 0));
}

#[tokio::test]
async fn errors_are_counted_by_status_and_code() {
    let refuse = || async { (StatusCode::TOO_MANY_REQUESTS, r#"{"code":"rate-limited"}"#) };
    let router = Router::new().route("/v1/verifications", post(refuse));
    let schedule = Schedule::new(100, Duration::from_millis(50));
    let tally = open_loop(&load(router, 2).await, schedule).await.unwrap();
    assert_eq!((tally.good, tally.errors["429 rate-limited"]), (0, 5));
}

#[tokio::test]
async fn an_echo_that_changes_the_body_is_wrong() {
    let router = Router::new().route("/v1/verifications", post(|| async { "something else" }));
    let schedule = Schedule::new(100, Duration::from_millis(10));
    let tally = open_loop(&load(router, 1).await, schedule).await.unwrap();
    assert_eq!(tally.wrong, 1);
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error_and_not_a_hot_loop() {
    let mut load = load(echo(), 2).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    load.endpoint = Endpoint::local(listener.local_addr().unwrap().port());
    drop(listener);
    let tally = closed_loop(&load, Duration::from_millis(100)).await.unwrap();
    assert_eq!(tally.good, 0);
    assert!((1..=24).contains(&tally.errors["cannot connect"]), "{:?}", tally.errors);
}
