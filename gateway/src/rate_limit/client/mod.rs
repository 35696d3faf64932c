//! The limits of clients: the client's own rate, that of the client it acts for, that of the official
//! who asks. One unit of each, or of none.

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use foldhash::HashMap;
use secrecy::ExposeSecret;

use super::gcra::{Gcra, Size, Taken};
use super::lanes::Pass;
use super::quota::QuotaLedger;
use super::redis::{Redis, RedisStartError, SharedLimit, SharedUnit};
use super::terms::{Limits, Terms};
use crate::clock::Clock;
use crate::config::LimitsConfig;
use crate::request::ClientId;
use crate::telemetry::Metrics;

/// Limits that one request can meet: own, acted for, official.
const LIMITS_MAX: usize = 3;
/// Officials of one client whose rates are remembered at once, as many as it may make known. Each is
/// forgotten when its bucket is full again.
const OFFICIALS_MAX: usize = 100_000;

/// Proof that step 1 was taken: every limit had room for this request.
#[derive(Debug)]
pub struct Admission {
    units: Option<Units>,
}

/// Units of limits that a request has taken.
#[derive(Debug)]
pub struct Units([Option<Unit>; LIMITS_MAX]);

#[derive(Debug)]
struct Unit {
    limit: Arc<Limit>,
    taken: TakenOf,
}

#[derive(Debug, Clone, Copy)]
enum TakenOf {
    Own(Taken),
    Shared(SharedUnit),
}

/// An authentication that the client's limit had room for.
#[derive(Debug)]
pub struct Authentication {
    limiter: Arc<Limiter>,
    taken: Taken,
}

/// A limit has no room.
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

/// Whose limits a request meets.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The client that asks.
    pub client: &'a ClientId,
    /// The client of the agency it acts for.
    pub acted_for: Option<&'a ClientId>,
    /// Digest of the official who asks, where officials have a rate: one who is known.
    pub official: Option<Official>,
}

/// An official of a client, by digest.
pub type Official = [u8; 8];

/// The officials of one client, each with the limits in force and the bucket.
type Officials = HashMap<Official, (Limits, Arc<Limit>)>;

/// One bucket: in this process, or in Redis.
#[derive(Debug)]
enum Limit {
    Own(Gcra),
    Shared(Arc<SharedLimit>),
}

#[derive(Debug)]
struct Limiter {
    terms: Terms,
    requests: Arc<Limit>,
    /// Of the same size, of this node, and apart: who has used its rate up must still be able to renew
    /// its token.
    authentications: Arc<Gcra>,
}

/// The limiters of all clients.
#[derive(Debug, Default)]
struct Limiters {
    known: HashMap<ClientId, Arc<Limiter>>,
    /// Those of clients that are known no more, until nothing is owed: who comes back begins where it
    /// was, whatever made it unknown for a moment.
    gone: HashMap<ClientId, Arc<Limiter>>,
}

/// The limits of all clients.
#[derive(Debug)]
pub struct ClientLimits {
    clock: Clock,
    redis: Option<Arc<Redis>>,
    limiters: RwLock<Limiters>,
    officials: RwLock<HashMap<ClientId, Officials>>,
}

impl ClientLimits {
    /// Starts with no client known; limits are of this node alone.
    pub fn new(clock: Clock) -> Self {
        Self { clock, redis: None, limiters: RwLock::default(), officials: RwLock::default() }
    }

