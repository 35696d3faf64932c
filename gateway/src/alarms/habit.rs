//! What is usual for a client: read from the counters of the days before today, once a day.

use foldhash::HashMap;
use jiff::civil::Date;

use super::kind::AlarmKind;
use crate::clock::{Micros, date_of_day, day_of_date};
use crate::config::AlarmsConfig;
use crate::reports::{
    Dimension, EdgeCounters, Grouping, Kinds, Period, Question, ReportError, Scope, match_rates,
};
use crate::request::ClientId;
use crate::store::{Store, StoreError};

/// Answers that make a habit at least.
const ANSWERS_MIN: f64 = 1_000.0;
/// Days on which a client asked, before its busiest hours are a habit.
const DAYS_MIN: usize = 7;

/// A rate with the answers behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The rate.
    pub rate: f64,
    /// Answers.
    pub answers: f64,
}

/// What is usual for a client; nothing where it has asked too little.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Habit {
    /// Its match rate: that of the day in the middle, each day with the weight of its answers. So
    /// one bad day, or a third of them, does not make a habit.
    pub match_rate: Option<Rate>,
    /// Answers in the busiest hour of the day in the middle.
    pub busiest_hour: Option<f64>,
}

/// What one day was like.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Day {
    pub(super) matched: f64,
    pub(super) answers: f64,
    pub(super) busiest_hour: f64,
}

/// Habits by client, as they are known on one day.
#[derive(Debug, Default)]
pub struct Habits {
    day: i64,
    known: HashMap<ClientId, Habit>,
}

impl Habits {
    /// What is usual for a client. Days on which an alarm about it stood do not count, until it was
    /// acknowledged or cleared: an attack is to be no habit.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn of(
        &mut self,
        store: &Store,
        client: &ClientId,
        now: Micros,
        config: &AlarmsConfig,
    ) -> Result<Habit, ReportError> {
        let today = now.vietnamese_day();
        if self.day != today {
            *self = Self { day: today, known: HashMap::default() };
        }
        if let Some(habit) = self.known.get(client) {
            return Ok(*habit);
        }
        let first = today - i64::from(config.habit_days);
        let days = read_days(store, client, (first, today - 1)).await?;
        let rate_alarms = alarmed(store, client, AlarmKind::MatchRateLow, first).await?;
        let distinct_alarms =
            alarmed(store, client, AlarmKind::ManyDistinctSubjects, first).await?;
        let without = |alarms: &[(i64, i64)]| -> Vec<Day> {
            let is_quiet = |day: i64| !alarms.iter().any(|(from, to)| (*from..=*to).contains(&day));
            days.iter().filter(|(day, _)| is_quiet(**day)).map(|(_, it)| *it).collect()
        };
        let habit = Habit {
            match_rate: usual_rate(&without(&rate_alarms)),
            busiest_hour: usual_busiest_hour(&without(&distinct_alarms)),
        };
        self.known.insert(client.clone(), habit);
        Ok(habit)
    }
}

async fn read_days(
    store: &Store,
    client: &ClientId,
    (first, last): (i64, i64),
) -> Result<HashMap<i64, Day>, ReportError> {
    let Some(grouping) = Grouping::by(&[Dimension::Hour]) else { return Ok(HashMap::default()) };
    let period = Period { from: Some(date_of_day(first)), to: Some(date_of_day(last)) };
    let question = Question { period, grouping, scope: Scope::Client(client.clone()) };
    // What never reached the log is no answer.
    let edge = EdgeCounters::default();
    let now = Micros::of_vietnamese_day(last + 1);
    let report = match_rates(store, &edge, now, &question, &Kinds::default()).await?;
    let mut days: HashMap<i64, Day> = HashMap::default();
    for row in &report.rows {
        let date = row.group.get(Dimension::Hour.name()).and_then(|hour| hour.get(..10));
        let date = date.and_then(|date| date.parse::<Date>().ok());
        let (Some(date), Some(figures)) = (date, row.figures.answers()) else { continue };
        let answers = (figures.matched + figures.not_matched) as f64;
        let day = days.entry(day_of_date(date)).or_default();
        day.matched += figures.matched as f64;
        day.answers += answers;
        day.busiest_hour = day.busiest_hour.max(answers);
    }
    days.retain(|_, day| day.answers > 0.0);
    Ok(days)
}

/// First and last days on which alarms of a kind about a client stood and nobody had acknowledged
/// them.
async fn alarmed(
    store: &Store,
    client: &ClientId,
    kind: AlarmKind,
    first: i64,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let since = Micros::of_vietnamese_day(first).0;
    let rows = store.alarms_of(client.as_str(), kind.name(), since).await?.into_iter();
    let days = rows.map(|row| {
        let end = row.acknowledged_us.or(row.cleared_us).unwrap_or(i64::MAX / 2);
        (Micros(row.from_us).vietnamese_day(), Micros(end).vietnamese_day())
    });
    Ok(days.collect())
}

/// The median of the days' rates, each with the weight of its answers.
pub(super) fn usual_rate(days: &[Day]) -> Option<Rate> {
    let answers: f64 = days.iter().map(|day| day.answers).sum();
    if answers < ANSWERS_MIN {
        return None;
    }
    let mut rates: Vec<(f64, f64)> =
        days.iter().map(|day| (day.matched / day.answers, day.answers)).collect();
    rates.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut below = 0.0;
    let middle = rates.into_iter().find(|(_, weight)| {
        below += weight;
        below >= answers / 2.0
    });
    middle.map(|(rate, _)| Rate { rate, answers })
}

/// The median of the days' busiest hours.
pub(super) fn usual_busiest_hour(days: &[Day]) -> Option<f64> {
    let answers: f64 = days.iter().map(|day| day.answers).sum();
    if answers < ANSWERS_MIN || days.len() < DAYS_MIN {
        return None;
    }
    let mut hours: Vec<f64> = days.iter().map(|day| day.busiest_hour).collect();
    hours.sort_by(f64::total_cmp);
    hours.get(hours.len() / 2).copied()
}
