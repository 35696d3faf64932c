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
    /// Fields, numbers of columns and encodings that say more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// More rows than the threshold allows cannot be read.
pub const TOO_MANY_ROW_PROBLEMS: &str = "too-many-row-problems";
/// A quota of the client has no room for the next chunk.
pub const QUOTA_EXCEEDED: &str = "quota-exceeded";
/// The client may not ask at present.
pub const CLIENT_NOT_ACTIVE: &str = "client-not-active";
/// The client's policy does not name the purpose any more.
pub const PURPOSE_NOT_PERMITTED: &str = "purpose-not-permitted";
/// The disk of the node is too full to go on.
pub const DISK_FULL: &str = "disk-full";
/// The files of the job are not what they were.
pub const FILES_LOST: &str = "files-lost";

/// What a name of ours means and what to do, in Vietnamese and in English; empty for a name of another
/// version of this program.
pub fn explained(code: &str) -> (&'static str, &'static str) {
    match code {
        TOO_MANY_ROW_PROBLEMS => (
            "Quá nhiều dòng không đọc được: hãy xem kết quả, rồi gửi tệp đã sửa hoặc cho chạy tiếp.",
            "Too many rows cannot be read: look at the results, then send a mended file or resume.",
        ),
        QUOTA_EXCEEDED => (
            "Hạn mức của đơn vị không đủ cho các dòng tiếp theo: hãy cho chạy tiếp khi có hạn mức mới.",
            "Your quota has no room for the next rows: resume when it has.",
        ),
        CLIENT_NOT_ACTIVE => (
            "Đơn vị hiện chưa được phép gọi: hãy cho chạy tiếp khi được phép.",
            "Your system may not ask at present: resume when it may.",
        ),
        PURPOSE_NOT_PERMITTED => (
            "Đơn vị không còn được hỏi cho mục đích này: hãy liên hệ đơn vị vận hành.",
            "You may not ask for this purpose any more: contact the operator.",
        ),
        DISK_FULL => (
            "Ổ đĩa của cổng đã đầy: hãy cho chạy tiếp sau.",
            "The disk of the gateway is full: resume later.",
        ),
        FILES_LOST => (
            "Tệp của công việc không còn: hãy tạo công việc mới.",
            "The files of the job are not there any more: order a new one.",
        ),
        _ => ("", ""),
    }
}

impl JobProblem {
    /// One about no line.
    pub fn named(code: &str) -> Self {
        Self { code: code.to_owned(), line: None, detail: None }
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
        let detail = Some(problem.detail.to_string()).filter(|detail| !detail.is_empty());
        Self { code: problem.code.name().to_owned(), line: Some(problem.line), detail }
    }
}
