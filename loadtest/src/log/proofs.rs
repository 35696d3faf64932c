//! How long it takes to prove that an entry is in the log, and to check the proof.

use std::time::Instant;

use anyhow::{Context, ensure};
use gateway::audit::{Tiles, leaf_hash, verify_inclusion};
use gateway::store::Store;

use crate::chance::Chance;
use crate::stats::median;

/// Entries that are proven, all over the log.
const PROOFS: u64 = 101;
/// Those of them that are proven as a process's first.
const FIRST_PROOFS: u64 = 21;

/// Milliseconds a proof took, medians: in a process that has made one before, as a gateway has, and
/// in one that knows nothing of the tree yet, as a command does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proofs {
    pub(super) median_ms: f64,
    pub(super) first_ms: f64,
}

pub(super) async fn measure(store: &Store, log: &str) -> anyhow::Result<Proofs> {
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for case in 0..FIRST_PROOFS {
        first.push(prove(&Tiles::new(store.clone()), log, case).await?);
    }
    let tiles = Tiles::new(store.clone());
    prove(&tiles, log, PROOFS).await?;
    for case in 0..PROOFS {
        others.push(prove(&tiles, log, case).await?);
    }
    let of = |times| median(times).unwrap_or_default();
    Ok(Proofs { median_ms: of(others), first_ms: of(first) })
}

/// Proves one entry as `gateway log prove` does: checkpoint, entry, proof, and the check of it.
async fn prove(tiles: &Tiles, log: &str, case: u64) -> anyhow::Result<f64> {
    let started = Instant::now();
    let head = tiles.head(log).await?.context("the log has a checkpoint")?;
    let (size, root) = (head.checkpoint.size, head.checkpoint.root);
    let index = Chance::of(3, case).next() % size.max(1);
    let entry = tiles.entries(log, index, 1).await?.and_then(|mut read| read.pop());
    let leaf = leaf_hash(&entry.with_context(|| format!("entry {index} is there"))?);
    let hashes = tiles.inclusion(log, index, size).await?.context("the proof is there")?;
    ensure!(verify_inclusion(&leaf, index, size, &hashes, &root), "entry {index} is not proven");
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}
