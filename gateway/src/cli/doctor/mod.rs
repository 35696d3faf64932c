//! `gateway doctor`: one line per thing that can be wrong, and what to do. Writes nothing, and a
//! gateway may run meanwhile.

mod clients;
mod keys;
mod log;
mod machine;
mod store;

use serde::Serialize;

use super::report::print_json;
use super::{CliError, Format, output, sentence};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    /// Works today.
    Warning,
    Failed,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One line.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    #[serde(rename = "check")]
    what: &'static str,
    state: State,
    /// What was found.
    found: String,
    /// What to do; empty where all is well.
    advice: String,
}

impl Check {
    fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, state: State::Ok, found: found.into(), advice: String::new() }
    }

    fn warning(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, state: State::Warning, found: found.into(), advice: advice.into() }
    }

    fn failed(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, state: State::Failed, found: found.into(), advice: advice.into() }
    }
}

/// Runs every check, prints them, and fails if one did.
pub(super) async fn doctor(
    config: Result<Config, ConfigError>,
    format: Format,
) -> Result<(), CliError> {
    let checks = match config {
        Ok(config) => examine(&config, &Clock::system()).await,
        Err(error) => {
            let found = sentence(&CliError::Config(error));
            vec![Check::failed("configuration", found, "mend the file or variable it names")]
        }
    };
    print(&checks, format)?;
    match checks.iter().filter(|check| check.state == State::Failed).count() {
        0 => Ok(()),
        failed => Err(CliError::Failed(format!("{failed} of {} checks failed", checks.len()))),
    }
}

async fn examine(config: &Config, clock: &Clock) -> Vec<Check> {
    let now = clock.now();
    let mut checks = vec![Check::ok("configuration", "readable")];
    checks.extend(machine::disks(config));
    checks.extend(keys::check(config, now));
    match store::open(config).await {
        Ok((store, opened)) => {
            checks.extend(opened);
            checks.push(store::durability(&store).await);
            checks.push(keys::signing(&store, config).await);
            checks.extend(log::check(&store, config, now).await);
            checks.extend(clients::check(&store, now).await);
            store.close().await;
        }
        Err(failed) => checks.push(failed),
    }
    checks.push(machine::population(config).await);
    checks
}

fn print(checks: &[Check], format: Format) -> Result<(), CliError> {
    const COLUMNS: [&str; 4] = ["check", "state", "found", "advice"];
    let row = |check: &Check| {
        let Check { what, state, found, advice } = check;
        [(*what).to_owned(), state.name().to_owned(), found.clone(), advice.clone()]
    };
    let rows: Vec<_> = checks.iter().map(row).collect();
    match format {
        Format::Json => {
            let worst = checks.iter().map(|check| check.state).max().unwrap_or(State::Ok);
            print_json(&serde_json::json!({ "state": worst, "checks": checks }))?;
        }
        Format::Csv => print!("{}", output::plain_csv(&COLUMNS, &rows)?),
        Format::Table => {
            for [what, state, found, advice] in &rows {
                let arrow = if advice.is_empty() { "" } else { " -> " };
                println!("{state:<8} {what}: {found}{arrow}{advice}");
            }
        }
    }
    Ok(())
}
