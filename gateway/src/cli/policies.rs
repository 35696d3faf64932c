//! `gateway policy`: versions of policies, by the functions that the admin listener calls too. Works
//! beside a running gateway, which follows within seconds.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::administering::Administering;
use super::clients::{read, wrong};
use super::output::{plain_csv, plain_table};
use super::report::{print_json, print_line, print_text};
use super::{CliError, Format, open_store};
use crate::access::{self, PolicyActError, PutMode, Run, TrialError};
use crate::clock::Clock;
use crate::config::Config;
use crate::http::{
    NewVersionReply, PoliciesReply, PolicyChangeReply, PolicyChangesReply, PolicyReply,
    PolicyVersionReply, TrialReply, TrialRowReply, parse_policy_label, read_policy,
};

/// Policies: what clients may ask why, and how much they see.
#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// List all versions of all policies.
    List,
    /// Show a policy in words and as it is written.
    Show {
        /// NAME for the latest version, or NAME@VERSION.
        policy: String,
    },
    /// Add a version of a policy; the first one where there is none.
    Put(PutArgs),
    /// Tell what of the last day's log a document would have refused or answered less to, put in the
    /// place of all versions of this policy.
    Try {
        /// Name of the policy.
        name: String,
        /// JSON document, - for standard input.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Tell what the second version grants more than the first, and what less.
    Diff {
        /// NAME@VERSION.
        #[arg(value_parser = parse_label)]
        from: (String, u32),
        /// NAME@VERSION.
        #[arg(value_parser = parse_label)]
        to: (String, u32),
    },
}

#[derive(Debug, Args)]
pub(super) struct PutArgs {
    /// Name of the policy.
    name: String,
    /// JSON document, - for standard input.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Give the new version to all clients that have another one of this policy.
    #[arg(long)]
    move_clients: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

fn parse_label(text: &str) -> Result<(String, u32), String> {
    parse_policy_label(text).map_err(|_| "NAME@VERSION".to_owned())
}

/// Runs a command.
pub(super) async fn run(
    command: &PolicyCommand,
    config: &Config,
    format: Format,
) -> Result<(), CliError> {
    match command {
        PolicyCommand::List => list(config, format).await,
        PolicyCommand::Show { policy } => show(config, policy, format).await,
        PolicyCommand::Put(args) => put(config, args, format).await,
        PolicyCommand::Try { name, file } => attempt(config, name, file, format).await,
        PolicyCommand::Diff { from, to } => diff(config, (from, to), format).await,
    }
}

async fn list(config: &Config, format: Format) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let reply = PoliciesReply::new(&access::list_policies(&store).await?, None);
    let lines = || -> Vec<[String; 3]> {
        let line = |row: &PolicyVersionReply| {
            [row.policy.clone(), row.created_at.clone(), row.clients.to_string()]
        };
        reply.policies.iter().map(line).collect()
    };
    let columns = ["policy", "created_at", "clients"];
    match format {
        Format::Table => print_line(&plain_table(&columns, &lines()))?,
        Format::Csv => print_text(&plain_csv(&columns, &lines())?)?,
        Format::Json => print_json(&reply)?,
    }
    Ok(())
}

async fn show(config: &Config, policy: &str, format: Format) -> Result<(), CliError> {
    let (name, version) = match parse_policy_label(policy) {
        Ok((name, version)) => (name, Some(version)),
        Err(_) => (policy.to_owned(), None),
    };
    let store = open_store(config).await?;
    let known = access::find_policy(&store, &name, version).await.map_err(not_done)?;
    let reply = PolicyReply::new(known);
    let written = serde_json::to_string_pretty(&reply.document)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let lines = [
        ["policy".to_owned(), reply.policy.clone()],
        ["created_at".to_owned(), reply.created_at.clone()],
        ["clients".to_owned(), reply.clients.to_string()],
        ["vi".to_owned(), reply.summary.vi.join("\n")],
        ["en".to_owned(), reply.summary.en.join("\n")],
        ["document".to_owned(), written],
    ];
    match format {
        Format::Table => print_line(&plain_table(&["", "policy"], &lines))?,
        Format::Csv => print_text(&plain_csv(&["name", "value"], &lines)?)?,
        Format::Json => print_json(&reply)?,
    }
    Ok(())
}

