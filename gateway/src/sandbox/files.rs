//! The files in `./sandbox-data`.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::clients::CLIENTS;
use crate::auth::generate_secret;
use crate::cli::CliError;
use crate::clock::Random;

const LOCK: &str = "sandbox.lock";

/// Makes the folder, empties it first if it is to begin anew, and holds it for this process.
pub(super) fn prepare(folder: &Path, fresh: bool) -> Result<File, CliError> {
    let refuse = || CliError::io(format!("the folder {} cannot be used", folder.display()));
    fs::create_dir_all(folder).map_err(refuse())?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .map_err(refuse())?;
    lock.try_lock().map_err(|_| {
        CliError::Failed(format!("another sandbox is using the folder {}", folder.display()))
    })?;
    if fresh {
        empty(folder).map_err(refuse())?;
    }
    fs::create_dir_all(folder.join("population")).map_err(refuse())?;
    Ok(lock)
}

/// Deletes what the folder holds but the lock, which is held.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != LOCK {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The bearer key of the population database, made on first use.
pub(super) fn population_key(folder: &Path, random: &Random) -> Result<String, CliError> {
    let path = folder.join("population").join("api-key");
    if let Ok(key) = fs::read_to_string(&path) {
        return Ok(key.trim().to_owned());
    }
    let key = generate_secret(random);
    write_whole(&path, format!("{key}\n").as_bytes(), 0o600)?;
    Ok(key)
}

/// Where a node of the sandbox is and what it shares with the others.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its number, from 0.
    pub(super) number: u16,
    /// Its API.
    pub(super) api: SocketAddr,
    /// Its admin listener.
    pub(super) admin: SocketAddr,
    /// The population database.
    pub(super) population: SocketAddr,
    /// Under which all nodes are reached, as far as tokens are concerned.
    pub(super) issuer: SocketAddr,
    /// Redis in which limits are shared, and by how many nodes.
    pub(super) redis: Option<(String, u16)>,
}

impl Place {
    /// Where the node keeps its database; the first where commands look for it.
    pub(super) fn folder(&self, sandbox: &Path) -> PathBuf {
        match self.number {
            0 => sandbox.to_owned(),
            number => sandbox.join(format!("node-{number}")),
        }
    }

    /// The configuration with which every other command works on the node's data. Keys are shared, so
    /// that a token of one node is good at all.
    pub(super) fn write_config(&self, sandbox: &Path) -> Result<(), CliError> {
        let Self { number, api, admin, population, issuer, redis } = self;
        let folder = self.folder(sandbox);
        fs::create_dir_all(&folder)
            .map_err(CliError::io(format!("the folder {} cannot be made", folder.display())))?;
        let up = if *number == 0 { "" } else { "../" };
        let limits = redis.as_ref().map(|(url, nodes)| {
            let url = toml_text(url);
            format!("\n[limits]\nredis_url = {url}\nnodes = {nodes}\n")
        });
        let (name, limits) = (number + 1, limits.unwrap_or_default());
        let text = format!(
            "# Written by `gateway sandbox` at every start; changes here are lost.\n\
             [server]\nlisten = \"{api}\"\nadmin_listen = \"{admin}\"\n\
             public_url = \"http://{issuer}\"\n\n\
             [store]\npath = \"gateway.sqlite\"\n\n\
             [keys]\nfolder = \"{up}keys\"\n\n\
             [population]\nurl = \"http://{population}\"\n\
             api_key_file = \"{up}population/api-key\"\n\n\
             [log]\nname = \"n{name}\"\norigin = \"sandbox.invalid/log\"\n{limits}"
        );
        // The URL may hold a password.
        write_whole(&folder.join("gateway.toml"), text.as_bytes(), 0o600)
    }
}

/// A basic string of TOML.
fn toml_text(text: &str) -> String {
    // JSON's strings are among TOML's.
    serde_json::Value::from(text).to_string()
}

/// `clients.json`: who can call, with what secret, for what.
pub(super) fn write_clients(folder: &Path, secrets: &[String]) -> Result<(), CliError> {
    let clients: Vec<_> = CLIENTS
        .iter()
        .zip(secrets)
        .map(|(client, secret)| {
            json!({
                "client_id": client.client_id.as_str(),
                "client_secret": secret,
                "name": client.name_vi,
                "name_en": client.name_en,
                "agency_code": client.agency_code.as_str(),
                "successor_agency_code": client.successor_agency_code(),
                "kind": client.kind.name(),
                "connected_at": client.connected_at,
                "operations": client.policy.operations.iter().map(|o| o.name()).collect::<Vec<_>>(),
                "purposes": client.policy.purposes,
                "rate": client.policy.rate,
                "burst": client.policy.burst,
            })
        })
        .collect();
    let mut text =
        serde_json::to_vec_pretty(&clients).map_err(|error| CliError::Failed(error.to_string()))?;
    text.push(b'\n');
    write_whole(&folder.join("clients.json"), &text, 0o600)
}

/// The secrets of all clients in their order, if `clients.json` holds them.
pub(super) fn read_secrets(folder: &Path) -> Option<Vec<String>> {
    let text = fs::read(folder.join("clients.json")).ok()?;
    let written: Vec<serde_json::Value> = serde_json::from_slice(&text).ok()?;
    let secrets: HashMap<&str, &str> = written
        .iter()
        .filter_map(|client| {
            Some((client["client_id"].as_str()?, client["client_secret"].as_str()?))
        })
        .collect();
    CLIENTS
        .iter()
        .map(|client| secrets.get(client.client_id.as_str()).map(|secret| (*secret).to_owned()))
        .collect()
}

/// Writes a file whole or not at all: under another name, to disk, then renamed. If we die in
/// between, the reader sees the file as it was before.
pub(super) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> Result<(), CliError> {
    let refuse = || CliError::io(format!("the file {} cannot be written", path.display()));
    let temporary = path.with_extension("part");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(mode)
        .open(&temporary)
        .map_err(refuse())?;
    file.write_all(bytes).map_err(refuse())?;
    file.sync_all().map_err(refuse())?;
    fs::rename(&temporary, path).map_err(refuse())
}
