//! How quotas hold to the logs: what was used before the first request, what other nodes use, and
//! who is told that how much of a quota is used.

use super::{App, TURN_MAX};
use crate::audit::RequestIds;
use crate::clock::Micros;
use crate::rate_limit::Reached;
use crate::reports;
use crate::request::ClientId;
use crate::store::{ActRow, LogChoice, QuotaWarningRow, StoreError, in_time};

/// Warnings that are written at once: on a file, the log's writer waits for them.
const WARNINGS_AT_ONCE: usize = 256;
/// The code of the act that tells that a percentage of a quota was reached.
const WARNING: &str = "quota-warning";
/// By whom it is told.
const TOLD_BY: &str = "gateway";

/// How far the logs of other nodes were read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OthersRead {
    /// Each log with its length.
    logs: Vec<(String, i64)>,
    /// The clients that had a quota.
    clients: Vec<ClientId>,
}

impl App {
    /// Reads what every log in the database holds of these days and months, before anything is
    /// answered: of this node's log, which nobody else writes, it is the last time.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(super) async fn load_usage(&self) -> Result<(), StoreError> {
        let (now, own) = (self.clock.now(), self.config.log.name.as_str());
        let used = |logs| reports::used_lately(&self.store, logs, None, now);
        self.quotas.note_own(used(LogChoice::Only(own)).await?);
        self.quotas.note_others([], used(LogChoice::But(own)).await?);
        Ok(())
    }

    /// Reads what other nodes have used, of clients that have a quota, and if their logs have grown.
    ///
    /// # Errors
    /// If the store does not answer; what was read before stays.
    pub async fn follow_others(&self, read: &mut OthersRead) -> Result<(), StoreError> {
        let clients = self.quotas.clients();
        if clients.is_empty() {
            return Ok(());
        }
        let own = LogChoice::But(&self.config.log.name);
        let checkpoints = in_time(TURN_MAX, self.store.checkpoints()).await?.into_iter();
        let others = checkpoints.filter(|checkpoint| own.has(&checkpoint.log));
        let logs: Vec<_> = others.map(|it| (it.log, it.tree_size)).collect();
        let next = OthersRead { logs, clients };
        if *read == next || (next.logs.is_empty() && read.logs.is_empty()) {
            return Ok(());
        }
        let now = self.clock.now();
        let reading = reports::used_lately(&self.store, own, Some(&next.clients), now);
        let used = in_time(TURN_MAX, reading).await?;
        self.quotas.note_others(&next.clients, used);
        *read = next;
        Ok(())
    }

    /// Tells of percentages of quotas that were reached, each once over all nodes and starts: an act
    /// on its way into the log, and a line of the process log. How many were new.
    pub async fn warn_of_quotas(&self) -> usize {
        let now = self.clock.now();
        let untold = self.quotas.untold(now);
        let mut told = 0;
        for untold in untold.chunks(WARNINGS_AT_ONCE) {
            match in_time(TURN_MAX, self.tell(untold, now)).await {
                Ok(new) => told += new,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "warnings of quotas could not be written; trying again");
                    return told;
                }
            }
        }
        told
    }

    async fn tell(&self, untold: &[(ClientId, Reached)], now: Micros) -> Result<usize, StoreError> {
        let ids = RequestIds::new(&self.random);
        let rows: Vec<_> = untold
            .iter()
            .map(|(client, reached)| {
                let id = ids.next(now).to_string();
                (warning(client, reached), act(client, reached, id, now))
            })
            .collect();
        let are_new = self.store.add_quota_warnings(&rows).await?;
        let mut told = 0;
        for ((client, reached), is_new) in untold.iter().zip(are_new) {
            self.quotas.note_told(client, reached);
            if is_new {
                told += 1;
                self.metrics.quota_warnings.increment(1);
                let Reached { period, number, unit, percent, used, quota } = *reached;
                let (client, unit) = (client.as_str(), unit.name());
                let period = period.label(number);
                tracing::warn!(
                    client,
                    period,
                    unit,
                    percent,
                    used,
                    quota,
                    "a quota is used up so far"
                );
            }
        }
        Ok(told)
    }
}

fn warning(client: &ClientId, reached: &Reached) -> QuotaWarningRow {
    QuotaWarningRow {
        client_id: client.as_str().to_owned(),
        period: reached.period.label(reached.number),
        unit: reached.unit.name(),
        percent: i64::from(reached.percent),
    }
}

fn act(client: &ClientId, reached: &Reached, id: String, now: Micros) -> ActRow {
    let detail = serde_json::json!({
        "period": reached.period.label(reached.number),
        "unit": reached.unit.name(),
        "percent": reached.percent,
        "used": reached.used,
        "quota": reached.quota,
    });
    ActRow {
        id,
        at_us: now.0,
        made_by: TOLD_BY.to_owned(),
        act: WARNING.to_owned(),
        target: client.as_str().to_owned(),
        detail: Some(detail.to_string()),
    }
}