    /// The same, with limits in the Redis that is configured, if one is; `name` is this node's.
    ///
    /// # Errors
    /// If the way to Redis cannot be used. One that does not answer is no error.
    pub fn start(
        config: &LimitsConfig,
        name: &str,
        clock: Clock,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, RedisStartError> {
        let redis = config.redis_url.as_ref().map(|url| {
            Redis::start(url.expose_secret(), config.nodes, name, clock.clone(), metrics)
        });
        Ok(Self { redis: redis.transpose()?, ..Self::new(clock) })
    }

    /// The Redis that nodes share, if they do.
    pub(super) fn redis(&self) -> Option<&Arc<Redis>> {
        self.redis.as_ref()
    }

    /// The ledger of quotas, over the same Redis if one is configured.
    pub fn quota_ledger(&self, nodes: NonZeroU32) -> QuotaLedger {
        match &self.redis {
            None => QuotaLedger::new(nodes),
            Some(redis) => QuotaLedger::shared(nodes, Arc::clone(redis), self.clock.clone()),
        }
    }

    /// Whether limits are shared with other nodes at present: Redis is there and answers in time.
    pub fn is_shared(&self) -> bool {
        self.redis.as_ref().is_some_and(|redis| redis.is_shared())
    }

    /// Replaces the limits; what was used stays used.
    pub fn replace(&self, terms: impl IntoIterator<Item = (ClientId, Terms)>) {
        let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
        let Limiters { known: mut before, mut gone } = std::mem::take(&mut *limiters);
        limiters.known.extend(terms.into_iter().map(|(client_id, terms)| {
            let limiter = match before.remove(&client_id).or_else(|| gone.remove(&client_id)) {
                Some(limiter) if limiter.terms == terms => limiter,
                Some(limiter) => Arc::new(limiter.under(terms)),
                None => Arc::new(self.limiter_of(&client_id, terms)),
            };
            (client_id, limiter)
        }));
        gone.extend(before);
        limiters.gone = gone;
    }

    fn limiter_of(&self, client_id: &ClientId, terms: Terms) -> Limiter {
        let size = Size::of(terms.limits);
        let key = || format!("gateway:limit:{{{client_id}}}");
        let requests = Arc::new(self.limit(key, size));
        Limiter { terms, requests, authentications: Arc::new(Gcra::new(size)) }
    }

    /// A bucket of this size, which nobody has taken from unless it is in Redis already.
    fn limit(&self, key: impl FnOnce() -> String, size: Size) -> Limit {
        match &self.redis {
            None => Limit::Own(Gcra::new(size)),
            Some(redis) => {
                Limit::Shared(Arc::new(SharedLimit::new(Arc::clone(redis), key(), size)))
            }
        }
    }

    /// Takes one unit of every limit that the request meets, or of none.
    ///
    /// # Errors
    /// [`RateLimited`] with the time after which a request passes.
    pub async fn admit(&self, asking: Asking<'_>) -> Result<Admission, RateLimited> {
        let own = self.known(asking.client)?;
        let other = asking.acted_for.filter(|id| *id != asking.client);
        let other = other.map(|id| self.known(id)).transpose()?;
        let official = self.official(&own, &asking)?;
        let limits = [
            Some(Arc::clone(&own.requests)),
            other.map(|other| Arc::clone(&other.requests)),
            official,
        ];
        Ok(Admission { units: Some(self.take(limits).await?) })
    }

    async fn take(&self, limits: [Option<Arc<Limit>>; LIMITS_MAX]) -> Result<Units, RateLimited> {
        let units = match &self.redis {
            None => self.take_own(limits),
            Some(_) => take_shared(limits).await,
        };
        units.map_err(|nanos| RateLimited { retry_after: Duration::from_nanos(nanos) })
    }

    fn take_own(&self, limits: [Option<Arc<Limit>>; LIMITS_MAX]) -> Result<Units, u64> {
        let buckets = limits.each_ref().map(|limit| limit.as_deref().and_then(Limit::own));
        let taken = Gcra::take_all(buckets, self.clock.monotonic_nanos())?;
        let mut taken = taken.into_iter();
        Ok(Units(limits.map(|limit| {
            let taken = TakenOf::Own(taken.next()??);
            Some(Unit { limit: limit?, taken })
        })))
    }

    /// Whether a client's official has asked of late, so that its limit is there. Of anybody else it is
    /// to be found out first whether the client has made them known: no limit is made for made-up ones.
    pub fn remembers(&self, client: &ClientId, official: Official) -> bool {
        self.remembered(client, official).is_some()
    }

    /// Takes of the limit of an official as well, for a request that was admitted without: one who was
    /// found to be known.
    ///
    /// # Errors
    /// [`RateLimited`]; what the request has taken of other limits is given back then.
    pub async fn admit_official(
        &self,
        mut admission: Admission,
        client: &ClientId,
        official: Official,
    ) -> Result<Admission, RateLimited> {
        let (limiter, Some(taken)) = (self.known(client)?, admission.units()) else {
            return Ok(admission);
        };
        let taken = Taking(taken);
        let asking = Asking { client, acted_for: None, official: Some(official) };
        let Some(limit) = self.official(&limiter, &asking)? else {
            return Ok(Admission { units: Some(taken.kept()) });
        };
        let more = self.take([None, None, Some(limit)]).await?;
        Ok(Admission { units: Some(taken.kept().and(more)) })
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
        let taken = limiter.authentications.take(self.clock.monotonic_nanos());
        let taken =
            taken.map_err(|nanos| RateLimited { retry_after: Duration::from_nanos(nanos) })?;
        Ok(Authentication { limiter, taken })
    }

    /// What the header fields tell a client now.
    pub fn state(&self, client_id: &ClientId) -> Option<RateState> {
        let limiter = self.limiter(client_id)?;
        let remaining = match &*limiter.requests {
            Limit::Own(gcra) => gcra.remaining(self.clock.monotonic_nanos()),
            Limit::Shared(shared) => shared.remaining(),
        };
        Some(RateState { limits: limiter.terms.limits, remaining })
    }

    /// Forgets officials who have not asked, and clients that are gone, for so long that nothing is owed.
    pub fn tidy(&self) {
        let now = self.clock.monotonic_nanos();
        let mut officials = self.officials.write().unwrap_or_else(PoisonError::into_inner);
        officials.retain(|_, officials| {
            officials.retain(|_, (_, limit)| Arc::strong_count(limit) > 1 || !limit.is_idle(now));
            !officials.is_empty()
        });
        drop(officials);
        let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
        limiters.gone.retain(|_, limiter| !limiter.is_idle(now));
    }

    fn official(
        &self,
        limiter: &Limiter,
        asking: &Asking<'_>,
    ) -> Result<Option<Arc<Limit>>, RateLimited> {
        let (Some(limits), Some(official)) = (limiter.terms.official_limits, asking.official)
        else {
            return Ok(None);
        };
        self.official_limit(asking.client, official, limits).map(Some)
    }

    fn official_limit(
        &self,
        client: &ClientId,
        official: Official,
        limits: Limits,
    ) -> Result<Arc<Limit>, RateLimited> {
        if let Some((_, limit)) = self.remembered(client, official).filter(|(of, _)| *of == limits)
        {
            return Ok(limit);
        }
        let mut all = self.officials.write().unwrap_or_else(PoisonError::into_inner);
        let officials = all.entry(client.clone()).or_default();
        // Another request of the same official may have been first; or its limit is another one now.
        if let Some((of, limit)) = officials.get_mut(&official) {
            if *of != limits {
                limit.resize(Size::of(limits));
                *of = limits;
            }
            return Ok(Arc::clone(limit));
        }
        if officials.len() >= OFFICIALS_MAX {
            return Err(RateLimited { retry_after: Duration::from_secs(1) });
        }
        let digest = format!("{:016x}", u64::from_be_bytes(official));
        let key = || format!("gateway:limit:{{{client}}}:official:{digest}");
        let limit = Arc::new(self.limit(key, Size::of(limits)));
        officials.insert(official, (limits, Arc::clone(&limit)));
        Ok(limit)
    }

    fn remembered(&self, client: &ClientId, official: Official) -> Option<(Limits, Arc<Limit>)> {
        let officials = self.officials.read().unwrap_or_else(PoisonError::into_inner);
        officials.get(client)?.get(&official).cloned()
    }

    fn known(&self, client_id: &ClientId) -> Result<Arc<Limiter>, RateLimited> {
        // The directory was replaced a moment ago and the limits follow: refuse, never guess.
        let limited = RateLimited { retry_after: Duration::from_secs(1) };
        self.limiter(client_id).ok_or(limited)
    }

    fn limiter(&self, client_id: &ClientId) -> Option<Arc<Limiter>> {
        self.limiters.read().unwrap_or_else(PoisonError::into_inner).known.get(client_id).cloned()
    }
}

impl Limiter {
    /// The same buckets under other terms.
    fn under(&self, terms: Terms) -> Self {
        let size = Size::of(terms.limits);
        self.requests.resize(size);
        self.authentications.resize(size);
        let (requests, authentications) =
            (Arc::clone(&self.requests), Arc::clone(&self.authentications));
        Self { terms, requests, authentications }
    }

