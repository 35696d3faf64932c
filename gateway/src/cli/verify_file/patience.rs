//! How long to wait before something is tried again, and when to stop trying.

use std::time::Duration;

use crate::clock::{Clock, Random};

const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Soon enough after a gateway is back, and rare enough for one that is not.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// A gateway may ask for more, but not for so long that it looks as if nothing happened.
const LONGEST_WAIT_ASKED: Duration = Duration::from_mins(1);

/// Runs out when nothing succeeds.
#[derive(Debug)]
pub(super) struct Patience {
    give_up: Duration,
    /// On the clock's monotonic scale.
    last_success_nanos: u64,
    tries: u32,
}

impl Patience {
    pub(super) fn new(give_up: Duration, clock: &Clock) -> Self {
        Self { give_up, last_success_nanos: clock.monotonic_nanos(), tries: 0 }
    }

    pub(super) fn succeeded(&mut self, clock: &Clock) {
        (self.last_success_nanos, self.tries) = (clock.monotonic_nanos(), 0);
    }

    /// How long to wait before the next try; none when there is to be no more. Somewhat by chance, so that
    /// those whom one failure has hit do not come back together.
    pub(super) fn next_wait(
        &mut self,
        asked: Option<Duration>,
        clock: &Clock,
        random: &Random,
    ) -> Option<Duration> {
        let since = clock.monotonic_nanos().saturating_sub(self.last_success_nanos);
        let left = self.give_up.checked_sub(Duration::from_nanos(since))?;
        if left.is_zero() {
            return None;
        }
        let wait = (FIRST_WAIT * (1 << self.tries.min(10))).min(LONGEST_WAIT);
        self.tries += 1;
        let [chance] = random.bytes::<1>();
        let wait = wait / 2 + wait / 2 * u32::from(chance) / 255;
        let asked = asked.unwrap_or_default().min(LONGEST_WAIT_ASKED);
        // The last try is at the very end.
        Some(wait.max(asked).min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    #[test]
    fn waits_grow_to_a_limit_and_end() {
        let (clock, hand) = Clock::manual(Micros(0));
        let random = Random::seeded(1);
        let mut patience = Patience::new(Duration::from_mins(10), &clock);
        let (mut waits, mut waited) = (Vec::new(), Duration::ZERO);
        while let Some(wait) = patience.next_wait(None, &clock, &random) {
            hand.advance(wait.as_micros() as i64 + 1);
            waited += wait;
            waits.push(wait);
        }
        assert!(waits[0] <= FIRST_WAIT && waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        assert!((30..100).contains(&waits.len()), "{}", waits.len());
        assert!(waited >= Duration::from_secs(599), "{waited:?}");
    }

    #[test]
    fn a_success_begins_anew() {
        let (clock, hand) = Clock::manual(Micros(0));
        let random = Random::seeded(1);
        let mut patience = Patience::new(Duration::from_secs(10), &clock);
        hand.advance(9_000_000);
        assert!(patience.next_wait(None, &clock, &random).is_some());
        patience.succeeded(&clock);
        hand.advance(9_000_000);
        assert!(patience.next_wait(None, &clock, &random).is_some_and(|wait| wait <= FIRST_WAIT));
        hand.advance(1_000_000);
        assert_eq!(patience.next_wait(None, &clock, &random), None);
    }

    #[test]
    fn a_gateway_may_ask_for_more_within_limits() {
        let (clock, _) = Clock::manual(Micros(0));
        let random = Random::seeded(1);
        let mut patience = Patience::new(Duration::from_mins(10), &clock);
        let mut wait =
            |seconds| patience.next_wait(Some(Duration::from_secs(seconds)), &clock, &random);
        assert_eq!(wait(5), Some(Duration::from_secs(5)));
        assert_eq!(wait(86_400), Some(LONGEST_WAIT_ASKED));
    }
}
