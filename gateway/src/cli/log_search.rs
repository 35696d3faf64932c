//! `gateway log search`: the operator's search, whether a gateway runs on the store or not.

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::Value;

use super::report::print_json;
use super::{CliError, Format, open_store};
use crate::config::Config;
use crate::http::{FoundReply, Search, read_search};
use crate::policy::Policies;
use crate::projections;

/// What is looked for.
#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// decision, refusal, act, disclosure, dispute or totals.
    #[arg(long)]
    kind: Vec<String>,
    /// Client identifiers.
    #[arg(long)]
    client: Vec<String>,
    /// matched, `not_matched`, inconclusive or refused.
    #[arg(long)]
    outcome: Vec<String>,
    /// Reasons of findings, such as `one_letter`, or of refusals, such as purpose-not-permitted.
    #[arg(long)]
    reason: Vec<String>,
    /// Purpose codes.
    #[arg(long)]
    purpose: Vec<String>,
    /// Operations.
    #[arg(long)]
    operation: Vec<String>,
    /// bulk, interactive or emergency: that of the policy version which an entry names.
    #[arg(long)]
    lane: Option<String>,
    /// One request, as its answer names it: `ver_...` or the x-request-id.
    #[arg(long)]
    request_id: Option<String>,
    /// First Vietnamese day, such as 2026-11-01, or moment (RFC 3339).
    #[arg(long)]
    since: Option<String>,
    /// Last Vietnamese day, inclusive, or the first moment after the last.
    #[arg(long)]
    until: Option<String>,
    /// Entries at most, up to 1,000.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Where the page before ended, as it said.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

/// Columns of the table and of CSV; what an entry does not have is left empty.
const COLUMNS: [&str; 11] = [
    "log",
    "index",
    "time",
    "kind",
    "client",
    "operation",
    "purpose",
    "outcome",
    "reasons",
    "subject_status",
    "request_id",
];

pub(super) async fn search(
    config: &Config,
    args: &SearchArgs,
    format: Format,
) -> Result<(), CliError> {
    let search = read(args)?;
    let store = open_store(config).await?;
    let policies = Policies::default();
    // One that cannot be read is on no lane that anybody knows.
    let _left_out = policies.replace_readable(&store.policies().await?);
    let filter = search.filter_by(&policies);
    let Search { after, limit, .. } = search;
    let page = projections::search(&store, filter, after.as_ref(), limit).await?;
    // Who can read the database can read its pseudonyms.
    let found = FoundReply::new(&page, true);
    match format {
        Format::Json => print_json(&found)?,
        Format::Csv => print_csv(&found)?,
        Format::Table => {
            let mut table = Table::new();
            table.load_style(presets::UTF8_FULL_CONDENSED);
            table.set_header(COLUMNS);
            for entry in &found.entries {
                table.add_row(cells(entry));
            }
            println!("{table}");
            if let Some(next) = &found.next {
                println!("There is more: --after {next}");
            }
        }
    }
    Ok(())
}

/// The same parameters as on the admin listener, read by the same reader.
fn read(args: &SearchArgs) -> Result<Search, CliError> {
    let list = |values: &[String]| (!values.is_empty()).then(|| values.join(","));
    let sent = [
        list(&args.kind),
        list(&args.client),
        list(&args.outcome),
        list(&args.reason),
        list(&args.purpose),
        list(&args.operation),
        args.lane.clone(),
        args.since.clone(),
        args.until.clone(),
        args.request_id.clone(),
        args.after.clone(),
        Some(args.limit.to_string()),
    ];
    read_search(sent).map_err(|errors| {
        let option = |pointer: &str| match pointer {
            "/from" => "--since".to_owned(),
            "/to" => "--until".to_owned(),
            other => format!("--{}", other.trim_start_matches('/').replace('_', "-")),
        };
        let wrong: Vec<String> = errors.iter().map(|error| option(&error.pointer)).collect();
        CliError::Usage(format!("not a value that it takes: {}", wrong.join(", ")))
    })
}

/// The cursor goes to standard error, so that what is piped is rows alone.
fn print_csv(found: &FoundReply) -> Result<(), CliError> {
    let failed = |error: csv::Error| CliError::Failed(error.to_string());
    let mut writer = csv::Writer::from_writer(std::io::stdout());
    writer.write_record(COLUMNS).map_err(failed)?;
    for entry in &found.entries {
        writer.write_record(cells(entry)).map_err(failed)?;
    }
    writer.flush().map_err(CliError::io("the rows cannot be printed"))?;
    if let Some(next) = &found.next {
        eprintln!("--after {next}");
    }
    Ok(())
}

fn cells(entry: &Value) -> [String; 11] {
    COLUMNS.map(|column| match (column, &entry[column]) {
        ("reasons", _) => reasons(entry),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Null) => String::new(),
        (_, other) => other.to_string(),
    })
}

/// Reasons by attribute, or that of a refusal.
fn reasons(entry: &Value) -> String {
    let attributes = entry["attributes"].as_object().into_iter().flatten();
    let reasons = attributes.filter_map(|(attribute, finding)| {
        Some(format!("{attribute}: {}", finding["reason"].as_str()?))
    });
    let refusal = entry["refusal"].as_str().map(str::to_owned);
    reasons.chain(refusal).collect::<Vec<_>>().join(", ")
}
