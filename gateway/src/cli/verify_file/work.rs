//! The job itself: created, sent, watched, fetched, whatever happens to the connection on the way.

use std::time::Duration;

use hyper::header::{CONTENT_RANGE, HeaderName, RANGE};
use hyper::{Method, StatusCode};

use super::job::{Job, Problem, State, is_plain_id};
use super::outputs::Outputs;
use super::patience::Patience;
use super::progress::Progress;
use super::source::Source;
use crate::cli::CliError;
use crate::cli::client::steady::{Answer, Call, SteadyClient, Trouble};
use crate::clock::{Clock, Random};
use crate::jobs::problem::{
    CLIENT_NOT_ACTIVE, DISK_FULL, PURPOSE_NOT_PERMITTED, QUOTA_EXCEEDED, TOO_MANY_ROW_PROBLEMS,
};

/// Largest part of a file that is sent at once, in bytes: the gateway takes no larger ones.
const PART_MAX: u64 = 16 << 20;
/// Parts shrink to this where the connection does not last.
const PART_MIN: u64 = 256 << 10;
/// Between two looks at a job that gets on, at first and at last.
const FIRST_LOOK: Duration = Duration::from_millis(200);
const LAST_LOOK: Duration = Duration::from_secs(3);

const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");

/// Why a part was not taken.
enum NotSent {
    /// The gateway has so many bytes of the file.
    Has(u64),
    Trouble(Trouble),
}

/// One run of the command.
pub(super) struct Work {
    pub(super) client: SteadyClient,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) give_up: Duration,
    pub(super) progress: Progress,
    pub(super) may_resume: bool,
}

impl Work {
    /// Creates a job; its identity.
    pub(super) async fn create(&mut self, order: &serde_json::Value) -> Result<String, CliError> {
        let call = Call::new(Method::POST, "/v1/jobs").json(order);
        let (answer, body) = self.insist(&call).await?;
        match answer.status {
            StatusCode::CREATED => {
                let job = parse(&body)?;
                let id = Some(job.id).filter(|id| is_plain_id(id));
                id.ok_or_else(|| CliError::Failed("the gateway names no job".into()))
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(CliError::Usage(answer.told_by(&body).to_string()))
            }
            _ => Err(refused(&answer, &body)),
        }
    }

    /// How a job stands.
    pub(super) async fn job(&mut self, id: &str) -> Result<Job, CliError> {
        let (answer, body) = self.insist(&Call::new(Method::GET, path(id, ""))).await?;
        match answer.status {
            StatusCode::OK => parse(&body),
            StatusCode::NOT_FOUND => Err(CliError::Failed(format!(
                "the gateway does not know the job {id} any more: remove what lies beside OUT to begin \
                 anew"
            ))),
            _ => Err(refused(&answer, &body)),
        }
    }

    /// Brings a job to its end and its results to OUT.
    pub(super) async fn finish(
        &mut self,
        outputs: &mut Outputs,
        source: &Source,
    ) -> Result<Job, CliError> {
        let id = outputs.id().to_owned();
        let (mut job, mut look, mut resumed_at) = (self.job(&id).await?, FIRST_LOOK, None);
        loop {
            let before = (job.state, job.lines);
            match job.state {
                State::Created | State::Receiving => {
                    job = self.send(job, outputs, source).await?;
                    continue;
                }
                State::Running => self.fetch(&id, job.result_bytes, outputs).await?,
                State::Paused => {
                    self.fetch(&id, job.result_bytes, outputs).await?;
                    // Once where it stands: who gets no further is told why.
                    if !self.may_resume || resumed_at.replace(job.lines) == Some(job.lines) {
                        return Err(stands_still(&job, outputs));
                    }
                    self.resume(&id).await?;
                }
                State::Done => return self.conclude(job, outputs).await,
                State::Failed | State::Cancelled => return Err(self.lost(&job, outputs).await?),
            }
            self.progress.rows(&job);
            tokio::time::sleep(look).await;
            job = self.job(&id).await?;
            let gets_on = before != (job.state, job.lines);
            look = if gets_on { FIRST_LOOK } else { (look * 2).min(LAST_LOOK) };
        }
    }

