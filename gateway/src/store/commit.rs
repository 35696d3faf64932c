//! What a commit of the log writes, and how it may end.

use sqlx::FromRow;

use super::{JobChunkRow, TileRow};
use crate::hex::hex;

/// Everything that is appended before the checkpoint is signed.
#[derive(Debug)]
pub struct Append<'a> {
    /// Name of the log.
    pub log: &'a str,
    /// Size of the tree this commit stands on.
    pub size_before: i64,
    /// Number of entries.
    pub entries_count: i64,
    /// Vietnamese day of the latest entry, in days since 1970; never below that of a bundle before.
    pub day: i64,
    /// The entries, length-prefixed.
    pub entries: &'a [u8],
    /// Tiles that became full.
    pub tiles: &'a [TileRow],
    /// What to add to the counters: a JSON object of key and number.
    pub counters: &'a str,
    /// Idempotency keys of entries among these.
    pub keys: &'a [KeyRow],
    /// Keys held since before this time are free again, in microseconds since 1970.
    pub keys_after_us: i64,
    /// Chunks of jobs whose entries are among these.
    pub chunks: &'a [JobChunkRow],
}

/// An idempotency key that leads to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Whose key.
    pub client_id: String,
    /// Keyed digest of the key.
    pub key_digest: [u8; 16],
    /// Index of the entry.
    pub entry_index: i64,
    /// Keyed digest of the request.
    pub body_digest: [u8; 16],
    /// When.
    pub created_us: i64,
}

/// An idempotency key that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, FromRow)]
pub struct HeldKey {
    /// Whose key.
    pub client_id: String,
    /// Keyed digest of the key.
    pub key_digest: Vec<u8>,
}

/// What the database gave back of an append, before it was committed.
#[derive(Debug, Default)]
pub struct ReadBack {
    /// The bundle.
    pub entries: Vec<u8>,
    /// The tiles, in any order.
    pub tiles: Vec<TileRow>,
}

/// How a commit ended if it did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommitFailure {
    /// Nothing was written; the next commit may succeed (a full disk, a busy database, a lost
    /// connection).
    #[error("nothing was written")]
    NotWritten(#[source] sqlx::Error),
    /// Nothing was written, because another request holds an idempotency key of the batch.
    #[error("nothing was written: an idempotency key is taken")]
    KeyTaken,
    /// Nothing was written, because a chunk of a job in it stands already: somebody else goes on with
    /// that job.
    #[error("nothing was written: a chunk of a job stands already")]
    ChunkTaken,
    /// Somebody else wrote to this log. Going on would fork the tree.
    #[error("the log was written by somebody else")]
    OvertakenBySecondWriter,
    /// The database gave back something else than was written. Nothing was committed, and nothing
    /// that passes through this process can be trusted any more.
    #[error("what was read back is not what was written")]
    ReadBack,
    /// The connection was lost during the commit, and the server does not say yet how it ended.
    #[error("nobody knows yet whether it was written")]
    Unsettled(#[source] sqlx::Error),
    /// Nothing was written, because it is not known yet how the commit before it ended.
    #[error("nothing was written: the commit before it is not settled")]
    BehindUnsettled,
    /// The commit itself failed: the entries may or may not be on disk.
    #[error("whether the entries are on disk is unknown")]
    Unknown(#[source] sqlx::Error),
}

impl Append<'_> {
    /// The places of the tiles as a JSON array of level and index.
    pub(super) fn tile_places(&self) -> String {
        let places: Vec<String> =
            self.tiles.iter().map(|tile| format!("[{},{}]", tile.level, tile.tile_index)).collect();
        format!("[{}]", places.join(","))
    }

    /// The hashes of all tiles, one after the other.
    pub(super) fn tile_hashes(&self) -> Vec<u8> {
        self.tiles.iter().flat_map(|tile| &tile.hashes).copied().collect()
    }

    /// The keys as a JSON array of arrays: client, key digest, entry index, body digest, time.
    pub(super) fn keys_json(&self) -> String {
        keys_json(self.keys)
    }
}

/// Keys as a JSON array of arrays.
pub(super) fn keys_json(keys: &[KeyRow]) -> String {
    let keys: Vec<String> = keys.iter().map(KeyRow::to_json).collect();
    format!("[{}]", keys.join(","))
}

impl KeyRow {
    /// An identifier of a client holds nothing that JSON would escape.
    fn to_json(&self) -> String {
        let Self { client_id, key_digest, entry_index, body_digest, created_us } = self;
        let (key, body) = (hex(key_digest), hex(body_digest));
        format!(r#"["{client_id}","{key}",{entry_index},"{body}",{created_us}]"#)
    }
}
