//! `gateway restore`: a backup in the place of a database that is not there, whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::folders::{NewFolder, copy_file, copy_keys, sync_folder};
use super::manifest::{self, CopiedFile, Manifest};
use super::{FILE, SERVER, server};
use crate::audit::find_loss;
use crate::cli::acting::open_keys;
use crate::cli::report::print_json;
use crate::cli::{CliError, Format, sentence};
use crate::clock::Random;
use crate::config::{Config, StoreConfig};
use crate::store::{KeyFolder, Store};

/// Arguments of the way back.
#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArgs {
    /// Folder of a backup.
    folder: PathBuf,
    /// Folder of its keys, for a key folder that is not there.
    #[arg(long, value_name = "FOLDER2")]
    with_keys: Option<PathBuf>,
}

/// Runs the command. If it dies on the way, the database is not there: its last step is a rename.
/// Keys that were put in their place before it stay, and a second try does without `--with-keys`.
pub(in crate::cli) async fn restore(
    config: &Config,
    args: &RestoreArgs,
    format: Format,
) -> Result<(), CliError> {
    let made = read_manifest(&args.folder, config)?;
    if config.store.url.is_none() {
        refuse_database(&config.store.path)?;
    }
    let new_keys = args.with_keys.as_deref().map(|from| bring_keys(config, from)).transpose()?;
    let keys = open_keys(config)?;
    let _held = Store::hold(&config.store, &config.log.name).await?;
    let copy = args.folder.join(&made.file.name);
    if config.store.url.is_some() {
        restore_to_server(&copy, &made, &keys, config).await?;
    } else {
        restore_file(&copy, &made, &keys, config).await?;
    }
    if let Some(new_keys) = new_keys {
        new_keys.finish()?;
    }
    print(&made, next_start(config, &keys).await?.as_deref(), format)
}

async fn restore_file(
    copy: &Path,
    made: &Manifest,
    keys: &KeyFolder,
    config: &Config,
) -> Result<(), CliError> {
    let target = &config.store.path;
    // Beside the target: a rename must not cross file systems.
    let temporary = target.with_extension("restoring");
    remove_database(&temporary)?;
    copy_file(copy, &temporary)?;
    if let Err(error) = check(&StoreConfig::file(&temporary), made, keys, config).await {
        remove_database(&temporary)?;
        return Err(error);
    }
    let folder = target.parent().filter(|folder| *folder != Path::new(""));
    fs::rename(&temporary, target)
        .and_then(|()| sync_folder(folder.unwrap_or(Path::new("."))))
        .map_err(CliError::io(format!("the database cannot be put at {}", target.display())))
}

async fn restore_to_server(
    copy: &Path,
    made: &Manifest,
    keys: &KeyFolder,
    config: &Config,
) -> Result<(), CliError> {
    let target = Store::inspect(&config.store).await?;
    let is_empty = target.is_empty().await;
    target.close().await;
    if !is_empty? {
        return Err(CliError::Failed(
            "the database on the server holds tables already, and nothing is overwritten: make an \
             empty one and name it in store.url"
                .into(),
        ));
    }
    server::restore(copy, config).await?;
    // What is there now is what the dump held; if that is not right, it must not be used.
    check(&config.store, made, keys, config).await
}

fn read_manifest(folder: &Path, config: &Config) -> Result<Manifest, CliError> {
    let path = folder.join(manifest::NAME);
    let text = fs::read(&path).map_err(CliError::io(format!(
        "{} holds no backup that was finished: its manifest cannot be read",
        folder.display()
    )))?;
    let made: Manifest = serde_json::from_slice(&text).map_err(|error| {
        CliError::Failed(format!("the manifest {} cannot be read: {error}", path.display()))
    })?;
    let kind = if config.store.url.is_some() { SERVER } else { FILE };
    if made.format != 1 || made.store != kind || made.file.name.contains('/') {
        return Err(CliError::Failed(format!(
            "the backup is of {} in form {}, and the configuration names {kind}, form 1",
            made.store, made.format
        )));
    }
    let file = CopiedFile::of(folder, &made.file.name)
        .map_err(CliError::io(format!("the copy in {} cannot be read", folder.display())))?;
    if file == made.file {
        return Ok(made);
    }
    Err(CliError::Failed(format!(
        "the copy in {} is not the one that its manifest describes: {} bytes with SHA-256 {}",
        folder.display(),
        file.bytes,
        file.sha256
    )))
}

