//! Keys that sign tokens and are lost: what `gateway key rotate` makes good, and what it costs.

use std::fs;

use anyhow::{Context, ensure};
use gateway::clock::Clock;
use gateway::store::Store;
use serde_json::Value;

use super::office::Office;
use super::place::Place;
use super::programs::wait_for;
use crate::support::{Kept, TestApp, about_person};

/// Identifier of the key in this state.
async fn key(app: &TestApp, state: &str) -> anyhow::Result<String> {
    let rows = app.app.store.token_keys().await?;
    let row = rows.into_iter().find(|row| row.state == state);
    Ok(row.with_context(|| format!("a key that is {state}"))?.kid)
}

/// Loses the file of a key; the first one has no identifier in its name.
fn lose(kept: &Kept, kid: &str) -> anyhow::Result<()> {
    let own = kept.keys().join(format!("token-signing-{kid}.key"));
    let file = if own.exists() { own } else { kept.keys().join("token-signing.key") };
    Ok(fs::remove_file(file)?)
}

fn now() -> String {
    Clock::system().now().to_string()
}

async fn token(app: &TestApp) -> String {
    app.ask_token_as("carrier").await.ok()["access_token"].as_str().unwrap().to_owned()
}

async fn state_of_keys(office: &Office) -> anyhow::Result<Value> {
    let examined: Value = serde_json::from_str(&office.run(&["doctor"]).await?.stdout)?;
    let checks = examined["checks"].as_array().cloned().context("checks")?;
    let check = checks.into_iter().find(|check| check["check"] == "token keys");
    Ok(check.context("the check")?["state"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_signing_key_is_left_behind_by_force_beside_a_gateway_and_without()
-> anyhow::Result<()> {
    let app = TestApp::builder().at(&now()).start().await;
    let office = Office { place: Place::new()?, kept: app.kept() };
    // As `gateway serve` does, so that commands leave the log to it.
    let held = Store::hold(&app.config.store, "n1").await?;
    let (active, next) = (key(&app, "active").await?, key(&app, "next").await?);
    let before = token(&app).await;
    lose(&office.kept, &active)?;
    ensure!(state_of_keys(&office).await? == "failed", "the doctor tells");
    // The process has it in memory. That the file is not there may as well mean a wrong folder.
    token(&app).await;
    office.refused(&["key", "rotate"], 1, "is not here: is this the key folder?").await?;
    let tried = office.done(&["key", "rotate", "--force", "--dry-run"]).await?;
    ensure!(tried["activates"] == next && key(&app, "active").await? == active, "{tried}");

    let rotated = office.done(&["key", "rotate", "--force"]).await?;
    ensure!((&rotated["activates"], &rotated["retires"]) == (&next.clone().into(), &active.into()));
    let signs = async || {
        let header = jsonwebtoken::decode_header(token(&app).await)?;
        Ok(header.kid.as_deref() == Some(next.as_str()))
    };
    wait_for("the running gateway signs with the next key", signs).await?;
    let body = about_person(&app.person());
    app.caller_with(&token(&app).await).verify(&body).await.ok();
    // Nobody can verify it any more: its client asks for another.
    app.caller_with(&before).verify(&body).await.problem(401, "invalid-token");
    ensure!(state_of_keys(&office).await? != "failed");

    // The same to a gateway that stands still.
    let (kept, _) = app.stop().await;
    drop(held);
    lose(&kept, &next)?;
    office.refused(&["serve"], 1, &format!("token-signing-{next}.key")).await?;
    office.done(&["key", "rotate", "--force"]).await?;
    let app = kept.again().at(&now()).start().await;
    app.caller_with(&token(&app).await).verify(&body).await.ok();
    app.verify_log().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_lost_keys_the_next_one_is_replaced_first() -> anyhow::Result<()> {
    let app = TestApp::builder().at(&now()).start().await;
    let (active, next) = (key(&app, "active").await?, key(&app, "next").await?);
    let (kept, _) = app.stop().await;
    let office = Office { place: Place::new()?, kept: kept.clone() };
    lose(&kept, &next)?;
    lose(&kept, &active)?;
    // An empty folder may be the wrong one.
    office.refused(&["key", "rotate"], 1, "is not here: is this the key folder?").await?;
    // What is lost cannot sign: there is nothing to wait for.
    let replaced = office.done(&["key", "rotate", "--force"]).await?;
    ensure!(replaced["activates"].is_null() && replaced["retires"] == next, "{replaced}");
    ensure!(kept.again().at(&now()).try_start().await.is_err(), "nothing signs yet");
    let rotated = office.done(&["key", "rotate", "--force"]).await?;
    ensure!(rotated["activates"] == replaced["next"], "{rotated}");
    let app = kept.again().at(&now()).start().await;
    app.caller("carrier").await.verify(&about_person(&app.person())).await.ok();
    Ok(())
}
