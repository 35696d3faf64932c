//! `gateway client import`: thousands of health facilities at once, each with a secret of its own in
//! a sealed file. It can be killed at any moment and run again: it goes on where it was.

use std::collections::{HashMap, HashSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use super::super::administering::Administering;
use super::super::output::{plain_csv, plain_table};
use super::super::report::{print_json, print_line, print_text};
use super::super::{CliError, Format};
use super::facilities::{BadLine, Common, Facilities};
use super::outbox::Outbox;
use super::parse_state;
use crate::access::{self, Credential, KnownClient};
use crate::auth::{ClientState, generate_secret, hash_secret};
use crate::clock::Random;
use crate::config::{Config, ConfigError};
use crate::http::parse_policy_label;
use crate::request::AgencyCode;
use crate::store::{ClientRow, NewClientRow};

/// Clients that each core makes before they are put into the database together: about a second.
const PER_CORE: usize = 24;

const COLUMNS_HELP: &str = "Table (CSV) with the columns client_id, agency_code or facility_code, \
    name_vi, name_en, agreement_from, agreement_until, assessment_level, assessment_date, \
    assessment_until, and if need be policy";

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    #[arg(help = COLUMNS_HELP)]
    file: PathBuf,
    /// Folder for the sealed files, one for each facility; it may be there from an earlier run.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Table for the passphrases, to be sent another way; FOLDER-passphrases.csv when left out.
    #[arg(long, value_name = "FILE")]
    passphrases: Option<PathBuf>,
    /// Policy of the lines that name none.
    #[arg(long, value_name = "NAME@VERSION")]
    policy: Option<String>,
    /// Agency that the codes in the column `facility_code` lie below, such as G12.24.
    #[arg(long, value_name = "CODE")]
    below: Option<String>,
    /// State in which they are added: draft, or active where agreement and assessment allow it.
    #[arg(long, value_parser = parse_state, default_value = "draft")]
    state: ClientState,
    /// Add the good lines although there are bad ones.
    #[arg(long)]
    skip_bad: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What became of a table.
#[derive(Debug, Serialize)]
struct Summary {
    dry_run: bool,
    /// Facilities that were added, or would be.
    added: usize,
    /// Facilities that were there, as the table has them.
    there_already: usize,
    /// Facilities that were there and are not as the table has them: they stay as they are.
    there_and_different: Vec<String>,
    bad: Vec<BadLineShown>,
}

#[derive(Debug, Serialize)]
struct BadLineShown {
    line: u64,
    client_id: String,
    reasons: String,
}

/// A facility whose secret was made.
struct Made {
    client_id: String,
    secret_hash: String,
    passphrase: String,
}

pub(super) async fn import(
    config: &Config,
    args: &ImportArgs,
    format: Format,
) -> Result<(), CliError> {
    let below = check(config, args)?;
    let administering = Administering::open(config).await?;
    let common = Common {
        policy: args.policy.as_deref(),
        below: below.as_ref().map(AgencyCode::as_str),
        state: args.state,
        now: administering.clock.now(),
    };
    let facilities = Facilities::read(&args.file, common, &administering.store).await?;
    let Facilities { new, there_already, there_and_different, bad } = facilities;
    let mut summary = Summary {
        dry_run: args.dry_run,
        added: 0,
        there_already,
        there_and_different,
        bad: bad.iter().map(BadLineShown::new).collect(),
    };
    let refused = !summary.bad.is_empty() && !args.skip_bad;
    if refused || args.dry_run {
        summary.added = if refused { 0 } else { new.len() };
        print_summary(&summary, format)?;
    } else {
        // What was added is told also where something fails on the way.
        let added = add(&administering, args, new, &mut summary).await;
        let printed = print_summary(&summary, format);
        administering.finish().await;
        added.and(printed)?;
    }
    if refused {
        let count = summary.bad.len();
        return Err(CliError::Failed(format!(
            "{count} lines are bad and nothing was added; mend them, or leave them out by --skip-bad"
        )));
    }
    Ok(())
}

/// Refuses what cannot be meant; the code that facility codes lie below, as it is kept.
fn check(config: &Config, args: &ImportArgs) -> Result<Option<AgencyCode>, CliError> {
    let usage = |text: &str| Err(CliError::Usage(text.to_owned()));
    if config.server.public_url.is_empty() {
        let problem = "is not set: the sealed files could not say where a token is to be had";
        return Err(ConfigError::OutOfRange { key: "server.public_url", problem }.into());
    }
    if args.policy.as_deref().is_some_and(|label| parse_policy_label(label).is_err()) {
        return usage("--policy takes NAME@VERSION");
    }
    if same_file(&args.file, &passphrases_file(args)) {
        return usage("--passphrases is the table that is imported");
    }
    let Ok(below) = args.below.as_deref().map(AgencyCode::adopt).transpose() else {
        return usage("--below takes an agency code, such as G12.24");
    };
    match args.state {
        ClientState::Draft | ClientState::Active => Ok(below),
        ClientState::SecurityReview
        | ClientState::Sandbox
        | ClientState::Suspended
        | ClientState::Closed => usage("--state takes draft or active"),
    }
}

/// Adds clients, some at a time: secrets are hashed and sealed on all cores, what was sealed is on
/// disk before its clients are in the database.
async fn add(
    administering: &Administering<'_>,
    args: &ImportArgs,
    mut new: Vec<ClientRow>,
    summary: &mut Summary,
) -> Result<(), CliError> {
    if new.is_empty() {
        return Ok(());
    }
    let mut outbox = Outbox::open(&args.out, &passphrases_file(args), &administering.random)?;
    // Another import may have had the folder until now: its files and passphrases are good.
    for at in (0..new.len()).rev() {
        if administering.store.client(&new[at].client_id).await?.is_some() {
            summary.there_and_different.push(new.remove(at).client_id);
        }
    }
    let to_make: HashSet<&str> = new.iter().map(|row| row.client_id.as_str()).collect();
    outbox.prepare(&to_make)?;
    let endpoint = format!("{}/oauth2/token", administering.config.server.public_url());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut progress = Progress::new(new.len());
    for rows in new.chunks(cores * PER_CORE) {
        let made = make(rows, &outbox, &endpoint, &administering.random).await?;
        let in_order = rows.iter().filter_map(|row| made.get(&row.client_id));
        outbox
            .keep_passphrases(in_order.map(|it| (it.client_id.as_str(), it.passphrase.as_str())))?;
        let additions: Vec<NewClientRow> = rows
            .iter()
            .map(|row| {
                let known = KnownClient { row: row.clone(), delegations: Vec::new(), slowed: None };
                let hash = made.get(&row.client_id).map(|made| made.secret_hash.clone());
                access::addition(&administering.administrator(), &known, hash)
            })
            .collect();
        let added = administering.store.add_new_clients(&additions).await?;
        // Somebody has added these since we looked; their secrets are not ours.
        let taken = rows.iter().zip(&added).filter(|(_, is_new)| !**is_new);
        let taken: HashSet<&str> = taken.map(|(row, _)| row.client_id.as_str()).collect();
        summary.added += added.len() - taken.len();
        summary.there_and_different.extend(taken.iter().map(|id| (*id).to_owned()));
        outbox.discard(&taken)?;
        progress.show(summary.added);
    }
    Ok(())
}

/// Whether two paths lead to one file.
fn same_file(one: &Path, other: &Path) -> bool {
    let (one, other) = (one.canonicalize(), other.canonicalize());
    one.is_ok_and(|one| other.is_ok_and(|other| one == other))
}

/// Beside the folder and not in it, so that whoever sends the folder does not send both.
fn passphrases_file(args: &ImportArgs) -> PathBuf {
    args.passphrases.clone().unwrap_or_else(|| {
        // Without the slash that the folder may end with.
        let mut name = args.out.components().collect::<PathBuf>().into_os_string();
        name.push("-passphrases.csv");
        name.into()
    })
}

/// Makes secrets of clients and seals them, on all cores.
async fn make(
    rows: &[ClientRow],
    outbox: &Outbox,
    endpoint: &str,
    random: &Random,
) -> Result<HashMap<String, Made>, CliError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tasks = JoinSet::new();
    for part in rows.chunks(rows.len().div_ceil(cores)) {
        let ids: Vec<String> = part.iter().map(|row| row.client_id.clone()).collect();
        let (folder, endpoint) = (outbox.folder().to_owned(), endpoint.to_owned());
        let random = random.clone();
        tasks.spawn_blocking(move || -> Result<Vec<Made>, CliError> {
            ids.into_iter().map(|id| make_one(id, &folder, &endpoint, &random)).collect()
        });
    }
    let mut made = HashMap::with_capacity(rows.len());
    while let Some(part) = tasks.join_next().await {
        let part = part.map_err(|error| CliError::Failed(error.to_string()))??;
        made.extend(part.into_iter().map(|one| (one.client_id.clone(), one)));
    }
    Ok(made)
}

