//! The key folder: who can read it, and whether the keys are there that the log stands on.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Check;
use crate::access::token_keys;
use crate::audit::Quarter;
use crate::auth::SigningState;
use crate::clock::{Micros, Random};
use crate::config::Config;
use crate::store::{KeyFile, KeyFolder, Store};

const FOLDER: &str = "key folder";
const KEYS: &str = "keys";
const SIGNING: &str = "token keys";

pub(super) fn check(config: &Config, now: Micros) -> Vec<Check> {
    let folder = &config.keys.folder;
    if !folder.is_dir() {
        let found = format!("there is none at {}", folder.display());
        let advice = "a first start makes it; put its copy back if there was one";
        return vec![Check::failed(FOLDER, found, advice)];
    }
    let listed = KeyFolder::open(folder, Random::system()).and_then(|keys| keys.list());
    match listed {
        Err(error) => vec![Check::failed(FOLDER, error.to_string(), "let this user read it")],
        Ok(keys) => {
            vec![modes(folder, &keys), there(&keys, &config.log.name, Quarter::of(now))]
        }
    }
}

/// The keys that sign tokens: rows and files belong together.
pub(super) async fn signing(store: &Store, config: &Config) -> Check {
    const PUT_BACK: &str = "put back a copy of the file";
    let keys = KeyFolder::open(&config.keys.folder, Random::system());
    let (Ok(keys), Ok(rows)) = (keys, store.token_keys().await) else {
        return Check::failed(SIGNING, "they cannot be read", "see the checks above");
    };
    let of = |state: SigningState| rows.iter().filter(move |row| row.state == state.name());
    let lost = |state: SigningState| -> Vec<&str> {
        let row = of(state).filter(|row| token_keys::file_of(&keys, &row.kid).is_err());
        row.map(|row| row.kid.as_str()).collect()
    };
    if let [kid, ..] = lost(SigningState::Active)[..] {
        return Check::failed(
            SIGNING,
            format!("the file of {kid}, which signs, is lost"),
            PUT_BACK,
        );
    }
    if let [kid, ..] = lost(SigningState::Retiring)[..] {
        let found = format!("the file of {kid} is lost: what it has signed is refused");
        return Check::warning(SIGNING, found, PUT_BACK);
    }
    if let [kid, ..] = lost(SigningState::Next)[..] {
        let found = format!("the file of {kid}, which comes next, is lost");
        return Check::warning(SIGNING, found, "gateway key rotate makes another");
    }
    match (of(SigningState::Active).next(), of(SigningState::Next).next()) {
        (Some(active), Some(next)) => {
            let retiring = of(SigningState::Retiring).count();
            let found = format!("{} signs, {} is next, {retiring} retiring", active.kid, next.kid);
            Check::ok(SIGNING, found)
        }
        (Some(_) | None, _) => {
            Check::warning(SIGNING, "there are none yet", "a start of the gateway makes them")
        }
    }
}

/// Others may read neither the folder nor a file in it.
fn modes(folder: &Path, keys: &[KeyFile]) -> Check {
    let files = keys.iter().filter(|key| key.is_there);
    let files = files.map(|key| folder.join(format!("{}.key", key.name)));
    let open: Vec<String> = [folder.to_owned()]
        .into_iter()
        .chain(files)
        .filter(|path| {
            // A file that is gone by now is open to nobody.
            fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
        })
        .map(|path| path.display().to_string())
        .collect();
    if open.is_empty() {
        return Check::ok(FOLDER, format!("{}, its owner's alone", folder.display()));
    }
    let found = format!("others may use {}", open.join(", "));
    Check::warning(FOLDER, found, "chmod 700 the folder and chmod 600 the keys")
}

fn there(keys: &[KeyFile], log: &str, now: Quarter) -> Check {
    let is_there = |name: &str| keys.iter().any(|key| key.is_there && key.name == name);
    let quarters: Vec<String> = keys
        .iter()
        .filter(|key| key.is_there)
        .filter_map(|key| Some(Quarter::of_key_name(&key.name)?.to_string()))
        .collect();
    let found = format!("{}, quarters {}", keys.len(), quarters.join(" "));
    let lost: Vec<String> = [format!("log-{log}"), "references".into(), "guesses".into()]
        .into_iter()
        .filter(|name| !is_there(name))
        .collect();
    if !lost.is_empty() {
        let found = format!("{} not there", lost.join(", "));
        return Check::failed(
            KEYS,
            found,
            "put back a copy; a first start makes those of a new log",
        );
    }
    if let Some(half) = keys.iter().find(|key| key.is_there && key.is_destroyed) {
        let advice = format!("gateway key destroy {} --yes", half.name);
        return Check::warning(KEYS, format!("{} was to be destroyed", half.name), advice);
    }
    let destroyed = keys.iter().any(|key| key.is_destroyed && key.name == now.key_name());
    if destroyed {
        let found = format!("the key of the current quarter {now} is destroyed");
        return Check::failed(
            KEYS,
            found,
            "set the clock right: nothing can be logged at this time",
        );
    }
    Check::ok(KEYS, found)
}
