//! `gateway backup`: a consistent copy of the database while a gateway runs, checked before it
//! counts. `restore` is the way back.

mod folders;
mod manifest;
mod restore;
mod server;

use std::path::{Path, PathBuf};

use clap::Args;

pub(super) use restore::{RestoreArgs, restore};

use super::acting::open_keys;
use super::report::print_json;
use super::{CliError, Format, open_store};
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::store::{KeyFolder, Store};
use folders::{NewFolder, copy_keys, write_new};
use manifest::{CopiedFile, CopiedLog, Manifest};

/// What a manifest calls a database that is a file, and one on a server.
const FILE: &str = "sqlite";
const SERVER: &str = "postgresql";
/// Name of the copy of an `SQLite` database.
const COPY: &str = "gateway.sqlite";

/// Arguments of the backup.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// New or empty folder for the copy.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Copy the keys, too, into a new or empty folder of their own. Keep it elsewhere: whoever has
    /// the copy and the keys can link pseudonyms to people and sign for the log.
    #[arg(long, value_name = "FOLDER2")]
    with_keys: Option<PathBuf>,
}

/// Runs the command. If it dies on the way, a folder without a manifest stays, which is no backup.
pub(super) async fn backup(
    config: &Config,
    args: &BackupArgs,
    format: Format,
) -> Result<(), CliError> {
    let keys = open_keys(config)?;
    let store = open_store(config).await?;
    let target = NewFolder::make(&args.to)?;
    let key_target = args.with_keys.as_deref().map(NewFolder::make).transpose()?;
    if let Some(key_target) = &key_target {
        refuse_nested(target.path(), key_target.path())?;
    }
    let made = copy(&store, target.path(), &keys, config).await?;
    if let Some(key_target) = key_target {
        copy_keys(keys.folder(), key_target.path())?;
        publish_copied(key_target.path(), &made.logs)?;
        key_target.finish()?;
    }
    let text =
        serde_json::to_vec_pretty(&made).map_err(|error| CliError::Failed(error.to_string()))?;
    write_new(&target.path().join(manifest::NAME), &text)?;
    target.finish()?;
    print(&made, args, format)
}

/// Copies the database, checks the copy and says what it is.
async fn copy(
    store: &Store,
    folder: &Path,
    keys: &KeyFolder,
    config: &Config,
) -> Result<Manifest, CliError> {
    let migration = store.migration().await?;
    let (kind, name, logs) = if config.store.url.is_some() {
        let logs = server::dump(store, &folder.join(server::COPY), keys, config).await?;
        (SERVER, server::COPY, logs)
    } else {
        store.copy_to(&folder.join(COPY)).await?;
        let copy = Store::open_copy(&folder.join(COPY)).await?;
        let logs = manifest::read_logs(&copy, keys, &config.log).await?;
        copy.close().await;
        (FILE, COPY, logs)
    };
    let file = CopiedFile::of(folder, name).map_err(CliError::io("the copy cannot be read"))?;
    Ok(Manifest {
        format: 1,
        made_at: Clock::system().now().to_string(),
        program: env!("CARGO_PKG_VERSION").into(),
        store: kind.into(),
        migration,
        file,
        logs,
    })
}

/// A backup that lies with its keys would be worth as much to a thief as the database itself.
fn refuse_nested(copy: &Path, keys: &Path) -> Result<(), CliError> {
    if copy.starts_with(keys) || keys.starts_with(copy) {
        return Err(CliError::Usage(
            "the keys go into a folder of their own, neither around the copy nor in it: whoever \
             has both can link pseudonyms to people and sign for the log"
                .into(),
        ));
    }
    Ok(())
}

/// Beside the copied keys lies what the copied database is to be compared with: its own checkpoint.
fn publish_copied(folder: &Path, logs: &[CopiedLog]) -> Result<(), CliError> {
    let failed = |error: crate::store::KeyError| CliError::Failed(error.to_string());
    let copied = KeyFolder::open(folder, Random::system()).map_err(failed)?;
    for log in logs.iter().filter(|log| log.verified) {
        copied.publish(&log.log, &log.note).map_err(failed)?;
    }
    Ok(())
}

fn print(made: &Manifest, args: &BackupArgs, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => return print_json(made),
        Format::Table | Format::Csv => {}
    }
    for CopiedLog { log, size, verified, .. } in &made.logs {
        let checked = if *verified { "verified" } else { "not verified, its key is elsewhere" };
        println!("log {log}: {size} entries, {checked}");
    }
    println!("{} bytes in {}, with a manifest", made.file.bytes, args.to.display());
    match &args.with_keys {
        Some(folder) => println!("keys in {}: keep them apart from the copy", folder.display()),
        None => println!("the keys are not in it: keep a copy of their folder elsewhere"),
    }
    Ok(())
}
