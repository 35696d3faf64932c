use std::pin::pin;

use futures_util::future::poll_immediate;

use super::*;
use crate::clock::{ManualClock, Micros};

/// One place, and one more that waits in each lane.
fn one_place(config: &LanesConfig) -> (Arc<Lanes>, Clock, ManualClock) {
    let config = LanesConfig { places: 1, bulk_places: 1, ..*config };
    let (clock, hand) = Clock::manual(Micros(1_000_000));
    (Lanes::new(&config, clock.clone(), Arc::new(Metrics::new())), clock, hand)
}

fn desk() -> ClientId {
    ClientId::parse("desk").unwrap()
}

fn within(clock: &Clock, ms: u64) -> Deadline {
    Deadline::after(clock.monotonic_nanos(), Duration::from_millis(ms))
}

fn counts(lanes: &Lanes, lane: Lane) -> (usize, usize) {
    lanes.lock().counts(lane)
}

#[tokio::test]
async fn a_free_place_is_taken_without_waiting_and_given_back_when_dropped() {
    let (lanes, clock, _hand) = one_place(&LanesConfig::default());
    let desk = desk();
    for lane in Lane::ALL {
        let entering = lanes.enter(lane, &desk, within(&clock, 100));
        let pass = poll_immediate(pin!(entering)).await.expect("at once").unwrap();
        assert_eq!((pass.lane(), counts(&lanes, lane)), (lane, (0, 1)));
        drop(pass);
        assert_eq!(counts(&lanes, lane), (0, 0));
    }
}

#[tokio::test]
async fn who_waits_gets_the_place_and_who_was_dropped_does_not() {
    let (lanes, clock, _hand) = one_place(&LanesConfig::default());
    let deadline = within(&clock, 60_000);
    let desk = desk();
    let first = lanes.enter(Lane::Interactive, &desk, deadline).await.unwrap();
    let mut second = Box::pin(lanes.enter(Lane::Interactive, &desk, deadline));
    let mut third = Box::pin(lanes.enter(Lane::Bulk, &desk, deadline));
    assert!(poll_immediate(&mut second).await.is_none());
    assert!(poll_immediate(&mut third).await.is_none());
    drop(second);
    assert_eq!(counts(&lanes, Lane::Interactive), (0, 1));
    drop(first);
    let pass = third.await.unwrap();
    assert_eq!(pass.lane(), Lane::Bulk);
}