/// What lies beside a database would be taken for its own changes.
fn refuse_database(target: &Path) -> Result<(), CliError> {
    for path in with_companions(target) {
        if path.exists() {
            let path = path.display();
            return Err(CliError::Failed(format!(
                "there is {path} already, and nothing is overwritten: move the old database away, \
                 with what lies beside it"
            )));
        }
    }
    Ok(())
}

fn remove_database(path: &Path) -> Result<(), CliError> {
    for path in with_companions(path) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(CliError::io(format!("{} cannot be removed", path.display()))(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// A database file and what `SQLite` keeps beside it.
fn with_companions(path: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|ending| {
        let mut path = path.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    })
}

/// Fills the key folder, which must be empty or not there; it is emptied again if this fails.
fn bring_keys(config: &Config, from: &Path) -> Result<NewFolder, CliError> {
    let folder = NewFolder::make(&config.keys.folder)?;
    let failed = |error: crate::store::KeyError| CliError::Failed(error.to_string());
    copy_keys(from, folder.path())?;
    let copied = KeyFolder::open(from, Random::system()).map_err(failed)?;
    let keys = KeyFolder::open(folder.path(), Random::system()).map_err(failed)?;
    for key in copied.list().map_err(failed)? {
        let Some(log) = key.name.strip_prefix("log-") else { continue };
        if let Some(published) = copied.published(log).map_err(failed)? {
            keys.publish(log, &published.unverified_note).map_err(failed)?;
        }
    }
    Ok(folder)
}

/// Brings the copy's tables up to date, as the next start would, and checks every log's tail.
async fn check(
    restored: &StoreConfig,
    made: &Manifest,
    keys: &KeyFolder,
    config: &Config,
) -> Result<(), CliError> {
    let store = Store::open_and_bring_up_to_date(restored).await?;
    let logs = manifest::read_logs(&store, keys, &config.log).await;
    store.close().await;
    let fits = |(found, said): (&manifest::CopiedLog, &manifest::CopiedLog)| {
        (&found.log, found.size, &found.root) == (&said.log, said.size, &said.root)
    };
    let logs = logs?;
    if logs.len() == made.logs.len() && logs.iter().zip(&made.logs).all(fits) {
        return Ok(());
    }
    Err(CliError::Failed("the logs in the copy are not those that its manifest describes".into()))
}

/// What the next start will say, if it will refuse.
async fn next_start(config: &Config, keys: &KeyFolder) -> Result<Option<String>, CliError> {
    let store = Store::open_existing(&config.store).await?;
    let found = find_loss(&store, keys, &config.log).await;
    store.close().await;
    Ok(match found {
        Ok(None) => None,
        Ok(Some(loss)) => Some(loss.to_string()),
        Err(error) => Some(sentence(&CliError::from(crate::audit::VerifyError::from(error)))),
    })
}

fn print(made: &Manifest, refusal: Option<&str>, format: Format) -> Result<(), CliError> {
    match format {
        Format::Json => {
            return print_json(&serde_json::json!({
                "made_at": made.made_at,
                "logs": made.logs,
                "next_start_refused": refusal,
            }));
        }
        Format::Table | Format::Csv => {}
    }
    for manifest::CopiedLog { log, size, .. } in &made.logs {
        println!("log {log}: {size} entries, as of {}", made.made_at);
    }
    match refusal {
        Some(refusal) => println!("the next start will refuse: {refusal}"),
        None => println!("the next start goes on from there"),
    }
    Ok(())
}
