//! Limits beside an exact oracle, over millions of random steps of a clock that is moved by hand.
//!
//! Here is what a node holds by itself, and what the model of shared limits (`redis::model`) needs as
//! well: chance, and windows of any length.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};

use super::gcra::{Gcra, Size, Taken};
use super::terms::Limits;

const SECOND: u64 = 1_000_000_000;
/// Steps of one story; each story has its own limits.
const STORY: u32 = 20_000;
/// Units that are held at once, to be kept or given back.
const HELD_MAX: usize = 200;
/// Rates whose units are whole nanoseconds: `governor` rounds others down, we round them up.
const WHOLE: [u32; 9] = [1, 2, 5, 10, 50, 100, 1_000, 31_250, 1_000_000];

/// Chance that can be repeated: `SplitMix64` (Steele, Lea, Flood 2014).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below another.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(end)) >> 64) as u64
    }

    pub(super) fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// A rate of any order of magnitude up to `2^bits`, and one to four seconds of it at once.
    pub(super) fn limits(&mut self, bits: u64) -> Limits {
        let magnitude = 1 << self.below(bits);
        let rate = (magnitude + self.below(magnitude)) as u32;
        Limits::new(rate, rate * (1 + self.below(4) as u32)).unwrap()
    }

    /// Time between two steps: mostly none or about a unit, exactly one or several, at times a rest.
    fn pause(&mut self, size: Size) -> u64 {
        match self.below(64) {
            0..24 => 0,
            24..40 => self.below(size.unit),
            40..48 => size.unit,
            48..58 => self.below(3 * size.unit),
            58..63 => size.unit * self.below(9),
            _ => self.below(2 * size.whole),
        }
    }
}

/// An exact bucket that takes everything and tells whether it was too much. It runs over exactly if in
/// some window, of whatever length, more passed than burst and rate times that length.
pub(super) struct Windows {
    limits: Limits,
    /// What may be above it: nanoseconds of the rate.
    slack: u64,
    /// Billionths of a unit that each takes.
    weight: u128,
    /// Billionths of a unit.
    level: u128,
    at: u64,
    /// How many passed.
    pub(super) passed: u64,
}

impl Windows {
    pub(super) fn new(limits: Limits, slack: u64) -> Self {
        Self { limits, slack, weight: u128::from(SECOND), level: 0, at: 0, passed: 0 }
    }

    /// Of the part of one of so many nodes, which begins without room.
    pub(super) fn of_part(limits: Limits, nodes: NonZeroU32, now: u64) -> Self {
        let weight = u128::from(SECOND) * u128::from(nodes.get());
        let limits = Limits { burst: limits.burst.max(nodes), ..limits };
        let part = Self::new(limits, 0);
        Self { weight, level: part.most(), at: now, ..part }
    }

    pub(super) fn pass(&mut self, now: u64) {
        let run_out = self.time_of(now - self.at);
        self.level = self.level.saturating_sub(run_out) + self.weight;
        (self.at, self.passed) = (now, self.passed + 1);
        let (limits, above) = (self.limits, self.level.saturating_sub(self.most()));
        let above = above.saturating_sub(self.time_of(self.slack));
        assert!(above == 0, "{limits:?}: {above} billionths too much at {now}, {}", self.passed);
    }

    /// The most that may have passed by some moment.
    pub(super) fn most_by(&self, now: u64) -> f64 {
        (self.most() + self.time_of(now)) as f64 / SECOND as f64
    }

    fn most(&self) -> u128 {
        u128::from(self.limits.burst.get()) * u128::from(SECOND)
    }

    fn time_of(&self, nanos: u64) -> u128 {
        u128::from(self.limits.rate.get()) * u128::from(nanos)
    }
}

/// What becomes of units that were used: those that are kept pass through the windows, in order of
/// time, as soon as nothing before them is undecided.
#[derive(Default)]
pub(super) struct Fates {
    undecided: VecDeque<(u64, Option<bool>)>,
    judged: usize,
}

impl Fates {
    /// Something is used now; its number.
    pub(super) fn begin(&mut self, now: u64) -> usize {
        self.undecided.push_back((now, None));
        self.judged + self.undecided.len() - 1
    }