#[tokio::test]
async fn a_place_that_was_just_given_to_who_hangs_up_goes_to_the_next() {
    let (lanes, clock, _hand) = one_place(&LanesConfig::default());
    let deadline = within(&clock, 60_000);
    let desk = desk();
    let first = lanes.enter(Lane::Interactive, &desk, deadline).await.unwrap();
    let mut waiting: Vec<_> =
        (0..50).map(|_| Box::pin(lanes.enter(Lane::Interactive, &desk, deadline))).collect();
    for one in &mut waiting {
        assert!(poll_immediate(one).await.is_none());
    }
    let last = waiting.pop().unwrap();
    drop(first);
    // The place is with the first of them now, which has not looked yet; then with the next.
    for one in waiting {
        assert_eq!(counts(&lanes, Lane::Interactive).1, 1);
        drop(one);
    }
    let pass = last.await.unwrap();
    drop(pass);
    assert_eq!(counts(&lanes, Lane::Interactive), (0, 0));
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_shed_before_each_stage() {
    let (lanes, clock, hand) = one_place(&LanesConfig::default());
    let deadline = within(&clock, 5);
    let pass = lanes.enter(Lane::Interactive, &desk(), deadline).await.unwrap();
    pass.check().unwrap();
    hand.advance(5_000);
    let told_to_wait = Shed { retry_after: Duration::from_secs(1) };
    assert_eq!(pass.check().unwrap_err(), told_to_wait);
    drop(pass);
    let late = lanes.enter(Lane::Interactive, &desk(), deadline).await.unwrap_err();
    assert_eq!((late, counts(&lanes, Lane::Interactive)), (told_to_wait, (0, 0)));
}

#[tokio::test]
async fn who_waits_is_shed_when_its_deadline_comes() {
    let (lanes, clock, _hand) = one_place(&LanesConfig::default());
    let desk = desk();
    let _held = lanes.enter(Lane::Bulk, &desk, within(&clock, 60_000)).await.unwrap();
    // The runtime's own clock ends it: that of the test stands still.
    let shed = lanes.enter(Lane::Emergency, &desk, within(&clock, 20)).await.unwrap_err();
    assert_eq!(shed.retry_after, Duration::from_secs(1));
    assert_eq!(counts(&lanes, Lane::Emergency), (0, 0));
}

#[tokio::test]
async fn a_queue_that_would_outlive_the_deadline_is_not_joined_and_says_when_to_come_again() {
    let (lanes, clock, hand) = one_place(&LanesConfig::default());
    let desk = desk();
    let slow = lanes.enter(Lane::Interactive, &desk, within(&clock, 9_000)).await.unwrap();
    hand.advance(4_000_000);
    drop(slow);
    // Four seconds each from here on.
    let _held = lanes.enter(Lane::Interactive, &desk, within(&clock, 9_000)).await.unwrap();
    let shed = lanes.enter(Lane::Interactive, &desk, within(&clock, 500)).await.unwrap_err();
    assert_eq!(shed.retry_after, Duration::from_millis(3_500));
    let mut first = Box::pin(lanes.enter(Lane::Interactive, &desk, within(&clock, 9_000)));
    let mut second = Box::pin(lanes.enter(Lane::Interactive, &desk, within(&clock, 9_000)));
    assert!(poll_immediate(&mut first).await.is_none());
    assert!(poll_immediate(&mut second).await.is_none());
    let shed = lanes.enter(Lane::Interactive, &desk, within(&clock, 9_000)).await.unwrap_err();
    assert_eq!(shed.retry_after, Duration::from_secs(3), "twelve seconds for nine");
}

#[tokio::test]
async fn a_queue_that_is_full_takes_nobody() {
    let config = LanesConfig { queue_items_max: 1, ..LanesConfig::default() };
    let (lanes, clock, _hand) = one_place(&config);
    let (desk, deadline) = (desk(), within(&clock, 60_000));
    let _held = lanes.enter(Lane::Bulk, &desk, deadline).await.unwrap();
    let mut waiting = Box::pin(lanes.enter(Lane::Interactive, &desk, deadline));
    assert!(poll_immediate(&mut waiting).await.is_none());
    lanes.enter(Lane::Interactive, &desk, deadline).await.unwrap_err();
    // Another lane has a queue of its own.
    let mut other = Box::pin(lanes.enter(Lane::Emergency, &desk, deadline));
    assert!(poll_immediate(&mut other).await.is_none());
}

#[tokio::test]
async fn a_stop_ends_all_waiting() {
    let (lanes, clock, _hand) = one_place(&LanesConfig::default());
    let (desk, deadline) = (desk(), within(&clock, 60_000));
    let held = lanes.enter(Lane::Interactive, &desk, deadline).await.unwrap();
    let mut waiting = Box::pin(lanes.enter(Lane::Interactive, &desk, deadline));
    assert!(poll_immediate(&mut waiting).await.is_none());
    lanes.close();
    waiting.await.unwrap_err();
    lanes.enter(Lane::Emergency, &desk, deadline).await.unwrap_err();
    drop(held);
    lanes.enter(Lane::Emergency, &desk, deadline).await.unwrap();
}

#[tokio::test]
async fn a_file_alone_has_many_on_their_way_until_a_desk_comes() {
    let (clock, hand) = Clock::manual(Micros(1_000_000));
    let lanes = LanesConfig { bulk_places: 2, bulk_places_alone: 20, ..LanesConfig::default() };
    let lanes = Lanes::new(&lanes, clock.clone(), Arc::new(Metrics::new()));
    let (desk, file) = (desk(), ClientId::parse("file").unwrap());
    let deadline = within(&clock, 600_000);
    let mut on_their_way = std::collections::VecDeque::new();
    for _ in 0..20 {
        on_their_way.push_back(lanes.enter(Lane::Bulk, &file, deadline).await.unwrap());
    }
    let mut waiting: Vec<_> =
        (0..50).map(|_| Box::pin(lanes.enter(Lane::Bulk, &file, deadline))).collect();
    for one in &mut waiting {
        assert!(poll_immediate(one).await.is_none());
    }
    let first = poll_immediate(pin!(lanes.enter(Lane::Interactive, &desk, deadline))).await;
    drop(first.expect("it does not wait").unwrap());
    while on_their_way.len() > 1 {
        on_their_way.pop_front();
    }
    assert_eq!(counts(&lanes, Lane::Bulk), (49, 2));
    hand.advance(1_000_000);
    drop(on_their_way);
    assert_eq!(counts(&lanes, Lane::Bulk), (30, 20));
}

#[tokio::test]
async fn what_lanes_do_can_be_seen() {
    let (lanes, clock, _hand) = one_place(&LanesConfig::default());
    let (desk, deadline) = (desk(), within(&clock, 60_000));
    let held = lanes.enter(Lane::Emergency, &desk, deadline).await.unwrap();
    let mut waiting = Box::pin(lanes.enter(Lane::Bulk, &desk, deadline));
    assert!(poll_immediate(&mut waiting).await.is_none());
    lanes.enter(Lane::Interactive, &desk, within(&clock, 0)).await.unwrap_err();
    lanes.tell();
    let text = lanes.metrics.handle().render();
    for line in [
        "gateway_lane_waiting{lane=\"bulk\"} 1",
        "gateway_lane_in_flight{lane=\"emergency\"} 1",
        "gateway_lane_shed_total{lane=\"interactive\"} 1",
        "gateway_emergency_requests_total{client=\"desk\"} 1",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is not in {text}");
    }
    drop(held);
    drop(waiting.await.unwrap());
    lanes.tell();
    let text = lanes.metrics.handle().render();
    assert!(text.contains("gateway_lane_waited_seconds_count{lane=\"bulk\"} 1"), "{text}");
}
