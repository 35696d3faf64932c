//! The auditor's check: the entries of a log, or of a range of it, against its tiles, and these
//! against its signed checkpoint.
//!
//! It goes from the signature down. The right edge of the tree must make the signed root; every
//! tile must have the root that the tile above it says; every entry must have the hash that its
//! tile says. So what is found to be wrong is what was changed, and not something beside it.
//! Whether the counters agree with the entries is for the recount.

mod branches;
mod chunk;
mod edge;
mod fault;

use std::collections::VecDeque;
use std::ops::Range;

pub use fault::{BundleFault, EntryFault, TileFault, VerifyError};

use super::checkpoint::CheckpointVerifier;
use super::dropped::dropped_days;
use super::entry::LogEntry;
use super::reader::{Bundle, BundleReader};
use super::recovery::OpenError;
use super::tree::{self, Hash};
use super::writer::{key_name, open_signer};
use crate::config::LogConfig;
use crate::store::{KeyFolder, LogExtent, Store};
use branches::Branches;
use chunk::{CHUNK_ENTRIES, Checked, Chunks};
use edge::read_edge;

/// What is to be verified of a log, and how.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// Entries to be read; all of them where it is not given. The entries after the last full
    /// tile are always read: without them there is no root.
    pub range: Option<Range<u64>>,
    /// Chunks of entries hashed at once, each on a thread of its own; at least one.
    pub jobs: usize,
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries behind it.
    pub done: u64,
    /// Entries in all.
    pub all: u64,
}

/// What a verification found to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Name of the log.
    pub log: String,
    /// Number of entries in the log.
    pub entries: u64,
    /// Number of entries that were read and hashed; less where a range was asked for or entries
    /// were dropped.
    pub read: u64,
    /// Full tiles compared.
    pub tiles: u64,
    /// Root of the tree, which the checkpoint signs.
    pub root: Hash,
    /// Chunks that were hashed at once.
    pub jobs: usize,
}

/// Verifies the whole of one log against its signed checkpoint.
pub async fn verify_log(
    store: &Store,
    keys: &KeyFolder,
    config: &LogConfig,
) -> Result<Verification, VerifyError> {
    let verifier = verifier_of(keys, config)?;
    verify(store, &verifier, &config.name, &Check::default(), &mut |_| {}).await
}

/// What verifies the checkpoints of a log, from its key in the key folder. A key that is lost is
/// not made anew: the log could never be verified again.
pub fn verifier_of(keys: &KeyFolder, config: &LogConfig) -> Result<CheckpointVerifier, OpenError> {
    let signer = open_signer(&keys.load(&key_name(config))?, config)?;
    Ok(signer.verifier().clone())
}

