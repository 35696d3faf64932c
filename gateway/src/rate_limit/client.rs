//! The rate of one client.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use foldhash::HashMap;
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::MonotonicClock;
use crate::auth::Caller;
use crate::clock::Clock;
use crate::request::ClientId;

/// What a policy says about a client's rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests per second in the long run.
    pub rate: NonZeroU32,
    /// Requests at once after a rest; a whole multiple of the rate.
    pub burst: NonZeroU32,
}

impl Limits {
    /// Takes a rate and a burst that is a whole multiple of it, so that the seconds to refill are
    /// whole as the `RateLimit-Policy` field wants them.
    pub fn new(rate: u32, burst: u32) -> Option<Self> {
        let (rate, burst) = (NonZeroU32::new(rate)?, NonZeroU32::new(burst)?);
        (burst.get() % rate.get() == 0).then_some(Self { rate, burst })
    }

    /// Seconds from empty to full.
    pub fn window_seconds(self) -> u32 {
        self.burst.get() / self.rate.get()
    }
}

/// Proof that step 1 was taken: the limit had room for this request.
#[derive(Debug)]
pub struct Admission {
    _private: (),
}

/// The limit has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client's rate is used up")]
pub struct RateLimited {
    /// When a request would pass.
    pub retry_after: Duration,
}

/// What the `RateLimit` header fields tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateState {
    /// The limits in force.
    pub limits: Limits,
    /// Requests that would pass now.
    pub remaining: u32,
}

type Gcra = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, StateInformationMiddleware>;

#[derive(Debug)]
struct Limiter {
    limits: Limits,
    gcra: Gcra,
    clock: MonotonicClock,
    /// What was left at the last check and when, because `governor` cannot be asked without
    /// taking: `remaining` in the low 24 bits, above them as much of the monotonic microseconds as
    /// fits.
    last: AtomicU64,
}

const REMAINING_BITS: u32 = 24;
const REMAINING_MAX: u32 = (1 << REMAINING_BITS) - 1;

/// The limits of all clients.
#[derive(Debug)]
pub struct ClientLimits {
    clock: MonotonicClock,
    limiters: RwLock<HashMap<ClientId, Arc<Limiter>>>,
}

impl ClientLimits {
    /// Starts with no client known.
    pub fn new(clock: Clock) -> Self {
        Self { clock: MonotonicClock(clock), limiters: RwLock::default() }
    }

    /// Replaces the limits; a client whose limits stay keeps what it has used.
    pub fn replace(&self, limits: impl IntoIterator<Item = (ClientId, Limits)>) {
        let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *limiters);
        limiters.extend(limits.into_iter().map(|(client_id, limits)| {
            let kept = before.remove(&client_id).filter(|limiter| limiter.limits == limits);
            let limiter =
                kept.unwrap_or_else(|| Arc::new(Limiter::new(limits, self.clock.clone())));
            (client_id, limiter)
        }));
    }

    /// Takes one unit of the caller's rate. A refusal takes nothing.
    ///
    /// # Errors
    /// [`RateLimited`] with the time after which a request passes.
    pub fn admit(&self, caller: &Caller) -> Result<Admission, RateLimited> {
        match self.limiter(&caller.client().client_id) {
            Some(limiter) => limiter.take(),
            // The directory was replaced a moment ago and the limits follow: refuse, never guess.
            None => Err(RateLimited { retry_after: Duration::from_secs(1) }),
        }
    }

    /// What the header fields tell a client now.
    pub fn state(&self, client_id: &ClientId) -> Option<RateState> {
        self.limiter(client_id).map(|limiter| limiter.state())
    }

    fn limiter(&self, client_id: &ClientId) -> Option<Arc<Limiter>> {
        self.limiters.read().unwrap_or_else(PoisonError::into_inner).get(client_id).cloned()
    }
}

impl Limiter {
    fn new(limits: Limits, clock: MonotonicClock) -> Self {
        let quota = Quota::per_second(limits.rate).allow_burst(limits.burst);
        let gcra = RateLimiter::direct_with_clock(quota, clock.clone()).with_middleware();
        let limiter = Self { limits, gcra, clock, last: AtomicU64::new(0) };
        limiter.note(limits.burst.get());
        limiter
    }

    fn take(&self) -> Result<Admission, RateLimited> {
        use governor::clock::Clock as _;
        match self.gcra.check() {
            Ok(state) => {
                self.note(state.remaining_burst_capacity());
                Ok(Admission { _private: () })
            }
            Err(refusal) => {
                self.note(0);
                Err(RateLimited { retry_after: refusal.wait_time_from(self.clock.now()) })
            }
        }
    }

    fn note(&self, remaining: u32) {
        let packed = self.now_micros() << REMAINING_BITS | u64::from(remaining.min(REMAINING_MAX));
        self.last.store(packed, Ordering::Relaxed);
    }

    fn state(&self) -> RateState {
        let packed = self.last.load(Ordering::Relaxed);
        let noted = packed & u64::from(REMAINING_MAX);
        // The 40 bits of time begin anew every 12.7 days, so the difference is taken within them.
        // Whoever was away for longer may be told less than they have, until they ask again.
        let elapsed_micros =
            self.now_micros().wrapping_sub(packed >> REMAINING_BITS) & (u64::MAX >> REMAINING_BITS);
        let refilled = elapsed_micros.saturating_mul(u64::from(self.limits.rate.get())) / 1_000_000;
        let remaining = noted.saturating_add(refilled).min(u64::from(self.limits.burst.get()));
        RateState { limits: self.limits, remaining: remaining as u32 }
    }

    fn now_micros(&self) -> u64 {
        self.clock.0.monotonic_nanos() / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    #[test]
    fn never_more_than_burst_and_rate_times_time() {
        let (clock, hand) = Clock::manual(Micros(1_000_000));
        let limiter = Limiter::new(Limits::new(50, 100).unwrap(), MonotonicClock(clock));
        let admitted = |tries| (0..tries).filter(|_| limiter.take().is_ok()).count();
        assert_eq!(admitted(500), 100);
        hand.advance(999_000);
        assert_eq!(admitted(500), 49);
        assert_eq!(limiter.state().remaining, 0);
        hand.advance(3_000_000);
        assert_eq!(limiter.state().remaining, 100);
        assert_eq!(admitted(500), 100);
        assert!(limiter.take().unwrap_err().retry_after <= Duration::from_millis(20));
    }

    #[test]
    fn what_is_left_is_told_however_long_the_process_runs() {
        for days in [0, 12, 13, 400, 20_000] {
            let (clock, hand) = Clock::manual(Micros(days * 86_400_000_000));
            let limiter = Limiter::new(Limits::new(50, 100).unwrap(), MonotonicClock(clock));
            assert_eq!(limiter.state().remaining, 100, "{days} days");
            assert!(limiter.take().is_ok());
            assert_eq!(limiter.state().remaining, 99, "{days} days");
            hand.advance(20_000);
            assert_eq!(limiter.state().remaining, 100, "{days} days");
        }
    }

    #[test]
    fn a_burst_that_is_no_multiple_of_the_rate_is_refused() {
        assert!(Limits::new(50, 75).is_none());
        assert!(Limits::new(0, 0).is_none());
        assert_eq!(Limits::new(50, 100).unwrap().window_seconds(), 2);
    }
}
