//! What is on file: the register's answer about one subject, and the way to it.
//!
//! The gateway knows the population database by its JSON contract alone. Whoever asks while a call
//! is in flight goes into the next one; a question names its own fields, so that a shared call
//! never widens what one caller may read. Each lane has a queue and calls of its own: a file never
//! stands before a desk, nor shares a call with it.

mod client;
mod queue;
mod record;
mod subject_token;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

pub use client::{ClientError, RegistryUrl};
pub use record::{Person, Record, SubjectStatus};
pub use subject_token::SubjectTokens;

use crate::clock::{Clock, Micros};
use crate::config::PopulationConfig;
use crate::policy::{HistoryPermit, Permit};
use crate::rate_limit::{Lane, Pass};
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
    /// How far the question got.
    pub reach: Reach,
}

/// How far a question got. Once the register may have been asked, that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nobody was asked: there was no time left, or too many were waiting.
    NotAsked,
    /// The time for it ended before there was an answer.
    GivenUp,
    /// The register answered, or failed.
    Asked,
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
    /// By lane.
    queues: [Arc<queue::Queue>; Lane::ALL.len()],
    window: usize,
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
        let queues = Lane::ALL.map(|_| Arc::new(queue::Queue::new(config, clock.clone())));
        for queue in &queues {
            let turns = Arc::new(Semaphore::new(1));
            for _ in 0..config.calls_in_flight_max {
                let caller = client::RegistryCaller::new(settings.clone(), Arc::clone(metrics));
                tokio::spawn(queue::serve(Arc::clone(queue), Arc::clone(&turns), caller));
            }
        }
        let window = (config.batch_items_max * config.calls_in_flight_max).max(1);
        Ok(Self { queues, window, clock })
    }

    /// Asks who is on file under `key`, and for the permitted attributes only.
    pub async fn find(&self, permit: &Permit, pass: &Pass, key: SubjectKey) -> Answer {
        let fields = permit.attributes();
        self.ask(pass, Question { key, fields, superseded_numbers: false }).await
    }

    /// Asks which numbers lead to whoever is on file under `key`, and for nothing else about them:
    /// what has been logged about somebody is logged under these.
    pub async fn find_numbers(
        &self,
        _history: &HistoryPermit,
        pass: &Pass,
        key: SubjectKey,
    ) -> Answer {
        let fields = [Attribute::OldIdNumber, Attribute::InsuranceNumber].into_iter().collect();
        self.ask(pass, Question { key, fields, superseded_numbers: true }).await
    }

    /// Questions that the calls of a lane take at once.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Asks the same about many at once; answers are in the order of the questions.
    pub async fn find_many(
        &self,
        pass: &Pass,
        questions: impl IntoIterator<Item = (&Permit, SubjectKey)>,
    ) -> Vec<Answer> {
        let asking = questions.into_iter().map(|(permit, key)| self.find(permit, pass, key));
        futures_util::future::join_all(asking).await
    }

    /// Waits no longer than leaves the log its time: what is not answered by then is logged as that.
    /// Where nothing is left, nobody is asked.
    async fn ask(&self, pass: &Pass, question: Question) -> Answer {
        let asked_at = self.clock.monotonic_nanos();
        let left: Duration = pass.deadline().left_for_register(&self.clock);
        let queue = &self.queues[pass.lane() as usize];
        let asked = if left.is_zero() { None } else { queue.push(question) };
        let (reply, reach) = match asked {
            None => (None, Reach::NotAsked),
            Some(reply) => match tokio::time::timeout(left, reply).await {
                Ok(reply) => (reply.ok(), Reach::Asked),
                Err(_late) => (None, Reach::GivenUp),
            },
        };
        let waited_us = (self.clock.monotonic_nanos() - asked_at) / 1_000;
        let (finding, as_of) = reply.unwrap_or((Finding::Unavailable, None));
        Answer { finding, as_of, waited_us, reach }
    }
}

impl Drop for Population {
    fn drop(&mut self) {
        for queue in &self.queues {
            queue.close();
        }
    }
}
