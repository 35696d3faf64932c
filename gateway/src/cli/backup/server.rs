//! The copy of a database on a server, by the server's own programs.

use std::path::Path;
use std::process::{Command, Stdio};

use super::manifest::{self, CopiedLog};
use crate::cli::CliError;
use crate::config::Config;
use crate::store::{KeyFolder, Store, server_variables};

/// Name of the copy in the backup's folder.
pub(super) const COPY: &str = "gateway.pgdump";

/// Dumps the database as it is at one moment into `file`, reads the dump back, and says which logs
/// are in it.
pub(super) async fn dump(
    store: &Store,
    file: &Path,
    keys: &KeyFolder,
    config: &Config,
) -> Result<Vec<CopiedLog>, CliError> {
    // The tail as it is now: what is in the dump is the beginning of it.
    manifest::read_logs(store, keys, &config.log).await?;
    let snapshot = store.server_snapshot().await?;
    let mut snapshot =
        snapshot.ok_or_else(|| CliError::Failed("the database is not on a server".into()))?;
    // Made here, or everyone could read it.
    super::folders::write_new(file, b"")?;
    let mut command = program("pg_dump", config)?;
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--snapshot", &snapshot.id]);
    run(command.arg("--file").arg(file)).await?;
    let sync = std::fs::File::open(file).and_then(|file| file.sync_all());
    sync.map_err(CliError::io("the dump cannot be written"))?;
    // Reads every block of it; what it would do to a database goes nowhere.
    run(program("pg_restore", config)?.arg("--file=/dev/null").arg(file)).await?;
    let rows = snapshot.checkpoints().await?;
    let logs = rows.into_iter().map(|row| manifest::signed_log(row, keys, &config.log));
    logs.collect()
}

/// Puts a dump into a database that must be empty: all of it, or nothing.
pub(super) async fn restore(file: &Path, config: &Config) -> Result<(), CliError> {
    let mut command = program("pg_restore", config)?;
    command.args(["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]);
    let variables = server_variables(&config.store)?;
    let database = variables.iter().find(|(name, _)| *name == "PGDATABASE");
    let database = database.map_or("postgres", |(_, database)| database.as_str());
    run(command.args(["--dbname", database]).arg(file)).await
}

/// A program of the server; the way there is in its environment.
fn program(name: &str, config: &Config) -> Result<Command, CliError> {
    let mut command = Command::new(name);
    let variables = server_variables(&config.store)?;
    command.envs(variables).stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

async fn run(command: &mut Command) -> Result<(), CliError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.stderr(Stdio::piped()).spawn();
    let child = child.map_err(CliError::io(format!("the program {name} cannot be started")))?;
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output()).await;
    let ended = ended.map_err(std::io::Error::other).and_then(|ended| ended);
    let ended = ended.map_err(CliError::io(format!("the program {name} did not end")))?;
    if ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ended.stderr);
    let said = said.lines().next().unwrap_or("it does not say why");
    Err(CliError::Failed(format!("{name} failed: {said}")))
}
