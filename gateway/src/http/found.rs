//! An entry as the operator's search shows it: on the admin listener and on a terminal.
//!
//! No personal value is in an entry. Pseudonyms, by which requests about one person can be told to
//! be so, are for auditors.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::audit::{Decided, Dispute, Entry, EventText, LogEntry, Quarter};
use crate::matching::Outcome;
use crate::policy::Reason;
use crate::projections::{Hit, Page};
use crate::request::{AgencyCode, Attribute, Procedure};

/// A page of a search.
#[derive(Debug, Serialize)]
pub struct FoundReply {
    /// The entries, newest first.
    pub entries: Vec<Value>,
    /// What `after` takes to go on; null where there is nothing more.
    pub next: Option<String>,
}

impl FoundReply {
    /// Shows a page, with pseudonyms or without.
    pub fn new(page: &Page, shows_pseudonyms: bool) -> Self {
        Self {
            entries: page.hits.iter().map(|hit| show(hit, shows_pseudonyms)).collect(),
            next: page.next.as_ref().map(ToString::to_string),
        }
    }
}

fn show(hit: &Hit, shows_pseudonyms: bool) -> Value {
    let entry = &hit.entry;
    let mut shown = json!({
        "log": hit.log,
        "index": hit.index,
        "kind": entry.kind().name(),
        "time": entry.at().to_string(),
        "request_id": entry.request_id().to_string(),
    });
    let more = match entry {
        LogEntry::Request(entry) => request(entry, shows_pseudonyms),
        LogEntry::Act(act) => json!({
            "by": act.by.as_str(),
            "act": act.act.as_str(),
            "target": act.target.as_str(),
            "detail": act.detail.as_ref().map(EventText::as_str),
        }),
        LogEntry::Dispute(dispute) => self::dispute(dispute),
        LogEntry::Totals(totals) => json!({
            "day": totals.day,
            "first_index": totals.first_index,
            "end_index": totals.end_index,
            "entries": totals.entries,
        }),
    };
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    shown
}

fn request(entry: &Entry, shows_pseudonyms: bool) -> Value {
    let mut shown = json!({
        "item": entry.item,
        "client": entry.client.as_str(),
        "on_behalf_of": entry.on_behalf_of.as_ref().map(AgencyCode::as_str),
        "operation": entry.operation.name(),
        "purpose": entry.purpose.as_str(),
        "procedure": entry.procedure.as_ref().map(Procedure::as_str),
        "policy": &*entry.policy,
        "subject_kind": entry.subject.key_kind.name(),
        "outcome": entry.outcome().map(Outcome::name),
    });
    match &entry.record {
        Decided::Answered { profile, findings, status, registry_us, total_us, .. } => {
            let findings = findings.iter().map(|(attribute, finding)| {
                let mut shown = Map::new();
                shown.insert("verdict".into(), finding.verdict().name().into());
                if let Some(reason) = finding.reason() {
                    shown.insert("reason".into(), reason.name().into());
                }
                (attribute.name().to_owned(), Value::Object(shown))
            });
            shown["profile"] = profile.as_ref().into();
            shown["attributes"] = Value::Object(findings.collect());
            shown["subject_status"] = status.name().into();
            shown["registry_us"] = (*registry_us).into();
            shown["total_us"] = (*total_us).into();
        }
        Decided::Refused { refusal, asked } => {
            shown["refusal"] = refusal.name().into();
            shown["asked"] = asked.iter().map(Attribute::name).collect();
        }
        Decided::Disclosed { entries } => shown["disclosed"] = (*entries).into(),
    }
    if shows_pseudonyms {
        let pseudonym = entry.subject.pseudonym;
        let digest = pseudonym.digest.iter().fold(String::new(), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        });
        shown["pseudonym"] = digest.into();
        shown["quarter"] = Quarter(pseudonym.period).to_string().into();
    }
    shown
}

fn dispute(dispute: &Dispute) -> Value {
    json!({
        "client": dispute.client.as_str(),
        "operation": dispute.operation.name(),
        "purpose": dispute.purpose.as_str(),
        "by": dispute.by.as_str(),
        "disputed": { "log": dispute.log.as_str(), "index": dispute.index },
        "note": dispute.note.as_str(),
        "state": dispute.state.name(),
        "reason": dispute.reason.map(Reason::name),
        "detail": dispute.detail.as_ref().map(EventText::as_str),
    })
}
