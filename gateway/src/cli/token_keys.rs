//! `gateway key rotate`: the next key signs access tokens from now on. It works beside a running
//! gateway, which signs with it within five seconds.

use std::os::unix::fs::MetadataExt as _;

use clap::Args;

use super::administering::Administering;
use super::report::{print_json, print_line};
use super::{CliError, Format};
use crate::access::token_keys::{self, KeyRotation, RotationMode};
use crate::config::Config;

/// Arguments of a rotation.
#[derive(Debug, Args)]
pub(super) struct KeyRotateArgs {
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Although the next key may not be known to every node and cache yet, or the file of the key that
    /// signs is lost: requests may fail.
    #[arg(long)]
    force: bool,
    /// The key that signs is in wrong hands: what it has signed is good for nothing any more, nor is
    /// what those have signed that were before it. All clients must fetch new tokens.
    #[arg(long)]
    compromised: bool,
}

/// Runs the command.
pub(super) async fn rotate(
    config: &Config,
    args: &KeyRotateArgs,
    format: Format,
) -> Result<(), CliError> {
    let office = Administering::open(config).await?;
    require_owner(config)?;
    let by = office.administrator();
    let KeyRotateArgs { dry_run, force, compromised } = *args;
    let mode = RotationMode { dry_run, force, compromised };
    let rotated = token_keys::rotate(&office.store, &office.keys, &office.random, &by, mode).await;
    let rotation = rotated?;
    let printed = print(&rotation, mode, format);
    if !dry_run {
        office.finish().await;
    }
    printed
}

/// A key that another user makes could not be read by the gateway.
fn require_owner(config: &Config) -> Result<(), CliError> {
    let folder = &config.keys.folder;
    let refuse = CliError::io(format!("the key folder {} cannot be read", folder.display()));
    let owner = std::fs::metadata(folder).map_err(refuse)?.uid();
    if rustix::process::geteuid().as_raw() == owner {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "the key folder belongs to another user ({owner}): run this as that user, or the gateway \
         could not read the new key"
    )))
}

fn print(rotation: &KeyRotation, mode: RotationMode, format: Format) -> Result<(), CliError> {
    let KeyRotation { activates, retires, next } = rotation;
    match format {
        Format::Json => print_json(&serde_json::json!({
            "rotated": !mode.dry_run, "activates": activates, "retires": retires, "next": next,
        })),
        Format::Table | Format::Csv => {
            match activates {
                Some(signs) if mode.compromised => {
                    print_line(&format!("{signs} signs, {retires} and all before it are void"))?;
                }
                Some(signs) => {
                    print_line(&format!("{signs} signs, {retires} verifies what it has signed"))?;
                }
                None => {
                    print_line(&format!("the file of {retires} is lost: another key comes next"))?;
                }
            }
            match next {
                Some(next) => print_line(&format!("{next} comes next"))?,
                None => print_line("a new key would come next; nothing was changed")?,
            }
            Ok(())
        }
    }
}
