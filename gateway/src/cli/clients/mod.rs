//! `gateway client`: clients from onboarding to closure, by the functions that the admin listener
//! calls too. Works beside a running gateway, which follows within seconds.

mod facilities;
mod import;
mod outbox;
mod passphrases;
mod shown;
mod slow;
mod unseal;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

pub(super) use self::outbox::sync_parent;
use self::shown::{print_client, print_list};
use super::administering::Administering;
use super::credentials::{self, CredentialCommand};
use super::{CliError, Format, open_store};
use crate::access::{self, ClientError, Fault, KnownClient, Run};
use crate::auth::{ClientKind, ClientState};
use crate::clock::{Clock, Micros};
use crate::config::{Config, ConfigError};
use crate::http::{ListedClients, Problem, client_page, read_client_change, read_new_client};
use crate::request::Malformed;

/// Clients that are read at once.
const PAGE: i64 = 500;
/// Longest document about a client, in bytes.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// Clients: who may ask, from onboarding to closure.
#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Add a client as a draft.
    Create(DocumentArgs),
    /// Show a client with all that is kept of it.
    Show {
        /// Its identifier.
        id: String,
    },
    /// List clients by identifier.
    List(ListArgs),
    /// Move a client on, from draft over review and sandbox to active, and in the end to closed.
    State(StateArgs),
    /// Change names, agreement, assessment, agency code, delegations or policy.
    Update {
        /// Its identifier.
        id: String,
        #[command(flatten)]
        document: DocumentArgs,
    },
    /// Add health facilities from a table, each with a sealed file that holds its first secret.
    Import(import::ImportArgs),
    /// Open a sealed credential. Needs no configuration.
    Unseal(unseal::UnsealArgs),
    /// Slow a client at once: a cap on top of its policy's rate.
    Slow(slow::SlowArgs),
    /// Slow a client no longer.
    Unslow(slow::UnslowArgs),
    #[command(flatten)]
    Credentials(CredentialCommand),
}

/// A document, and whether it is only judged.
#[derive(Debug, Args)]
pub(super) struct DocumentArgs {
    /// JSON document, - for standard input.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only those in this state.
    #[arg(long, value_parser = parse_state)]
    state: Option<ClientState>,
    /// Only those of this kind.
    #[arg(long, value_parser = parse_kind)]
    kind: Option<ClientKind>,
    /// Only those with an agreement or an assessment that has ended, or ends within 30 days.
    #[arg(long)]
    warnings: bool,
}

