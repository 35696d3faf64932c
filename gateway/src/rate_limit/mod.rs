//! How often, how much, how many at once and on which lane: the client's rate, its quotas, its requests
//! on their way, the places that lanes share, and the guard on addresses that fail to authenticate.
//!
//! Rate and guard are GCRA: the guard's by `governor`, the clients' by hand, because theirs is taken
//! from several limits at once and given back. The clients' are in this process, or shared by nodes
//! in Redis; what is on its way is counted by each node.

mod address;
mod client;
mod concurrency;
mod deadline;
mod gcra;
mod guesses;
mod lanes;
#[cfg(test)]
mod model;
mod quota;
mod redis;
mod terms;

pub use address::{AddressGuard, TooManyFailures};
pub use client::{
    Admission, Asking, Authentication, ClientLimits, Official, RateLimited, RateState, Units,
};
pub use concurrency::{Concurrency, ConcurrencyLimited, InFlight};
pub use deadline::Deadline;
pub use guesses::{
    FAILURE_KEPT_SECONDS, Guess, GuessBudgets, GuessSubject, PastFailure, Reservation,
    SnapshotError, SubjectGuarded,
};
pub use lanes::{Lanes, Pass, Shed};
pub use quota::{
    Allowances, Amount, Charge, Period, QuotaExceeded, QuotaLedger, QuotaState, Reached, Unit,
    UsedInPeriod, WARNED_AT,
};
pub use redis::RedisStartError;
pub use terms::{Lane, Limits, Quota, Quotas, Terms};

use governor::clock::{Clock as GovernorClock, Reference};
use governor::nanos::Nanos;

use crate::clock::Clock;

/// Proof of step 1: the limits had room for the request, and it has its place on the way to register
/// and log, which is given back when this is dropped.
#[derive(Debug)]
pub struct Admitted {
    /// Of the rate.
    pub admission: Admission,
    /// Of its lane.
    pub pass: Pass,
}

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
