//! What came out, beside what must come out.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::stage::Measured;
use crate::failure::Failure;
use crate::stats::{median, thousandths};

/// Entries a second on each database at least (design section 12).
const SQLITE_ENTRIES_PER_S: f64 = 300_000.0;
const POSTGRES_ENTRIES_PER_S: f64 = 150_000.0;
/// Bytes of one entry at most, with its share of the tree, of keys and of pages that are not full;
/// and with the projections.
const BYTES_PER_ENTRY: f64 = 200.0;
const BYTES_WITH_PROJECTIONS: f64 = 320.0;
/// Entries that a core verifies in a second at least.
const VERIFIED_PER_CORE_S: f64 = 150_000.0;
/// Milliseconds that a proof takes at most, the median of many.
const PROOF_MS: f64 = 20.0;

/// Figures of the databases that were measured, and the gates. A database that was not measured is
/// null, and so is a figure that was not asked for.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    entries: u64,
    rounds: usize,
    sqlite: Option<Figures>,
    postgres: Option<Figures>,
    gates: Vec<Gate>,
}

/// Figures of one database.
#[derive(Debug, Serialize)]
struct Figures {
    /// Median of the rounds.
    entries_per_s: f64,
    /// As they are hashed, without the two bytes of length before each.
    entry_bytes: f64,
    bytes_per_entry: f64,
    bytes_per_entry_with_projections: Option<f64>,
    commits_per_s: f64,
    fsyncs_per_s: f64,
    /// Where the number comes from.
    fsyncs_counted: &'static str,
    verified_per_core_s: Option<f64>,
    /// Checkpoint, entry, proof and its check; and the same as a process's first.
    proof_ms: Option<f64>,
    first_proof_ms: Option<f64>,
}

/// A figure that must be reached, or must not be passed.
#[derive(Debug, Serialize)]
struct Gate {
    name: String,
    measured: f64,
    bound: f64,
    held: bool,
}

impl Report {
    /// Nothing measured yet.
    pub(super) fn new(entries: u64, rounds: usize) -> Self {
        Self { entries, rounds, ..Self::default() }
    }

    /// Adds what was measured on `SQLite`.
    pub(super) fn add_sqlite(&mut self, measured: &Measured) {
        let figures = Figures::of(measured);
        self.judge("sqlite", &figures, SQLITE_ENTRIES_PER_S);
        self.sqlite = Some(figures);
    }

    /// Adds what was measured on `PostgreSQL`.
    pub(super) fn add_postgres(&mut self, measured: &Measured) {
        let figures = Figures::of(measured);
        self.judge("postgres", &figures, POSTGRES_ENTRIES_PER_S);
        self.postgres = Some(figures);
    }

    /// Writes the figures to a file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("figures are JSON")?;
        fs::write(path, text + "\n").with_context(|| path.display().to_string())
    }

    /// Refuses where a gate is not held.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let missed: Vec<&str> =
            self.gates.iter().filter(|gate| !gate.held).map(|gate| gate.name.as_str()).collect();
        if missed.is_empty() {
            return Ok(());
        }
        Err(Failure::Threshold(format!("not held: {}", missed.join(", "))))
    }

    fn judge(&mut self, database: &str, figures: &Figures, entries_per_s: f64) {
        let mut gate = |name: &str, measured: Option<f64>, bound: f64, is_least: bool| {
            let Some(measured) = measured else { return };
            let held = if is_least { measured >= bound } else { measured <= bound };
            self.gates.push(Gate { name: format!("{database}.{name}"), measured, bound, held });
        };
        gate("entries_per_s", Some(figures.entries_per_s), entries_per_s, true);
        gate("bytes_per_entry", Some(figures.bytes_per_entry), BYTES_PER_ENTRY, false);
        gate(
            "bytes_per_entry_with_projections",
            figures.bytes_per_entry_with_projections,
            BYTES_WITH_PROJECTIONS,
            false,
        );
        gate("verified_per_core_s", figures.verified_per_core_s, VERIFIED_PER_CORE_S, true);
        gate("proof_ms", figures.proof_ms, PROOF_MS, false);
    }
}

impl Figures {
    fn of(measured: &Measured) -> Self {
        let entries = measured.entries as f64;
        let seconds = measured.time.as_secs_f64();
        let (syncs, fsyncs_counted) = match measured.syncs {
            Some(syncs) => (syncs, "the server's pg_stat_wal.wal_sync"),
            None => (measured.commits, "one per commit; carrying over adds two per thousand pages"),
        };
        let with_projections = measured.projected_bytes.map(|bytes| bytes as f64 / entries);
        Self {
            entries_per_s: median(measured.rounds.iter().copied()).unwrap_or(0.0).round(),
            entry_bytes: thousandths(measured.encoded_bytes as f64 / entries),
            bytes_per_entry: thousandths(measured.tree_bytes as f64 / entries),
            bytes_per_entry_with_projections: with_projections.map(thousandths),
            commits_per_s: thousandths(measured.commits as f64 / seconds),
            fsyncs_per_s: thousandths(syncs as f64 / seconds),
            fsyncs_counted,
            verified_per_core_s: measured.verified_per_cpu_second.map(f64::round),
            proof_ms: measured.proofs.map(|proofs| thousandths(proofs.median_ms)),
            first_proof_ms: measured.proofs.map(|proofs| thousandths(proofs.first_ms)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["figure", "measured", "bound", "held"]);
        for Gate { name, measured, bound, held } in &self.gates {
            let held = if *held { "yes" } else { "NO" };
            table.add_row([
                name.clone(),
                format!("{measured:.1}"),
                format!("{bound}"),
                held.into(),
            ]);
        }
        for column in table.column_iter_mut().skip(1).take(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{table}")?;
        let figures = [("sqlite", &self.sqlite), ("postgres", &self.postgres)];
        for (name, figures) in figures {
            let Some(figures) = figures else { continue };
            writeln!(
                f,
                "{name}: {:.1} commits/s, {:.1} fsyncs/s ({}); an entry is {:.1} bytes by itself; \
                 the first proof of a process takes {:.1} ms",
                figures.commits_per_s,
                figures.fsyncs_per_s,
                figures.fsyncs_counted,
                figures.entry_bytes,
                figures.first_proof_ms.unwrap_or_default()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn measured() -> Measured {
        Measured {
            rounds: vec![100_000.0, 400_000.0, 500_000.0],
            entries: 1_000,
            commits: 10,
            syncs: None,
            time: Duration::from_secs(2),
            encoded_bytes: 150_000,
            tree_bytes: 190_000,
            projected_bytes: None,
            verified_per_cpu_second: Some(200_000.0),
            proofs: None,
        }
    }

    #[test]
    fn the_median_is_held_against_the_gate_and_a_missed_one_is_named() {
        let mut report = Report::default();
        report.add_sqlite(&measured());
        assert!(report.check().is_ok());
        let figures = report.sqlite.as_ref().unwrap();
        assert_eq!((figures.entries_per_s, figures.bytes_per_entry), (400_000.0, 190.0));
        assert_eq!((figures.commits_per_s, figures.fsyncs_per_s), (5.0, 5.0));

        let slow =
            Measured { rounds: vec![149_999.0], projected_bytes: Some(320_001), ..measured() };
        report.add_postgres(&slow);
        let failure = report.check().unwrap_err();
        assert_eq!(failure.exit_code(), 6);
        let names = "postgres.entries_per_s, postgres.bytes_per_entry_with_projections";
        assert_eq!(failure.to_string(), format!("not held: {names}"));
    }
}
