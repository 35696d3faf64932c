//! One limit that nodes share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::breaker::Advice;
use super::lease::{Call, Drawing, Drawn, LIFE, Lease, Step};
use super::script::Reply;
use super::{Answer, Part, Redis};
use crate::rate_limit::gcra::{Size, Taken};

/// Nobody waits longer to be told: two calls, one that was on its way, and whatever kept the thread.
const TOLD: Duration = Duration::from_millis(50);

/// One bucket in Redis, as this node draws from it.
#[derive(Debug)]
pub(in crate::rate_limit) struct SharedLimit {
    redis: Arc<Redis>,
    key: String,
    part: Part,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    size: Size,
    drawing: Drawing,
    lease: Lease,
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
        Self {
            redis,
            key,
            part,
            state: Mutex::new(State { size, drawing, lease: Lease::default() }),
        }
    }

    /// Makes it another size. In Redis as much is owed as before, and this node knows what it knew.
    pub(in crate::rate_limit) fn resize(&self, size: Size) {
        let (drawing, share) = (Drawing::of(size), size.share(self.redis.nodes()));
        let mut state = self.state();
        (state.size, state.drawing) = (size, drawing);
        state.lease.resize(share);
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
        let step = self.state().lease.step(self.now());
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
                let now = self.now();
                let is_taken_back = {
                    let mut state = self.state();
                    state.drawing.ahead > 0 && state.lease.take_back(drawn, now)
                };
                if !is_taken_back {
                    let limit = Arc::clone(self);
                    self.redis.calls.spawn(async move { limit.return_to_redis(drawn).await });
                }
            }
            SharedUnit::Share(taken) => self.state().lease.give_back_share(taken),
        }
    }

    /// Units that would pass now, as far as this node knows.
    pub(in crate::rate_limit) fn remaining(&self) -> u32 {
        let (now, state) = (self.now(), self.state());
        state.lease.remaining(state.drawing, now)
    }

    /// Whether nothing would be lost with it.
    pub(in crate::rate_limit) fn is_idle(&self) -> bool {
        self.state().lease.is_idle(self.now())
    }

    fn take_share(&self) -> Result<SharedUnit, u64> {
        let (now, nodes) = (self.now(), self.redis.nodes());
        let mut state = self.state();
        let share = state.size.share(nodes);
        let taken = state.lease.take_share(share, now)?;
        self.redis.metrics.limits_unshared_requests.increment(1);
        Ok(SharedUnit::Share(taken))
    }

    /// Asks Redis for those who wait, as long as somebody does. Whoever is not answered the first
    /// time may have been unlucky; the second time it does without.
    async fn call(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            let call = self.begin();
            let answer = self.ask(call.size, call.wanted, call.known).await;
            let is_last = failures > 0 || self.redis.breaker(self.part).is_open();
            match answer {
                // What was there in time and is read late is worth nothing: what it gave has died.
                Answer::Given(reply) if self.now() < call.began + LIFE => {
                    if !self.end(call, &reply) {
                        return;
                    }
                    failures = 0;
                }
                Answer::Given(_) | Answer::None if !is_last => failures += 1,
                Answer::Given(_) | Answer::None | Answer::Unusable => {
                    return self.state().lease.fail();
                }
            }
        }
    }

    fn begin(&self) -> Call {
        let (now, mut state) = (self.now(), self.state());
        let drawing = state.drawing;
        state.lease.begin(drawing, now)
    }

    fn end(&self, call: Call, reply: &Reply) -> bool {
        let (now, mut state) = (self.now(), self.state());
        let drawing = state.drawing;
        state.lease.end(drawing, call, now, reply)
    }

    /// Takes nothing: is there an answer in time?
    async fn try_out(self: Arc<Self>) {
        let size = self.state().drawing.size;
        let _noted = self.ask(size, 0, 0).await;
    }

    async fn ask(&self, Size { unit, whole }: Size, wanted: u32, known: i64) -> Answer {
        let arguments = [unit.cast_signed(), whole.cast_signed(), i64::from(wanted), known];
        self.redis.take(self.part, &self.key, arguments).await
    }

    /// What was taken at another rate is lost: the script counts what was taken since at one rate.
    async fn return_to_redis(&self, Drawn { unit, born, serial, .. }: Drawn) {
        if unit == self.state().size.unit {
            self.redis.give_back(&self.key, [unit.cast_signed(), 1, serial, born]).await;
        }
    }

    fn now(&self) -> u64 {
        self.redis.clock.monotonic_nanos()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
