//! The commands.

mod acting;
mod administering;
mod alarms;
mod arguments;
mod backup;
mod compare;
mod credentials;
mod disputes;
pub mod client;
mod clients;
mod doctor;
mod error;
mod events;
mod keys;
mod loss;
mod log_columns;
mod log_export;
mod log_verify;
mod log_proof;
mod log_search;
mod normalize;
mod output;
mod policies;
mod projections;
mod report;
mod retention;
mod serve;
mod token_keys;
mod usage;
mod verify_file;

pub use arguments::Cli;
#[cfg(feature = "sandbox")]
pub use arguments::SandboxArgs;
use arguments::{
    Command, CompareArgs, ConsistencyArgs, DisputeCommand, DisputeListArgs, DistinctPersonsArgs,
    DropDaysArgs, KeyCommand, LogCommand, MatchRatesArgs, NormalizeArgs, ReportCommand,
};
pub use error::{CliError, sentence};
pub use output::{Format, match_rate_table};
pub use serve::{how_it_ended, raise_descriptor_limit, stop_signal, telemetry};

use crate::config::Config;
use crate::store::Store;

/// Runs a command to its end.
pub async fn run(cli: &Cli) -> Result<(), CliError> {
    match &cli.command {
        Command::Serve => serve::serve(load(cli)?).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(_) => Err(CliError::Failed("the sandbox is run by main".into())),
        Command::Compare(args) => compare::compare(args, cli.output),
        Command::Normalize(args) => normalize::normalize(args, cli.output),
        Command::VerifyFile(args) => verify_file::verify_file(args, cli.output).await,
        Command::Report(ReportCommand::MatchRates(args)) => {
            report::match_rates(&load(cli)?, args, cli.output).await
        }
        Command::Report(ReportCommand::Recount) => report::recount(&load(cli)?, cli.output).await,
        Command::Usage(args) => usage::usage(&load(cli)?, args, cli.output).await,
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
        Command::Key(KeyCommand::List) => keys::list(&load(cli)?, cli.output).await,
        Command::Key(KeyCommand::Rotate(args)) => {
            token_keys::rotate(&load(cli)?, args, cli.output).await
        }
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
        Command::Client(command) => {
            clients::run(command, Config::load(cli.config.as_deref()), cli.output).await
        }
        Command::Policy(command) => policies::run(command, &load(cli)?, cli.output).await,
        Command::Dispute(DisputeCommand::List(args)) => {
            disputes::list(&load(cli)?, args, cli.output).await
        }
        Command::Alarms(command) => alarms::run(command, &load(cli)?, cli.output).await,
        Command::Events(command) => events::run(command, &load(cli)?).await,
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

/// Opens the store of a configuration as it is: a command makes none, and brings none up to date
/// under a gateway that runs on it.
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
