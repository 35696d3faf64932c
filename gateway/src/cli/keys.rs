//! `gateway key`: what lies in the key folder, and the end of a quarter's key.

use super::acting::{Acting, open_keys};
use super::report::{print_json, print_line, print_text};
use super::{CliError, Format, open_store, output};
use crate::access::token_keys;
use crate::app::StartError;
use crate::audit::{Quarter, find_lost_key};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{KeyError, KeyFile, KeyFolder, Store, TokenKeyRow};

const COLUMNS: [&str; 5] = ["name", "kind", "quarter", "at", "state"];

/// Prints the keys; writes nothing. Which of them sign tokens is in the database; if that does not
/// open, they are shown without.
pub(super) async fn list(config: &Config, format: Format) -> Result<(), CliError> {
    let keys = open_keys(config)?;
    let now = Quarter::of(Clock::system().now());
    let signing = match open_store(config).await {
        Ok(store) => signing_files(&store, &keys).await,
        Err(_) => Vec::new(),
    };
    let rows: Vec<[String; 5]> = keys
        .list()
        .map_err(failed)?
        .iter()
        .map(|key| row(key, now, &config.log.name, &signing))
        .collect();
    match format {
        Format::Table => print_line(&output::plain_table(&COLUMNS, &rows))?,
        Format::Csv => print_text(&output::plain_csv(&COLUMNS, &rows)?)?,
        Format::Json => {
            let object = |row: &[String; 5]| -> serde_json::Value {
                COLUMNS.iter().zip(row).map(|(name, cell)| (*name, cell.as_str())).collect()
            };
            print_json(
                &serde_json::json!({ "keys": rows.iter().map(object).collect::<Vec<_>>() }),
            )?;
        }
    }
    Ok(())
}

/// Name of the file and state of each key that signs tokens, will, or did.
async fn signing_files(store: &Store, keys: &KeyFolder) -> Vec<(String, String)> {
    let rows = store.token_keys().await.unwrap_or_default();
    let file = |row: TokenKeyRow| {
        token_keys::file_of(keys, &row.kid).ok().map(|(name, _)| (name, row.state))
    };
    rows.into_iter().filter_map(file).collect()
}

fn row(key: &KeyFile, now: Quarter, log: &str, signing: &[(String, String)]) -> [String; 5] {
    let signs = signing.iter().find(|(name, _)| *name == key.name);
    let quarter = Quarter::of_key_name(&key.name);
    let kind = match key.name.as_str() {
        _ if quarter.is_some() => "pseudonyms of a quarter",
        "references" => "digests of references",
        "guesses" => "digests of failed guesses",
        "token-signing" => "access tokens",
        "subject-token" => "subject tokens",
        name if name.starts_with("log-") => "signs a log",
        name if name.starts_with("token-signing-") => "access tokens",
        _ => "unknown",
    };
    let in_use = match (quarter, key.name.strip_prefix("log-")) {
        (Some(quarter), _) => quarter == now,
        (None, Some(signed)) => signed == log,
        (None, None) => kind != "unknown" && kind != "access tokens",
    };
    let state = match (key.is_there, key.is_destroyed) {
        (false, _) => "destroyed",
        (true, true) => "to be destroyed",
        (true, false) if in_use => "in use",
        (true, false) => signs.map_or("kept", |(_, state)| state.as_str()),
    };
    let quarter = quarter.map_or_else(|| "-".to_owned(), |quarter| quarter.to_string());
    [key.name.clone(), kind.into(), quarter, key.at.to_string(), state.into()]
}

/// Destroys the key of a past quarter: nobody can link that quarter's pseudonyms to people again.
pub(super) async fn destroy(
    config: &Config,
    name: &str,
    yes: bool,
    format: Format,
) -> Result<(), CliError> {
    let quarter = destructible(name, Quarter::of(Clock::system().now()))?;
    let keys = open_keys(config)?;
    let listed = keys.list().map_err(failed)?;
    match listed.iter().find(|key| key.name == name) {
        Some(key) if key.is_there => {}
        Some(_) => return Err(CliError::Failed(format!("the key {name} is destroyed already"))),
        None => return Err(CliError::Failed(format!("there is no key {name}"))),
    }
    let effect = format!(
        "nobody can link the pseudonyms of {quarter} to people any more: no history of a person \
         and no new search by a person for that quarter; entries, proofs and figures stay"
    );
    if !yes {
        return Err(CliError::Usage(format!("{effect}; this cannot be undone: repeat with --yes")));
    }
    let acting = Acting::open(config).await?;
    // First on record, then done: a destruction that is cut short is known and can be repeated.
    let receipt = acting.record("key-destroyed", name, &effect).await?;
    acting.keys.destroy(name).map_err(failed)?;
    match format {
        Format::Json => print_json(&serde_json::json!({
            "destroyed": name,
            "quarter": quarter.to_string(),
            "log": receipt.log(),
            "act_index": receipt.index(),
        })),
        Format::Table | Format::Csv => {
            print_line(&format!(
                "the key {name} is destroyed, on record as entry {}: {effect}",
                receipt.index()
            ))?;
            print_line("copies of it, in backups above all, are yours to destroy")?;
            Ok(())
        }
    }
}

