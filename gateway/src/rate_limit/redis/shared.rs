//! One limit that nodes share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::breaker::Advice;
use super::lease::{Drawing, Drawn, LIFE, Lease, Step};
use super::{Part, Redis};
use crate::rate_limit::gcra::{Size, Taken};

/// Nobody waits longer to be told: two calls, one that was on its way, and whatever kept the thread.
const TOLD: Duration = Duration::from_millis(50);

/// One bucket in Redis, as this node draws from it.
#[derive(Debug)]
pub(in crate::rate_limit) struct SharedLimit {
    redis: Arc<Redis>,
    key: String,
    part: Part,
    size: Size,
    drawing: Drawing,
    lease: Mutex<Lease>,
}

/// A unit that was taken.
#[derive(Debug, Clone, Copy)]
pub(in crate::rate_limit) enum SharedUnit {
    /// Of the bucket in Redis.
    Drawn(Drawn),
    /// Of this node's part.
    Share(Taken),
}

impl SharedLimit {
    /// A limit under a key: what is in braces in it says on which server of a Cluster it is.
    pub(in crate::rate_limit) fn new(redis: Arc<Redis>, key: String, size: Size) -> Self {
        let (part, drawing) = (Part::of(&key), Drawing::of(size));
        Self { redis, key, part, size, drawing, lease: Mutex::default() }
    }

    /// Takes one unit; a refusal takes nothing and says how many nanoseconds to wait.
    pub(in crate::rate_limit) async fn take(self: &Arc<Self>) -> Result<SharedUnit, u64> {
        let advice = self.redis.advice(self.part);
        if advice == Advice::Try {
            self.redis.calls.spawn(Arc::clone(self).try_out());
        }
        if advice != Advice::Ask {
            return self.take_share();
        }
        let step = self.lease().step(self.now());
        let told = match step {
            Step::Take(drawn) => return Ok(SharedUnit::Drawn(drawn)),
            Step::Refuse(wait) => return Err(wait),
            Step::Wait { told, calls } => {
                if calls {
                    self.redis.calls.spawn(Arc::clone(self).call());
                }
                told
            }
        };
        match tokio::time::timeout(TOLD, told).await {
            Ok(Ok(told)) => told.map(SharedUnit::Drawn),
            // Redis did not answer.
            Ok(Err(_)) | Err(_) => self.take_share(),
        }
    }

    /// Gives a unit back, without waiting for it: to the lease while it lives, where others are about to
    /// use it, else to Redis.
    pub(in crate::rate_limit) fn give_back(self: &Arc<Self>, unit: SharedUnit) {
        match unit {
            SharedUnit::Drawn(drawn) => {
                let is_leased = self.drawing.ahead > 0;
                if !(is_leased && self.lease().take_back(drawn, self.now())) {
                    let limit = Arc::clone(self);
                    self.redis.calls.spawn(async move { limit.return_to_redis(drawn).await });
                }
            }
            SharedUnit::Share(taken) => self.lease().give_back_share(taken),
        }
    }

    /// Units that would pass now, as far as this node knows.
    pub(in crate::rate_limit) fn remaining(&self) -> u32 {
        self.lease().remaining(self.drawing, self.now())
    }

    /// Whether nothing would be lost with it.
    pub(in crate::rate_limit) fn is_idle(&self) -> bool {
        self.lease().is_idle(self.now())
    }

    fn take_share(&self) -> Result<SharedUnit, u64> {
        let (now, nodes) = (self.now(), self.redis.nodes());
        let taken = self.lease().take_share(self.size.share(nodes), now)?;
        self.redis.metrics.limits_unshared_requests.increment(1);
        Ok(SharedUnit::Share(taken))
    }

    /// Asks Redis for those who wait, as long as somebody does. Whoever is not answered the first
    /// time may have been unlucky; the second time it does without.
    async fn call(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            let call = self.lease().begin(self.drawing, self.now());
            let reply = self.ask(call.wanted, call.known).await;
            // An answer that was there in time and is read late is worth nothing: what it gave has died.
            match reply.filter(|_| self.now() < call.began + LIFE) {
                Some(reply) if self.lease().end(self.drawing, call, self.now(), &reply) => {
                    failures = 0;
                }
                Some(_) => return,
                None if failures > 0 || self.redis.breaker(self.part).is_open() => {
                    self.lease().fail();
                    return;
                }
                None => failures += 1,
            }
        }
    }

    /// Takes nothing: is there an answer in time?
    async fn try_out(self: Arc<Self>) {
        let _noted = self.ask(0, 0).await;
    }

    async fn ask(&self, wanted: u32, known: i64) -> Option<super::Reply> {
        let Size { unit, whole } = self.drawing.size;
        let arguments = [unit.cast_signed(), whole.cast_signed(), i64::from(wanted), known];
        self.redis.take(self.part, &self.key, arguments).await
    }

    async fn return_to_redis(&self, drawn: Drawn) {
        let unit = self.drawing.size.unit.cast_signed();
        self.redis.give_back(&self.key, [unit, 1, drawn.serial, drawn.born]).await;
    }

    fn now(&self) -> u64 {
        self.redis.clock.monotonic_nanos()
    }

    fn lease(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