    pub(super) fn decide(&mut self, number: usize, is_kept: bool, windows: &mut Windows) {
        self.undecided[number - self.judged].1 = Some(is_kept);
        while let Some((at, Some(is_kept))) = self.undecided.front().copied() {
            self.undecided.pop_front();
            self.judged += 1;
            if is_kept {
                windows.pass(at);
            }
        }
    }
}

/// Takes and gives back at random.
fn story_of_refunds(chance: &mut Chance) -> (u64, u64) {
    let limits = chance.limits(21);
    let size = Size::of(limits);
    let (gcra, mut windows, mut fates) =
        (Gcra::new(size), Windows::new(limits, 0), Fates::default());
    let mut held: Vec<(usize, Taken)> = Vec::new();
    let (mut now, mut given_back) = (0, 0);
    for _ in 0..STORY {
        now += chance.pause(size);
        if held.len() < HELD_MAX && chance.below(5) < 3 {
            held.extend(gcra.take(now).ok().map(|taken| (fates.begin(now), taken)));
        } else if !held.is_empty() {
            let (number, taken) = held.swap_remove(chance.below(held.len() as u64) as usize);
            let is_kept = chance.one_in(2);
            if !is_kept {
                gcra.give_back(taken);
                given_back += 1;
            }
            fates.decide(number, is_kept, &mut windows);
        }
    }
    (windows.passed, given_back)
}

fn refunds(seed: u64) {
    let mut chance = Chance(seed);
    let (mut kept, mut given_back) = (0, 0);
    for _ in 0..100 {
        let story = story_of_refunds(&mut chance);
        (kept, given_back) = (kept + story.0, given_back + story.1);
    }
    assert!(kept > 200_000 && given_back > 200_000, "{kept} kept, {given_back} given back");
}

/// Takes beside `governor`; how many passed, and how many did not.
fn story_beside_governor(chance: &mut Chance) -> (u64, u64) {
    let rate = WHOLE[chance.below(WHOLE.len() as u64) as usize];
    let limits = Limits::new(rate, rate * (1 + chance.below(4) as u32)).unwrap();
    let size = Size::of(limits);
    let (gcra, mut windows) = (Gcra::new(size), Windows::new(limits, 0));
    let clock = FakeRelativeClock::default();
    let quota = Quota::per_second(limits.rate).allow_burst(limits.burst);
    let oracle = RateLimiter::direct_with_clock(quota, clock.clone());
    let (mut now, mut refused) = (0, 0);
    for step in 0..STORY {
        let pause = chance.pause(size);
        now += pause;
        clock.advance(std::time::Duration::from_nanos(pause));
        let passes = gcra.take(now).is_ok();
        assert_eq!(passes, oracle.check().is_ok(), "{limits:?}: step {step} at {now}");
        if passes {
            windows.pass(now);
        }
        refused += u64::from(!passes);
    }
    (windows.passed, refused)
}

fn beside_governor(seed: u64) {
    let mut chance = Chance(seed);
    let (mut passed, mut refused) = (0, 0);
    for _ in 0..100 {
        let story = story_beside_governor(&mut chance);
        (passed, refused) = (passed + story.0, refused + story.1);
    }
    assert!(passed > 200_000 && refused > 200_000, "{passed} passed, {refused} refused");
}

#[test]
fn without_refunds_exactly_those_pass_that_governor_lets_pass() {
    beside_governor(1);
}

#[test]
fn without_refunds_exactly_those_pass_that_governor_lets_pass_by_other_chance() {
    beside_governor(2);
}

#[test]
fn with_refunds_no_window_has_more_than_burst_and_rate_times_its_length() {
    refunds(3);
}

#[test]
fn with_refunds_no_window_has_more_by_other_chance() {
    refunds(4);
}

#[test]
#[should_panic(expected = "too much")]
fn the_windows_notice_one_unit_too_much() {
    let mut windows = Windows::new(Limits::new(10, 20).unwrap(), 0);
    for _ in 0..20 {
        windows.pass(5);
    }
    windows.pass(100_000_004);
}
