//! How commands end: by which code, and what is done although something failed after it.

use std::fs;
use std::process::{Command, Output};

use anyhow::ensure;
use gateway::audit::LogEntry;

use super::programs::program;
use crate::support::{Kept, TestApp, entry_bytes};

fn run(kept: &Kept, args: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<(i32, String)> {
    let mut command = Command::new(program("gateway")?);
    command.arg("--config").arg(kept.config_file()).args(args);
    command.current_dir(kept.folder()).envs(environment.iter().copied());
    let Output { status, stderr, .. } = command.output()?;
    Ok((status.code().unwrap_or(-1), String::from_utf8(stderr)?))
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_code_5() -> anyhow::Result<()> {
    let kept = TestApp::start().await.stop().await.0;
    let nobody = [("GATEWAY_STORE__URL", "postgres://nobody@127.0.0.1:1/nothing")];
    for args in [&["client", "list"][..], &["log", "verify"], &["policy", "list"], &["serve"]] {
        let (code, told) = run(&kept, args, &nobody)?;
        ensure!(code == 5, "{args:?}: {code} {told}");
    }
    Ok(())
}

/// The act waits beside what it did, and the next start puts it into the log.
#[tokio::test]
async fn what_is_done_is_done_although_the_log_cannot_be_written() -> anyhow::Result<()> {
    let kept = TestApp::start().await.stop().await.0;
    let (key, away) = (kept.keys().join("log-n1.key"), kept.folder().join("away"));
    fs::rename(&key, &away)?;
    let suspended = ["client", "state", "carrier", "suspended", "--reason", "a leaked secret"];
    let (code, told) = run(&kept, &suspended, &[])?;
    ensure!(code == 0 && told.contains("it is done, and not in the log yet"), "{code} {told}");
    fs::rename(&away, &key)?;
    let app = kept.again().start().await;
    app.app.log_acts().await;
    let entries = entry_bytes(&app.app).await;
    let acts = entries.iter().filter_map(|bytes| match LogEntry::decode(bytes) {
        Ok(LogEntry::Act(act)) => Some(act.act.as_str().to_owned()),
        _ => None,
    });
    ensure!(acts.collect::<Vec<_>>() == ["client-suspended"]);
    Ok(())
}