fn make_one(
    client_id: String,
    folder: &Path,
    endpoint: &str,
    random: &Random,
) -> Result<Made, CliError> {
    let secret = generate_secret(random);
    let failed = |error: &dyn std::error::Error| CliError::Failed(error.to_string());
    let secret_hash = hash_secret(&secret).map_err(|error| failed(&error))?;
    let credential = Credential {
        client_id: client_id.clone(),
        client_secret: secret,
        token_endpoint: endpoint.to_owned(),
    };
    let passphrase = access::generate_passphrase(random);
    let sealed = access::seal(&credential, &passphrase, random).map_err(|error| failed(&error))?;
    Outbox::write_sealed(folder, &client_id, &sealed)
        .map_err(CliError::io(format!("the file of {client_id} cannot be written")))?;
    Ok(Made { client_id, secret_hash, passphrase })
}

impl BadLineShown {
    fn new(bad: &BadLine) -> Self {
        Self { line: bad.line, client_id: bad.client_id.clone(), reasons: bad.reasons() }
    }
}

/// How far it is, on standard error: over itself on a terminal, else a line now and then.
struct Progress {
    of: usize,
    told: usize,
    on_terminal: bool,
}

impl Progress {
    fn new(of: usize) -> Self {
        Self { of, told: 0, on_terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, done: usize) {
        if self.on_terminal {
            let end = if done == self.of { "\n" } else { "" };
            eprint!("\r{done} of {} facilities{end}", self.of);
        } else if done - self.told >= 1_000 || done == self.of {
            eprintln!("{done} of {} facilities", self.of);
            self.told = done;
        }
    }
}

fn print_summary(summary: &Summary, format: Format) -> Result<(), CliError> {
    let bad: Vec<[String; 3]> = summary
        .bad
        .iter()
        .map(|bad| [bad.line.to_string(), bad.client_id.clone(), bad.reasons.clone()])
        .collect();
    let columns = ["line", "client_id", "reasons"];
    match format {
        Format::Json => return print_json(summary),
        Format::Csv => print_text(&plain_csv(&columns, &bad)?)?,
        Format::Table if bad.is_empty() => {}
        Format::Table => print_line(&plain_table(&columns, &bad))?,
    }
    let (added, there) = (summary.added, summary.there_already);
    let verb = if summary.dry_run { "would be added" } else { "added" };
    eprintln!("{added} {verb}, {there} there already, {} bad", bad.len());
    if !summary.there_and_different.is_empty() {
        eprintln!(
            "there already, and not as in the table (see `client update`): {}",
            summary.there_and_different.join(" ")
        );
    }
    Ok(())
}
