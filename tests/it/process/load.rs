//! Load from several connections that remembers every answer that came back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::ensure;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::api::{Acknowledged, Answer, Api, can_be_asked, request};
use super::programs::wait_for;

/// Connections that send at once.
const CONNECTIONS: usize = 6;
/// Requests of one load at most: whatever it waits for has then failed.
const REQUESTS_MAX: usize = 20_000;

/// What came back.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) acknowledged: Vec<Acknowledged>,
    /// Answers other than 200, by status and code.
    pub(super) others: BTreeMap<(u16, String), usize>,
}

/// Load that runs until it is told to stop or its connections break.
pub(super) struct Load {
    answers: Arc<Mutex<Answers>>,
    stop: Arc<AtomicBool>,
    connections: JoinSet<anyhow::Result<()>>,
}

impl Load {
    pub(super) fn start(api: &Api, people: &[Value], name: &str) -> anyhow::Result<Self> {
        let people: Arc<[Value]> =
            people.iter().filter(|person| can_be_asked(person)).cloned().collect();
        let mut load =
            Self { answers: Arc::default(), stop: Arc::default(), connections: JoinSet::new() };
        for connection in 0..CONNECTIONS {
            let (answers, stop) = (Arc::clone(&load.answers), Arc::clone(&load.stop));
            let (api, people) = (api.another_connection()?, Arc::clone(&people));
            let name = format!("{name}-{connection}");
            load.connections.spawn(async move {
                for position in 0..REQUESTS_MAX / CONNECTIONS {
                    let person = &people[(position * CONNECTIONS + connection) % people.len()];
                    let mut request = request(person, "service.public");
                    request["case_ref"] = json!(format!("{name}-{position}"));
                    let Ok(answer) = api.verify(&request).await else { break };
                    note(&answers, &answer)?;
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                Ok(())
            });
        }
        Ok(load)
    }

    /// Waits for so many answers.
    pub(super) async fn wait_for_answers(&self, count: usize) -> anyhow::Result<()> {
        wait_for("answers come back", async || Ok(lock(&self.answers).acknowledged.len() >= count))
            .await
    }

    /// Waits for so many answers more than there are now.
    pub(super) async fn wait_for_further_answers(&self, count: usize) -> anyhow::Result<()> {
        let now = lock(&self.answers).acknowledged.len();
        self.wait_for_answers(now + count).await
    }

    /// Waits for so many answers other than 200.
    pub(super) async fn wait_for_refusals(&self, count: usize) -> anyhow::Result<()> {
        let refused = || lock(&self.answers).others.values().sum::<usize>();
        wait_for("requests are refused", async || Ok(refused() >= count)).await
    }

    /// Waits for so many refusals more than there are now.
    pub(super) async fn wait_for_further_refusals(&self, count: usize) -> anyhow::Result<()> {
        let now: usize = lock(&self.answers).others.values().sum();
        self.wait_for_refusals(now + count).await
    }

    /// Waits until every connection has ended; they do so when the gateway is gone.
    pub(super) async fn broken(mut self) -> anyhow::Result<Answers> {
        while let Some(ended) = self.connections.join_next().await {
            ended??;
        }
        Ok(std::mem::take(&mut *lock(&self.answers)))
    }

    /// Stops after the requests in flight.
    pub(super) async fn stopped(self) -> anyhow::Result<Answers> {
        self.stop.store(true, Ordering::Relaxed);
        self.broken().await
    }
}

fn note(answers: &Mutex<Answers>, answer: &Answer) -> anyhow::Result<()> {
    let mut answers = lock(answers);
    if answer.status == StatusCode::OK {
        answers.acknowledged.push(answer.acknowledged()?);
        return Ok(());
    }
    let code = answer.body["code"].as_str().unwrap_or_default().to_owned();
    ensure!(!code.is_empty(), "{} without a code: {}", answer.status, answer.body);
    *answers.others.entry((answer.status.as_u16(), code)).or_default() += 1;
    Ok(())
}

fn lock(answers: &Mutex<Answers>) -> std::sync::MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}
