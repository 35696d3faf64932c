//! What an attack looks like, and what ordinary days look like.

use super::super::habit::{Day, Rate, usual_busiest_hour, usual_rate};
use super::*;
use crate::clock::Random;

const HOUR: i64 = 3_600_000_000;

/// Draws that are true with a probability.
struct Chance(Random);

impl Chance {
    fn is(&self, probability: f64) -> bool {
        let draw = u64::from_be_bytes(self.0.bytes()) >> 11;
        (draw as f64) < probability * (1_u64 << 53) as f64
    }

    fn matched(&self, answers: u32, rate: f64) -> u32 {
        (0..answers).map(|_| u32::from(self.is(rate))).sum()
    }
}

fn chance(seed: u64) -> Chance {
    Chance(Random::seeded(seed))
}

fn window(answers: u32, matched: u32) -> ClientWindow {
    ClientWindow {
        client: ClientId::parse("a").unwrap(),
        span: Span { from: Micros(0), to: Micros(HOUR), answers },
        matched,
        consecutive: 0,
        distinct: 0.0,
    }
}

fn habit(rate: f64, answers: f64) -> Habit {
    Habit { match_rate: Some(Rate { rate, answers }), busiest_hour: Some(1_000.0) }
}

fn raised(window: &ClientWindow, habit: &Habit) -> Vec<AlarmKind> {
    let judged = judge(window, habit, &AlarmsConfig::default());
    judged.raised.iter().map(|raised| raised.kind).collect()
}

#[test]
fn an_ordinary_day_raises_nothing_in_a_thousand_windows_of_each_client() {
    for (seed, rate) in [(1, 0.83), (2, 0.97), (3, 0.5), (4, 0.995), (5, 0.2)] {
        let chance = chance(seed);
        // A habit of as few answers as make one is as uncertain as a window.
        let of_habit = f64::from(chance.matched(1_000, rate)) / 1_000.0;
        for (known, answers) in [(rate, 200_000.0), (of_habit, 1_000.0)] {
            for _ in 0..1_000 {
                let window = window(1_000, chance.matched(1_000, rate));
                assert_eq!(raised(&window, &habit(known, answers)), [], "{rate}: {window:?}");
            }
        }
    }
}

#[test]
fn a_fall_of_ten_points_is_seen_in_nearly_every_window() {
    for (seed, rate, seen) in [(1, 0.83, 985), (2, 0.97, 1_000), (3, 0.995, 1_000), (4, 0.7, 930)] {
        let chance = chance(seed);
        let windows = (0..1_000).map(|_| window(1_000, chance.matched(1_000, rate - 0.1)));
        let is_low = |window: &ClientWindow| {
            raised(window, &habit(rate, 30_000.0)) == [AlarmKind::MatchRateLow]
        };
        let found = windows.filter(is_low).count();
        assert!(found >= seen, "{rate}: {found}");
    }
}

#[test]
fn a_rate_that_comes_back_is_normal_and_one_on_its_way_is_neither() {
    let config = AlarmsConfig::default();
    let habit = habit(0.83, 100_000.0);
    let kinds = |matched| {
        let judged = judge(&window(1_000, matched), &habit, &config);
        let is_of = |kind: AlarmKind| kind == AlarmKind::MatchRateLow;
        (
            judged.raised.iter().any(|it| is_of(it.kind)),
            judged.normal.iter().any(|it| is_of(it.kind)),
        )
    };
    assert_eq!(kinds(700), (true, false));
    assert_eq!(kinds(780), (false, false));
    assert_eq!(kinds(825), (false, true));
    assert_eq!(kinds(950), (false, true), "a rise is no alarm");
}

#[test]
fn without_a_habit_no_rate_is_judged() {
    let none = Habit::default();
    assert_eq!(raised(&window(1_000, 0), &none), []);
    let crowd = ClientWindow { distinct: 1e6, ..window(1_000, 900) };
    assert_eq!(raised(&crowd, &none), []);
}

#[test]
fn many_neighbours_are_an_alarm_and_a_few_twins_are_none() {
    let with = |consecutive| ClientWindow { consecutive, ..window(1_000, 830) };
    let habit = habit(0.83, 10_000.0);
    assert_eq!(raised(&with(30), &habit), []);
    assert_eq!(raised(&with(99), &habit), []);
    assert_eq!(raised(&with(100), &habit), [AlarmKind::ConsecutiveNumbers]);
}

#[test]
fn three_times_the_busiest_hour_in_new_people_is_an_alarm() {
    let with = |distinct| ClientWindow { distinct, ..window(5_000, 4_150) };
    let habit = habit(0.83, 10_000.0);
    assert_eq!(raised(&with(2_900.0), &habit), []);
    assert_eq!(raised(&with(3_000.0), &habit), [AlarmKind::ManyDistinctSubjects]);
}

#[test]
fn a_habit_is_that_of_the_day_in_the_middle_whatever_a_third_of_the_days_were() {
    let day = |rate: f64, answers: f64, busiest_hour: f64| Day {
        matched: rate * answers,
        answers,
        busiest_hour,
    };
    let mut days = vec![day(0.83, 1_000.0, 200.0); 18];
    days.extend(vec![day(0.3, 1_000.0, 900.0); 9]);
    assert_eq!(usual_rate(&days), Some(Rate { rate: 0.83, answers: 27_000.0 }));
    assert_eq!(usual_busiest_hour(&days), Some(200.0));
    // Too few answers, or days, make none.
    assert_eq!(usual_rate(&[day(0.83, 999.0, 10.0)]), None);
    assert_eq!(usual_busiest_hour(&days[..6]), None);
    assert_eq!((usual_rate(&[]), usual_busiest_hour(&[])), (None, None));
    // A day of few requests weighs little.
    let mut days = vec![day(0.0, 1.0, 1.0); 27];
    days.push(day(0.9, 2_000.0, 100.0));
    assert_eq!(usual_rate(&days).map(|it| it.rate), Some(0.9));
}

#[test]
fn unshared_limits_are_an_alarm_after_their_time() {
    let config = AlarmsConfig::default();
    assert_eq!(unshared("n1", Micros(0), Micros(999_999), &config), None);
    let raised = unshared("n1", Micros(0), Micros(1_000_000), &config).unwrap();
    assert_eq!((raised.about.as_str(), raised.figures.observed), ("n1", 1.0));
}
