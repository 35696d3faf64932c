//! Lanes: who may go on to register and log now, and who waits, is sent away, or has come too late.
//!
//! Places are counted on this node. A request holds one from before the register is asked until its
//! receipt; without waiting it takes one lock for some nanoseconds. Whoever waits can be dropped at
//! any time: its place in the queue, or the place that it was just given, goes to the next.

mod turns;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};
use tokio::sync::oneshot;

use super::deadline::Deadline;
use super::terms::Lane;
use crate::clock::Clock;
use crate::config::LanesConfig;
use crate::request::ClientId;
use crate::telemetry::Metrics;
use turns::{Turns, Waiter};

/// Who is sent away is told to come again within this.
const RETRY_MAX: Duration = Duration::from_mins(1);

/// A place on the way to register and log; given back when dropped.
#[derive(Debug)]
pub struct Pass {
    lanes: Arc<Lanes>,
    lane: Lane,
    deadline: Deadline,
    since_nanos: u64,
}

/// Too much is waiting for the time that is left: nothing was asked and nothing recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in time")]
pub struct Shed {
    /// When it is worth another try.
    pub retry_after: Duration,
}

/// The lanes of this node.
pub struct Lanes {
    turns: Mutex<Turns<oneshot::Sender<Pass>>>,
    clock: Clock,
    figures: [Figures; Lane::ALL.len()],
    metrics: Arc<Metrics>,
}

/// What is told of one lane.
struct Figures {
    waiting: Gauge,
    in_flight: Gauge,
    shed: Counter,
    /// Of those that had to wait and came in.
    waited_seconds: Histogram,
}

/// One who waits, until it is dropped.
struct Waiting<'a> {
    lanes: &'a Lanes,
    lane: Lane,
    client: &'a ClientId,
    ticket: u64,
}

impl Lanes {
    /// All places are free.
    pub fn new(config: &LanesConfig, clock: Clock, metrics: Arc<Metrics>) -> Arc<Self> {
        let figures = Lane::ALL.map(|lane| Figures::of(lane, &metrics));
        Arc::new(Self { turns: Mutex::new(Turns::new(config)), clock, figures, metrics })
    }

    /// Takes a place, at once or in turn.
    ///
    /// # Errors
    /// [`Shed`] at once where the queue would outlive the deadline, is full, or the gateway stops;
    /// and when the deadline comes while waiting.
    pub async fn enter(
        self: &Arc<Self>,
        lane: Lane,
        client: &ClientId,
        deadline: Deadline,
    ) -> Result<Pass, Shed> {
        match lane {
            Lane::Bulk | Lane::Interactive => {}
            // Each use can be seen, whatever becomes of it.
            Lane::Emergency => self.metrics.emergency_requests(client.as_str()).increment(1),
        }
        let asked_nanos = self.clock.monotonic_nanos();
        let left = deadline.left_at(asked_nanos);
        let (waiting, mut told) = {
            let mut turns = self.lock();
            turns.come(lane, asked_nanos);
            if !left.is_zero() && turns.take(lane, asked_nanos) {
                return Ok(self.pass(lane, deadline, asked_nanos));
            }
            let wait = Duration::from_nanos(turns.wait_nanos(lane, client, asked_nanos));
            if left.is_zero() || wait > left || !turns.may_wait(lane) {
                drop(turns);
                return Err(self.shed(lane, wait.saturating_sub(left)));
            }
            let (tell, told) = oneshot::channel();
            let ticket = turns.wait(lane, client, deadline, tell);
            (Waiting { lanes: self, lane, client, ticket }, told)
        };
        let passed = tokio::time::timeout(left, &mut told).await;
        drop(waiting);
        let Ok(Ok(pass)) = passed else { return Err(self.shed(lane, Duration::ZERO)) };
        let waited = pass.since_nanos.saturating_sub(asked_nanos) as f64 / 1e9;
        self.figures[lane as usize].waited_seconds.record(waited);
        Ok(pass)
    }

    /// Sends away everybody who waits, and lets nobody wait any more: the gateway stops. Who has a
    /// place keeps it.
    pub fn close(&self) {
        self.lock().close();
    }

    /// Brings the gauges up to date.
    pub fn tell(&self) {
        for lane in Lane::ALL {
            let (waiting, in_flight) = self.lock().counts(lane);
            let figures = &self.figures[lane as usize];
            figures.waiting.set(waiting as f64);
            figures.in_flight.set(in_flight as f64);
        }
    }

    fn pass(self: &Arc<Self>, lane: Lane, deadline: Deadline, since_nanos: u64) -> Pass {
        Pass { lanes: Arc::clone(self), lane, deadline, since_nanos }
    }

    /// Gives places that are free to those whose turn it is.
    fn hand_on(self: &Arc<Self>, now_nanos: u64) {
        loop {
            let next = self.lock().next(now_nanos);
            let Some((lane, Waiter { deadline, told, .. })) = next else { return };
            // Whoever has gone in this moment does not take it: the pass is dropped here, to the next.
            let _gone = told.send(self.pass(lane, deadline, now_nanos));
        }
    }

    fn shed(&self, lane: Lane, retry_after: Duration) -> Shed {
        self.figures[lane as usize].shed.increment(1);
        Shed { retry_after: retry_after.clamp(Duration::from_secs(1), RETRY_MAX) }
    }

    fn lock(&self) -> MutexGuard<'_, Turns<oneshot::Sender<Pass>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// On which lane.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Until when.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Whether there is time for the next stage.
    ///
    /// # Errors
    /// [`Shed`] once the deadline has passed.
    pub fn check(&self) -> Result<(), Shed> {
        if self.deadline.has_passed(&self.lanes.clock) {
            return Err(self.lanes.shed(self.lane, Duration::ZERO));
        }
        Ok(())
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let now = self.lanes.clock.monotonic_nanos();
        let held = now.saturating_sub(self.since_nanos);
        self.lanes.lock().leave(self.lane, held);
        self.lanes.hand_on(now);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.lanes.lock().go(self.lane, self.client, self.ticket);
    }
}

impl Figures {
    fn of(lane: Lane, metrics: &Metrics) -> Self {
        let label = ("lane", lane.name());
        Self {
            waiting: metrics.gauge("gateway_lane_waiting", label),
            in_flight: metrics.gauge("gateway_lane_in_flight", label),
            shed: metrics.counter("gateway_lane_shed_total", label),
            waited_seconds: metrics.histogram("gateway_lane_waited_seconds", label),
        }
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").field("turns", &self.lock()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
