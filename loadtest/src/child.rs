//! Processes that we start. They never outlive us: whoever holds one holds the duty to stop it,
//! on every way out.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;

/// How long a process may take to stop by itself; the gateway finishes its open batches.
const STOP_MAX: Duration = Duration::from_secs(5);

/// How often we look whether it has.
const STOP_POLL: Duration = Duration::from_millis(20);

/// Lines of a failed process' output that are quoted.
const QUOTED_LINES: usize = 15;

/// A running process, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    name: &'static str,
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts a process whose output goes to a file in `folder`.
    ///
    /// Its standard input is a pipe that we never write to: it ends when we do, which tells a
    /// child that looks at it even after a SIGKILL.
    pub(crate) fn start(
        name: &'static str,
        command: &mut Command,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("the log of {name}"))?;
        let errors = output.try_clone().with_context(|| format!("the log of {name}"))?;
        let process = command
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        Ok(Self { name, process, log })
    }

    /// Starts a process that is talked to through pipes; what it complains about goes to `log`.
    pub(crate) fn start_piped(
        name: &'static str,
        command: &mut Command,
        log: PathBuf,
    ) -> anyhow::Result<(Self, ChildStdin, ChildStdout)> {
        let errors = File::create(&log).with_context(|| format!("the log of {name}"))?;
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let child = Self { name, process, log };
        let (input, output) = pipes.with_context(|| format!("{name} has no pipes"))?;
        Ok((child, input, output))
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Refuses once the process has ended, with its last words.
    pub(crate) fn check_running(&mut self) -> Result<(), Failure> {
        let status = self.process.try_wait().context("waiting for a child")?;
        match status {
            None => Ok(()),
            Some(status) => Err(Failure::Unavailable(format!(
                "{} ended by itself ({status}):\n{}",
                self.name,
                self.last_words()
            ))),
        }
    }

    /// The end of its output.
    pub(crate) fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(Some(_)))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        // The id is still ours: a child that ended is kept by the system until it is waited for.
        // Failures have no better handler than the kill below.
        let _ = kill_process(Pid::from_child(&self.process), Signal::INT);
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(STOP_POLL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(script: &str) -> (tempfile::TempDir, Child) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let child = Child::start("sleeper", &mut command, folder.path()).unwrap();
        (folder, child)
    }

    fn is_alive(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn a_dropped_child_is_stopped() {
        let (_folder, child) = sleeper("exec sleep 60");
        let pid = child.pid();
        assert!(is_alive(pid));
        drop(child);
        assert!(!is_alive(pid));
    }

    #[test]
    fn a_child_is_stopped_when_its_holder_panics() {
        let (_folder, child) = sleeper("exec sleep 60");
        let pid = child.pid();
        let holder = std::thread::spawn(move || {
            let _held = child;
            panic!("on purpose");
        });
        assert!(holder.join().is_err());
        assert!(!is_alive(pid));
    }

    #[test]
    fn a_child_that_ended_is_reported_with_its_last_words() {
        let (_folder, mut child) = sleeper("echo no port free; exit 3");
        child.process.wait().unwrap();
        let failure = child.check_running().unwrap_err();
        assert_eq!(failure.exit_code(), 5);
        assert!(failure.to_string().contains("no port free"), "{failure}");
    }
}
