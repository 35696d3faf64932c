//! `loadtest report`: how long the match-rate report takes with the counters of a hundred million
//! entries. The counters are written through the gateway's own store, the report is read by the
//! gateway's own function; no gateway runs.

mod year;

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use gateway::clock::Micros;
use gateway::config::StoreConfig;
use gateway::reports::{EdgeCounters, Grouping, Kinds, Period, Question, Scope, match_rates};
use gateway::request::ClientId;
use gateway::store::Store;
use serde::Serialize;

use crate::cli::ReportArgs;
use crate::failure::Failure;
use crate::stats::{median, thousandths};
use year::Year;

/// What a report may take (design 12), in milliseconds.
const MEDIAN_MS_MAX: f64 = 20.0;
/// Runs that are measured of each report, after one that is not.
const RUNS: usize = 21;

/// Reports that are held to it; the others read several times as many counters, and are shown.
const HELD: usize = 7;

/// A report that is measured: name, grouping, first and last day, whose.
type Measured = (&'static str, &'static str, &'static str, &'static str, Option<&'static str>);

const REPORTS: [Measured; 10] = [
    ("none", "none", "2026-01-01", "2026-12-31", None),
    ("kind", "kind", "2026-01-01", "2026-12-31", None),
    ("client", "client", "2026-01-01", "2026-12-31", None),
    ("kind, ragged", "kind", "2026-02-10", "2026-11-20", None),
    ("own", "none", "2026-01-01", "2026-12-31", Some("health-007")),
    ("own by day", "day", "2026-01-01", "2026-12-31", Some("health-007")),
    ("attribute,reason", "attribute,reason", "2026-01-01", "2026-12-31", None),
    ("attribute,reason, ragged", "attribute,reason", "2026-02-10", "2026-11-20", None),
    ("client, half a year, ragged", "client", "2026-04-06", "2026-09-25", None),
    ("kind,month", "kind,month", "2026-01-01", "2026-12-31", None),
];

/// What one report took.
#[derive(Debug, Serialize)]
struct Took {
    report: &'static str,
    rows: usize,
    median_ms: f64,
    min_ms: f64,
    max_ms: f64,
}

/// All that is written down.
#[derive(Debug, Serialize)]
struct Outcome {
    entries: u64,
    counters: u64,
    uncounted_entries: usize,
    reports: Vec<Took>,
}

/// Writes the counters and measures the reports.
pub(crate) async fn run(args: &ReportArgs) -> Result<(), Failure> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let path = folder.path().join("gateway.sqlite");
    let config = StoreConfig { path, ..StoreConfig::default() };
    let store = Store::open(&config).await.context("the store")?;
    let year = Year::new(args.entries);
    let counters = year.write(&store).await?;
    println!("{counters} counters of {} entries over a year, 292 clients", args.entries);
    let kinds = year.kinds();
    let mut reports = Vec::with_capacity(REPORTS.len());
    for measured in &REPORTS {
        let took = measure(&store, &kinds, measured).await?;
        println!(
            "{:<28} {:>6} rows   median {:>8.3} ms   least {:>8.3} ms   max {:>8.3} ms",
            took.report, took.rows, took.median_ms, took.min_ms, took.max_ms
        );
        reports.push(took);
    }
    let uncounted_entries = year::UNCOUNTED;
    let outcome = Outcome { entries: args.entries, counters, uncounted_entries, reports };
    if let Some(path) = &args.json {
        write(path, &outcome)?;
    }
    judge(&outcome)
}

async fn measure(store: &Store, kinds: &Kinds, measured: &Measured) -> Result<Took, Failure> {
    let &(report, grouping, from, to, own) = measured;
    let client = |id| ClientId::parse(id).ok().context("an identifier");
    let question = Question {
        period: Period {
            from: Some(from.parse().context("a day")?),
            to: Some(to.parse().context("a day")?),
        },
        grouping: Grouping::parse(grouping).context("a grouping")?,
        scope: own.map(client).transpose()?.map_or(Scope::All, Scope::Client),
    };
    let edge = EdgeCounters::default();
    let (mut rows, mut times) = (0, Vec::with_capacity(RUNS));
    for run in 0..=RUNS {
        let started = Instant::now();
        let made = match_rates(store, &edge, Micros(0), &question, kinds).await;
        let took = started.elapsed().as_secs_f64() * 1000.0;
        rows = made.context("the report")?.rows.len();
        if run > 0 {
            times.push(took);
        }
    }
    let min_ms = thousandths(times.iter().copied().fold(f64::INFINITY, f64::min));
    let max_ms = thousandths(times.iter().copied().fold(0.0, f64::max));
    let median_ms = thousandths(median(times).unwrap_or_default());
    Ok(Took { report, rows, median_ms, min_ms, max_ms })
}

fn write(path: &Path, outcome: &Outcome) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(outcome).context("the figures")?;
    std::fs::write(path, text + "\n")
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(())
}

/// Holds the medians to their limit. A debug build measures something else.
fn judge(outcome: &Outcome) -> Result<(), Failure> {
    let slow: Vec<&str> = outcome
        .reports
        .iter()
        .take(HELD)
        .filter(|took| took.median_ms > MEDIAN_MS_MAX)
        .map(|took| took.report)
        .collect();
    if slow.is_empty() || cfg!(debug_assertions) {
        return Ok(());
    }
    Err(Failure::Threshold(format!("over {MEDIAN_MS_MAX} ms: {}", slow.join("; "))))
}
