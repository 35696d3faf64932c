use std::num::NonZeroU32;

use super::super::terms::{Lane, Quotas};
use super::*;
use crate::clock::{ManualClock, Micros};

fn id(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

fn terms(rate: u32, burst: u32, of_officials: Option<(u32, u32)>) -> Terms {
    Terms {
        limits: Limits::new(rate, burst).unwrap(),
        official_limits: of_officials.map(|(rate, burst)| Limits::new(rate, burst).unwrap()),
        concurrency: NonZeroU32::MIN,
        quotas: Quotas::default(),
        lane: Lane::Interactive,
    }
}

fn limits(of: &[(&str, Terms)], start: Micros) -> (ClientLimits, ManualClock) {
    let (clock, hand) = Clock::manual(start);
    let limits = ClientLimits::new(clock);
    limits.replace(of.iter().map(|(name, terms)| (id(name), *terms)));
    (limits, hand)
}

/// How many of so many tries pass.
async fn admitted(limits: &ClientLimits, asking: Asking<'_>, tries: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..tries {
        admitted += usize::from(limits.admit(asking).await.is_ok());
    }
    admitted
}

fn asking(client: &ClientId) -> Asking<'_> {
    Asking { client, acted_for: None, official: None }
}

#[tokio::test]
async fn never_more_than_burst_and_rate_times_time() {
    let (client, (limits, hand)) = (id("a"), limits(&[("a", terms(50, 100, None))], Micros(1)));
    assert_eq!(admitted(&limits, asking(&client), 500).await, 100);
    hand.advance(999_000);
    assert_eq!(admitted(&limits, asking(&client), 500).await, 49);
    assert_eq!(limits.state(&client).unwrap().remaining, 0);
    hand.advance(3_000_000);
    assert_eq!(limits.state(&client).unwrap().remaining, 100);
    assert_eq!(admitted(&limits, asking(&client), 500).await, 100);
    let limited = limits.admit(asking(&client)).await.unwrap_err();
    assert!(limited.retry_after <= Duration::from_millis(20));
}

#[tokio::test]
async fn a_refusal_by_one_limit_takes_nothing_of_the_others() {
    let all = [("a", terms(50, 100, Some((1, 2)))), ("b", terms(1, 3, None))];
    let (limits, _) = limits(&all, Micros(1));
    let (own, other) = (id("a"), id("b"));
    let official = Asking { official: Some([7; 8]), ..asking(&own) };
    assert_eq!(admitted(&limits, official, 9).await, 2);
    assert_eq!(admitted(&limits, Asking { official: Some([8; 8]), ..official }, 9).await, 2);
    assert_eq!(limits.state(&own).unwrap().remaining, 96);
    let acting = Asking { acted_for: Some(&other), ..asking(&own) };
    assert_eq!(admitted(&limits, acting, 9).await, 3);
    let both = [limits.state(&own), limits.state(&other)].map(|it| it.unwrap().remaining);
    assert_eq!(both, [93, 0]);
    // Who acts for itself meets one limit.
    let acting = Asking { acted_for: Some(&own), ..asking(&own) };
    assert_eq!(admitted(&limits, acting, 500).await, 93);
}

#[tokio::test]
async fn what_is_given_back_was_never_taken() {
    let all = [("a", terms(1, 2, None)), ("b", terms(1, 2, None))];
    let (limits, _) = limits(&all, Micros(1));
    let (own, other) = (id("a"), id("b"));
    let acting = Asking { acted_for: Some(&other), ..asking(&own) };
    let mut admission = limits.admit(acting).await.unwrap();
    admission.units().unwrap().give_back();
    assert!(admission.units().is_none());
    let both = [limits.state(&own), limits.state(&other)].map(|it| it.unwrap().remaining);
    assert_eq!(both, [2, 2]);
}

#[tokio::test]
async fn other_limits_act_at_once_and_what_was_used_stays_used() {
    let (client, (limits, hand)) = (id("a"), limits(&[("a", terms(50, 100, None))], Micros(1)));
    assert_eq!(admitted(&limits, asking(&client), 500).await, 100);
    limits.replace([(id("a"), terms(10, 20, None))]);
    assert_eq!(admitted(&limits, asking(&client), 500).await, 0);
    hand.advance(1_000_000);
    assert_eq!(admitted(&limits, asking(&client), 500).await, 10);
    // The same again changes nothing.
    limits.replace([(id("a"), terms(10, 20, None))]);
    assert_eq!(admitted(&limits, asking(&client), 500).await, 0);
    limits.replace([]);
    assert!(limits.admit(asking(&client)).await.is_err());
}

