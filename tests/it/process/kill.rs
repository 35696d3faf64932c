//! `kill -9`: what was answered is on disk, once.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::load::Load;
use super::log;
use super::place::Place;
use super::programs::Process;
use super::served::Served;

/// Kills of one run, unless the environment variable of this name says otherwise.
const KILLS: u64 = 20;
/// A round's load is killed after at most so many answers, and so much later.
const ANSWERS_MAX: u64 = 300;
const DELAY_MAX_US: u64 = 5_000;
/// Acknowledged answers of so many kills that something was at stake, a sixth of what is expected.
const ANSWERS_PER_KILL: u64 = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_left_survive_kills_under_load() -> anyhow::Result<()> {
    let place = Place::new()?;
    place.fresh_sandbox().await?.stop("TERM").await?;
    survives_kills(&place, async || place.sandbox(&[]).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_left_survive_kills_under_load_on_postgres() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    survives_kills(&place, async || served.gateway(&place).await).await
}

/// How often a run kills.
pub(super) fn kills() -> anyhow::Result<u64> {
    match std::env::var("KILLS") {
        Ok(text) => text.parse().context("KILLS is a number"),
        Err(_) => Ok(KILLS),
    }
}

/// Kills the gateway again and again, each time in the middle of its work.
async fn survives_kills(
    place: &Place,
    start: impl AsyncFn() -> anyhow::Result<Process>,
) -> anyhow::Result<()> {
    let (people, kills) = (place.people()?, kills()?);
    let mut acknowledged = Vec::new();
    for round in 0..kills {
        let gateway = start().await?;
        let api = place.api("ndxp").await?;
        let load = Load::start(&api, &people, &format!("round-{round}"))?;
        let (answers, delay_us) = (random(2 * round) % ANSWERS_MAX, random(2 * round + 1));
        load.wait_for_answers(usize::try_from(answers)?).await?;
        // Not a wait for anything: the moment of death is to fall anywhere within a commit.
        tokio::time::sleep(Duration::from_micros(delay_us % DELAY_MAX_US)).await;
        gateway.kill()?;
        let answers = load.broken().await?;
        ensure!(answers.others.is_empty(), "{:?}", answers.others);
        acknowledged.extend(answers.acknowledged);
        place.check_log().await?;
    }
    let count = acknowledged.len();
    ensure!(count as u64 >= kills * ANSWERS_PER_KILL, "only {count} answers");
    log::check_promises(&place.data(), &acknowledged).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_ended_before_it_has_a_database_starts_again() -> anyhow::Result<()> {
    starts_again_after("gateway.toml").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_ended_before_it_has_people_starts_again() -> anyhow::Result<()> {
    starts_again_after("gateway.sqlite").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_ended_before_its_clients_have_secrets_starts_again() -> anyhow::Result<()> {
    starts_again_after("people.ndjson").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_ended_before_its_demonstration_has_ended_starts_again() -> anyhow::Result<()> {
    starts_again_after("clients.json").await
}

/// A sandbox ended, in either way, when it has made the file.
async fn starts_again_after(reached: &str) -> anyhow::Result<()> {
    for killed in [true, false] {
        let place = Place::new()?;
        let port = place.port.to_string();
        let mut sandbox = place.start("gateway", &["sandbox", "--port", &port])?;
        place.wait_for_file(&mut sandbox, reached).await?;
        if killed {
            sandbox.kill()?;
        } else {
            sandbox.stop("INT").await?;
        }
        starts_again(&place).await.with_context(|| format!("killed: {killed}"))?;
    }
    Ok(())
}

/// Whatever the end left behind: clients, people, answers, a log in order, and a good stop.
async fn starts_again(place: &Place) -> anyhow::Result<()> {
    let mut sandbox = place.sandbox(&[]).await?;
    place.wait_for_file(&mut sandbox, "clients.json").await?;
    let people = place.people()?;
    ensure!(people.len() == 1_000, "{} people", people.len());
    let load = Load::start(&place.api("ndxp").await?, &people, "after")?;
    load.wait_for_answers(10).await?;
    let answers = load.stopped().await?;
    ensure!(answers.others.is_empty(), "{:?}", answers.others);
    sandbox.stop("TERM").await?;
    place.check_log().await?;
    log::check_promises(&place.data(), &answers.acknowledged).await
}

/// The `n`th number of a fixed sequence (`SplitMix64`).
pub(super) fn random(n: u64) -> u64 {
    let mut z = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
