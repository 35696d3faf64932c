//! The ledger against a model that adds up what stands.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::rate_limit::Quota;

/// The last evening of a month in Viet Nam.
const EVENING: &str = "2026-11-30T23:59:00+07:00";

fn quota(requests: u64, attributes: u64) -> Quota {
    Quota { requests: NonZeroU64::new(requests), attributes: NonZeroU64::new(attributes) }
}

fn client() -> ClientId {
    ClientId::parse("client").unwrap()
}

fn evening() -> Micros {
    Micros::parse_rfc3339(EVENING).unwrap()
}

fn ledger(quotas: Quotas) -> QuotaLedger {
    let ledger = QuotaLedger::new(NonZeroU32::MIN);
    ledger.replace([(client(), quotas)]);
    ledger
}

#[derive(Debug, Clone)]
enum Step {
    /// Ask for so many attributes.
    Reserve(u64),
    /// The entry of one in flight stands, with at most as many attributes as were reserved.
    Settle(usize, u64),
    /// One in flight fails.
    Drop(usize),
    /// Time passes, or the clock is set back.
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u64..4).prop_map(Step::Reserve),
        4 => (any::<usize>(), 0_u64..4).prop_map(|(which, used)| Step::Settle(which, used)),
        2 => any::<usize>().prop_map(Step::Drop),
        1 => (-40_i64..60).prop_map(Step::Wait),
        1 => (3_600_i64..90_000).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn used_and_in_flight_never_exceed_a_quota_and_nothing_is_refused_that_fits(
        steps in prop::collection::vec(step(), 1..200),
        most in (1_u64..12, 1_u64..20, 1_u64..30, 1_u64..40),
    ) {
        let quotas = Quotas { day: quota(most.0, most.1), month: quota(most.2, most.3) };
        let ledger = ledger(quotas);
        let mut now = evening();
        let mut used: BTreeMap<(Period, i64), Amount> = BTreeMap::new();
        let mut in_flight: Vec<(Charge, Amount)> = Vec::new();
        for step in steps {
            match step {
                Step::Reserve(attributes) => {
                    let wanted = Amount { requests: 1, attributes };
                    let all = in_flight.iter().fold(wanted, |sum, (_, one)| sum.plus(*one));
                    // It may end in this period or in any later one.
                    let fits = Period::ALL.into_iter().all(|period| {
                        let (most, number) = (period.quota(&quotas), period.number_at(now));
                        let later = used.range((period, number)..=(period, i64::MAX));
                        let stand = later.map(|(_, used)| *used).chain([Amount::default()]);
                        stand.map(|used| used.plus(all)).all(|sum| {
                            sum.requests <= most.requests.unwrap().get()
                                && (attributes == 0
                                    || sum.attributes <= most.attributes.unwrap().get())
                        })
                    });
                    let reserved = ledger.reserve(&client(), wanted, now);
                    prop_assert_eq!(reserved.is_ok(), fits);
                    in_flight.extend(reserved.ok().map(|charge| (charge, wanted)));
                }
                Step::Settle(which, attributes) if !in_flight.is_empty() => {
                    let (charge, reserved) = in_flight.swap_remove(which % in_flight.len());
                    let attributes = attributes.min(reserved.attributes);
                    let metered = Amount { requests: 1, attributes };
                    charge.settle(now, metered);
                    for period in Period::ALL {
                        let sum = used.entry((period, period.number_at(now))).or_default();
                        *sum = sum.plus(metered);
                    }
                }
                Step::Drop(which) if !in_flight.is_empty() => {
                    drop(in_flight.swap_remove(which % in_flight.len()));
                }
                Step::Settle(..) | Step::Drop(_) => {}
                Step::Wait(seconds) => {
                    let then = now.plus_seconds(seconds);
                    // What was reserved today and is on record by yesterday's date is the one thing
                    // that a clock set back over midnight can bring.
                    let is_back = then.vietnamese_day() < now.vietnamese_day();
                    if !is_back || in_flight.is_empty() {
                        now = then;
                    }
                }
            }
            for ((period, _), used) in &used {
                let most = period.quota(&quotas);
                prop_assert!(used.requests <= most.requests.unwrap().get());
                prop_assert!(used.attributes <= most.attributes.unwrap().get());
            }
        }
    }
}

