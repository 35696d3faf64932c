//! `gateway events follow`, killed and gone on with, and `gateway usage`, as their users meet them.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use gateway::access::{self, Administrator};
use gateway::audit::RequestIds;
use gateway::clock::Random;
use gateway::store::Store;
use serde_json::Value;

use super::programs::{Process, program};
use crate::support::{Kept, TestApp, about_person};

fn gateway(kept: &Kept, args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(program("gateway")?);
    command.arg("--config").arg(kept.config_file()).args(args).current_dir(kept.folder());
    Ok(command)
}

/// What a command prints that must succeed.
fn run(kept: &Kept, args: &[&str]) -> anyhow::Result<String> {
    let ended = gateway(kept, args)?.output()?;
    ensure!(ended.status.success(), "{args:?}: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(String::from_utf8(ended.stdout)?)
}

/// Suspends a client, or has it called again, so many times; each is an act.
async fn act(app: &TestApp, ids: &RequestIds, times: usize) -> anyhow::Result<()> {
    use gateway::auth::ClientState::{Active, Suspended};
    let reason = access::parse_reason("a test").ok();
    for n in 0..times {
        let at = app.app.clock.now();
        let by = Administrator { by: "test".into(), request_id: ids.next(at), at };
        let to = (if n % 2 == 0 { Suspended } else { Active }, reason.as_ref());
        let run = access::Run::Real;
        access::set_client_state(&app.app.store, &by, "carrier", to, run).await?;
    }
    app.app.log_acts().await;
    Ok(())
}

fn indexes(lines: &str) -> anyhow::Result<Vec<u64>> {
    let index = |line: &str| -> anyhow::Result<u64> {
        let line: Value = serde_json::from_str(line)?;
        line["index"].as_u64().context("an index")
    };
    lines.lines().map(index).collect()
}

#[tokio::test]
async fn whoever_goes_on_behind_the_last_line_misses_nothing_and_sees_nothing_twice()
-> anyhow::Result<()> {
    let app = TestApp::start().await;
    let (kept, ids) = (app.kept(), RequestIds::new(&Random::seeded(5)));
    // As `gateway serve` does, so that commands leave the log to it.
    let _held = Store::hold(&app.config.store, "n1").await?;
    app.caller("hospital").await.report("").await.ok();
    act(&app, &ids, 4).await?;
    let follow = ["events", "follow", "--after"];
    let mut first = Process::start(&mut gateway(&kept, &follow[..2])?, kept.folder(), "first")?;
    first.wait_for_output("\"index\":3").await?;
    act(&app, &ids, 2).await?;
    first.wait_for_output("\"index\":5").await?;
    let seen = first.output();
    first.kill()?;
    act(&app, &ids, 4).await?;
    let last = indexes(&seen)?.last().copied().context("a line")?;
    let place = format!("n1/{last}");
    let after = [&follow[..], &[place.as_str()]].concat();
    let mut second = Process::start(&mut gateway(&kept, &after)?, kept.folder(), "second")?;
    second.wait_for_output("\"index\":9").await?;
    let all = [indexes(&seen)?, indexes(&second.output())?].concat();
    ensure!(all == (0..10).collect::<Vec<u64>>(), "{all:?}");
    second.stop("TERM").await?;

    let once = run(&kept, &["events", "follow", "--once", "--after", "5"])?;
    ensure!(indexes(&once)? == [6, 7, 8, 9], "{once}");
    let kinds = ["events", "follow", "--once", "--kind", "client-active", "--format", "cef"];
    let cef = run(&kept, &kinds)?;
    ensure!(cef.lines().count() == 5 && cef.starts_with("CEF:0|"), "{cef}");
    for wrong in ["99", "n2/1", "x"] {
        let ended = gateway(&kept, &["events", "follow", "--once", "--after", wrong])?.output()?;
        ensure!(ended.status.code() == Some(2), "{wrong}: {}", ended.status);
    }
    // Nobody reads it: it ends, and does not complain.
    let mut unread = gateway(&kept, &["events", "follow"])?;
    let mut unread = unread.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(unread.stdout.take());
    let ended = unread.wait_with_output()?;
    ensure!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_client_has_used_is_printed_beside_a_gateway() -> anyhow::Result<()> {
    let app = TestApp::start().await;
    let caller = app.caller("carrier").await;
    for person in app.people(3) {
        caller.verify(&about_person(&person)).await.ok();
    }
    let printed = run(&app.kept(), &["usage", "--month", "2026-11", "-o", "json"])?;
    let used: Value = serde_json::from_str(&printed)?;
    ensure!(used[0]["client"] == "carrier", "{printed}");
    let statement = run(&app.kept(), &["usage", "--month", "2026-11", "-o", "csv"])?;
    let line = statement.lines().find(|line| line.contains("carrier")).context("its line")?;
    ensure!(line.split(',').any(|cell| cell == "3"), "{statement}");
    Ok(())
}
