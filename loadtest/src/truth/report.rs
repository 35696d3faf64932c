//! Expected and measured match rates by kind of error and by kind of holder.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use mock_population_db::records::{ExpectedVerdict, Holder, Mistake, Record};
use serde_json::{Value, json};

use super::asker::Asker;
use crate::failure::Failure;

/// Wrong answers that are quoted.
const QUOTES_MAX: usize = 10;

/// What was sent and what came.
#[derive(Default)]
pub(super) struct Report {
    by_mistake: BTreeMap<Mistake, Count>,
    by_holder: BTreeMap<&'static str, Count>,
    quotes: Vec<String>,
}

/// Records of one kind.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    sent: u64,
    expected: u64,
    matched: u64,
    wrong: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.expected += other.expected;
        self.matched += other.matched;
        self.wrong += other.wrong;
    }
}

impl Report {
    /// Holds one answer against the truth: outcome, every verdict with its reason, and the status
    /// where the client sees it.
    pub(super) fn judge_answer(&mut self, asker: &Asker, record: &Record, answer: &Value) {
        let expected = asker.with_policy(|policy| record.truth.answer(policy));
        let outcome = if expected.is_matched { "matched" } else { "not_matched" };
        let fault = if answer["outcome"] == outcome {
            wrong_verdict(&expected.attributes, answer)
                .or_else(|| wrong_status(asker, record, answer))
        } else {
            Some(format!("outcome is {}, must be {outcome}", answer["outcome"]))
        };
        let count = Count {
            sent: 1,
            expected: u64::from(expected.is_matched),
            matched: u64::from(answer["outcome"] == "matched"),
            wrong: u64::from(fault.is_some()),
        };
        self.by_mistake.entry(record.truth.mistake).or_default().add(count);
        self.by_holder.entry(asker.holder.name()).or_default().add(count);
        if let Some(fault) = fault.filter(|_| self.quotes.len() < QUOTES_MAX) {
            let mistake = record.truth.mistake.name();
            self.quotes.push(format!("{} ({mistake}): {fault}", record.row_id));
        }
    }

    /// Adds what another connection saw.
    pub(super) fn add(&mut self, other: Self) {
        for (mistake, count) in other.by_mistake {
            self.by_mistake.entry(mistake).or_default().add(count);
        }
        for (holder, count) in other.by_holder {
            self.by_holder.entry(holder).or_default().add(count);
        }
        self.quotes.extend(other.quotes);
        self.quotes.truncate(QUOTES_MAX);
    }

    /// The tables for a person.
    pub(super) fn table(&self) -> String {
        let errors = self.by_mistake.iter().map(|(mistake, count)| (mistake.name(), *count));
        let holders = Holder::ALL
            .iter()
            .filter_map(|holder| Some((holder.name(), *self.by_holder.get(holder.name())?)));
        let mut text = format!(
            "{}\n{}\n",
            table("error", errors.chain([("all", self.all())])),
            table("holder", holders)
        );
        for quote in &self.quotes {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {quote}");
        }
        text
    }

    /// Writes the figures to a file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let figures = |count: &Count| {
            json!({"records": count.sent, "expected_matched": count.expected,
                   "matched": count.matched, "wrong": count.wrong})
        };
        let by_error: BTreeMap<_, _> =
            self.by_mistake.iter().map(|(mistake, it)| (mistake.name(), figures(it))).collect();
        let by_holder: BTreeMap<_, _> =
            self.by_holder.iter().map(|(holder, it)| (*holder, figures(it))).collect();
        let all = json!({"all": figures(&self.all()), "by_error": by_error,
                         "by_holder": by_holder, "wrong_first": self.quotes});
        let text = serde_json::to_string_pretty(&all).context("the report")?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
    }

    /// Whether every answer was right.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let Count { wrong, sent, .. } = self.all();
        if wrong > 0 {
            return Err(Failure::Threshold(format!("{wrong} of {sent} answers were wrong")));
        }
        println!("Every answer is the one that its record demands.");
        Ok(())
    }

    fn all(&self) -> Count {
        let mut all = Count::default();
        self.by_mistake.values().for_each(|count| all.add(*count));
        all
    }
}

fn table(first: &str, rows: impl Iterator<Item = (&'static str, Count)>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let names =
        [first, "records", "expected matched", "%", "measured matched", "%", "difference", "wrong"];
    table.set_header(names);
    for (name, count) in rows {
        let percent = |part: u64| format!("{:.2}", part as f64 * 100.0 / count.sent.max(1) as f64);
        table.add_row([
            name.to_owned(),
            count.sent.to_string(),
            count.expected.to_string(),
            percent(count.expected),
            count.matched.to_string(),
            percent(count.matched),
            (i128::from(count.matched) - i128::from(count.expected)).to_string(),
            count.wrong.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The first verdict that is not the expected one.
fn wrong_verdict(expected: &[ExpectedVerdict], answer: &Value) -> Option<String> {
    let shown = answer["attributes"].as_object();
    if shown.map(serde_json::Map::len) != Some(expected.len()) {
        return Some("other attributes were answered than asked".to_owned());
    }
    expected.iter().find_map(|must| {
        let is = &answer["attributes"][must.attribute];
        let fits = is["verdict"] == must.verdict && is["reason"].as_str() == must.reason;
        (!fits).then(|| format!("{} is {is}, must be {must:?}", must.attribute))
    })
}

/// A status that is not the true one, where the client sees it.
fn wrong_status(asker: &Asker, record: &Record, answer: &Value) -> Option<String> {
    let is = answer["subject_status"].as_str();
    let must = asker.sees_status().then_some(record.truth.status);
    (is != must).then(|| format!("status is {is:?}, must be {must:?}"))
}