async fn put(config: &Config, args: &PutArgs, format: Format) -> Result<(), CliError> {
    let document = read_policy(&read(&args.file)?).map_err(|problem| wrong(&problem))?;
    let administering = Administering::open(config).await?;
    let by = administering.administrator();
    let run = if args.dry_run { Run::Dry } else { Run::Real };
    let mode = PutMode { run, moves_clients: args.move_clients };
    let put = access::put_policy(&administering.store, &by, &args.name, &document, mode).await;
    let put = put.map_err(not_done)?;
    let is_new = put.is_new;
    let reply = NewVersionReply::new(put, args.dry_run);
    // What was done is brought into the log also where nobody reads what we print.
    let printed = print_put(&reply, is_new, args.dry_run, format);
    if !args.dry_run {
        administering.finish().await;
    }
    printed
}

fn print_put(
    reply: &NewVersionReply,
    is_new: bool,
    dry_run: bool,
    format: Format,
) -> Result<(), CliError> {
    let changes = cells(&reply.changes);
    match format {
        Format::Table if !is_new => {
            print_line(&format!("{} has this very document; nothing was added", reply.policy))?;
        }
        Format::Table => {
            let would_be = if dry_run { "would be added" } else { "was added" };
            let (label, moved) = (&reply.policy, reply.clients_moved);
            print_line(&format!("{label} {would_be}, with {moved} clients moved to it"))?;
            if changes.is_empty() {
                print_line(&reply.summary.en.join("\n"))?;
            } else {
                print_line(&plain_table(&COLUMNS, &changes))?;
            }
        }
        Format::Csv => print_text(&plain_csv(&COLUMNS, &changes)?)?,
        Format::Json => print_json(reply)?,
    }
    Ok(())
}

async fn attempt(config: &Config, name: &str, file: &Path, format: Format) -> Result<(), CliError> {
    let document = read_policy(&read(file)?).map_err(|problem| wrong(&problem))?;
    let (store, now) = (open_store(config).await?, Clock::system().now());
    let trial = access::try_policy(&store, name, &document, now, None).await;
    let trial = trial.map_err(|error| match error {
        TrialError::Policy(error) => not_done(error),
        TrialError::Log(error) => CliError::from(error),
    })?;
    let reply = TrialReply::new(&trial);
    let lines: Vec<[String; 8]> = reply.rows.iter().map(TrialRowReply::cells).collect();
    match format {
        Format::Table => {
            let (tried, affected) = (reply.tried, reply.affected);
            print_line(&format!(
                "of {tried} requests of the last 24 hours, {affected} would be affected"
            ))?;
            print_line(&plain_table(&TRIAL_COLUMNS, &lines))?;
        }
        Format::Csv => print_text(&plain_csv(&TRIAL_COLUMNS, &lines)?)?,
        Format::Json => print_json(&reply)?,
    }
    Ok(())
}

async fn diff(
    config: &Config,
    (from, to): (&(String, u32), &(String, u32)),
    format: Format,
) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let changes = access::diff_policies(&store, (from, to)).await.map_err(not_done)?;
    let reply = PolicyChangesReply::new(from, to, changes);
    let changes = cells(&reply.changes);
    match format {
        Format::Table if changes.is_empty() => print_line("both grant the same")?,
        Format::Table => print_line(&plain_table(&COLUMNS, &changes))?,
        Format::Csv => print_text(&plain_csv(&COLUMNS, &changes)?)?,
        Format::Json => print_json(&reply)?,
    }
    Ok(())
}

const TRIAL_COLUMNS: [&str; 8] =
    ["client", "on_behalf_of", "purpose", "operation", "effect", "about", "requests", "examples"];
const COLUMNS: [&str; 4] = ["effect", "about", "vi", "en"];

fn cells(changes: &[PolicyChangeReply]) -> Vec<[String; 4]> {
    let line = |change: &PolicyChangeReply| {
        [change.effect, change.about, &change.vi, &change.en].map(str::to_owned)
    };
    changes.iter().map(line).collect()
}

fn not_done(error: PolicyActError) -> CliError {
    match error {
        PolicyActError::Store(error) => CliError::Store(error),
        PolicyActError::Name => CliError::Usage(error.to_string()),
        PolicyActError::Unknown | PolicyActError::Document | PolicyActError::Contended => {
            CliError::Failed(error.to_string())
        }
    }
}
