//! The commands and their arguments, as `clap` reads them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::log_export::ExportArgs;
use super::log_search::SearchArgs;
use super::log_verify::VerifyArgs;
use super::output::Format;
use super::verify_file::VerifyFileArgs;
use super::{CliError, alarms, backup, clients, events, policies, projections, token_keys, usage};
use crate::request::Attribute;

/// Population verification gateway.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, about, max_term_width = 100)]
pub struct Cli {
    /// Configuration file (TOML).
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Form of what is printed.
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub(super) output: Format,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the gateway as configured.
    Serve,
    /// Try everything out: gateway, population database of 98 million and demonstration traffic in
    /// one process, on loopback, with its data in ./sandbox-data.
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Compare a claim with a record by the published rules, and say why they differ. Needs no
    /// configuration.
    Compare(CompareArgs),
    /// Show what the published rules do to a value, step by step. Needs no configuration.
    Normalize(NormalizeArgs),
    /// Have a gateway verify a file of many persons, as a client of it, and fetch the results. Needs no
    /// configuration; a run that was ended goes on when it is started again.
    VerifyFile(Box<VerifyFileArgs>),
    /// Figures.
    #[command(subcommand)]
    Report(ReportCommand),
    /// What clients have used of their quotas in a month; as CSV, the monthly statement.
    Usage(usage::UsageArgs),
    /// Clients: who may ask, from onboarding to closure.
    #[command(subcommand)]
    Client(clients::ClientCommand),
    /// Policies: what clients may ask why, and how much they see.
    #[command(subcommand)]
    Policy(policies::PolicyCommand),
    /// Alarms: what stands out in how clients ask.
    #[command(subcommand)]
    Alarms(alarms::AlarmsCommand),
    /// Events: what administrators and the gateway itself have done.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// What clients say is wrong. Decided on the admin listener of a running gateway.
    #[command(subcommand)]
    Dispute(DisputeCommand),
    /// The audit log.
    #[command(subcommand)]
    Log(LogCommand),
    /// Check everything that can be wrong and say what to do. Writes nothing.
    Doctor,
    /// Copy the database into a folder, while a gateway runs.
    Backup(backup::BackupArgs),
    /// Put a backup in the place of a database that is not there.
    Restore(backup::RestoreArgs),
    /// The keys of log, pseudonyms and tokens.
    #[command(subcommand)]
    Key(KeyCommand),
    /// What is built from the log: search, citizen history, distinct persons.
    #[command(subcommand)]
    Projections(projections::ProjectionsCommand),
    /// Print the table of problem codes (Markdown).
    #[command(hide = true)]
    ProblemTable,
}

/// Arguments of the sandbox.
#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Port N of the API; the admin listener takes N+1, the population database N+10.
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..=65_525))]
    pub port: u16,
    /// Nodes that share limits, each with a database of its own; node k (from 0) is at N+100k.
    #[arg(long, default_value_t = 1, requires = "redis",
          value_parser = clap::value_parser!(u16).range(1..=9))]
    pub nodes: u16,
    /// Redis in which limits are shared, redis://host:port; several, separated by commas, of a Cluster.
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// Begin anew: what ./sandbox-data holds is deleted without asking.
    #[arg(long)]
    pub fresh: bool,
}

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// What the caller holds.
    #[arg(required_unless_present = "csv")]
    pub(super) claim: Option<String>,
    /// What the register holds; empty for nothing.
    #[arg(required_unless_present = "csv")]
    pub(super) record: Option<String>,
    /// Which attribute the two are values of.
    #[arg(long, default_value = "full_name", value_parser = parse_attribute)]
    pub(super) attribute: Attribute,
    /// Compare the rows of a file, - for standard input: columns attribute, claim and record; the
    /// same columns come out, with verdict and reason behind them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["claim", "record"])]
    pub(super) csv: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct NormalizeArgs {
    /// The value, as a caller sends it; places as 01/00004 or 2004/01/00004.
    pub(super) value: String,
    /// Which attribute it is a value of.
    #[arg(long, default_value = "full_name", value_parser = parse_attribute)]
    pub(super) attribute: Attribute,
}

fn parse_attribute(name: &str) -> Result<Attribute, String> {
    Attribute::find(name)
        .ok_or_else(|| format!("one of {}", Attribute::ALL.map(Attribute::name).join(", ")))
}

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// How much was asked and how much matched.
    MatchRates(MatchRatesArgs),
    /// Count the log again and compare with the counters.
    Recount,
    /// How many different persons each client asked about in each month.
    DistinctPersons(DistinctPersonsArgs),
}

#[derive(Debug, Args)]
pub(super) struct DistinctPersonsArgs {
    /// First Vietnamese month, such as 2026-11.
    #[arg(long)]
    pub(super) from_month: Option<String>,
    /// Last Vietnamese month, inclusive.
    #[arg(long)]
    pub(super) to_month: Option<String>,
}

