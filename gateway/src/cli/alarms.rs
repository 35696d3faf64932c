//! `gateway alarms`: what stands out in how clients ask, and that somebody has seen to it.

use clap::{Args, Subcommand};

use super::administering::Administering;
use super::output::{plain_csv, plain_table};
use super::report::{print_json, print_line, print_text};
use super::{CliError, Format, open_store};
use crate::alarms::{Acknowledged, AlarmKind, AlarmState, acknowledge, parse_note};
use crate::config::Config;
use crate::http::{AlarmReply, ListedAlarms, alarm_page};
use crate::request::ClientId;

/// Alarms that are read at once.
const PAGE: i64 = 500;

const COLUMNS: [&str; 9] =
    ["id", "state", "kind", "client", "about", "raised_at", "observed", "habit", "limit"];

/// Alarms: what stands out in how clients ask.
#[derive(Debug, Subcommand)]
pub(super) enum AlarmsCommand {
    /// List alarms, the newest first.
    List(ListArgs),
    /// Note that somebody has seen to an alarm.
    Acknowledge {
        /// Its identity.
        id: String,
        /// What was found: at most 148 bytes, fewer than nine digits. It stays in the log for ever.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// open, acknowledged or cleared.
    #[arg(long, value_parser = parse_state)]
    state: Option<AlarmState>,
    /// Such as match-rate-low.
    #[arg(long, value_parser = parse_kind)]
    kind: Option<AlarmKind>,
    /// Only those about this client.
    #[arg(long, value_parser = parse_client)]
    client: Option<ClientId>,
}

fn parse_state(name: &str) -> Result<AlarmState, String> {
    AlarmState::find(name)
        .ok_or_else(|| format!("one of {}", AlarmState::ALL.map(AlarmState::name).join(", ")))
}

fn parse_kind(name: &str) -> Result<AlarmKind, String> {
    AlarmKind::find(name)
        .ok_or_else(|| format!("one of {}", AlarmKind::ALL.map(AlarmKind::name).join(", ")))
}

fn parse_client(id: &str) -> Result<ClientId, String> {
    ClientId::parse(id).map_err(|malformed| malformed.to_string())
}

pub(super) async fn run(
    command: &AlarmsCommand,
    config: &Config,
    format: Format,
) -> Result<(), CliError> {
    match command {
        AlarmsCommand::List(args) => list(config, args, format).await,
        AlarmsCommand::Acknowledge { id, note } => {
            acknowledge_one(config, id, note.as_deref(), format).await
        }
    }
}

async fn list(config: &Config, args: &ListArgs, format: Format) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let ListArgs { state, kind, client } = args;
    let listed = ListedAlarms { state: *state, kind: *kind, client: client.clone() };
    let mut alarms: Vec<AlarmReply> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = alarm_page(&store, &listed, after.as_deref(), PAGE).await?;
        after = page.last().map(|row| row.id.clone());
        alarms.extend(page.iter().map(AlarmReply::new));
        if (page.len() as i64) < PAGE {
            return print(&alarms, format);
        }
    }
}

async fn acknowledge_one(
    config: &Config,
    id: &str,
    note: Option<&str>,
    format: Format,
) -> Result<(), CliError> {
    let note = note.map(parse_note).transpose().map_err(|malformed| {
        CliError::Usage(format!(
            "--note: {malformed}; at most 148 bytes on one line, and fewer than nine digits"
        ))
    })?;
    let administering = Administering::open(config).await?;
    let by = administering.administrator();
    match acknowledge(&administering.store, &by, id, note.as_ref()).await? {
        Acknowledged::Now(row) => {
            let printed = print(&[AlarmReply::new(&row)], format);
            administering.finish().await;
            printed
        }
        Acknowledged::Over => Err(CliError::Failed("this alarm is over".into())),
        Acknowledged::Unknown => Err(CliError::Failed("there is no such alarm".into())),
    }
}

fn print(alarms: &[AlarmReply], format: Format) -> Result<(), CliError> {
    let cells = || -> Vec<[String; 9]> { alarms.iter().map(AlarmReply::cells).collect() };
    match format {
        Format::Table => print_line(&plain_table(&COLUMNS, &cells()))?,
        Format::Csv => print_text(&plain_csv(&COLUMNS, &cells())?)?,
        Format::Json => print_json(&serde_json::json!({ "alarms": alarms }))?,
    }
    Ok(())
}
