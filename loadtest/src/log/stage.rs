//! The stage itself: entries go in, receipts come out, in batches as a file of millions makes them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use gateway::audit::{AuditLog, LogEntry, verify_log};
use gateway::clock::{Clock, Random};
use gateway::config::LogConfig;
use gateway::projections::catch_up;
use gateway::store::{KeyFolder, Store};
use gateway::telemetry::Metrics;
use tokio::task::JoinSet;

use super::database::Database;
use super::entries::{Entries, RUN};
use super::proofs::{self, Proofs};
use crate::cpu;

/// Entries in one commit: the gateway's own most.
const BATCH: usize = RUN;
/// Batches that are on their way at once: one is being committed, one waits, one is being made.
const BATCHES_AT_ONCE: usize = 3;

/// What was measured on one database.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Entries a second of each round.
    pub(super) rounds: Vec<f64>,
    pub(super) entries: u64,
    pub(super) commits: u64,
    pub(super) syncs: Option<u64>,
    /// All rounds together.
    pub(super) time: Duration,
    /// Of the entries as they are hashed.
    pub(super) encoded_bytes: u64,
    /// That the tables grew by: without projections, and with them.
    pub(super) tree_bytes: u64,
    pub(super) projected_bytes: Option<u64>,
    /// Entries that were verified in a second of CPU time.
    pub(super) verified_per_cpu_second: Option<f64>,
    pub(super) proofs: Option<Proofs>,
}

/// Fills a fresh log and verifies it.
pub(super) async fn measure(
    database: &Database,
    keys: &std::path::Path,
    (entries, rounds): (usize, usize),
    with_projections: bool,
) -> anyhow::Result<Measured> {
    let keys = KeyFolder::open(keys, Random::system())?;
    let config = LogConfig { batch_entries_max: BATCH, ..LogConfig::default() };
    let store = Store::open(&database.config()).await?;
    ensure!(store.checkpoint(&config.name).await?.is_none(), "the database holds a log already");
    let (bytes, syncs) = (database.bytes().await?, database.syncs().await?);
    let metrics = Arc::new(Metrics::new());
    let log = AuditLog::open(&store, &keys, &config, Clock::system(), Arc::clone(&metrics)).await?;
    let log = Arc::new(log);
    let mut measured = Measured::default();
    let mut making = Entries::new(RUN)?;
    for _ in 0..rounds {
        let made = making.take(entries / rounds);
        measured.encoded_bytes += made.iter().map(|entry| entry.encode().len() as u64).sum::<u64>();
        measured.add(made.len(), round(&log, made).await?);
    }
    log.close().await;
    drop(log);
    measured.commits = count(&metrics, "gateway_log_commits_total");
    measured.tree_bytes = database.bytes().await?.saturating_sub(bytes);
    let syncs_after = database.syncs().await?;
    measured.syncs = syncs.zip(syncs_after).map(|(before, after)| (after - before) as u64);
    if with_projections {
        catch_up(&store, &config.name).await?;
        measured.projected_bytes = Some(database.bytes().await?.saturating_sub(bytes));
    }
    let before = cpu::of_self();
    let verified = verify_log(&store, &keys, &config).await?;
    ensure!(verified.entries == measured.entries, "{} entries were verified", verified.entries);
    measured.verified_per_cpu_second =
        cpu::micros_per_request(before, cpu::of_self(), verified.entries)
            .map(|micros| 1e6 / micros);
    measured.proofs = Some(proofs::measure(&store, &config.name).await?);
    Ok(measured)
}

impl Measured {
    fn add(&mut self, entries: usize, time: Duration) {
        self.rounds.push(entries as f64 / time.as_secs_f64());
        self.entries += entries as u64;
        self.time += time;
    }
}

/// How long these entries took, from the first to the last receipt.
async fn round(log: &Arc<AuditLog>, entries: Vec<LogEntry>) -> anyhow::Result<Duration> {
    let mut batches: Vec<Vec<LogEntry>> = entries.chunks(BATCH).map(<[LogEntry]>::to_vec).collect();
    drop(entries);
    batches.reverse();
    let started = Instant::now();
    let mut running = JoinSet::new();
    while let Some(batch) = batches.pop() {
        if running.len() == BATCHES_AT_ONCE {
            running.join_next().await.context("a batch is running")???;
        }
        let log = Arc::clone(log);
        running.spawn(async move { record(&log, batch).await });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(started.elapsed())
}

async fn record(log: &AuditLog, batch: Vec<LogEntry>) -> anyhow::Result<()> {
    let receipts = log.record_many(&batch).await?;
    let entries = batch.len() as u64;
    ensure!(receipts.entries == entries, "{} receipts for {entries}", receipts.entries);
    Ok(())
}

/// One counter of the gateway's own.
fn count(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.handle().render();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}
