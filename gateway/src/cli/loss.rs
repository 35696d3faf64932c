//! `gateway log accept-loss`: goes on with a log that has lost entries, and puts that on record.

use super::acting::{Acting, open_keys};
use super::report::{print_json, print_line};
use super::{CliError, Format};
use crate::audit::find_loss;
use crate::config::Config;

/// Runs the command. If it dies before the log's act is written, nothing is accepted; if after it,
/// the next start may refuse once more, and accepting again ends it.
pub(super) async fn accept(config: &Config, log: &str, format: Format) -> Result<(), CliError> {
    if log != config.log.name {
        let own = &config.log.name;
        return Err(CliError::Usage(format!("this node writes log {own}, not {log}")));
    }
    let nothing = || CliError::Failed(format!("log {log} has lost nothing that was published"));
    let keys = open_keys(config)?;
    let published = keys.published(log).map_err(|error| CliError::Failed(error.to_string()))?;
    if published.is_none() {
        return Err(nothing());
    }
    let acting = Acting::open_lost(config).await?;
    let loss = find_loss(&acting.store, &acting.keys, &config.log).await;
    let loss = loss.map_err(crate::audit::VerifyError::from)?.ok_or_else(nothing)?;
    let kept = acting.keys.keep_superseded(&loss.note, loss.published.size);
    let kept = kept.map_err(|error| CliError::Failed(error.to_string()))?;
    let receipt = acting.record_loss(&loss).await?;
    match format {
        Format::Json => print_json(&serde_json::json!({
            "log": log,
            "kept_size": loss.size,
            "published_size": loss.published.size,
            "act_index": receipt.index(),
            "superseded": kept,
        })),
        Format::Table | Format::Csv => {
            print_line(&format!("log {log}: accepted: {}", loss.figures()))?;
            print_line(&format!(
                "on record as entry {}; the published checkpoint is kept as {}",
                receipt.index(),
                kept.display()
            ))?;
            Ok(())
        }
    }
}
