//! The one form in which an entry is shown, as far as somebody may see it. Who may see how much is
//! for the routes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::verifications::{AttributesReply, VerdictReply};
use crate::audit::{
    Act, Decided, Dispute, Entry, EventText, LogEntry, Quarter, ShortDigest, Totals,
};
use crate::hex::hex;
use crate::matching;
use crate::policy::{Disclosure, Reason};
use crate::population::SubjectStatus;
use crate::request::{AgencyCode, Attribute, Procedure};

/// How much of an entry is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// What the client was answered.
    Answered {
        /// How deep its answer went.
        disclosure: Disclosure,
        /// Whether it told the status.
        discloses_status: bool,
    },
    /// What the operator's search tells: all but references and what is for auditors.
    Search,
    /// Everything.
    Audit,
}

/// What an entry says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum EntryReply {
    /// A request and its answer.
    Request(Box<RequestEntryReply>),
    /// An act, a dispute or the totals of a day.
    Event(Value),
}

/// What a request and its answer were.
#[derive(Debug, Serialize, ToSchema)]
pub struct RequestEntryReply {
    /// `decision`, `refusal` or `disclosure`.
    kind: &'static str,
    /// When it was decided, RFC 3339.
    time: String,
    /// Identity of the request.
    request_id: String,
    /// Item within the request.
    item: u16,
    /// Who asked.
    client: String,
    /// For which agency.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    /// Keyed digest of the official, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    official: Option<String>,
    /// Keyed digest of the case reference, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<String>,
    /// What was done.
    operation: &'static str,
    /// Why.
    purpose: String,
    /// For which procedure.
    #[serde(skip_serializing_if = "Option::is_none")]
    procedure: Option<String>,
    /// Under which policy, `name@version`.
    policy: String,
    /// By which kind of key the subject was named.
    subject_kind: &'static str,
    /// Normalisation rules that were applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// `matched`, `not_matched`, `inconclusive` or `refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// Verdict and reason per attribute, as far as the policy discloses them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::HashMap<String, VerdictReply>>)]
    attributes: Option<AttributesReply>,
    /// Freshness of the register's answer, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    registry_as_of: Option<String>,
    /// Why the policy refused: the problem code.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    /// Attributes that a refused request asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Vec<&'static str>>,
    /// How many entries a disclosure showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    disclosed: Option<u32>,
    /// Status of the subject, where the policy discloses it, and for auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_status: Option<&'static str>,
    /// For auditors.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<AuditReply>,
}

/// What only auditors see.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditReply {
    /// Keyed pseudonym of the subject, hexadecimal.
    pseudonym: String,
    /// Quarter of its key.
    #[schema(example = "2026Q4")]
    quarter: String,
    /// First three digits of the personal number.
    #[schema(example = "079")]
    prefix: String,
    /// Keyed digest of wrong claims, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_guess: Option<String>,
    /// Microseconds on the register.
    #[serde(skip_serializing_if = "Option::is_none")]
    registry_us: Option<u32>,
    /// Microseconds in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_us: Option<u32>,
}

impl EntryReply {
    /// Shows an entry in the form that it has everywhere.
    pub(super) fn new(entry: &LogEntry, sight: Sight) -> Self {
        match entry {
            LogEntry::Request(entry) => Self::Request(Box::new(show_request(entry, sight))),
            LogEntry::Act(act) => Self::Event(show_act(act)),
            LogEntry::Dispute(dispute) => Self::Event(show_dispute(dispute, sight)),
            LogEntry::Totals(totals) => Self::Event(show_totals(totals)),
        }
    }
}

