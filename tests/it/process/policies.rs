//! `gateway policy` beside a running gateway: what it prints, how it ends, and what it leaves alone.

use anyhow::ensure;
use gateway::clock::Clock;
use gateway::store::Store;
use serde_json::{Value, json};

use super::office::Office;
use super::place::Place;
use super::programs::{Ended, wait_for};
use crate::credentials::acts;
use crate::support::{TestApp, about_person, merge};

const POLICY: &str = "carrier-policy";

/// A gateway whose clock is that of the commands, and somebody at a terminal beside it.
async fn beside_a_gateway() -> anyhow::Result<(TestApp, Office)> {
    let app = TestApp::builder().at(&Clock::system().now().to_string()).start().await;
    let office = Office { place: Place::new()?, kept: app.kept() };
    Ok((app, office))
}

impl Office {
    /// What a command prints in this form.
    async fn printed(&self, format: &str, args: &[&str]) -> anyhow::Result<String> {
        let config = self.kept.config_file().display().to_string();
        let args = [&["--config", &config, "-o", format, "policy"], args].concat();
        let Ended { status, stdout, stderr } = self.place.gateway(&args).await?;
        ensure!(status.success() && stderr.is_empty(), "{args:?}: {status} {stderr}");
        Ok(stdout)
    }

    /// The policy of the client `carrier` with something changed, as a file.
    async fn changed(&self, name: &str, change: &Value) -> anyhow::Result<String> {
        let shown = self.done(&["policy", "show", "carrier-policy@1"]).await?;
        self.file(name, &merge(&shown["document"], change).to_string())
    }
}

