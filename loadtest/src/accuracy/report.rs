//! What came out, by part and kind, and whether that is enough.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::kind::Kind;
use super::row::Answer;
use super::strangers::are_identical;
use crate::failure::Failure;

/// Failures of one kind that are quoted.
const QUOTES_MAX: usize = 5;

/// The least per cent of all records of the same person.
const SAME_GATE: f64 = 99.5;

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Report {
    kinds: BTreeMap<usize, Count>,
}

/// Cases of one kind.
#[derive(Debug, Default)]
struct Count {
    cases: u64,
    /// Part A: matched. Part B: not accepted, or identical names. Part C: named as planted.
    right: u64,
    /// Part B: pairs whose names are one text.
    identical: u64,
    /// Cases that a carrier would take for one person, by all their attributes.
    matched: u64,
    /// Strangers of other names whose name alone was accepted.
    named: u64,
    /// What else was said, by word.
    others: BTreeMap<String, u64>,
    quotes: Vec<String>,
}

impl Count {
    fn percent(&self) -> f64 {
        percent(self.right, self.cases)
    }

    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.right += other.right;
        self.identical += other.identical;
        self.matched += other.matched;
        self.named += other.named;
        for (word, count) in other.others {
            *self.others.entry(word).or_default() += count;
        }
        self.quotes.extend(other.quotes);
        self.quotes.truncate(QUOTES_MAX);
    }

    fn others(&self) -> String {
        let words = self.others.iter().map(|(word, count)| format!("{word} {count}"));
        words.collect::<Vec<_>>().join(", ")
    }
}

impl Report {
    /// Judges the answers to the rows of one case; nothing where there are none.
    pub(super) fn judge_case(&mut self, case: &[Answer]) {
        let Some(first) = case.first() else { return };
        let Some(kind) = Kind::ALL.get(first.kind) else { return };
        let count = self.kinds.entry(first.kind).or_default();
        count.cases += 1;
        if case.iter().all(Answer::is_accepted) {
            count.matched += 1;
        }
        let wrong = match kind {
            Kind::Same(_) => case.iter().find(|answer| !answer.is_accepted()),
            Kind::Strangers if are_identical(&first.claim, &first.record) => {
                count.identical += 1;
                None
            }
            Kind::Strangers => {
                // The name alone may do: `Thanh`, rightly without a mark, reads as `Thành` that has
                // lost it. A match it is only with the birth date.
                count.named += u64::from(first.is_accepted());
                Some(first).filter(|_| case.iter().all(Answer::is_accepted))
            }
            Kind::Planted(_) => Some(first).filter(|answer| answer.word() != kind.name()),
        };
        let Some(wrong) = wrong else {
            count.right += 1;
            return;
        };
        *count.others.entry(wrong.word().to_owned()).or_default() += 1;
        if count.quotes.len() < QUOTES_MAX {
            let Answer { claim, record, .. } = wrong;
            count.quotes.push(format!("{claim:?} for {record:?}: {}", wrong.word()));
        }
    }

    /// Adds what another process said.
    pub(super) fn add(&mut self, other: Self) {
        for (kind, count) in other.kinds {
            self.kinds.entry(kind).or_default().add(count);
        }
    }

