//! How long it takes to prove that an entry is in the log, and to check the proof.

use std::time::Instant;

use anyhow::{Context, ensure};
use gateway::audit::{Tiles, leaf_hash, verify_inclusion};
use gateway::store::Store;

use crate::chance::Chance;
use crate::stats::median;

/// Entries that are proven, all over the log.
const PROOFS: u64 = 101;

/// Milliseconds a proof took, each made as a process's first: nothing is known of the tree yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proofs {
    pub(super) median_ms: f64,
    pub(super) max_ms: f64,
}

pub(super) async fn measure(store: &Store, log: &str) -> anyhow::Result<Proofs> {
    let mut times = Vec::with_capacity(PROOFS as usize);
    for case in 0..PROOFS {
        let drawn = Chance::of(3, case).next();
        let started = Instant::now();
        prove(store, log, drawn).await?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    let max_ms = times.iter().copied().fold(0.0, f64::max);
    Ok(Proofs { median_ms: median(times).unwrap_or_default(), max_ms })
}

/// Proves one entry as `gateway log prove` does: checkpoint, entry, proof, and the check of it.
async fn prove(store: &Store, log: &str, drawn: u64) -> anyhow::Result<()> {
    let tiles = Tiles::new(store.clone());
    let head = tiles.head(log).await?.context("the log has a checkpoint")?;
    let (size, root) = (head.checkpoint.size, head.checkpoint.root);
    let index = drawn % size.max(1);
    let entry = tiles.entries(log, index, 1).await?.and_then(|mut read| read.pop());
    let leaf = leaf_hash(&entry.with_context(|| format!("entry {index} is there"))?);
    let hashes = tiles.inclusion(log, index, size).await?.context("the proof is there")?;
    ensure!(verify_inclusion(&leaf, index, size, &hashes, &root), "entry {index} is not proven");
    Ok(())
}
