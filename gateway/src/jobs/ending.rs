//! The end of a job: its state, the digest of its results, and what is removed then.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::problem::{self, JobProblem};
use super::run::Ended;
use crate::app::App;
use crate::audit::log_signer;
use crate::hex::hex;
use crate::store::{JobChange, JobRow, StoreError};

/// Bytes of results that are hashed at once.
const HASHED_AT_ONCE: usize = 1 << 20;
const DAY_SECONDS: i64 = 86_400;

/// States in which a job has not ended.
pub const OPEN: [&str; 4] = ["created", "receiving", "running", "paused"];

/// What stands for the results of a job: whoever has them can show that they are these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// SHA-256 of the results, hexadecimal.
    pub sha256: String,
    /// Their bytes.
    pub bytes: u64,
    /// Rows of the file.
    pub rows: u64,
    /// A signed note (C2SP `signed-note`) of these, with the key of the node's log.
    pub note: String,
}

/// Writes down how a run of a job ended.
///
/// # Errors
/// If the store does not take it: the next run comes to the same end.
pub(super) async fn conclude(app: &Arc<App>, job: &JobRow, ended: Ended) -> Result<(), StoreError> {
    let at_us = app.clock.now().0;
    let running = JobChange { from: &["running"], at_us, ..JobChange::default() };
    match ended {
        Ended::Stopped => Ok(()),
        Ended::Taken => {
            remove_upload_if_ended(app, &job.id).await;
            Ok(())
        }
        Ended::Stuck(found) => {
            let problem = found.to_json();
            let change = JobChange { to: "paused", problem: Some(&problem), ..running };
            app.store.change_job(&job.id, &change).await.map(drop)
        }
        Ended::Failed(found) => fail(app, job, &found, running).await,
        Ended::Whole => match digest(app, job).await? {
            None => fail(app, job, &JobProblem::named(problem::FILES_LOST), running).await,
            Some(digest) => {
                let digest = serde_json::to_string(&digest).unwrap_or_default();
                let change =
                    JobChange { to: "done", digest: Some(&digest), has_ended: true, ..running };
                app.store.change_job(&job.id, &change).await?;
                remove_upload(app, &job.id);
                Ok(())
            }
        },
    }
}

async fn fail(
    app: &App,
    job: &JobRow,
    found: &JobProblem,
    running: JobChange<'_>,
) -> Result<(), StoreError> {
    let problem = found.to_json();
    let change = JobChange { to: "failed", problem: Some(&problem), has_ended: true, ..running };
    app.store.change_job(&job.id, &change).await?;
    remove_upload(app, &job.id);
    Ok(())
}

/// The digest of the results as they were committed; none where they cannot be read any more.
async fn digest(app: &Arc<App>, job: &JobRow) -> Result<Option<Digest>, StoreError> {
    let Some(done) = app.store.last_chunk(&job.node, &job.id).await? else { return Ok(None) };
    let bytes = done.result_bytes.unsigned_abs();
    let (files, id) = (app.job_files.clone(), job.id.clone());
    let hashed = tokio::task::spawn_blocking(move || {
        let (mut context, mut offset) = (Context::new(&SHA256), 0);
        while offset < bytes {
            let length = HASHED_AT_ONCE.min((bytes - offset) as usize);
            let read = files.read_results(&id, offset, length).ok()?;
            if read.len() < length {
                return None;
            }
            context.update(&read);
            offset += length as u64;
        }
        Some(hex(context.finish().as_ref()))
    });
    let Ok(Some(sha256)) = hashed.await else { return Ok(None) };
    let rows = serde_json::from_str::<super::summary::Summary>(&done.summary);
    let rows = rows.map(|summary| summary.rows).unwrap_or_default();
    // The key was there when the log was opened.
    let Ok(signer) = log_signer(&app.keys, &app.config.log) else { return Ok(None) };
    let note = signer.sign_results(&job.id, &sha256, bytes, rows);
    Ok(Some(Digest { sha256, bytes, rows, note }))
}

/// An upload is full of what a client holds about people: it does not outlive its job.
pub fn remove_upload(app: &App, id: &str) {
    if let Err(error) = app.job_files.remove_upload(id) {
        let error = &error as &dyn std::error::Error;
        tracing::error!(job = id, error, "an upload cannot be removed; trying again");
    }
}

async fn remove_upload_if_ended(app: &App, id: &str) {
    match app.store.job(id).await {
        Ok(Some(job)) if OPEN.contains(&job.state.as_str()) => {}
        Ok(_) => remove_upload(app, id),
        Err(_) => {}
    }
}

/// Removes what nobody needs any more: uploads of jobs that have ended, results whose time is over, and
/// jobs that wait for somebody who does not come.
pub(super) async fn tidy(app: &Arc<App>) {
    if let Err(error) = try_to_tidy(app).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "files of jobs cannot be tidied; trying again");
    }
}

async fn try_to_tidy(app: &App) -> Result<(), StoreError> {
    let (node, config, now) = (app.config.log.name.as_str(), &app.config.jobs, app.clock.now());
    let before = |days: u32| now.plus_seconds(-i64::from(days) * DAY_SECONDS).0;
    for state in ["created", "receiving", "paused"] {
        for job in app.store.jobs_resting(node, state, before(config.idle_days)).await? {
            let change = JobChange {
                from: &[state],
                to: "cancelled",
                at_us: now.0,
                has_ended: true,
                ..JobChange::default()
            };
            app.store.change_job(&job.id, &change).await?;
        }
    }
    for state in ["done", "failed", "cancelled"] {
        for job in app.store.jobs_resting(node, state, before(config.retention_days)).await? {
            forget(app, &job).await?;
        }
    }
    let uploads = app.job_files.uploads().unwrap_or_else(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "the folder of jobs cannot be read");
        Vec::new()
    });
    for id in uploads {
        remove_upload_if_ended(app, &id).await;
    }
    Ok(())
}

/// Removes the results of a job that has ended, and then the job.
///
/// # Errors
/// If the store does not answer.
pub async fn forget(app: &App, job: &JobRow) -> Result<(), StoreError> {
    remove_upload(app, &job.id);
    match app.job_files.remove_results(&job.id) {
        Ok(()) => app.store.forget_job(&job.node, &job.id).await.map(drop),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(job = job.id, error, "results cannot be removed; trying again");
            Ok(())
        }
    }
}
