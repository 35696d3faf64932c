//! `gateway client` as an administrator meets it: beside running gateways, beside none, and killed.

mod import;
mod import_killed;
mod onboarding;
mod slowing;
mod suspension;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, ensure};
use gateway::audit::LogEntry;

use super::programs::program;
use crate::support::{Kept, TestApp, entry_bytes};

const HEADER: &str = "client_id,agency_code,name_vi,name_en,agreement_from,agreement_until,\
    assessment_level,assessment_date,assessment_until\n";

/// A stopped gateway's folder, where commands are run.
async fn folder() -> Kept {
    TestApp::start().await.stop().await.0
}

/// The command with these arguments.
fn gateway(kept: &Kept, args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(program("gateway")?);
    command.arg("--config").arg(kept.config_file()).arg("client").args(args);
    command.current_dir(kept.folder());
    command.env("GATEWAY_SERVER__PUBLIC_URL", "https://gateway.example.gov.vn");
    Ok(command)
}

/// Runs a command to its end with something on its standard input.
fn run_with(kept: &Kept, args: &[&str], input: &str) -> anyhow::Result<Output> {
    let mut command = gateway(kept, args)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("an input")?.write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

/// What a command prints that must succeed.
fn run(kept: &Kept, args: &[&str]) -> anyhow::Result<String> {
    let ended = run_with(kept, args, "")?;
    let errors = String::from_utf8(ended.stderr)?;
    ensure!(ended.status.success(), "{args:?}: {}\n{errors}", ended.status);
    Ok(String::from_utf8(ended.stdout)?)
}

/// What a command complains that must fail with this exit code.
fn refused(kept: &Kept, args: &[&str], code: i32) -> anyhow::Result<(String, String)> {
    let ended = run_with(kept, args, "")?;
    let errors = String::from_utf8(ended.stderr)?;
    ensure!(ended.status.code() == Some(code), "{args:?}: {}\n{errors}", ended.status);
    Ok((String::from_utf8(ended.stdout)?, errors))
}

/// A good line of a table; its dates hold whenever the test runs.
fn line(id: &str) -> String {
    format!(
        "{id},G12.24.01001,Trạm y tế {id},Health station {id},2020-01-01,2100-12-31,3,2020-01-01,2100-12-31\n"
    )
}

/// Identifier and passphrase of each line of the table of passphrases.
fn passphrases(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut read = BTreeMap::new();
    for record in csv_lines(path)? {
        let [id, file, passphrase] = record.as_slice() else { anyhow::bail!("{record:?}") };
        ensure!(*file == format!("{id}.sealed.json"), "{record:?}");
        ensure!(read.insert(id.clone(), passphrase.clone()).is_none(), "{id} comes twice");
    }
    Ok(read)
}

/// The lines of a table whose cells hold no comma.
fn csv_lines(path: &Path) -> anyhow::Result<Vec<Vec<String>>> {
    let text = fs::read_to_string(path)?;
    let cells = |line: &str| line.split(',').map(str::to_owned).collect();
    Ok(text.lines().skip(1).map(cells).collect())
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Act and target of every act in the log.
async fn acts(app: &TestApp) -> Vec<(String, String)> {
    let entries = entry_bytes(&app.app).await;
    let act = |bytes: &Vec<u8>| match LogEntry::decode(bytes).unwrap() {
        LogEntry::Act(act) => Some((act.act.as_str().to_owned(), act.target.as_str().to_owned())),
        _ => None,
    };
    entries.iter().filter_map(act).collect()
}
