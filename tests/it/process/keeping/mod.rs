//! The commands that keep a log safe over years, as an administrator runs them.

mod backup;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context, ensure};
use gateway::audit::LogEntry;
use gateway::clock::Clock;
use gateway::store::Store;
use serde_json::Value;

use super::place::{Place, files};
use super::programs::Ended;
use crate::retention::four_days_of;
use crate::support::{
    Kept, TestApp, TestClient, about_person, copy_database, put_back, remove_database,
};

/// A place for commands on the data of a gateway that has stopped.
struct Office {
    place: Place,
    kept: Kept,
}

impl Office {
    fn new(kept: &Kept) -> anyhow::Result<Self> {
        Ok(Self { place: Place::new()?, kept: kept.clone() })
    }

    /// A folder that is not there yet.
    fn folder(&self, name: &str) -> String {
        self.place.work().join(name).display().to_string()
    }

    /// The same configuration in a folder of its own.
    fn elsewhere(&self) -> anyhow::Result<String> {
        let folder = self.folder("elsewhere");
        fs::create_dir(&folder)?;
        let file = format!("{folder}/gateway.toml");
        fs::copy(self.kept.config_file(), &file)?;
        Ok(file)
    }

    async fn run(&self, args: &[&str]) -> anyhow::Result<Ended> {
        let config = self.kept.config_file();
        let config = config.to_str().context("a path in UTF-8")?;
        self.place.gateway(&[&["--config", config], args].concat()).await
    }

    /// A command that must succeed.
    async fn done(&self, args: &[&str]) -> anyhow::Result<String> {
        let Ended { status, stdout, stderr } = self.run(args).await?;
        ensure!(status.success() && stderr.is_empty(), "{args:?}: {status} {stderr}");
        Ok(stdout)
    }

    async fn json(&self, args: &[&str]) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.done(&[args, &["-o", "json"]].concat()).await?)?)
    }

    /// A command that must fail with this code and these words.
    async fn refused(&self, args: &[&str], code: i32, words: &str) -> anyhow::Result<()> {
        let Ended { status, stdout, stderr } = self.run(args).await?;
        ensure!(status.code() == Some(code), "{args:?}: {status} {stderr}");
        ensure!(stderr.starts_with("gateway: ") && stderr.contains(words), "{args:?}: {stderr}");
        ensure!(stdout.is_empty(), "{args:?}: {stdout}");
        Ok(())
    }

    /// Entries, tree, signature and counters are in order.
    async fn check(&self) -> anyhow::Result<()> {
        self.done(&["log", "verify"]).await?;
        let recounted = self.json(&["report", "recount"]).await?;
        ensure!(recounted["differences"] == 0, "{recounted}");
        Ok(())
    }

    /// The act at this index: who, what, to what, and the detail.
    async fn act(&self, index: &Value) -> anyhow::Result<[String; 4]> {
        let index = index.as_u64().context("an index")?;
        let store = Store::open_existing(&self.kept.store()).await?;
        let bundles = store.bundles_from("n1", i64::try_from(index)?, 1).await?;
        let bundle = bundles.first().context("the bundle is there")?;
        ensure!(bundle.entries_count == 1, "an act of a command is alone in its commit");
        let LogEntry::Act(act) = LogEntry::decode(&bundle.entries[2..])? else {
            anyhow::bail!("entry {index} is no act");
        };
        let detail = act.detail.context("a detail")?;
        Ok([act.by, act.act, act.target, detail].map(|text| text.as_str().to_owned()))
    }
}