fn show_request(entry: &Entry, sight: Sight) -> RequestEntryReply {
    let (disclosure, discloses_status) = match sight {
        Sight::Answered { disclosure, discloses_status } => (disclosure, discloses_status),
        Sight::Search | Sight::Audit => (Disclosure::Reasons, true),
    };
    let shows_references = sight != Sight::Search;
    let status = Some(entry.status())
        .filter(|status| discloses_status && *status != SubjectStatus::NotAsked);
    let mut reply = RequestEntryReply {
        kind: entry.kind().name(),
        time: entry.at.to_string(),
        request_id: entry.request_id.to_string(),
        item: entry.item,
        client: entry.client.to_string(),
        on_behalf_of: entry.on_behalf_of.as_ref().map(|code| AgencyCode::as_str(code).to_owned()),
        official: entry.official.filter(|_| shows_references).map(digest),
        case: entry.case.filter(|_| shows_references).map(digest),
        operation: entry.operation.name(),
        purpose: entry.purpose.as_str().to_owned(),
        procedure: entry.procedure.as_ref().map(|code| Procedure::as_str(code).to_owned()),
        policy: entry.policy.to_string(),
        subject_kind: entry.subject.key_kind.name(),
        profile: None,
        outcome: entry.outcome().map(matching::Outcome::name),
        attributes: None,
        registry_as_of: None,
        refusal: None,
        asked: None,
        disclosed: None,
        subject_status: status.map(SubjectStatus::name),
        audit: (sight == Sight::Audit).then(|| show_to_auditor(entry)),
    };
    match &entry.record {
        Decided::Answered { profile, findings, registry_as_of, .. } => {
            let shown = matching::disclose(findings, disclosure).collect();
            reply.profile = Some(profile.to_string());
            reply.attributes = (disclosure > Disclosure::Outcome).then_some(AttributesReply(shown));
            let registry_as_of = registry_as_of.filter(|_| shows_references);
            reply.registry_as_of = registry_as_of.map(|at| at.to_string());
        }
        Decided::Refused { refusal, asked } => {
            reply.refusal = Some(refusal.name());
            reply.asked = Some(asked.iter().map(Attribute::name).collect());
        }
        Decided::Disclosed { entries } => reply.disclosed = Some(*entries),
    }
    reply
}

fn show_to_auditor(entry: &Entry) -> AuditReply {
    let pseudonym = entry.subject.pseudonym;
    let (failed_guess, registry_us, total_us) = match &entry.record {
        Decided::Answered { failed_guess, registry_us, total_us, .. } => {
            (failed_guess.map(|guess| digest(guess.claims)), Some(*registry_us), Some(*total_us))
        }
        Decided::Refused { .. } | Decided::Disclosed { .. } => (None, None, None),
    };
    AuditReply {
        pseudonym: hex(&pseudonym.digest),
        quarter: Quarter(pseudonym.period).to_string(),
        prefix: format!("{:03}", entry.subject.prefix),
        failed_guess,
        registry_us,
        total_us,
    }
}

fn show_act(act: &Act) -> Value {
    json!({
        "kind": "act",
        "time": act.at.to_string(),
        "request_id": act.request_id.to_string(),
        "by": act.by.as_str(),
        "act": act.act.as_str(),
        "target": act.target.as_str(),
        "detail": act.detail.as_ref().map(EventText::as_str),
    })
}

/// Who decided a dispute and the reason of the disputed answer are not the client's to see: its
/// policy may show it none.
fn show_dispute(dispute: &Dispute, sight: Sight) -> Value {
    let mut shown = json!({
        "kind": "dispute",
        "time": dispute.at.to_string(),
        "request_id": dispute.request_id.to_string(),
        "client": dispute.client.as_str(),
        "operation": dispute.operation.name(),
        "purpose": dispute.purpose.as_str(),
        "disputed": { "log": dispute.log.as_str(), "index": dispute.index },
        "note": dispute.note.as_str(),
        "state": dispute.state.name(),
    });
    let sees_all = match sight {
        Sight::Answered { .. } => false,
        Sight::Search | Sight::Audit => true,
    };
    if sees_all {
        shown["by"] = dispute.by.as_str().into();
        shown["detail"] = dispute.detail.as_ref().map(EventText::as_str).into();
        shown["reason"] = dispute.reason.map(Reason::name).into();
    }
    shown
}

fn show_totals(totals: &Totals) -> Value {
    json!({
        "kind": "totals",
        "time": totals.at.to_string(),
        "request_id": totals.request_id.to_string(),
        "day": totals.day,
        "first_index": totals.first_index,
        "end_index": totals.end_index,
        "entries": totals.entries,
        "matched": totals.matched,
        "not_matched": totals.not_matched,
        "inconclusive": totals.inconclusive,
        "refused": totals.refused,
        "counters": STANDARD.encode(totals.counters),
    })
}

fn digest(digest: ShortDigest) -> String {
    hex(&digest.0)
}
