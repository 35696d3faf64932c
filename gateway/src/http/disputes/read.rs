//! What is posted about a dispute, from the wire: the receipt that a client disputes, the operator's
//! decision.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use utoipa::ToSchema;

use super::super::code::Code;
use super::super::error::Problem;
use super::super::json::{self, Errors, Fields};
use crate::access::parse_reason;
use crate::audit::{DisputeState, EventText};
use crate::config::is_log_name;
use crate::disputes::{Disputed, Note};
use crate::request::Malformed;

/// A dispute about an answer.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct DisputeBody {
    /// The receipt of the answer, as it came.
    receipt: DisputedReceiptBody,
    /// `card_seen`, `holder_present`, `documents_agree`, `civil_register_agrees` or
    /// `police_confirmed`.
    note: String,
}

/// A receipt, as an answer brought it.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct DisputedReceiptBody {
    /// Name of the log.
    log: String,
    /// Index of the entry.
    index: u64,
    /// Leaf hash of the entry; may be left out, and must be the entry's otherwise.
    #[schema(nullable = false)]
    leaf: Option<String>,
}

/// A decision on a dispute.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct DecisionBody {
    /// `upheld` or `rejected`.
    decision: String,
    /// Why, 1 to 255 bytes without control characters and with fewer than nine digits: it stays in
    /// the log for ever.
    reason: String,
}

/// Whether a text has the form of a dispute's identifier.
pub(super) fn is_dispute_id(text: &str) -> bool {
    text.strip_prefix("dsp_")
        .is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

pub(super) fn read_dispute(node: &json::Node<'_>) -> Result<(Disputed, Note), Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    for name in ["receipt", "note"] {
        if !fields.has(name) {
            fields.missing(name, &mut errors);
        }
    }
    let note = fields.parsed("note", &mut errors, |code| Note::find(code).ok_or(Malformed::Form));
    let mut disputed = None;
    if let Some(mut receipt) = fields.object("receipt", &mut errors) {
        for name in ["log", "index"] {
            if !receipt.has(name) {
                receipt.missing(name, &mut errors);
            }
        }
        let log = receipt.text("log", &mut errors);
        let index = receipt.number("index", 0..=u64::MAX, &mut errors);
        let leaf = receipt
            .parsed("leaf", &mut errors, |leaf| STANDARD.decode(leaf).map_err(|_| Malformed::Form));
        receipt.finish(&mut errors);
        let log = log.map(|log| if is_log_name(log) { log } else { "-" });
        disputed = log.zip(index).map(|(log, index)| Disputed { log: log.into(), index, leaf });
    }
    fields.finish(&mut errors);
    errors.finish()?;
    // Whatever is missing was noted above, so both are there now.
    disputed.zip(note).ok_or_else(|| Code::InternalError.into())
}

pub(super) fn read_decision(node: &json::Node<'_>) -> Result<(DisputeState, EventText), Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, String::new(), &mut errors);
    for name in ["decision", "reason"] {
        if !fields.has(name) {
            fields.missing(name, &mut errors);
        }
    }
    let decision = fields.parsed("decision", &mut errors, |name| {
        let state = DisputeState::find(name).filter(|state| *state != DisputeState::Open);
        state.ok_or(Malformed::Form)
    });
    let reason = fields.parsed("reason", &mut errors, parse_reason);
    fields.finish(&mut errors);
    errors.finish()?;
    decision.zip(reason).ok_or_else(|| Code::InternalError.into())
}
