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

impl Gcra {
    pub(super) fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let unit = (1_000_000_000 / u64::from(rate.get())).max(1);
        Self { unit, whole: unit * u64::from(burst.get()), full_at: AtomicU64::new(0) }
    }

    /// Takes one unit; a refusal takes nothing and says how long to wait.
    pub(super) fn take(&self, now: u64) -> Result<(), u64> {
        let next = |full_at: u64| full_at.max(now) + self.unit;
        let taken = self.full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            (next(full_at) - now <= self.whole).then(|| next(full_at))
        });
        taken.map(|_| ()).map_err(|full_at| next(full_at) - now - self.whole)
    }

    /// Gives back a unit that was taken: the bucket is as if it had not been.
    pub(super) fn give_back(&self) {
        self.full_at.fetch_sub(self.unit, Ordering::AcqRel);
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
        gcra.give_back();
        assert_eq!((gcra.remaining(5), admitted(5)), (1, 1));
        // Also where it comes back by itself meanwhile.
        gcra.give_back();
        let later = 10_000_000_000;
        assert_eq!((gcra.remaining(later), admitted(later)), (20, 20));
    }

    #[test]
    fn a_refusal_says_when_a_unit_is_back() {
        let gcra = bucket(2, 2);
        assert_eq!([gcra.take(0), gcra.take(0), gcra.take(0)], [Ok(()), Ok(()), Err(500_000_000)]);
        assert_eq!(gcra.take(499_999_999), Err(1));
        assert_eq!(gcra.take(500_000_000), Ok(()));
    }
}