    /// Sends the file from where the gateway has it.
    async fn send(
        &mut self,
        mut job: Job,
        outputs: &mut Outputs,
        source: &Source,
    ) -> Result<Job, CliError> {
        let (id, size) = (job.id.clone(), source.bytes());
        let (mut part, mut patience) = (PART_MAX, Patience::new(self.give_up, &self.clock));
        let mut best = job.received_bytes;
        while matches!(job.state, State::Created | State::Receiving) {
            let offset = job.received_bytes;
            if offset > size {
                return Err(CliError::Failed("the gateway has more bytes than FILE".into()));
            }
            self.progress.sent(offset, size);
            let end = size.min(offset + part);
            let read = source.part(offset, end).await;
            if let Err(changed) = source.check_unchanged() {
                self.cancel(&id).await;
                outputs.give_up()?;
                return Err(changed);
            }
            let call = Call::new(Method::PUT, path(&id, "/file"))
                .header(UPLOAD_OFFSET, offset.to_string())
                .header(UPLOAD_COMPLETE, if end == size { "?1" } else { "?0" })
                .body(read?);
            match self.put(&call).await? {
                Ok(sent) => {
                    job = sent;
                    part = PART_MAX.min(part * 2);
                }
                Err(NotSent::Has(there)) if there != offset => {
                    let elsewhere = format!("the gateway has {there} bytes, and not {offset}");
                    self.rest(&mut patience, Trouble::Lost(elsewhere)).await?;
                    job.received_bytes = there;
                }
                Err(NotSent::Has(_)) => {
                    return Err(CliError::Failed("the gateway wants what it refuses".into()));
                }
                Err(NotSent::Trouble(trouble)) => {
                    self.rest(&mut patience, trouble).await?;
                    part = PART_MIN.max(part / 2);
                    job = self.job(&id).await?;
                }
            }
            if job.received_bytes > best {
                best = job.received_bytes;
                patience.succeeded(&self.clock);
            }
        }
        self.progress.sent(size, size);
        Ok(job)
    }

    /// Sends a part once.
    async fn put(&mut self, call: &Call) -> Result<Result<Job, NotSent>, CliError> {
        let (answer, body) = match self.once(call).await {
            Ok(answer) => answer,
            Err(trouble) => return Ok(Err(NotSent::Trouble(trouble))),
        };
        match answer.status {
            StatusCode::OK => parse(&body).map(Ok),
            // Another part is still coming in, or the job stands differently now: it is looked at again.
            StatusCode::CONFLICT => {
                let told = answer.told_by(&body);
                let later = || NotSent::Trouble(Trouble::Later { told, after: None });
                Ok(Err(upload_offset(&answer).map_or_else(later, NotSent::Has)))
            }
            _ => Err(refused(&answer, &body)),
        }
    }

    /// Fetches results up to a byte at least.
    async fn fetch(&mut self, id: &str, until: u64, outputs: &mut Outputs) -> Result<(), CliError> {
        let mut patience = Patience::new(self.give_up, &self.clock);
        while outputs.bytes() < until {
            let before = outputs.bytes();
            let fetched = self.fetch_once(id, outputs).await?;
            if outputs.bytes() > before {
                patience.succeeded(&self.clock);
            }
            if let Err(trouble) = fetched {
                self.rest(&mut patience, trouble).await?;
            }
        }
        Ok(())
    }

