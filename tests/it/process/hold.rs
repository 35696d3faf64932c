//! The hold on a log that lies on a server: lost with its connection, taken again, and respected by
//! whoever has lost it.

use anyhow::{Context, ensure};
use sqlx::{Connection as _, PgConnection};

use super::load::Load;
use super::place::Place;
use super::programs::wait_for;
use super::served::Served;

/// The lock of log `n1`.
const LOCK: &str = "select pg_advisory_lock(hashtextextended('gateway log n1', 0))";
/// Backends that have it, or ($1) wait for it.
const BACKENDS: &str = "select pid from pg_locks where locktype = 'advisory' and granted <> $1 \
    and (classid::bigint << 32) | objid::bigint = hashtextextended('gateway log n1', 0)";

/// The one backend that holds a log.
async fn holder(connection: &mut PgConnection) -> anyhow::Result<Option<i32>> {
    Ok(sqlx::query_scalar(BACKENDS).bind(false).fetch_optional(connection).await?)
}

/// Ends it.
async fn end_holder(connection: &mut PgConnection) -> anyhow::Result<i32> {
    let held = holder(connection).await?.context("the gateway holds its log")?;
    let ended: bool = sqlx::query_scalar("select pg_terminate_backend($1)")
        .bind(held)
        .fetch_one(connection)
        .await?;
    ensure!(ended, "it is there");
    Ok(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_was_lost_is_taken_again_and_keeps_others_out() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let gateway = served.gateway(&place).await?;
    for round in 0..3 {
        let mut connection = served.postgres.connect().await;
        let lost = if round == 2 {
            let held = holder(&mut connection).await?.context("the gateway holds its log")?;
            connection.close().await?;
            served.postgres.stop().await;
            served.postgres.restart().await;
            connection = served.postgres.connect().await;
            held
        } else {
            end_holder(&mut connection).await?
        };
        wait_for("the hold comes back", async || {
            Ok(holder(&mut connection).await?.is_some_and(|pid| pid != lost))
        })
        .await?;
        let second = second_gateway(&place).await?;
        ensure!(second.contains("another gateway is running on this database"), "{second}");
    }
    let load = Load::start(&place.api("ndxp").await?, &place.people()?, "after")?;
    load.wait_for_answers(50).await?;
    let answers = load.stopped().await?;
    ensure!(answers.others.is_empty(), "{:?}", answers.others);
    gateway.stop("TERM").await?;
    let mut connection = served.postgres.connect().await;
    wait_for("nobody holds it", async || Ok(holder(&mut connection).await?.is_none())).await?;
    place.check_log().await
}

/// What a second gateway of the same log says, on ports of its own.
async fn second_gateway(place: &Place) -> anyhow::Result<String> {
    let other = Place::new()?;
    let (api, admin) = (other.port.to_string(), (other.port + 1).to_string());
    let mut command = std::process::Command::new(super::programs::program("gateway")?);
    command
        .args(["serve", "--config", "sandbox-data/gateway.toml"])
        .env("GATEWAY_SERVER__LISTEN", format!("127.0.0.1:{api}"))
        .env("GATEWAY_SERVER__ADMIN_LISTEN", format!("127.0.0.1:{admin}"));
    let ended = place.spawn(&mut command, "second")?.ended().await?;
    ensure!(!ended.status.success(), "a second gateway ran on the log");
    Ok(ended.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_log_another_one_holds_stops_and_says_so() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let gateway = served.gateway(&place).await?;
    let load = Load::start(&place.api("ndxp").await?, &place.people()?, "before")?;
    load.wait_for_answers(50).await?;
    let mut connection = served.postgres.connect().await;
    // It stands in line before the gateway does.
    let mut other = served.postgres.connect().await;
    let taken = tokio::spawn(async move {
        sqlx::query(LOCK).execute(&mut other).await?;
        Ok::<_, sqlx::Error>(other)
    });
    wait_for("the other one waits", async || {
        let waiting = sqlx::query(BACKENDS).bind(true).fetch_optional(&mut connection).await?;
        Ok(waiting.is_some())
    })
    .await?;
    end_holder(&mut connection).await?;
    let other = taken.await??;
    let ended = gateway.ended().await?;
    ensure!(!ended.status.success(), "it went on: {}", ended.stderr);
    let says = "gateway: another gateway is running on this database";
    ensure!(ended.stderr.contains(says), "{}", ended.stderr);
    ensure!(ended.stderr.contains("another gateway has taken the log"), "{}", ended.stderr);
    let answers = load.broken().await?;
    for (status, code) in answers.others.keys() {
        ensure!((*status, code.as_str()) == (503, "log-unavailable"), "{:?}", answers.others);
    }
    super::log::check_promises(&place.data(), &answers.acknowledged).await?;
    other.close().await?;
    served.gateway(&place).await?.stop("TERM").await?;
    place.check_log().await
}
