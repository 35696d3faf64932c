//! The log of this node, as those see it who record something: a queue to its one writer.
//!
//! A receipt exists only after its commit returned. A batch that was not written is refused and
//! the tree stays as it was; when nobody can know whether a batch is on disk, the writer stops
//! for good and start-up finds out.

mod batch;
mod settle;
mod taken;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::checkpoint::CheckpointSigner;
use super::entry::LogEntry;
use super::published::{Loss, loss_of};
use super::recovery::{OpenError, Reading, Recovered, recover};
use super::tree::Hash;
use crate::clock::Clock;
use crate::config::LogConfig;
use crate::rate_limit::{Charge, Reservation};
use crate::request::ClientId;
use crate::store::{JobChunkRow, KEY_BYTES, KeyFolder, LogWriter, Store};
use crate::telemetry::Metrics;
use batch::{Many, Message, Single};
use task::Writer;

/// A node that refused a commit says for this long that it is not ready, so that others are asked.
const REFUSAL_NANOS: u64 = 5_000_000_000;
/// An idempotency key is good for a day after its use, in microseconds.
pub const KEY_HELD_US: i64 = 24 * 3_600 * 1_000_000;
/// A stop does not wait longer than this for a database that is gone.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Proof that an entry is durable: only a commit that returned makes one, or reading what was
/// committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    log: Arc<str>,
    index: u64,
    leaf: Hash,
}

impl Receipt {
    /// The receipt of an entry that was read from the store.
    pub(super) fn of_committed(log: Arc<str>, index: u64, leaf: Hash) -> Self {
        Self { log, index, leaf }
    }

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

/// Proof that entries are durable which were recorded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRange {
    /// Name of the log.
    pub log: Arc<str>,
    /// Index of the first entry; the others follow it without a gap.
    pub first_index: u64,
    /// Number of entries.
    pub entries: u64,
}

/// The log cannot take an entry now: no receipt, no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot take the entry")]
pub struct LogUnavailable;

/// Why an entry that goes with idempotency keys was not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// The log cannot take it now.
    #[error(transparent)]
    Unavailable(#[from] LogUnavailable),
    /// Another request has used one of the keys: its entry is the answer.
    #[error("an idempotency key is taken")]
    KeyTaken,
}

/// An idempotency key and the request it goes with, as keyed digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key.
    pub client: ClientId,
    /// Of the key, and whose it is.
    pub key_digest: [u8; 16],
    /// Of the request.
    pub body_digest: [u8; 16],
}

/// What an answer has reserved of limits, for the writer to settle.
#[derive(Debug, Default)]
pub struct Reserved {
    /// Of its client's quotas.
    pub charge: Option<Charge>,
    /// Of the guess budgets of the person it is about.
    pub guess: Option<Reservation>,
}

/// What goes with entries that are recorded together.
#[derive(Debug, Default)]
pub struct Together {
    /// What they have reserved of their client's quotas, all of them.
    pub charge: Option<Charge>,
    /// What they have reserved of guess budgets, each with the position of its entry, which ascends.
    pub guesses: Vec<(usize, Reservation)>,
    /// The chunk of a job that they are; where its entries stand is filled in.
    pub chunk: Option<JobChunkRow>,
}

