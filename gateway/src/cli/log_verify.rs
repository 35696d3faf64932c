//! `gateway log verify`: the auditor's check of the stored logs, without a gateway.

use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use super::report::print_json;
use super::{CliError, Format, open_store};
use crate::audit::{self, Check, CheckpointVerifier, Progress, Verification};
use crate::clock::{Clock, Random};
use crate::config::{Config, LogConfig};
use crate::store::{KeyFolder, Store};

/// Time between two reports of the progress, in nanoseconds: on a terminal, and in lines.
const TERMINAL_NANOS: u64 = 200_000_000;
const LINES_NANOS: u64 = 5_000_000_000;

/// What is to be verified.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Name of the log; all logs of the database where it is not given.
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
    /// Index of the first entry to be read; those beside the range are left to their tiles.
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// Index of the last entry to be read.
    #[arg(long, value_name = "INDEX")]
    to: Option<u64>,
    /// Threads that hash; one for each core where it is not given.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Public key of a log, name+id+base64, in place of the key folder; may be repeated.
    #[arg(long, value_name = "KEY")]
    verifier_key: Vec<String>,
    /// Tell the progress by a line every few seconds where standard error is no terminal.
    #[arg(long)]
    progress: bool,
}

/// A log that was verified, and how long it took.
struct Verified {
    found: Verification,
    verifier_key: String,
    range: Range<u64>,
    seconds: f64,
}

pub(super) async fn verify(
    config: &Config,
    args: &VerifyArgs,
    format: Format,
) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let clock = Clock::system();
    let verifiers = verifiers(config, args, &store).await?;
    if args.from.or(args.to).is_some() && verifiers.len() > 1 {
        return Err(CliError::Usage("a range is one of a log; name it by --log".into()));
    }
    let mut verified = Vec::with_capacity(verifiers.len());
    for (log, verifier) in verifiers {
        verified.push(verify_one(&store, &log, &verifier, args, &clock).await?);
    }
    print(&verified, format)
}

async fn verify_one(
    store: &Store,
    log: &str,
    verifier: &CheckpointVerifier,
    args: &VerifyArgs,
    clock: &Clock,
) -> Result<Verified, CliError> {
    let range = range(store, log, args).await?;
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let jobs = args.jobs.map_or_else(cores, NonZeroUsize::get);
    let check = Check { range: range.clone(), jobs };
    let started = clock.monotonic_nanos();
    let mut teller = Teller::new(log, args.progress, clock);
    let mut tell = |progress| teller.tell(progress);
    let found = audit::verify(store, verifier, log, &check, &mut tell).await;
    teller.end();
    let found = found?;
    let seconds = (clock.monotonic_nanos() - started) as f64 / 1e9;
    let range = range.unwrap_or(0..found.entries);
    Ok(Verified { found, verifier_key: verifier.key_text(), range, seconds })
}

/// The range asked for; an end that is not given is that of the log.
async fn range(
    store: &Store,
    log: &str,
    args: &VerifyArgs,
) -> Result<Option<Range<u64>>, CliError> {
    if args.from.or(args.to).is_none() {
        return Ok(None);
    }
    let size = store.checkpoint(log).await?.map_or(0, |row| row.tree_size as u64);
    let until = args.to.map_or(size, |to| to.saturating_add(1));
    Ok(Some(args.from.unwrap_or(0)..until))
}

/// The logs to be verified, each with what verifies its checkpoint.
async fn verifiers(
    config: &Config,
    args: &VerifyArgs,
    store: &Store,
) -> Result<Vec<(String, CheckpointVerifier)>, CliError> {
    if !args.verifier_key.is_empty() {
        return args.verifier_key.iter().map(|key| by_public_key(key, args)).collect();
    }
    if !config.keys.folder.is_dir() {
        let folder = config.keys.folder.display();
        return Err(CliError::Usage(format!(
            "there is no key folder at {folder}; without one, --verifier-key names the log's \
             public key"
        )));
    }
    let keys = KeyFolder::open(&config.keys.folder, Random::system())
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let mut logs = match &args.log {
        Some(log) => vec![log.clone()],
        None => logs(store).await?,
    };
    // A log that was signed once must not pass because all of it was deleted.
    let was_signed = args.log.is_none() && audit::verifier_of(&keys, &config.log).is_ok();
    if was_signed && !logs.contains(&config.log.name) {
        logs.push(config.log.name.clone());
    }
    if logs.is_empty() {
        return Err(CliError::Failed("the database holds no log".into()));
    }
    logs.into_iter()
        .map(|name| {
            let log = LogConfig { name: name.clone(), ..config.log.clone() };
            let verifier = audit::verifier_of(&keys, &log).map_err(audit::VerifyError::from)?;
            Ok((name, verifier))
        })
        .collect()
}

