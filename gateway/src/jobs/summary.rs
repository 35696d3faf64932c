//! What became of the rows of a job, counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::results::{MISSING, Told};
use crate::matching::{Shown, disclose};
use crate::policy::Disclosure;
use crate::verification::RowDecision;

/// Counts of rows. What the policy does not show is not counted either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows that were read.
    pub rows: u64,
    /// Rows by outcome: `matched`, `not_matched`, `inconclusive`, `refused`.
    pub outcomes: BTreeMap<String, u64>,
    /// Rows without an outcome, by what was wrong.
    pub problems: BTreeMap<String, u64>,
    /// By attribute and by `verdict` or `verdict/reason`.
    pub attributes: BTreeMap<String, BTreeMap<String, u64>>,
    /// By advice.
    pub advice: BTreeMap<String, u64>,
}

/// Name of the outcome of a row that the policy refused.
pub const REFUSED: &str = "refused";

impl Summary {
    /// Counts a row that could not be asked.
    pub fn count_problem(&mut self, code: &str) {
        self.rows += 1;
        add(&mut self.problems, code);
    }

    /// Counts a row that was not asked.
    pub fn count_untold(&mut self, told: &Told<'_>) {
        match told {
            Told::Wrong(problems) => {
                let first = problems.iter().next();
                self.count_problem(first.map_or("malformed", |problem| problem.code.name()));
            }
            Told::Lacks(_) => self.count_problem(MISSING),
            Told::Read => self.rows += 1,
            Told::Decided(_) => {}
        }
    }

    /// Adds what was counted of further rows.
    pub fn merge(&mut self, further: &Self) {
        self.rows += further.rows;
        merge(&mut self.outcomes, &further.outcomes);
        merge(&mut self.problems, &further.problems);
        merge(&mut self.advice, &further.advice);
        for (name, counts) in &further.attributes {
            merge(entry(&mut self.attributes, name), counts);
        }
    }

    /// Counts a row that was asked.
    pub fn count(&mut self, decision: &RowDecision, disclosure: Disclosure) {
        match decision {
            RowDecision::Answered { outcome, findings, advice, .. } => {
                self.rows += 1;
                add(&mut self.outcomes, outcome.name());
                for (attribute, shown) in disclose(findings, disclosure) {
                    let of = entry(&mut self.attributes, attribute.name());
                    add(of, &told(shown));
                }
                if let Some(advice) = advice {
                    add(&mut self.advice, advice.code());
                }
            }
            RowDecision::Refused(refusal) => {
                self.count_problem(refusal.name());
                add(&mut self.outcomes, REFUSED);
            }
            RowDecision::Guarded => self.count_problem(GUARDED),
        }
    }

    /// Rows that could not be read as a request.
    pub fn unread(&self) -> u64 {
        let answered: u64 = self.outcomes.values().sum();
        self.rows - answered - self.problems.get(GUARDED).copied().unwrap_or_default()
    }
}

/// What is wrong with a row whose person nobody is told about any more.
pub const GUARDED: &str = "subject-guarded";

fn merge(of: &mut BTreeMap<String, u64>, further: &BTreeMap<String, u64>) {
    for (name, count) in further {
        *entry(of, name) += count;
    }
}

fn told(shown: Shown) -> String {
    let verdict = shown.verdict.name();
    match shown.reason {
        Some(reason) => format!("{verdict}/{}", reason.name()),
        None => verdict.to_owned(),
    }
}

fn entry<'a, T: Default>(of: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    if !of.contains_key(name) {
        of.insert(name.to_owned(), T::default());
    }
    of.get_mut(name).expect("it was put there")
}

fn add(of: &mut BTreeMap<String, u64>, name: &str) {
    *entry(of, name) += 1;
}
