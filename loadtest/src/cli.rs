//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use mock_population_db::DEFAULT_SEED;
use mock_population_db::records::Holder;
use tokio::runtime::Builder;

use crate::failure::Failure;
use crate::interrupt::asked_to_stop;
use crate::wire::{Endpoint, Reach};
use crate::{accuracy, flood, guess, lanes, limits, log, peers, report, run, timing, truth};

/// Load tester of the population verification gateway.
///
/// Exit codes: 0 done, 1 failed, 2 usage, 4 access, 5 unavailable, 6 verdicts wrong or a
/// threshold not held.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One scenario each.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sends verifications at a steady rate and holds every verdict against the truth
    Run(RunArgs),
    /// Compares the gateway with an HTTP proxy and a bare echo, alternating on the same cores
    Peers(PeersArgs),
    /// Sends people's records with known errors and compares every answer with the truth
    Truth(TruthArgs),
    /// Measures the matching rules: the same people, different people, and near misses
    Accuracy(AccuracyArgs),
    /// Measures the log by itself: entries a second in bulk, bytes of each, fsyncs, verifying
    Log(LogArgs),
    /// Measures the match-rate report with the counters of so many entries
    Report(ReportArgs),
    /// Floods the token endpoint with wrong credentials, and measures whom it disturbs
    Flood(FloodArgs),
    /// Sends a file of verifications on the bulk lane, and measures whom it disturbs
    Lanes(LanesArgs),
    /// Offers one client's requests to several gateways that share its limit in a Redis
    Limits(LimitsArgs),
    /// Lets clients collude and guess at persons, and compares what they find with the budgets
    Guess(GuessArgs),
    /// Measures whether the time of a refusal tells an unknown client from a wrong secret
    Timing(TimingArgs),
    /// The bare echo, as `peers` starts it
    #[command(hide = true)]
    Echo(EchoArgs),
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Where the load goes, http://host:port
    #[arg(long)]
    pub(crate) url: String,
    /// The sandbox's clients.json
    #[arg(long)]
    pub(crate) clients: PathBuf,
    /// The sandbox's people.ndjson
    #[arg(long)]
    pub(crate) people: PathBuf,
    /// Client to send as [default: the one with the highest rate that may verify]
    #[arg(long)]
    pub(crate) client: Option<String>,
    /// Arrivals a second
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: u32,
    /// Seconds
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) duration: u32,
    /// Connections, the most requests in flight
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub(crate) connections: u32,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Allow a URL that is not this machine
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

/// Arguments of `truth`.
#[derive(Debug, Args)]
pub(crate) struct TruthArgs {
    /// The gateway, http://host:port; its register must be the mock's nation
    #[arg(long)]
    pub(crate) url: String,
    /// The sandbox's clients.json
    #[arg(long)]
    pub(crate) clients: PathBuf,
    /// Records
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) records: u64,
    /// Only those of one kind of holder: carrier, hospital, ministry or locality
    #[arg(long)]
    pub(crate) holder: Option<Holder>,
    /// Seed of the nation
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// Connections
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub(crate) connections: u32,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Allow a URL that is not this machine
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

/// Arguments of `accuracy`.
#[derive(Debug, Args)]
pub(crate) struct AccuracyArgs {
    /// Records of the same person; as many pairs of different people, and a twentieth of each near miss
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) records: u64,
    /// Program whose `compare` is measured [default: the gateway beside this program]
    #[arg(long)]
    pub(crate) gateway: Option<PathBuf>,
    /// Seed of the nation
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `log`.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Entries written to each database
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1_000..=50_000_000))]
    pub(crate) entries: u64,
    /// Rounds that they are written in; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// An empty database of a PostgreSQL that runs already [default: one is started]
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,
    /// Measure SQLite alone
    #[arg(long, conflicts_with = "postgres")]
    pub(crate) no_postgres: bool,
    /// Do not build the projections: those of ten million entries take minutes
    #[arg(long)]
    pub(crate) no_projections: bool,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Entries of the year that the counters are of
    #[arg(long, default_value_t = 100_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    pub(crate) entries: u64,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `flood`.
#[derive(Debug, Args)]
pub(crate) struct FloodArgs {
    /// Wrong credentials a second
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) rate: u32,
    /// Seconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) seconds: u32,
    /// Addresses of 127.0.0.0/8 that they come from
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) addresses: u16,
    /// What is wrong
    #[arg(long, default_value = "secrets")]
    pub(crate) with: With,
    /// Whom they name
    #[arg(long, default_value = "both")]
    pub(crate) naming: Naming,
    /// Verifications a second, before and meanwhile
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) verifications: u32,
    /// Seconds of verifications alone
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) quiet: u32,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `lanes`.
#[derive(Debug, Args)]
pub(crate) struct LanesArgs {
    /// Verifications on the bulk lane
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    pub(crate) requests: u64,
    /// Connections that they are sent over
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) connections: u32,
    /// Verifications a second of a hospital, before, meanwhile and after
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rate: u32,
    /// Seconds of the hospital alone, before and after
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) quiet_seconds: u32,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `limits`.
#[derive(Debug, Args)]
pub(crate) struct LimitsArgs {
    /// Gateways
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub(crate) nodes: u32,
    /// URL of a Redis that runs already, or `private` [default: one is started]
    #[arg(long, value_name = "URL")]
    pub(crate) redis: Option<String>,
    /// Start a Cluster of six instead of one server
    #[arg(long, conflicts_with_all = ["redis", "outage"])]
    pub(crate) cluster: bool,
    /// The client's rate
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(crate) rate: u32,
    /// Its burst, a whole multiple of the rate
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) burst: u32,
    /// How many times the rate is offered
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) offered: u32,
    /// Seconds of each phase
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) seconds: u32,
    /// Then take the Redis away
    #[arg(long)]
    pub(crate) outage: Option<Outage>,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// How a Redis is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Outage {
    /// It is killed, and started again knowing nothing
    Kill,
    /// It stands still
    Stop,
    /// It answers half a second late
    Slow,
    /// It answers one node half a second late, and the others in time
    One,
}

