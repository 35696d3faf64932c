//! Rows on their way to the rules and back.

use serde::{Deserialize, Serialize};

/// One claim beside one record. The rules' program hands unknown columns back, so that an answer
/// says itself what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// Index of the kind.
    pub(super) kind: usize,
    /// Number of the case; rows of one case follow each other.
    pub(super) case: u64,
    /// Attribute, as on the wire.
    pub(super) attribute: &'static str,
    /// What the holder has.
    pub(super) claim: String,
    /// What the register has.
    pub(super) record: String,
}

/// A row that came back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Answer {
    /// Index of the kind.
    pub(super) kind: usize,
    /// Number of the case.
    pub(super) case: u64,
    /// Attribute.
    pub(super) attribute: String,
    /// What the holder has.
    pub(super) claim: String,
    /// What the register has.
    pub(super) record: String,
    /// Verdict; empty where the row cannot be answered.
    pub(super) verdict: String,
    /// Reason, where there is one.
    pub(super) reason: String,
}

impl Answer {
    /// Whether a carrier's policy takes it (design of the default policies: a name without marks, a
    /// place from before the mergers, the year alone).
    pub(super) fn is_accepted(&self) -> bool {
        match self.verdict.as_str() {
            "match" => true,
            "close" => {
                matches!(self.reason.as_str(), "marks_missing" | "merged_place" | "year_only")
            }
            _ => false,
        }
    }

    /// Its reason, or its verdict where there is none.
    pub(super) fn word(&self) -> &str {
        match (self.reason.as_str(), self.verdict.as_str()) {
            ("", "") => "unanswered",
            ("", verdict) => verdict,
            (reason, _) => reason,
        }
    }
}

/// The attributes of one case: name of the attribute, claim, record.
pub(super) type Case = Vec<(&'static str, String, String)>;

/// The names of attributes on the wire.
pub(super) const NAME: &str = "full_name";
/// Date of birth.
pub(super) const BIRTH: &str = "date_of_birth";
/// Permanent address.
pub(super) const ADDRESS: &str = "permanent_address";
