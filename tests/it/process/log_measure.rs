//! The load tester's measure of the log: figures of both databases, and gates that decide the exit
//! code. How fast an unoptimised build is, is nobody's business here.

use std::fs;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::place::Place;
use super::programs::program;

/// A few commits of the largest size.
const ENTRIES: &str = "24000";

#[tokio::test]
async fn the_log_is_measured_on_both_databases_and_gates_decide() -> anyhow::Result<()> {
    let place = Place::new()?;
    let file = place.work().join("log.json");
    let mut command = Command::new(program("loadtest")?);
    command.args(["log", "--entries", ENTRIES, "--rounds", "2"]);
    let ended = place.spawn(command.arg("--json").arg(&file), "log")?.ended().await?;

    let text = fs::read(&file).with_context(|| format!("{}{}", ended.stdout, ended.stderr))?;
    let figures: Value = serde_json::from_slice(&text)?;
    for database in ["sqlite", "postgres"] {
        let of = |name: &str| figures[database][name].as_f64().with_context(|| name.to_owned());
        for name in
            ["entries_per_s", "commits_per_s", "fsyncs_per_s", "verified_per_core_s", "proof_ms"]
        {
            ensure!(of(name)? > 0.0, "{database} {name}: {figures}");
        }
        // The hash in the tree, which nothing makes smaller; on SQLite the entry with its two bytes
        // of length, too. PostgreSQL compresses what a large commit repeats.
        let (bytes, entry) = (of("bytes_per_entry")?, of("entry_bytes")?);
        let least = if database == "sqlite" { entry + 34.0 } else { 32.0 };
        ensure!(bytes > least, "{database}: {figures}");
        ensure!(database == "sqlite" || bytes < entry, "not compressed: {figures}");
        ensure!(of("bytes_per_entry_with_projections")? > bytes, "{database}: {figures}");
    }
    let gates = figures["gates"].as_array().context("gates")?;
    let is_missed = |gate: &&Value| gate["held"] == false;
    let missed: Vec<&Value> = gates.iter().filter(is_missed).map(|gate| &gate["name"]).collect();
    let expected = if missed.is_empty() { 0 } else { 6 };
    ensure!(ended.status.code() == Some(expected), "{}: {}", ended.status, ended.stderr);
    for name in missed {
        ensure!(ended.stderr.contains(name.as_str().context("a name")?), "{}", ended.stderr);
    }
    Ok(())
}
