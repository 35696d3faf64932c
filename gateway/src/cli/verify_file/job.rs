//! The job document, as far as this command reads it. Members that it does not know are left alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::jobs::rows::FileCode;

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Ordered; nothing of its file is there.
    Created,
    /// Part of its file is there.
    Receiving,
    /// Rows are answered.
    Running,
    /// It waits for somebody.
    Paused,
    /// Every row has its result.
    Done,
    /// It cannot go on.
    Failed,
    /// Somebody has ended it.
    Cancelled,
}

/// A job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) state: State,
    #[serde(default)]
    pub(super) dry_run: bool,
    #[serde(default)]
    pub(super) received_bytes: u64,
    #[serde(default)]
    pub(super) rows: u64,
    #[serde(default)]
    pub(super) lines: u64,
    #[serde(default)]
    pub(super) result_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rows_per_second: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seconds_left: Option<f64>,
    #[serde(default)]
    pub(super) summary: Counted,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Problem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<Digest>,
}

type Counts = BTreeMap<String, u64>;

/// What became of the rows.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Counted {
    pub(super) rows: u64,
    pub(super) outcomes: Counts,
    pub(super) problems: Counts,
    pub(super) attributes: BTreeMap<String, Counts>,
    pub(super) advice: Counts,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) values: BTreeMap<String, Counts>,
}

/// What stands for the results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Digest {
    pub(super) sha256: String,
    pub(super) bytes: u64,
    #[serde(default)]
    pub(super) rows: u64,
    #[serde(default)]
    pub(super) note: String,
}

/// Why a job stands still or has failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    #[serde(default)]
    pub(super) vi: String,
    #[serde(default)]
    pub(super) en: String,
}

impl Problem {
    /// Code, line and detail, then the sentence in both languages.
    pub(super) fn sentence(&self) -> String {
        let known = FileCode::ALL.iter().map(|code| code.explained());
        let known = known.into_iter().find(|known| known.name == self.code);
        let or = |told: &str, known: Option<&'static str>| match told {
            "" => known.unwrap_or_default().to_owned(),
            told => told.to_owned(),
        };
        let (en, vi) = (or(&self.en, known.map(|it| it.en)), or(&self.vi, known.map(|it| it.vi)));
        let line = self.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let detail = self.detail.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
        let mut text = format!("{line}{}{detail}", self.code);
        for sentence in [en, vi].iter().filter(|sentence| !sentence.is_empty()) {
            text.push_str("\n  ");
            text.push_str(sentence);
        }
        text
    }
}

/// Whether an identity can stand in a path as it is.
pub(super) fn is_plain_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=128).contains(&id.len()) && id.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_line_in_both_languages() {
        let problem = r#"{"code": "no-rows", "line": 1, "detail": "d"}"#;
        let problem: Problem = serde_json::from_str(problem).unwrap();
        let text = "line 1: no-rows (d)\n  The file has no rows.\n  Tệp không có dòng dữ liệu nào.";
        assert_eq!(problem.sentence(), text);
        let problem = r#"{"code": "disk-full", "vi": "V", "en": "E"}"#;
        let problem: Problem = serde_json::from_str(problem).unwrap();
        assert_eq!(problem.sentence(), "disk-full\n  E\n  V");
    }

    #[test]
    fn an_identity_that_leads_elsewhere_is_none() {
        assert!(is_plain_id("job_0193a1b2-1"));
        assert!(["", "a/b", "..", "a?b", "a b", "a%2f"].iter().all(|id| !is_plain_id(id)));
    }
}
