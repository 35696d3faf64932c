//! The commands.

mod acting;
mod backup;
mod compare;
mod disputes;
pub mod client;
mod doctor;
mod keys;
mod loss;
mod log_columns;
mod log_export;
mod log_verify;
mod log_proof;
mod log_search;
mod normalize;
mod output;
mod projections;
mod report;
mod retention;
mod serve;

use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use log_export::ExportArgs;
use log_verify::VerifyArgs;
pub use output::{Format, match_rate_table};
pub use serve::{how_it_ended, raise_descriptor_limit, stop_signal, telemetry};

use crate::app::StartError;
use crate::config::{Config, ConfigError};
use crate::request::Attribute;
use crate::server::DoorError;
use crate::store::{Store, StoreError};

/// Population verification gateway.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, about, max_term_width = 100)]
pub struct Cli {
    /// Configuration file (TOML).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Form of what is printed.
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
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
    /// Figures.
    #[command(subcommand)]
    Report(ReportCommand),
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
    /// Begin anew: what ./sandbox-data holds is deleted without asking.
    #[arg(long)]
    pub fresh: bool,
}

#[derive(Debug, Args)]
struct CompareArgs {
    /// What the caller holds.
    #[arg(required_unless_present = "csv")]
    claim: Option<String>,
    /// What the register holds; empty for nothing.
    #[arg(required_unless_present = "csv")]
    record: Option<String>,
    /// Which attribute the two are values of.
    #[arg(long, default_value = "full_name", value_parser = parse_attribute)]
    attribute: Attribute,
    /// Compare the rows of a file, - for standard input: columns attribute, claim and record; the
    /// same columns come out, with verdict and reason behind them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["claim", "record"])]
    csv: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct NormalizeArgs {
    /// The value, as a caller sends it; places as 01/00004 or 2004/01/00004.
    value: String,
    /// Which attribute it is a value of.
    #[arg(long, default_value = "full_name", value_parser = parse_attribute)]
    attribute: Attribute,
}

fn parse_attribute(name: &str) -> Result<Attribute, String> {
    Attribute::find(name)
        .ok_or_else(|| format!("one of {}", Attribute::ALL.map(Attribute::name).join(", ")))
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// How much was asked and how much matched.
    MatchRates(MatchRatesArgs),
    /// Count the log again and compare with the counters.
    Recount,
    /// How many different persons each client asked about in each month.
    DistinctPersons(DistinctPersonsArgs),
}

#[derive(Debug, Args)]
struct DistinctPersonsArgs {
    /// First Vietnamese month, such as 2026-11.
    #[arg(long)]
    from_month: Option<String>,
    /// Last Vietnamese month, inclusive.
    #[arg(long)]
    to_month: Option<String>,
}

const GROUP_BY_HELP: &str = "none, or what one cube holds, separated by commas: client, kind, \
    on_behalf_of, operation, purpose, outcome, status; client, kind, attribute, verdict, reason; \
    client, kind, province, outcome; client, kind, operation, purpose, dispute_reason; with any of \
    them hour, day, month";

#[derive(Debug, Args)]
struct MatchRatesArgs {
    /// First Vietnamese day, such as 2026-11-01.
    #[arg(long)]
    from: Option<String>,
    /// Last Vietnamese day, inclusive.
    #[arg(long)]
    to: Option<String>,
    #[arg(long, default_value = "none", help = GROUP_BY_HELP)]
    group_by: String,
}

#[derive(Debug, Subcommand)]
enum DisputeCommand {
    /// The disputes, the oldest first.
    List(DisputeListArgs),
}

#[derive(Debug, Args)]
struct DisputeListArgs {
    /// Only those that are open, upheld or rejected.
    #[arg(long)]
    state: Option<String>,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Verify entries, tiles and root of every log against its signed checkpoint.
    Verify(VerifyArgs),
    /// Write the entries of a log, one a line, with all that they hold.
    Export(ExportArgs),
    /// Find entries of all logs, the newest first. Several values of one option are alternatives,
    /// options narrow each other.
    Search(Box<log_search::SearchArgs>),
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
struct ProveArgs {
    /// Identity of an answer (`ver_...`), LOG/INDEX, or an index in the log of the configuration.
    id: String,
}

#[derive(Debug, Args)]
struct ConsistencyArgs {
    /// Number of entries of the earlier tree.
    from: u64,
    /// Number of entries of the later tree; that of the checkpoint when left out.
    to: Option<u64>,
    /// Which log; that of the configuration when left out.
    #[arg(long)]
    log: Option<String>,
}

/// Arguments of dropping days.
#[derive(Debug, Args)]
struct DropDaysArgs {
    /// First Vietnamese day that is kept, such as 2026-11-01.
    #[arg(long)]
    before: String,
    /// Only show which days would go.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Show which keys there are, since when, and which are in use.
    List,
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

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An argument is not well formed.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A door does not open.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// The gateway does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log is not in order.
    #[error(transparent)]
    Log(#[from] crate::audit::VerifyError),
    /// The projections cannot be built or read.
    #[error(transparent)]
    Projections(#[from] crate::projections::ProjectionError),
    /// The log's tree cannot be read.
    #[error(transparent)]
    Tiles(#[from] crate::audit::TilesError),
    /// A file or folder.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// Another end did not answer as it should.
    #[error("{0}")]
    Unavailable(String),
    /// The command ran and found something wrong.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// Exit code: 1 failed, 2 usage, 3 configuration, 5 unavailable.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Config(_) => 3,
            Self::Door(_) | Self::Unavailable(_) => 5,
            Self::Start(_)
            | Self::Store(_)
            | Self::Log(_)
            | Self::Projections(_)
            | Self::Tiles(_)
            | Self::Io { .. }
            | Self::Failed(_) => 1,
        }
    }

    /// An error about a file or folder.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// One sentence: the error and its causes.
pub fn sentence(error: &CliError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
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
            | Command::Report(_)
            | Command::Dispute(_)
            | Command::Log(_)
            | Command::Doctor
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Key(_)
            | Command::Projections(_)
            | Command::ProblemTable => Ok(None),
        }
    }
}

/// Runs a command to its end.
pub async fn run(cli: &Cli) -> Result<(), CliError> {
    match &cli.command {
        Command::Serve => serve::serve(load(cli)?).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(_) => Err(CliError::Failed("the sandbox is run by main".into())),
        Command::Compare(args) => compare::compare(args, cli.output),
        Command::Normalize(args) => normalize::normalize(args, cli.output),
        Command::Report(ReportCommand::MatchRates(args)) => {
            report::match_rates(&load(cli)?, args, cli.output).await
        }
        Command::Report(ReportCommand::Recount) => report::recount(&load(cli)?, cli.output).await,
        Command::Log(LogCommand::Verify(args)) => {
            log_verify::verify(&load(cli)?, args, cli.output).await
        }
        Command::Log(LogCommand::AcceptLoss { log }) => {
            loss::accept(&load(cli)?, log, cli.output).await
        }
        Command::Log(LogCommand::DropDays(args)) => {
            retention::drop_days(&load(cli)?, args, cli.output).await
        }
        Command::Doctor => doctor::doctor(Config::load(cli.config.as_deref()), cli.output).await,
        Command::Backup(args) => backup::backup(&load(cli)?, args, cli.output).await,
        Command::Restore(args) => backup::restore(&load(cli)?, args, cli.output).await,
        Command::Key(KeyCommand::List) => keys::list(&load(cli)?, cli.output),
        Command::Key(KeyCommand::AcceptLoss { name, yes }) => {
            keys::accept_loss(&load(cli)?, name, *yes, cli.output).await
        }
        Command::Key(KeyCommand::Destroy { name, yes }) => {
            keys::destroy(&load(cli)?, name, *yes, cli.output).await
        }
        Command::Log(LogCommand::Export(args)) => {
            log_export::export(&load(cli)?, args, cli.output).await
        }
        Command::Report(ReportCommand::DistinctPersons(args)) => {
            report::distinct_persons(&load(cli)?, args, cli.output).await
        }
        Command::Log(LogCommand::Search(args)) => {
            log_search::search(&load(cli)?, args, cli.output).await
        }
        Command::Projections(command) => projections::run(command, &load(cli)?, cli.output).await,
        Command::Dispute(DisputeCommand::List(args)) => {
            disputes::list(&load(cli)?, args, cli.output).await
        }
        Command::Log(LogCommand::Prove(args)) => {
            log_proof::prove(&load(cli)?, &args.id, cli.output).await
        }
        Command::Log(LogCommand::Consistency(args)) => {
            log_proof::consistency(&load(cli)?, args, cli.output).await
        }
        Command::Log(LogCommand::Key) => log_proof::key(&load(cli)?, cli.output).await,
        Command::ProblemTable => {
            print!("{}", crate::http::problem_table());
            Ok(())
        }
    }
}

fn load(cli: &Cli) -> Result<Config, CliError> {
    Ok(Config::load(cli.config.as_deref())?)
}

/// Opens the store of a configuration; a command that reads makes none.
async fn open_store(config: &Config) -> Result<Store, CliError> {
    require_store(config)?;
    Ok(Store::open_existing(&config.store).await?)
}

/// Refuses a configuration that names no database.
fn require_store(config: &Config) -> Result<(), CliError> {
    if config.store.url.is_some() || config.store.path.exists() {
        return Ok(());
    }
    let path = config.store.path.display();
    Err(CliError::Usage(format!("there is no database at {path}; name one by --config")))
}