/// Verifies a log as `check` says, and tells `progress` after every chunk.
pub async fn verify(
    store: &Store,
    verifier: &CheckpointVerifier,
    log: &str,
    check: &Check,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Verification, VerifyError> {
    // Asked before the checkpoint is read: a gateway that runs meanwhile adds rows after the end, and
    // drops days at the beginning.
    let extent = store.log_extent(log).await?;
    let signed = Signed::read(store, verifier, log, &extent).await?;
    signed.check_extent(&extent)?;
    let all = 0..signed.size;
    let range = check.range.clone().unwrap_or(all);
    if range.end > signed.size || (range.is_empty() && check.range.is_some()) {
        return Err(VerifyError::Range { log: log.into(), entries: signed.size });
    }
    let verified = verify_tree(store, &signed, check, range, progress).await;
    if verified.as_ref().is_err_and(VerifyError::is_about_bundles) {
        // A reader that begins in the middle, as that of the edge does, takes what it finds there
        // for what should be there. A bundle out of place is the cause then, and is named.
        match check_places(store, &signed).await {
            // A tile that is wrong makes the proof of a day's totals wrong, too.
            Ok(()) | Err(VerifyError::Dropped { .. }) => {}
            Err(place) => return Err(place),
        }
    }
    let verified = verified?;
    // A day that was not dropped as far as the log knows is a fault, although its bundles are there.
    // Asked last, when the tiles with which its totals are proved are in order.
    dropped_days(store, log).await?;
    Ok(verified)
}

async fn verify_tree(
    store: &Store,
    signed: &Signed<'_>,
    check: &Check,
    range: Range<u64>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Verification, VerifyError> {
    let edge = read_edge(store, signed).await?;
    let tail_from = signed.tail_from();
    let below_tiles = range.start.min(tail_from)..range.end.min(tail_from);
    let all = below_tiles.end - below_tiles.start;
    let (from, log) = (below_tiles.start, signed.log);
    let reader = BundleReader::new(store, log, from, signed.size);
    let branches = Branches::new(store, signed, &edge);
    let mut chunks = Chunks::new(store, signed, reader, branches, below_tiles);
    // A small log is not worth a thread.
    let jobs = if all <= CHUNK_ENTRIES { 0 } else { check.jobs.max(1) };
    let checked = check_chunks(&mut chunks, jobs, |done| progress(Progress { done, all })).await?;
    Ok(Verification {
        log: log.into(),
        entries: signed.size,
        read: checked.read + (signed.size - tail_from),
        tiles: checked.tiles + chunks.branches_compared(),
        root: signed.root,
        jobs: jobs.max(1),
    })
}

/// Every bundle is in its place, from the first one on.
async fn check_places(store: &Store, signed: &Signed<'_>) -> Result<(), VerifyError> {
    let mut reader = BundleReader::new(store, signed.log, 0, signed.size);
    while let Some(bundle) = reader.next().await? {
        signed.check_bundle(&bundle)?;
    }
    Ok(())
}

/// Checks all chunks, up to `jobs` at once beside the reading; on the spot where that is 0.
async fn check_chunks(
    chunks: &mut Chunks<'_>,
    jobs: usize,
    mut progress: impl FnMut(u64),
) -> Result<Checked, VerifyError> {
    let mut sum = Checked::default();
    let mut running = VecDeque::with_capacity(jobs);
    loop {
        let next = chunks.next().await?;
        let is_last = next.is_none();
        if let Some(chunk) = next {
            if jobs == 0 {
                sum.add(chunk.check()?);
                continue;
            }
            // Bounds what is in memory: as many chunks as are being hashed, and one being read.
            if running.len() == jobs {
                sum.add(finished(running.pop_front()).await?);
                progress(sum.entries);
            }
            running.push_back(tokio::task::spawn_blocking(move || chunk.check()));
        }
        if is_last {
            break;
        }
    }
    while !running.is_empty() {
        sum.add(finished(running.pop_front()).await?);
        progress(sum.entries);
    }
    Ok(sum)
}

async fn finished(
    task: Option<tokio::task::JoinHandle<Result<Checked, VerifyError>>>,
) -> Result<Checked, VerifyError> {
    match task {
        Some(task) => task.await.expect("a check neither panics nor is cancelled"),
        None => Ok(Checked::default()),
    }
}

impl Checked {
    fn add(&mut self, more: Self) {
        self.entries += more.entries;
        self.read += more.read;
        self.tiles += more.tiles;
    }
}

/// What the checkpoint of a log says, after its signature was verified.
struct Signed<'a> {
    log: &'a str,
    size: u64,
    root: Hash,
    counted_size: u64,
    /// First index of the last bundle that was stored before the checkpoint was read.
    last_bundle: Option<i64>,
}

impl<'a> Signed<'a> {
    async fn read(
        store: &Store,
        verifier: &CheckpointVerifier,
        log: &'a str,
        extent: &LogExtent,
    ) -> Result<Self, VerifyError> {
        let Some(row) = store.checkpoint(log).await? else {
            let (log, is_gone) = (log.into(), extent.bundles.is_none() && extent.tiles.is_empty());
            if is_gone {
                return Err(VerifyError::NoSuchLog { log });
            }
            return Err(VerifyError::NoCheckpoint { log });
        };
        let checkpoint = verifier
            .verify_stored(&row.note)
            .map_err(|source| OpenError::Checkpoint { log: log.into(), source })?;
        let (size, root) = (checkpoint.size, checkpoint.root);
        let wrong = |column, found, fault| {
            let log = log.into();
            VerifyError::Checkpoint { log, column, found, fault }
        };
        if i64::try_from(size) != Ok(row.tree_size) {
            return Err(wrong("tree_size", row.tree_size, "the note signs another size"));
        }
        let counted_size = u64::try_from(row.counted_size).ok().filter(|&counted| counted <= size);
        let counted_size = counted_size.ok_or_else(|| {
            wrong("counted_size", row.counted_size, "the counters cannot cover so many entries")
        })?;
        let last_bundle = extent.bundles.map(|(_, last)| last);
        Ok(Self { log, size, root, counted_size, last_bundle })
    }

    /// Index of the first entry after the last full tile.
    fn tail_from(&self) -> u64 {
        self.size - tree::partial_width(self.size, 0)
    }

    /// Number of full tiles of a level.
    fn full_tiles(&self, level: u8) -> u64 {
        self.size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0)
    }

    /// Nothing lies outside of the tree. Whether it has gaps is found when it is read.
    fn check_extent(&self, extent: &LogExtent) -> Result<(), VerifyError> {
        let size = self.size as i64;
        if let Some((first, last)) = extent.bundles {
            let outside = [first, last].into_iter().find(|index| !(0..size).contains(index));
            if let Some(first_index) = outside {
                return Err(bundle_fault(self.log, first_index, BundleFault::Beyond));
            }
        }
        for &(level, first, last) in &extent.tiles {
            let count = u8::try_from(level).map_or(0, |level| self.full_tiles(level)) as i64;
            let outside = [first, last].into_iter().find(|index| !(0..count).contains(index));
            if let Some(tile_index) = outside {
                let (log, fault) = (self.log.into(), TileFault::LeftOver);
                return Err(VerifyError::Tile { log, level, tile_index, fault });
            }
        }
        Ok(())
    }

    /// The counters cover whole bundles, and after the last one there is none: a reader that has
    /// come to the end would not see it.
    fn check_bundle(&self, bundle: &Bundle) -> Result<(), VerifyError> {
        if bundle.until == self.size && self.last_bundle > Some(bundle.first_index as i64) {
            let last = self.last_bundle.unwrap_or_default();
            return Err(bundle_fault(self.log, last, BundleFault::Overlap));
        }
        if bundle.first_index < self.counted_size && self.counted_size < bundle.until {
            return Err(VerifyError::Checkpoint {
                log: self.log.into(),
                column: "counted_size",
                found: self.counted_size as i64,
                fault: "no bundle ends there",
            });
        }
        Ok(())
    }
}

fn bundle_fault(log: &str, first_index: i64, fault: BundleFault) -> VerifyError {
    VerifyError::Bundle { log: log.into(), first_index, fault }
}

/// An entry must be one that this program can read, or nobody knows what it says.
fn read_entry(log: &str, bundle: &Bundle, index: u64, bytes: &[u8]) -> Result<(), VerifyError> {
    LogEntry::decode(bytes).map(drop).map_err(|error| entry_fault(log, bundle, index, error.into()))
}

fn entry_fault(log: &str, bundle: &Bundle, index: u64, fault: EntryFault) -> VerifyError {
    VerifyError::Entry { log: log.into(), index, first_index: bundle.first_index, fault }
}
