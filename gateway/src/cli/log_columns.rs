//! The columns of an exported entry. Nothing is in them that the entry does not hold.

use std::fmt::Write as _;

use crate::audit::{Act, Decided, Dispute, Entry, EventText, Listed, LogEntry, Totals};
use crate::clock::date_of_day;
use crate::hex::hex;
use crate::matching::Outcome;
use crate::policy::Reason;
use crate::request::{AgencyCode, Attribute, Procedure};

/// Columns before those of the attributes.
const BEFORE: [&str; 21] = [
    "index",
    "leaf",
    "kind",
    "time",
    "request_id",
    "item",
    "client",
    "on_behalf_of",
    "official",
    "operation",
    "purpose",
    "procedure",
    "case",
    "policy",
    "profile",
    "key_kind",
    "pseudonym_quarter",
    "pseudonym",
    "prefix",
    "outcome",
    "status",
];
/// Columns after those of the attributes.
const AFTER: [&str; 25] = [
    "failed_guess",
    "register_as_of",
    "register_us",
    "total_us",
    "refusal",
    "asked",
    "disclosed_entries",
    "by",
    "act",
    "target",
    "detail",
    "disputed_log",
    "disputed_index",
    "note",
    "state",
    "reason",
    "day",
    "first_index",
    "end_index",
    "entries",
    "matched",
    "not_matched",
    "inconclusive",
    "refused",
    "counters",
];

/// What stands in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    Number(u64),
}

/// All columns in their order.
pub(super) fn columns() -> Vec<String> {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let of_attributes = Attribute::ALL.into_iter().flat_map(attribute_columns).collect();
    [names(&BEFORE), of_attributes, names(&AFTER)].concat()
}

fn attribute_columns(attribute: Attribute) -> [String; 2] {
    let name = attribute.name();
    [format!("{name}_verdict"), format!("{name}_reason")]
}

/// The columns that an entry fills, with what stands in them, in the order of all columns.
pub(super) fn cells(listed: &Listed) -> Vec<(String, Cell)> {
    let mut cells = Cells(Vec::with_capacity(32));
    let entry = &listed.entry;
    cells.number("index", listed.index);
    cells.text("leaf", hex(&listed.leaf));
    cells.text("kind", entry.kind().name());
    cells.text("time", entry.at().to_string());
    cells.text("request_id", entry.request_id().to_string());
    match entry {
        LogEntry::Request(entry) => cells.request(entry),
        LogEntry::Act(act) => cells.act(act),
        LogEntry::Dispute(dispute) => cells.dispute(dispute),
        LogEntry::Totals(totals) => cells.totals(totals),
    }
    cells.0
}

struct Cells(Vec<(String, Cell)>);

impl Cells {
    fn text(&mut self, column: &str, text: impl Into<String>) {
        self.0.push((column.to_owned(), Cell::Text(text.into())));
    }

