//! What is wrong with a log, and where exactly.

use crate::audit::entry::EntryError;
use crate::audit::recovery::OpenError;
use crate::store::StoreError;

/// What is wrong with a log, and where.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key or the signed note.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no log of this name.
    #[error("there is no log {log}")]
    NoSuchLog {
        /// The name.
        log: String,
    },
    /// There are rows of a log, but it has no checkpoint.
    #[error("log {log}: its checkpoint is missing")]
    NoCheckpoint {
        /// The log.
        log: String,
    },
    /// The range asked for is empty or reaches beyond the log.
    #[error("log {log} has {entries} entries, and the range does not lie among them")]
    Range {
        /// The log.
        log: String,
        /// Its size.
        entries: u64,
    },
    /// A number beside the signed note is wrong.
    #[error("log {log}: {column} of the checkpoint is {found}: {fault}")]
    Checkpoint {
        /// The log.
        log: String,
        /// The column of `log_checkpoints`.
        column: &'static str,
        /// What it holds.
        found: i64,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A bundle is damaged, missing or out of place.
    #[error("log {log}: the bundle at entry {first_index} {fault}")]
    Bundle {
        /// The log.
        log: String,
        /// Index of its first entry.
        first_index: i64,
        /// What is wrong with it.
        fault: BundleFault,
    },
    /// An entry cannot be read, or is not the one that the tree holds.
    #[error("log {log}: entry {index}, in the bundle at entry {first_index}")]
    Entry {
        /// The log.
        log: String,
        /// Index of the entry.
        index: u64,
        /// Index of the first entry of its bundle.
        first_index: u64,
        /// What is wrong with it.
        #[source]
        fault: EntryFault,
    },
    /// A tile is damaged, missing or left over.
    #[error("log {log}: tile {tile_index} of level {level} {fault}")]
    Tile {
        /// The log.
        log: String,
        /// Level.
        level: i64,
        /// Index within the level.
        tile_index: i64,
        /// What is wrong with it.
        fault: TileFault,
    },
    /// The entries after the last full tile do not complete the signed tree. No tile holds their
    /// hashes yet, so that none of them can be told from the others; nor can a full tile there
    /// whose entries were dropped.
    #[error(
        "log {log}: what is stored from entry {from} on does not make the tree of {entries} \
         entries that the checkpoint signs, and nothing tells which of it is wrong"
    )]
    Root {
        /// The log.
        log: String,
        /// Index of the first entry of which that is to be said.
        from: u64,
        /// Number of entries.
        entries: u64,
    },
}

impl VerifyError {
    /// Whether a bundle, or what was read from one, is at fault.
    pub(super) fn is_about_bundles(&self) -> bool {
        match self {
            Self::Bundle { .. } | Self::Entry { .. } | Self::Root { .. } => true,
            Self::Store(_)
            | Self::Open(_)
            | Self::NoSuchLog { .. }
            | Self::NoCheckpoint { .. }
            | Self::Range { .. }
            | Self::Checkpoint { .. }
            | Self::Tile { .. } => false,
        }
    }
}

/// What is wrong with a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// No bundle begins there, and the one before has ended.
    #[error("is missing")]
    Missing,
    /// It begins before the one before it has ended.
    #[error("lies over the one before it")]
    Overlap,
    /// It lies, wholly or in part, after the last signed entry.
    #[error("reaches beyond the checkpoint")]
    Beyond,
    /// Its bytes are not entries, each after its length.
    #[error("does not split into entries")]
    Form,
    /// Its row says another day than that of its latest entry.
    #[error("has another day than its entries")]
    Day,
    /// It holds another number of entries than its row says.
    #[error("does not hold as many entries as its row says")]
    Count,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] EntryError),
    /// Its leaf hash is not the one in the tree that is signed.
    #[error("its hash is not the one in tile {tile_index} of level 0")]
    Hash {
        /// The tile.
        tile_index: u64,
    },
}

/// What is wrong with a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileFault {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// The tree has no full tile there.
    #[error("is left over")]
    LeftOver,
    /// It does not hold 256 hashes.
    #[error("does not hold 256 hashes")]
    Form,
    /// Its hashes do not make the tree that is signed.
    #[error("does not hold the hashes that are signed")]
    Hashes,
}
