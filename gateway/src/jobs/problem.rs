//! Why a job stands still or has failed, as it is kept and told.

use serde::{Deserialize, Serialize};

use super::rows::FileProblem;

/// What is wrong, by a stable name, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProblem {
    /// Stable name.
    pub code: String,
    /// Line of the file; none where it is about no line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Names of columns and fields that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// More rows than the threshold allows cannot be read.
pub const TOO_MANY_ROW_PROBLEMS: &str = "too-many-row-problems";
/// A quota of the client has no room for the next chunk.
pub const QUOTA_EXCEEDED: &str = "quota-exceeded";
/// The client may not ask at present.
pub const CLIENT_NOT_ACTIVE: &str = "client-not-active";
/// The disk of the node is too full to go on.
pub const DISK_FULL: &str = "disk-full";
/// The files of the job are not what they were.
pub const FILES_LOST: &str = "files-lost";

impl JobProblem {
    /// One about no line.
    pub fn named(code: &str) -> Self {
        Self { code: code.to_owned(), line: None, names: Vec::new() }
    }

    /// As it is kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads one that is kept.
    pub fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

impl From<&FileProblem> for JobProblem {
    fn from(problem: &FileProblem) -> Self {
        let names = problem.names.iter().map(|name| name.to_string()).collect();
        Self { code: problem.code.name().to_owned(), line: Some(problem.line), names }
    }
}
