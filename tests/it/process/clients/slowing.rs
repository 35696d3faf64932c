//! A client is slowed by one command beside two gateways.

use anyhow::ensure;
use gateway::store::Store;

use super::super::programs::wait_for;
use super::{refused, run};
use crate::support::{Database, TestApp, TestClient};

#[tokio::test]
async fn a_cap_by_command_acts_on_two_nodes_that_share_a_store() -> anyhow::Result<()> {
    let clients = [TestClient::carrier("carrier"), TestClient::operator("operator")];
    let first = TestApp::builder().on(Database::Postgres).clients(clients).start().await;
    let kept = first.kept();
    // As `gateway serve` does, so that commands leave the log to it.
    let _held = Store::hold(&first.config.store, "n1").await?;
    let second = kept.again().config(|config| config.log.name = "n2".into()).start().await;
    let callers = [first.caller("carrier").await, second.caller("carrier").await];
    let told = async |expected: &str| {
        for caller in &callers {
            let is_told = async || {
                let answer = caller.report("").await;
                Ok(answer.header("ratelimit-policy") == Some(expected))
            };
            wait_for("the limit is in force", is_told).await?;
        }
        anyhow::Ok(())
    };
    told("\"client\";q=1000000;w=10").await?;
    let shown = run(&kept, &slow(&["--burst", "6", "--until", "2100-01-01", "-o", "json"]))?;
    let shown: serde_json::Value = serde_json::from_str(&shown)?;
    ensure!(shown["slowed"]["until"] == "2100-01-02T00:00:00.000+07:00", "{shown}");
    told("\"client\";q=6;w=2").await?;
    let listed = run(&kept, &["list", "-o", "csv"])?;
    ensure!(listed.contains(",3/s until 2100-01-02T00:00:00.000+07:00,"), "{listed}");
    run(&kept, &["unslow", "carrier", "--reason", "explained"])?;
    told("\"client\";q=1000000;w=10").await?;

    refused(&kept, &slow(&["--burst", "4"]), 2)?;
    refused(&kept, &slow(&["--for", "1h", "--until", "2100-01-01"]), 2)?;
    refused(&kept, &slow(&["--for", "soon"]), 2)?;
    refused(&kept, &slow(&["--until", "2020-01-01"]), 2)?;
    refused(&kept, &["slow", "nobody", "--rate", "3", "--reason", "x"], 1)?;
    refused(&kept, &["slow", "carrier", "--rate", "3"], 2)?;
    refused(&kept, &["slow", "carrier", "--rate", "3", "--reason", "asked 001090012345"], 2)?;
    Ok(())
}

fn slow(more: &[&'static str]) -> Vec<&'static str> {
    let slow = ["slow", "carrier", "--rate", "3", "--reason", "asks too much"];
    [&slow[..], more].concat()
}