#[derive(Debug, Args)]
pub(super) struct StateArgs {
    /// Identifier of the client.
    id: String,
    /// Where it goes.
    #[arg(value_parser = parse_state)]
    state: ClientState,
    /// Why: at most 255 bytes, fewer than nine digits. It stays in the log for ever. Suspending and
    /// closing take one.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

fn parse_state(name: &str) -> Result<ClientState, String> {
    ClientState::find(name)
        .ok_or_else(|| format!("one of {}", ClientState::ALL.map(ClientState::name).join(", ")))
}

fn parse_kind(name: &str) -> Result<ClientKind, String> {
    ClientKind::find(name)
        .ok_or_else(|| format!("one of {}", ClientKind::ALL.map(ClientKind::name).join(", ")))
}

/// Runs a command; the configuration is read by those that need one.
pub(super) async fn run(
    command: &ClientCommand,
    config: Result<Config, ConfigError>,
    format: Format,
) -> Result<(), CliError> {
    match command {
        ClientCommand::Create(args) => create(&config?, args, format).await,
        ClientCommand::Show { id } => show(&config?, id, format).await,
        ClientCommand::List(args) => list(&config?, args, format).await,
        ClientCommand::State(args) => state(&config?, args, format).await,
        ClientCommand::Update { id, document } => update(&config?, id, document, format).await,
        ClientCommand::Import(args) => import::import(&config?, args, format).await,
        ClientCommand::Unseal(args) => unseal::unseal(args),
        ClientCommand::Slow(args) => slow::slow(&config?, args, format).await,
        ClientCommand::Unslow(args) => slow::unslow(&config?, args, format).await,
        ClientCommand::Credentials(command) => credentials::run(command, &config?, format).await,
    }
}

async fn create(config: &Config, args: &DocumentArgs, format: Format) -> Result<(), CliError> {
    let new = read_new_client(&read(&args.file)?).map_err(|problem| wrong(&problem))?;
    let administering = Administering::open(config).await?;
    let by = administering.administrator();
    let done = access::create_client(&administering.store, &by, &new, run_of(args.dry_run)).await;
    end(administering, done, args.dry_run, format).await
}

async fn update(
    config: &Config,
    id: &str,
    args: &DocumentArgs,
    format: Format,
) -> Result<(), CliError> {
    let change = read_client_change(&read(&args.file)?).map_err(|problem| wrong(&problem))?;
    let administering = Administering::open(config).await?;
    let (by, run) = (administering.administrator(), run_of(args.dry_run));
    let done = access::update_client(&administering.store, &by, id, &change, run).await;
    end(administering, done, args.dry_run, format).await
}

async fn state(config: &Config, args: &StateArgs, format: Format) -> Result<(), CliError> {
    let reason = args.reason.as_deref().map(access::parse_reason).transpose();
    let reason = reason.map_err(wrong_reason)?;
    let administering = Administering::open(config).await?;
    let (by, run) = (administering.administrator(), run_of(args.dry_run));
    let step = (args.state, reason.as_ref());
    let done = access::set_client_state(&administering.store, &by, &args.id, step, run).await;
    end(administering, done, args.dry_run, format).await
}

fn wrong_reason(malformed: Malformed) -> CliError {
    CliError::Usage(format!(
        "--reason: {malformed}; at most 255 bytes on one line, and fewer than nine digits"
    ))
}

/// Shows what was done, or would be, and brings it into the log, also where nobody reads it.
async fn end(
    administering: Administering<'_>,
    done: Result<KnownClient, ClientError>,
    dry_run: bool,
    format: Format,
) -> Result<(), CliError> {
    let known = done.map_err(not_done)?;
    let printed = print_client(&known, administering.clock.now(), format);
    if dry_run {
        eprintln!("nothing was changed; without --dry-run the client would be as shown");
    } else {
        administering.finish().await;
    }
    printed
}

async fn show(config: &Config, id: &str, format: Format) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let known = access::find_client(&store, id).await.map_err(not_done)?;
    print_client(&known, Clock::system().now(), format)
}

async fn list(config: &Config, args: &ListArgs, format: Format) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let ListArgs { state, kind, warnings } = *args;
    let listed = ListedClients { state, kind, with_warnings: warnings };
    let now: Micros = Clock::system().now();
    let mut clients: Vec<KnownClient> = Vec::new();
    loop {
        let after = clients.last().map(|known| known.row.client_id.clone());
        let page = client_page(&store, listed, after.as_deref(), PAGE, now).await?;
        let is_last = (page.len() as i64) < PAGE;
        clients.extend(page);
        if is_last {
            return print_list(&clients, now, format);
        }
    }
}

fn run_of(dry_run: bool) -> Run {
    if dry_run { Run::Dry } else { Run::Real }
}

/// The bytes of a file, or of standard input.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    let (mut bytes, failed) =
        (Vec::new(), CliError::io(format!("{} cannot be read", file.display())));
    let read = if file == Path::new("-") {
        std::io::stdin().take(DOCUMENT_BYTES_MAX).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file)
            .and_then(|file| file.take(DOCUMENT_BYTES_MAX).read_to_end(&mut bytes))
    };
    read.map_err(failed)?;
    Ok(bytes)
}

/// Everything that is wrong with a document.
pub(super) fn wrong(problem: &Problem) -> CliError {
    let mut text = problem.code().explained().en.to_owned();
    for error in problem.errors() {
        let pointer = if error.pointer.is_empty() { "/" } else { &error.pointer };
        text = format!("{text}\n  {pointer}: {}", error.code);
    }
    CliError::Usage(text)
}

/// Why something was not done, with everything that stands against it.
fn not_done(error: ClientError) -> CliError {
    let text = error.to_string();
    let with = |faults: Vec<Fault>| {
        let lines = faults.iter().map(|fault| format!("\n  {}: {}", fault.pointer, fault.code));
        format!("{text}{}", lines.collect::<String>())
    };
    match error {
        ClientError::Invalid(faults) => CliError::Usage(with(faults)),
        ClientError::NotReady(faults) => CliError::Failed(with(faults)),
        ClientError::OverAlready => CliError::Usage(text),
        ClientError::NoReason => CliError::Usage("this takes --reason".into()),
        ClientError::Store(error) => CliError::Store(error),
        ClientError::Unknown
        | ClientError::Exists
        | ClientError::NoStep { .. }
        | ClientError::Closed
        | ClientError::Contended => CliError::Failed(text),
    }
}
