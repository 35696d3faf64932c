//! A disk that fails once: after an fsync that returned an error nothing more is answered, the
//! process ends, and the next one finds everything that was.

use std::fs;
use std::process::Command;

use anyhow::{Context, ensure};
use gateway::config::StoreConfig;
use gateway::store::Store;

use super::api::{Acknowledged, is_ready};
use super::failing_disk::FailingDisk;
use super::load::Load;
use super::log;
use super::place::Place;
use super::programs::{Process, program};

/// Answers before the disk is told to fail.
const ANSWERS: usize = 50;
/// Which call fails, counted from there: of the write-ahead log at once, while a commit is
/// running, and later.
const COMMITS: [u32; 5] = [1, 2, 3, 17, 120];
/// Of the database itself: written once in some hundred commits, when the write-ahead log is
/// carried over.
const CARRIED_OVER: [u32; 2] = [1, 2];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_fsync_of_a_commit_nothing_more_is_answered() -> anyhow::Result<()> {
    nothing_is_answered_after("gateway.sqlite-wal", &COMMITS).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_fsync_of_the_database_nothing_more_is_answered() -> anyhow::Result<()> {
    nothing_is_answered_after("gateway.sqlite", &CARRIED_OVER).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_fsync_of_what_is_not_the_log_ends_the_process_too() -> anyhow::Result<()> {
    let place = Place::new()?;
    place.fresh_sandbox().await?.stop("TERM").await?;
    let path = fs::canonicalize(place.data())?.join("gateway.sqlite-wal");
    let disk = FailingDisk::make(place.root(), path)?;
    let mut sandbox = sandbox(&place, &disk).await?;
    let api = place.api("ndxp").await?;
    disk.order(1)?;
    // Counted beside the log, and written down later.
    let malformed = api.verify(&serde_json::json!({})).await?;
    ensure!(malformed.status.is_client_error(), "{}", malformed.body);
    sandbox.wait_for("the disk is about to fail", async || disk.is_about_to_fail()).await?;
    disk.go()?;
    let ended = sandbox.ended().await?;
    ensure!(ended.status.code() == Some(1), "{}: {}", ended.status, ended.stderr);
    ensure!(ended.stderr.contains("unknown state"), "{}", ended.stderr);
    disk.recover()?;
    place.check_log().await
}

async fn nothing_is_answered_after(file: &str, calls: &[u32]) -> anyhow::Result<()> {
    let place = Place::new()?;
    place.fresh_sandbox().await?.stop("TERM").await?;
    // As the system names it, whatever links lead there.
    let path = fs::canonicalize(place.data())?.join(file);
    let disk = FailingDisk::make(place.root(), path)?;
    let mut acknowledged = Vec::new();
    for nth in calls {
        let round = round(&place, &disk, *nth).await;
        acknowledged.extend(round.with_context(|| format!("call {nth} of {file}"))?);
        place.check_log().await?;
    }
    let sandbox = place.sandbox(&[]).await?;
    ensure!(place.api("ndxp").await?.get("/v1/whoami").await?.status.is_success());
    sandbox.stop("TERM").await?;
    place.check_log().await?;
    log::check_promises(&place.data(), &acknowledged).await
}

/// A sandbox under load whose disk fails; what it has answered.
async fn round(place: &Place, disk: &FailingDisk, nth: u32) -> anyhow::Result<Vec<Acknowledged>> {
    let mut sandbox = sandbox(place, disk).await?;
    let load = Load::start(&place.api("ndxp").await?, &place.people()?, &format!("call-{nth}"))?;
    load.wait_for_answers(ANSWERS).await?;
    disk.order(nth)?;
    sandbox.wait_for("the disk is about to fail", async || disk.is_about_to_fail()).await?;
    let durable = entries_on_disk(place).await?;
    disk.go()?;
    let answers = load.broken().await?;
    let ended = sandbox.ended().await?;
    ensure!(ended.status.code() == Some(1), "{}: {}", ended.status, ended.stderr);
    ensure!(ended.stderr.contains("unknown state"), "{}", ended.stderr);
    for promise in &answers.acknowledged {
        ensure!(promise.index < durable, "{promise:?} came after the disk had failed");
    }
    for (status, code) in answers.others.keys() {
        ensure!((*status, code.as_str()) == (503, "log-unavailable"), "{status} {code}");
    }
    disk.recover()?;
    Ok(answers.acknowledged)
}

/// How many entries are committed, seen from outside.
async fn entries_on_disk(place: &Place) -> anyhow::Result<usize> {
    let store =
        Store::open_existing(&StoreConfig::file(place.data().join("gateway.sqlite"))).await?;
    let checkpoint = store.checkpoint("n1").await?.context("the log has a checkpoint")?;
    Ok(usize::try_from(checkpoint.tree_size)?)
}

/// A sandbox on this disk, ready to answer.
async fn sandbox(place: &Place, disk: &FailingDisk) -> anyhow::Result<Process> {
    let mut command = Command::new(program("gateway")?);
    command.args(["sandbox", "--port", &place.port.to_string()]).envs(disk.environment());
    let mut sandbox = place.spawn(&mut command, "failing-disk")?;
    sandbox.wait_for("the sandbox is ready", async || is_ready(place.port).await).await?;
    Ok(sandbox)
}
