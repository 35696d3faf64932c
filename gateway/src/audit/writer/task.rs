//! The one writer of a log: what waited while the last commit ran goes into the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};

use super::batch::{Batch, Due, Message};
use super::settle::Unsettled;
use super::{KEY_HELD_US, Receipt, WriterState};
use crate::audit::checkpoint::CheckpointSigner;
use crate::audit::counters::Counts;
use crate::audit::recovery::split_bundle;
use crate::audit::tree::{self, Frontier, FullTile};
use crate::clock::Clock;
use crate::store::{Append, CommitFailure, LogWriter, ReadBack, TileRow};
use crate::telemetry::Metrics;

/// Entries that wait to be counted in the store, about. They are counted in the commit of a later
/// batch: writing the counters with every batch would make a commit several times its size. A
/// report reads them from their bundles, which takes a microsecond an entry.
const UNCOUNTED_ENTRIES_MAX: u64 = 4_096;

/// After this time without a message there is time to carry over what others have written.
const IDLE: Duration = Duration::from_secs(5);

pub(super) struct Writer {
    pub(super) log: Arc<str>,
    pub(super) rows: LogWriter,
    pub(super) signer: CheckpointSigner,
    pub(super) frontier: Frontier,
    /// Sums of the entries that the counters in the store do not cover yet.
    pub(super) uncounted: Counts,
    /// Vietnamese day of the last bundle: that of the next one is not before it.
    pub(super) last_day: i64,
    pub(super) batch_max: usize,
    /// A commit of which nobody knows yet how it ended.
    pub(super) unsettled: Option<Unsettled>,
    /// Places in the queue, given back when their messages are taken out.
    pub(super) places: Arc<Semaphore>,
    /// Monotonic nanoseconds of the last refused commit, 0 if the last one was written.
    pub(super) refused_at: Arc<AtomicU64>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
}

impl Writer {
    pub(super) async fn run(
        mut self,
        receiver: mpsc::UnboundedReceiver<Message>,
        state: watch::Sender<WriterState>,
    ) {
        let ended = self.work(receiver).await;
        let _nobody_listens = state.send(ended);
    }

