//! What waits for a commit: single entries with their callers, and many at once.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::{IdempotencyKey, NotRecorded, Receipt, ReceiptRange, Reserved, Together};
use crate::audit::counters::Counts;
use crate::audit::entry::LogEntry;
use crate::audit::metered::metered;
use crate::audit::tree::{self, Hash};
use crate::clock::Micros;
use crate::rate_limit::{Amount, Charge, Reservation};
use crate::store::{HeldKey, JobChunkRow, KeyRow};

/// What goes to the writer.
pub(super) enum Message {
    Single(Box<Single>),
    Many(Box<Many>),
    Close,
    /// Another gateway writes the log.
    GiveUp,
}

/// One entry and who waits for it.
pub(super) struct Single {
    pub(super) entry: LogEntry,
    bytes: Vec<u8>,
    pub(super) leaf: Hash,
    keys: Vec<IdempotencyKey>,
    /// What it has reserved of limits; given back where it is dropped.
    reserved: Reserved,
    pub(super) reply: oneshot::Sender<Result<Receipt, NotRecorded>>,
}

/// What entries have reserved, and what they take of it if they stand.
pub(super) struct Due {
    charge: Option<Charge>,
    /// With the position of the entry that it belongs to.
    guesses: Vec<(usize, Reservation)>,
    at: Micros,
    metered: Amount,
}

impl Due {
    /// The first of the entries stands at this index.
    pub(super) fn settle(self, log: &str, first_index: u64) {
        if let Some(charge) = self.charge {
            charge.settle(self.at, self.metered);
        }
        for (position, guess) in self.guesses {
            guess.settle(log, first_index + position as u64);
        }
    }
}

impl Single {
    /// Encoded and hashed here, on the caller's thread.
    pub(super) fn new(
        entry: LogEntry,
        keys: Vec<IdempotencyKey>,
        reserved: Reserved,
        reply: oneshot::Sender<Result<Receipt, NotRecorded>>,
    ) -> Self {
        let bytes = entry.encode();
        let leaf = tree::leaf_hash(&bytes);
        Self { entry, bytes, leaf, keys, reserved, reply }
    }

    /// Takes out what it has reserved, to be settled or given back.
    pub(super) fn take_due(&mut self) -> Option<Due> {
        let Reserved { charge, guess } = std::mem::take(&mut self.reserved);
        let is_any = charge.is_some() || guess.is_some();
        let guesses = guess.map(|guess| (0, guess)).into_iter().collect();
        is_any.then(|| Due { charge, guesses, at: self.entry.at(), metered: metered(&self.entry) })
    }

    /// Whether it goes with keys.
    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether one of its keys is among these.
    pub(super) fn has_key_of(&self, held: &BTreeSet<HeldKey>) -> bool {
        let of = |key: &IdempotencyKey| HeldKey {
            client_id: key.client.as_str().to_owned(),
            key_digest: key.key_digest.to_vec(),
        };
        self.keys.iter().any(|key| held.contains(&of(key)))
    }
}

/// Entries that are recorded together.
pub(super) struct Many {
    /// The entries, length-prefixed.
    bytes: Vec<u8>,
    leaves: Vec<Hash>,
    counts: Counts,
    last_at: Micros,
    /// What they take of quotas.
    metered: Amount,
    /// What goes with them; given back where they are dropped.
    together: Together,
    reply: oneshot::Sender<ReceiptRange>,
}

impl Many {
    pub(super) fn new(
        entries: &[LogEntry],
        together: Together,
        reply: oneshot::Sender<ReceiptRange>,
    ) -> Self {
        let mut many = Self {
            bytes: Vec::with_capacity(entries.len() * 192),
            leaves: Vec::with_capacity(entries.len()),
            counts: Counts::default(),
            last_at: Micros(0),
            metered: Amount::default(),
            together,
            reply,
        };
        for entry in entries {
            let bytes = entry.encode();
            push_prefixed(&mut many.bytes, &bytes);
            many.leaves.push(tree::leaf_hash(&bytes));
            many.counts.add(entry);
            many.last_at = many.last_at.max(entry.at());
            many.metered = many.metered.plus(metered(entry));
        }
        many
    }

    /// Takes out what they have reserved, to be settled or given back.
    pub(super) fn take_due(&mut self) -> Option<Due> {
        let charge = self.together.charge.take();
        let guesses = std::mem::take(&mut self.together.guesses);
        let is_any = charge.is_some() || !guesses.is_empty();
        is_any.then_some(Due { charge, guesses, at: self.last_at, metered: self.metered })
    }

    /// The chunk of a job that they are, where the first of them will stand at this index.
    fn chunk(&self, first_index: u64) -> Option<JobChunkRow> {
        let chunk = self.together.chunk.as_ref()?;
        let (first_index, entries) = (first_index as i64, self.leaves.len() as i64);
        Some(JobChunkRow { first_index, entries, ..chunk.clone() })
    }
}

/// Entries on their way into one commit.
#[derive(Default)]
pub(super) struct Batch {
    singles: Vec<Single>,
    manies: Vec<Many>,
    entries: usize,
}

impl Batch {
    pub(super) fn push(&mut self, single: Single) {
        self.entries += 1;
        self.singles.push(single);
    }

