//! `gateway events follow`: what administrators and the gateway itself have done, from the log, one a
//! line as it comes. Only what is durable is told, and every line names its place in the log, so that
//! whoever goes on behind the last line misses nothing and sees nothing twice.

mod line;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write as _};
use std::ops::ControlFlow;
use std::time::Duration;

use clap::{Args, Subcommand};

use self::line::{Event, LineFormat};
use super::{CliError, open_store, stop_signal};
use crate::audit::{Listed, Listing, LogEntry, VerifyError};
use crate::config::{Config, is_log_name};
use crate::store::{Store, StoreError};

/// How often the logs are looked at for what is new.
const POLL: Duration = Duration::from_secs(1);

/// Events: what administrators and the gateway itself have done.
#[derive(Debug, Subcommand)]
pub(super) enum EventsCommand {
    /// Print the log's acts, one a line, and wait for more.
    Follow(FollowArgs),
}

#[derive(Debug, Args)]
pub(super) struct FollowArgs {
    /// Form of the lines.
    #[arg(long, value_enum, default_value_t = LineFormat::Ndjson)]
    format: LineFormat,
    /// Only those of this log; of all in the database when left out. May be given several times.
    #[arg(long, value_name = "NAME")]
    log: Vec<String>,
    /// Only what comes behind this place, as a line names it: LOG/INDEX, for each log; INDEX alone where
    /// one log is followed. From the beginning when left out.
    #[arg(long, value_name = "PLACE", value_parser = parse_place)]
    after: Vec<Place>,
    /// Only events of this kind, such as alarm-raised. May be given several times.
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Print what is there, and end.
    #[arg(long)]
    once: bool,
}

/// A place in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    log: Option<String>,
    index: u64,
}

fn parse_place(text: &str) -> Result<Place, String> {
    let (log, index) = match text.rsplit_once('/') {
        Some((log, index)) if is_log_name(log) => (Some(log.to_owned()), index),
        Some(_) => (None, ""),
        None => (None, text),
    };
    let is_number = index.bytes().all(|b| b.is_ascii_digit());
    let index = index.parse().ok().filter(|index| is_number && *index < u64::MAX);
    index
        .map(|index| Place { log, index })
        .ok_or_else(|| "takes LOG/INDEX, such as n1/4711, or INDEX".into())
}

pub(super) async fn run(command: &EventsCommand, config: &Config) -> Result<(), CliError> {
    let EventsCommand::Follow(args) = command;
    let mut stop = stop_signal()?;
    tokio::select! {
        done = follow(config, args) => done,
        // Between two lines: a line is printed in one piece.
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    }
}

async fn follow(config: &Config, args: &FollowArgs) -> Result<(), CliError> {
    let store = open_store(config).await?;
    let mut following = Following::begin(&store, args).await?;
    let mut is_amiss = false;
    loop {
        match following.turn(&store).await {
            Ok(ControlFlow::Continue(())) if args.once => return Ok(()),
            Ok(ControlFlow::Continue(())) => is_amiss = false,
            // Nobody reads it any more.
            Ok(ControlFlow::Break(())) => return Ok(()),
            // A database that fails over comes back; nothing was passed over meanwhile.
            Err(CliError::Log(VerifyError::Store(StoreError::Database(error)))) if !args.once => {
                if !std::mem::replace(&mut is_amiss, true) {
                    eprintln!("the database does not answer; trying again: {error}");
                }
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Where it is in each log.
struct Following<'a> {
    args: &'a FollowArgs,
    next: BTreeMap<String, u64>,
}

impl<'a> Following<'a> {
    async fn begin(store: &Store, args: &'a FollowArgs) -> Result<Self, CliError> {
        let usage = |text: String| Err(CliError::Usage(text));
        let logs = store.checkpoints().await?;
        let sizes: BTreeMap<String, u64> =
            logs.into_iter().map(|row| (row.log, row.tree_size.unsigned_abs())).collect();
        if let Some(unknown) = args.log.iter().find(|log| !sizes.contains_key(*log)) {
            return usage(format!("--log: there is no log {unknown}"));
        }
        let mut next = BTreeMap::new();
        for place in &args.after {
            let followed: Vec<&String> = if args.log.is_empty() {
                sizes.keys().collect()
            } else {
                args.log.iter().collect()
            };
            let log = match (&place.log, followed.as_slice()) {
                (Some(log), followed) if followed.contains(&log) => log.clone(),
                (None, [only]) => (*only).clone(),
                (Some(log), _) => return usage(format!("--after: the log {log} is not followed")),
                (None, _) => {
                    return usage("--after: several logs are followed: name LOG/INDEX".into());
                }
            };
            if sizes.get(&log).is_none_or(|size| place.index >= *size) {
                return usage(format!("--after: the log {log} has no entry {}", place.index));
            }
            if next.insert(log.clone(), place.index + 1).is_some() {
                return usage(format!("--after: the log {log} is named twice"));
            }
        }
        Ok(Self { args, next })
    }

    /// Prints what has come; breaks off where nobody reads it.
    async fn turn(&mut self, store: &Store) -> Result<ControlFlow<()>, CliError> {
        let logs = store.checkpoints().await.map_err(VerifyError::from)?;
        for row in logs {
            if !self.args.log.is_empty() && !self.args.log.contains(&row.log) {
                continue;
            }
            let (size, next) = (row.tree_size.unsigned_abs(), self.next.get(&row.log));
            let begin = next.copied().unwrap_or(0);
            let mut listing = Listing::new(store, &row.log, begin..size, size);
            while let Some(listed) = listing.next().await? {
                for Listed { index, entry, .. } in listed {
                    if self.print(&row.log, index, &entry)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    self.next.insert(row.log.clone(), index + 1);
                }
            }
            // What was dropped is passed over.
            let next = self.next.entry(row.log).or_default();
            *next = size.max(*next);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn print(&self, log: &str, index: u64, entry: &LogEntry) -> Result<ControlFlow<()>, CliError> {
        let LogEntry::Act(act) = entry else { return Ok(ControlFlow::Continue(())) };
        let kinds = &self.args.kind;
        if !kinds.is_empty() && !kinds.iter().any(|kind| kind == act.act.as_str()) {
            return Ok(ControlFlow::Continue(()));
        }
        let line = Event { log, index, act }.line(self.args.format) + "\n";
        let mut stdout = io::stdout().lock();
        match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(error) => Err(CliError::io("events cannot be printed")(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_index_with_or_without_its_log() {
        let place = |log: Option<&str>, index| Place { log: log.map(str::to_owned), index };
        assert_eq!(parse_place("4711"), Ok(place(None, 4711)));
        assert_eq!(parse_place("n1/0"), Ok(place(Some("n1"), 0)));
        for text in ["", "n1", "n1/", "/1", "N1/1", "n1/-1", "n1/+1", "-1", "18446744073709551615"]
        {
            assert!(parse_place(text).is_err(), "{text}");
        }
    }
}
