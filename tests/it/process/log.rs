//! The log as it lies on disk, read from outside and compared with what callers were promised.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, ensure};
use gateway::audit::{Entry, LogEntry, leaf_hash};
use gateway::config::Config;
use gateway::matching::Outcome;
use gateway::store::Store;

use super::api::Acknowledged;

/// Bundles read at once.
const BUNDLES_PER_READ: i64 = 64;

/// One entry.
pub(super) struct Logged {
    id: String,
    leaf: Vec<u8>,
    outcome: Option<&'static str>,
}

/// Every entry of the log that the configuration among these data names, in order.
pub(super) async fn read(data: &Path) -> anyhow::Result<Vec<Logged>> {
    let config = Config::load(Some(&data.join("gateway.toml")))?;
    let store = Store::open_existing(&config.store).await?;
    let mut log = Vec::new();
    loop {
        let next = i64::try_from(log.len())?;
        let bundles = store.bundles_from("n1", next, BUNDLES_PER_READ).await?;
        let new: Vec<_> = bundles.iter().filter(|bundle| bundle.first_index >= next).collect();
        if new.is_empty() {
            return Ok(log);
        }
        for bundle in new {
            ensure!(bundle.first_index == i64::try_from(log.len())?, "bundles lie gapless");
            read_bundle(&bundle.entries, &mut log)?;
        }
    }
}

fn read_bundle(mut rest: &[u8], log: &mut Vec<Logged>) -> anyhow::Result<()> {
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (bytes, after) = after.split_at_checked(length).context("a whole entry")?;
        let entry = LogEntry::decode(bytes)?;
        log.push(Logged {
            id: format!("ver_{}", entry.request_id()),
            leaf: leaf_hash(bytes).to_vec(),
            outcome: entry.request().and_then(Entry::outcome).map(Outcome::name),
        });
        rest = after;
    }
    ensure!(rest.is_empty(), "a bundle ends with an entry");
    Ok(())
}

/// Every promise is kept: the entry stands where the receipt says, as it was answered, and no
/// request has two.
pub(super) async fn check_promises(
    data: &Path,
    acknowledged: &[Acknowledged],
) -> anyhow::Result<()> {
    let log = read(data).await?;
    for promise in acknowledged {
        let entry = log.get(promise.index).with_context(|| format!("{promise:?} is missing"))?;
        ensure!(entry.id == promise.id, "{promise:?} is somebody else's entry, {}", entry.id);
        ensure!(entry.leaf == promise.leaf, "{promise:?} has another leaf hash");
        ensure!(
            entry.outcome == Some(&*promise.outcome),
            "{promise:?} is {:?} in the log",
            entry.outcome
        );
    }
    let ids: HashSet<&str> = log.iter().map(|entry| entry.id.as_str()).collect();
    ensure!(ids.len() == log.len(), "{} requests, {} entries", ids.len(), log.len());
    Ok(())
}
