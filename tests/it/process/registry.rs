//! `gateway serve` beside the population database as a program of its own, which goes and comes.

use anyhow::ensure;
use serde_json::Value;

use super::api::{self, Api, can_be_asked, request};
use super::place::Place;
use super::programs::Process;

/// Requests sent in each state of the register.
const REQUESTS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_inconclusive_while_the_register_is_gone_and_whole_when_it_is_back()
-> anyhow::Result<()> {
    let place = Place::new()?;
    let mut sandbox = place.sandbox(&["--fresh"]).await?;
    place.wait_for_file(&mut sandbox, "clients.json").await?;
    sandbox.stop("TERM").await?;

    let register = start_register(&place).await?;
    let mut gateway =
        place.start("gateway", &["serve", "--config", "sandbox-data/gateway.toml"])?;
    gateway.wait_for("the gateway is ready", async || api::is_ready(place.port).await).await?;
    let (api, people) = (place.api("ndxp").await?, place.people()?);
    all_are(&api, &people, "matched").await?;

    register.kill()?;
    all_are(&api, &people, "inconclusive").await?;
    ensure!(api::is_ready(place.port).await, "its outage is not the gateway's");

    let register = start_register(&place).await?;
    all_are(&api, &people, "matched").await?;

    // It holds its connections and says nothing.
    register.signal("STOP")?;
    all_are(&api, &people[..100], "inconclusive").await?;
    register.signal("CONT")?;
    all_are(&api, &people, "matched").await?;

    gateway.stop("TERM").await?;
    drop(register);
    place.check_log().await
}

async fn start_register(place: &Place) -> anyhow::Result<Process> {
    let address = format!("127.0.0.1:{}", place.port + 10);
    let args = ["serve", "--listen", &address, "--api-key-file", "sandbox-data/population/api-key"];
    let mut register = place.start("mock-population-db", &args)?;
    register.wait_for_output("ready on ").await?;
    Ok(register)
}

/// Sends requests at once and expects one outcome of all of them, with its reasons.
async fn all_are(api: &Api, people: &[Value], outcome: &str) -> anyhow::Result<()> {
    let mut sent = tokio::task::JoinSet::new();
    for person in people.iter().filter(|person| can_be_asked(person)).take(REQUESTS) {
        let (api, request) = (api.clone(), request(person, "service.public"));
        sent.spawn(async move { api.verify(&request).await });
    }
    ensure!(sent.len() == REQUESTS, "people for {REQUESTS} requests");
    while let Some(answer) = sent.join_next().await {
        let answer = answer??;
        ensure!(answer.outcome()? == outcome, "expected {outcome}: {}", answer.body);
        let name = &answer.body["attributes"]["full_name"];
        if outcome == "inconclusive" {
            ensure!(name["verdict"] == "not_checked", "{name}");
            ensure!(name["reason"] == "registry_unavailable", "{name}");
            ensure!(answer.body["advice"]["code"] == "retry_later", "{}", answer.body);
            ensure!(answer.body["registry_as_of"].is_null(), "{}", answer.body);
        } else {
            ensure!(answer.body["advice"].is_null(), "{}", answer.body);
        }
    }
    Ok(())
}
