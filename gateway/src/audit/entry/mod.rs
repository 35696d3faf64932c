//! One entry of the log, in a binary form that never changes once written.
//!
//! Pure. An entry holds no attribute value and no personal number: the subject is a keyed
//! pseudonym, references are keyed digests. Layout, version 1, integers big-endian:
//!
//! | bytes | content |
//! | --- | --- |
//! | 1 | version, 1 |
//! | 1 | kind, see [`Kind`] |
//! | 8 | time, microseconds since 1970 UTC, signed |
//! | 16 | request id |
//! | 2 | item of a batch from 1 on, 0 for a single request |
//! | ... | fields, each: tag (1), length (1), value; tags rise |
//!
//! The fields are the constants in [`tag`]. A reader skips nothing: an unknown version, kind or
//! tag is an error, because it cannot be counted.

mod event;
mod request;
mod request_id;
#[cfg(test)]
mod tests;

pub use event::{Act, Dispute, DisputeState, EventText, Totals};
pub use request::{Decided, Entry, FailedGuess, Subject};
pub use request_id::{AnswerId, RequestId, RequestIds};

use super::field::{Reader, Writer};
use crate::clock::Micros;

/// Version of the layout.
pub const VERSION: u8 = 1;
/// Bytes before the fields.
const HEAD_BYTES: usize = 28;

/// What an entry records, with its number. Numbers without a variant here are taken: 6 delivery of
/// the feed, 7 alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An admitted request and its answer.
    Decision = 1,
    /// A request that the policy refused.
    Refusal = 2,
    /// What an administrator did.
    Act = 3,
    /// Somebody was shown what the log holds about a subject.
    Disclosure = 4,
    /// An answer was disputed, or a dispute was decided.
    Dispute = 5,
    /// Sums of a day whose entries are about to be dropped.
    Totals = 8,
}

impl Kind {
    /// All kinds in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Decision, Self::Refusal, Self::Act, Self::Disclosure, Self::Dispute, Self::Totals];

    /// The name in exports and searches.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Refusal => "refusal",
            Self::Act => "act",
            Self::Disclosure => "disclosure",
            Self::Dispute => "dispute",
            Self::Totals => "totals",
        }
    }

    /// The kind with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// Tags of the fields, version 1.
pub mod tag {
    /// Client identifier, text; of a dispute, whose answer it was.
    pub const CLIENT: u8 = 1;
    /// Agency code acted for, text.
    pub const ON_BEHALF_OF: u8 = 2;
    /// Keyed digest of the official, 8 bytes.
    pub const OFFICIAL: u8 = 3;
    /// Operation, 1 byte; of a dispute, that of the disputed answer.
    pub const OPERATION: u8 = 4;
    /// Purpose code, text; of a dispute, that of the disputed answer.
    pub const PURPOSE: u8 = 5;
    /// Procedure code, text.
    pub const PROCEDURE: u8 = 6;
    /// Keyed digest of the case reference, 8 bytes.
    pub const CASE: u8 = 7;
    /// Policy, `name@version`, text.
    pub const POLICY: u8 = 8;
    /// Matching profile, text.
    pub const PROFILE: u8 = 9;
    /// Kind of subject key, 1 byte; key period of the pseudonym, 2 bytes; pseudonym, 16 bytes.
    pub const SUBJECT: u8 = 10;
    /// Per attribute asked: attribute, verdict, reason (0 for none), 1 byte each.
    pub const FINDINGS: u8 = 11;
    /// Outcome and subject status, 1 byte each.
    pub const OUTCOME: u8 = 12;
    /// Digits 1 to 3 of the number asked or found: province or country of birth registration.
    pub const PREFIX: u8 = 13;
    /// Keyed digest of the claims of a failed guess, 8 bytes.
    pub const FAILED_GUESS: u8 = 14;
    /// Freshness of the register's answer, microseconds since 1970 UTC, 8 bytes.
    pub const REGISTRY_AS_OF: u8 = 15;
    /// Microseconds spent on the register and in all, 4 bytes each.
    pub const DURATIONS: u8 = 16;
    /// Why the policy refused, 1 byte.
    pub const REFUSAL: u8 = 17;
    /// Attributes asked in a refused request, 2 bytes, bit n for attribute n.
    pub const ASKED: u8 = 18;
    /// Entries that a disclosure showed, 4 bytes.
    pub const DISCLOSED: u8 = 19;
    /// Who acted: client identifier, or `cli:` and the name of the system's user, text.
    pub const BY: u8 = 20;
    /// What was done, a code, text.
    pub const ACT: u8 = 21;
    /// To what it was done, text.
    pub const TARGET: u8 = 22;
    /// Why or how, text.
    pub const DETAIL: u8 = 23;
    /// Log of the disputed entry, text; index in it, 8 bytes.
    pub const DISPUTED_LOG: u8 = 24;
    /// Index of the disputed entry in its log, 8 bytes.
    pub const DISPUTED_INDEX: u8 = 25;
    /// Note code of a dispute, text.
    pub const NOTE: u8 = 26;
    /// State of a dispute and reason of the disputed answer (0 for none), 1 byte each.
    pub const DISPUTE: u8 = 27;
    /// Day, days since 1970 in Viet Nam, 4 bytes.
    pub const DAY: u8 = 28;
    /// First index and the one after the last of the bundles that are dropped, 8 bytes each.
    pub const RANGE: u8 = 29;
    /// Entries, matched, not matched, inconclusive and refused of the day, 8 bytes each.
    pub const SUMS: u8 = 30;
    /// SHA-256 over the day's counters.
    pub const COUNTERS: u8 = 31;
    /// Keyed digest of the key under which a failed guess was asked, where that is not the person's
    /// number, 8 bytes.
    pub const GUESSED_KEY: u8 = 32;
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A version or kind this program does not know.
    #[error("entry of version {version} and kind {kind}, which this program does not know")]
    Unknown {
        /// The version.
        version: u8,
        /// The kind.
        kind: u8,
    },
    /// Bytes are missing, left over or out of range.
    #[error("the entry is damaged at field {tag}")]
    Damaged {
        /// Tag of the field, 0 for the head.
        tag: u8,
    },
}