    fn is_idle(&self, now: u64) -> bool {
        self.requests.is_idle(now) && self.authentications.is_untouched(now)
    }
}

/// One unit of each, in the order in which they stand; those that were taken are given back where a
/// later one has no room.
async fn take_shared(limits: [Option<Arc<Limit>>; LIMITS_MAX]) -> Result<Units, u64> {
    let mut taking = Taking(Units([const { None }; LIMITS_MAX]));
    for (limit, unit) in limits.into_iter().zip(&mut taking.0.0) {
        let Some(limit) = limit else { continue };
        let Limit::Shared(shared) = &*limit else { continue };
        let taken = TakenOf::Shared(shared.take().await?);
        *unit = Some(Unit { limit, taken });
    }
    Ok(taking.kept())
}

/// Units that go back where the request does not get all that it needs: where a limit refuses, and
/// where its caller hangs up before the last was asked.
struct Taking(Units);

impl Taking {
    fn kept(mut self) -> Units {
        self.0.taken()
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.0.taken().give_back();
    }
}

impl Admission {
    /// For a row of a job, which no rate binds: it has a place on the bulk lane, and quotas.
    pub fn of_row(_pass: &Pass) -> Self {
        Self { units: None }
    }

    /// What was taken, to be given back if the request fails through no fault of its own.
    pub fn units(&mut self) -> Option<Units> {
        self.units.take()
    }
}

impl Units {
    fn taken(&mut self) -> Self {
        Self(std::mem::take(&mut self.0))
    }

