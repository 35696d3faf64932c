//! `gateway verify-file`: a clerk's file of many persons, verified by a gateway somewhere else.
//!
//! The file is sent as a job, its results are fetched while it runs, and its summary is printed. Lost
//! connections and restarts of either side cost time and nothing else: what is needed to go on stands in
//! OUT.job and OUT.part beside OUT, and nothing is written anywhere else.

mod job;
mod order;
mod outputs;
mod patience;
mod progress;
mod source;
mod summary;
mod work;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use secrecy::SecretString;

use self::job::Job;
use self::outputs::{Begun, Kept, Outputs};
use self::progress::Progress;
use self::source::Source;
use self::work::Work;
use super::client::steady::{Credentials, GatewayUrl, SteadyClient};
use super::{CliError, Format};
use crate::clock::{Clock, Random};

const COLUMNS_HELP: &str = "Which column of FILE holds which field, such as full_name='HO TEN'; \
    columns are recognised by their names where none is given";
const RESUME_HELP: &str = "Go on with a job that stands still, such as one with too many rows that \
    cannot be read";
const GIVE_UP_HELP: &str = "Seconds without any success after which the command gives up; started \
    again, it goes on";

#[derive(Debug, Args)]
pub(super) struct VerifyFileArgs {
    /// The file: CSV with a header or NDJSON, also gzipped.
    pub(super) file: PathBuf,
    /// The gateway, http://HOST:PORT.
    #[arg(long, value_parser = GatewayUrl::parse)]
    pub(super) url: GatewayUrl,
    /// Who asks: identifier of the client.
    #[arg(long, value_name = "ID")]
    pub(super) client: String,
    /// File with the secret of the client, or with its unsealed credential.
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: PathBuf,
    /// Why, by its code.
    #[arg(long, value_name = "CODE")]
    pub(super) purpose: String,
    /// File for the results, which must not be there yet; NDJSON or CSV by its name, else as FILE is.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// What is done with the rows.
    #[arg(long, value_enum, default_value = "verify")]
    pub(super) mode: Mode,
    /// How FILE is written; told by its name where it is not given.
    #[arg(long, value_enum)]
    pub(super) format: Option<LineFormat>,
    #[arg(long, value_name = "FIELD=HEADER", num_args = 1.., value_parser = order::parse_column,
          help = COLUMNS_HELP)]
    pub(super) columns: Vec<(String, String)>,
    /// The job stands still when more than this part of its rows cannot be read, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = order::parse_share)]
    pub(super) error_threshold: f64,
    /// Only read the rows: nobody is asked and nothing is charged.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Agency for which the client acts.
    #[arg(long, value_name = "CODE")]
    pub(super) on_behalf_of: Option<String>,
    /// Official who orders it.
    #[arg(long, value_name = "TEXT")]
    pub(super) official: Option<String>,
    /// Public-service procedure.
    #[arg(long, value_name = "CODE")]
    pub(super) procedure: Option<String>,
    #[arg(long, help = RESUME_HELP)]
    pub(super) resume: bool,
    #[arg(long, value_name = "SECONDS", default_value_t = 600, help = GIVE_UP_HELP)]
    pub(super) give_up_after: u64,
}

/// What is done with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Each is verified.
    Verify,
    /// The same, and what FILE has is sorted into right, wrong, missing and stale.
    Reconcile,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LineFormat {
    /// CSV with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// Runs the command.
pub(super) async fn verify_file(args: &VerifyFileArgs, format: Format) -> Result<(), CliError> {
    let secret = read_secret(&args.secret_file, &args.client)?;
    let (order, source) = (order::body(args)?, Source::open(&args.file).await?);
    let wanted = Kept::new(args, &order, &source);
    let mut begun = Outputs::begin(&args.out, &[&args.file, &args.secret_file], &wanted)?;
    let clock = Clock::system();
    let progress = Progress::start(clock.clone());
    if !args.url.is_loopback() {
        progress.tell(
            "the connection is not encrypted: the secret and the file can be read on their way",
        );
    }
    let credentials = Credentials { client_id: args.client.clone(), secret };
    let mut work = Work {
        client: SteadyClient::new(args.url.clone(), credentials, clock.clone()),
        clock,
        random: Random::system(),
        give_up: Duration::from_secs(args.give_up_after),
        progress,
        may_resume: args.resume,
    };
    let ended = run(&mut work, &mut begun, &order, &source).await;
    work.progress.end();
    let job = ended.map_err(|error| begun.explained(error))?;
    summary::print(&job, &args.out, format)
}

/// The whole story; the job at its good end.
async fn run(
    work: &mut Work,
    begun: &mut Begun,
    order: &serde_json::Value,
    source: &Source,
) -> Result<Job, CliError> {
    let outputs = match begun {
        Begun::New(outputs) => {
            let id = work.create(order).await?;
            outputs.keep(&id)?;
            outputs
        }
        Begun::Again(outputs) => outputs,
        Begun::Named(named) => {
            // The last run was ended between giving OUT its name and its own end.
            let job = work.job(&named.id).await?;
            named.confirm(&job).await?;
            return Ok(job);
        }
    };
    work.finish(outputs, source).await
}

/// The secret itself, or the credential that `gateway client unseal` writes.
fn read_secret(path: &Path, client_id: &str) -> Result<SecretString, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(CliError::io(format!("cannot read {}", path.display())))?;
    let usage = |text: &str| CliError::Usage(format!("{}: {text}", path.display()));
    if let Ok(credential) = serde_json::from_str::<crate::access::Credential>(&text) {
        if credential.client_id != client_id {
            return Err(usage("the credential is that of another client"));
        }
        return Ok(credential.client_secret.into());
    }
    let secret = text.trim();
    if secret.is_empty() || secret.contains(char::is_whitespace) {
        return Err(usage("holds no secret"));
    }
    Ok(secret.to_owned().into())
}