    /// Writes the figures to a file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let part = |is_of: fn(Kind) -> bool| -> Value {
            let figures = |(kind, count): (Kind, &Count)| {
                let Count { cases, right, identical, matched, named, others, quotes } = count;
                let mut value = json!({"rows": cases, "right": right, "gate": kind.gate(),
                    "others": others, "examples": quotes});
                if kind == Kind::Strangers {
                    value["identical_names"] = json!(identical);
                    value["other_names_accepted"] = json!(named);
                    value["matched_with_birth_date"] = json!(matched);
                }
                (kind.name().to_owned(), value)
            };
            self.counts()
                .filter(|(kind, _)| is_of(*kind))
                .map(figures)
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let (rows, right) = self.same();
        let all = json!({
            "same_person": part(|kind| matches!(kind, Kind::Same(_))),
            "same_person_all": {"rows": rows, "right": right, "gate": SAME_GATE},
            "different_people": part(|kind| kind == Kind::Strangers),
            "planted": part(|kind| matches!(kind, Kind::Planted(_))),
            "missed": self.missed(),
        });
        let text = serde_json::to_string_pretty(&all).context("the report")?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
    }

    /// Whether every gate is held.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let missed = self.missed();
        if missed.is_empty() {
            println!("Every gate is held.");
            return Ok(());
        }
        Err(Failure::Threshold(format!("gates not held: {}", missed.join(", "))))
    }

    /// The gates that are not held.
    fn missed(&self) -> Vec<String> {
        let (rows, right) = self.same();
        let sum = (percent(right, rows) < SAME_GATE).then(|| "same person".to_owned());
        let kinds = self.counts().filter(|(kind, count)| !is_held(*kind, count));
        sum.into_iter().chain(kinds.map(|(kind, _)| kind.name().to_owned())).collect()
    }

    /// Cases of part A and those that matched.
    fn same(&self) -> (u64, u64) {
        self.counts()
            .filter(|(kind, _)| matches!(kind, Kind::Same(_)))
            .fold((0, 0), |(rows, right), (_, count)| (rows + count.cases, right + count.right))
    }

    fn counts(&self) -> impl Iterator<Item = (Kind, &Count)> {
        self.kinds.iter().filter_map(|(index, count)| Some((*Kind::ALL.get(*index)?, count)))
    }
}

/// Whether the kind alone is good enough.
fn is_held(kind: Kind, count: &Count) -> bool {
    match kind {
        Kind::Strangers => count.right == count.cases,
        Kind::Same(_) | Kind::Planted(_) => kind.gate().is_none_or(|gate| count.percent() >= gate),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in [self.same_table(), self.strangers_table(), self.planted_table()] {
            writeln!(f, "{table}")?;
        }
        for (kind, count) in self.counts() {
            for quote in &count.quotes {
                writeln!(f, "  {}: {quote}", kind.name())?;
            }
        }
        Ok(())
    }
}

impl Report {
    fn same_table(&self) -> Table {
        let names = ["same person", "rows", "matched", "%", "gate %", "held", "otherwise"];
        let mut same = table(names);
        for (kind, count) in self.counts().filter(|(kind, _)| matches!(kind, Kind::Same(_))) {
            same.add_row(line(kind, count));
        }
        let (rows, right) = self.same();
        let of_all = percent(right, rows);
        same.add_row([
            "all".to_owned(),
            rows.to_string(),
            right.to_string(),
            format!("{of_all:.3}"),
            SAME_GATE.to_string(),
            held(of_all >= SAME_GATE),
            String::new(),
        ]);
        same
    }

    fn strangers_table(&self) -> Table {
        let names = [
            "different people",
            "pairs",
            "identical names",
            "other names accepted",
            "matched",
            "of other names, gate 0",
            "held",
            "accepted as",
        ];
        let mut strangers = table(names);
        for (kind, count) in self.counts().filter(|(kind, _)| *kind == Kind::Strangers) {
            strangers.add_row([
                kind.name().to_owned(),
                count.cases.to_string(),
                count.identical.to_string(),
                count.named.to_string(),
                count.matched.to_string(),
                (count.cases - count.right).to_string(),
                held(is_held(kind, count)),
                count.others(),
            ]);
        }
        strangers
    }

    fn planted_table(&self) -> Table {
        let mut planted =
            table(["planted", "rows", "named so", "%", "gate %", "held", "reported instead"]);
        for (kind, count) in self.counts().filter(|(kind, _)| matches!(kind, Kind::Planted(_))) {
            planted.add_row(line(kind, count));
        }
        planted
    }
}