    pub(super) fn push_many(&mut self, many: Many) {
        self.entries += many.leaves.len();
        self.manies.push(many);
    }

    /// Number of entries.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// The entries in the order in which they will stand, each after its length as big-endian
    /// `uint16`.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let singles: usize = self.singles.iter().map(|single| 2 + single.bytes.len()).sum();
        let manies: usize = self.manies.iter().map(|many| many.bytes.len()).sum();
        let mut bytes = Vec::with_capacity(singles + manies);
        for single in &self.singles {
            push_prefixed(&mut bytes, &single.bytes);
        }
        for many in &self.manies {
            bytes.extend_from_slice(&many.bytes);
        }
        bytes
    }

    /// Leaf hashes in the same order.
    pub(super) fn leaves(&self) -> impl Iterator<Item = Hash> {
        let singles = self.singles.iter().map(|single| single.leaf);
        singles.chain(self.manies.iter().flat_map(|many| many.leaves.iter().copied()))
    }

    /// The latest Vietnamese day of an entry, in days since 1970.
    pub(super) fn last_day(&self) -> i64 {
        let singles = self.singles.iter().map(|single| single.entry.at().vietnamese_day());
        let manies = self.manies.iter().map(|many| many.last_at.vietnamese_day());
        singles.chain(manies).max().unwrap_or_default()
    }

    /// The chunks of jobs, where the first entry will stand at `first_index`.
    pub(super) fn chunks(&self, first_index: u64) -> Vec<JobChunkRow> {
        let mut next = first_index + self.singles.len() as u64;
        let mut chunks = Vec::new();
        for many in &self.manies {
            chunks.extend(many.chunk(next));
            next += many.leaves.len() as u64;
        }
        chunks
    }

    /// The idempotency keys, where the first entry will stand at `first_index`. They are held from
    /// `now` on, whatever the time of their entry: an act may be logged a day after it was done, and
    /// another node must not take its key for one that is free again.
    pub(super) fn keys(&self, first_index: u64, now: Micros) -> Vec<KeyRow> {
        let placed = (first_index..).zip(&self.singles);
        let mut keys: Vec<KeyRow> = placed
            .flat_map(|(index, single)| {
                single.keys.iter().map(move |key| key.row(index as i64, now))
            })
            .collect();
        // In one order everywhere: two nodes that take the same keys must not wait for each other
        // in a circle.
        keys.sort_unstable_by(|a, b| {
            (&a.client_id, a.key_digest).cmp(&(&b.client_id, b.key_digest))
        });
        keys
    }

    /// Takes chunks of jobs out and drops them.
    pub(super) fn drop_chunks(&mut self) {
        self.manies.retain(|many| many.together.chunk.is_none());
        let manies: usize = self.manies.iter().map(|many| many.leaves.len()).sum();
        self.entries = self.singles.len() + manies;
    }

    /// Takes single entries out.
    pub(super) fn split_off(&mut self, is_meant: impl Fn(&Single) -> bool) -> Vec<Single> {
        let (taken, others) = self.singles.drain(..).partition(is_meant);
        self.singles = others;
        self.entries -= Vec::len(&taken);
        taken
    }

    /// Tells everybody that there is no receipt; what the entries would count, and what they would
    /// take of limits where the first of them stands at `first_index`.
    pub(super) fn refuse(mut self, first_index: u64) -> (Counts, Vec<(u64, Due)>) {
        let (mut counts, mut dues) = (Counts::default(), Vec::new());
        for (index, single) in (first_index..).zip(&mut self.singles) {
            counts.add(&single.entry);
            dues.extend(single.take_due().map(|due| (index, due)));
        }
        let mut next = first_index + self.singles.len() as u64;
        for mut many in self.manies {
            dues.extend(many.take_due().map(|due| (next, due)));
            next += many.leaves.len() as u64;
            counts.merge(many.counts);
        }
        (counts, dues)
    }

    /// Hands everything out, to be answered and counted.
    pub(super) fn into_parts(self) -> (Vec<Single>, Vec<Many>) {
        (self.singles, self.manies)
    }
}

impl IdempotencyKey {
    /// How it is stored beside the entry that it leads to.
    pub(crate) fn row(&self, entry_index: i64, at: Micros) -> KeyRow {
        KeyRow {
            client_id: self.client.as_str().to_owned(),
            key_digest: self.key_digest,
            entry_index,
            body_digest: self.body_digest,
            created_us: at.0,
        }
    }
}

impl Many {
    /// Tells who waits where the entries stand, and gives back what they count; the index after
    /// the last of them.
    pub(super) fn answer(self, log: &std::sync::Arc<str>, first_index: u64) -> (u64, Counts) {
        let entries = self.leaves.len() as u64;
        let range = ReceiptRange { log: std::sync::Arc::clone(log), first_index, entries };
        let _caller_may_be_gone = self.reply.send(range);
        (first_index + entries, self.counts)
    }
}

fn push_prefixed(bytes: &mut Vec<u8>, entry: &[u8]) {
    // An entry is far below 64 KiB: every field is under 256 bytes.
    bytes.extend_from_slice(&(entry.len() as u16).to_be_bytes());
    bytes.extend_from_slice(entry);
}
