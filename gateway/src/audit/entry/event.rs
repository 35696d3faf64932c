//! What is logged beside requests: acts, disputes, sums of dropped days.

use super::super::field::{Reader, Writer};
use super::{EntryError, Head, Kind, RequestId, tag};
use crate::clock::Micros;
use crate::policy::Reason;
use crate::request::{ClientId, Operation, Purpose};

/// A short text of an administrator or of this program: 1 to 255 bytes, no control characters.
/// Never about a person: the log holds no personal value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventText(Box<str>);

impl EventText {
    /// Takes a text that is short enough.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
    }

    /// Takes a text and leaves out what does not fit.
    pub fn shortened(text: &str) -> Self {
        let mut kept: String = text.chars().filter(|c| !c.is_control()).collect();
        while kept.len() > 255 {
            kept.pop();
        }
        Self(if kept.is_empty() { "-".into() } else { kept.into() })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an administrator did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: Micros,
    /// The request, or an identity made for the command.
    pub request_id: RequestId,
    /// Who: a client, or `cli:` and the name of the system's user.
    pub by: EventText,
    /// What was done, a code such as `key-destroyed`.
    pub act: EventText,
    /// To what.
    pub target: EventText,
    /// Why, or with what effect.
    pub detail: Option<EventText>,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DisputeState {
    /// The client says that the person is real.
    Open = 1,
    /// The operator agrees: the answer was wrong.
    Upheld = 2,
    /// The operator does not agree.
    Rejected = 3,
}

impl DisputeState {
    /// All states in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Open, Self::Upheld, Self::Rejected];

    /// The name on the wire and in the counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Upheld => "upheld",
            Self::Rejected => "rejected",
        }
    }

    /// The state with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The state with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == number)
    }
}

/// An answer was disputed, or a dispute was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// When.
    pub at: Micros,
    /// The request that opened or decided it.
    pub request_id: RequestId,
    /// Whose answer it was.
    pub client: ClientId,
    /// Operation of the disputed answer.
    pub operation: Operation,
    /// Purpose of the disputed answer.
    pub purpose: Purpose,
    /// Who opened or decided it.
    pub by: EventText,
    /// Why the operator decided so; none where it was opened.
    pub detail: Option<EventText>,
    /// Log of the disputed answer.
    pub log: EventText,
    /// Index of the disputed answer in its log.
    pub index: u64,
    /// What the client says, a code.
    pub note: EventText,
    /// Where it stands now.
    pub state: DisputeState,
    /// Why the answer was not `matched`: the first reason that spoke against it.
    pub reason: Option<Reason>,
}

/// Sums of a day whose entries are about to be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// When it was summed up.
    pub at: Micros,
    /// An identity made for the act.
    pub request_id: RequestId,
    /// The day in Viet Nam, as days since 1970.
    pub day: i32,
    /// First index of the day's bundles.
    pub first_index: u64,
    /// The index after the last of the day's bundles.
    pub end_index: u64,
    /// Entries in the day's bundles.
    pub entries: u64,
    /// Of the day: matched.
    pub matched: u64,
    /// Of the day: not matched.
    pub not_matched: u64,
    /// Of the day: inconclusive.
    pub inconclusive: u64,
    /// Of the day: refused by policy.
    pub refused: u64,
    /// SHA-256 over the counters of the day and its hours.
    pub counters: [u8; 32],
}

impl Act {
    pub(super) fn head(&self) -> Head {
        Head { kind: Kind::Act, at: self.at, request_id: self.request_id, item: 0 }
    }

    pub(super) fn encode_fields(&self, writer: &mut Writer) {
        writer.field(tag::BY, self.by.as_str().as_bytes());
        writer.field(tag::ACT, self.act.as_str().as_bytes());
        writer.field(tag::TARGET, self.target.as_str().as_bytes());
        writer.optional(tag::DETAIL, self.detail.as_ref().map(|d| d.as_str().as_bytes()));
    }

    pub(super) fn decode_fields(head: Head, reader: &mut Reader<'_>) -> Result<Self, EntryError> {
        without_item(head)?;
        Ok(Self {
            at: head.at,
            request_id: head.request_id,
            by: reader.text(tag::BY, EventText::parse)?,
            act: reader.text(tag::ACT, EventText::parse)?,
            target: reader.text(tag::TARGET, EventText::parse)?,
            detail: reader.optional_text(tag::DETAIL, EventText::parse)?,
        })
    }
}

