//! `gateway dispute list`: what clients say is wrong, from the store. Deciding is for the admin
//! listener of a running gateway: a decision is an entry of its log.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};

use super::report::print_json;
use super::{CliError, DisputeListArgs, Format, open_store};
use crate::audit::DisputeState;
use crate::clock::Micros;
use crate::config::Config;
use crate::store::{DisputeFilter, DisputeRow};

/// Disputes that are read at once.
const PAGE: i64 = 500;

const COLUMNS: [&str; 11] = [
    "id",
    "state",
    "client",
    "opened_at",
    "log",
    "index",
    "note",
    "reasons",
    "decided_at",
    "decided_by",
    "decision_reason",
];

pub(super) async fn list(
    config: &Config,
    args: &DisputeListArgs,
    format: Format,
) -> Result<(), CliError> {
    let state = args.state.as_deref();
    if state.is_some_and(|state| DisputeState::find(state).is_none()) {
        return Err(CliError::Usage("--state takes open, upheld or rejected".into()));
    }
    let store = open_store(config).await?;
    let mut rows: Vec<[String; 11]> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let filter = DisputeFilter { client_id: None, state, after: after.as_deref() };
        let page = store.disputes(filter, PAGE).await?;
        after = page.last().map(|row| row.id.clone());
        let is_last = (page.len() as i64) < PAGE;
        rows.extend(page.into_iter().map(cells));
        if is_last {
            break;
        }
    }
    match format {
        Format::Table => {
            let mut table = Table::new();
            table.load_style(presets::UTF8_FULL_CONDENSED);
            table.set_header(COLUMNS);
            for row in rows {
                table.add_row(row);
            }
            println!("{table}");
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(std::io::stdout());
            let failed = |error: csv::Error| CliError::Failed(error.to_string());
            writer.write_record(COLUMNS).map_err(failed)?;
            for row in rows {
                writer.write_record(row).map_err(failed)?;
            }
            writer.flush().map_err(CliError::io("the list cannot be written"))?;
        }
        Format::Json => {
            let disputes: Vec<_> = rows
                .into_iter()
                .map(|row| COLUMNS.into_iter().zip(row).collect::<BTreeMap<_, _>>())
                .collect();
            print_json(&serde_json::json!({ "disputes": disputes }))?;
        }
    }
    Ok(())
}

/// A decision that is not in the log yet is none.
fn cells(row: DisputeRow) -> [String; 11] {
    let is_decided = row.settled != 0;
    let time = |us: Option<i64>| us.map_or_else(String::new, |us| Micros(us).to_string());
    let of_decision = |text: Option<String>| text.filter(|_| is_decided).unwrap_or_default();
    [
        row.id,
        if is_decided { row.state } else { DisputeState::Open.name().to_owned() },
        row.client_id,
        time(Some(row.opened_us)),
        row.log,
        row.entry_index.to_string(),
        row.note,
        row.reasons.replace(',', " "),
        time(row.decided_us.filter(|_| is_decided)),
        of_decision(row.decided_by),
        of_decision(row.decision_reason),
    ]
}
