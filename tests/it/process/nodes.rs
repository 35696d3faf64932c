//! Several nodes of one sandbox: one token, one limit.

use anyhow::{Context, ensure};
use gateway::clock::Clock;
use serde_json::Value;
use tokio::task::JoinSet;

use super::api::Api;
use super::place::Place;
use crate::support::Redis;

const NODES: u16 = 3;
/// Requests to each node: together far more than the limit.
const TRIES: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_a_sandbox_take_one_token_and_keep_one_limit() -> anyhow::Result<()> {
    let (place, redis) = (Place::for_nodes(NODES)?, Redis::start().await);
    let (url, nodes) = (redis.url(), NODES.to_string());
    let mut sandbox = place.sandbox(&["--fresh", "--nodes", &nodes, "--redis", &url]).await?;
    place.wait_for_file(&mut sandbox, "demo.done").await?;
    let clients = place.clients()?;
    let slow = clients.iter().find(|client| client["rate"] == 50 && client["burst"] == 50);
    let slow = slow.context("a client with a limit that is met by hand")?;
    let first = Api::connect(place.port, slow).await?;

    let clock = Clock::system();
    let began = clock.monotonic_nanos();
    let mut asking = JoinSet::new();
    for node in 0..NODES {
        for _ in 0..TRIES {
            let api = first.at(place.port + 100 * node);
            asking
                .spawn(async move { Ok::<_, anyhow::Error>(api.get("/v1/whoami").await?.status) });
        }
    }
    let answers: anyhow::Result<Vec<_>> = asking.join_all().await.into_iter().collect();
    let seconds = (clock.monotonic_nanos() - began) as f64 / 1e9;
    let answers = answers?;
    let count = |status: u16| answers.iter().filter(|answer| answer.as_u16() == status).count();
    let (admitted, refused) = (count(200), count(429));
    ensure!(admitted + refused == answers.len(), "{answers:?}");
    ensure!(admitted > 0 && refused > 0, "{admitted} admitted, {refused} refused");
    // On a machine so slow that Redis does not answer in time, nodes let their parts through.
    let mut unshared = 0.0;
    for node in 0..NODES {
        let url = format!("http://127.0.0.1:{}/metrics", place.port + 100 * node + 1);
        let metrics = reqwest::get(url).await?.text().await?;
        let name = "gateway_limits_unshared_requests_total ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        unshared += line.unwrap_or("0").parse::<f64>()?;
    }
    let (shared, most) = (admitted as f64 - unshared, 50.0 + 50.0 * seconds);
    ensure!(shared <= most, "{shared} in {seconds} s: at most {most}");
    sandbox.stop("INT").await?;
    place.check_log().await?;
    // The others are found as well, each with its own data.
    for node in 1..NODES {
        let config = format!("sandbox-data/node-{node}/gateway.toml");
        let verified = place.gateway(&["--config", &config, "log", "verify", "-o", "json"]).await?;
        ensure!(verified.status.success(), "{}", verified.stderr);
        let _described: Value = serde_json::from_str(&verified.stdout)?;
    }
    Ok(())
}

#[tokio::test]
async fn nodes_without_a_redis_are_refused() -> anyhow::Result<()> {
    let place = Place::new()?;
    let refused = place.gateway(&["sandbox", "--nodes", "3"]).await?;
    ensure!(refused.status.code() == Some(2), "{}", refused.status);
    ensure!(refused.stderr.contains("--redis"), "{}", refused.stderr);
    let refused = place.gateway(&["sandbox", "--redis", "http://127.0.0.1:1"]).await?;
    ensure!(refused.status.code() == Some(3), "{}: {}", refused.status, refused.stderr);
    Ok(())
}