impl Dispute {
    pub(super) fn head(&self) -> Head {
        Head { kind: Kind::Dispute, at: self.at, request_id: self.request_id, item: 0 }
    }

    pub(super) fn encode_fields(&self, writer: &mut Writer) {
        writer.field(tag::CLIENT, self.client.as_str().as_bytes());
        writer.field(tag::OPERATION, &[self.operation as u8]);
        writer.field(tag::PURPOSE, self.purpose.as_str().as_bytes());
        writer.field(tag::BY, self.by.as_str().as_bytes());
        writer.optional(tag::DETAIL, self.detail.as_ref().map(|d| d.as_str().as_bytes()));
        writer.field(tag::DISPUTED_LOG, self.log.as_str().as_bytes());
        writer.field(tag::DISPUTED_INDEX, &self.index.to_be_bytes());
        writer.field(tag::NOTE, self.note.as_str().as_bytes());
        let reason = self.reason.map_or(0, |reason| reason as u8);
        writer.field(tag::DISPUTE, &[self.state as u8, reason]);
    }

    pub(super) fn decode_fields(head: Head, reader: &mut Reader<'_>) -> Result<Self, EntryError> {
        without_item(head)?;
        let client = reader.text(tag::CLIENT, |t| ClientId::parse(t).ok())?;
        let operation = reader.number(tag::OPERATION, Operation::from_number)?;
        let purpose = reader.text(tag::PURPOSE, |t| Purpose::parse(t).ok())?;
        let by = reader.text(tag::BY, EventText::parse)?;
        let detail = reader.optional_text(tag::DETAIL, EventText::parse)?;
        let log = reader.text(tag::DISPUTED_LOG, EventText::parse)?;
        let index = u64::from_be_bytes(reader.array(tag::DISPUTED_INDEX)?);
        let note = reader.text(tag::NOTE, EventText::parse)?;
        let [state, reason] = reader.array(tag::DISPUTE)?;
        let out_of_range = EntryError::Damaged { tag: tag::DISPUTE };
        let state = DisputeState::from_number(state).ok_or(out_of_range)?;
        let reason = match reason {
            0 => None,
            number => Some(Reason::from_number(number).ok_or(out_of_range)?),
        };
        let (at, request_id) = (head.at, head.request_id);
        Ok(Self {
            at,
            request_id,
            client,
            operation,
            purpose,
            by,
            detail,
            log,
            index,
            note,
            state,
            reason,
        })
    }
}

impl Totals {
    pub(super) fn head(&self) -> Head {
        Head { kind: Kind::Totals, at: self.at, request_id: self.request_id, item: 0 }
    }

    pub(super) fn encode_fields(&self, writer: &mut Writer) {
        writer.field(tag::DAY, &self.day.to_be_bytes());
        let range = [self.first_index, self.end_index].map(u64::to_be_bytes);
        writer.field(tag::RANGE, range.as_flattened());
        let Self { entries, matched, not_matched, inconclusive, refused, .. } = *self;
        let sums = [entries, matched, not_matched, inconclusive, refused].map(u64::to_be_bytes);
        writer.field(tag::SUMS, sums.as_flattened());
        writer.field(tag::COUNTERS, &self.counters);
    }

    pub(super) fn decode_fields(head: Head, reader: &mut Reader<'_>) -> Result<Self, EntryError> {
        without_item(head)?;
        let day = i32::from_be_bytes(reader.array(tag::DAY)?);
        let [first_index, end_index] = reader.numbers(tag::RANGE)?;
        let [entries, matched, not_matched, inconclusive, refused] = reader.numbers(tag::SUMS)?;
        Ok(Self {
            at: head.at,
            request_id: head.request_id,
            day,
            first_index,
            end_index,
            entries,
            matched,
            not_matched,
            inconclusive,
            refused,
            counters: reader.array(tag::COUNTERS)?,
        })
    }
}

/// Only requests have items; anything else would come back as another entry.
fn without_item(head: Head) -> Result<(), EntryError> {
    if head.item == 0 { Ok(()) } else { Err(EntryError::Damaged { tag: 0 }) }
}