/// Anything the log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// What a client asked.
    Request(Entry),
    /// What an administrator did.
    Act(Act),
    /// An answer was disputed, or a dispute was decided.
    Dispute(Dispute),
    /// Sums of a day whose entries are about to be dropped.
    Totals(Totals),
}

/// What every entry begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    kind: Kind,
    at: Micros,
    request_id: RequestId,
    item: u16,
}

impl LogEntry {
    /// When it was written.
    pub fn at(&self) -> Micros {
        self.head().at
    }

    /// The request, or the act, that it came of.
    pub fn request_id(&self) -> RequestId {
        self.head().request_id
    }

    /// What it records.
    pub fn kind(&self) -> Kind {
        self.head().kind
    }

    /// The request, if it is one.
    pub fn request(&self) -> Option<&Entry> {
        match self {
            Self::Request(entry) => Some(entry),
            Self::Act(_) | Self::Dispute(_) | Self::Totals(_) => None,
        }
    }

    /// The bytes that the tree hashes and the store keeps.
    pub fn encode(&self) -> Vec<u8> {
        let head = self.head();
        let mut writer = Writer(Vec::with_capacity(192));
        writer.0.extend_from_slice(&[VERSION, head.kind as u8]);
        writer.0.extend_from_slice(&head.at.0.to_be_bytes());
        writer.0.extend_from_slice(&head.request_id.0);
        writer.0.extend_from_slice(&head.item.to_be_bytes());
        match self {
            Self::Request(entry) => entry.encode_fields(&mut writer),
            Self::Act(act) => act.encode_fields(&mut writer),
            Self::Dispute(dispute) => dispute.encode_fields(&mut writer),
            Self::Totals(totals) => totals.encode_fields(&mut writer),
        }
        writer.0
    }

    /// Reads an entry back.
    ///
    /// # Errors
    /// [`EntryError`] for anything that [`LogEntry::encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let (head, fields) = Head::decode(bytes)?;
        let mut reader = Reader(fields);
        let entry = match head.kind {
            Kind::Decision | Kind::Refusal | Kind::Disclosure => {
                Self::Request(Entry::decode_fields(head, &mut reader)?)
            }
            Kind::Act => Self::Act(Act::decode_fields(head, &mut reader)?),
            Kind::Dispute => Self::Dispute(Dispute::decode_fields(head, &mut reader)?),
            Kind::Totals => Self::Totals(Totals::decode_fields(head, &mut reader)?),
        };
        match reader.0.first() {
            None => Ok(entry),
            Some(&tag) => Err(EntryError::Damaged { tag }),
        }
    }

    /// When the entry in `bytes` was written, without reading the rest of it.
    ///
    /// # Errors
    /// [`EntryError`] if the head is none.
    pub fn decode_at(bytes: &[u8]) -> Result<Micros, EntryError> {
        Head::decode(bytes).map(|(head, _)| head.at)
    }

    /// When the entry in `bytes` was written and the request it came of, without reading the rest.
    ///
    /// # Errors
    /// [`EntryError`] if the head is none.
    pub fn decode_origin(bytes: &[u8]) -> Result<(Micros, AnswerId), EntryError> {
        Head::decode(bytes).map(|(head, _)| (head.at, head.answer()))
    }

    /// The request, or the act, and which item of it.
    pub fn answer(&self) -> AnswerId {
        self.head().answer()
    }

    fn head(&self) -> Head {
        match self {
            Self::Request(entry) => entry.head(),
            Self::Act(act) => act.head(),
            Self::Dispute(dispute) => dispute.head(),
            Self::Totals(totals) => totals.head(),
        }
    }
}

impl From<Entry> for LogEntry {
    fn from(entry: Entry) -> Self {
        Self::Request(entry)
    }
}

impl Head {
    fn answer(&self) -> AnswerId {
        AnswerId { request_id: self.request_id, item: self.item }
    }

    fn decode(bytes: &[u8]) -> Result<(Self, &[u8]), EntryError> {
        let damaged = EntryError::Damaged { tag: 0 };
        let (head, fields) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or(damaged)?;
        let (version, number) = (head[0], head[1]);
        let kind = Kind::from_number(number).filter(|_| version == VERSION);
        let kind = kind.ok_or(EntryError::Unknown { version, kind: number })?;
        let at = Micros(i64::from_be_bytes(head[2..10].try_into().map_err(|_| damaged)?));
        let request_id = RequestId(head[10..26].try_into().map_err(|_| damaged)?);
        let item = u16::from_be_bytes([head[26], head[27]]);
        Ok((Self { kind, at, request_id, item }, fields))
    }
}