const GROUP_BY_HELP: &str = "none, or what one cube holds, separated by commas: client, kind, \
    on_behalf_of, operation, purpose, outcome, status; client, kind, attribute, verdict, reason; \
    client, kind, province, outcome; client, kind, operation, purpose, dispute_reason; with any of \
    them hour, day, month";

#[derive(Debug, Args)]
pub(super) struct MatchRatesArgs {
    /// First Vietnamese day, such as 2026-11-01.
    #[arg(long)]
    pub(super) from: Option<String>,
    /// Last Vietnamese day, inclusive.
    #[arg(long)]
    pub(super) to: Option<String>,
    #[arg(long, default_value = "none", help = GROUP_BY_HELP)]
    pub(super) group_by: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum DisputeCommand {
    /// The disputes, the oldest first.
    List(DisputeListArgs),
}

#[derive(Debug, Args)]
pub(super) struct DisputeListArgs {
    /// Only those that are open, upheld or rejected.
    #[arg(long)]
    pub(super) state: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum LogCommand {
    /// Verify entries, tiles and root of every log against its signed checkpoint.
    Verify(VerifyArgs),
    /// Write the entries of a log, one a line, with all that they hold.
    Export(ExportArgs),
    /// Find entries of all logs, the newest first. Several values of one option are alternatives,
    /// options narrow each other.
    Search(Box<SearchArgs>),
    /// Prove that an answer is in the log: where its entry stands, and the hashes between it and
    /// the signed checkpoint.
    Prove(ProveArgs),
    /// Prove that the log as it is now begins with the log as it was with FROM entries.
    Consistency(ConsistencyArgs),
    /// Print the key that verifies the checkpoints of each log.
    Key,
    /// Drop the entries of whole days: their totals are logged first, hashes and figures stay. No
    /// gateway may run; a running one drops by itself, see `log.retention_days`.
    DropDays(DropDaysArgs),
    /// Go on with a log that is older than its published checkpoint: entries are lost, and that is
    /// put on record. No gateway may run.
    AcceptLoss {
        /// Name of the log, to say that you mean it.
        #[arg(long)]
        log: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct ProveArgs {
    /// Identity of an answer (`ver_...`), LOG/INDEX, or an index in the log of the configuration.
    pub(super) id: String,
}

#[derive(Debug, Args)]
pub(super) struct ConsistencyArgs {
    /// Number of entries of the earlier tree.
    pub(super) from: u64,
    /// Number of entries of the later tree; that of the checkpoint when left out.
    pub(super) to: Option<u64>,
    /// Which log; that of the configuration when left out.
    #[arg(long)]
    pub(super) log: Option<String>,
}

/// Arguments of dropping days.
#[derive(Debug, Args)]
pub(super) struct DropDaysArgs {
    /// First Vietnamese day that is kept, such as 2026-11-01.
    #[arg(long)]
    pub(super) before: String,
    /// Only show which days would go.
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Show which keys there are, since when, and which are in use.
    List,
    /// Sign access tokens with the next key. No request fails by it.
    Rotate(token_keys::KeyRotateArgs),
    /// Destroy the key of a past quarter: its pseudonyms can never be linked to people again. No
    /// gateway may run.
    Destroy {
        /// Name of the key, such as pseudonym-2026Q1.
        name: String,
        /// Do it; without this the command says what would be lost.
        #[arg(long)]
        yes: bool,
    },
    /// Go on without a key that is lost for good: another one is made in its place, and that is
    /// put on record. No gateway may run.
    AcceptLoss {
        /// Name of the key, such as references.
        name: String,
        /// Do it; without this the command says what would be lost.
        #[arg(long)]
        yes: bool,
    },
}

impl Cli {
    /// Arguments of the sandbox, if it was asked for. It stands below this module, so `main` runs it.
    ///
    /// # Errors
    /// If a configuration is named too: the sandbox writes its own.
    #[cfg(feature = "sandbox")]
    pub fn sandbox(&self) -> Result<Option<&SandboxArgs>, CliError> {
        match &self.command {
            Command::Sandbox(_) if self.config.is_some() => Err(CliError::Usage(
                "the sandbox writes its own configuration; leave --config out".into(),
            )),
            Command::Sandbox(args) => Ok(Some(args)),
            Command::Serve
            | Command::Compare(_)
            | Command::Normalize(_)
            | Command::VerifyFile(_)
            | Command::Report(_)
            | Command::Dispute(_)
            | Command::Log(_)
            | Command::Doctor
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Usage(_)
            | Command::Client(_)
            | Command::Alarms(_)
            | Command::Events(_)
            | Command::Policy(_)
            | Command::Key(_)
            | Command::Projections(_)
            | Command::ProblemTable => Ok(None),
        }
    }
}