#[test]
fn a_request_on_its_way_over_midnight_counts_into_the_day_in_which_it_ends() {
    let ledger = ledger(Quotas { day: quota(2, 0), ..Quotas::default() });
    let reserve = |now| ledger.reserve(&client(), Amount::request(1), now);
    let (first, second) = (reserve(evening()).unwrap(), reserve(evening()).unwrap());
    let refused = reserve(evening()).unwrap_err();
    assert_eq!(refused.retry_after, Duration::from_mins(1));
    first.settle(evening(), Amount::request(1));
    let morning = evening().plus_seconds(60);
    // It may still end in either day.
    let third = reserve(morning).unwrap();
    assert!(reserve(morning).is_err());
    second.settle(morning, Amount::request(1));
    drop(third);
    reserve(morning).unwrap().settle(morning, Amount::request(1));
    assert!(reserve(morning).is_err());
}

#[test]
fn a_refusal_says_when_the_last_of_the_quotas_that_lack_begins_anew() {
    let quotas = Quotas { day: quota(1, 0), month: quota(0, 3) };
    let ledger = ledger(quotas);
    let noon = Micros::parse_rfc3339("2026-11-20T12:00:00+07:00").unwrap();
    let reserve = |attributes| ledger.reserve(&client(), Amount::request(attributes), noon);
    let days = |days: u64| Duration::from_hours(24 * days - 12);
    assert_eq!(reserve(4).unwrap_err().retry_after, days(11));
    reserve(2).unwrap().settle(noon, Amount::request(2));
    assert_eq!(reserve(1).unwrap_err().retry_after, days(1));
    assert_eq!(reserve(2).unwrap_err().retry_after, days(11));
}

#[test]
fn quotas_change_and_what_was_used_stays_used() {
    let ledger = ledger(Quotas::default());
    let reserve = || ledger.reserve(&client(), Amount::request(2), evening());
    for _ in 0..5 {
        reserve().unwrap().settle(evening(), Amount::request(2));
    }
    assert_eq!(ledger.states(&client(), evening()), []);
    ledger.replace([(client(), Quotas { day: quota(6, 0), ..Quotas::default() })]);
    reserve().unwrap().settle(evening(), Amount::request(2));
    assert!(reserve().is_err());
    ledger.replace([(client(), Quotas { day: quota(3, 0), ..Quotas::default() })]);
    assert_eq!(ledger.states(&client(), evening())[0].remaining, 0);
    assert!(reserve().is_err());
    ledger.replace([(client(), Quotas::default())]);
    reserve().unwrap();
}

#[test]
fn what_others_use_is_not_there_for_this_node() {
    let ledger = ledger(Quotas { day: quota(10, 0), ..Quotas::default() });
    let used = |requests| UsedInPeriod {
        client: client(),
        period: Period::Day,
        number: Period::Day.number_at(evening()),
        used: Amount { requests, attributes: 0 },
    };
    ledger.note_own([used(3)]);
    ledger.note_others([&client()], [used(5)]);
    let reserve = || ledger.reserve(&client(), Amount::request(1), evening());
    let in_flight = [reserve().unwrap(), reserve().unwrap()];
    assert!(reserve().is_err());
    ledger.note_others([&client()], []);
    assert_eq!(ledger.states(&client(), evening())[0].remaining, 5);
    drop(in_flight);
    assert_eq!(ledger.states(&client(), evening())[0].remaining, 7);
}

#[test]
fn each_percentage_is_to_be_told_until_it_is_and_also_after_the_end_of_its_day() {
    let ledger = ledger(Quotas { day: quota(20, 0), ..Quotas::default() });
    let use_up = |requests: u64| {
        for _ in 0..requests {
            let charge = ledger.reserve(&client(), Amount::request(0), evening());
            charge.unwrap().settle(evening(), Amount::request(0));
        }
    };
    let untold = |now| -> Vec<u8> {
        ledger.untold(now).into_iter().map(|(_, reached)| reached.percent).collect()
    };
    use_up(9);
    assert_eq!(untold(evening()), [0; 0]);
    use_up(7);
    assert_eq!(untold(evening()), [50, 80]);
    for (client, reached) in ledger.untold(evening()) {
        ledger.note_told(&client, &reached);
    }
    assert_eq!(untold(evening()), [0; 0]);
    assert_eq!(ledger.states(&client(), evening())[0].reached, Some(80));
    use_up(4);
    let morning = evening().plus_seconds(60);
    assert_eq!(untold(morning), [95, 100]);
    assert_eq!(ledger.states(&client(), morning)[0].reached, None);
    assert_eq!(untold(morning.plus_seconds(86_400)), [0; 0]);
}

#[test]
fn a_client_that_nobody_knows_is_refused() {
    let ledger = ledger(Quotas::default());
    let stranger = ClientId::parse("stranger").unwrap();
    assert!(ledger.reserve(&stranger, Amount::request(1), evening()).is_err());
}