    /// Fetches what there is behind the results that are here. What has come before a connection breaks
    /// stays.
    async fn fetch_once(
        &mut self,
        id: &str,
        outputs: &mut Outputs,
    ) -> Result<Result<(), Trouble>, CliError> {
        let from = outputs.bytes();
        let call =
            Call::new(Method::GET, path(id, "/results")).header(RANGE, format!("bytes={from}-"));
        let mut answer = match self.client.attempt(&call).await {
            Ok(answer) => answer,
            Err(trouble) => return Ok(Err(trouble)),
        };
        match answer.status {
            StatusCode::PARTIAL_CONTENT if begins_at(&answer) == Some(from) => {}
            // Somebody on the way knows no ranges.
            StatusCode::OK => outputs.truncate()?,
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let nothing = "there are no further results yet".to_owned();
                return Ok(Err(Trouble::Lost(nothing)));
            }
            _ => {
                let body = match answer.whole().await {
                    Ok(body) => body,
                    Err(trouble) => return Ok(Err(trouble)),
                };
                // Another node of the gateway has them, and the next try may come to that one.
                if answer.status == StatusCode::CONFLICT {
                    let told = answer.told_by(&body);
                    return Ok(Err(Trouble::Later { told, after: None }));
                }
                return Err(refused(&answer, &body));
            }
        }
        loop {
            match answer.next().await {
                Ok(Some(bytes)) => outputs.append(&bytes)?,
                Ok(None) => return Ok(Ok(())),
                Err(trouble) => return Ok(Err(trouble)),
            }
        }
    }

    /// Lets a job that stands still go on.
    async fn resume(&mut self, id: &str) -> Result<(), CliError> {
        let (answer, body) = self.insist(&Call::new(Method::POST, path(id, "/resume"))).await?;
        match answer.status {
            // It stood still no more.
            StatusCode::CONFLICT => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refused(&answer, &body)),
        }
    }

    /// Nobody waits for it: a job that is left behind ends by itself.
    async fn cancel(&mut self, id: &str) {
        let _it_ends_by_itself = self.once(&Call::new(Method::DELETE, path(id, ""))).await;
    }

    /// Checks the results against what the gateway says of them, and gives them their name.
    async fn conclude(&mut self, job: Job, outputs: &mut Outputs) -> Result<Job, CliError> {
        let Some(digest) = job.digest.clone() else {
            return Err(CliError::Failed("the gateway gives no digest of the results".into()));
        };
        for is_again in [false, true] {
            if is_again {
                // A part that was written before the machine lost its power may hold anything.
                self.progress
                    .tell("the results do not have the digest of the job: fetching them again");
                outputs.truncate()?;
            }
            self.fetch(&job.id, digest.bytes, outputs).await?;
            if outputs.bytes() == digest.bytes && outputs.sha256().await? == digest.sha256 {
                outputs.publish()?;
                return Ok(job);
            }
        }
        let part = outputs.part_path().display();
        Err(CliError::Failed(format!("the results in {part} do not have the digest of the job")))
    }

    /// A job that is over without having done all; what is there of its results is fetched.
    async fn lost(&mut self, job: &Job, outputs: &mut Outputs) -> Result<CliError, CliError> {
        if let Err(error) = self.fetch(&job.id, job.result_bytes, outputs).await {
            self.progress.tell(&format!("not all of its results can be fetched: {error}"));
        }
        let why = match (job.state, &job.problem) {
            (State::Cancelled, _) => "the job was cancelled".to_owned(),
            (_, Some(problem)) => format!("the job has failed: {}", problem.sentence()),
            (_, None) => "the job has failed".to_owned(),
        };
        let part = match outputs.bytes() {
            0 => String::new(),
            _ => format!("\nwhat was answered before stays in {}", outputs.part_path().display()),
        };
        outputs.give_up()?;
        Ok(CliError::Failed(format!("{why}{part}")))
    }

    /// Sends a call until it is answered.
    async fn insist(&mut self, call: &Call) -> Result<(Answer, Vec<u8>), CliError> {
        let mut patience = Patience::new(self.give_up, &self.clock);
        loop {
            match self.once(call).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => self.rest(&mut patience, trouble).await?,
            }
        }
    }

    async fn once(&mut self, call: &Call) -> Result<(Answer, Vec<u8>), Trouble> {
        let mut answer = self.client.attempt(call).await?;
        let body = answer.whole().await?;
        Ok((answer, body))
    }

    /// Waits before a next try, if there is to be one.
    async fn rest(&mut self, patience: &mut Patience, trouble: Trouble) -> Result<(), CliError> {
        let after = match &trouble {
            Trouble::Denied(told) => return Err(CliError::Access(told.to_string())),
            Trouble::Unusable(why) => return Err(CliError::Failed(why.clone())),
            Trouble::Later { after, .. } => *after,
            Trouble::Lost(_) => None,
        };
        let Some(wait) = patience.next_wait(after, &self.clock, &self.random) else {
            return Err(CliError::Unavailable(trouble.to_string()));
        };
        self.progress.working(format!("{trouble}; trying again"));
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

fn path(id: &str, rest: &str) -> String {
    format!("/v1/jobs/{id}{rest}")
}

fn parse(body: &[u8]) -> Result<Job, CliError> {
    let failed = |error| CliError::Failed(format!("the gateway's job document is none: {error}"));
    serde_json::from_slice(body).map_err(failed)
}

fn refused(answer: &Answer, body: &[u8]) -> CliError {
    CliError::Failed(answer.told_by(body).to_string())
}

fn upload_offset(answer: &Answer) -> Option<u64> {
    answer.headers.get(UPLOAD_OFFSET)?.to_str().ok()?.trim().parse().ok()
}

/// The offset in `Content-Range: bytes N-...`.
fn begins_at(answer: &Answer) -> Option<u64> {
    let text = answer.headers.get(CONTENT_RANGE)?.to_str().ok()?;
    text.strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

/// A job that waits for somebody, as an error by what it waits for.
fn stands_still(job: &Job, outputs: &Outputs) -> CliError {
    let part = outputs.part_path().display();
    let code = job.problem.as_ref().map(|problem| problem.code.as_str());
    let why = job.problem.as_ref().map_or("somebody has paused it".to_owned(), Problem::sentence);
    let how = "the same command with --resume goes on";
    let text = format!("the job stands still: {why}\n{how}");
    match code {
        Some(TOO_MANY_ROW_PROBLEMS) => {
            let unread: u64 = job.summary.problems.values().sum();
            let (rows, anew) = (job.summary.rows, outputs.how_to_begin_anew());
            CliError::Threshold(format!(
                "the job stands still: {why}\n{unread} of {rows} rows have problems; the column problem \
                 in {part} tells which\n{how} all the same; {anew}"
            ))
        }
        Some(QUOTA_EXCEEDED | CLIENT_NOT_ACTIVE | PURPOSE_NOT_PERMITTED) => CliError::Access(text),
        Some(DISK_FULL) => CliError::Unavailable(text),
        Some(_) | None => CliError::Failed(text),
    }
}
