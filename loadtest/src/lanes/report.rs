//! What the file did: a table, a file of figures, and whether the gates were held.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::Measured;
use crate::cli::LanesArgs;
use crate::failure::Failure;
use crate::latency::Latency;
use crate::stats::{ratio, thousandths};

/// How much longer 99 of 100 of the hospital's verifications may take.
const P99_RATIO_MAX: f64 = 2.0;

/// All figures, as they stand in the file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    rate: u32,
    /// Before the file and after it.
    quiet: [Latency; 2],
    meanwhile: Latency,
    /// To the smaller one of the two.
    p99_ratio: Option<f64>,
    /// The hospital's verifications that were refused or wrong, in all three.
    spoilt: u64,
    file: File,
    held: bool,
}

/// The file.
#[derive(Debug, Serialize)]
struct File {
    requests: u64,
    connections: u32,
    answered: u64,
    wrong: u64,
    seconds: f64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    told_to_wait: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
}

impl Report {
    /// Reads what was measured.
    pub(super) fn new(args: &LanesArgs, measured: &Measured) -> Self {
        let quiet = measured.quiet.each_ref().map(Latency::of);
        let meanwhile = Latency::of(&measured.meanwhile);
        let alone_ms = quiet[0].p99_ms.min(quiet[1].p99_ms);
        let p99_ratio = ratio(meanwhile.p99_ms, alone_ms).map(thousandths);
        let spoilt = [&meanwhile, &quiet[0], &quiet[1]].map(Latency::spoilt).iter().sum();
        let file = File::of(args, measured);
        let held = spoilt == 0
            && file.answered == args.requests
            && file.wrong == 0
            && p99_ratio.is_some_and(|ratio| ratio <= P99_RATIO_MAX);
        Self { rate: args.rate, quiet, meanwhile, p99_ratio, spoilt, file, held }
    }

    /// Writes the file of figures.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("the figures")?;
        std::fs::write(path, text + "\n").with_context(|| path.display().to_string())
    }

    /// Refuses where a gate is not held. A debug build measures something else.
    pub(super) fn judge(&self) -> Result<(), Failure> {
        if self.held || cfg!(all(debug_assertions, not(test))) {
            return Ok(());
        }
        Err(Failure::Threshold(format!(
            "not held: the hospital's p99 at most {P99_RATIO_MAX} times its own, and nobody refused"
        )))
    }
}

impl File {
    fn of(args: &LanesArgs, measured: &Measured) -> Self {
        let sent = &measured.sent;
        let seconds = sent.took.as_secs_f64();
        let answered = sent.tally.answered();
        Self {
            requests: args.requests,
            connections: args.connections,
            answered,
            wrong: sent.tally.wrong,
            seconds: thousandths(seconds),
            per_second: ratio(answered as f64, seconds).unwrap_or(0.0).round(),
            p50_ms: sent.tally.latency_ms(0.5),
            p99_ms: sent.tally.latency_ms(0.99),
            told_to_wait: sent.told_to_wait.clone(),
            errors: sent.tally.errors.clone(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["hospital", "requests", "p50 ms", "p99 ms", "max ms", "spoilt"]);
        let [before, after] = &self.quiet;
        let rows = [("alone", before), ("beside a file", &self.meanwhile), ("alone again", after)];
        for (name, latency) in rows {
            table.add_row(latency.row(name));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{table}")?;
        for (name, latency) in rows {
            for (error, count) in &latency.errors {
                writeln!(f, "{name}: {count:>7}  {error}")?;
            }
        }
        let File { answered, requests, seconds, per_second, p50_ms, p99_ms, .. } = &self.file;
        writeln!(
            f,
            "file: {answered} of {requests} answered in {seconds:.1} s, {per_second}/s, \
             p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms"
        )?;
        for (name, count) in self.file.told_to_wait.iter().chain(&self.file.errors) {
            writeln!(f, "file: {count:>7}  {name}")?;
        }
        let ratio = self.p99_ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        let held = if self.held { "held" } else { "NOT HELD" };
        writeln!(f, "p99 {ratio} times its own (at most {P99_RATIO_MAX}), {held}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::super::file::Sent;
    use super::*;
    use crate::cli::{Cli, Command};
    use crate::tally::{Ending, Tally};

    fn args() -> LanesArgs {
        let arguments = ["loadtest", "lanes", "--requests", "1000"];
        match Cli::try_parse_from(arguments).unwrap().command {
            Command::Lanes(args) => args,
            _ => unreachable!(),
        }
    }

    fn tally(count: u64, ms: u64, ending: &Ending) -> Tally {
        let mut tally = Tally::new().unwrap();
        for _ in 0..count {
            tally.record(Duration::from_millis(ms), ending.clone());
        }
        tally
    }

    /// A file that disturbs nobody.
    fn measured() -> Measured {
        Measured {
            quiet: [tally(100, 9, &Ending::Good), tally(100, 2, &Ending::Good)],
            meanwhile: tally(100, 3, &Ending::Good),
            sent: Sent {
                tally: tally(1_000, 20, &Ending::Good),
                told_to_wait: BTreeMap::from([("429 rate-limited".to_owned(), 7)]),
                took: Duration::from_secs(2),
            },
        }
    }

    fn is_missed(measured: &Measured) -> bool {
        let judged = Report::new(&args(), measured).judge();
        judged.err().is_some_and(|failure| failure.exit_code() == 6)
    }

    #[test]
    fn a_file_is_held_against_the_better_time_alone() {
        let report = Report::new(&args(), &measured());
        assert!(report.judge().is_ok(), "{report}");
        assert!(report.p99_ratio.is_some_and(|ratio| (1.4..=1.6).contains(&ratio)), "{report}");
        let told = report.to_string();
        assert!(told.contains("500/s") && told.contains("7  429 rate-limited"), "{told}");
        let slow = Measured { meanwhile: tally(100, 5, &Ending::Good), ..measured() };
        assert!(is_missed(&slow));
    }

    #[test]
    fn nobody_may_be_refused_and_the_file_comes_to_its_end() {
        let mut refused = measured();
        let refusal = Ending::Error("503 overloaded".to_owned());
        refused.meanwhile.record(Duration::from_millis(1), refusal);
        assert!(is_missed(&refused));
        let mut short = measured();
        short.sent.tally = tally(999, 20, &Ending::Good);
        assert!(is_missed(&short));
        let mut wrong = measured();
        wrong.sent.tally = tally(1_000, 20, &Ending::Wrong("false".to_owned()));
        assert!(is_missed(&wrong));
    }
}