    async fn work(&mut self, mut receiver: mpsc::UnboundedReceiver<Message>) -> WriterState {
        let (mut messages, mut end) = (Vec::new(), None);
        while end.is_none() {
            let next = receiver.recv_many(&mut messages, self.batch_max);
            match tokio::time::timeout(IDLE, next).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(_idle) => {
                    if !self.carry_over().await {
                        return WriterState::Failed;
                    }
                    continue;
                }
            }
            let mut batch = Batch::default();
            for message in messages.drain(..) {
                match message {
                    Message::Single(single) => batch.push(*single),
                    Message::Many(many) => batch.push_many(*many),
                    Message::Close => end = Some(WriterState::Drained),
                    Message::GiveUp => return WriterState::GivenUp,
                }
                if batch.entries() >= self.batch_max
                    && !self.write(std::mem::take(&mut batch)).await
                {
                    return WriterState::Failed;
                }
            }
            if !self.write(batch).await {
                return WriterState::Failed;
            }
            if let Err(failed) = self.settle(&mut receiver, &mut end).await {
                return failed;
            }
        }
        end.unwrap_or(WriterState::Drained)
    }

    /// Does for the other connections what a commit does by the way; false when the writer must stop
    /// for good.
    async fn carry_over(&mut self) -> bool {
        let carried = self.rows.carry_over().await;
        if let Err(failure) = &carried {
            let error = failure as &dyn std::error::Error;
            tracing::error!(error, "the log is in an unknown state; stopping");
        }
        carried.is_ok()
    }

    /// Commits a batch and answers it; false when the writer must stop for good. Dropping a
    /// pending entry tells its caller that there is no receipt.
    async fn write(&mut self, batch: Batch) -> bool {
        self.places.add_permits(batch.entries());
        if batch.entries() == 0 {
            return true;
        }
        match self.commit(&batch).await {
            Err(CommitFailure::KeyTaken) => self.write_without_taken(batch).await,
            Err(CommitFailure::ChunkTaken) => self.write_without_chunks(batch).await,
            committed => self.conclude(batch, committed),
        }
    }

    pub(super) fn conclude(&mut self, batch: Batch, committed: Result<u64, CommitFailure>) -> bool {
        let entries = batch.entries();
        match committed {
            Ok(first_index) => {
                self.refused_at.store(0, Ordering::Relaxed);
                self.reply(batch, first_index);
                true
            }
            Err(CommitFailure::Unsettled(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, entries, "the log's server is gone; its callers get 503");
                let (counts, dues) = batch.refuse(self.frontier.size());
                if let Some(unsettled) = &mut self.unsettled {
                    (unsettled.counts, unsettled.dues) = (counts, dues);
                }
                self.note_refusal();
                true
            }
            Err(
                failure @ (CommitFailure::NotWritten(_)
                | CommitFailure::KeyTaken
                | CommitFailure::ChunkTaken
                | CommitFailure::BehindUnsettled),
            ) => {
                let error = &failure as &dyn std::error::Error;
                tracing::error!(error, entries, "the log took nothing; its callers get 503");
                self.note_refusal();
                true
            }
            Err(
                failure @ (CommitFailure::OvertakenBySecondWriter
                | CommitFailure::ReadBack
                | CommitFailure::Unknown(_)),
            ) => {
                let error = &failure as &dyn std::error::Error;
                tracing::error!(error, entries, "the log is in an unknown state; stopping");
                false
            }
        }
    }

    pub(super) fn note_refusal(&self) {
        self.refused_at.store(self.clock.monotonic_nanos().max(1), Ordering::Relaxed);
    }

    /// Moves on to where a commit has led; what its entries count and take of limits.
    pub(super) fn advance(&mut self, done: Unsettled) -> (Counts, Vec<(u64, Due)>) {
        (self.frontier, self.last_day) = (done.frontier, done.day);
        if done.counting {
            self.uncounted = Counts::default();
        }
        (done.counts, done.dues)
    }

    /// Commits a batch and returns the index of its first entry. The tree moves only if the
    /// commit succeeded.
    pub(super) async fn commit(&mut self, batch: &Batch) -> Result<u64, CommitFailure> {
        if self.unsettled.is_some() {
            return Err(CommitFailure::BehindUnsettled);
        }
        let started = self.clock.monotonic_nanos();
        let first_index = self.frontier.size();
        let (mut frontier, mut full) = (self.frontier.clone(), Vec::new());
        for leaf in batch.leaves() {
            frontier.append(leaf, &mut full);
        }
        let tiles: Vec<TileRow> = full.iter().map(tile_row).collect();
        let day = batch.last_day().max(self.last_day);
        // A day that has ended is counted by the first commit after it, however few its entries
        // are: only what is counted can be dropped.
        let counting = self.uncounted.entries() >= UNCOUNTED_ENTRIES_MAX || day > self.last_day;
        let counters = if counting { self.uncounted.sums().to_json() } else { "{}".to_owned() };
        let counted_size =
            if counting { first_index } else { first_index - self.uncounted.entries() };
        let now = self.clock.now();
        let append = Append {
            log: &self.log,
            size_before: first_index as i64,
            entries_count: batch.entries() as i64,
            day,
            entries: &batch.bytes(),
            tiles: &tiles,
            counters: &counters,
            keys: &batch.keys(first_index, now),
            keys_after_us: now.0 - KEY_HELD_US,
            chunks: &batch.chunks(first_index),
        };
        let read = self.rows.append(&append).await?;
        if !is_what_was_meant(&read, batch, &tiles) {
            self.rows.abandon().await;
            return Err(CommitFailure::ReadBack);
        }
        let note = self.signer.sign(frontier.size(), frontier.root());
        let (counts, dues) = (Counts::default(), Vec::new());
        let next = Unsettled { frontier, counted_size, counting, day, note, counts, dues };
        if let Err(failure) = self.rows.sign(&next.signed(&self.log, &self.frontier)).await {
            if matches!(failure, CommitFailure::Unsettled(_)) {
                self.unsettled = Some(next);
            }
            return Err(failure);
        }
        self.advance(next);
        self.metrics.log_entries.increment(batch.entries() as u64);
        self.metrics.log_commits.increment(1);
        let seconds = (self.clock.monotonic_nanos() - started) as f64 / 1e9;
        self.metrics.log_commit_seconds.record(seconds);
        Ok(first_index)
    }

    /// Tells the callers first; counting can wait until they are on their way.
    fn reply(&mut self, batch: Batch, first_index: u64) {
        let (singles, manies) = batch.into_parts();
        let mut next = first_index;
        let mut entries = Vec::with_capacity(singles.len());
        for mut single in singles {
            // First of all: its caller is told how much is left.
            if let Some(due) = single.take_due() {
                due.settle(&self.log, next);
            }
            let receipt = Receipt { log: Arc::clone(&self.log), index: next, leaf: single.leaf };
            let _caller_may_be_gone = single.reply.send(Ok(receipt));
            entries.push(single.entry);
            next += 1;
        }
        for mut many in manies {
            if let Some(due) = many.take_due() {
                due.settle(&self.log, next);
            }
            let (after, counts) = many.answer(&self.log, next);
            self.uncounted.merge(counts);
            next = after;
        }
        for entry in &entries {
            self.uncounted.add(entry);
        }
    }
}

/// Whether the root about to be signed is that of what the database holds: the leaf hashes are made
/// again from the bytes it gave back, and must be those that the tree and the receipts are made of.
fn is_what_was_meant(read: &ReadBack, batch: &Batch, tiles: &[TileRow]) -> bool {
    let Some(entries) = split_bundle(&read.entries) else { return false };
    let tiles_agree =
        read.tiles.len() == tiles.len() && tiles.iter().all(|tile| read.tiles.contains(tile));
    tiles_agree
        && entries.len() == batch.entries()
        && entries.iter().zip(batch.leaves()).all(|(bytes, leaf)| tree::leaf_hash(bytes) == leaf)
}

fn tile_row(tile: &FullTile) -> TileRow {
    TileRow {
        level: i64::from(tile.level),
        tile_index: tile.index as i64,
        hashes: tile.hashes.concat(),
    }
}
