//! What was guessed, beside what the budgets come to: a table, a file, and whether they agree.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context;
use comfy_table::{Table, presets};
use gateway::config::GuessBudgetsConfig;
use serde::Serialize;

use super::arithmetic::most;
use super::attack::DAY;
use super::campaign::Campaign;
use super::guesser::Plan;
use super::interval::interval;
use super::strangers::Strangers;
use crate::failure::Failure;

/// How many people are found after so many wrong guesses, of a sample; the last entry is without end.
#[derive(Debug)]
pub(super) struct Foretold {
    pub(super) plan: Plan,
    /// After how many wrong guesses each was found.
    pub(super) found_after: BTreeMap<u32, u64>,
    pub(super) people: u64,
}

/// All figures, as they stand in the file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    budgets: [u32; 4],
    days: u32,
    targets: usize,
    rows: Vec<Row>,
    strangers: Strangers,
    disagreements: Vec<String>,
}

/// One kind of guesser.
#[derive(Debug, Serialize)]
struct Row {
    clients: u32,
    plan: Plan,
    day: Period,
    all_days: Period,
    refused: u64,
    /// Of all people, how many could be found in a day if nothing but the rate stood in the way.
    without_budgets: f64,
}

/// What was guessed in some days.
#[derive(Debug, Serialize)]
struct Period {
    days: u32,
    /// Wrong guesses on one person: the fewest and the most that anybody had.
    wrong: (u32, u32),
    arithmetic: u32,
    found: u64,
    persons: u64,
    success: f64,
    interval: (f64, f64),
    computed: f64,
}

impl Foretold {
    /// The part of all people that are found while no more than so many guesses are wrong. The last of
    /// them may be wrong, and then nobody is told any more.
    fn share(&self, wrong: u32) -> f64 {
        let found: u64 = self.found_after.range(..wrong).map(|(_, people)| people).sum();
        found as f64 / self.people as f64
    }
}

impl Period {
    fn of(
        campaign: &Campaign,
        foretold: &Foretold,
        budgets: &GuessBudgetsConfig,
        days: u32,
    ) -> Self {
        let end = i64::from(days) * DAY;
        let attacks = &campaign.attacks;
        let wrong = || attacks.iter().map(|attack| attack.wrong_before(end));
        let found = attacks.iter().filter(|attack| attack.has_found_before(end)).count() as u64;
        let persons = attacks.len() as u64;
        let arithmetic = most(budgets, campaign.clients, days);
        Self {
            days,
            wrong: (wrong().min().unwrap_or_default(), wrong().max().unwrap_or_default()),
            arithmetic,
            found,
            persons,
            success: found as f64 / persons as f64,
            interval: interval(found, persons),
            computed: foretold.share(arithmetic),
        }
    }

    fn disagreements(&self) -> impl Iterator<Item = String> {
        let Self { days, wrong, arithmetic, interval, computed, .. } = self;
        let answered = (*wrong != (*arithmetic, *arithmetic)).then(|| {
            format!("{} to {} wrong guesses in {days} days and not {arithmetic}", wrong.0, wrong.1)
        });
        let success = (!(interval.0..=interval.1).contains(computed)).then(|| {
            format!(
                "{} found in {days} days, {} computed",
                percent(self.success),
                percent(*computed)
            )
        });
        answered.into_iter().chain(success)
    }

    fn cells(&self) -> [String; 4] {
        let (fewest, most) = self.wrong;
        let wrong = if fewest == most { most.to_string() } else { format!("{fewest}-{most}") };
        let found = format!(
            "{} ({}-{})",
            percent(self.success),
            percent(self.interval.0),
            percent(self.interval.1)
        );
        [wrong, self.arithmetic.to_string(), found, percent(self.computed)]
    }
}

impl Report {
    pub(super) fn new(
        campaigns: &[Campaign],
        foretold: &[Foretold],
        budgets: &GuessBudgetsConfig,
        days: u32,
        strangers: Strangers,
    ) -> Self {
        let mut rows = Vec::new();
        for campaign in campaigns {
            let of_plan = foretold.iter().find(|foretold| foretold.plan == campaign.plan);
            let Some(foretold) = of_plan else { continue };
            rows.push(Row {
                clients: campaign.clients,
                plan: campaign.plan,
                day: Period::of(campaign, foretold, budgets, 1),
                all_days: Period::of(campaign, foretold, budgets, days),
                refused: campaign.attacks.iter().map(super::attack::Attack::guarded).sum(),
                without_budgets: foretold.share(u32::MAX),
            });
        }
        let mut disagreements: Vec<String> = rows.iter().flat_map(Row::disagreements).collect();
        if !strangers.agrees() {
            disagreements.push(format!("{} of {} made up", strangers.hits, strangers.guesses));
        }
        let targets = campaigns.first().map_or(0, |campaign| campaign.attacks.len());
        let &GuessBudgetsConfig { client_day, client_month, subject_hour, subject_day, .. } =
            budgets;
        let budgets = [client_day, client_month, subject_hour, subject_day];
        Self { budgets, days, targets, rows, strangers, disagreements }
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("the figures")?;
        std::fs::write(path, text + "\n").with_context(|| path.display().to_string())
    }

    /// Refuses where something does not agree.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        if self.disagreements.is_empty() {
            return Ok(());
        }
        Err(Failure::Threshold(format!("not as computed: {}", self.disagreements.join("; "))))
    }
}

impl Row {
    fn disagreements(&self) -> impl Iterator<Item = String> {
        let who = format!("{} clients, {}", self.clients, self.plan.name());
        self.day
            .disagreements()
            .chain(self.all_days.disagreements())
            .map(move |what| format!("{who}: {what}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [client_day, client_month, subject_hour, subject_day] = self.budgets;
        writeln!(
            f,
            "{client_day} a day and {client_month} in 30 days of a client; {subject_hour} an hour and \
             {subject_day} a day on a person; {} persons of each kind",
            self.targets
        )?;
        for is_day in [true, false] {
            let days = if is_day { 1 } else { self.days };
            let mut table = table([
                "clients",
                "known: guessed",
                &format!("wrong in {days} d"),
                "budgets say",
                "found (99.9 %)",
                "computed",
                "without budgets",
            ]);
            for row in &self.rows {
                let period = if is_day { &row.day } else { &row.all_days };
                let [wrong, arithmetic, found, computed] = period.cells();
                let clients = row.clients.to_string();
                let without = percent(row.without_budgets);
                let name = row.plan.name().to_owned();
                table.add_row([clients, name, wrong, arithmetic, found, computed, without]);
            }
            writeln!(f, "{table}")?;
        }
        let Strangers { guesses, hits, interval, computed, a_day_at_rate, .. } = &self.strangers;
        writeln!(
            f,
            "nothing known: {hits} of {guesses} made-up numbers hit ({:.1}-{:.1} of a million), \
             {:.1} of a million computed: {:.1} a day with a quota of a thousand, \
             {:.0} at a carrier's rate ({a_day_at_rate} a day)",
            interval.0 * 1e6,
            interval.1 * 1e6,
            computed * 1e6,
            self.strangers.hits_of_a_thousand,
            self.strangers.hits_a_day,
        )?;
        for disagreement in &self.disagreements {
            writeln!(f, "NOT AS COMPUTED: {disagreement}")?;
        }
        Ok(())
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn table<const N: usize>(names: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(names);
    table
}
