//! One job on its way: rows are read, decided, written and committed, a chunk after the other. A few chunks
//! are on their way at once, and they are written and committed in the order of the file.
//!
//! Results are made durable first; then one commit holds the chunk's entries, its counters, how far the
//! file is read and how long the results are. So whatever ends the process, the next run finds the file
//! at a place where everything before it is answered, logged and counted, and nothing behind it.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::chunk::{self, DecidedChunk, NotDecided};
use super::order::{Order, UnknownOrder};
use super::problem::{self, JobProblem};
use super::reading::{self, NotRead, ReadChunk};
use super::results;
use super::rows::{Position, Reading};
use super::summary::Summary;
use crate::app::App;
use crate::audit::LogUnavailable;
use crate::clock::Micros;
use crate::request::ClientId;
use crate::store::{JobChunkRow, JobRow, StoreError, append_durably};

/// Chunks on their way at once: one waits, one is asked and compared, one is written.
const ON_THE_WAY: usize = 3;
/// Rows before which nobody judges how many cannot be read.
const JUDGED_ROWS: u64 = 1_000;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Every row has its result.
    Whole,
    /// Somebody has cancelled or paused it.
    Taken,
    /// It stands still until somebody does something about it.
    Stuck(JobProblem),
    /// It cannot go on.
    Failed(JobProblem),
    /// The gateway stops.
    Stopped,
}

/// Why a run did not get on. The next one may.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LogUnavailable),
    #[error("the register did not answer")]
    Register,
    #[error("the lane had no place")]
    Lane,
    #[error("a file of the job cannot be read or written")]
    File(#[from] io::Error),
    #[error(transparent)]
    Order(#[from] UnknownOrder),
    #[error("a task of the job has failed")]
    Task,
}

/// A job that runs.
struct Run<'a> {
    app: &'a Arc<App>,
    job: &'a JobRow,
    order: Arc<Order>,
    client: ClientId,
    results: Arc<File>,
    summary: Summary,
    /// Number of the next chunk to be committed.
    next: i64,
    /// Line at which it begins.
    first_line: u64,
    result_bytes: u64,
    /// How many chunks are decided, all of them from the first one on.
    decided: watch::Sender<i64>,
    on_the_way: VecDeque<JoinHandle<Result<DecidedChunk, NotDecided>>>,
}

/// Runs a job from where it stands, until it ends or `stop` turns true.
pub(super) async fn run(
    app: &Arc<App>,
    job: &JobRow,
    stop: &watch::Receiver<bool>,
) -> Result<Ended, Interrupted> {
    let order = Arc::new(Order::parse(&job.settings)?);
    let client = ClientId::parse(&job.client_id).map_err(|_| UnknownOrder)?;
    let done = app.store.last_chunk(&job.node, &job.id).await?.unwrap_or_default();
    let is_new = done.job_id.is_empty();
    let start = (!is_new).then(|| Position {
        offset: done.input_offset.unsigned_abs(),
        lines: done.lines.unsigned_abs(),
    });
    let result_bytes = done.result_bytes.unsigned_abs();
    let results = match app.job_files.open_results(&job.id, result_bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Ended::Failed(JobProblem::named(problem::FILES_LOST)));
        }
        results => results?,
    };
    let upload = match app.job_files.open_upload(&job.id) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Ended::Failed(JobProblem::named(problem::FILES_LOST)));
        }
        upload => upload?,
    };
    let mut summary = Summary::default();
    if !is_new {
        summary = serde_json::from_str(&done.summary).map_err(|_| UnknownOrder)?;
    }
    let next = if is_new { 0 } else { done.number + 1 };
    let reading = Reading {
        format: order.format,
        columns: order.columns.clone(),
        // The same whenever it is read.
        current_year: Micros(job.created_us).vietnamese_hour().date.year(),
        bytes_max: app.config.jobs.unpacked_bytes_max,
    };
    let chunks = reading::read(upload, &order, reading, start);
    let run = Run {
        app,
        job,
        order,
        client,
        results: Arc::new(results),
        summary,
        next,
        first_line: done.lines.unsigned_abs() + 1,
        result_bytes,
        decided: watch::Sender::new(next),
        on_the_way: VecDeque::new(),
    };
    run.go(chunks, stop).await
}

