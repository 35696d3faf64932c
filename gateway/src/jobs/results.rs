//! The results of a job: a line for each row, in the order of the file. Nothing of what a row claimed is in
//! it, nor anything that would differ if the job had been interrupted.

use std::io::Write as _;

use super::rows::{FileFormat, Row, RowProblems};
use super::summary::GUARDED;
use crate::matching::{Shown, disclose};
use crate::policy::Disclosure;
use crate::request::Attribute;
use crate::verification::RowDecision;

/// Column of the line of the file where the row begins.
const LINE: &str = "line";

/// What became of a row.
#[derive(Debug, Clone)]
pub enum Told<'a> {
    /// It was decided.
    Decided(&'a RowDecision),
    /// It could not be read as a request.
    Wrong(&'a RowProblems),
    /// A field that the policy requires is not there.
    Lacks(&'static str),
    /// It could be read; nobody was asked.
    Read,
}

/// The first bytes of results.
pub fn head(format: FileFormat) -> Vec<u8> {
    match format {
        FileFormat::Ndjson => Vec::new(),
        FileFormat::Csv => {
            let mut head = format!("{LINE},row_id,outcome");
            for attribute in Attribute::ALL {
                let name = attribute.name();
                head.extend([",", name, ",", name, "_reason"]);
            }
            head.push_str(",subject_status,advice,problem\r\n");
            head.into_bytes()
        }
    }
}

/// Appends the line of a row.
pub fn write(
    out: &mut Vec<u8>,
    format: FileFormat,
    row: &Row,
    told: &Told<'_>,
    disclosure: Disclosure,
) {
    let line = Line::of(told, disclosure);
    let row_id = row.row_id.as_ref().map(super::rows::RowId::as_str);
    match format {
        FileFormat::Csv => line.write_csv(out, row.line, row_id),
        FileFormat::Ndjson => line.write_ndjson(out, row.line, row_id),
    }
}

/// What a line says.
#[derive(Default)]
struct Line {
    outcome: Option<&'static str>,
    shown: [Option<Shown>; Attribute::ALL.len()],
    status: Option<&'static str>,
    advice: Option<&'static str>,
    problem: Option<String>,
}

impl Line {
    fn of(told: &Told<'_>, disclosure: Disclosure) -> Self {
        match told {
            Told::Read => Self::default(),
            Told::Wrong(problems) => {
                Self { problem: Some(problem_text(problems)), ..Self::default() }
            }
            Told::Lacks(field) => {
                let problem = Some(format!("{field}:{MISSING}"));
                Self { problem, ..Self::default() }
            }
            Told::Decided(RowDecision::Guarded) => {
                Self { problem: Some(GUARDED.to_owned()), ..Self::default() }
            }
            Told::Decided(RowDecision::Refused(refusal)) => {
                let outcome = Some(super::summary::REFUSED);
                Self { outcome, problem: Some(refusal.name().to_owned()), ..Self::default() }
            }
            Told::Decided(RowDecision::Answered { outcome, findings, status, advice }) => {
                let mut shown = [None; Attribute::ALL.len()];
                for (attribute, it) in disclose(findings, disclosure) {
                    shown[attribute as usize - Attribute::ALL[0] as usize] = Some(it);
                }
                Self {
                    outcome: Some(outcome.name()),
                    shown,
                    status: status.map(crate::population::SubjectStatus::name),
                    advice: advice.map(crate::matching::Advice::code),
                    problem: None,
                }
            }
        }
    }

    /// RFC 4180.
    fn write_csv(&self, out: &mut Vec<u8>, line: u64, row_id: Option<&str>) {
        let _infallible = write!(out, "{line},");
        write_cell(out, row_id.unwrap_or_default());
        out.push(b',');
        out.extend_from_slice(self.outcome.unwrap_or_default().as_bytes());
        for shown in &self.shown {
            out.push(b',');
            let Some(shown) = shown else {
                out.push(b',');
                continue;
            };
            out.extend_from_slice(shown.verdict.name().as_bytes());
            out.push(b',');
            let reason = shown.reason.map(crate::policy::Reason::name);
            out.extend_from_slice(reason.unwrap_or_default().as_bytes());
        }
        for text in [self.status, self.advice, self.problem.as_deref()] {
            out.push(b',');
            out.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }

    fn write_ndjson(&self, out: &mut Vec<u8>, line: u64, row_id: Option<&str>) {
        let _infallible = write!(out, r#"{{"line":{line}"#);
        if let Some(row_id) = row_id {
            out.extend_from_slice(br#","row_id":"#);
            let _infallible = serde_json::to_writer(&mut *out, row_id);
        }
        // What follows are words of ours.
        let mut member = |name: &str, text: Option<&str>| {
            if let Some(text) = text {
                let _infallible = write!(out, r#","{name}":"{text}""#);
            }
        };
        member("outcome", self.outcome);
        member("subject_status", self.status);
        member("advice", self.advice);
        member("problem", self.problem.as_deref());
        if self.shown.iter().any(Option::is_some) {
            out.extend_from_slice(br#","attributes":{"#);
            let mut separator = "";
            for (attribute, shown) in Attribute::ALL.iter().zip(&self.shown) {
                let Some(shown) = shown else { continue };
                let (name, verdict) = (attribute.name(), shown.verdict.name());
                let _infallible = write!(out, r#"{separator}"{name}":{{"verdict":"{verdict}""#);
                if let Some(reason) = shown.reason {
                    let _infallible = write!(out, r#","reason":"{}""#, reason.name());
                }
                out.push(b'}');
                separator = ",";
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"}\n");
    }
}

/// What is told of a field that the policy requires and the row does not have.
pub(super) const MISSING: &str = "required-attribute-missing";

/// `field:code`, or the code alone where it is about the whole row.
fn problem_text(problems: &RowProblems) -> String {
    let texts = problems.iter().map(|problem| match problem.field {
        Some(field) => format!("{}:{}", field.name(), problem.code.name()),
        None => problem.code.name().to_owned(),
    });
    texts.collect::<Vec<_>>().join(" ")
}

/// Quoted where it must be. What a table would take for a formula is quoted and begins with an
/// apostrophe: the results are opened with such programs.
fn write_cell(out: &mut Vec<u8>, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
    let must_quote = is_formula || text.contains([',', '"', '\r', '\n', ';', '\t']);
    if !must_quote {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    if is_formula {
        out.push(b'\'');
    }
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}
