//! Processes that a test starts: found beside the test itself, never outliving it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// The longest that anything here may take: a start in the dev profile with both cores busy takes
/// seconds.
pub(super) const LIMIT: Duration = Duration::from_mins(1);
/// The gateway's default `server.drain_timeout_ms`.
const DRAIN: Duration = Duration::from_secs(10);
/// Lines of a process's complaints that a message quotes.
const QUOTED_LINES: usize = 10;
/// How often we look.
const POLL: Duration = Duration::from_millis(10);

/// A program of the workspace.
pub(super) fn program(name: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("the test lies in a folder")?;
    let path = folder.join(name);
    ensure!(
        path.is_file(),
        "there is no `{name}` beside this test: run `cargo build --workspace --bins` first, in \
         the same profile"
    );
    Ok(path)
}

/// Waits until `condition` holds, at most [`LIMIT`].
pub(super) async fn wait_for(
    what: &str,
    mut condition: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let polling = async {
        while !condition().await? {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    };
    match tokio::time::timeout(LIMIT, polling).await {
        Ok(done) => done,
        Err(_) => bail!("waited {LIMIT:?} in vain: {what}"),
    }
}

/// A running process whose output goes to files. Dropped, it is killed.
pub(super) struct Process {
    child: Child,
    output: PathBuf,
    errors: PathBuf,
}

/// A process that has ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Process {
    /// Starts `command`; `name` tells its output from that of others in the folder `logs`.
    pub(super) fn start(command: &mut Command, logs: &Path, name: &str) -> anyhow::Result<Self> {
        let (output, errors) = (logs.join(format!("{name}.out")), logs.join(format!("{name}.err")));
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(&output)?)
            .stderr(File::create(&errors)?)
            .spawn()
            .with_context(|| format!("{name} starts"))?;
        Ok(Self { child, output, errors })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(super) fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status()?;
        ensure!(sent.success(), "SIG{name} cannot be sent");
        Ok(())
    }

    /// `kill -9`.
    pub(super) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop, and expects it to end well within the time that the gateway gives to
    /// requests in progress.
    pub(super) async fn stop(self, signal: &str) -> anyhow::Result<()> {
        self.signal(signal)?;
        let Ended { status, stderr, .. } = tokio::time::timeout(DRAIN, self.ended()).await??;
        ensure!(status.success(), "{status} after SIG{signal}: {stderr}");
        ensure!(!stderr.contains("gateway: "), "it complains about being stopped: {stderr}");
        Ok(())
    }

    /// Waits until it has ended by itself.
    pub(super) async fn ended(mut self) -> anyhow::Result<Ended> {
        let mut ended = None;
        wait_for("the process ends", async || {
            ended = self.child.try_wait()?;
            Ok(ended.is_some())
        })
        .await
        .with_context(|| last_words(&self.errors))?;
        let status = ended.context("it has ended")?;
        Ok(Ended { status, stdout: self.output(), stderr: self.errors() })
    }

    /// Waits for something that the process is to bring about.
    pub(super) async fn wait_for(
        &mut self,
        what: &str,
        mut condition: impl AsyncFnMut() -> bool,
    ) -> anyhow::Result<()> {
        let (child, errors) = (&mut self.child, &self.errors);
        wait_for(what, async || {
            if let Some(status) = child.try_wait()? {
                bail!("{status} before this: {what}\n{}", last_words(errors));
            }
            Ok(condition().await)
        })
        .await
        .with_context(|| last_words(errors))
    }

    /// Waits until it has printed something.
    pub(super) async fn wait_for_output(&mut self, text: &str) -> anyhow::Result<()> {
        let output = self.output.clone();
        self.wait_for(text, async || read(&output).contains(text)).await
    }

    /// Waits until it has complained about something.
    pub(super) async fn wait_for_complaint(&mut self, text: &str) -> anyhow::Result<()> {
        let errors = self.errors.clone();
        self.wait_for(text, async || read(&errors).contains(text)).await
    }

    /// What it has printed so far.
    pub(super) fn output(&self) -> String {
        read(&self.output)
    }

    /// What it has complained about so far.
    pub(super) fn errors(&self) -> String {
        read(&self.errors)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The end of what a process has said, for a message.
fn last_words(path: &Path) -> String {
    let text = read(path);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
}
