//! How often: the client's rate and the guard on addresses that fail to authenticate.
//!
//! Both are GCRA: the guard's by `governor`, the clients' by hand, because theirs is taken from several
//! limits at once and given back. The clients' are in this process, or shared by nodes in Redis.

mod address;
mod client;
mod gcra;
#[cfg(test)]
mod model;
mod redis;
mod terms;

pub use address::{AddressGuard, TooManyFailures};
pub use client::{Admission, Asking, Authentication, ClientLimits, RateLimited, RateState, Units};
pub use redis::RedisStartError;
pub use terms::{Lane, Limits, Quota, Quotas, Terms};

use governor::clock::{Clock as GovernorClock, Reference};
use governor::nanos::Nanos;

use crate::clock::Clock;

/// Lends the injected clock to `governor`.
#[derive(Debug, Clone)]
struct MonotonicClock(Clock);

impl GovernorClock for MonotonicClock {
    type Instant = Monotonic;

    fn now(&self) -> Monotonic {
        Monotonic(Nanos::new(self.0.monotonic_nanos()))
    }
}

/// A point of the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Monotonic(Nanos);

impl Reference for Monotonic {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0)
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

impl std::ops::Add<Nanos> for Monotonic {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        Self(self.0 + duration)
    }
}
