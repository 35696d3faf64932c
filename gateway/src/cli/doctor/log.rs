//! The log: its tail, what was published of it, how far the figures are behind, and the clock.

use super::Check;
use crate::audit::{
    Checkpoint, OpenError, VerifyError, check_known_keys, check_tail, find_loss, last_entry_at,
};
use crate::cli::acting::open_keys;
use crate::cli::{CliError, sentence};
use crate::clock::Micros;
use crate::config::Config;
use crate::store::{KeyFolder, ProgressRow, Store};

/// Counters are moved on every 4,096 entries and with them a commit of as many.
const UNCOUNTED_MAX: i64 = 16_384;
/// Projections are built from closed bundles within a minute even under full load.
const UNPROJECTED_MAX: i64 = 1_000_000;
/// What two clocks may differ by, in microseconds.
const CLOCK_TOLERANCE_US: i64 = 1_000_000;

const SHARED: &str = "shared keys";
const LOG: &str = "log";
const PUBLISHED: &str = "published checkpoint";
const CLOCK: &str = "clock";
const FIGURES: &str = "figures";

pub(super) async fn check(store: &Store, config: &Config, now: Micros) -> Vec<Check> {
    // Said already where the keys are looked at.
    let Ok(keys) = open_keys(config) else { return Vec::new() };
    let mut checks = vec![shared_keys(store, &keys, now).await];
    checks.extend(entries(store, &keys, config, now).await);
    checks
}

/// Whether the keys here are those that the database, and so every node on it, knows.
async fn shared_keys(store: &Store, keys: &KeyFolder, now: Micros) -> Check {
    match check_known_keys(store, keys, now).await {
        Ok(known) => Check::ok(SHARED, format!("{known} are those that the database knows")),
        Err(error) => {
            let advice = "copy the key folder of a node that runs; see operations.md, Keys";
            Check::failed(SHARED, sentence(&CliError::Start(error.into())), advice)
        }
    }
}

async fn entries(store: &Store, keys: &KeyFolder, config: &Config, now: Micros) -> Vec<Check> {
    let tail = match check_tail(store, keys, &config.log).await {
        Ok(tail) => tail,
        Err(error) => {
            let advice =
                "gateway log verify says more; restore a backup if the database was damaged";
            return vec![Check::failed(LOG, told(error), advice)];
        }
    };
    let found = format!("{}: {} entries, signed, tail agrees", config.log.name, tail.size);
    vec![
        Check::ok(LOG, found),
        published(store, keys, config, &tail).await,
        clock(store, config, now).await,
        figures(store, config).await,
    ]
}

async fn published(store: &Store, keys: &KeyFolder, config: &Config, tail: &Checkpoint) -> Check {
    let note = match keys.published(&config.log.name) {
        Ok(Some(note)) => note,
        Ok(None) => {
            let advice = "the next start publishes one; was the file moved away?";
            return Check::warning(PUBLISHED, "there is none", advice);
        }
        Err(error) => {
            return Check::failed(PUBLISHED, error.to_string(), "let this user read it");
        }
    };
    match find_loss(store, keys, &config.log).await {
        Ok(None) => {
            Check::ok(PUBLISHED, format!("of {}, agrees with {} entries", note.at, tail.size))
        }
        Ok(Some(loss)) => {
            Check::failed(PUBLISHED, loss.to_string(), "see operations.md, Accepting a loss")
        }
        Err(error) => Check::failed(PUBLISHED, told(error), "put back a copy of the file"),
    }
}

async fn clock(store: &Store, config: &Config, now: Micros) -> Check {
    match last_entry_at(store, &config.log.name).await {
        Err(error) => Check::failed(CLOCK, told(error), "gateway log verify says more"),
        Ok(None) => Check::ok(CLOCK, format!("{now}, no entry yet")),
        Ok(Some(last)) if last.0 > now.0 + CLOCK_TOLERANCE_US => {
            let advice = "the clock was set back, or was ahead before: set it by NTP";
            Check::failed(CLOCK, format!("{now}, but the last entry is of {last}"), advice)
        }
        Ok(Some(last)) => Check::ok(CLOCK, format!("{now}, last entry of {last}")),
    }
}

/// How far what is derived from the log is behind it.
async fn figures(store: &Store, config: &Config) -> Check {
    let log = &config.log.name;
    let read = async {
        let row = store.checkpoint(log).await?;
        Ok::<_, crate::store::StoreError>((row, store.projection_progress(log).await?))
    };
    let (row, projections) = match read.await {
        Ok(read) => read,
        Err(error) => {
            return Check::failed(FIGURES, sentence(&CliError::Store(error)), "start the database");
        }
    };
    let Some(row) = row else { return Check::ok(FIGURES, "no entry yet") };
    let uncounted = row.tree_size - row.counted_size;
    let mut found = format!("{uncounted} entries are counted when a report is read");
    for ProgressRow { name, next_index } in &projections {
        found = format!("{found}, {name} is {} behind", row.tree_size - next_index);
    }
    let slow = projections.iter().any(|row_of| row.tree_size - row_of.next_index > UNPROJECTED_MAX);
    if uncounted > UNCOUNTED_MAX || slow {
        let advice = "is a gateway of this log running? its process log says why it is behind";
        return Check::warning(FIGURES, found, advice);
    }
    Check::ok(FIGURES, found)
}

fn told(error: OpenError) -> String {
    sentence(&CliError::Log(VerifyError::from(error)))
}
