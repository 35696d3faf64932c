//! The commands: serve the register, look at people, look at the whole.

use std::io::{self, BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::records::{self, Format, Holder, Profile, ProfileError, Record, Records, Summary};
use crate::server::{self, Faults, FaultsError, Settings};
use crate::{DEFAULT_SEED, Key, Nation, POPULATION, bench, report};

/// Plays Vietnam's national population database: 98 million people as a pure function of a seed.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// The nation: the same seed gives the same people everywhere
    #[arg(long, global = true, value_name = "N", default_value_t = DEFAULT_SEED)]
    seed: u64,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer look-ups over HTTP until told to stop
    Serve {
        /// Address to listen on; port 0 takes a free one
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
        /// File with the key that callers must present
        #[arg(long, value_name = "FILE")]
        api_key_file: PathBuf,
        /// File with misbehaviour to begin with, as `PUT /v1/faults` takes it
        #[arg(long, value_name = "FILE")]
        faults: Option<PathBuf>,
    },
    /// Print the person who has a number, as JSON; the two people who share an old one
    Show {
        /// Personal number (12 digits, a cancelled one too), insurance number (10), old number (9)
        number: String,
    },
    /// Print people spread over the nation, one JSON object a line
    Sample {
        /// How many
        count: u64,
    },
    /// Print people as a holder of records has them: clerical errors of named kinds, and the truth
    Records {
        /// Who holds them: carrier, hospital, ministry or locality
        #[arg(long, value_name = "KIND")]
        holder: Holder,
        /// How many records
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        count: u64,
        /// Number of the first record, from 0
        #[arg(long, value_name = "N", default_value_t = 0)]
        first: u64,
        /// How to write them
        #[arg(long, value_enum, default_value_t = OutputFormat::Ndjson)]
        format: OutputFormat,
        /// Another profile than the one compiled in, in the same form
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
        /// Print only how many records have which error, and how many must match
        #[arg(long)]
        summary: bool,
    },
    /// Print the make-up of the population beside the tables it was drawn from
    Stats,
    /// Measure how long it takes to make the nation and to look a person up, on one core
    #[command(hide = true)]
    Bench {
        /// How many people to look up
        #[arg(long, default_value_t = 2_000_000)]
        count: u64,
    },
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OutputFormat {
    /// Comma-separated, with a header
    Csv,
    /// One JSON object a line
    Ndjson,
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The argument cannot be a number of a person.
    #[error(
        "{0:?} is not a number of a person: personal numbers have 12 digits, insurance numbers 10, old numbers 9"
    )]
    Malformed(String),
    /// The number is free.
    #[error("nobody has the number {number}: it was never issued in the nation of seed {seed}")]
    NotIssued {
        /// The number asked for.
        number: String,
        /// The nation asked.
        seed: u64,
    },
    /// The key file cannot be read.
    #[error("cannot read the key file {}", .0.display())]
    KeyFile(PathBuf, #[source] io::Error),
    /// The key file holds no key: serving would let everybody in.
    #[error("the key file {} is empty", .0.display())]
    NoKey(PathBuf),
    /// The file with faults cannot be read.
    #[error("cannot read the file with faults {}", .0.display())]
    FaultsFile(PathBuf, #[source] io::Error),
    /// The file with faults holds something else.
    #[error("the file {} does not do", .0.display())]
    Faults(PathBuf, #[source] FaultsError),
    /// The address is taken or not ours.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The server ended on its own.
    #[error("serving failed")]
    Serve(#[source] io::Error),
    /// The profile cannot be read.
    #[error("cannot read the profile {}", .0.display())]
    ProfileFile(PathBuf, #[source] io::Error),
    /// The profile says nonsense.
    #[error("the profile {} cannot be used", .0.display())]
    Profile(PathBuf, #[source] ProfileError),
    /// Standard output cannot be written.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl CliError {
    /// 2 for a wrong call, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Malformed(_) | Self::Profile(..) => 2,
            Self::NotIssued { .. }
            | Self::KeyFile(..)
            | Self::ProfileFile(..)
            | Self::NoKey(_)
            | Self::FaultsFile(..)
            | Self::Faults(..)
            | Self::Listen(..)
            | Self::Serve(_)
            | Self::Output(_) => 1,
        }
    }
}

/// Runs one command.
pub fn run(cli: &Cli) -> Result<(), CliError> {
    let done = match &cli.command {
        Command::Serve { listen, api_key_file, faults } => {
            settings(api_key_file, faults.as_deref())
                .and_then(|settings| serve(cli.seed, *listen, settings))
        }
        Command::Show { number } => show(cli.seed, number),
        Command::Sample { count } => sample(cli.seed, *count),
        Command::Records { holder, count, first, format, profile, summary } => {
            let profile = read_profile(*holder, profile.as_deref())?;
            let nation = Nation::new(cli.seed);
            let records = Records::new(&nation, *holder, profile, *first)
                .take(usize::try_from(*count).unwrap_or(usize::MAX));
            write_records(records, *holder, *format, *summary)
        }
        Command::Stats => Ok(report::write(&Nation::new(cli.seed), &mut output())?),
        Command::Bench { count } => Ok(bench::write(cli.seed, *count, &mut output())?),
    };
    match done {
        // Whoever reads through `head` has seen enough.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

fn show(seed: u64, number: &str) -> Result<(), CliError> {
    let malformed = || CliError::Malformed(number.to_owned());
    let key = Key::parse(number).ok_or_else(malformed)?;
    let nation = Nation::new(seed);
    let mut output = output();
    let mut is_anybodys = false;
    for hit in nation.find_by(key) {
        is_anybodys = true;
        writeln!(output, "{}", nation.dossier(hit.ordinal).to_json())?;
    }
    output.flush()?;
    if is_anybodys { Ok(()) } else { Err(CliError::NotIssued { number: number.to_owned(), seed }) }
}

fn sample(seed: u64, count: u64) -> Result<(), CliError> {
    let mut output = output();
    let nation = Nation::new(seed);
    for ordinal in nation.sample_ordinals(count) {
        writeln!(output, "{}", nation.dossier(ordinal).to_json())?;
    }
    Ok(output.flush()?)
}

fn read_profile(holder: Holder, path: Option<&Path>) -> Result<Profile, CliError> {
    let Some(path) = path else {
        return Ok(holder.profile());
    };
    let table = std::fs::read_to_string(path)
        .map_err(|error| CliError::ProfileFile(path.to_owned(), error))?;
    Profile::parse(&table).map_err(|error| CliError::Profile(path.to_owned(), error))
}

fn write_records(
    records: impl Iterator<Item = Record>,
    holder: Holder,
    format: OutputFormat,
    only_summary: bool,
) -> Result<(), CliError> {
    let mut output = output();
    if only_summary {
        let mut summary = Summary::default();
        records.for_each(|record| summary.count(&record, holder));
        summary.write(&mut output)?;
        return Ok(output.flush()?);
    }
    let format = match format {
        OutputFormat::Csv => {
            output.write_all(records::csv_header().as_bytes())?;
            Format::Csv
        }
        OutputFormat::Ndjson => Format::Ndjson,
    };
    for record in records {
        output.write_all(record.line(format, holder).as_bytes())?;
    }
    Ok(output.flush()?)
}

#[tokio::main]
async fn serve(seed: u64, listen: SocketAddr, settings: Settings) -> Result<(), CliError> {
    let nation = Arc::new(Nation::new(seed));
    let failed = |error| CliError::Listen(listen, error);
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let shutdown = shutdown_signal().map_err(CliError::Serve)?;
    println!("ready on {address}: {POPULATION} people of seed {seed}");
    server::serve(listener, nation, settings, shutdown).await.map_err(CliError::Serve)
}

fn settings(api_key_file: &Path, faults: Option<&Path>) -> Result<Settings, CliError> {
    let settings = Settings::new(read_key(api_key_file)?);
    let Some(path) = faults else { return Ok(settings) };
    let json = std::fs::read(path).map_err(|error| CliError::FaultsFile(path.into(), error))?;
    Faults::parse(&json)
        .and_then(|faults| settings.with_faults(faults))
        .map_err(|error| CliError::Faults(path.into(), error))
}

fn read_key(path: &Path) -> Result<String, CliError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| CliError::KeyFile(path.to_owned(), error))?;
    let key = text.trim();
    if key.is_empty() {
        return Err(CliError::NoKey(path.to_owned()));
    }
    Ok(key.to_owned())
}

/// Done when the process is told to stop, from the keyboard or by its supervisor.
fn shutdown_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn output() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}
