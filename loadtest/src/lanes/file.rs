//! A file sent one verification by one, as fast as it is let: each is sent until it is answered, and
//! who is told to wait waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use crate::drive::Load;
use crate::material::problem_code;
use crate::tally::{Ending, SharedTally, Tally};
use crate::wire::Link;

/// How long a connection rests after it failed.
const REST: Duration = Duration::from_millis(100);
/// A file that gets so many answers in a row that are none has nobody who answers it.
const FAILURES_MAX: u32 = 1_000;

/// What became of a file.
#[derive(Debug)]
pub(super) struct Sent {
    /// What was answered.
    pub(super) tally: Tally,
    /// Told to wait, by status and code.
    pub(super) told_to_wait: BTreeMap<String, u64>,
    pub(super) took: Duration,
}

/// Sends so many verifications.
pub(super) async fn send(load: &Load, requests: u64) -> anyhow::Result<Sent> {
    let (tally, next) = (SharedTally::new()?, Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let mut connections = JoinSet::new();
    for index in 0..load.connections {
        let link = load.link(index);
        connections.spawn(send_some(
            load.clone(),
            link,
            (Arc::clone(&next), requests),
            tally.clone(),
        ));
    }
    let mut told_to_wait = BTreeMap::new();
    while let Some(ended) = connections.join_next().await {
        for (name, count) in ended.context("a connection of the file failed")?? {
            *told_to_wait.entry(name).or_default() += count;
        }
    }
    Ok(Sent { tally: tally.take()?, told_to_wait, took: started.elapsed() })
}

async fn send_some(
    load: Load,
    mut link: Link,
    (next, requests): (Arc<AtomicU64>, u64),
    tally: SharedTally,
) -> anyhow::Result<BTreeMap<String, u64>> {
    let (mut told_to_wait, mut failures) = (BTreeMap::new(), 0);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= requests {
            return Ok(told_to_wait);
        }
        let request = load.ring.at(index);
        loop {
            let sent_at = Instant::now();
            let answer = link.exchange(request.bytes()).await;
            let waits = match answer {
                Ok(429 | 503) => {
                    let name = format!("{} {}", answer.unwrap_or(0), problem_code(link.body()));
                    *told_to_wait.entry(name).or_default() += 1;
                    retry_after(&link)
                }
                Ok(_) => {
                    tally
                        .record(sent_at.elapsed(), load.judge.judge(index, request, answer, &link));
                    break;
                }
                Err(error) => {
                    tally.record(sent_at.elapsed(), Ending::Error(error.to_string()));
                    REST
                }
            };
            failures += 1;
            anyhow::ensure!(failures < FAILURES_MAX, "nobody answers the file");
            tokio::time::sleep(waits).await;
        }
        failures = 0;
    }
}

/// As long as the answer says, or a second.
fn retry_after(link: &Link) -> Duration {
    let seconds = link.field("retry-after").and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}
