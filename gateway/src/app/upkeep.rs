//! What is written down, told and forgotten beside the requests; when is for `background`.

use super::{App, TURN_MAX};
use crate::access::{self, Warned, token_keys};
use crate::audit::{self, RequestIds, RetentionError};
use crate::store::in_time;

/// Uses written down at once: the log's writer waits for them on a database in a file.
const USES_AT_ONCE: usize = 256;
/// What was spent is forgotten this long after it has expired: another node's clock may be behind.
const SPENT_KEPT_SECONDS: i64 = 120;
/// Spent assertions or tokens forgotten at once: on a file, the log's writer waits for them.
const SPENT_FORGOTTEN_MAX: i64 = 2_000;

impl App {
    /// Writes down when credentials were last good. What is lost on the way is written a minute
    /// later, if they are used again.
    pub async fn flush_uses(&self) {
        loop {
            let uses = self.uses.take(USES_AT_ONCE);
            if uses.is_empty() {
                return;
            }
            if let Err(error) = in_time(TURN_MAX, self.store.note_uses(&uses)).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the last use of credentials could not be written");
                return;
            }
        }
    }

    /// Drops the days of this node's log before `before` (in days since 1970) that can be; how
    /// many there were.
    pub async fn drop_days(&self, before: i64) -> Result<usize, RetentionError> {
        let ids = RequestIds::new(&self.random);
        let (log, made_by) = (self.config.log.name.as_str(), (&self.clock, &ids));
        let days = audit::drop_days(&self.store, &self.audit, log, before, made_by).await?;
        Ok(days.len())
    }

    /// Forgets what has expired: used assertions, tokens that were taken back, signing keys.
    pub async fn forget_spent(&self) {
        let now = self.clock.now();
        let before_us = now.plus_seconds(-SPENT_KEPT_SECONDS).0;
        let forget = || in_time(TURN_MAX, self.store.forget_spent(before_us, SPENT_FORGOTTEN_MAX));
        let forgotten = loop {
            match forget().await {
                Ok(0) => break Ok(0),
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break Err(error),
            }
        };
        let retired = in_time(TURN_MAX, token_keys::retire(&self.store, now)).await;
        if let Err(error) = forgotten.and(retired) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what has expired could not be forgotten; trying again");
        }
    }

    /// Puts acts into the log that are not there yet; how many there were. Who has done one waits
    /// for it and those before it, but not for ever.
    pub async fn log_acts(&self) -> usize {
        let logging = access::log_acts(&self.store, &self.audit, &self.digests);
        let logged = in_time(TURN_MAX, logging).await;
        logged.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "acts could not be logged; trying again");
            0
        })
    }

    /// Counts clients whose papers run out, and logs those that were not logged today.
    pub fn warn_of_papers(&self, warned: &mut Warned) {
        let now = self.clock.now();
        let (mut ending, mut ended) = (0, 0);
        for (id, client) in self.directory.all().iter() {
            let warnings = access::warnings_about(client, now);
            if warnings.is_empty() {
                continue;
            }
            if warnings.iter().any(|warning| warning.has_ended) {
                ended += 1;
            } else {
                ending += 1;
            }
            if !warned.is_due(id, now) {
                continue;
            }
            let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
            let (client, papers) = (id.as_str(), told.join(", "));
            tracing::warn!(client, papers, "a client's papers run out: renew them");
        }
        self.metrics.clients_ending.set(f64::from(ending));
        self.metrics.clients_ended.set(f64::from(ended));
    }

    /// Publishes the log's checkpoint where it has grown.
    pub(super) async fn publish_checkpoint(&self) {
        if let Err(error) = in_time(TURN_MAX, self.publisher.publish(&self.store)).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the log's checkpoint could not be published; trying again");
        }
    }

    /// Writes down what stands outside the log.
    pub(super) async fn flush_edge(&self) {
        if let Err(error) = self.edge.flush(&self.store, &self.config.log.name).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "throttled and malformed could not be written; trying again");
        }
    }
}
