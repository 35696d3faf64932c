//! Backups and the way back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, ensure};
use gateway::config::StoreConfig;
use serde_json::Value;

use super::{Office, filled, state_of};
use crate::process::place::files;
use crate::process::programs::Ended;
use crate::support::{Postgres, TestApp, about_person, remove_database};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_gateway_is_whole_and_restores() -> anyhow::Result<()> {
    let app = TestApp::start().await;
    let (kept, caller) = (app.kept(), app.caller("carrier").await);
    let people = app.people(40);
    for person in &people[..20] {
        caller.verify(&about_person(person)).await.ok();
    }
    let office = Office::new(&kept)?;
    let (copy, keys) = (office.folder("copy"), office.folder("copied-keys"));
    let backup = ["backup", "--to", &copy, "--with-keys", &keys];
    let asking = async {
        for person in &people[20..] {
            caller.verify(&about_person(person)).await.ok();
        }
    };
    let (made, ()) = tokio::join!(office.json(&backup), asking);
    let made = made?;
    let size = made["logs"][0]["size"].as_u64().context("a size")?;
    ensure!((20..=40).contains(&size) && made["logs"][0]["verified"] == true, "{made}");
    let manifest = fs::read(Path::new(&copy).join("manifest.json"))?;
    ensure!(serde_json::from_slice::<Value>(&manifest)? == made, "the manifest is what is printed");
    let names = |folder: &str| -> anyhow::Result<Vec<String>> {
        let files = files(Path::new(folder))?;
        Ok(files.iter().filter_map(|(path, _)| Some(path.file_name()?.to_str()?.into())).collect())
    };
    ensure!(names(&copy)? == ["gateway.sqlite", "manifest.json"], "{:?}", names(&copy)?);
    ensure!(names(&keys)?.contains(&"log-n1.checkpoint".to_owned()), "{:?}", names(&keys)?);
    for (path, _) in files(Path::new(&copy))?.into_iter().chain(files(Path::new(&keys))?) {
        let mode = fs::metadata(&path)?.permissions().mode();
        ensure!(mode & 0o777 == 0o600, "{} {mode:o}", path.display());
    }
    office.refused(&backup, 2, "is not empty").await?;
    app.stop().await;

    // Elsewhere, from nothing.
    let other = office.elsewhere()?;
    let restore = ["--config", &other, "restore", &copy, "--with-keys", &keys, "-o", "json"];
    let Ended { status, stdout, stderr } = office.place.gateway(&restore).await?;
    ensure!(status.success(), "{stderr}");
    let restored: Value = serde_json::from_str(&stdout)?;
    ensure!(restored["next_start_refused"].is_null(), "{restored}");
    let verify = ["--config", &other, "log", "verify", "-o", "json"];
    let verified: Value = serde_json::from_str(&office.place.gateway(&verify).await?.stdout)?;
    ensure!(verified["logs"][0]["root"] == made["logs"][0]["root"], "{verified}");
    let Ended { status, stderr, .. } = office.place.gateway(&restore).await?;
    ensure!(status.code() == Some(1) && stderr.contains("nothing is overwritten"), "{stderr}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_says_what_the_next_start_will_say() -> anyhow::Result<()> {
    let kept = filled(TestApp::builder(), 3).await;
    let office = Office::new(&kept)?;
    let copy = office.folder("copy");
    office.done(&["backup", "--to", &copy]).await?;
    let kept = filled(kept.again(), 2).await;
    office.refused(&["restore", &copy], 1, "nothing is overwritten").await?;
    remove_database(&kept.database());
    fs::write(kept.database().with_extension("sqlite-wal"), "of an old database")?;
    office.refused(&["restore", &copy], 1, "gateway.sqlite-wal already").await?;
    remove_database(&kept.database());
    let restored = office.done(&["restore", &copy]).await?;
    ensure!(restored.contains("log n1: 3 entries"), "{restored}");
    ensure!(restored.contains("the next start will refuse: log n1 has 3 entries"), "{restored}");
    office.refused(&["serve"], 1, "log n1 has 3 entries in the database").await?;
    office.check().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_was_changed_or_not_finished_restores_nothing() -> anyhow::Result<()> {
    let kept = filled(TestApp::builder(), 3).await;
    let office = Office::new(&kept)?;
    let copy = office.folder("copy");
    office.done(&["backup", "--to", &copy]).await?;
    office
        .refused(
            &["backup", "--to", &office.folder("a"), "--with-keys", &office.folder("a/b")],
            2,
            "of their own",
        )
        .await?;
    remove_database(&kept.database());
    let (file, manifest) =
        (Path::new(&copy).join("gateway.sqlite"), Path::new(&copy).join("manifest.json"));
    let (bytes, made) = (fs::read(&file)?, fs::read_to_string(&manifest)?);
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(&file, changed)?;
    office.refused(&["restore", &copy], 1, "is not the one that its manifest describes").await?;
    fs::write(&file, &bytes)?;
    fs::write(&manifest, made.replacen("\"size\": 3", "\"size\": 4", 1))?;
    office.refused(&["restore", &copy], 1, "are not those that its manifest describes").await?;
    fs::remove_file(&manifest)?;
    office.refused(&["restore", &copy], 1, "holds no backup that was finished").await?;
    let left = files(kept.database().parent().context("a folder")?)?;
    ensure!(!left.iter().any(|(path, _)| path.to_string_lossy().contains("restoring")), "left");
    ensure!(!kept.database().exists(), "nothing was restored");
    fs::write(&manifest, made)?;
    office.done(&["restore", &copy]).await?;
    office.check().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_backed_up_and_restored_into_an_empty_database() -> anyhow::Result<()> {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let builder = TestApp::builder().config(move |config| {
        config.store = StoreConfig::server(url);
    });
    let kept = filled(builder, 5).await;
    let office = Office::new(&kept)?;
    let configure = |name: &str| -> anyhow::Result<String> {
        let url = postgres.url();
        let (server, _) = url.rsplit_once('/').context("a URL")?;
        let text = fs::read_to_string(kept.config_file())?;
        let file = kept.config_file().with_file_name(format!("{name}.toml"));
        let store = format!("[store]\nurl = \"{server}/{name}\"\n");
        fs::write(&file, text.replacen("[store]\n", &store, 1))?;
        Ok(file.display().to_string())
    };
    let (first, second) = (configure("postgres")?, configure("other")?);
    let run = async |config: &str, args: &[&str]| {
        office.place.gateway(&[&["--config", config], args].concat()).await
    };
    let copy = office.folder("copy");
    let made = run(&first, &["backup", "--to", &copy, "-o", "json"]).await?;
    ensure!(made.status.success(), "{}", made.stderr);
    let made: Value = serde_json::from_str(&made.stdout)?;
    ensure!(made["store"] == "postgresql" && made["logs"][0]["size"] == 5, "{made}");
    ensure!(made["logs"][0]["verified"] == true, "{made}");

    let taken = run(&first, &["restore", &copy]).await?;
    ensure!(taken.stderr.contains("holds tables already"), "{}", taken.stderr);
    let mut connection = postgres.connect().await;
    sqlx::query("create database other").execute(&mut connection).await?;
    let restored = run(&second, &["restore", &copy]).await?;
    ensure!(restored.status.success(), "{}", restored.stderr);
    ensure!(restored.stdout.contains("the next start goes on from there"), "{}", restored.stdout);
    let verified = run(&second, &["log", "verify", "-o", "json"]).await?;
    let verified: Value = serde_json::from_str(&verified.stdout).context(verified.stderr)?;
    ensure!(verified["logs"][0]["root"] == made["logs"][0]["root"], "{verified}");
    let recounted = run(&second, &["report", "recount"]).await?;
    ensure!(recounted.status.success(), "{}", recounted.stderr);
    let examined = run(&second, &["doctor", "-o", "json"]).await?;
    let examined: Value = serde_json::from_str(&examined.stdout)?;
    for name in ["database", "durability", "log", "published checkpoint"] {
        ensure!(state_of(&examined, name) == ["ok"], "{name}: {examined}");
    }
    Ok(())
}
