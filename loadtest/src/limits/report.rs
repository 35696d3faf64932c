//! What was let through, beside what may be: a table, a file, and whether the gates were held.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::cli::{LimitsArgs, Outage};
use crate::failure::Failure;
use crate::stats::thousandths;
use crate::tally::Tally;

/// The part of the limit that is admitted at least.
const USED_MIN: f64 = 0.95;
/// How many times the rate is admitted while all nodes are cut off.
const OUTAGE_MOST: f64 = 1.2;
/// How much longer 99 of 100 may take then, after the first second, in milliseconds.
const ADDED_P99_MS_MAX: f64 = 10.0;
/// Seconds until limits are shared again.
const BACK_S_MAX: f64 = 5.0;

/// Some seconds of load on all nodes.
#[derive(Debug, Serialize)]
pub(super) struct Phase {
    /// From before the first request until after the last answer.
    seconds: f64,
    offered: u64,
    admitted: u64,
    refused: u64,
    /// Answers 5xx.
    failed: u64,
    wrong: u64,
    /// Of the slowest node.
    p50_ms: f64,
    p99_ms: f64,
    /// By status and code.
    answers: BTreeMap<String, u64>,
}

/// What an outage did.
#[derive(Debug, Serialize)]
pub(super) struct OutageFigures {
    unshared_nodes: usize,
    before: Phase,
    first_second: Phase,
    meanwhile: Phase,
    added_p99_ms: f64,
    /// In the outage, its first second included, with what may be.
    admitted: u64,
    rate_times_time: f64,
    times: f64,
    failed: u64,
    back_s: Option<f64>,
}

/// All figures, as they stand in the file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    nodes: u32,
    rate: u32,
    burst: u32,
    cluster: bool,
    /// Below the limit, each node with its own and then shared.
    alone: Phase,
    shared: Phase,
    added_p50_ms: f64,
    added_p99_ms: f64,
    flood: Phase,
    most: f64,
    used: f64,
    outage: Option<OutageFigures>,
    gates: Vec<Gate>,
}

/// A figure with its bounds.
#[derive(Debug, Serialize)]
struct Gate {
    name: &'static str,
    measured: f64,
    bound: String,
    held: bool,
}

impl Phase {
    pub(super) fn of(tallies: &[Tally], time: Duration) -> Self {
        let mut answers = BTreeMap::new();
        for (name, count) in tallies.iter().flat_map(|tally| &tally.errors) {
            *answers.entry(name.clone()).or_default() += count;
        }
        let begins = |with: &str| {
            let of = answers.iter().filter(|(name, _): &(&String, _)| name.starts_with(with));
            of.map(|(_, count)| count).sum()
        };
        let slowest = |quantile| {
            tallies.iter().map(|tally| tally.latency_ms(quantile)).fold(0.0_f64, f64::max)
        };
        Self {
            seconds: thousandths(time.as_secs_f64()),
            offered: tallies.iter().map(|tally| tally.answered() + tally.failed()).sum(),
            // An answer without the register's word has used its unit as well.
            admitted: tallies.iter().map(Tally::answered).sum::<u64>() + begins("200 "),
            refused: begins("429 "),
            failed: begins("5"),
            wrong: tallies.iter().map(|tally| tally.wrong).sum(),
            p50_ms: thousandths(slowest(0.5)),
            p99_ms: thousandths(slowest(0.99)),
            answers,
        }
    }

    fn row(&self, name: &str) -> Vec<String> {
        let counts =
            [self.offered, self.admitted, self.refused, self.failed].map(|n| n.to_string());
        let times = [self.seconds, self.p50_ms, self.p99_ms].map(|time| format!("{time:.2}"));
        [&[name.to_owned()][..], &counts[..], &times[..]].concat()
    }
}

impl OutageFigures {
    pub(super) fn new(
        args: &LimitsArgs,
        unshared_nodes: usize,
        [before, first_second, meanwhile]: [Phase; 3],
        after: &[Phase],
        back_s: Option<f64>,
    ) -> Self {
        let admitted = first_second.admitted + meanwhile.admitted;
        let most = f64::from(args.rate) * (first_second.seconds + meanwhile.seconds);
        let failed = [&before, &first_second, &meanwhile].into_iter().chain(after);
        Self {
            unshared_nodes,
            added_p99_ms: thousandths(meanwhile.p99_ms - before.p99_ms),
            admitted,
            rate_times_time: thousandths(most),
            times: thousandths(admitted as f64 / most),
            failed: failed.map(|phase| phase.failed).sum(),
            back_s: back_s.map(thousandths),
            before,
            first_second,
            meanwhile,
        }
    }

