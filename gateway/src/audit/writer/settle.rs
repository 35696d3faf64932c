//! A commit of which nobody knows yet how it ended, because its server is gone.

use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::WriterState;
use super::batch::{Batch, Due, Message};
use super::task::Writer;
use crate::audit::counters::Counts;
use crate::audit::tree::Frontier;
use crate::store::{CommitFailure, Signed};

/// What a commit makes of the log, if it succeeds.
pub(super) struct Unsettled {
    pub(super) frontier: Frontier,
    pub(super) counted_size: u64,
    /// Whether it counts what was uncounted before it.
    pub(super) counting: bool,
    pub(super) day: i64,
    pub(super) note: String,
    /// What its own entries count.
    pub(super) counts: Counts,
    /// What its own entries take of limits, by their indexes; reserved until it is known.
    pub(super) dues: Vec<(u64, Due)>,
}

impl Unsettled {
    /// The checkpoint that ends the commit, on a log that reached as far as `before`.
    pub(super) fn signed<'a>(&'a self, log: &'a str, before: &Frontier) -> Signed<'a> {
        Signed {
            log,
            size_before: before.size() as i64,
            size_after: self.frontier.size() as i64,
            counted_size: self.counted_size as i64,
            note: &self.note,
        }
    }
}

impl Writer {
    /// Waits until it is known how an unsettled commit has ended, and takes nothing meanwhile, so
    /// that nobody waits for a server that may be gone for hours. An error when the writer must stop;
    /// `end` when it was told to.
    pub(super) async fn settle(
        &mut self,
        receiver: &mut mpsc::UnboundedReceiver<Message>,
        end: &mut Option<WriterState>,
    ) -> Result<(), WriterState> {
        let Some(unsettled) = self.unsettled.take() else { return Ok(()) };
        match self.ask_and_refuse(&unsettled, receiver, end).await? {
            Ok(()) => {
                tracing::info!("the last commit of the log was written");
                let (counts, dues) = self.advance(unsettled);
                self.uncounted.merge(counts);
                for (index, due) in dues {
                    due.settle(&self.log, index);
                }
            }
            Err(CommitFailure::NotWritten(_)) => {
                tracing::info!("nothing was written by the last commit of the log");
            }
            Err(failure) => {
                let error = &failure as &dyn std::error::Error;
                tracing::error!(error, "the log is in an unknown state; stopping");
                return Err(WriterState::Failed);
            }
        }
        self.refused_at.store(0, Ordering::Relaxed);
        Ok(())
    }

    async fn ask_and_refuse(
        &mut self,
        unsettled: &Unsettled,
        receiver: &mut mpsc::UnboundedReceiver<Message>,
        end: &mut Option<WriterState>,
    ) -> Result<Result<(), CommitFailure>, WriterState> {
        let signed = unsettled.signed(&self.log, &self.frontier);
        let asking = self.rows.settle(&signed);
        tokio::pin!(asking);
        loop {
            let message = tokio::select! {
                settled = &mut asking => return Ok(settled),
                message = receiver.recv(), if end.is_none() => message,
            };
            // Dropped, which tells its caller that there is no receipt.
            let mut refused = Batch::default();
            match message {
                Some(Message::Single(single)) => refused.push(*single),
                Some(Message::Many(many)) => refused.push_many(*many),
                Some(Message::Close) | None => *end = Some(WriterState::Drained),
                Some(Message::GiveUp) => return Err(WriterState::GivenUp),
            }
            self.places.add_permits(refused.entries());
            self.refused_at.store(self.clock.monotonic_nanos().max(1), Ordering::Relaxed);
        }
    }
}
