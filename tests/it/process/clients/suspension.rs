//! A suspension beside two gateways.

use anyhow::ensure;
use gateway::audit::LogEntry;
use gateway::store::Store;

use super::super::programs::wait_for;
use super::run;
use crate::support::{Database, TestApp, about_person};

#[tokio::test]
async fn a_suspension_by_command_acts_on_two_nodes_that_share_a_store() -> anyhow::Result<()> {
    let first = TestApp::start_on(Database::Postgres).await;
    let kept = first.kept();
    // As `gateway serve` does, so that commands leave the log to it.
    let _held = Store::hold(&first.config.store, "n1").await?;
    let second = kept.again().config(|config| config.log.name = "n2".into()).start().await;
    let body = about_person(&first.person());
    let callers = [first.caller("carrier").await, second.caller("carrier").await];
    for caller in &callers {
        caller.verify(&body).await.ok();
    }
    run(&kept, &["state", "carrier", "suspended", "--reason", "a leaked secret"])?;
    for (app, caller) in [&first, &second].into_iter().zip(&callers) {
        let status = async || Ok(caller.verify(&body).await.status == 403);
        wait_for("the suspension acts", status).await?;
        caller.verify(&body).await.problem(403, "client-suspended");
        app.ask_token_as("carrier").await.problem(403, "client-suspended");
    }
    run(&kept, &["state", "carrier", "active"])?;
    for caller in &callers {
        let status = async || Ok(caller.verify(&body).await.status == 200);
        wait_for("it may call again", status).await?;
    }
    // Both nodes look for acts; each act is in one of the logs, once.
    let store = &first.app.store;
    wait_for("the acts are logged", async || Ok(store.acts(10).await?.is_empty())).await?;
    let mut logged = Vec::new();
    for log in ["n1", "n2"] {
        for bundle in store.bundles_from(log, 0, 64).await? {
            logged.extend(acts_in(&bundle.entries));
        }
    }
    logged.sort();
    ensure!(logged == ["client-active", "client-suspended"], "{logged:?}");
    Ok(())
}

/// The acts of a bundle.
fn acts_in(mut bundle: &[u8]) -> Vec<String> {
    let mut acts = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        if let LogEntry::Act(act) = LogEntry::decode(entry).unwrap() {
            assert!(act.by.as_str().starts_with("cli:"));
            acts.push(act.act.as_str().to_owned());
        }
        bundle = rest;
    }
    acts
}
