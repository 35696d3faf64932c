//! The section `[jobs]`: files in bulk.

use std::path::PathBuf;

use serde::Deserialize;

/// Where files in bulk are kept, how large they may be, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// Folder of this node's uploads and results.
    pub folder: PathBuf,
    /// Bytes of a file as it is sent.
    pub file_bytes_max: u64,
    /// Bytes of a file, unpacked.
    pub unpacked_bytes_max: u64,
    /// Bytes of the disk that stay free: below it nothing is received and no job goes on.
    pub free_bytes_min: u64,
    /// Jobs of one client that have not ended.
    pub open_max: u32,
    /// Days for which results are kept after the end of a job.
    pub retention_days: u32,
    /// Days after which a job is cancelled that waits for its file, or stands still.
    pub idle_days: u32,
    /// Rows that are asked, written and committed together.
    pub chunk_rows: u16,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self {
            folder: "jobs".into(),
            file_bytes_max: 16 << 30,
            unpacked_bytes_max: 64 << 30,
            free_bytes_min: 1 << 30,
            open_max: 4,
            retention_days: 7,
            idle_days: 7,
            chunk_rows: 2_000,
        }
    }
}

impl JobsConfig {
    /// The key that has no use as it is, and what it must be.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let wrong = [
            (self.file_bytes_max == 0, "jobs.file_bytes_max", "must be at least 1"),
            (self.unpacked_bytes_max == 0, "jobs.unpacked_bytes_max", "must be at least 1"),
            (self.open_max == 0, "jobs.open_max", "must be at least 1"),
            (self.retention_days == 0, "jobs.retention_days", "must be at least 1"),
            (self.idle_days == 0, "jobs.idle_days", "must be at least 1"),
            (!(1..=4_000).contains(&self.chunk_rows), "jobs.chunk_rows", "must be 1 to 4,000"),
        ];
        wrong.into_iter().find(|(is_wrong, ..)| *is_wrong).map(|(_, key, problem)| (key, problem))
    }
}
