//! Until when an answer is of use to who asked.

use std::time::Duration;

use crate::clock::Clock;

/// Of a request's time, what is kept for the log once the register was asked: a tenth.
const RESERVE_SHARE: u64 = 10;
/// And at most this: a commit takes milliseconds.
const RESERVE_NANOS_MAX: u64 = 100_000_000;

/// The end of a request's time, on the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at_nanos: u64,
    reserve_nanos: u64,
}

impl Deadline {
    /// `allowed` after the head of the request had come in.
    pub fn after(received_nanos: u64, allowed: Duration) -> Self {
        let allowed = u64::try_from(allowed.as_nanos()).unwrap_or(u64::MAX);
        let reserve_nanos = (allowed / RESERVE_SHARE).min(RESERVE_NANOS_MAX);
        Self { at_nanos: received_nanos.saturating_add(allowed), reserve_nanos }
    }

    /// What is left; none once it has passed.
    pub fn left(self, clock: &Clock) -> Duration {
        self.left_at(clock.monotonic_nanos())
    }

    /// What the register may take of it, so that the log has time to take what came of it.
    pub fn left_for_register(self, clock: &Clock) -> Duration {
        self.left(clock).saturating_sub(Duration::from_nanos(self.reserve_nanos))
    }

    /// Whether it has passed.
    pub fn has_passed(self, clock: &Clock) -> bool {
        self.has_passed_at(clock.monotonic_nanos())
    }

    pub(super) fn left_at(self, now_nanos: u64) -> Duration {
        Duration::from_nanos(self.at_nanos.saturating_sub(now_nanos))
    }

    pub(super) fn has_passed_at(self, now_nanos: u64) -> bool {
        now_nanos >= self.at_nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    #[test]
    fn the_register_leaves_the_log_a_tenth_and_never_more_than_a_tenth_of_a_second() {
        let (clock, hand) = Clock::manual(Micros(1_000_000));
        let ms = Duration::from_millis;
        for (allowed, for_register) in [(3_000, 2_900), (1_000, 900), (50, 45)] {
            let deadline = Deadline::after(clock.monotonic_nanos(), ms(allowed));
            let left = (deadline.left(&clock), deadline.left_for_register(&clock));
            assert_eq!(left, (ms(allowed), ms(for_register)));
        }
        let deadline = Deadline::after(clock.monotonic_nanos(), ms(10));
        hand.advance(9_999);
        assert!(!deadline.has_passed(&clock));
        hand.advance(1);
        assert!(deadline.has_passed(&clock) && deadline.left(&clock).is_zero());
        hand.advance(5_000);
        assert!(deadline.left(&clock).is_zero() && deadline.left_for_register(&clock).is_zero());
    }
}
