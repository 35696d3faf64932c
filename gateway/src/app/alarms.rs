//! Windows that are full are judged, alarms raised and cleared, beside the requests.

use std::time::Duration;

use super::{App, TURN_MAX};
use crate::alarms::{
    self, AlarmKind, Habits, Judged, Normal, Raised, Teller, clear, is_over, judge, judge_subjects,
    raise, unshared,
};
use crate::audit::RequestIds;
use crate::clock::Micros;
use crate::reports::ReportError;
use crate::request::ClientId;
use crate::store::{AlarmRow, StoreError, in_time};

/// What judging may take: of many clients, habits are read first.
const JUDGE_MAX: Duration = Duration::from_mins(1);

/// What stands is noted to be seen once in this time.
const SEEN_SECONDS: i64 = 60;

/// How long guesses that were refused are added up.
const GUARDED_SECONDS: i64 = 3_600;

/// What is remembered from one turn to the next.
#[derive(Debug, Default)]
pub struct Judging {
    habits: Habits,
    /// Since when limits are not shared.
    unshared_since: Option<Micros>,
    /// Whether it is told that they are; at the start an alarm of before may stand.
    is_sharing_told: bool,
    /// When this process judged for the first time; none when an hour has passed since.
    guarded_since: Option<Micros>,
    /// Whether it has judged.
    is_guarding: bool,
}

impl App {
    /// Judges the windows that are full. What fails is tried again by the next turn.
    pub async fn judge_alarms(&self, judging: &mut Judging) {
        let full = self.alarms.take();
        let mut judged = Judged::default();
        self.judge_limits(judging, &mut judged);
        self.judge_guarded(judging, &mut judged);
        if full.is_empty() && judged == Judged::default() {
            return;
        }
        let reading = async {
            for window in &full.clients {
                let (client, now) = (&window.client, self.clock.now());
                let config = &self.config.alarms;
                let habit = judging.habits.of(&self.watching, client, now, config).await?;
                let of_client = judge(window, &habit, config);
                judged.raised.extend(of_client.raised);
                judged.normal.extend(of_client.normal);
            }
            let windows = full.subjects.iter();
            let by_many: Vec<Vec<Raised>> =
                windows.map(|window| judge_subjects(window, &self.config.alarms)).collect();
            judged.raised.extend(full.raised.iter().cloned());
            Ok::<_, ReportError>(by_many)
        };
        let done = match tokio::time::timeout(JUDGE_MAX, reading).await {
            Ok(Ok(by_many)) => in_time(TURN_MAX, self.tell_alarms(&judged, &by_many))
                .await
                .map_err(ReportError::from),
            Ok(Err(error)) => Err(error),
            Err(_elapsed) => {
                tracing::warn!("alarms could not be judged in time; trying again");
                self.alarms.give_back(full);
                return;
            }
        };
        match done {
            Ok(()) => judging.is_sharing_told = judging.unshared_since.is_none(),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "alarms could not be judged; trying again");
                self.alarms.give_back(full);
            }
        }
    }

    /// Whether limits are shared that are to be. That they are is told once after the start, for what
    /// this node has raised before it, and whenever they are shared again.
    fn judge_limits(&self, judging: &mut Judging, judged: &mut Judged) {
        let (node, now) = (self.config.log.name.as_str(), self.clock.now());
        let is_amiss = self.config.limits.redis_url.is_some() && !self.client_limits.is_shared();
        if !is_amiss {
            judging.unshared_since = None;
            if !judging.is_sharing_told {
                let kind = AlarmKind::LimitsUnshared;
                judged.normal.push(Normal { kind, client: None, about: node.to_owned() });
            }
            return;
        }
        judging.is_sharing_told = false;
        let since = *judging.unshared_since.get_or_insert(now);
        judged.raised.extend(unshared(node, since, now, &self.config.alarms));
    }

    /// Who has used up the guess budgets of many people, and for whom that is over; once, an hour after
    /// the start, for all others, whatever was raised before it.
    fn judge_guarded(&self, judging: &mut Judging, judged: &mut Judged) {
        let (now, limit) = (self.clock.now(), self.config.alarms.guarded_subjects);
        judged.normal.extend(self.guarded.calm(now, limit));
        if !judging.is_guarding {
            (judging.is_guarding, judging.guarded_since) = (true, Some(now));
        }
        if judging.guarded_since.is_some_and(|since| since.plus_seconds(GUARDED_SECONDS) <= now) {
            judging.guarded_since = None;
            let clients = self.directory.all();
            judged.normal.extend(self.guarded.others(clients.keys().cloned()));
        }
    }

    async fn tell_alarms(
        &self,
        judged: &Judged,
        by_many: &[Vec<Raised>],
    ) -> Result<(), StoreError> {
        let (node, now) = (self.config.log.name.as_str(), self.clock.now());
        let standing = self.watching.standing_alarms().await?;
        let is_over_now = |row: &&AlarmRow| {
            judged.normal.iter().any(|normal| normal.is(row))
                || by_many.last().is_some_and(|raised| is_over(row, node, raised))
        };
        let is_unseen = |raised: &&Raised| {
            let seen_us = now.plus_seconds(-SEEN_SECONDS).0;
            let mut standing = standing.iter();
            !standing.any(|row| row.node == node && row.seen_us > seen_us && raised.is(row))
        };
        let over: Vec<_> = standing.iter().filter(is_over_now).collect();
        let raised = judged.raised.iter().chain(by_many.iter().flatten());
        let raised: Vec<_> = raised.filter(is_unseen).collect();
        if over.is_empty() && raised.is_empty() {
            return Ok(());
        }
        let ids = RequestIds::new(&self.random);
        let teller = Teller { node, ids: &ids, now };
        for row in over {
            if clear(&self.store, &teller, row).await? {
                let (alarm, kind, client) = (&*row.id, &*row.kind, &*row.client_id);
                tracing::info!(alarm, kind, client, about = row.about, "an alarm is over");
            }
        }
        for raised in raised {
            if raise(&self.store, &teller, raised).await? {
                self.tell_raised(raised);
            }
        }
        Ok(())
    }

    fn tell_raised(&self, Raised { kind, client, about, figures, .. }: &Raised) {
        let kind = kind.name();
        self.metrics.counter("gateway_alarms_raised_total", ("kind", kind)).increment(1);
        let client = client.as_ref().map(ClientId::as_str);
        let alarms::Figures { observed, habit, limit, .. } = figures;
        tracing::warn!(kind, client, about, observed, habit, limit, "an alarm is raised");
    }
}
