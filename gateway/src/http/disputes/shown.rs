//! How a dispute is shown: to the client whose answer it is about, to those who see everyone's, and
//! to an administrator.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::code::Code;
use super::super::error::Problem;
use crate::audit::DisputeState;
use crate::clock::Micros;
use crate::disputes::Note;
use crate::policy::Disclosure;
use crate::store::DisputeRow;

/// A dispute.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputeReply {
    /// Its identity.
    id: String,
    /// `open`, `upheld` or `rejected`.
    state: &'static str,
    /// When it was opened, RFC 3339.
    opened_at: String,
    /// Whose answer it was; for callers that see everyone's.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    /// The answer.
    receipt: DisputedReceiptReply,
    /// What the client says.
    note: String,
    /// The note in words.
    note_text: NoteTextReply,
    /// Why the answer was not `matched`, as far as the policy tells reasons.
    reasons: Vec<String>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<String>,
    /// Why it was decided so.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_reason: Option<String>,
    /// Who decided it; on the admin listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
}

/// Where the disputed answer is written down.
#[derive(Debug, Serialize, ToSchema)]
pub struct DisputedReceiptReply {
    /// Name of the log.
    log: String,
    /// Index of the entry.
    index: u64,
}

/// A note in words.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteTextReply {
    /// In Vietnamese.
    vi: &'static str,
    /// In English.
    en: &'static str,
}

/// How much of a dispute is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A client's own; with its reasons or without.
    Own(Disclosure),
    /// Everyone's.
    All,
    /// By an administrator.
    Admin,
}

pub(super) fn dispute_reply(row: DisputeRow, seen: Seen) -> Result<DisputeReply, Problem> {
    let known = || Some((DisputeState::find(&row.state)?, Note::find(&row.note)?));
    let (state, note) = known().ok_or(Code::InternalError)?;
    // What is not in the log yet is not told.
    let is_decided = row.settled != 0 && state != DisputeState::Open;
    let shows_reasons = match seen {
        Seen::Own(disclosure) => disclosure >= Disclosure::Reasons,
        Seen::All | Seen::Admin => true,
    };
    let reasons = row.reasons.split(',').filter(|name| shows_reasons && !name.is_empty());
    let reasons = reasons.map(str::to_owned).collect();
    Ok(DisputeReply {
        state: if is_decided { state } else { DisputeState::Open }.name(),
        opened_at: Micros(row.opened_us).to_string(),
        client: Some(row.client_id).filter(|_| !matches!(seen, Seen::Own(_))),
        receipt: DisputedReceiptReply { log: row.log, index: row.entry_index as u64 },
        note: row.note,
        note_text: NoteTextReply { vi: note.vi(), en: note.en() },
        reasons,
        decided_at: row.decided_us.filter(|_| is_decided).map(|at| Micros(at).to_string()),
        decision_reason: row.decision_reason.filter(|_| is_decided),
        decided_by: row.decided_by.filter(|_| is_decided && seen == Seen::Admin),
        id: row.id,
    })
}
