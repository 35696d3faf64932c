//! A PostgreSQL without room: no entry, no answer; and answers again as soon as there is room and a
//! server, from the same gateway.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

use super::api::{Acknowledged, Api, can_be_asked, is_ready, request};
use super::disk::refused_for_want_of_room;
use super::load::{Answers, Load};
use super::log;
use super::place::Place;
use super::programs::wait_for;
use super::served::Served;
use super::small_disk::{SmallDisk, fill};
use crate::support::Postgres;

/// Enough for a cluster and some thousands of entries, small enough to fill.
const DATA_MIB: u32 = 96;
/// Enough for the write-ahead log of all rounds.
const WAL_MIB: u32 = 64;
/// Refusals that must come while the disk is full, and answers when it is not.
const REFUSALS: usize = 100;
const ANSWERS: usize = 100;
/// How often the disk fills.
const ROUNDS: usize = 2;
/// What a server says whose write-ahead log has no room.
const PANIC: &str = "PANIC:  could not write to file \"pg_wal/";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_without_room_for_data_gives_503_until_there_is_some() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let postgres = &served.postgres;
    postgres.stop().await;
    let wal = postgres.folder().join("pg_wal");
    fs::rename(postgres.data().join("pg_wal"), &wal)?;
    symlink(&wal, postgres.data().join("pg_wal"))?;
    let data = postgres.data();
    let Some(_mounted) = SmallDisk::mount_under(&data, DATA_MIB)? else {
        println!("skipped: this user may not mount a small disk");
        return Ok(());
    };
    postgres.restart().await;
    let gateway = served.gateway(&place).await?;
    let (api, people) = (place.api("ndxp").await?, place.people()?);
    let ballast = data.join("ballast");
    let mut acknowledged = Vec::new();
    for _ in 0..ROUNDS {
        fill(&ballast)?;
        acknowledged.extend(refused_for_want_of_room(&api, &people).await?);
        ensure!(!is_ready(place.port).await, "others should be asked now");
        let load = Load::start(&api, &people, "full")?;
        load.wait_for_refusals(REFUSALS).await?;
        acknowledged.extend(only_refused(load.stopped().await?)?);
        fs::remove_file(&ballast)?;
        acknowledged.extend(answers_again(&place, &api, &people).await?);
        log::check_promises(&place.data(), &acknowledged).await?;
    }
    ensure!(postgres.is_running() && !postgres.output().contains("PANIC"), "{}", postgres.errors());
    gateway.stop("TERM").await?;
    log::check_promises(&place.data(), &acknowledged).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_without_room_for_its_log_goes_down_and_its_gateway_outlives_it()
-> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let postgres = &served.postgres;
    postgres.stop().await;
    let wal = postgres.data().join("pg_wal");
    let Some(_mounted) = SmallDisk::mount_under(&wal, WAL_MIB)? else {
        println!("skipped: this user may not mount a small disk");
        return Ok(());
    };
    postgres.restart().await;
    // As a replica does that nobody has missed: nothing is used again, so the server finds no room
    // by itself either.
    let slot = "select pg_create_physical_replication_slot('missing', true)";
    sqlx::query(slot).execute(&mut postgres.connect().await).await?;
    let gateway = served.gateway(&place).await?;
    let (api, people) = (place.api("ndxp").await?, place.people()?);
    let ballast = wal.join("ballast");
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let load = Load::start(&api, &people, &format!("full-{round}"))?;
        load.wait_for_answers(ANSWERS).await?;
        went_down_for_want_of_room(postgres, &ballast).await?;
        load.wait_for_further_refusals(REFUSALS).await?;
        ensure!(!is_ready(place.port).await, "others should be asked now");
        acknowledged.extend(only_refused(load.stopped().await?)?);
        fs::remove_file(&ballast)?;
        let load = Load::start(&api, &people, &format!("back-{round}"))?;
        postgres.restart().await;
        load.wait_for_answers(ANSWERS).await?;
        acknowledged.extend(only_refused(load.stopped().await?)?);
        acknowledged.extend(answers_again(&place, &api, &people).await?);
        log::check_promises(&place.data(), &acknowledged).await?;
    }
    gateway.stop("TERM").await?;
    log::check_promises(&place.data(), &acknowledged).await
}

/// Fills the disk of the write-ahead log until the server has gone down: it panics, and ends when
/// one of its own starts finds no room to finish its recovery.
async fn went_down_for_want_of_room(postgres: &Postgres, ballast: &Path) -> anyhow::Result<()> {
    wait_for("the server goes down", async || {
        fill(ballast)?;
        write_log(postgres).await;
        Ok(!postgres.is_running())
    })
    .await
    .with_context(|| postgres.errors())?;
    ensure!(postgres.output().contains(PANIC), "{}", postgres.errors());
    Ok(())
}

/// Writes a segment of the write-ahead log, which the gateway alone would need seconds for.
async fn write_log(postgres: &Postgres) {
    let Ok(mut connection) = PgConnection::connect(&postgres.url()).await else { return };
    let message = "select pg_logical_emit_message(false, 'test', repeat('x', 1000000))";
    // Where there is no room for it, the server has ended this connection, as was intended.
    let _panics = sqlx::query(message).execute(&mut connection).await;
}

/// What was acknowledged; whatever else was answered must be that the log takes nothing.
fn only_refused(answers: Answers) -> anyhow::Result<Vec<Acknowledged>> {
    for (status, code) in answers.others.keys() {
        ensure!((*status, code.as_str()) == (503, "log-unavailable"), "{:?}", answers.others);
    }
    Ok(answers.acknowledged)
}

/// Waits until there are answers again and then nothing else, and checks the log; the promises.
async fn answers_again(
    place: &Place,
    api: &Api,
    people: &[Value],
) -> anyhow::Result<Vec<Acknowledged>> {
    let Some(person) = people.iter().find(|person| can_be_asked(person)) else {
        bail!("nobody can be asked about");
    };
    let mut acknowledged = Vec::new();
    wait_for("it answers again", async || {
        let answer = api.verify(&request(person, "service.public")).await?;
        Ok(answer.acknowledged().map(|promise| acknowledged.push(promise)).is_ok())
    })
    .await?;
    ensure!(is_ready(place.port).await, "it answers and says that it is not ready");
    let load = Load::start(api, people, "room")?;
    load.wait_for_answers(ANSWERS).await?;
    let answers = load.stopped().await?;
    ensure!(answers.others.is_empty(), "{:?}", answers.others);
    acknowledged.extend(answers.acknowledged);
    place.check_log().await?;
    Ok(acknowledged)
}