fn line(kind: Kind, count: &Count) -> [String; 7] {
    let gate = kind.gate();
    [
        kind.name().to_owned(),
        count.cases.to_string(),
        count.right.to_string(),
        format!("{:.3}", count.percent()),
        gate.map_or_else(String::new, |gate| gate.to_string()),
        gate.map_or_else(String::new, |_| held(is_held(kind, count))),
        count.others(),
    ]
}

fn held(is_held: bool) -> String {
    if is_held { "yes" } else { "NO" }.to_owned()
}

fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}

fn table<const N: usize>(names: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(names);
    for column in table.column_iter_mut().skip(1).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::kind::{Benign, Near};
    use super::*;

    fn answer(kind: Kind, claim: &str, record: &str, verdict: &str, reason: &str) -> Answer {
        Answer {
            kind: kind.index(),
            case: 0,
            attribute: "full_name".to_owned(),
            claim: claim.to_owned(),
            record: record.to_owned(),
            verdict: verdict.to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn report(kind: Kind, answers: &[(&str, &str, u32)]) -> Report {
        let mut report = Report::default();
        for (verdict, reason, times) in answers {
            for _ in 0..*times {
                report.judge_case(&[answer(kind, "An", "Ân", verdict, reason)]);
            }
        }
        report
    }

    #[test]
    fn a_record_matches_when_every_attribute_is_accepted() {
        let kind = Kind::Same(Benign::MergedPlace);
        let mut report = Report::default();
        let good = answer(kind, "a", "a", "match", "");
        let near = answer(kind, "a", "a", "close", "merged_place");
        let bad = answer(kind, "a", "a", "close", "one_letter");
        report.judge_case(&[good.clone(), near.clone()]);
        report.judge_case(&[good, near, bad]);
        report.judge_case(&[answer(kind, "a", "", "not_on_file", "")]);
        assert_eq!(report.same(), (3, 1));
        let count = &report.kinds[&kind.index()];
        assert_eq!(count.others(), "not_on_file 1, one_letter 1");
        assert_eq!(report.missed(), ["same person"]);
    }

    #[test]
    fn gates_are_held_to_the_record() {
        let unicode = Kind::Same(Benign::Unicode);
        assert!(report(unicode, &[("match", "", 995), ("malformed", "", 5)]).judge().is_ok());
        let missed = report(unicode, &[("match", "", 994), ("malformed", "", 6)]).judge();
        assert_eq!(missed.unwrap_err().exit_code(), 6);
        let tone = Kind::Planted(Near::ToneDiffers);
        let named = |right, wrong| {
            let mut all = report(unicode, &[("match", "", 1)]);
            let words = [("close", "tone_differs", right), ("no_match", "different", wrong)];
            all.add(report(tone, &words));
            all.missed()
        };
        assert!(named(95, 5).is_empty());
        assert_eq!(named(94, 6), ["tone_differs"]);
        let legacy = report(Kind::Same(Benign::Legacy), &[("match", "", 98), ("match", "x", 2)]);
        assert!(legacy.missed().is_empty());
    }

    #[test]
    fn strangers_may_match_only_where_their_names_are_one_text() {
        let mut report = report(Kind::Same(Benign::Unicode), &[("match", "", 1)]);
        report.judge_case(&[answer(Kind::Strangers, "AN", "An", "match", "")]);
        report.judge_case(&[answer(Kind::Strangers, "An", "Ân", "close", "one_letter")]);
        assert!(report.judge().is_ok());
        let strangers = &report.kinds[&Kind::Strangers.index()];
        assert_eq!((strangers.identical, strangers.matched), (1, 1));
        let name = || answer(Kind::Strangers, "An", "Ân", "close", "marks_missing");
        report.judge_case(&[name(), answer(Kind::Strangers, "1990", "1991", "no_match", "")]);
        assert!(report.missed().is_empty(), "a name alone is no match");
        assert_eq!(report.kinds[&Kind::Strangers.index()].named, 1);
        report.judge_case(&[name()]);
        assert_eq!(report.missed(), ["same_family_name"]);
        assert!(report.to_string().contains("\"An\" for \"Ân\": marks_missing"));
    }
}