    fn optional(&mut self, column: &str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.text(column, text);
        }
    }

    fn number(&mut self, column: &str, number: impl Into<u64>) {
        self.0.push((column.to_owned(), Cell::Number(number.into())));
    }

    fn request(&mut self, entry: &Entry) {
        self.number("item", entry.item);
        self.text("client", entry.client.as_str());
        self.optional("on_behalf_of", entry.on_behalf_of.as_ref().map(AgencyCode::as_str));
        self.optional("official", entry.official.map(|digest| hex(&digest.0)));
        self.text("operation", entry.operation.name());
        self.text("purpose", entry.purpose.as_str());
        self.optional("procedure", entry.procedure.as_ref().map(Procedure::as_str));
        self.optional("case", entry.case.map(|digest| hex(&digest.0)));
        self.text("policy", &*entry.policy);
        if let Decided::Answered { profile, .. } = &entry.record {
            self.text("profile", profile.as_ref());
        }
        let pseudonym = entry.subject.pseudonym;
        let (year, quarter) = (pseudonym.period / 4, pseudonym.period % 4 + 1);
        self.text("key_kind", entry.subject.key_kind.name());
        self.text("pseudonym_quarter", format!("{year}Q{quarter}"));
        self.text("pseudonym", hex(&pseudonym.digest));
        self.text("prefix", format!("{:03}", entry.subject.prefix));
        self.optional("outcome", entry.outcome().map(Outcome::name));
        self.decided(&entry.record);
    }

    fn decided(&mut self, record: &Decided) {
        match record {
            Decided::Answered { findings, status, .. } => {
                self.text("status", status.name());
                for (attribute, finding) in findings.iter() {
                    let [verdict, reason] = attribute_columns(attribute);
                    self.text(&verdict, finding.verdict().name());
                    self.optional(&reason, finding.reason().map(Reason::name));
                }
                self.answered(record);
            }
            Decided::Refused { refusal, asked } => {
                self.text("refusal", refusal.name());
                let asked: Vec<&str> = asked.iter().map(Attribute::name).collect();
                self.text("asked", asked.join(" "));
            }
            Decided::Disclosed { entries } => self.number("disclosed_entries", *entries),
        }
    }

    fn answered(&mut self, record: &Decided) {
        if let Decided::Answered { failed_guess, registry_as_of, registry_us, total_us, .. } =
            record
        {
            self.optional("failed_guess", failed_guess.map(|guess| hex(&guess.claims.0)));
            self.optional("register_as_of", registry_as_of.map(|at| at.to_string()));
            self.number("register_us", *registry_us);
            self.number("total_us", *total_us);
        }
    }

    fn act(&mut self, act: &Act) {
        self.text("by", act.by.as_str());
        self.text("act", act.act.as_str());
        self.text("target", act.target.as_str());
        self.optional("detail", act.detail.as_ref().map(EventText::as_str));
    }

    fn dispute(&mut self, dispute: &Dispute) {
        self.text("client", dispute.client.as_str());
        self.text("operation", dispute.operation.name());
        self.text("purpose", dispute.purpose.as_str());
        self.text("by", dispute.by.as_str());
        self.optional("detail", dispute.detail.as_ref().map(EventText::as_str));
        self.text("disputed_log", dispute.log.as_str());
        self.number("disputed_index", dispute.index);
        self.text("note", dispute.note.as_str());
        self.text("state", dispute.state.name());
        self.optional("reason", dispute.reason.map(Reason::name));
    }

    fn totals(&mut self, totals: &Totals) {
        self.text("day", date_of_day(i64::from(totals.day)).to_string());
        self.number("first_index", totals.first_index);
        self.number("end_index", totals.end_index);
        self.number("entries", totals.entries);
        self.number("matched", totals.matched);
        self.number("not_matched", totals.not_matched);
        self.number("inconclusive", totals.inconclusive);
        self.number("refused", totals.refused);
        self.text("counters", hex(&totals.counters));
    }
}

/// One line of NDJSON: the columns that are filled, as members.
pub(super) fn json_line(cells: &[(String, Cell)]) -> serde_json::Result<String> {
    let mut line = String::from("{");
    for (place, (column, cell)) in cells.iter().enumerate() {
        let separator = if place == 0 { "" } else { "," };
        let value = match cell {
            Cell::Text(text) => serde_json::to_string(text)?,
            Cell::Number(number) => number.to_string(),
        };
        let _infallible = write!(line, "{separator}\"{column}\":{value}");
    }
    line.push_str("}\n");
    Ok(line)
}

/// One row of CSV: every column, empty where it is not filled.
pub(super) fn csv_row(columns: &[String], cells: Vec<(String, Cell)>) -> Vec<String> {
    let mut cells = cells.into_iter().peekable();
    columns
        .iter()
        .map(|column| match cells.next_if(|(filled, _)| filled == column) {
            Some((_, Cell::Text(text))) => without_formula(text),
            Some((_, Cell::Number(number))) => number.to_string(),
            None => String::new(),
        })
        .collect()
}

/// What administrators write, and names of policies and clients, may begin like a formula of a
/// spreadsheet: it gets an apostrophe. The dash for a purpose that is nobody's is none.
fn without_formula(text: String) -> String {
    if text.len() > 1 && text.starts_with(['=', '+', '-', '@']) {
        return format!("'{text}");
    }
    text
}

#[cfg(test)]
#[path = "log_columns_tests.rs"]
mod tests;
