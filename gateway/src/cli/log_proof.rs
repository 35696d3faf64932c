//! `gateway log prove`, `consistency` and `key`: what somebody needs who checks a receipt without
//! this program.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::report::print_json;
use super::{CliError, ConsistencyArgs, Format, open_store};
use crate::audit::{
    AnswerId, Hash, LogEntry, LogHead, Tiles, TreeHead, find_request, leaf_hash,
    verify_consistency, verify_inclusion,
};
use crate::clock::Random;
use crate::config::Config;
use crate::store::{KeyFolder, Store};

/// Where an entry stands.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// At this index of this log.
    Place { log: String, index: u64 },
    /// Wherever the entry of this answer is.
    Answer(AnswerId),
}

pub(super) async fn prove(config: &Config, id: &str, format: Format) -> Result<(), CliError> {
    let asked = read_id(id, &config.log.name).ok_or_else(|| {
        CliError::Usage(format!(
            "{id:?} is neither an answer's id (ver_ and 32 hexadecimal digits, of a batch - and the \
             item) nor LOG/INDEX nor an index"
        ))
    })?;
    let store = open_store(config).await?;
    let tiles = Tiles::new(store.clone());
    let (head, index) = find(&store, &tiles, asked).await?;
    let (log, size) = (head.log.as_str(), head.checkpoint.size);
    let dropped = || CliError::Failed(format!("entry {index} of log {log} was dropped"));
    let read = tiles.entries(log, index, 1).await?.and_then(|mut read| read.pop());
    let bytes = read.ok_or_else(dropped)?;
    let leaf = leaf_hash(&bytes);
    let proof = tiles.inclusion(log, index, size).await?;
    let hashes = proof.ok_or_else(|| no_entry(&head, index))?;
    if !verify_inclusion(&leaf, index, size, &hashes, &head.checkpoint.root) {
        return Err(CliError::Failed(format!(
            "entry {index} of log {log} does not lead to the root that its checkpoint signs; run \
             gateway log verify"
        )));
    }
    let entry = LogEntry::decode(&bytes).map_err(|error| CliError::Failed(error.to_string()))?;
    let proven = Proven { index, leaf, entry, hashes, key: verifier_key(config, &head)? };
    print_proven(&proven, &head, format)
}

pub(super) async fn consistency(
    config: &Config,
    args: &ConsistencyArgs,
    format: Format,
) -> Result<(), CliError> {
    let tiles = Tiles::new(open_store(config).await?);
    let log = args.log.as_deref().unwrap_or(&config.log.name);
    let head = tiles.head(log).await?.ok_or_else(|| no_log(log))?;
    let (from, to) = (args.from, args.to.unwrap_or(head.checkpoint.size));
    if from > to || to > head.checkpoint.size {
        let size = head.checkpoint.size;
        return Err(CliError::Usage(format!(
            "log {log} has {size} entries, and FROM lies before TO"
        )));
    }
    let earlier = TreeHead { size: from, root: tiles.root(log, from).await? };
    let later = TreeHead { size: to, root: tiles.root(log, to).await? };
    let hashes = tiles.consistency(log, from, to).await?.unwrap_or_default();
    let is_signed = to != head.checkpoint.size || later.root == head.checkpoint.root;
    if !is_signed || !verify_consistency(&earlier, &later, &hashes) {
        return Err(CliError::Failed(format!(
            "the tree of log {log} contradicts itself; run gateway log verify"
        )));
    }
    match format {
        Format::Json => print_json(&json!({
            "log": log,
            "from": { "tree_size": from, "root": STANDARD.encode(earlier.root) },
            "to": { "tree_size": to, "root": STANDARD.encode(later.root) },
            "hashes": encode(&hashes),
        }))?,
        Format::Csv => {
            println!("log,from,from_root,to,to_root,hashes");
            let roots = [earlier.root, later.root].map(|root| STANDARD.encode(root));
            println!("{log},{from},{},{to},{},{}", roots[0], roots[1], encode(&hashes).join(" "));
        }
        Format::Table => {
            println!("log {log}");
            println!("root of {from} entries: {}", STANDARD.encode(earlier.root));
            println!("root of {to} entries: {}", STANDARD.encode(later.root));
            println!("proof (RFC 6962, section 2.1.2), verified:");
            print_hashes(&hashes);
        }
    }
    Ok(())
}

pub(super) async fn key(config: &Config, format: Format) -> Result<(), CliError> {
    let heads = Tiles::new(open_store(config).await?).heads().await?;
    let mut keys = Vec::new();
    for head in &heads {
        keys.push((head.log.as_str(), verifier_key(config, head)?));
    }
    if keys.iter().all(|(_, key)| key.is_none()) {
        let folder = config.keys.folder.display();
        return Err(CliError::Failed(format!("the key folder {folder} holds the key of no log")));
    }
    match format {
        Format::Table => {
            for (log, key) in keys {
                match key {
                    Some(key) => println!("{key}"),
                    None => eprintln!("gateway: the key of log {log} is not in the key folder"),
                }
            }
        }
        Format::Csv => {
            println!("log,verifier_key");
            for (log, key) in keys {
                println!("{log},{}", key.as_deref().unwrap_or(""));
            }
        }
        Format::Json => {
            let logs = keys.iter().map(|(log, key)| json!({ "log": log, "verifier_key": key }));
            print_json(&json!({ "logs": logs.collect::<Vec<_>>() }))?;
        }
    }
    Ok(())
}