impl Run<'_> {
    async fn go(
        mut self,
        mut chunks: mpsc::Receiver<Result<ReadChunk, NotRead>>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Ended, Interrupted> {
        let (mut number, mut end) = (self.next, None);
        loop {
            while end.is_none() && self.on_the_way.len() < ON_THE_WAY {
                match chunks.recv().await {
                    Some(Ok(chunk)) => {
                        self.begin(number, chunk);
                        number += 1;
                    }
                    Some(Err(NotRead::Problem(found))) => {
                        end = Some(Ended::Failed(JobProblem::from(&found)));
                    }
                    None => end = Some(Ended::Whole),
                }
            }
            let Some(oldest) = self.on_the_way.pop_front() else {
                return Ok(end.unwrap_or(Ended::Whole));
            };
            let decided = match oldest.await.map_err(|_| Interrupted::Task)? {
                Ok(decided) => decided,
                Err(NotDecided::Stuck(found)) => return Ok(Ended::Stuck(found)),
                Err(NotDecided::Register) => return Err(Interrupted::Register),
                Err(NotDecided::Lane) => return Err(Interrupted::Lane),
                Err(NotDecided::Log(unavailable)) => return Err(unavailable.into()),
            };
            self.commit(decided).await?;
            if *stop.borrow() {
                return Ok(Ended::Stopped);
            }
            if let Some(ended) = self.judge().await? {
                return Ok(ended);
            }
        }
    }

    /// Has a chunk decided when all before it are: while they are written and committed, and while
    /// those behind are read.
    fn begin(&mut self, number: i64, chunk: ReadChunk) {
        let (app, order) = (Arc::clone(self.app), Arc::clone(&self.order));
        let (client, decided) = (self.client.clone(), self.decided.clone());
        let decide = async move {
            let mut turns = decided.subscribe();
            // What it gives back holds a lock.
            drop(turns.wait_for(|count| *count >= number).await);
            let result = chunk::decide(&app, &order, &client, chunk).await;
            if result.is_ok() {
                decided.send_replace(number + 1);
            }
            result
        };
        self.on_the_way.push_back(tokio::spawn(decide));
    }

    /// First the results, durably; then everything else in one commit.
    async fn commit(&mut self, chunk: DecidedChunk) -> Result<(), Interrupted> {
        let DecidedChunk { lines, summary, decided, end, pass } = chunk;
        let mut bytes = Vec::new();
        if self.next == 0 {
            bytes = results::head(self.order.results);
        }
        bytes.extend_from_slice(&lines);
        let (file, result_bytes) =
            (Arc::clone(&self.results), self.result_bytes + bytes.len() as u64);
        tokio::task::spawn_blocking(move || append_durably(&file, &bytes))
            .await
            .map_err(|_| Interrupted::Task)??;
        self.summary.merge(&summary);
        let row = JobChunkRow {
            job_id: self.job.id.clone(),
            number: self.next,
            log: self.job.node.clone(),
            first_line: self.first_line as i64,
            input_offset: end.offset as i64,
            lines: end.lines as i64,
            result_bytes: result_bytes as i64,
            summary: serde_json::to_string(&self.summary).unwrap_or_default(),
            at_us: self.app.clock.now().0,
            ..JobChunkRow::default()
        };
        match decided {
            Some(mut decided) if !decided.entries.is_empty() => {
                decided.together.chunk = Some(row);
                self.app.audit.record_together(&decided.entries, decided.together).await?;
            }
            Some(_) | None => self.app.store.add_chunk(&row).await?,
        }
        drop(pass);
        (self.next, self.result_bytes) = (self.next + 1, result_bytes);
        self.first_line = end.lines + 1;
        Ok(())
    }

    /// Whether it goes on behind a chunk.
    async fn judge(&self) -> Result<Option<Ended>, Interrupted> {
        let job = self.app.store.job(&self.job.id).await?;
        if job.is_none_or(|job| job.state != "running") {
            return Ok(Some(Ended::Taken));
        }
        let (rows, unread) = (self.summary.rows, self.summary.unread());
        let is_judged = rows >= JUDGED_ROWS && !self.order.dry_run;
        if is_judged && unread as f64 > rows as f64 * self.order.error_threshold {
            let found = JobProblem::named(problem::TOO_MANY_ROW_PROBLEMS);
            return Ok(Some(Ended::Stuck(found)));
        }
        if self.app.job_files.free_bytes()? < self.app.config.jobs.free_bytes_min {
            return Ok(Some(Ended::Stuck(JobProblem::named(problem::DISK_FULL))));
        }
        Ok(None)
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // What is on its way was not told to anybody: the next run asks it again.
        for decided in &self.on_the_way {
            decided.abort();
        }
    }
}

/// How long a job rests after it was interrupted so many times in a row.
pub(super) fn rest(times: u32) -> Duration {
    Duration::from_millis(200 << times.min(6))
}
