//! A batch in which an idempotency key is taken: its entry is not recorded, and the others must not
//! suffer for it.

use std::collections::BTreeSet;

use super::KEY_HELD_US;
use super::NotRecorded;
use super::batch::{Batch, Single};
use super::task::Writer;
use crate::store::{CommitFailure, HeldKey};

impl Writer {
    /// Answers the entries whose keys are held and commits the others together; false when the
    /// writer must stop for good. What is held is asked once: one by one, hundreds of callers would
    /// wait for as many commits because one of them sent a request twice.
    pub(super) async fn write_without_taken(&mut self, mut batch: Batch) -> bool {
        let now = self.clock.now();
        let after_us = now.0 - KEY_HELD_US;
        let held = self.rows.held_keys(&batch.keys(0, now), after_us).await;
        let held: BTreeSet<HeldKey> = held
            .unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "which keys are taken could not be read");
                Vec::new()
            })
            .into_iter()
            .collect();
        answer_taken(batch.split_off(|single| single.has_key_of(&held)));
        if batch.entries() == 0 {
            return true;
        }
        match self.commit(&batch).await {
            // Two of this batch have one key, or another node was faster once more.
            Err(CommitFailure::KeyTaken) => self.write_apart(batch).await,
            committed => self.conclude(batch, committed),
        }
    }

    /// Commits everything but the chunks of jobs, of which one stands already: those who wait for them
    /// learn that they were not written, and nobody else suffers for it. False when the writer must stop
    /// for good.
    pub(super) async fn write_without_chunks(&mut self, mut batch: Batch) -> bool {
        tracing::warn!("a chunk of a job stands already");
        batch.drop_chunks();
        if batch.entries() == 0 {
            return true;
        }
        match self.commit(&batch).await {
            Err(CommitFailure::KeyTaken) => self.write_without_taken(batch).await,
            committed => self.conclude(batch, committed),
        }
    }

    /// Commits the entries without keys together, and those with keys one by one, so that each
    /// learns whether its own key is taken.
    async fn write_apart(&mut self, mut batch: Batch) -> bool {
        let keyed = batch.split_off(Single::has_keys);
        if batch.entries() > 0 {
            let rest = self.commit(&batch).await;
            if !self.conclude(batch, rest) {
                return false;
            }
        }
        for single in keyed {
            let mut batch = Batch::default();
            batch.push(single);
            match self.commit(&batch).await {
                Err(CommitFailure::KeyTaken) => answer_taken(batch.into_parts().0),
                committed => {
                    if !self.conclude(batch, committed) {
                        return false;
                    }
                }
            }
        }
        true
    }
}

fn answer_taken(singles: Vec<Single>) {
    for single in singles {
        let _caller_may_be_gone = single.reply.send(Err(NotRecorded::KeyTaken));
    }
}
