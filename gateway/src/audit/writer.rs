//! The one writer of a log: what waited while the last commit ran goes into the next one.
//!
//! A receipt exists only after its commit returned. A batch that was not written is refused and
//! the tree stays as it was; when nobody can know whether a batch is on disk, the writer stops
//! for good and start-up finds out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

use super::checkpoint::CheckpointSigner;
use super::counters::Counts;
use super::entry::LogEntry;
use super::published::{Loss, loss_of};
use super::recovery::{OpenError, Recovered, recover};
use super::tree::{self, Frontier, FullTile, Hash};
use crate::clock::Clock;
use crate::config::LogConfig;
use crate::store::{Commit, CommitFailure, KEY_BYTES, KeyFolder, LogWriter, Store, TileRow};
use crate::telemetry::Metrics;

/// Entries that wait to be counted in the store, about. They are counted in the commit of a later
/// batch: writing the counters with every batch would make a commit several times its size. A
/// report reads them from their bundles, which takes a microsecond an entry.
const UNCOUNTED_ENTRIES_MAX: u64 = 4_096;

/// A node that refused a commit says for this long that it is not ready, so that others are asked.
const REFUSAL_NANOS: u64 = 5_000_000_000;

/// Proof that an entry is durable: nothing else makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    log: Arc<str>,
    index: u64,
    leaf: Hash,
}

impl Receipt {
    /// Name of the log.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Index of the entry in the log.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Leaf hash of the entry.
    pub fn leaf(&self) -> &Hash {
        &self.leaf
    }
}

/// The log cannot take an entry now: no receipt, no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot take the entry")]
pub struct LogUnavailable;

/// What goes to the writer.
enum Message {
    Record(Box<Pending>),
    Close,
}

struct Pending {
    entry: LogEntry,
    bytes: Vec<u8>,
    leaf: Hash,
    reply: oneshot::Sender<Receipt>,
}

/// The log of this node, as those see it who record something.
#[derive(Debug)]
pub struct AuditLog {
    sender: mpsc::Sender<Message>,
    stopped: watch::Receiver<WriterState>,
    refused_at: Arc<AtomicU64>,
    clock: Clock,
}

/// Where the writer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriterState {
    Running,
    /// Everything that was accepted is committed; nothing comes any more.
    Drained,
    /// Nobody knows what is on disk: the process must end.
    Failed,
}

