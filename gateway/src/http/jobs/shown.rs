//! How a job is shown.

use serde::Serialize;
use utoipa::ToSchema;

use super::unreadable;
use crate::app::App;
use crate::clock::Micros;
use crate::http::error::Problem;
use crate::jobs::problem::{self, JobProblem};
use crate::jobs::rows::FileCode;
use crate::jobs::{Digest, Order, Summary};
use crate::store::{JobChunkRow, JobRow};

/// Chunks over which the rate is measured.
const RATE_CHUNKS: i64 = 50;

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobReply {
    /// Its identity.
    pub(super) id: String,
    /// `created`, `receiving`, `running`, `paused`, `done`, `failed` or `cancelled`.
    pub(super) state: String,
    /// Purpose code, for every row.
    purpose: String,
    /// `verify`.
    mode: &'static str,
    /// How the file is written.
    format: &'static str,
    /// How the results are written.
    results: &'static str,
    /// Part of the rows that may be wrong.
    error_threshold: f64,
    /// Whether nobody is asked.
    dry_run: bool,
    /// When it was ordered, RFC 3339.
    created_at: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    /// Bytes of the file that are here; none once it was removed.
    received_bytes: u64,
    /// Bytes of the file, once it is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_bytes: Option<i64>,
    /// Rows that are done.
    rows: u64,
    /// Lines of the file that are done.
    lines: i64,
    /// Bytes of results that can be fetched.
    result_bytes: i64,
    /// Rows a second, of late.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_per_second: Option<u64>,
    /// About how long it goes on; unknown of compressed files.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
    /// What became of the rows so far.
    #[schema(value_type = Object)]
    summary: Summary,
    /// Why it stands still or has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<JobProblemReply>,
    /// What stands for the results, once they are whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DigestReply>,
}

/// Why a job stands still or has failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobProblemReply {
    /// Stable name.
    code: String,
    /// Line of the file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// Fields, numbers of columns and encodings that say more.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What it means and what to do, in Vietnamese.
    vi: &'static str,
    /// The same in English.
    en: &'static str,
}

/// What stands for the results of a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct DigestReply {
    /// SHA-256 of the results, hexadecimal.
    sha256: String,
    /// Their bytes.
    bytes: u64,
    /// Rows of the file.
    rows: u64,
    /// Signed note (C2SP `signed-note`) of these, with the key of the node's log.
    note: String,
}

/// Where the entries of a job stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptsReply {
    receipts: Vec<ReceiptRangeReply>,
    /// The `after` of the next page; null on the last one.
    next: Option<i64>,
}

/// Where the entries of a chunk stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptRangeReply {
    /// Number of the chunk, from 0.
    chunk: i64,
    /// Line of the file at which it begins.
    first_line: i64,
    /// The last line that is read with it.
    last_line: i64,
    /// Name of the log.
    log: String,
    /// Index of the first entry.
    first_index: i64,
    /// Entries, which follow without a gap.
    entries: i64,
}

impl ReceiptsReply {
    pub(super) fn new(mut chunks: Vec<JobChunkRow>, limit: usize) -> Self {
        let is_last = chunks.len() <= limit;
        chunks.truncate(limit);
        let next = chunks.last().filter(|_| !is_last).map(|chunk| chunk.number);
        let receipts = chunks.into_iter().map(|chunk| ReceiptRangeReply {
            chunk: chunk.number,
            first_line: chunk.first_line,
            last_line: chunk.lines,
            log: chunk.log,
            first_index: chunk.first_index,
            entries: chunk.entries,
        });
        Self { receipts: receipts.collect(), next }
    }
}

/// A job as it stands.
pub(super) async fn job_reply(app: &App, job: JobRow) -> Result<JobReply, Problem> {
    let done =
        app.store.last_chunk(&job.node, &job.id).await.map_err(|error| unreadable(&error))?;
    let done = done.unwrap_or_default();
    let rate = rate(app, &job, &done).await?;
    let order = Order::parse(&job.settings)
        .map_err(|_| Problem::from(crate::http::code::Code::InternalError))?;
    let summary: Summary = serde_json::from_str(&done.summary).unwrap_or_default();
    let received_bytes = app.job_files.received(&job.id).unwrap_or_default();
    let moment = |us: i64| Micros(us).to_string();
    let is_running = job.state == "running";
    let left = job.file_bytes.map(|bytes| (bytes - done.input_offset).max(0));
    let seconds_left = match (left, rate) {
        (Some(left), Some((_, bytes)))
            if is_running && bytes > 0.0 && done.input_offset <= job.file_bytes.unwrap_or(0) =>
        {
            Some((left as f64 / bytes).ceil() as u64)
        }
        _ => None,
    };
    Ok(JobReply {
        purpose: order.purpose.as_str().to_owned(),
        mode: order.mode.name(),
        format: order.format.name(),
        results: order.results.name(),
        error_threshold: order.error_threshold,
        dry_run: order.dry_run,
        created_at: moment(job.created_us),
        ended_at: job.ended_us.map(moment),
        received_bytes,
        file_bytes: job.file_bytes,
        rows: summary.rows,
        lines: done.lines,
        result_bytes: done.result_bytes,
        rows_per_second: rate.filter(|_| is_running).map(|(rows, _)| rows as u64),
        seconds_left,
        summary,
        problem: job.problem.as_deref().and_then(JobProblem::parse).map(problem_reply),
        digest: job
            .digest
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok())
            .map(|Digest { sha256, bytes, rows, note }| DigestReply { sha256, bytes, rows, note }),
        id: job.id,
        state: job.state,
    })
}

/// Rows and bytes a second over the last chunks.
async fn rate(app: &App, job: &JobRow, done: &JobChunkRow) -> Result<Option<(f64, f64)>, Problem> {
    let from = (done.number - RATE_CHUNKS).max(0);
    let first = app
        .store
        .chunks((&job.node, &job.id), from, 1)
        .await
        .map_err(|error| unreadable(&error))?;
    let Some(first) = first.first().filter(|first| first.at_us < done.at_us) else {
        return Ok(None);
    };
    let rows = |chunk: &JobChunkRow| {
        serde_json::from_str::<Summary>(&chunk.summary).map(|it| it.rows).unwrap_or_default()
    };
    let seconds = (done.at_us - first.at_us) as f64 / 1e6;
    let bytes = (done.input_offset - first.input_offset) as f64;
    Ok(Some((rows(done).saturating_sub(rows(first)) as f64 / seconds, bytes / seconds)))
}

fn problem_reply(found: JobProblem) -> JobProblemReply {
    let explained = FileCode::ALL.iter().find(|code| code.name() == found.code);
    let (vi, en) = match explained.map(|code| code.explained()) {
        Some(explained) => (explained.vi, explained.en),
        None => problem::explained(&found.code),
    };
    JobProblemReply { code: found.code, line: found.line, detail: found.detail, vi, en }
}
