//! What is on file: the register's answer about one subject, and the way to it.
//!
//! The gateway knows the population database by its JSON contract alone. Whoever asks while a call
//! is in flight goes into the next one; a question names its own fields, so that a shared call
//! never widens what one caller may read.

mod client;
mod queue;
mod record;
mod subject_token;
mod wire;

use std::sync::Arc;

use tokio::sync::Semaphore;

pub use client::{ClientError, RegistryUrl};
pub use record::{Person, Record, SubjectStatus};
pub use subject_token::SubjectTokens;

use crate::clock::{Clock, Micros};
use crate::config::PopulationConfig;
use crate::policy::{HistoryPermit, Permit};
use crate::request::{Attribute, AttributeSet, SubjectKey};
use crate::telemetry::Metrics;

/// One question to the register.
#[derive(Debug, Clone, Copy)]
struct Question {
    key: SubjectKey,
    fields: AttributeSet,
    /// Whether the cancelled numbers are asked for as well.
    superseded_numbers: bool,
}

/// What the register said about one subject.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Who is on file under the key.
    pub finding: Finding,
    /// How fresh the register's answer is; `None` where it did not answer.
    pub as_of: Option<Micros>,
    /// Time from the question to the answer, waiting included, in microseconds.
    pub waited_us: u64,
}

/// Who is on file under a key.
#[derive(Debug, Clone)]
pub enum Finding {
    /// One person.
    Found(Box<Person>),
    /// Several persons share the key (old nine-digit numbers).
    Ambiguous(Vec<Person>),
    /// Nobody.
    Unknown,
    /// The register did not answer, or not in time.
    Unavailable,
}

/// The population database, as asked by this node.
#[derive(Debug)]
pub struct Population {
    queue: Arc<queue::Queue>,
    clock: Clock,
}

impl Population {
    /// Starts the callers of the register; they end when the returned value is dropped.
    ///
    /// # Errors
    /// If the configured URL cannot be used.
    pub fn start(
        config: &PopulationConfig,
        clock: Clock,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ClientError> {
        let settings = client::Settings::from_config(config)?;
        let queue = Arc::new(queue::Queue::new(config, clock.clone()));
        let turns = Arc::new(Semaphore::new(1));
        for _ in 0..config.calls_in_flight_max {
            let caller = client::RegistryCaller::new(settings.clone(), Arc::clone(metrics));
            tokio::spawn(queue::serve(Arc::clone(&queue), Arc::clone(&turns), caller));
        }
        Ok(Self { queue, clock })
    }

    /// Asks who is on file under `key`, and for the permitted attributes only.
    pub async fn find(&self, permit: &Permit, key: SubjectKey) -> Answer {
        self.ask(Question { key, fields: permit.attributes(), superseded_numbers: false }).await
    }

    /// Asks which numbers lead to whoever is on file under `key`, and for nothing else about them:
    /// what has been logged about somebody is logged under these.
    pub async fn find_numbers(&self, _history: &HistoryPermit, key: SubjectKey) -> Answer {
        let fields = [Attribute::OldIdNumber, Attribute::InsuranceNumber].into_iter().collect();
        self.ask(Question { key, fields, superseded_numbers: true }).await
    }

    async fn ask(&self, question: Question) -> Answer {
        let asked_at = self.clock.monotonic_nanos();
        let reply = match self.queue.push(question) {
            Some(reply) => reply.await.ok(),
            None => None,
        };
        let waited_us = (self.clock.monotonic_nanos() - asked_at) / 1_000;
        match reply {
            Some((finding, as_of)) => Answer { finding, as_of, waited_us },
            None => Answer { finding: Finding::Unavailable, as_of: None, waited_us },
        }
    }
}

impl Drop for Population {
    fn drop(&mut self) {
        self.queue.close();
    }
}
