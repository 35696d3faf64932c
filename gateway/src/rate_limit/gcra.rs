//! The generic cell rate algorithm (ITU-T I.371) in one word: the time at which the bucket will be
//! full again. By hand, because `governor` can neither give back nor be asked without taking.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

/// One bucket. Times are monotonic nanoseconds.
#[derive(Debug)]
pub(super) struct Gcra {
    /// Time in which one unit comes back.
    unit: u64,
    /// Time in which all come back.
    whole: u64,
    /// When all will be back.
    full_at: AtomicU64,
}

/// A unit that was taken, to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    before: u64,
    after: u64,
}

impl Gcra {
    pub(super) fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        // Rounded up: never more than the rate.
        let unit = 1_000_000_000_u64.div_ceil(u64::from(rate.get()));
        Self { unit, whole: unit * u64::from(burst.get()), full_at: AtomicU64::new(0) }
    }

    /// Takes one unit; a refusal takes nothing and says how long to wait.
    pub(super) fn take(&self, now: u64) -> Result<Taken, u64> {
        let next = |full_at: u64| full_at.max(now) + self.unit;
        let taken = self.full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            (next(full_at) - now <= self.whole).then(|| next(full_at))
        });
        taken
            .map(|before| Taken { before, after: next(before) })
            .map_err(|full_at| next(full_at) - now - self.whole)
    }

    /// How long to wait for a unit, without taking one.
    pub(super) fn look(&self, now: u64) -> Result<(), u64> {
        let next = self.full_at.load(Ordering::Acquire).max(now) + self.unit;
        match (next - now).checked_sub(self.whole) {
            None | Some(0) => Ok(()),
            Some(wait) => Err(wait),
        }
    }

    /// Gives back a unit that was taken, if nobody has taken or given back another since: the bucket
    /// is then as it was. What others took meanwhile was allowed by what was there; how much of it a
    /// unit that is given back late would refund, one number cannot tell.
    pub(super) fn give_back(&self, taken: Taken) {
        let Taken { before, after } = taken;
        let _others_came_between =
            self.full_at.compare_exchange(after, before, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Units that could be taken now.
    pub(super) fn remaining(&self, now: u64) -> u32 {
        let owed = self.full_at.load(Ordering::Acquire).saturating_sub(now);
        // At most the burst, which is a u32.
        (self.whole.saturating_sub(owed) / self.unit) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate: u32, burst: u32) -> Gcra {
        Gcra::new(NonZeroU32::new(rate).unwrap(), NonZeroU32::new(burst).unwrap())
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        let gcra = bucket(10, 20);
        let admitted = |now| (0..100).filter(|_| gcra.take(now).is_ok()).count();
        assert_eq!(admitted(5), 20);
        let later = 100_000_005;
        let one = gcra.take(later).unwrap();
        assert!(gcra.look(later).is_err());
        gcra.give_back(one);
        assert_eq!(gcra.look(later), Ok(()));
        assert_eq!((gcra.remaining(later), admitted(later)), (1, 1));
        assert_eq!(gcra.look(later), Err(100_000_000));
    }

    #[test]
    fn what_came_back_by_itself_is_not_given_back_again() {
        let second = 1_000_000_000;
        let gcra = bucket(1, 1);
        let first = gcra.take(0).unwrap();
        gcra.take(second).unwrap();
        gcra.give_back(first);
        assert_eq!(gcra.take(second), Err(second), "the second one is still taken");
        // What a unit that is given back late would refund of the others.
        let gcra = bucket(1, 3);
        let [first, _, third] = [(); 3].map(|()| gcra.take(0).unwrap());
        gcra.give_back(first);
        let admitted = (0..9).filter(|_| gcra.take(2 * second).is_ok()).count();
        gcra.give_back(third);
        assert_eq!((admitted, gcra.take(2 * second).is_ok()), (2, false));
    }

    /// Whatever is taken and given back in any order: those who keep what they took are never more
    /// than the burst and the rate over the time of any window.
    #[test]
    fn no_window_holds_more_than_burst_and_rate() {
        use crate::clock::Random;
        let random = Random::seeded(7);
        let below = |limit: u64| u64::from_le_bytes(random.bytes()) % limit;
        for (rate, burst) in [(1, 1), (3, 9), (1_000, 1_000), (30_000, 60_000), (7, 700)] {
            let gcra = bucket(rate, burst);
            let (mut now, mut held, mut kept) = (0_u64, Vec::new(), Vec::new());
            for _ in 0..20_000 {
                now += below(3_000_000_000 / u64::from(rate));
                match below(4) {
                    0 if !held.is_empty() => {
                        let place = below(held.len() as u64) as usize;
                        let (_, taken) = held.swap_remove(place);
                        gcra.give_back(taken);
                    }
                    _ => held.extend(gcra.take(now).ok().map(|taken| (now, taken))),
                }
                if held.len() > 8 {
                    kept.push(held.swap_remove(0).0);
                }
            }
            kept.extend(held.iter().map(|(at, _)| *at));
            kept.sort_unstable();
            for (first, from) in kept.iter().enumerate().step_by(17) {
                for (last, to) in kept.iter().enumerate().skip(first).take(2_000) {
                    let most = u64::from(burst) as f64
                        + f64::from(rate) * (to - from) as f64 / 1_000_000_000.0;
                    let held = (last - first + 1) as f64;
                    assert!(held <= most + 1e-6, "{rate}/{burst}: {held} in {from}..{to}");
                }
            }
        }
    }

    #[test]
    fn a_refusal_says_when_a_unit_is_back() {
        let gcra = bucket(2, 2);
        assert!(gcra.take(0).is_ok() && gcra.take(0).is_ok());
        assert_eq!(gcra.take(0), Err(500_000_000));
        assert_eq!(gcra.take(499_999_999), Err(1));
        assert!(gcra.take(500_000_000).is_ok());
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_is_not_exceeded() {
        let gcra = bucket(30_000, 30_000);
        let admitted = (0..3_000_000_u64).filter(|step| gcra.take(step * 10_000).is_ok()).count();
        // Thirty seconds.
        assert!((899_000..=930_000).contains(&admitted), "{admitted}");
    }
}
