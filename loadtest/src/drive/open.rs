//! Open loop: arrivals come by schedule, whatever the system under load does.
//!
//! Latency counts from the intended time of an arrival, so time spent waiting for a free
//! connection is part of it. What is not answered by the end counts as failed, with the time that
//! it had waited: nobody who arrived is left out of the percentiles.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::schedule::Schedule;
use super::{GRACE, Load, REST};
use crate::tally::{Ending, SharedTally, Tally};
use crate::wire::Link;

/// Closest that arrivals are let go one after the other. Closer ones go together, at most this
/// much late, which counts as latency; waking for each would cost more CPU than sending it.
const RELEASE_MIN: Duration = Duration::from_micros(50);

/// Arrivals, handed to connections in order.
#[derive(Debug)]
struct Arrivals {
    schedule: Schedule,
    start: Instant,
    /// One permit per arrival that is due and not taken.
    due: Semaphore,
    /// The next arrival to be taken.
    next: AtomicU64,
    /// How many there are.
    end: AtomicU64,
}

impl Arrivals {
    /// The next arrival that is due, once one is; `None` after the last.
    async fn take(&self) -> Option<u64> {
        self.due.acquire().await.ok()?.forget();
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.end.load(Ordering::Acquire)).then_some(index)
    }

    /// How long the arrival has waited since it was meant to happen.
    fn waited(&self, index: u64) -> Duration {
        self.start.elapsed().saturating_sub(self.schedule.intended(index))
    }
}

/// Sends one request per arrival and waits for the answers, at most five seconds after the last.
pub(crate) async fn open_loop(load: &Load, schedule: Schedule) -> anyhow::Result<Tally> {
    open_loop_until(load, schedule, std::future::pending()).await
}

/// The same, with no arrival any more once `stop` has come.
pub(crate) async fn open_loop_until(
    load: &Load,
    schedule: Schedule,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Tally> {
    let tally = SharedTally::new()?;
    let arrivals = Arc::new(Arrivals {
        schedule,
        start: Instant::now(),
        due: Semaphore::new(0),
        next: AtomicU64::new(0),
        end: AtomicU64::new(schedule.total()),
    });
    let deadline = arrivals.start + schedule.duration() + GRACE;
    let mut tasks = JoinSet::new();
    for index in 0..load.connections {
        let link = load.link(index);
        tasks.spawn(serve_arrivals(
            load.clone(),
            link,
            Arc::clone(&arrivals),
            tally.clone(),
            deadline,
        ));
    }
    let (released, connections) = (Arc::clone(&arrivals), load.connections);
    std::thread::Builder::new()
        .name("arrivals".to_owned())
        .spawn(move || release(&released, connections))
        .context("the thread of the arrivals")?;
    let mut stop = pin!(stop);
    let mut stopped = false;
    loop {
        let ended = tokio::select! {
            biased;
            ended = tasks.join_next() => ended,
            () = stop.as_mut(), if !stopped => {
                stopped = true;
                arrivals.end.store(schedule.due(arrivals.start.elapsed()), Ordering::Release);
                continue;
            }
        };
        let Some(ended) = ended else { break };
        ended.context("a connection of the generator failed")?;
    }
    arrivals.due.close();
    record_unsent(&arrivals, &tally);
    tally.take()
}

/// Lets arrivals go as they become due, and then tells every connection that there are no more.
///
/// On a thread of its own: the runtime's timers count whole milliseconds, and with half of all
/// answers due within two that would be part of the measurement. A sleeping thread is woken to
/// within some tens of microseconds.
fn release(arrivals: &Arrivals, connections: u32) {
    let mut released = 0;
    while released < arrivals.end.load(Ordering::Acquire) && !arrivals.due.is_closed() {
        let end = arrivals.end.load(Ordering::Acquire);
        let due = arrivals.schedule.due(arrivals.start.elapsed()).min(end).max(released);
        arrivals.due.add_permits((due - released) as usize);
        released = due;
        let wait = arrivals.schedule.intended(released).saturating_sub(arrivals.start.elapsed());
        std::thread::sleep(wait.max(RELEASE_MIN));
    }
    arrivals.due.add_permits(connections as usize);
}

async fn serve_arrivals(
    load: Load,
    mut link: Link,
    arrivals: Arc<Arrivals>,
    tally: SharedTally,
    deadline: Instant,
) {
    let deadline = tokio::time::Instant::from_std(deadline);
    while tokio::time::Instant::now() < deadline {
        let Ok(Some(index)) = tokio::time::timeout_at(deadline, arrivals.take()).await else {
            return;
        };
        let request = load.ring.at(index);
        let exchange = link.exchange(request.bytes());
        let Ok(answer) = tokio::time::timeout_at(deadline, exchange).await else {
            let ending = Ending::Error("no answer".to_owned());
            return tally.record(arrivals.waited(index), ending);
        };
        let waited = arrivals.waited(index);
        let broke = answer.is_err();
        tally.record(waited, load.judge.judge(index, request, answer, &link));
        if broke {
            tokio::time::sleep(REST).await;
        }
    }
}

/// Arrivals that no connection was free for: failed, after all the time they waited.
fn record_unsent(arrivals: &Arrivals, tally: &SharedTally) {
    let taken = arrivals.next.load(Ordering::Relaxed);
    for index in taken..arrivals.end.load(Ordering::Acquire) {
        tally.record(arrivals.waited(index), Ending::Error("unsent".to_owned()));
    }
}
