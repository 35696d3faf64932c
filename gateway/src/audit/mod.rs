//! What was decided, provably: entries, the tree over them, the writer that makes them durable.
//!
//! No answer leaves without a [`Receipt`], and only the writer makes one, after the commit.

mod checkpoint;
mod counted;
mod counters;
mod cube;
mod digest;
mod dropped;
mod entry;
mod field;
mod published;
mod head;
mod keys_in_flight;
mod known_keys;
mod listing;
mod metered;
mod proof;
mod quarter;
mod read_entry;
mod reader;
mod recount;
mod recovery;
mod retention;
mod search;
mod sums;
mod tiles;
mod tree;
mod verify;
mod writer;

pub use checkpoint::{
    Checkpoint, CheckpointError, CheckpointSigner, CheckpointVerifier, VerifierKeyError,
};
pub use counted::counted;
pub use counters::Counts;
pub use cube::{Cube, Grain};
pub use digest::{Digests, Linked, Pseudonym, QuarterNotReady, ShortDigest};
pub use entry::{
    Act, AnswerId, Decided, Dispute, DisputeState, Entry, EntryError, EventText, FailedGuess, Kind,
    LogEntry, RequestId, RequestIds, Subject, Totals, VERSION, tag,
};
pub use head::LogHead;
pub use keys_in_flight::KeysInFlight;
pub use known_keys::{KnownKeyError, check_known_keys, find_lost_key, make_keys_known};
pub use listing::{Listed, Listing};
pub use metered::{is_charged, is_charged_attribute, metered};
pub use proof::{
    Subtree, TilePlace, TreeHead, consistency, inclusion, verify_consistency, verify_inclusion,
};
pub use published::{Loss, PublishError, Publisher, find_loss};
pub use quarter::Quarter;
pub use read_entry::read_entry;
pub use recount::{Recount, recount};
pub use recovery::{OpenError, check_tail, last_entry_at, split_bundle};
pub use retention::{Droppable, RetentionError, drop_days, droppable};
pub use search::{find_request, first_index_after, times_of_request};
pub use sums::Sums;
pub use tiles::{Tiles, TilesError};
pub use tree::{Frontier, FullTile, Hash, TILE_WIDTH, leaf_hash, node_hash, tile_root};
pub use verify::{
    BundleFault, Check, EntryFault, Progress, TileFault, Verification, VerifyError, verifier_of,
    verify, verify_log,
};
pub use writer::{
    AuditLog, IdempotencyKey, KEY_HELD_US, LogUnavailable, NotRecorded, Receipt, ReceiptRange,
    Reserved, Together, log_signer,
};
