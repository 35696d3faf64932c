//! What the flood did: a table, a file, and whether the gates were held.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{Honest, Measured};
use crate::cli::FloodArgs;
use crate::failure::Failure;
use crate::latency::Latency;
use crate::stats::{ratio, thousandths};
use crate::tally::Tally;

/// How much the gateway's memory may grow at its peak.
const GROWTH_MIB_MAX: f64 = 64.0;
/// How much longer 99 of 100 verifications may take.
const P99_RATIO_MAX: f64 = 2.0;

/// What wrong credentials may be answered with; anything else is a failure of ours or theirs.
const REFUSALS: [&str; 3] = ["401 ", "429 ", "503 "];

/// The gateway's resident memory, in MiB.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Memory {
    before: f64,
    peak: f64,
    after: f64,
    growth: f64,
}

impl Memory {
    /// Of bytes; `None` where one could not be read.
    pub(super) fn of(before: Option<u64>, peak: Option<u64>, after: Option<u64>) -> Option<Self> {
        let mib = |bytes: u64| thousandths(bytes as f64 / f64::from(1 << 20));
        let (before, peak, after) = (before?, peak?, after?);
        Some(Self {
            before: mib(before),
            peak: mib(peak),
            after: mib(after),
            growth: mib(peak.saturating_sub(before)),
        })
    }
}

/// All figures, as they stand in the file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    rate: u32,
    seconds: u32,
    addresses: u16,
    verifications_per_s: u32,
    /// Before the flood and after it.
    quiet: [Latency; 2],
    meanwhile: Latency,
    /// To the smaller one of the two.
    p99_ratio: Option<f64>,
    memory_mib: Memory,
    /// Answers by status and code.
    wrong_secrets: Option<BTreeMap<String, u64>>,
    wrong_assertions: Option<BTreeMap<String, u64>>,
    /// Each took two slow hashes.
    secrets_hashed: u64,
    known_clients: Honest,
    new_clients: Honest,
    gates: Vec<Gate>,
}

/// A figure that must not be passed.
#[derive(Debug, Serialize)]
struct Gate {
    name: &'static str,
    measured: f64,
    bound: f64,
    held: bool,
}

impl Report {
    /// Reads what was measured.
    pub(super) fn new(args: &FloodArgs, measured: &Measured) -> Self {
        let quiet = measured.quiet.each_ref().map(Latency::of);
        let meanwhile = Latency::of(&measured.meanwhile);
        let answers = |tally: &Option<Tally>| tally.as_ref().map(|tally| tally.errors.clone());
        let (secrets, assertions) = (&measured.flooded.secrets, &measured.flooded.assertions);
        let alone_ms = quiet[0].p99_ms.min(quiet[1].p99_ms);
        let p99_ratio = ratio(meanwhile.p99_ms, alone_ms).map(thousandths);
        let disturbed = [&meanwhile, &quiet[0], &quiet[1]].map(Latency::spoilt).iter().sum::<u64>();
        let unrefused = [secrets, assertions].into_iter().flatten().map(unrefused).sum::<u64>();
        let memory = measured.memory;
        Self {
            rate: args.rate,
            seconds: args.seconds,
            addresses: args.addresses,
            verifications_per_s: args.verifications,
            gates: vec![
                Gate::most("memory's growth, MiB", memory.growth, GROWTH_MIB_MAX),
                Gate::most("p99, times", p99_ratio.unwrap_or(f64::INFINITY), P99_RATIO_MAX),
                Gate::most("verifications spoilt", disturbed as f64, 0.0),
                Gate::most("wrong credentials not refused", unrefused as f64, 0.0),
            ],
            quiet,
            meanwhile,
            p99_ratio,
            memory_mib: memory,
            secrets_hashed: secrets.as_ref().map_or(0, |tally| count(tally, "401 ")),
            wrong_secrets: answers(secrets),
            wrong_assertions: answers(assertions),
            known_clients: measured.known.clone(),
            new_clients: measured.new.clone(),
        }
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("the figures")?;
        std::fs::write(path, text + "\n").with_context(|| path.display().to_string())
    }

    /// Refuses where a gate is not held. A debug build measures something else.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        let missed: Vec<&str> =
            self.gates.iter().filter(|gate| !gate.held).map(|gate| gate.name).collect();
        if missed.is_empty() || cfg!(all(debug_assertions, not(test))) {
            return Ok(());
        }
        Err(Failure::Threshold(format!("not held: {}", missed.join("; "))))
    }
}

impl Gate {
    fn most(name: &'static str, measured: f64, bound: f64) -> Self {
        Self { name, measured, bound, held: measured <= bound }
    }
}

/// Answers whose name begins so.
fn count(tally: &Tally, begin: &str) -> u64 {
    tally.errors.iter().filter(|(name, _)| name.starts_with(begin)).map(|(_, count)| count).sum()
}

/// Wrong credentials that got a token, no answer, or one that is no refusal.
fn unrefused(tally: &Tally) -> u64 {
    let refused: u64 = REFUSALS.into_iter().map(|begin| count(tally, begin)).sum();
    tally.answered() + tally.failed() - refused
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            table(["verifications", "requests", "p50 ms", "p99 ms", "max ms", "spoilt"]);
        let [before, after] = &self.quiet;
        let rows = [("alone", before), ("flooded", &self.meanwhile), ("alone again", after)];
        for (name, latency) in rows {
            table.add_row(latency.row(name));
        }
        writeln!(f, "{}", aligned(table))?;
        for (name, latency) in rows {
            for (error, count) in &latency.errors {
                writeln!(f, "{name}: {count:>7}  {error}")?;
            }
        }
        let Memory { before, peak, after, .. } = self.memory_mib;
        writeln!(
            f,
            "resident memory: {before:.1} MiB before, {peak:.1} at its peak, {after:.1} afterwards"
        )?;
        let floods = [("secrets", &self.wrong_secrets), ("assertions", &self.wrong_assertions)];
        for (what, answers) in floods {
            for (name, count) in answers.iter().flatten() {
                writeln!(f, "wrong {what}: {count:>7}  {name}")?;
            }
        }
        writeln!(f, "slow hashes for them: {}", 2 * self.secrets_hashed)?;
        let names =
            ["right secrets", "asked", "got at once", "got", "median ms", "max ms", "refused"];
        let mut table = self::table(names);
        table.add_row(self.known_clients.row("verified before"));
        table.add_row(self.new_clients.row("new"));
        writeln!(f, "{}", aligned(table))?;
        let mut table = self::table(["gate", "measured", "at most", "held"]);
        for Gate { name, measured, bound, held } in &self.gates {
            let held = if *held { "yes" } else { "NO" };
            table.add_row([
                (*name).into(),
                format!("{measured:.2}"),
                format!("{bound}"),
                held.into(),
            ]);
        }
        writeln!(f, "{}", aligned(table))
    }
}

impl Honest {
    fn row(&self, name: &str) -> Vec<String> {
        let ms = |ms: Option<f64>| ms.map_or_else(String::new, |ms| format!("{ms:.1}"));
        let refusals: Vec<String> =
            self.refusals.iter().map(|(name, count)| format!("{count} x {name}")).collect();
        vec![
            name.to_owned(),
            self.asked.to_string(),
            self.got_at_once.to_string(),
            self.got.to_string(),
            ms(self.median_ms),
            ms(self.max_ms),
            refusals.join(", "),
        ]
    }
}

fn table<const N: usize>(names: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(names);
    table
}

fn aligned(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests;
