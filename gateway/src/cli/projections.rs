//! `gateway projections`: how far what is built from the logs is behind them, and building it anew.

use clap::Subcommand;

use super::report::print_json;
use super::{CliError, Format, open_store};
use crate::config::Config;
use crate::projections::{self, Rebuilt, Status};
use crate::store::Store;

/// What is done with the projections.
#[derive(Debug, Subcommand)]
pub(super) enum ProjectionsCommand {
    /// How far each of them is behind its log.
    Status,
    /// Empty them and build them from the logs, while no gateway runs; says whether they are what
    /// they were.
    Rebuild,
}

/// Runs one of the commands.
pub(super) async fn run(
    command: &ProjectionsCommand,
    config: &Config,
    format: Format,
) -> Result<(), CliError> {
    match command {
        ProjectionsCommand::Status => status(config, format).await,
        ProjectionsCommand::Rebuild => rebuild(config, format).await,
    }
}

async fn status(config: &Config, format: Format) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let all = projections::status(&store).await?;
    match format {
        Format::Table => {
            for log in &all {
                let (search, people) = (log.search_behind(), log.people_behind());
                let Status { log, entries, .. } = log;
                println!(
                    "log {log}: {entries} entries; not covered: {search} by the search, which \
                     covers segments of 65,536, {people} by history and distinct persons"
                );
            }
        }
        Format::Csv => {
            println!("log,entries,search,people");
            for Status { log, entries, search, people } in &all {
                println!("{log},{entries},{search},{people}");
            }
        }
        Format::Json => {
            let logs: Vec<_> = all.iter().map(to_json).collect();
            print_json(&serde_json::json!({ "logs": logs }))?;
        }
    }
    Ok(())
}

fn to_json(log: &Status) -> serde_json::Value {
    serde_json::json!({
        "log": log.log,
        "entries": log.entries,
        "search": {"next": log.search, "behind": log.search_behind()},
        "people": {"next": log.people, "behind": log.people_behind()},
    })
}

async fn rebuild(config: &Config, format: Format) -> Result<(), CliError> {
    let store = open_store(config).await?;
    // A gateway would go on from where it thinks that the tables are.
    let mut holds = Vec::new();
    for checkpoint in store.checkpoints().await? {
        holds.push(Store::hold(&config.store, &checkpoint.log).await?);
        if config.store.url.is_none() {
            // One lock holds a file, whatever logs are in it.
            break;
        }
    }
    let Rebuilt { entries, tables } = projections::rebuild(&store).await?;
    drop(holds);
    match format {
        Format::Table => {
            println!("{entries} entries read");
            for table in &tables {
                let verdict = if table.equal { "as it was" } else { "differs from what it was" };
                println!("{}: {} rows, {verdict}", table.table, table.rows);
            }
        }
        Format::Csv => {
            println!("table,rows,equal");
            for table in &tables {
                println!("{},{},{}", table.table, table.rows, table.equal);
            }
        }
        Format::Json => {
            let tables: Vec<_> = tables
                .iter()
                .map(|table| {
                    serde_json::json!({
                        "table": table.table, "rows": table.rows, "equal": table.equal,
                    })
                })
                .collect();
            print_json(&serde_json::json!({ "entries": entries, "tables": tables }))?;
        }
    }
    if tables.iter().any(|table| !table.equal) {
        let what = "the projections were not what the logs say; they are now";
        return Err(CliError::Failed(what.into()));
    }
    Ok(())
}