#[tokio::test]
async fn who_leaves_and_comes_back_has_used_what_it_had_used() {
    let (client, (limits, hand)) = (id("a"), limits(&[("a", terms(10, 20, None))], Micros(1)));
    let authenticated =
        |tries| (0..tries).filter(|_| limits.admit_authentication(&client).is_ok()).count();
    assert_eq!(admitted(&limits, asking(&client), 50).await, 20);
    assert_eq!(authenticated(50), 20);
    limits.replace([]);
    limits.tidy();
    hand.advance(500_000);
    limits.replace([(id("a"), terms(10, 20, None))]);
    assert_eq!((admitted(&limits, asking(&client), 50).await, authenticated(50)), (5, 5));
    limits.replace([]);
    hand.advance(2_000_000);
    limits.tidy();
    assert_eq!(limits.limiters.read().unwrap().gone.len(), 0);
}

#[tokio::test]
async fn what_was_taken_before_a_change_of_policy_comes_back_after_it() {
    let (client, (limits, _)) = (id("a"), limits(&[("a", terms(10, 20, None))], Micros(1)));
    let mut admissions = Vec::new();
    for _ in 0..20 {
        admissions.push(limits.admit(asking(&client)).await.unwrap());
    }
    limits.replace([(id("a"), terms(20, 40, None))]);
    for mut admission in admissions {
        admission.units().unwrap().give_back();
    }
    assert!(limits.state(&client).unwrap().remaining >= 20);
}

#[tokio::test]
async fn officials_are_forgotten_when_nothing_is_owed() {
    let all = [("a", terms(50, 100, Some((1, 2))))];
    let (client, (limits, hand)) = (id("a"), limits(&all, Micros(1)));
    for official in 0..9 {
        let official = Some([official; 8]);
        limits.admit(Asking { official, ..asking(&client) }).await.unwrap();
    }
    limits.tidy();
    assert_eq!(limits.officials.read().unwrap()[&client].len(), 9);
    hand.advance(1_000_000);
    limits.tidy();
    assert_eq!(limits.officials.read().unwrap().len(), 0);
}

#[tokio::test]
async fn an_official_who_is_found_to_be_known_meets_its_limit_after_the_others() {
    let all = [("a", terms(1, 20, Some((1, 2)))), ("b", terms(1, 20, Some((1, 2))))];
    let (limits, _) = limits(&all, Micros(1));
    let (client, official) = (id("a"), [7; 8]);
    assert!(!limits.remembers(&client, official));
    let admit = async || {
        let admission = limits.admit(asking(&client)).await.unwrap();
        limits.admit_official(admission, &client, official).await
    };
    admit().await.unwrap();
    assert!(limits.remembers(&client, official) && !limits.remembers(&id("b"), official));
    let mut second = admit().await.unwrap();
    admit().await.unwrap_err();
    assert_eq!(limits.state(&client).unwrap().remaining, 18, "a refusal takes nothing");
    second.units().unwrap().give_back();
    assert_eq!(limits.state(&client).unwrap().remaining, 19);
    admit().await.unwrap();
}

#[tokio::test]
async fn the_officials_of_one_client_leave_room_for_those_of_others() {
    let all = [("a", terms(1, 9, Some((1, 1)))), ("b", terms(1, 9, Some((1, 1))))];
    let (limits, _) = limits(&all, Micros(1));
    let (full, other) = (id("a"), id("b"));
    let one = |number: usize| (number as u64).to_be_bytes();
    let of = Limits::new(1, 1).unwrap();
    for number in 0..OFFICIALS_MAX {
        limits.official_limit(&full, one(number), of).unwrap();
    }
    assert!(limits.official_limit(&full, one(OFFICIALS_MAX), of).is_err());
    let official = Some(one(OFFICIALS_MAX));
    limits.admit(Asking { official, ..asking(&other) }).await.unwrap();
}

#[tokio::test]
async fn authentications_have_a_limit_of_their_own() {
    let (client, (limits, hand)) = (id("a"), limits(&[("a", terms(5, 10, None))], Micros(1)));
    let passed =
        |tries| (0..tries).filter(|_| limits.admit_authentication(&client).is_ok()).count();
    assert_eq!((passed(50), limits.state(&client).unwrap().remaining), (10, 10));
    hand.advance(1_000_000);
    assert_eq!(passed(50), 5);
    assert_eq!(admitted(&limits, asking(&client), 50).await, 10);
}

#[tokio::test]
async fn what_is_left_is_told_however_long_the_process_runs() {
    for days in [0, 12, 13, 400, 20_000] {
        let start = Micros(days * 86_400_000_000);
        let (client, (limits, hand)) = (id("a"), limits(&[("a", terms(50, 100, None))], start));
        let remaining = || limits.state(&client).unwrap().remaining;
        assert_eq!(remaining(), 100, "{days} days");
        assert!(limits.admit(asking(&client)).await.is_ok());
        assert_eq!(remaining(), 99, "{days} days");
        hand.advance(20_000);
        assert_eq!(remaining(), 100, "{days} days");
    }
}
