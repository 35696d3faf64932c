//! What the times say: means, variances, and how far apart chance alone would put them.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::Times;
use super::kind::Kind;
use super::welch::{Sample, Welch};
use crate::failure::Failure;
use crate::stats::{median, thousandths};

/// Where a difference counts as seen (Goodwill et al., "A testing methodology for side channel
/// resistance validation", 2011): below one in a hundred thousand by chance.
const T_MAX: f64 = 4.5;

/// Pairs that must not be told apart, and whether they are held to it.
const PAIRS: [(Kind, Kind, bool); 5] = [
    (Kind::UnknownClient, Kind::WrongSecret, true),
    (Kind::UnknownSigner, Kind::WrongSignature, true),
    (Kind::UnknownClient, Kind::NoSecret, false),
    (Kind::UnknownClient, Kind::Suspended, false),
    (Kind::UnknownClient, Kind::Closed, false),
];

/// All figures, as they stand in the file. Times are microseconds.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    seed: u64,
    t_max: f64,
    kinds: Vec<Figures>,
    pairs: Vec<Pair>,
}

/// One way to be refused.
#[derive(Debug, Serialize)]
struct Figures {
    kind: &'static str,
    #[serde(flatten)]
    sample: Sample,
    median: f64,
}

/// Two of them beside each other; `cropped` is without the largest twentieth of both together.
#[derive(Debug, Serialize)]
struct Pair {
    one: &'static str,
    other: &'static str,
    raw: Option<Welch>,
    cropped: Option<Welch>,
    is_held_to_it: bool,
}

impl Report {
    /// Compares the times.
    pub(super) fn new(seed: u64, times: &Times) -> Self {
        let figures = |kind: Kind| {
            let own = &times[kind as usize];
            Some(Figures {
                kind: kind.name(),
                sample: Sample::of(own)?.rounded(),
                median: thousandths(median(own.iter().copied())?),
            })
        };
        let pair = |(one, other, is_held_to_it): (Kind, Kind, bool)| {
            let (ones, others) = (&times[one as usize], &times[other as usize]);
            Pair {
                one: one.name(),
                other: other.name(),
                raw: Welch::raw(ones, others),
                cropped: Welch::cropped(ones, others),
                is_held_to_it,
            }
        };
        Self {
            seed,
            t_max: T_MAX,
            kinds: Kind::ALL.into_iter().filter_map(figures).collect(),
            pairs: PAIRS.map(pair).into(),
        }
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("the figures")?;
        std::fs::write(path, text + "\n").with_context(|| path.display().to_string())
    }

    /// Refuses where a pair that must not be told apart can be, raw or cropped.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let told: Vec<String> = self
            .pairs
            .iter()
            .filter(|pair| pair.is_held_to_it && !pair.is_alike())
            .map(|pair| format!("{} / {}", pair.one, pair.other))
            .collect();
        if told.is_empty() {
            return Ok(());
        }
        Err(Failure::Threshold(format!("told apart by time: {}", told.join(", "))))
    }
}

impl Pair {
    fn is_alike(&self) -> bool {
        let small = |welch: Option<Welch>| welch.is_some_and(|welch| welch.t.abs() < T_MAX);
        small(self.raw) && small(self.cropped)
    }

    fn verdict(&self) -> &'static str {
        match (self.is_held_to_it, self.is_alike()) {
            (true, true) => "held",
            (true, false) => "NOT HELD",
            (false, true) => "alike",
            (false, false) => "differ",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = table(["refused", "n", "mean us", "variance", "median us"]);
        for Figures { kind, sample, median } in &self.kinds {
            let Sample { n, mean, variance } = sample;
            let figures = [mean, variance, median].map(|figure| format!("{figure:.1}"));
            table.add_row([vec![(*kind).to_owned(), n.to_string()], figures.into()].concat());
        }
        align(&mut table, 1);
        writeln!(f, "{table}")?;
        let names = ["pair", "t", "degrees", "t cropped", "degrees", "|t| < 4.5"];
        let mut table = self::table(names);
        for pair in &self.pairs {
            let mut row = vec![format!("{} / {}", pair.one, pair.other)];
            for welch in [pair.raw, pair.cropped] {
                row.push(welch.map_or_else(String::new, |welch| format!("{:.2}", welch.t)));
                row.push(welch.map_or_else(String::new, |welch| format!("{:.0}", welch.degrees)));
            }
            row.push(pair.verdict().to_owned());
            table.add_row(row);
        }
        align(&mut table, 1);
        writeln!(f, "{table}")
    }
}

fn table<const N: usize>(names: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(names);
    table
}

fn align(table: &mut Table, skipped: usize) {
    for column in table.column_iter_mut().skip(skipped) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times around 100 us for all, and around `more` above that for one kind.
    fn times(slower: Kind, more: f64) -> Times {
        let mut times = Times::default();
        for kind in Kind::ALL {
            let added = if kind == slower { more } else { 0.0 };
            times[kind as usize] =
                (0..1_000).map(|index| 100.0 + f64::from(index % 10) + added).collect();
        }
        times
    }

    #[test]
    fn a_kind_that_takes_longer_is_told_apart() {
        assert!(Report::new(1, &times(Kind::WrongSecret, 0.0)).judge().is_ok());
        let failure = Report::new(1, &times(Kind::WrongSecret, 2.0)).judge().unwrap_err();
        assert_eq!(failure.exit_code(), 6);
        assert_eq!(failure.to_string(), "told apart by time: unknown client / wrong secret");
    }

    #[test]
    fn a_pair_that_is_only_shown_fails_nothing() {
        let report = Report::new(1, &times(Kind::Suspended, 2.0));
        assert!(report.judge().is_ok());
        assert!(report.to_string().contains("differ"), "{report}");
    }
}