    /// These and others, of other limits.
    fn and(mut self, mut others: Self) -> Self {
        for (unit, other) in self.0.iter_mut().zip(&mut others.0) {
            *unit = unit.take().or_else(|| other.take());
        }
        self
    }

    /// Gives all of them back.
    pub fn give_back(self) {
        for Unit { limit, taken } in self.0.into_iter().flatten() {
            match (&*limit, taken) {
                (Limit::Own(gcra), TakenOf::Own(taken)) => gcra.give_back(taken),
                (Limit::Shared(shared), TakenOf::Shared(taken)) => shared.give_back(taken),
                (Limit::Own(_), TakenOf::Shared(_)) | (Limit::Shared(_), TakenOf::Own(_)) => {}
            }
        }
    }
}

impl Authentication {
    /// It was none of the client's: somebody sent what the client had sent before.
    pub fn give_back(self) {
        self.limiter.authentications.give_back(self.taken);
    }
}

impl Limit {
    fn own(&self) -> Option<&Gcra> {
        match self {
            Self::Own(gcra) => Some(gcra),
            Self::Shared(_) => None,
        }
    }

    fn resize(&self, size: Size) {
        match self {
            Self::Own(gcra) => gcra.resize(size),
            Self::Shared(shared) => shared.resize(size),
        }
    }

    fn is_idle(&self, now: u64) -> bool {
        match self {
            Self::Own(gcra) => gcra.is_untouched(now),
            Self::Shared(shared) => shared.is_idle(),
        }
    }
}

#[cfg(test)]
mod tests;
