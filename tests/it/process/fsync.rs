//! A disk that fails once: after an fsync that returned an error nothing more is answered, the
//! process ends, and the next one finds everything that was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use gateway::config::StoreConfig;
use gateway::store::Store;

use super::api::{Acknowledged, is_ready};
use super::load::Load;
use super::log;
use super::place::Place;
use super::programs::{Process, program};

/// Answers before the disk is told to fail.
const ANSWERS: usize = 50;
/// Which call fails, counted from there: of the write-ahead log at once, while a commit is
/// running, and later.
const COMMITS: [u32; 5] = [1, 2, 3, 17, 120];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_fsync_of_a_commit_nothing_more_is_answered() -> anyhow::Result<()> {
    nothing_is_answered_after("gateway.sqlite-wal", &COMMITS).await
}

async fn nothing_is_answered_after(file: &str, calls: &[u32]) -> anyhow::Result<()> {
    let place = Place::new()?;
    place.fresh_sandbox().await?.stop("TERM").await?;
    let disk = FailingDisk::make(&place, file)?;
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
    let mut sandbox = disk.sandbox(place).await?;
    let load = Load::start(&place.api("ndxp").await?, &place.people()?, &format!("call-{nth}"))?;
    load.wait_for_answers(ANSWERS).await?;
    disk.order(nth)?;
    let reached = disk.reached.clone();
    sandbox.wait_for("the disk is about to fail", async || reached.exists()).await?;
    let durable = entries_on_disk(place).await?;
    fs::write(&disk.go, "")?;
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
    disk.forget()?;
    Ok(answers.acknowledged)
}

/// How many entries are committed, seen from outside.
async fn entries_on_disk(place: &Place) -> anyhow::Result<usize> {
    let store =
        Store::open_existing(&StoreConfig::file(place.data().join("gateway.sqlite"))).await?;
    let checkpoint = store.checkpoint("n1").await?.context("the log has a checkpoint")?;
    Ok(usize::try_from(checkpoint.tree_size)?)
}

/// `tests/faults/fsync.c`, made ready for one file.
struct FailingDisk {
    library: PathBuf,
    file: PathBuf,
    order: PathBuf,
    reached: PathBuf,
    go: PathBuf,
}

impl FailingDisk {
    fn make(place: &Place, file: &str) -> anyhow::Result<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/fsync.c");
        let library = place.root().join("fsync.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]).arg(&library);
        let compiled = compiler.arg(source).output().context("cc")?;
        if !compiled.status.success() {
            bail!("{}", String::from_utf8_lossy(&compiled.stderr));
        }
        let order = place.root().join("disk");
        Ok(Self {
            library,
            // As the system names it, whatever links lead there.
            file: fs::canonicalize(place.data())?.join(file),
            reached: order.with_extension("reached"),
            go: order.with_extension("go"),
            order,
        })
    }

    /// A sandbox on this disk, ready to answer.
    async fn sandbox(&self, place: &Place) -> anyhow::Result<Process> {
        let mut command = Command::new(program("gateway")?);
        command.args(["sandbox", "--port", &place.port.to_string()]);
        command.env("LD_PRELOAD", &self.library);
        command.env("FSYNC_FAULT_FILE", &self.file).env("FSYNC_FAULT_ORDER", &self.order);
        let mut sandbox = place.spawn(&mut command, "failing-disk")?;
        sandbox.wait_for("the sandbox is ready", async || is_ready(place.port).await).await?;
        Ok(sandbox)
    }

    /// Lets the nth call from now on fail.
    fn order(&self, nth: u32) -> anyhow::Result<()> {
        // Renamed, so that nobody reads half a number.
        let draft = self.order.with_extension("draft");
        fs::write(&draft, nth.to_string())?;
        Ok(fs::rename(draft, &self.order)?)
    }

    /// Is a good disk again, for the next process.
    fn forget(&self) -> anyhow::Result<()> {
        for path in [&self.order, &self.reached, &self.go] {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}