    fn gates(&self, args: &LimitsArgs) -> Vec<Gate> {
        let unshared = self.unshared_nodes as f64;
        // One that is cut off lets its part through beside what the others share.
        let (noticed, most) = match args.outage {
            Some(Outage::One) => (1, 1.0 + 1.0 / f64::from(args.nodes)),
            Some(Outage::Kill | Outage::Stop | Outage::Slow) | None => (args.nodes, OUTAGE_MOST),
        };
        vec![
            Gate::least("nodes that noticed the outage", unshared, noticed.into()),
            Gate::most("admitted in it, times the rate", self.times, most),
            Gate::most("added p99 after its first second, ms", self.added_p99_ms, ADDED_P99_MS_MAX),
            Gate::most("answers 5xx", self.failed as f64, 0.0),
            Gate::most(
                "seconds until limits are shared again",
                self.back_s.unwrap_or(f64::INFINITY),
                BACK_S_MAX,
            ),
        ]
    }
}

impl Report {
    pub(super) fn new(
        args: &LimitsArgs,
        [alone, shared]: [Phase; 2],
        flood: Phase,
        outage: Option<OutageFigures>,
    ) -> Self {
        let most = f64::from(args.burst) + f64::from(args.rate) * flood.seconds;
        let used = flood.admitted as f64 / most;
        let mut gates = vec![
            Gate::most("admitted, of burst + rate x time", used, 1.0),
            Gate::least("admitted, of burst + rate x time", used, USED_MIN),
            Gate::most("wrong verdicts", (flood.wrong + shared.wrong) as f64, 0.0),
        ];
        gates.extend(outage.iter().flat_map(|outage| outage.gates(args)));
        Self {
            nodes: args.nodes,
            rate: args.rate,
            burst: args.burst,
            cluster: args.cluster,
            added_p50_ms: thousandths(shared.p50_ms - alone.p50_ms),
            added_p99_ms: thousandths(shared.p99_ms - alone.p99_ms),
            alone,
            shared,
            flood,
            most: thousandths(most),
            used: thousandths(used),
            outage,
            gates,
        }
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("the figures")?;
        std::fs::write(path, text + "\n").with_context(|| path.display().to_string())
    }

    /// Refuses where a gate is not held.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let missed: Vec<&str> =
            self.gates.iter().filter(|gate| !gate.held).map(|gate| gate.name).collect();
        if missed.is_empty() {
            return Ok(());
        }
        Err(Failure::Threshold(format!("not held: {}", missed.join("; "))))
    }
}

impl Gate {
    fn most(name: &'static str, measured: f64, bound: f64) -> Self {
        Self { name, measured, bound: format!("at most {bound}"), held: measured <= bound }
    }

    fn least(name: &'static str, measured: f64, bound: f64) -> Self {
        Self { name, measured, bound: format!("at least {bound}"), held: measured >= bound }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            table(["nodes", "offered", "200", "429", "5xx", "seconds", "p50 ms", "p99 ms"]);
        table.add_row(self.alone.row("each its own limit"));
        table.add_row(self.shared.row("shared"));
        table.add_row(self.flood.row("shared, flooded"));
        if let Some(outage) = &self.outage {
            table.add_row(outage.before.row("before the outage"));
            table.add_row(outage.first_second.row("its first second"));
            table.add_row(outage.meanwhile.row("then"));
        }
        writeln!(f, "{table}")?;
        let phases = [("shared", &self.shared), ("flooded", &self.flood)];
        for (name, phase) in phases {
            for (answer, count) in &phase.answers {
                writeln!(f, "{name}: {count:>7}  {answer}")?;
            }
        }
        writeln!(
            f,
            "added by sharing: p50 {:.2} ms, p99 {:.2} ms",
            self.added_p50_ms, self.added_p99_ms
        )?;
        writeln!(f, "admitted {} of at most {:.1}", self.flood.admitted, self.most)?;
        let mut table = self::table(["gate", "measured", "bound", "held"]);
        for Gate { name, measured, bound, held } in &self.gates {
            let held = if *held { "yes" } else { "NO" };
            table.add_row([*name, &format!("{measured:.3}"), bound, held]);
        }
        writeln!(f, "{table}")
    }
}

fn table<const N: usize>(names: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(names);
    table
}