/// Lets another key take the place of one that is lost: that which is there, or one that the next
/// start makes.
pub(super) async fn accept_loss(
    config: &Config,
    name: &str,
    yes: bool,
    format: Format,
) -> Result<(), CliError> {
    let effect = format!(
        "what was digested under the old key {name} is never equal again to what is digested from \
         now on"
    );
    if !yes {
        return Err(CliError::Usage(format!("{effect}; repeat with --yes")));
    }
    let acting = Acting::open(config).await?;
    let lost = find_lost_key(&acting.store, &acting.keys, name).await.map_err(StartError::from)?;
    let Some(fingerprint) = lost else {
        return Err(CliError::Failed(format!("the key {name} is not lost")));
    };
    let receipt = acting.record("key-loss-accepted", name, &format!("was {fingerprint}")).await?;
    acting.store.forget_key(name).await?;
    match format {
        Format::Json => print_json(&serde_json::json!({
            "accepted": name,
            "log": receipt.log(),
            "act_index": receipt.index(),
        })),
        Format::Table | Format::Csv => {
            print_line(&format!(
                "the loss of {name} is on record as entry {}: {effect}",
                receipt.index()
            ))?;
            print_line(
                "the next start makes the key of this folder the known one; copy it to every node",
            )?;
            Ok(())
        }
    }
}

/// The quarter of a key that may be destroyed.
fn destructible(name: &str, now: Quarter) -> Result<Quarter, CliError> {
    let refuse =
        |why: &str| Err(CliError::Usage(format!("the key {name} is not destroyed: {why}")));
    let Some(quarter) = Quarter::of_key_name(name) else {
        return refuse(
            "only the key of a past quarter is, such as pseudonym-2026Q1; without any other key \
             the log could not be verified or gone on with",
        );
    };
    if quarter == now {
        return refuse("it is in use until the quarter ends");
    }
    if quarter > now {
        return refuse("its quarter has not begun, and could not be logged without it");
    }
    Ok(quarter)
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn failed(error: KeyError) -> CliError {
    CliError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_of_a_past_quarter_may_be_destroyed() {
        let now = Quarter::of_key_name("pseudonym-2026Q4").unwrap();
        assert!(destructible("pseudonym-2026Q3", now).is_ok());
        for (name, why) in [
            ("pseudonym-2026Q4", "in use"),
            ("pseudonym-2027Q1", "not begun"),
            ("log-n1", "only the key of a past quarter"),
            ("references", "only the key of a past quarter"),
        ] {
            let refusal = destructible(name, now).unwrap_err();
            assert!(matches!(&refusal, CliError::Usage(text) if text.contains(why)), "{refusal}");
        }
    }

    #[test]
    fn a_key_is_shown_with_its_kind_quarter_and_state() {
        let now = Quarter::of_key_name("pseudonym-2026Q4").unwrap();
        let shown = |name: &str, is_there, is_destroyed| {
            let at = crate::clock::Micros(0);
            let key = KeyFile { name: name.into(), at, is_there, is_destroyed };
            let signing = [("token-signing".to_owned(), "retiring".to_owned())];
            let [_, _, quarter, _, state] = row(&key, now, "n1", &signing);
            format!("{quarter} {state}")
        };
        assert_eq!(shown("pseudonym-2026Q4", true, false), "2026Q4 in use");
        assert_eq!(shown("pseudonym-2026Q3", true, false), "2026Q3 kept");
        assert_eq!(shown("pseudonym-2026Q2", false, true), "2026Q2 destroyed");
        assert_eq!(shown("pseudonym-2026Q1", true, true), "2026Q1 to be destroyed");
        assert_eq!(shown("log-n1", true, false), "- in use");
        assert_eq!(shown("log-n2", true, false), "- kept");
        assert_eq!(shown("guesses", true, false), "- in use");
        assert_eq!(shown("token-signing", true, false), "- retiring");
        assert_eq!(shown("token-signing-AAAAAAAAAAA", true, false), "- kept");
    }
}
