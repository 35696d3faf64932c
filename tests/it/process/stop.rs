//! A stop that was asked for: what is in progress ends, nothing that was answered is lost.

use std::process::Command;

use anyhow::ensure;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::api::is_ready;
use super::load::Load;
use super::log;
use super::place::Place;
use super::programs::program;

const STOPS: usize = 20;
const ANSWERS_BEFORE_A_STOP: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_nothing_and_answers_what_is_in_progress() -> anyhow::Result<()> {
    let place = Place::new()?;
    let mut sandbox = place.fresh_sandbox().await?;
    let people = place.people()?;
    let mut acknowledged = Vec::new();
    for round in 0..STOPS {
        let api = place.api("ndxp").await?;
        let load = Load::start(&api, &people, &format!("round-{round}"))?;
        load.wait_for_answers(ANSWERS_BEFORE_A_STOP + round).await?;
        sandbox.stop(if round % 2 == 0 { "TERM" } else { "INT" }).await?;
        let answers = load.broken().await?;
        ensure!(answers.others.is_empty(), "{:?}", answers.others);
        acknowledged.extend(answers.acknowledged);
        sandbox = place.sandbox(&[]).await?;
    }
    drop(sandbox);
    // The sandbox's own register must not go before the requests that still need it.
    let unanswered = acknowledged.iter().filter(|answer| answer.outcome != "matched").count();
    ensure!(unanswered == 0, "{unanswered} of {} were not matched", acknowledged.len());
    place.check_log().await?;
    log::check_promises(&place.data(), &acknowledged).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_or_half_a_request_do_not_hold_up_a_stop() -> anyhow::Result<()>
{
    let place = Place::new()?;
    let mut sandbox = place.fresh_sandbox().await?;
    let kept_alive = place.api("ndxp").await?;
    let silent = TcpStream::connect(("127.0.0.1", place.port)).await?;
    sandbox.stop("TERM").await?;
    drop((kept_alive, silent));

    // Half a request is in progress: it has the whole drain time, here a short one.
    let port = place.port.to_string();
    let mut command = Command::new(program("gateway")?);
    command.args(["sandbox", "--port", &port]).env("GATEWAY_SERVER__DRAIN_TIMEOUT_MS", "500");
    sandbox = place.spawn(&mut command, "short-drain")?;
    sandbox.wait_for("it is ready", async || is_ready(place.port).await).await?;
    let mut half = TcpStream::connect(("127.0.0.1", place.port)).await?;
    half.write_all(b"POST /oauth2/token HTTP/1.1\r\nhost: gateway\r\ncontent-length: 9\r\n\r\n")
        .await?;
    // Answered on another connection afterwards, so the half one has been accepted.
    ensure!(is_ready(place.port).await, "it answers others");
    sandbox.stop("TERM").await?;
    drop(half);
    place.check_log().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_and_recount_are_clean_while_requests_run() -> anyhow::Result<()> {
    let place = Place::new()?;
    let sandbox = place.fresh_sandbox().await?;
    let load = Load::start(&place.api("ndxp").await?, &place.people()?, "meanwhile")?;
    for _ in 0..5 {
        place.check_log().await?;
    }
    let answers = load.stopped().await?;
    ensure!(answers.others.is_empty(), "{:?}", answers.others);
    drop(sandbox);
    log::check_promises(&place.data(), &answers.acknowledged).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_gateway_on_one_database_is_refused_and_disturbs_nobody() -> anyhow::Result<()> {
    let place = Place::new()?;
    let sandbox = place.fresh_sandbox().await?;
    let (api, people) = (place.api("ndxp").await?, place.people()?);
    let load = Load::start(&api, &people, "first")?;
    load.wait_for_answers(50).await?;
    let other = Place::new()?;
    let second = place.spawn(
        Command::new(program("gateway")?)
            .args(["serve", "--config", "sandbox-data/gateway.toml"])
            .env("GATEWAY_SERVER__LISTEN", format!("127.0.0.1:{}", other.port))
            .env("GATEWAY_SERVER__ADMIN_LISTEN", format!("127.0.0.1:{}", other.port + 1)),
        "second",
    )?;
    let ended = second.ended().await?;
    ensure!(ended.status.code() == Some(1), "{}: {}", ended.status, ended.stderr);
    ensure!(ended.stderr.contains("another gateway is running"), "{}", ended.stderr);
    let answers = load.stopped().await?;
    ensure!(answers.others.is_empty(), "{:?}", answers.others);
    drop(sandbox);
    place.check_log().await?;
    log::check_promises(&place.data(), &answers.acknowledged).await
}
