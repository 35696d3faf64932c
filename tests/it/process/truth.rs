//! Holders' records sent by the load tester: every answer is the one that its record demands, and
//! an answer that is not would be seen.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, ensure};
use mock_population_db::records::Mistake;
use serde_json::Value;

use super::place::Place;
use super::programs::{Ended, program};

/// Records of one run: every kind of error occurs among them.
const RECORDS: &str = "6000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measured_match_rates_are_the_true_ones_by_every_kind_of_error() -> anyhow::Result<()> {
    let place = Place::new()?;
    let _sandbox = place.fresh_sandbox().await?;
    let figures = place.work().join("truth.json");

    let ended = truth(&place, &["--json", figures.to_str().context("a UTF-8 path")?]).await?;
    ensure!(ended.status.success(), "{}{}", ended.stdout, ended.stderr);
    let figures: Value = serde_json::from_slice(&std::fs::read(&figures)?)?;
    let by_error = figures["by_error"].as_object().context("figures by error")?;
    let seen: BTreeSet<&str> = by_error.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = Mistake::ALL.into_iter().map(Mistake::name).collect();
    ensure!(seen == known, "{seen:?}");
    for (error, count) in by_error {
        ensure!(count["wrong"] == 0 && count["matched"] == count["expected_matched"], "{error}");
    }
    ensure!(figures["all"]["records"] == 6_000 && figures["by_holder"].as_object().is_some());

    // The records of another nation are nobody's here, so that hardly any can match.
    let ended = truth(&place, &["--seed", "7"]).await?;
    ensure!(ended.status.code() == Some(6), "{}{}", ended.stdout, ended.stderr);
    ensure!(ended.stderr.contains("answers were wrong"), "{}", ended.stderr);
    Ok(())
}

async fn truth(place: &Place, more: &[&str]) -> anyhow::Result<Ended> {
    let url = format!("http://127.0.0.1:{}", place.port);
    let clients = place.data().join("clients.json");
    let mut command = Command::new(program("loadtest")?);
    command.args(["truth", "--records", RECORDS, "--url", &url, "--clients"]).arg(clients);
    place.spawn(command.args(more), "truth")?.ended().await
}
