//! The auditor's commands on a log that no gateway has open.

use std::fs;
use std::process::Command;

use anyhow::ensure;
use serde_json::Value;

use super::place::Place;
use super::programs::{Ended, program};
use crate::mutations::ground::Ground;

const ENTRIES: usize = 700;

/// A stopped log, and a place with the configuration for it.
async fn stopped_log() -> anyhow::Result<(Ground, Place)> {
    let (ground, place) = (Ground::with(ENTRIES, 60, 11).await, Place::new()?);
    let folder = ground.folder.path().display();
    let config = format!(
        "[store]\npath = \"{folder}/gateway.sqlite\"\n[keys]\nfolder = \"{folder}/keys\"\n"
    );
    fs::write(place.work().join("gateway.toml"), config)?;
    Ok((ground, place))
}

async fn log(place: &Place, args: &[&str]) -> anyhow::Result<Ended> {
    place.gateway(&[&["--config", "gateway.toml", "log"], args].concat()).await
}

/// The one log that was verified, as JSON.
async fn verified(place: &Place, args: &[&str]) -> anyhow::Result<Value> {
    let ended = log(place, &[&["verify", "-o", "json"], args].concat()).await?;
    ensure!(ended.status.success() && ended.stderr.is_empty(), "{}", ended.stderr);
    let mut logs: Value = serde_json::from_str(&ended.stdout)?;
    ensure!(logs["logs"].as_array().is_some_and(|logs| logs.len() == 1), "{logs}");
    Ok(logs["logs"][0].take())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_verifies_a_log_and_a_range_with_the_public_key_alone() -> anyhow::Result<()> {
    let (ground, place) = stopped_log().await?;
    let whole = verified(&place, &[]).await?;
    ensure!(whole["entries"] == ENTRIES && whole["read"] == ENTRIES, "{whole}");
    ensure!(whole["seconds"].is_number() && whole["entries_per_second"].is_number(), "{whole}");
    let key = ground.verifier.key_text();
    ensure!(whole["verifier_key"] == key, "{whole}");

    fs::remove_dir_all(ground.folder.path().join("keys"))?;
    let ended = log(&place, &["verify"]).await?;
    ensure!(ended.status.code() == Some(2), "without any key: {}", ended.stderr);
    let by_key = ["--verifier-key", &key];
    ensure!(verified(&place, &by_key).await?["root"] == whole["root"], "another root");
    let range = ["--verifier-key", &key, "--from", "20", "--to", "29", "--jobs", "2"];
    let range = verified(&place, &range).await?;
    // The ten, and those after the last full tile.
    ensure!(range["read"] == 10 + ENTRIES % 256 && range["root"] == whole["root"], "{range}");
    let beyond = ["verify", "--verifier-key", &key, "--to", "700"];
    let ended = log(&place, &beyond).await?;
    ensure!(ended.status.code() == Some(1), "{}", ended.stderr);
    let other = key.replacen("/n1+", "/n2+", 1);
    let ended = log(&place, &["verify", "--verifier-key", &other]).await?;
    ensure!(ended.status.code() == Some(2), "the id is not that of the name: {}", ended.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_holds_every_entry_of_its_range_and_is_written_whole() -> anyhow::Result<()> {
    let (_ground, place) = stopped_log().await?;
    let ended = log(&place, &["export"]).await?;
    let lines: Vec<Value> =
        ended.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(lines.len() == ENTRIES, "{} lines", lines.len());
    ensure!((0..).zip(&lines).all(|(index, line)| line["index"] == index), "out of order");

    let file = place.work().join("entries.csv");
    let args = ["export", "-o", "csv", "--from", "250", "--to", "259", "--out", "entries.csv"];
    let ended = log(&place, &args).await?;
    ensure!(ended.status.success() && ended.stdout.is_empty(), "{}", ended.stderr);
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_path(&file)?.into_records().collect::<Result<_, _>>()?;
    ensure!(
        rows.len() == 10 && &rows[0][0] == "250" && rows[9][1] == lines[259]["leaf"],
        "{rows:?}"
    );

    let gateway = program("gateway")?;
    let piped = "set -o pipefail; \"$0\" --config gateway.toml log export | head -n 1";
    let mut shell = Command::new("bash");
    let ended = place.spawn(shell.args(["-c", piped]).arg(gateway), "piped")?.ended().await?;
    ensure!(ended.status.success() && ended.stderr.is_empty(), "a broken pipe: {}", ended.stderr);
    ensure!(ended.stdout.lines().count() == 1, "{}", ended.stdout);

    let none = log(&place, &["export", "--until", "2020-01-01T00:00:00Z"]).await?;
    ensure!(none.status.success() && none.stdout.is_empty(), "{}", none.stdout);
    let left: Vec<_> = fs::read_dir(place.work())?.collect::<Result<_, _>>()?;
    ensure!(left.len() == 2, "a temporary file stays: {left:?}");
    Ok(())
}