fn only_clean_up() -> Value {
    json!({"grants": [{
        "operations": ["verify"], "purposes": ["telecom.cleanup"],
        "attributes": ["full_name", "date_of_birth"],
    }]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_tried_compared_put_and_followed() -> anyhow::Result<()> {
    let (app, office) = beside_a_gateway().await?;
    // As `gateway serve` does, so that commands leave the log to it.
    let _held = Store::hold(&app.config.store, "n1").await?;
    let carrier = app.caller("carrier").await;
    let body = about_person(&app.person());
    for _ in 0..3 {
        carrier.verify(&body).await.ok();
    }
    let listed = office.printed("csv", &["list"]).await?;
    ensure!(listed.starts_with("policy,created_at,clients\ncarrier-policy@1,"), "{listed}");
    ensure!(listed.lines().count() == 5 && listed.lines().all(|line| !line.ends_with(",0")));

    let narrow = office.changed("narrow.json", &only_clean_up()).await?;
    let tried = office.done(&["policy", "try", POLICY, "--file", &narrow]).await?;
    ensure!((&tried["tried"], &tried["affected"]) == (&json!(3), &json!(3)), "{tried}");
    let row = &tried["rows"][0];
    ensure!(row["client"] == "carrier" && row["effect"] == "refused", "{tried}");
    ensure!(row["about"] == "purpose-not-permitted" && row["requests"] == 3, "{tried}");
    let tried = office.printed("csv", &["try", POLICY, "--file", &narrow]).await?;
    ensure!(
        tried.starts_with(
            "client,on_behalf_of,purpose,operation,effect,about,requests,examples\n\
             carrier,,telecom.subscriber,verify,refused,purpose-not-permitted,3,"
        ),
        "{tried}"
    );
    let tried = office.printed("table", &["try", POLICY, "--file", &narrow]).await?;
    ensure!(
        tried.starts_with("of 3 requests of the last 24 hours, 3 would be affected\n"),
        "{tried}"
    );

    let put = ["policy", "put", POLICY, "--file", &narrow];
    let dry = office.done(&[&put[..], &["--move-clients", "--dry-run"]].concat()).await?;
    ensure!(
        (&dry["policy"], &dry["added"]) == (&json!("carrier-policy@2"), &json!(false)),
        "{dry}"
    );
    ensure!(dry["clients_moved"] == 1, "{dry}");
    ensure!(office.printed("csv", &["list"]).await? == listed, "a trial changes nothing");
    app.app.load_directory().await?;
    carrier.verify(&body).await.ok();
    ensure!(app.app.log_acts().await == 0 && acts(&app).await.is_empty(), "nor is it an act");

    let told = office.printed("table", &["put", POLICY, "--file", &narrow]).await?;
    ensure!(told.starts_with("carrier-policy@2 was added, with 0 clients moved to it\n"), "{told}");
    let compare = ["diff", "carrier-policy@1", "carrier-policy@2"];
    let table = office.printed("table", &compare).await?;
    for words in ["less", "grant", "telecom.subscriber", "attributes"] {
        ensure!(table.contains(words), "{words}: {table}");
    }
    let lines = office.printed("csv", &compare).await?;
    ensure!(lines.starts_with("effect,about,vi,en\n") && lines.lines().count() > 2, "{lines}");
    let same = office.printed("table", &["diff", "carrier-policy@2", "carrier-policy@2"]).await?;
    ensure!(same == "both grant the same\n", "{same}");
    let shown = office.printed("table", &["show", POLICY]).await?;
    ensure!(shown.contains("carrier-policy@2") && shown.contains("\"telecom.cleanup\""), "{shown}");

    let moved = office.done(&[&put[..], &["--move-clients"]].concat()).await?;
    ensure!((&moved["version"], &moved["clients_moved"]) == (&json!(3), &json!(1)), "{moved}");
    ensure!(moved["changes"] == json!([]), "the same grant as before: {moved}");
    let follows = async || Ok(carrier.verify(&body).await.status == 403);
    wait_for("the running gateway follows", follows).await?;
    wait_for("the acts are logged", async || Ok(app.app.store.acts(10).await?.is_empty())).await?;
    let told: Vec<_> =
        acts(&app).await.into_iter().map(|act| [act[1].clone(), act[2].clone()]).collect();
    let added = ["carrier-policy@2", "carrier-policy@3"];
    ensure!(told == added.map(|label| ["policy-added".to_owned(), label.to_owned()]), "{told:?}");
    app.verify_log().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_command_cannot_do_has_its_exit_code_and_changes_nothing() -> anyhow::Result<()> {
    let (app, office) = beside_a_gateway().await?;
    let good = office.changed("good.json", &json!({})).await?;
    let none = office.place.work().join("none.json").display().to_string();
    let wrong = office.changed("wrong.json", &json!({"rate": 10, "burst": 15, "limit": 1})).await?;
    let broken = office.file("broken.json", "{")?;
    for (args, code, words) in [
        (vec!["show", "nobodys-policy"], 1, "no such policy"),
        (vec!["show", "carrier-policy@2"], 1, "no such policy"),
        (vec!["diff", "carrier-policy@1", "carrier-policy@2"], 1, "no such policy"),
        (vec!["diff", "carrier-policy", "carrier-policy@1"], 2, "NAME@VERSION"),
        (vec!["put", "not one", "--file", &good], 2, "A-Z a-z 0-9"),
        (vec!["put", POLICY, "--file", &none], 1, "none.json"),
        (vec!["put", POLICY, "--file", &wrong], 2, "/limit: unknown"),
        (vec!["put", POLICY, "--file", &broken], 2, ""),
        (vec!["try", POLICY, "--file", &broken], 2, ""),
        (vec!["try", "carrier-polcy", "--file", &good], 1, "no such policy"),
        (vec!["put", POLICY], 2, "--file"),
        (vec!["remove", POLICY], 2, "remove"),
    ] {
        office.refused(&[&["policy"], &args[..]].concat(), code, words).await?;
    }
    ensure!(office.done(&["policy", "show", POLICY]).await?["version"] == 1);
    ensure!(app.app.log_acts().await == 0 && acts(&app).await.is_empty());
    Ok(())
}
