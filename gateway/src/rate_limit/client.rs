//! The rate of one client.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use foldhash::HashMap;

use super::gcra::{Gcra, Taken};
use super::terms::Limits;
use crate::auth::Caller;
use crate::clock::Clock;
use crate::request::ClientId;

/// Proof that step 1 was taken: the limit had room for this request.
#[derive(Debug)]
pub struct Admission {
    _private: (),
}

/// An authentication that the client's limit had room for.
#[derive(Debug)]
pub struct Authentication {
    limiter: Arc<Limiter>,
    taken: Taken,
}

impl Authentication {
    /// It was none of the client's: somebody sent what the client had sent before.
    pub fn give_back(self) {
        self.limiter.authentications.give_back(self.taken);
    }
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

#[derive(Debug)]
struct Limiter {
    limits: Limits,
    gcra: Gcra,
    /// Of the same size, and apart: who has used its rate up must still be able to renew its token.
    authentications: Gcra,
    clock: Clock,
}

/// The limits of all clients.
#[derive(Debug)]
pub struct ClientLimits {
    clock: Clock,
    limiters: RwLock<HashMap<ClientId, Arc<Limiter>>>,
}

impl ClientLimits {
    /// Starts with no client known.
    pub fn new(clock: Clock) -> Self {
        Self { clock, limiters: RwLock::default() }
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

    /// Takes one unit of the caller's rate, and one of the client's it acts for: both or none.
    ///
    /// # Errors
    /// [`RateLimited`] with the time after which a request passes.
    pub fn admit(
        &self,
        caller: &Caller,
        other: Option<&ClientId>,
    ) -> Result<Admission, RateLimited> {
        let own_id = &caller.client().client_id;
        let own = self.known(own_id)?;
        let other = other.filter(|id| *id != own_id).map(|id| self.known(id)).transpose()?;
        // Looked at first, so that it is rare that something has to be given back.
        if let Some(other) = &other {
            other.look()?;
        }
        let taken = own.take()?;
        if let Some(other) = other
            && let Err(limited) = other.take()
        {
            own.gcra.give_back(taken);
            return Err(limited);
        }
        Ok(Admission { _private: () })
    }

    /// Takes one authentication of a client that has proved who it is.
    ///
    /// # Errors
    /// [`RateLimited`] with the time after which one passes.
    pub fn admit_authentication(
        &self,
        client_id: &ClientId,
    ) -> Result<Authentication, RateLimited> {
        let limiter = self.known(client_id)?;
        let taken = limiter.take_of(&limiter.authentications)?;
        Ok(Authentication { limiter, taken })
    }

    /// What the header fields tell a client now.
    pub fn state(&self, client_id: &ClientId) -> Option<RateState> {
        self.limiter(client_id).map(|limiter| limiter.state())
    }

    fn known(&self, client_id: &ClientId) -> Result<Arc<Limiter>, RateLimited> {
        // The directory was replaced a moment ago and the limits follow: refuse, never guess.
        let limited = RateLimited { retry_after: Duration::from_secs(1) };
        self.limiter(client_id).ok_or(limited)
    }

    fn limiter(&self, client_id: &ClientId) -> Option<Arc<Limiter>> {
        self.limiters.read().unwrap_or_else(PoisonError::into_inner).get(client_id).cloned()
    }
}

impl Limiter {
    fn new(limits: Limits, clock: Clock) -> Self {
        let gcra = || Gcra::new(limits.rate, limits.burst);
        Self { limits, gcra: gcra(), authentications: gcra(), clock }
    }

    fn take(&self) -> Result<Taken, RateLimited> {
        self.take_of(&self.gcra)
    }

    fn look(&self) -> Result<(), RateLimited> {
        let looked = self.gcra.look(self.clock.monotonic_nanos());
        looked.map_err(|nanos| RateLimited { retry_after: Duration::from_nanos(nanos) })
    }

    fn take_of(&self, gcra: &Gcra) -> Result<Taken, RateLimited> {
        let taken = gcra.take(self.clock.monotonic_nanos());
        taken.map_err(|nanos| RateLimited { retry_after: Duration::from_nanos(nanos) })
    }

    fn state(&self) -> RateState {
        let remaining = self.gcra.remaining(self.clock.monotonic_nanos());
        RateState { limits: self.limits, remaining }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    #[test]
    fn never_more_than_burst_and_rate_times_time() {
        let (clock, hand) = Clock::manual(Micros(1_000_000));
        let limiter = Limiter::new(Limits::new(50, 100).unwrap(), clock);
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
    fn authentications_have_a_limit_of_their_own() {
        let (clock, hand) = Clock::manual(Micros(1_000_000));
        let limiter = Limiter::new(Limits::new(5, 10).unwrap(), clock);
        let passed = |tries| {
            (0..tries).filter(|_| limiter.take_of(&limiter.authentications).is_ok()).count()
        };
        assert_eq!((passed(50), limiter.state().remaining), (10, 10));
        hand.advance(1_000_000);
        assert_eq!(passed(50), 5);
    }

    #[test]
    fn what_is_left_is_told_however_long_the_process_runs() {
        for days in [0, 12, 13, 400, 20_000] {
            let (clock, hand) = Clock::manual(Micros(days * 86_400_000_000));
            let limiter = Limiter::new(Limits::new(50, 100).unwrap(), clock);
            assert_eq!(limiter.state().remaining, 100, "{days} days");
            assert!(limiter.take().is_ok());
            assert_eq!(limiter.state().remaining, 99, "{days} days");
            hand.advance(20_000);
            assert_eq!(limiter.state().remaining, 100, "{days} days");
        }
    }
}
