//! What a run measured: a table, a file, and whether it passed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use comfy_table::Table;
use serde::Serialize;

use crate::cli::RunArgs;
use crate::failure::Failure;
use crate::stats::thousandths;
use crate::tally::Tally;

/// Figures of one run, as they stand in the file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    url: String,
    client: String,
    rate: u32,
    duration_s: u32,
    connections: u32,
    requests: u64,
    answered: u64,
    rps: f64,
    latency_ms: Latency,
    errors: BTreeMap<String, u64>,
    verdicts_wrong: u64,
    verdicts_wrong_first: Vec<String>,
}

/// Milliseconds from the intended time of an arrival to the end of its answer.
#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    #[serde(rename = "p99.9")]
    p999: f64,
    max: f64,
}

impl Report {
    /// Reads the tally of a run that took `elapsed`, waiting for the last answers included.
    pub(super) fn new(args: &RunArgs, client: &str, elapsed: Duration, tally: &Tally) -> Self {
        let span = elapsed.max(Duration::from_secs(args.duration.into()));
        Self {
            url: args.url.clone(),
            client: client.to_owned(),
            rate: args.rate,
            duration_s: args.duration,
            connections: args.connections,
            requests: tally.answered() + tally.failed(),
            answered: tally.answered(),
            rps: thousandths(tally.answered() as f64 / span.as_secs_f64()),
            latency_ms: Latency {
                p50: tally.latency_ms(0.5),
                p90: tally.latency_ms(0.9),
                p99: tally.latency_ms(0.99),
                p999: tally.latency_ms(0.999),
                max: tally.latency_ms(1.0),
            },
            errors: tally.errors.clone(),
            verdicts_wrong: tally.wrong,
            verdicts_wrong_first: tally.quotes.clone(),
        }
    }

    /// The figures for a person.
    pub(super) fn table(&self) -> String {
        let ms = &self.latency_ms;
        let mut table = Table::new();
        table.set_header(["requests", "rps", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"]);
        let latencies = [ms.p50, ms.p90, ms.p99, ms.p999, ms.max].map(|ms| format!("{ms:.2}"));
        let counts = [self.requests.to_string(), format!("{:.0}", self.rps)];
        table.add_row(counts.into_iter().chain(latencies));
        let errors: u64 = self.errors.values().sum();
        let mut text = format!("{table}\nerrors: {errors}\n");
        for (name, count) in &self.errors {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {count:>9}  {name}");
        }
        let _ = writeln!(text, "verdicts wrong: {}", self.verdicts_wrong);
        for quote in &self.verdicts_wrong_first {
            let _ = writeln!(text, "  {quote}");
        }
        text
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("the report")?;
        fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
    }

    /// Whether the run passed.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        if self.verdicts_wrong > 0 {
            return Err(Failure::Threshold(format!("{} verdicts are wrong", self.verdicts_wrong)));
        }
        if self.answered == 0 {
            return Err(Failure::Unavailable("not one request was answered".to_owned()));
        }
        Ok(())
    }
}
