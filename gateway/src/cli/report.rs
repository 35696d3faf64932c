//! `gateway report`: the figures from the store, whether a gateway runs on it or not.

use std::io::{self, Write as _};

use super::{CliError, DistinctPersonsArgs, Format, MatchRatesArgs, open_store, output};
use crate::audit;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::{DistinctPersonsReply, MatchRatesReply, read_day, read_months};
use crate::reports::{self, EdgeCounters, Grouping, Kinds, Period, Question, ReportError, Scope};

pub(super) async fn match_rates(
    config: &Config,
    args: &MatchRatesArgs,
    format: Format,
) -> Result<(), CliError> {
    let day = |text: &Option<String>, name: &str| match text {
        None => Ok(None),
        Some(text) => read_day(text)
            .map(Some)
            .ok_or_else(|| CliError::Usage(format!("--{name} takes a day such as 2026-11-01"))),
    };
    let period = Period { from: day(&args.from, "from")?, to: day(&args.to, "to")? };
    if period.from.zip(period.to).is_some_and(|(from, to)| from > to) {
        return Err(CliError::Usage("--to lies before --from".into()));
    }
    let grouping = Grouping::parse(&args.group_by).ok_or_else(|| {
        CliError::Usage(format!("--group-by {}: no cube holds that; see --help", args.group_by))
    })?;
    let store = open_store(config).await?;
    let kinds = client_kinds(&store).await?;
    // What a running gateway has not flushed yet of throttled and malformed is in its memory.
    let edge = EdgeCounters::default();
    let now = Clock::system().now();
    let question = Question { period, grouping, scope: Scope::All };
    let report = reports::match_rates(&store, &edge, now, &question, &kinds).await;
    let report = report.map_err(|error| match error {
        ReportError::Store(error) => CliError::Store(error),
        ReportError::TooManyRows | ReportError::TooManyHours => CliError::Usage(error.to_string()),
    })?;
    match format {
        Format::Table => println!("{}", output::match_rate_table(&report)),
        Format::Csv => {
            let text = output::match_rate_csv(&report)
                .map_err(|error| CliError::Failed(error.to_string()))?;
            print!("{text}");
        }
        Format::Json => print_json(&MatchRatesReply::new(report))?,
    }
    Ok(())
}

pub(super) async fn recount(config: &Config, format: Format) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let mut recounts = Vec::new();
    for checkpoint in store.checkpoints().await? {
        recounts.push(audit::recount(&store, &checkpoint.log, &mut |_| {}).await?);
    }
    let differences: usize = recounts.iter().map(|recount| recount.differences.len()).sum();
    match format {
        Format::Json => print_json(&serde_json::json!({
            "differences": differences,
            "logs": recounts.iter().map(|recount| serde_json::json!({
                "log": recount.log,
                "entries": recount.entries,
                "counters": recount.counters,
                "differences": recount.differences,
            })).collect::<Vec<_>>(),
        }))?,
        Format::Csv => {
            println!("log,entries,counters,differences");
            for recount in &recounts {
                let (log, differences) = (&recount.log, recount.differences.len());
                println!("{log},{},{},{differences}", recount.entries, recount.counters);
            }
        }
        Format::Table => {
            for recount in &recounts {
                let (log, differences) = (&recount.log, recount.differences.len());
                println!(
                    "log {log}: {} entries counted again, {} counters, {differences} differences",
                    recount.entries, recount.counters
                );
                for (key, counter, again) in &recount.differences {
                    println!("  {key}: counter {counter}, recount {again}");
                }
            }
        }
    }
    if differences > 0 {
        return Err(CliError::Failed(format!("{differences} counters differ from the log")));
    }
    Ok(())
}

pub(super) async fn distinct_persons(
    config: &Config,
    args: &DistinctPersonsArgs,
    format: Format,
) -> Result<(), CliError> {
    let months =
        read_months(args.from_month.as_deref(), args.to_month.as_deref()).map_err(|_| {
            CliError::Usage(
                "--from-month and --to-month take months in order, such as 2026-11".into(),
            )
        })?;
    let store = open_store(config).await?;
    let report = DistinctPersonsReply::read(&store, months, None).await?;
    match format {
        Format::Json => print_json(&report)?,
        Format::Csv => {
            println!("client,month,persons");
            for row in report.rows() {
                println!("{},{},{}", row.client, row.month, row.persons);
            }
        }
        Format::Table => println!("{}", output::distinct_persons_table(&report)),
    }
    Ok(())
}

async fn client_kinds(store: &crate::store::Store) -> Result<Kinds, CliError> {
    let directory = crate::auth::Directory::default();
    directory.replace(&store.clients().await?, &[])?;
    Ok(directory.all().iter().map(|(id, client)| (id.clone(), client.kind.name())).collect())
}

pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), CliError> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| CliError::Failed(error.to_string()))?;
    print_line(&text)
}

/// Prints a line; that nobody reads it is an error, and no panic: what was done before stays done.
pub(super) fn print_line(text: &str) -> Result<(), CliError> {
    print_text(&format!("{text}\n"))
}

/// As [`print_line`], of text that has its line ends.
pub(super) fn print_text(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    printed.map_err(CliError::io("the result cannot be printed"))
}