/// The name of a key is the log's origin, whose last part is the name of the log.
fn by_public_key(key: &str, args: &VerifyArgs) -> Result<(String, CheckpointVerifier), CliError> {
    let verifier =
        CheckpointVerifier::parse(key).map_err(|error| CliError::Usage(error.to_string()))?;
    let name = verifier.origin().rsplit('/').next().unwrap_or_default().to_owned();
    match &args.log {
        Some(log) if *log != name => {
            Err(CliError::Usage(format!("the key is that of log {name}, not of {log}")))
        }
        Some(_) | None => Ok((name, verifier)),
    }
}

/// All names under which the database holds anything of a log.
pub(super) async fn logs(store: &Store) -> Result<Vec<String>, CliError> {
    let mut logs: Vec<String> = Vec::new();
    while let Some(log) = store.log_after(logs.last().map_or("", String::as_str)).await? {
        logs.push(log);
    }
    Ok(logs)
}

/// Tells on standard error how far a verification is.
struct Teller<'a> {
    log: &'a str,
    clock: &'a Clock,
    started: u64,
    told: u64,
    pause: u64,
    is_terminal: bool,
    is_quiet: bool,
}

impl<'a> Teller<'a> {
    fn new(log: &'a str, lines: bool, clock: &'a Clock) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let pause = if is_terminal { TERMINAL_NANOS } else { LINES_NANOS };
        let started = clock.monotonic_nanos();
        let is_quiet = !is_terminal && !lines;
        Self { log, clock, started, told: started, pause, is_terminal, is_quiet }
    }

    fn tell(&mut self, progress: Progress) {
        let now = self.clock.monotonic_nanos();
        if self.is_quiet || now - self.told < self.pause {
            return;
        }
        self.told = now;
        let rate = rate(progress.done, (now - self.started) as f64 / 1e9);
        let Progress { done, all } = progress;
        let text = format!("log {}: {done} of {all} entries, {rate:.0} entries/s", self.log);
        // A standard error that is gone must not stop the verification.
        let _told = if self.is_terminal {
            write!(std::io::stderr(), "\r{text}\x1b[K")
        } else {
            writeln!(std::io::stderr(), "{text}")
        };
    }

    /// Takes the line away again.
    fn end(&self) {
        if self.is_terminal && self.told > self.started {
            let _told = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn rate(entries: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { entries as f64 / seconds } else { 0.0 }
}

fn print(verified: &[Verified], format: Format) -> Result<(), CliError> {
    match format {
        Format::Table => verified.iter().for_each(print_line),
        Format::Csv => {
            println!("log,entries,tiles,root,from,to,read,jobs,seconds,entries_per_second");
            for Verified { found, range, seconds, .. } in verified {
                let Verification { log, entries, read, tiles, root, jobs } = found;
                let (root, rate) = (STANDARD.encode(root), rate(*read, *seconds));
                let (from, to) = (range.start, last_text(range));
                println!(
                    "{log},{entries},{tiles},{root},{from},{to},{read},{jobs},{seconds:.3},{rate:.0}"
                );
            }
        }
        Format::Json => {
            let logs: Vec<_> = verified.iter().map(json).collect();
            print_json(&serde_json::json!({ "logs": logs }))?;
        }
    }
    Ok(())
}

fn print_line(verified: &Verified) {
    let Verified { found, range, seconds, .. } = verified;
    let Verification { log, entries, read, tiles, root, .. } = found;
    let root = STANDARD.encode(root);
    let of_range = if *range == (0..*entries) {
        String::new()
    } else {
        format!(", of them {} to {}", range.start, last_text(range))
    };
    let rate = rate(*read, *seconds);
    println!(
        "log {log}: {entries} entries{of_range}, {tiles} full tiles, root {root}: verified \
         ({read} entries read in {seconds:.2} s, {rate:.0}/s)"
    );
}

fn json(verified: &Verified) -> serde_json::Value {
    let Verified { found, verifier_key, range, seconds } = verified;
    let rate = rate(found.read, *seconds);
    serde_json::json!({
        "log": found.log,
        "entries": found.entries,
        "from": range.start,
        "to": last(range),
        "read": found.read,
        "tiles": found.tiles,
        "root": STANDARD.encode(found.root),
        "verifier_key": verifier_key,
        "jobs": found.jobs,
        "seconds": seconds,
        "entries_per_second": rate,
        "entries_per_second_per_core": rate / found.jobs as f64,
    })
}

/// Index of the last entry; none of an empty log.
fn last(range: &Range<u64>) -> Option<u64> {
    range.end.checked_sub(1)
}

/// Index of the last entry as text.
fn last_text(range: &Range<u64>) -> String {
    last(range).map_or_else(String::new, |last| last.to_string())
}