fn read_id(id: &str, own_log: &str) -> Option<Asked> {
    if let Some(id) = AnswerId::parse(id) {
        return Some(Asked::Answer(id));
    }
    let (log, index) = id.split_once('/').unwrap_or((own_log, id));
    Some(Asked::Place { log: log.to_owned(), index: index.parse().ok()? })
}

async fn find(store: &Store, tiles: &Tiles, asked: Asked) -> Result<(LogHead, u64), CliError> {
    match asked {
        Asked::Place { log, index } => {
            let head = tiles.head(&log).await?.ok_or_else(|| no_log(&log))?;
            if index < head.checkpoint.size {
                return Ok((head, index));
            }
            Err(no_entry(&head, index))
        }
        Asked::Answer(id) => {
            for head in tiles.heads().await? {
                let size = head.checkpoint.size;
                if let Some(index) = find_request(store, &head.log, size, id).await? {
                    return Ok((head, index));
                }
            }
            Err(CliError::Failed(format!("no log of this database holds an entry of request {id}")))
        }
    }
}

fn no_log(log: &str) -> CliError {
    CliError::Failed(format!("the database holds no log {log}"))
}

fn no_entry(head: &LogHead, index: u64) -> CliError {
    let LogHead { log, checkpoint, .. } = head;
    CliError::Failed(format!("log {log} has {} entries and no entry {index}", checkpoint.size))
}

/// The key that verifies the checkpoint of a log, if it is in the key folder.
fn verifier_key(config: &Config, head: &LogHead) -> Result<Option<String>, CliError> {
    // A folder that is not there is not made by reading.
    if !config.keys.folder.is_dir() {
        return Ok(None);
    }
    let keys = KeyFolder::open(&config.keys.folder, Random::system())
        .map_err(|error| CliError::Failed(error.to_string()))?;
    head.verifier_key(&keys).map_err(|error| {
        CliError::Failed(format!("log {}, its checkpoint and its key: {error}", head.log))
    })
}

/// An entry with what proves it.
struct Proven {
    index: u64,
    leaf: Hash,
    entry: LogEntry,
    hashes: Vec<Hash>,
    key: Option<String>,
}

fn print_proven(proven: &Proven, head: &LogHead, format: Format) -> Result<(), CliError> {
    let Proven { index, leaf, entry, hashes, key } = proven;
    let LogHead { log, checkpoint, note } = head;
    let (leaf, root) = (STANDARD.encode(leaf), STANDARD.encode(checkpoint.root));
    match format {
        Format::Json => print_json(&json!({
            "log": log,
            "index": index,
            "kind": entry.kind().name(),
            "time": entry.at().to_string(),
            "request_id": entry.request_id().to_string(),
            "leaf": leaf,
            "proof": { "tree_size": checkpoint.size, "hashes": encode(hashes) },
            "root": root,
            "checkpoint": note,
            "verifier_key": key,
        }))?,
        Format::Csv => {
            println!("log,index,leaf,tree_size,root,hashes");
            let (size, hashes) = (checkpoint.size, encode(hashes).join(" "));
            println!("{log},{index},{leaf},{size},{root},{hashes}");
        }
        Format::Table => {
            let (kind, at) = (entry.kind().name(), entry.at());
            println!("entry {index} of log {log}: {kind} of {at}, request {}", entry.request_id());
            println!("leaf {leaf}");
            println!("proof (RFC 6962, section 2.1.1), from the leaf to the root, verified:");
            print_hashes(hashes);
            println!("checkpoint of {} entries:\n\n{note}", checkpoint.size);
            match key {
                Some(key) => println!("verifier key, under which its signature is good:\n{key}"),
                None => println!(
                    "its signature was not verified: the key of log {log} is not in the key folder"
                ),
            }
        }
    }
    Ok(())
}

fn encode(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

fn print_hashes(hashes: &[Hash]) {
    for hash in encode(hashes) {
        println!("    {hash}");
    }
    if hashes.is_empty() {
        println!("    (no hash is needed)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_an_answer_or_a_place() {
        let place = |log: &str, index| Some(Asked::Place { log: log.into(), index });
        assert_eq!(read_id("7", "n1"), place("n1", 7));
        assert_eq!(read_id("n2/18231", "n1"), place("n2", 18_231));
        let digits = "0193a1b2c3d47e5f8a9b0c1d2e3f4a5b";
        let request = AnswerId::parse(digits).map(Asked::Answer);
        assert!(request.is_some());
        assert_eq!(read_id(digits, "n1"), request);
        assert_eq!(read_id(&format!("ver_{digits}"), "n1"), request);
        let item = AnswerId::parse(&format!("{digits}-7")).map(Asked::Answer);
        assert!(item.is_some() && item != request);
        assert_eq!(read_id(&format!("ver_{digits}-7"), "n1"), item);
        for text in ["", "n1/", "/", "ver_", "n1/x", "-1", &digits[1..]] {
            assert_eq!(read_id(text, "n1"), None, "{text}");
        }
    }
}
