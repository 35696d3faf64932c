//! When arrivals are meant to happen: evenly, at a rate, for a time.

use std::time::Duration;

/// Nanoseconds in a second.
const SECOND_NS: u128 = 1_000_000_000;

/// Arrivals at a steady rate. Fixed beforehand: nothing that the system under load does can move
/// an arrival, so a system that stalls cannot hide the requests that would have come meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    rate: u32,
    duration: Duration,
}

impl Schedule {
    /// `rate` arrivals a second, at least one, over `duration`.
    pub(crate) fn new(rate: u32, duration: Duration) -> Self {
        Self { rate: rate.max(1), duration }
    }

    /// How many arrivals there are.
    pub(super) fn total(&self) -> u64 {
        (self.duration.as_nanos() * u128::from(self.rate) / SECOND_NS) as u64
    }

    /// When the `index`th arrival is meant to happen, from the start; the first at once.
    pub(super) fn intended(&self, index: u64) -> Duration {
        // Rounded up, so that an arrival is never due before its time. Counted from the start and
        // not from the one before: steps that are rounded would drift.
        let nanos = (u128::from(index) * SECOND_NS).div_ceil(u128::from(self.rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many arrivals are due once `elapsed` has passed.
    pub(super) fn due(&self, elapsed: Duration) -> u64 {
        let passed = elapsed.as_nanos() * u128::from(self.rate) / SECOND_NS;
        self.total().min(passed as u64 + 1)
    }

    /// When the last arrival has happened.
    pub(super) fn duration(&self) -> Duration {
        self.duration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_even_and_do_not_drift() {
        let schedule = Schedule::new(3, Duration::from_secs(1_000_000));
        assert_eq!(schedule.total(), 3_000_000);
        assert_eq!(schedule.intended(0), Duration::ZERO);
        assert_eq!(schedule.intended(1), Duration::from_nanos(333_333_334));
        assert_eq!(schedule.intended(2_999_997), Duration::from_secs(999_999));
    }

    #[test]
    fn an_arrival_is_due_exactly_from_its_intended_time() {
        for rate in [1, 3, 7, 1_000, 29_999, 100_000] {
            let schedule = Schedule::new(rate, Duration::from_secs(10));
            for index in [0, 1, 2, 3, 5, 9, u64::from(rate)] {
                let at = schedule.intended(index);
                let total = schedule.total();
                assert_eq!(schedule.due(at), total.min(index + 1), "{rate} {index}");
                if let Some(before) = at.checked_sub(Duration::from_nanos(1)) {
                    assert_eq!(schedule.due(before), total.min(index), "{rate} {index}");
                }
            }
        }
    }

    #[test]
    fn no_more_arrivals_are_due_than_there_are() {
        let schedule = Schedule::new(10, Duration::from_millis(1_500));
        assert_eq!(schedule.total(), 15);
        assert_eq!(schedule.due(Duration::from_hours(1)), 15);
    }
}
