//! Records as text: CSV as holders exchange it, or a JSON object a line. The truth stands behind
//! what the holder has.

use super::{Answer, ExpectedVerdict, Holder, Record};
use crate::json;
use crate::person::Place;

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// Columns of the CSV form. Those before `error` are the holder's, the others are the truth:
/// expected verdicts as `close:marks_missing`, under the holder's usual policy.
const COLUMNS: [&str; 18] = [
    "row_id",
    "personal_id",
    "old_id_number",
    "insurance_number",
    "full_name",
    "date_of_birth",
    "sex",
    "address_scheme",
    "address_province",
    "address_commune",
    "error",
    "true_personal_id",
    "expected_outcome",
    "expected_status",
    "expected_full_name",
    "expected_date_of_birth",
    "expected_sex",
    "expected_permanent_address",
];

/// The first line of the CSV form, with its line end.
pub fn csv_header() -> String {
    COLUMNS.join(",") + "\n"
}

impl Record {
    /// The record as one line, with its line end.
    pub fn line(&self, format: Format, holder: Holder) -> String {
        match format {
            Format::Csv => self.csv(holder),
            Format::Ndjson => self.json(holder),
        }
    }

    /// The number as the subject of a question: `{"personal_id":"..."}`.
    pub fn subject_json(&self) -> String {
        let mut out = String::from("{");
        json::member(&mut out, self.number.name(), self.number.digits());
        out.push('}');
        out
    }

    /// What the holder has, as the claims of a question.
    pub fn attributes_json(&self) -> String {
        let mut out = String::with_capacity(192);
        out.push('{');
        json::text(&mut out, "full_name", &self.full_name);
        out.push(',');
        json::member(&mut out, "date_of_birth", &self.date_of_birth);
        if let Some(sex) = self.sex {
            out.push(',');
            json::member(&mut out, "sex", sex.name());
        }
        if let Some(address) = self.permanent_address {
            out.push(',');
            json::place(&mut out, "permanent_address", address);
        }
        out.push('}');
        out
    }

    fn json(&self, holder: Holder) -> String {
        let Answer { is_matched, attributes } = self.truth.answer(holder.usual_policy());
        let mut out = String::with_capacity(512);
        out.push('{');
        json::member(&mut out, "row_id", &self.row_id);
        out.push_str(",\"subject\":");
        out.push_str(&self.subject_json());
        out.push_str(",\"attributes\":");
        out.push_str(&self.attributes_json());
        out.push_str(",\"truth\":{");
        json::member(&mut out, "error", self.truth.mistake.name());
        out.push(',');
        json::member(&mut out, "personal_id", self.truth.personal_id.as_str());
        out.push(',');
        json::member(&mut out, "status", self.truth.status);
        out.push(',');
        json::member(&mut out, "outcome", outcome(is_matched));
        out.push_str(",\"attributes\":{");
        for (index, expected) in attributes.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write_verdict(&mut out, *expected);
        }
        out.push_str("}}}\n");
        out
    }

    fn csv(&self, holder: Holder) -> String {
        let Answer { is_matched, attributes } = self.truth.answer(holder.usual_policy());
        let number = |name| if self.number.name() == name { self.number.digits() } else { "" };
        let place = |part: fn(&Place) -> &str| self.permanent_address.as_ref().map_or("", part);
        let expected = |name| {
            attributes.iter().find(|it| it.attribute == name).map_or(String::new(), |it| {
                let reason = it.reason.map(|reason| format!(":{reason}")).unwrap_or_default();
                format!("{}{reason}", it.verdict)
            })
        };
        let cells = [
            self.row_id.as_str(),
            number("personal_id"),
            number("old_id_number"),
            number("insurance_number"),
            &quoted(&self.full_name),
            &self.date_of_birth,
            self.sex.map_or("", |sex| sex.name()),
            place(|place| place.scheme.name()),
            place(|place| place.province.as_str()),
            place(|place| place.commune.as_str()),
            self.truth.mistake.name(),
            self.truth.personal_id.as_str(),
            outcome(is_matched),
            self.truth.status,
            &expected("full_name"),
            &expected("date_of_birth"),
            &expected("sex"),
            &expected("permanent_address"),
        ];
        cells.join(",") + "\n"
    }
}

fn write_verdict(out: &mut String, expected: ExpectedVerdict) {
    let ExpectedVerdict { attribute, verdict, reason } = expected;
    json::key(out, attribute);
    out.push('{');
    json::member(out, "verdict", verdict);
    if let Some(reason) = reason {
        out.push(',');
        json::member(out, "reason", reason);
    }
    out.push('}');
}

fn outcome(is_matched: bool) -> &'static str {
    if is_matched { "matched" } else { "not_matched" }
}

/// A cell of CSV (RFC 4180): quoted where it has to be.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}
