//! The questions that wait, and the callers that take whatever waits in one go.
//!
//! Nothing waits on a timer: a lone question goes at once; while a call is in flight, questions
//! gather and go together.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot};

use super::client::{ClientError, RegistryCaller};
use super::{Finding, Question};
use crate::clock::{Clock, Micros};
use crate::config::PopulationConfig;

/// What a waiting question gets: nothing is sent where the register did not answer.
type Reply = (Finding, Option<Micros>);

pub(super) struct Waiting {
    pub(super) question: Question,
    reply: oneshot::Sender<Reply>,
    since_nanos: u64,
}

pub(super) struct Queue {
    waiting: Mutex<VecDeque<Waiting>>,
    arrived: Notify,
    closed: AtomicBool,
    items_max: usize,
    batch_max: usize,
    overdue_nanos: u64,
    clock: Clock,
}

impl Queue {
    pub(super) fn new(config: &PopulationConfig, clock: Clock) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Notify::new(),
            closed: AtomicBool::new(false),
            items_max: config.queue_items_max,
            batch_max: config.batch_items_max,
            overdue_nanos: config.timeout_ms.saturating_mul(1_000_000),
            clock,
        }
    }

    /// Puts a question in the queue; `None` where the queue is full or closed.
    pub(super) fn push(&self, question: Question) -> Option<oneshot::Receiver<Reply>> {
        let (reply, receiver) = oneshot::channel();
        let since_nanos = self.clock.monotonic_nanos();
        {
            let mut waiting = self.lock();
            if waiting.len() >= self.items_max || self.closed.load(Ordering::Acquire) {
                return None;
            }
            waiting.push_back(Waiting { question, reply, since_nanos });
        }
        self.arrived.notify_one();
        Some(receiver)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.lock().clear();
        self.arrived.notify_waiters();
    }

    /// Everything that waits, up to one batch; waits itself while there is nothing. `None` when
    /// the queue was closed.
    async fn take(&self) -> Option<Vec<Waiting>> {
        loop {
            // The permit of `notify_one` is kept if nobody listens yet, so an arrival between the
            // look and the wait wakes us.
            let arrival = self.arrived.notified();
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            let (batch, left): (Vec<Waiting>, bool) = {
                let mut waiting = self.lock();
                self.give_up_overdue(&mut waiting);
                let count = waiting.len().min(self.batch_max);
                (waiting.drain(..count).collect(), !waiting.is_empty())
            };
            if left {
                self.arrived.notify_one();
            }
            if !batch.is_empty() {
                return Some(batch);
            }
            arrival.await;
        }
    }

    /// Whoever has waited as long as a call may take, behind calls that hang, is told so: a call
    /// ends in that time at the latest, so nobody waits more than twice as long.
    fn give_up_overdue(&self, waiting: &mut VecDeque<Waiting>) {
        let now = self.clock.monotonic_nanos();
        let is_overdue =
            |first: &Waiting| now.saturating_sub(first.since_nanos) >= self.overdue_nanos;
        while waiting.front().is_some_and(is_overdue) {
            waiting.pop_front();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.len()).finish_non_exhaustive()
    }
}

/// A call that takes longer than this is late: the next one may start beside it. Nothing waits for
/// this time; it is far above a call's usual time and far below what a desk notices.
const LATE_AFTER: Duration = Duration::from_millis(5);

/// One caller's life: takes what waits, calls, answers. While a call is not late the others gather
/// questions for the next one; a late one gives its turn away, so that a hanging call stops nobody.
/// A call that fails answers nobody: the dropped senders tell the askers that the register is
/// unavailable.
pub(super) async fn serve(queue: Arc<Queue>, turns: Arc<Semaphore>, mut caller: RegistryCaller) {
    loop {
        let Ok(turn) = turns.acquire().await else { return };
        let Some(mut batch) = queue.take().await else { return };
        // Whoever hung up meanwhile is not asked for.
        batch.retain(|waiting| !waiting.reply.is_closed());
        if batch.is_empty() {
            continue;
        }
        let questions: Vec<Question> = batch.iter().map(|waiting| waiting.question).collect();
        let called = call_in_turn(&mut caller, &questions, turn).await;
        match called.and_then(|body| caller.read(questions.len(), &body)) {
            Ok((as_of, findings)) => {
                for (waiting, finding) in batch.into_iter().zip(findings) {
                    let _asker_may_be_gone = waiting.reply.send((finding, as_of));
                }
            }
            Err(error) => {
                let (error, questions) = (&error as &dyn std::error::Error, questions.len());
                tracing::warn!(error, questions, "population database did not answer");
            }
        }
    }
}

/// One call. The turn is given away when it is late, at the latest when it ends.
async fn call_in_turn(
    caller: &mut RegistryCaller,
    questions: &[Question],
    turn: SemaphorePermit<'_>,
) -> Result<Bytes, ClientError> {
    let mut call = pin!(caller.call(questions));
    if let Ok(called) = tokio::time::timeout(LATE_AFTER, call.as_mut()).await {
        return called;
    }
    drop(turn);
    call.await
}
