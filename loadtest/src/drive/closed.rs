//! Closed loop: every connection sends its next request as soon as it has an answer.
//!
//! Finds the most that a system can do. Its latencies are those of a saturated system seen by
//! callers who wait for one another; what users wait is the open loop's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use super::{GRACE, Load, REST};
use crate::tally::{Ending, SharedTally, Tally};
use crate::wire::Link;

/// Sends for `duration`; only what was answered within it is counted as answered.
pub(crate) async fn closed_loop(load: &Load, duration: Duration) -> anyhow::Result<Tally> {
    let tally = SharedTally::new()?;
    let next = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + duration;
    let mut connections = JoinSet::new();
    for index in 0..load.connections {
        let link = load.link(index);
        let connection = send_until(end, load.clone(), link, Arc::clone(&next), tally.clone());
        let tally = tally.clone();
        connections.spawn(async move {
            let deadline = tokio::time::Instant::from_std(end + GRACE);
            if tokio::time::timeout_at(deadline, connection).await.is_err() {
                tally.record(duration + GRACE, Ending::Error("no answer".to_owned()));
            }
        });
    }
    while let Some(ended) = connections.join_next().await {
        ended.context("a connection of the generator failed")?;
    }
    tally.take()
}

async fn send_until(
    end: Instant,
    load: Load,
    mut link: Link,
    next: Arc<AtomicU64>,
    tally: SharedTally,
) {
    let mut sent_at = Instant::now();
    while sent_at < end {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let request = load.ring.at(index);
        let answer = link.exchange(request.bytes()).await;
        let broke = answer.is_err();
        let now = Instant::now();
        if now >= end && !broke {
            // Answered too late to be part of the rate, and nothing went wrong.
            return;
        }
        tally.record(now - sent_at, load.judge.judge(index, request, answer, &link));
        if broke {
            tokio::time::sleep(REST).await;
        }
        sent_at = Instant::now();
    }
}
