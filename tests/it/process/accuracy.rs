//! The load tester's measure of the matching rules: the gateway's own rules hold every gate, and
//! rules that do not would be seen.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::place::Place;
use super::programs::{Ended, program};

/// Records of one run: every kind occurs among them.
const RECORDS: &str = "3000";

#[tokio::test]
async fn the_published_rules_hold_every_gate() -> anyhow::Result<()> {
    let place = Place::new()?;
    let figures = place.work().join("accuracy.json");
    let ended = accuracy(&place, &["--json", figures.to_str().context("a UTF-8 path")?]).await?;
    ensure!(ended.status.success(), "{}{}", ended.stdout, ended.stderr);
    ensure!(ended.stdout.contains("Every gate is held."), "{}", ended.stdout);

    let figures: Value = serde_json::from_slice(&fs::read(&figures)?)?;
    ensure!(figures["same_person_all"]["rows"] == 3_000, "{figures}");
    ensure!(figures["different_people"]["same_family_name"]["rows"] == 3_000, "{figures}");
    ensure!(figures["missed"] == Value::Array(Vec::new()), "{figures}");
    let kinds = |part: &str| figures[part].as_object().map(serde_json::Map::len);
    ensure!((kinds("same_person"), kinds("planted")) == (Some(6), Some(12)), "{figures}");
    for (kind, count) in figures["planted"].as_object().context("kinds")? {
        ensure!(count["rows"] == 150, "{kind}: {count}");
    }
    Ok(())
}

#[tokio::test]
async fn rules_that_call_everybody_the_same_hold_no_gate_but_the_first() -> anyhow::Result<()> {
    let place = Place::new()?;
    let yes_sayer = script(&place, "exec sed '1s/$/,verdict,reason/;2,$s/$/,match,/'")?;
    let ended = accuracy(&place, &["--gateway", &yes_sayer]).await?;
    ensure!(ended.status.code() == Some(6), "{}{}", ended.stdout, ended.stderr);
    for gate in ["same_family_name", "tone_differs", "merged_place"] {
        ensure!(ended.stderr.contains(gate), "{}", ended.stderr);
    }
    ensure!(!ended.stderr.contains("same person"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn answers_that_do_not_come_are_no_result() -> anyhow::Result<()> {
    let place = Place::new()?;
    let silent = script(&place, "cat > /dev/null; echo nothing to say >&2")?;
    let ended = accuracy(&place, &["--gateway", &silent]).await?;
    ensure!(ended.status.code() == Some(5), "{}{}", ended.stdout, ended.stderr);
    ensure!(ended.stderr.contains("answered 0 of"), "{}", ended.stderr);
    ensure!(ended.stderr.contains("nothing to say"), "{}", ended.stderr);
    Ok(())
}

/// A program of one line in the place of the gateway.
fn script(place: &Place, line: &str) -> anyhow::Result<String> {
    let path = place.work().join("rules");
    fs::write(&path, format!("#!/bin/sh\n{line}\n"))?;
    fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    Ok(path.to_str().context("a UTF-8 path")?.to_owned())
}

async fn accuracy(place: &Place, more: &[&str]) -> anyhow::Result<Ended> {
    let mut command = Command::new(program("loadtest")?);
    command.args(["accuracy", "--records", RECORDS]);
    place.spawn(command.args(more), "accuracy")?.ended().await
}