impl AuditLog {
    /// Opens the log: verifies its tail against the signed checkpoint and the whole against the
    /// published one, makes the first checkpoint of a new log, and starts the writer.
    pub async fn open(
        store: &Store,
        keys: &KeyFolder,
        config: &LogConfig,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, OpenError> {
        match Found::open(store, keys, config).await? {
            Found { loss: Some(loss), .. } => Err(OpenError::Loss(Box::new(loss))),
            found => found.start(config, clock, metrics).await,
        }
    }

    /// Opens the log for a command although entries are lost: this loss was accepted, no other.
    pub async fn open_after_loss(
        store: &Store,
        keys: &KeyFolder,
        config: &LogConfig,
        clock: Clock,
        accepted: &Loss,
    ) -> Result<Self, OpenError> {
        match Found::open(store, keys, config).await? {
            Found { loss: Some(loss), .. } if loss != *accepted => {
                Err(OpenError::Loss(Box::new(loss)))
            }
            found => found.start(config, clock, Arc::new(Metrics::new())).await,
        }
    }

    /// Makes an entry durable and counted, and says where it stands.
    ///
    /// # Errors
    /// [`LogUnavailable`] at once if the queue is full, and whenever the entry is not known to be
    /// on disk.
    pub async fn record(&self, entry: impl Into<LogEntry>) -> Result<Receipt, LogUnavailable> {
        let entry = entry.into();
        let bytes = entry.encode();
        let leaf = tree::leaf_hash(&bytes);
        let (reply, receipt) = oneshot::channel();
        let pending = Box::new(Pending { entry, bytes, leaf, reply });
        self.sender.try_send(Message::Record(pending)).map_err(|_| LogUnavailable)?;
        receipt.await.map_err(|_| LogUnavailable)
    }

    /// Whether entries are taken: the writer runs, and its last commit was not refused a moment
    /// ago. After that moment it is worth another try.
    pub fn is_open(&self) -> bool {
        let refused_at = self.refused_at.load(Ordering::Relaxed);
        let since = self.clock.monotonic_nanos().saturating_sub(refused_at);
        let refuses = refused_at > 0 && since < REFUSAL_NANOS;
        *self.stopped.borrow() == WriterState::Running && !refuses
    }

    /// Waits until the writer has failed in a way that only a restart mends.
    pub async fn failed(&self) {
        let mut stopped = self.stopped.clone();
        if stopped.wait_for(|state| *state == WriterState::Failed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes no more entries and waits until the last accepted one is committed.
    pub async fn close(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that the writer is gone already.
        let _sent = self.sender.send(Message::Close).await;
        let _writer_gone = stopped.wait_for(|state| *state != WriterState::Running).await;
    }
}

/// A log as it was found.
struct Found {
    rows: LogWriter,
    signer: CheckpointSigner,
    recovered: Option<Recovered>,
    loss: Option<Loss>,
}

impl Found {
    async fn open(store: &Store, keys: &KeyFolder, config: &LogConfig) -> Result<Self, OpenError> {
        // A log that exists was signed with a key; if that is lost, a new one would only hide it.
        let exists = store.checkpoint(&config.name).await?.is_some()
            || keys.published(&config.name)?.is_some();
        let name = key_name(config);
        let seed = if exists { keys.load(&name) } else { keys.load_or_create(&name) }?;
        let signer = open_signer(&seed, config)?;
        let rows = store.log_writer().await?;
        let recovered = recover(store, &config.name, &signer).await?;
        let new = Recovered::default();
        let frontier = &recovered.as_ref().unwrap_or(&new).frontier;
        let loss = loss_of(store, keys, config, &signer, frontier).await?;
        Ok(Self { rows, signer, recovered, loss })
    }

    async fn start(
        mut self,
        config: &LogConfig,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<AuditLog, OpenError> {
        let is_new = self.recovered.is_none();
        let recovered = self.recovered.unwrap_or_default();
        if is_new {
            let note = self.signer.sign(0, recovered.frontier.root());
            self.rows.create(&config.name, &note).await?;
        }
        let (sender, receiver) = mpsc::channel(config.queue_entries_max);
        let (state, stopped) = watch::channel(WriterState::Running);
        let refused_at = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            log: config.name.as_str().into(),
            rows: self.rows,
            signer: self.signer,
            frontier: recovered.frontier,
            uncounted: recovered.uncounted,
            batch_max: config.batch_entries_max,
            refused_at: Arc::clone(&refused_at),
            clock: clock.clone(),
            metrics,
        };
        tokio::spawn(writer.run(receiver, state));
        Ok(AuditLog { sender, stopped, refused_at, clock })
    }
}

/// Name of the key with which a log's checkpoints are signed.
pub(super) fn key_name(config: &LogConfig) -> String {
    format!("log-{}", config.name)
}

/// The signer of a log.
pub(super) fn open_signer(
    seed: &[u8; KEY_BYTES],
    config: &LogConfig,
) -> Result<CheckpointSigner, OpenError> {
    let origin = format!("{}/{}", config.origin, config.name);
    CheckpointSigner::new(seed, origin).ok_or_else(|| OpenError::Contradiction {
        log: config.name.clone(),
        what: "its key is not usable".into(),
    })
}

struct Writer {
    log: Arc<str>,
    rows: LogWriter,
    signer: CheckpointSigner,
    frontier: Frontier,
    /// Sums of the entries that the counters in the store do not cover yet.
    uncounted: Counts,
    batch_max: usize,
    /// Monotonic nanoseconds of the last refused commit, 0 if the last one was written.
    refused_at: Arc<AtomicU64>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Writer {
    async fn run(
        mut self,
        mut receiver: mpsc::Receiver<Message>,
        state: watch::Sender<WriterState>,
    ) {
        let (mut messages, mut batch) = (Vec::new(), Vec::new());
        let mut closing = false;
        while !closing && receiver.recv_many(&mut messages, self.batch_max).await > 0 {
            for message in messages.drain(..) {
                match message {
                    Message::Record(pending) => batch.push(*pending),
                    Message::Close => closing = true,
                }
            }
            if !batch.is_empty() && !self.write(&mut batch).await {
                let _nobody_listens = state.send(WriterState::Failed);
                return;
            }
        }
        let _nobody_listens = state.send(WriterState::Drained);
    }

    /// Commits a batch and answers it; false when the writer must stop for good. Dropping a
    /// pending entry tells its caller that there is no receipt.
    async fn write(&mut self, batch: &mut Vec<Pending>) -> bool {
        match self.commit(batch).await {
            Ok(first_index) => {
                self.refused_at.store(0, Ordering::Relaxed);
                self.reply(batch, first_index);
            }
            Err(CommitFailure::NotWritten(error)) => {
                let (error, entries) = (&error as &dyn std::error::Error, batch.len());
                tracing::error!(error, entries, "the log took nothing; its callers get 503");
                self.refused_at.store(self.clock.monotonic_nanos().max(1), Ordering::Relaxed);
                batch.clear();
            }
            Err(failure) => {
                let (error, entries) = (&failure as &dyn std::error::Error, batch.len());
                tracing::error!(error, entries, "the log is in an unknown state; stopping");
                return false;
            }
        }
        true
    }

    /// Commits a batch and returns the index of its first entry. The tree moves only if the
    /// commit succeeded.
    async fn commit(&mut self, batch: &[Pending]) -> Result<u64, CommitFailure> {
        let started = self.clock.monotonic_nanos();
        let first_index = self.frontier.size();
        let mut frontier = self.frontier.clone();
        let (mut entries, mut full) = (Vec::new(), Vec::new());
        for pending in batch {
            // An entry is far below 64 KiB: every field is under 256 bytes.
            entries.extend_from_slice(&(pending.bytes.len() as u16).to_be_bytes());
            entries.extend_from_slice(&pending.bytes);
            frontier.append(pending.leaf, &mut full);
        }
        let tiles: Vec<TileRow> = full.iter().map(tile_row).collect();
        let note = self.signer.sign(frontier.size(), frontier.root());
        let counting = self.uncounted.entries() >= UNCOUNTED_ENTRIES_MAX;
        let counters = if counting { self.uncounted.to_json() } else { "{}".to_owned() };
        let counted_size =
            if counting { first_index } else { first_index - self.uncounted.entries() };
        let commit = Commit {
            log: &self.log,
            size_before: first_index as i64,
            entries_count: batch.len() as i64,
            entries: &entries,
            tiles: &tiles,
            counted_size: counted_size as i64,
            counters: &counters,
            note: &note,
        };
        self.rows.commit(&commit).await?;
        self.frontier = frontier;
        if counting {
            self.uncounted = Counts::default();
        }
        self.metrics.log_entries.increment(batch.len() as u64);
        self.metrics.log_commits.increment(1);
        let seconds = (self.clock.monotonic_nanos() - started) as f64 / 1e9;
        self.metrics.log_commit_seconds.record(seconds);
        Ok(first_index)
    }

    /// Tells the callers first; counting can wait until they are on their way.
    fn reply(&mut self, batch: &mut Vec<Pending>, first_index: u64) {
        let mut entries = Vec::with_capacity(batch.len());
        for (index, pending) in (first_index..).zip(batch.drain(..)) {
            let receipt = Receipt { log: Arc::clone(&self.log), index, leaf: pending.leaf };
            let _caller_may_be_gone = pending.reply.send(receipt);
            entries.push(pending.entry);
        }
        for entry in &entries {
            self.uncounted.add(entry);
        }
    }
}

fn tile_row(tile: &FullTile) -> TileRow {
    TileRow {
        level: i64::from(tile.level),
        tile_index: tile.index as i64,
        hashes: tile.hashes.concat(),
    }
}
