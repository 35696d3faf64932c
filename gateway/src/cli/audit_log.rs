//! `gateway log`: the auditor's commands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::report::print_json;
use super::{CliError, Format, open_store};
use crate::audit::{self, Verification};
use crate::clock::Random;
use crate::config::{Config, LogConfig};
use crate::store::KeyFolder;

pub(super) async fn verify(config: &Config, format: Format) -> Result<(), CliError> {
    let store = open_store(config).await?;
    if !config.keys.folder.is_dir() {
        let folder = config.keys.folder.display();
        return Err(CliError::Usage(format!("there is no key folder at {folder}")));
    }
    let keys = KeyFolder::open(&config.keys.folder, Random::system())
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let mut verified = Vec::new();
    for checkpoint in store.checkpoints().await? {
        let log = LogConfig { name: checkpoint.log, ..config.log.clone() };
        verified.push(audit::verify_log(&store, &keys, &log).await?);
    }
    if verified.is_empty() {
        return Err(CliError::Failed("the database holds no log".into()));
    }
    print(&verified, format)
}

fn print(verified: &[Verification], format: Format) -> Result<(), CliError> {
    match format {
        Format::Table => {
            for log in verified {
                let root = STANDARD.encode(log.root);
                let Verification { log, entries, tiles, .. } = log;
                println!("log {log}: {entries} entries, {tiles} full tiles, root {root}: verified");
            }
        }
        Format::Csv => {
            println!("log,entries,tiles,root");
            for log in verified {
                println!("{},{},{},{}", log.log, log.entries, log.tiles, STANDARD.encode(log.root));
            }
        }
        Format::Json => {
            let logs: Vec<_> = verified
                .iter()
                .map(|log| {
                    serde_json::json!({
                        "log": log.log,
                        "entries": log.entries,
                        "tiles": log.tiles,
                        "root": STANDARD.encode(log.root),
                    })
                })
                .collect();
            print_json(&serde_json::json!({ "logs": logs }))?;
        }
    }
    Ok(())
}