/// The log of this node.
#[derive(Debug)]
pub struct AuditLog {
    sender: mpsc::UnboundedSender<Message>,
    /// One for each entry that may wait.
    places: Arc<Semaphore>,
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
    /// Another gateway writes the log: the process must end.
    GivenUp,
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
        let (reply, receipt) = oneshot::channel();
        self.send(1, || {
            let reserved = Reserved::default();
            Message::Single(Box::new(Single::new(entry.into(), Vec::new(), reserved, reply)))
        })?;
        match receipt.await {
            Ok(Ok(receipt)) => Ok(receipt),
            // Only a key can be taken, and there is none.
            Ok(Err(_)) | Err(_) => Err(LogUnavailable),
        }
    }

    /// The same for the entry of a request that may come twice: its keys are written with it, all
    /// or none.
    ///
    /// # Errors
    /// [`NotRecorded::KeyTaken`] where another request has used one of the keys; nothing is
    /// recorded then.
    pub async fn record_once(
        &self,
        entry: impl Into<LogEntry>,
        keys: impl IntoIterator<Item = IdempotencyKey>,
    ) -> Result<Receipt, NotRecorded> {
        let reserved = Reserved::default();
        self.record_single(entry.into(), keys.into_iter().collect(), reserved).await
    }

    /// The same for an answer, which takes of limits what it has reserved, or as much of that as it
    /// counts. The writer settles it when the entry stands, and where nobody knows whether it stands,
    /// it stays reserved until somebody does.
    ///
    /// # Errors
    /// As [`AuditLog::record_once`].
    pub async fn record_answer(
        &self,
        entry: impl Into<LogEntry>,
        keys: impl IntoIterator<Item = IdempotencyKey>,
        reserved: Reserved,
    ) -> Result<Receipt, NotRecorded> {
        self.record_single(entry.into(), keys.into_iter().collect(), reserved).await
    }

    async fn record_single(
        &self,
        entry: LogEntry,
        keys: Vec<IdempotencyKey>,
        reserved: Reserved,
    ) -> Result<Receipt, NotRecorded> {
        let (reply, receipt) = oneshot::channel();
        self.send(1, || Message::Single(Box::new(Single::new(entry, keys, reserved, reply))))?;
        receipt.await.map_err(|_| LogUnavailable)?
    }

    /// Makes entries durable and counted together: they stand in the log one after the other.
    /// Encoding, hashing and counting happen here, on the caller's thread.
    ///
    /// # Errors
    /// As [`AuditLog::record`]; none of the entries is recorded then.
    pub async fn record_many(&self, entries: &[LogEntry]) -> Result<ReceiptRange, LogUnavailable> {
        self.record_together(entries, Together::default()).await
    }

    /// The same for what goes with them: limits are settled when the entries stand, and the chunk of a
    /// job stands with them or not at all.
    ///
    /// # Errors
    /// As [`AuditLog::record_many`].
    pub async fn record_together(
        &self,
        entries: &[LogEntry],
        together: Together,
    ) -> Result<ReceiptRange, LogUnavailable> {
        let (reply, receipt) = oneshot::channel();
        self.send(entries.len(), || Message::Many(Box::new(Many::new(entries, together, reply))))?;
        receipt.await.map_err(|_| LogUnavailable)
    }

    /// Queues a message that takes so many places; the writer gives them back.
    fn send(
        &self,
        entries: usize,
        message: impl FnOnce() -> Message,
    ) -> Result<(), LogUnavailable> {
        let places = u32::try_from(entries).map_err(|_| LogUnavailable)?;
        self.places.try_acquire_many(places).map_err(|_| LogUnavailable)?.forget();
        self.sender.send(message()).map_err(|_| LogUnavailable)
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
        let has_failed =
            |state: &WriterState| matches!(state, WriterState::Failed | WriterState::GivenUp);
        if stopped.wait_for(has_failed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes no more entries for good, because another gateway writes the log; what waits gets no
    /// receipt. The process must end then, as after any failure.
    pub fn give_up(&self) {
        // An error means that the writer is gone already.
        let _sent = self.sender.send(Message::GiveUp);
    }

    /// Whether the log was given up.
    pub fn is_given_up(&self) -> bool {
        *self.stopped.borrow() == WriterState::GivenUp
    }

    /// Takes no more entries and waits until the last accepted one is committed.
    pub async fn close(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that the writer is gone already.
        let _sent = self.sender.send(Message::Close);
        let ended = stopped.wait_for(|state| *state != WriterState::Running);
        if tokio::time::timeout(CLOSE_TIMEOUT, ended).await.is_err() {
            tracing::error!("the log's last commit did not end; start-up will find out");
        }
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
        let mut rows = store.log_writer().await?;
        rows.await_commits(&config.name).await?;
        let recovered = recover(store, &config.name, &signer, Reading::Alone).await?;
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
        let (sender, receiver) = mpsc::unbounded_channel();
        let (state, stopped) = watch::channel(WriterState::Running);
        let places = Arc::new(Semaphore::new(config.queue_entries_max));
        let refused_at = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            log: config.name.as_str().into(),
            rows: self.rows,
            signer: self.signer,
            frontier: recovered.frontier,
            uncounted: recovered.uncounted,
            last_day: recovered.last_day,
            batch_max: config.batch_entries_max,
            unsettled: None,
            places: Arc::clone(&places),
            refused_at: Arc::clone(&refused_at),
            clock: clock.clone(),
            metrics,
        };
        tokio::spawn(writer.run(receiver, state));
        Ok(AuditLog { sender, places, stopped, refused_at, clock })
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
