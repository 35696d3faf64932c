//! A PostgreSQL that dies under a gateway which lives on: no false answer, nothing lost, nothing
//! twice, and answers again as soon as there is a server.

use anyhow::{Context as _, ensure};
use reqwest::StatusCode;

use super::api::{can_be_asked, request};
use super::failing_disk::FailingDisk;
use super::kill::{kills, random};
use super::load::Load;
use super::log;
use super::place::Place;
use super::programs::wait_for;
use super::served::Served;
use crate::support::Postgres;

/// Answers of a round before something happens, at most, and after it, at least.
const ANSWERS_BEFORE_MAX: u64 = 200;
const ANSWERS_AFTER: usize = 50;
/// How often its disk fails: at the first, the second, the third call of a process.
const DISK_FAILURES: u32 = 3;

/// What happens to the server.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// `pg_terminate_backend` of all connections.
    Terminated,
    /// `kill -9` of one connection's process, upon which the server throws all others out.
    BackendKilled,
    /// `kill -9` of the server itself, and a new one on the same data.
    ServerKilled,
    /// An orderly stop, as for an update, and a new start.
    ServerRestarted,
}

const BLOWS: [Blow; 4] =
    [Blow::Terminated, Blow::BackendKilled, Blow::ServerKilled, Blow::ServerRestarted];

impl Blow {
    async fn strike(self, served: &Served, chance: u64) -> anyhow::Result<()> {
        let postgres = &served.postgres;
        match self {
            Self::Terminated => {
                ensure!(postgres.terminate_backends().await > 0, "the gateway had no connection");
            }
            Self::BackendKilled => {
                let backends = postgres.backends().await;
                ensure!(!backends.is_empty(), "the gateway had no connection");
                postgres.kill_backend(backends[chance as usize % backends.len()]).await;
            }
            Self::ServerKilled => {
                postgres.kill();
                postgres.restart().await;
            }
            Self::ServerRestarted => {
                postgres.stop().await;
                postgres.restart().await;
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_outlives_whatever_happens_to_its_postgres() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let gateway = served.gateway(&place).await?;
    let (api, people) = (place.api("ndxp").await?, place.people()?);
    let mut acknowledged = Vec::new();
    for (round, blow) in (0..kills()?).zip(BLOWS.into_iter().cycle()) {
        let load = Load::start(&api, &people, &format!("round-{round}"))?;
        let before = usize::try_from(random(3 * round) % ANSWERS_BEFORE_MAX)?;
        load.wait_for_answers(before).await?;
        blow.strike(&served, random(3 * round + 1)).await?;
        load.wait_for_further_answers(ANSWERS_AFTER).await?;
        let answers = load.stopped().await?;
        for (status, code) in answers.others.keys() {
            ensure!(
                (*status, code.as_str()) == (503, "log-unavailable"),
                "{blow:?}: {status} {code}"
            );
        }
        acknowledged.extend(answers.acknowledged);
        place.check_log().await?;
        log::check_promises(&place.data(), &acknowledged).await?;
    }
    gateway.stop("TERM").await?;
    log::check_promises(&place.data(), &acknowledged).await
}

/// Processes of a server that stand still, as those of a machine that is paused: their connections
/// stay, and nobody says anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_long_for_a_postgres_that_stands_still() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let gateway = served.gateway(&place).await?;
    let (api, people) = (place.api("ndxp").await?, place.people()?);
    let person = people.iter().find(|person| can_be_asked(person)).context("a person")?;
    let request = request(person, "service.public");
    let mut acknowledged = vec![api.verify(&request).await?.acknowledged()?];
    let postgres = &served.postgres;
    for pids in [postgres.backends().await, postgres.processes()] {
        ensure!(!pids.is_empty(), "the gateway had no connection");
        Postgres::pause(&pids);
        // Its limit is that of the connection that asks.
        let answer = api.verify(&request).await;
        Postgres::resume(&pids);
        let answer = answer?;
        if answer.status != StatusCode::OK {
            ensure!(answer.status == StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
        }
        acknowledged.extend(answer.acknowledged());
        wait_for("it answers again", async || {
            let promise = api.verify(&request).await?.acknowledged();
            Ok(promise.map(|promise| acknowledged.push(promise)).is_ok())
        })
        .await?;
        place.check_log().await?;
    }
    gateway.stop("TERM").await?;
    log::check_promises(&place.data(), &acknowledged).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_outlives_a_postgres_whose_disk_fails() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let postgres = &served.postgres;
    // All its write-ahead log; it panics when that cannot be synced, and starts again by itself.
    let disk = FailingDisk::make(postgres.folder(), postgres.data().join("pg_wal/"))?;
    postgres.stop().await;
    postgres.set_environment(&disk.environment());
    postgres.restart().await;
    let gateway = served.gateway(&place).await?;
    let (api, people) = (place.api("ndxp").await?, place.people()?);
    let mut acknowledged = Vec::new();
    for round in 0..DISK_FAILURES {
        let load = Load::start(&api, &people, &format!("disk-{round}"))?;
        load.wait_for_answers(ANSWERS_AFTER).await?;
        disk.order(1 + round)?;
        wait_for("the disk is about to fail", async || Ok(disk.is_about_to_fail())).await?;
        disk.withdraw()?;
        disk.go()?;
        load.wait_for_further_answers(ANSWERS_AFTER).await?;
        let answers = load.stopped().await?;
        for (status, code) in answers.others.keys() {
            ensure!((*status, code.as_str()) == (503, "log-unavailable"), "{status} {code}");
        }
        let panics = postgres.output().matches("PANIC:  could not fdatasync").count();
        ensure!(panics > round as usize, "{panics} panics: {}", postgres.errors());
        disk.recover()?;
        acknowledged.extend(answers.acknowledged);
        place.check_log().await?;
        log::check_promises(&place.data(), &acknowledged).await?;
    }
    gateway.stop("TERM").await
}