/// Arguments of `guess`.
#[derive(Debug, Args)]
pub(crate) struct GuessArgs {
    /// Clients who collude, one figure for each kind of attack
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100], value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) clients: Vec<u32>,
    /// Persons that each kind of attack is on
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) targets: u32,
    /// Days
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=30))]
    pub(crate) days: u32,
    /// Numbers that are made up where nothing is known
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) strangers: u32,
    /// People whose names and birthdays the guessers know
    #[arg(long, default_value_t = 4_000_000, value_parser = clap::value_parser!(u64).range(10_000..=50_000_000))]
    pub(crate) sample: u64,
    /// People of whom it is computed how soon they are found
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub(crate) people: u32,
    /// Seed of the nation
    #[arg(long, default_value_t = DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// What is wrong with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum With {
    /// Wrong secrets
    Secrets,
    /// Assertions with a signature that is not the client's
    Assertions,
    /// Half of each
    Both,
}

/// Whom a wrong credential names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Naming {
    /// Clients that there are
    Existing,
    /// Nobody
    Unknown,
    /// In turns
    Both,
}

/// Arguments of `timing`.
#[derive(Debug, Args)]
pub(crate) struct TimingArgs {
    /// Refusals of each kind that is held to the bound
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub(crate) samples: u32,
    /// Refusals of each kind that is only shown
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub(crate) others: u32,
    /// Seed of the order
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `peers`.
#[derive(Debug, Args)]
pub(crate) struct PeersArgs {
    /// A gateway that runs already [default: one is started in a temporary folder]
    #[arg(long, requires_all = ["clients", "people"])]
    pub(crate) url: Option<String>,
    /// Its clients.json
    #[arg(long, requires = "url")]
    pub(crate) clients: Option<PathBuf>,
    /// Its people.ndjson
    #[arg(long, requires = "url")]
    pub(crate) people: Option<PathBuf>,
    /// Its process id, for its CPU time
    #[arg(long, requires = "url")]
    pub(crate) pid: Option<u32>,
    /// Times that each system is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub(crate) seconds: u32,
    /// Connections, for every system alike. A gateway for a nation has thousands; with too few, the
    /// machine idles while the log waits for its disk
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub(crate) connections: u32,
    /// Also write the figures to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Leave this system out where it is not installed
    #[arg(long, value_delimiter = ',')]
    pub(crate) tolerate_missing: Vec<Optional>,
    /// Allow a URL that is not this machine
    #[arg(long)]
    pub(crate) allow_remote: bool,
}

/// Systems that a comparison can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Optional {
    /// The proxy
    Haproxy,
    /// The gateway
    Gateway,
}

/// Arguments of `echo`.
#[derive(Debug, Args)]
pub(crate) struct EchoArgs {
    /// Address and port
    #[arg(long)]
    pub(crate) listen: SocketAddr,
}

/// Runs one command to its end, or until we are asked to stop.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    let mut runtime = match command {
        Command::Echo(_) => peers::echo_runtime(),
        // The log's writer and those who make its entries work side by side, as in a gateway.
        Command::Log(_) | Command::Guess(_) => Builder::new_multi_thread(),
        Command::Run(_)
        | Command::Peers(_)
        | Command::Truth(_)
        | Command::Accuracy(_)
        | Command::Report(_)
        | Command::Flood(_)
        | Command::Lanes(_)
        | Command::Limits(_)
        | Command::Timing(_) => Builder::new_current_thread(),
    };
    let runtime = runtime.enable_all().build().context("the runtime")?;
    runtime.block_on(async {
        // Dropping the command's future stops every child that it holds.
        tokio::select! {
            biased;
            stopped = asked_to_stop() => stopped,
            done = execute(command) => done,
        }
    })
}

async fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(&args).await,
        Command::Peers(args) => peers::compare(&args).await,
        Command::Truth(args) => truth::run(&args).await,
        Command::Accuracy(args) => accuracy::run(&args).await,
        Command::Log(args) => log::run(&args).await,
        Command::Report(args) => report::run(&args).await,
        Command::Flood(args) => flood::run(&args).await,
        Command::Lanes(args) => lanes::run(&args).await,
        Command::Limits(args) => limits::run(&args).await,
        Command::Guess(args) => guess::run(&args).await,
        Command::Timing(args) => timing::run(&args).await,
        Command::Echo(args) => peers::serve_echo(args.listen).await,
    }
}

/// The endpoint of a URL, within the reach that the flag gives.
pub(crate) fn endpoint(url: &str, allow_remote: bool) -> Result<Endpoint, Failure> {
    let reach = if allow_remote { Reach::Anywhere } else { Reach::Loopback };
    Endpoint::parse(url, reach)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_foreign_gateway_needs_its_clients_and_people() {
        assert!(Cli::try_parse_from(["loadtest", "peers"]).is_ok());
        let refused = Cli::try_parse_from(["loadtest", "peers", "--url", "http://127.0.0.1:1"]);
        assert_eq!(refused.unwrap_err().exit_code(), 2);
        let tolerant = ["loadtest", "peers", "--tolerate-missing", "haproxy,gateway"];
        assert!(Cli::try_parse_from(tolerant).is_ok());
    }
}
