//! The guard on addresses: failed client authentications only, at the token endpoint only.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::{Monotonic, MonotonicClock};
use crate::clock::Clock;
use crate::config::AuthConfig;

/// Addresses remembered as blocked; when full, those whose time has come go first, then all:
/// they still fail to authenticate, only a hash is spent on them again.
const BLOCKED_MAX: usize = 65_536;

/// Tries in a row, none of them good, after which an address waits for the others.
const TRIES_MAX: u32 = 3;
/// They count until this long after the last one, monotonic nanoseconds.
const TRIES_NANOS: u64 = 60_000_000_000;
/// Addresses whose tries are counted; further ones are taken for new until there is room.
const TRYING_MAX: usize = 65_536;

/// Too many failures from one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed authentications from this address")]
pub struct TooManyFailures {
    /// When the address may try again.
    pub retry_after: Duration,
}

/// Counts failed client authentications by address.
#[derive(Debug)]
pub struct AddressGuard {
    clock: MonotonicClock,
    failures:
        RateLimiter<IpAddr, DashMapStateStore<IpAddr>, MonotonicClock, NoOpMiddleware<Monotonic>>,
    /// Monotonic nanoseconds until which an address is not listened to, because `governor` cannot
    /// be asked without taking.
    blocked: Mutex<HashMap<IpAddr, u64>>,
    /// How often an address has tried since it was last good, and when.
    tries: Mutex<HashMap<IpAddr, (u32, u64)>>,
}

impl AddressGuard {
    /// Allows the configured number of failures at once, then the configured number a second.
    pub fn new(config: &AuthConfig, clock: Clock) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let rate = at_least_one(config.address_failures_per_second);
        let burst = at_least_one(config.address_failures_burst);
        let clock = MonotonicClock(clock);
        let quota = Quota::per_second(rate).allow_burst(burst);
        let failures = RateLimiter::dashmap_with_clock(quota, clock.clone());
        Self { clock, failures, blocked: Mutex::default(), tries: Mutex::default() }
    }

    /// Refuses an address that has failed too often, before anything is spent on it.
    ///
    /// # Errors
    /// [`TooManyFailures`] with the time to wait.
    pub fn check(&self, address: IpAddr) -> Result<(), TooManyFailures> {
        let address = counted(address);
        let now = self.clock.0.monotonic_nanos();
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        match blocked.get(&address) {
            Some(&until) if until > now => {
                Err(TooManyFailures { retry_after: Duration::from_nanos(until - now) })
            }
            Some(_) => {
                blocked.remove(&address);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Notes a failure.
    ///
    /// # Errors
    /// [`TooManyFailures`] if it was one too many; the address is blocked until the next is due.
    pub fn note_failure(&self, address: IpAddr) -> Result<(), TooManyFailures> {
        use governor::clock::Clock as _;
        let address = counted(address);
        let Err(refusal) = self.failures.check_key(&address) else {
            return Ok(());
        };
        let retry_after = refusal.wait_time_from(self.clock.now());
        let now = self.clock.0.monotonic_nanos();
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        if blocked.len() >= BLOCKED_MAX {
            blocked.retain(|_, until| *until > now);
            if blocked.len() >= BLOCKED_MAX {
                blocked.clear();
            }
        }
        blocked.insert(address, now.saturating_add(retry_after.as_nanos() as u64));
        Err(TooManyFailures { retry_after })
    }

    /// Counts a try that costs a slow hash, and says whether too many before it were in vain: those
    /// that found no room, too, or a flood would stay as good as anybody until each of its addresses
    /// had failed.
    pub fn tries_in_vain(&self, address: IpAddr) -> bool {
        let (address, now) = (counted(address), self.clock.0.monotonic_nanos());
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= TRYING_MAX && !tries.contains_key(&address) {
            return false;
        }
        let (count, last) = tries.entry(address).or_insert((0, now));
        if now.saturating_sub(*last) >= TRIES_NANOS {
            *count = 0;
        }
        (*count, *last) = (count.saturating_add(1), now);
        *count > TRIES_MAX
    }

    /// Notes that an address was good: its tries were not in vain.
    pub fn note_success(&self, address: IpAddr) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.remove(&counted(address));
    }

    /// Forgets addresses that are as if they had never failed; `governor`'s map does not shrink by
    /// itself.
    pub fn tidy(&self) {
        self.failures.retain_recent();
        self.failures.shrink_to_fit();
        let now = self.clock.0.monotonic_nanos();
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|_, (_, last)| now.saturating_sub(*last) < TRIES_NANOS);
        tries.shrink_to_fit();
    }
}

/// The address under which another one counts: of IPv6 the network of 64 bits, because whoever has one
/// address has all of it; of IPv4 in the clothes of IPv6, that of IPv4.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Micros;

    #[test]
    fn an_address_is_blocked_after_its_burst_and_let_in_at_its_rate() {
        let (clock, hand) = Clock::manual(Micros(1_000_000));
        let config = AuthConfig { address_failures_burst: 3, ..AuthConfig::default() };
        let guard = AddressGuard::new(&config, clock);
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        for _ in 0..3 {
            assert!(guard.check(one).is_ok());
            assert!(guard.note_failure(one).is_ok());
        }
        assert!(guard.note_failure(one).is_err());
        assert!(guard.check(one).is_err());
        assert!(guard.check(two).is_ok());
        hand.advance(1_000_000);
        assert!(guard.check(one).is_ok());
    }

    #[test]
    fn addresses_of_ipv6_count_by_their_network() {
        let (clock, _hand) = Clock::manual(Micros(1_000_000));
        let config = AuthConfig { address_failures_burst: 3, ..AuthConfig::default() };
        let guard = AddressGuard::new(&config, clock);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for last in 0..4 {
            let _counted = guard.note_failure(address(&format!("2001:db8:1:2:{last}::{last}")));
        }
        for (text, is_blocked) in
            [("2001:db8:1:2:ffff::", true), ("2001:db8:1:3::", false), ("::ffff:192.0.2.1", false)]
        {
            assert_eq!(guard.check(address(text)).is_err(), is_blocked, "{text}");
        }
        for _ in 0..4 {
            let _counted = guard.note_failure(address("::ffff:192.0.2.1"));
        }
        assert!(guard.check(address("192.0.2.1")).is_err());
        assert!(guard.check(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn who_tries_in_vain_again_and_again_waits_until_it_is_good_or_rests() {
        let (clock, hand) = Clock::manual(Micros(1_000_000));
        let guard = AddressGuard::new(&AuthConfig::default(), clock);
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let tries = |address| guard.tries_in_vain(address);
        assert_eq!([tries(one), tries(one), tries(one), tries(one)], [false, false, false, true]);
        assert!(!tries(two));
        guard.note_success(one);
        assert_eq!([tries(one), tries(one), tries(one), tries(one)], [false, false, false, true]);
        hand.advance(59_000_000);
        guard.tidy();
        assert!(tries(one), "the last one is not a minute ago");
        hand.advance(60_000_000);
        assert!(!tries(one));
        hand.advance(60_000_000);
        guard.tidy();
        assert!(guard.tries.lock().unwrap().is_empty());
    }
}