/// A gateway that has logged so many entries at a moment, and stopped.
async fn filled(builder: crate::support::Builder, count: usize) -> Kept {
    let app = builder.start().await;
    let caller = app.caller("carrier").await;
    for person in app.people(count) {
        caller.verify(&about_person(&person)).await.ok();
    }
    app.stop().await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_is_accepted_by_a_command_and_on_record() -> anyhow::Result<()> {
    let kept = filled(TestApp::builder(), 3).await;
    let copy = kept.database().with_extension("copy");
    copy_database(&kept.database(), &copy).await;
    let kept = filled(kept.again(), 2).await;
    let office = Office::new(&kept)?;
    let accept = ["log", "accept-loss", "--log", "n1"];
    office.refused(&accept, 1, "log n1 has lost nothing").await?;

    put_back(&copy, &kept.database());
    let note = fs::read(kept.published())?;
    office.refused(&["serve"], 1, "has 3 entries in the database").await?;
    office.refused(&["serve"], 1, "log accept-loss --log n1").await?;
    office.refused(&["log", "accept-loss", "--log", "n2"], 2, "writes log n1").await?;
    let running = Store::hold(&kept.store(), "n1").await?;
    office.refused(&accept, 1, "another gateway is running").await?;
    drop(running);
    let accepted = office.json(&accept).await?;
    ensure!(accepted["kept_size"] == 3 && accepted["published_size"] == 5, "{accepted}");
    let superseded = kept.keys().join("log-n1.checkpoint.superseded-5");
    ensure!(fs::read(superseded)? == note, "the published note is kept");
    let [by, act, target, detail] = office.act(&accepted["act_index"]).await?;
    ensure!(by.starts_with("cli:") && act == "loss-accepted" && target == "log n1", "{by} {act}");
    ensure!(detail.contains("kept 3 root ") && detail.contains("published 5 root "), "{detail}");
    office.check().await?;
    office.refused(&accept, 1, "log n1 has lost nothing").await?;

    remove_database(&kept.database());
    office.refused(&["serve"], 1, "the database was lost").await?;
    let accepted = office.json(&accept).await?;
    ensure!(accepted["act_index"] == 0 && accepted["published_size"] == 4, "{accepted}");
    let app = kept.again().start().await;
    app.verify_log().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarters_key_is_destroyed_by_a_command_and_breaks_no_proof() -> anyhow::Result<()> {
    let first = TestApp::builder().at("2026-01-15T09:00:00+07:00");
    let kept = filled(first, 3).await;
    let kept = filled(kept.again().at("2026-04-15T09:00:00+07:00"), 2).await;
    let office = Office::new(&kept)?;
    let before = files(&kept.keys())?;
    let destroy = ["key", "destroy", "pseudonym-2026Q1"];
    office.refused(&destroy, 2, "repeat with --yes").await?;
    office.refused(&["key", "destroy", "log-n1", "--yes"], 2, "only the key of a past").await?;
    office.refused(&["key", "destroy", "pseudonym-2019Q1", "--yes"], 1, "there is no key").await?;
    let running = Store::hold(&kept.store(), "n1").await?;
    let destroy = [&destroy[..], &["--yes"]].concat();
    office.refused(&destroy, 1, "another gateway is running").await?;
    drop(running);
    ensure!(files(&kept.keys())? == before, "a refusal touches nothing");

    let root = office.json(&["log", "verify"]).await?;
    let destroyed = office.json(&destroy).await?;
    let [_, act, target, detail] = office.act(&destroyed["act_index"]).await?;
    ensure!(act == "key-destroyed" && target == "pseudonym-2026Q1", "{act} {target}");
    ensure!(detail.contains("pseudonyms of 2026Q1"), "{detail}");
    ensure!(!kept.keys().join("pseudonym-2026Q1.key").exists(), "it is gone");
    office.check().await?;
    let listed = office.json(&["key", "list"]).await?;
    let keys = listed["keys"].as_array().context("keys")?;
    let state = |name: &str| keys.iter().find(|key| key["name"] == name).map(|key| &key["state"]);
    ensure!(state("pseudonym-2026Q1") == Some(&"destroyed".into()), "{listed}");
    ensure!(state("log-n1") == Some(&"in use".into()), "{listed}");
    office.refused(&destroy, 1, "is destroyed already").await?;

    let verified = office.json(&["log", "verify"]).await?;
    ensure!(root["logs"][0]["entries"] == 5 && verified["logs"][0]["entries"] == 6, "{verified}");
    // A clock that went back into the quarter finds no key and makes none.
    let app = kept.again().at("2026-03-31T09:00:00+07:00").start().await;
    let answer = app.caller("carrier").await.verify(&about_person(&app.person())).await;
    answer.problem(503, "log-unavailable");
    ensure!(!kept.keys().join("pseudonym-2026Q1.key").exists(), "it was made again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_lost_is_gone_on_without_by_a_command() -> anyhow::Result<()> {
    let kept = filled(TestApp::builder(), 3).await;
    let office = Office::new(&kept)?;
    let accept = ["key", "accept-loss", "references"];
    office.refused(&[&accept[..], &["--yes"]].concat(), 1, "references is not lost").await?;
    fs::remove_file(kept.keys().join("references.key"))?;
    office.refused(&["serve"], 1, "key accept-loss references --yes").await?;
    office.refused(&accept, 2, "repeat with --yes").await?;
    let accepted = office.json(&[&accept[..], &["--yes"]].concat()).await?;
    let [by, act, target, detail] = office.act(&accepted["act_index"]).await?;
    ensure!(by.starts_with("cli:") && act == "key-loss-accepted", "{by} {act}");
    ensure!(target == "references" && detail.starts_with("was "), "{target} {detail}");
    let kept = filled(kept.again(), 1).await;
    ensure!(kept.keys().join("references.key").exists(), "it is made anew");
    office.check().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_a_running_gateway_well_and_writes_nothing() -> anyhow::Result<()> {
    let mut terms = TestClient::company();
    // Today of the machine, which is the day that the command goes by.
    let today = Clock::system().now();
    terms[0].agreement.1 = today.plus_seconds(3 * 86_400);
    let builder = TestApp::builder().clients(terms).at(&today.to_string());
    let app = builder.start().await;
    let caller = app.caller("carrier").await;
    for person in app.people(3) {
        caller.verify(&about_person(&person)).await.ok();
    }
    let office = Office::new(&app.kept())?;
    let before = files(&app.kept().keys())?;
    let examined = office.json(&["doctor"]).await?;
    let state = |name: &str| state_of(&examined, name);
    for name in [
        "configuration",
        "database",
        "durability",
        "shared keys",
        "log",
        "figures",
        "policies",
        "clock",
    ] {
        ensure!(state(name) == ["ok"], "{name}: {examined}");
    }
    ensure!(state("published checkpoint") == ["ok"], "{examined}");
    ensure!(state("population database") == ["ok"], "{examined}");
    ensure!(state("clients") == ["warning"], "{examined}");
    ensure!(examined.to_string().contains("1 of 4 active lose"), "{examined}");
    ensure!(files(&app.kept().keys())? == before, "it wrote into the key folder");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_what_is_wrong_and_what_to_do() -> anyhow::Result<()> {
    let kept = filled(TestApp::builder().at("2099-01-01T00:00:00+07:00"), 3).await;
    let office = Office::new(&kept)?;
    let copy = kept.database().with_extension("copy");
    copy_database(&kept.database(), &copy).await;
    let kept = filled(kept.again().at("2099-01-02T00:00:00+07:00"), 2).await;
    put_back(&copy, &kept.database());
    fs::set_permissions(kept.keys(), fs::Permissions::from_mode(0o755))?;
    fs::remove_file(kept.keys().join("references.key"))?;
    let Ended { status, stdout, stderr } = office.run(&["doctor", "-o", "json"]).await?;
    ensure!(status.code() == Some(1) && stderr.contains("checks failed"), "{status} {stderr}");
    let examined: Value = serde_json::from_str(&stdout)?;
    for (name, state) in [
        ("log", "ok"),
        ("published checkpoint", "failed"),
        ("clock", "failed"),
        ("key folder", "warning"),
        ("keys", "failed"),
        ("shared keys", "failed"),
    ] {
        ensure!(state_of(&examined, name) == [state], "{name}: {examined}");
    }
    let checks = examined["checks"].as_array().context("checks")?;
    let advised = |check: &Value| (check["state"] == "ok") == (check["advice"] == "");
    ensure!(checks.iter().all(advised), "whatever is not well has advice: {examined}");

    let lines = office.run(&["doctor"]).await?.stdout;
    ensure!(lines.contains("failed   published checkpoint: log n1 has 3 entries"), "{lines}");
    remove_database(&kept.database());
    let gone = office.run(&["doctor", "-o", "csv"]).await?;
    ensure!(gone.stdout.contains("database,failed,there is no database"), "{}", gone.stdout);
    ensure!(!kept.database().exists(), "it made one");
    fs::write(kept.config_file(), "[server]\nlisten_on = 1\n")?;
    let unreadable = office.run(&["doctor"]).await?;
    ensure!(unreadable.stdout.starts_with("failed   configuration: "), "{}", unreadable.stdout);
    Ok(())
}

fn state_of(examined: &Value, name: &str) -> Vec<String> {
    let checks = examined["checks"].as_array().cloned().unwrap_or_default();
    let named = checks.iter().filter(|check| check["check"] == name);
    named.filter_map(|check| Some(check["state"].as_str()?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_are_dropped_by_a_command_that_can_be_tried_first() -> anyhow::Result<()> {
    let (kept, _) = four_days_of(TestApp::builder(), "2024-03").await.stop().await;
    let office = Office::new(&kept)?;
    let drop_days = ["log", "drop-days", "--before", "2024-03-22"];
    office.refused(&["log", "drop-days", "--before", "March"], 2, "--before takes a day").await?;
    let running = Store::hold(&kept.store(), "n1").await?;
    office.refused(&drop_days, 1, "another gateway is running").await?;
    let tried = office.json(&[&drop_days[..], &["--dry-run"]].concat()).await?;
    ensure!(tried["dropped"] == false && tried["entries"] == 6_000, "{tried}");
    drop(running);
    let before =
        office.done(&["report", "match-rates", "--from", "2024-03-01", "-o", "csv"]).await?;
    let dropped = office.json(&drop_days).await?;
    ensure!(dropped["dropped"] == true && dropped["days"] == tried["days"], "{dropped}");
    ensure!(dropped["days"][1]["day"] == "2024-03-21", "{dropped}");
    office.check().await?;
    let after =
        office.done(&["report", "match-rates", "--from", "2024-03-01", "-o", "csv"]).await?;
    ensure!(before == after, "a figure has changed:\n{before}\n{after}");
    let again = office.json(&drop_days).await?;
    ensure!(again["entries"] == 0, "{again}");
    Ok(())
}
