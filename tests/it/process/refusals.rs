//! What keeps a gateway from starting: one sentence, an exit code, and nothing touched.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, ensure};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::api;
use super::place::{Place, files};
use super::programs::Ended;

/// How often it is tried to find the first sandbox at rest.
const TRIES: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taken_ports_are_named_and_nothing_is_made() -> anyhow::Result<()> {
    let place = Place::new()?;
    for offset in [0, 1, 10] {
        let taken = place.port + offset;
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, taken))?;
        let ended = refused_sandbox(&place, &["--fresh"]).await?;
        says(&ended, 5, &format!("cannot listen on 127.0.0.1:{taken}"))?;
        ensure!(fs::read_dir(place.work())?.next().is_none(), "something was made");
        drop(held);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_the_way_of_the_folder_stays() -> anyhow::Result<()> {
    let place = Place::new()?;
    fs::write(place.data(), "mine")?;
    for args in [&[][..], &["--fresh"]] {
        let ended = refused_sandbox(&place, args).await?;
        says(&ended, 1, "the folder sandbox-data cannot be used")?;
        ensure!(fs::read_to_string(place.data())? == "mine", "it was touched");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_sandbox_leaves_the_first_and_its_data_alone() -> anyhow::Result<()> {
    let (place, other) = (Place::new()?, Place::new()?);
    let mut first = place.fresh_sandbox().await?;
    place.wait_until_quiet(&mut first).await?;
    // The first one writes now and then, the others would each time.
    let mut touched = Vec::new();
    for _ in 0..TRIES {
        let before = files(&place.data())?;
        for args in [&[][..], &["--fresh"]] {
            let port = other.port.to_string();
            let args = [&["sandbox", "--port", &port], args].concat();
            let ended = place.gateway(&args).await?;
            says(&ended, 1, "another sandbox is using the folder sandbox-data")?;
            let ended = refused_sandbox(&place, &args[3..]).await?;
            says(&ended, 5, &format!("cannot listen on 127.0.0.1:{}", place.port))?;
        }
        let after = files(&place.data())?;
        if after == before {
            touched.clear();
            break;
        }
        let changed = after.into_iter().filter(|file| !before.contains(file));
        touched.extend(changed.map(|(path, _)| path));
    }
    ensure!(touched.is_empty(), "data was touched: {touched:?}");
    ensure!(api::is_ready(place.port).await, "the first answers");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_that_cannot_be_used_is_kept_and_named() -> anyhow::Result<()> {
    let place = Place::new()?;
    let mut sandbox = place.sandbox(&["--fresh"]).await?;
    place.wait_for_file(&mut sandbox, "clients.json").await?;
    sandbox.stop("TERM").await?;

    newer_data_is_refused(&place).await?;
    damaged_keys_are_refused(&place).await?;
    a_lost_key_is_not_made_again(&place).await?;
    a_changed_checkpoint_is_refused(&place).await?;
    what_is_no_database_is_refused(&place).await?;

    let sandbox = place.sandbox(&[]).await?;
    ensure!(sandbox.errors().is_empty(), "mended, it starts: {}", sandbox.errors());
    Ok(())
}

async fn newer_data_is_refused(place: &Place) -> anyhow::Result<()> {
    on_database(
        place,
        "insert into _sqlx_migrations (version, description, installed_on, success, checksum, \
         execution_time) values (9999, 'of the future', '2030-01-01', 1, x'00', 0)",
    )
    .await?;
    everything_says(place, "written by a newer version of this program (migration 9999)").await?;
    on_database(place, "delete from _sqlx_migrations where version = 9999").await
}

async fn damaged_keys_are_refused(place: &Place) -> anyhow::Result<()> {
    for name in ["log-n1", "token-signing", "subject-token", "references"] {
        let path = place.data().join("keys").join(format!("{name}.key"));
        let whole = fs::read(&path)?;
        for damaged in [&b""[..], &whole[..40], &[0xff; 64]] {
            fs::write(&path, damaged)?;
            let ended = refused_sandbox(place, &[]).await?;
            says(&ended, 1, &format!("{name}.key"))?;
            ensure!(fs::read(&path)? == damaged, "{name}.key was touched");
        }
        fs::write(&path, whole)?;
    }
    Ok(())
}

/// A new key would only hide that the one which signed the log is lost.
async fn a_lost_key_is_not_made_again(place: &Place) -> anyhow::Result<()> {
    let path = place.data().join("keys/log-n1.key");
    let key = fs::read(&path)?;
    fs::remove_file(&path)?;
    everything_says(place, "log-n1.key cannot be used: No such file").await?;
    ensure!(!path.exists(), "a new key was made");
    Ok(fs::write(&path, key)?)
}

async fn a_changed_checkpoint_is_refused(place: &Place) -> anyhow::Result<()> {
    on_database(place, "update log_checkpoints set note = 'x' || note").await?;
    everything_says(place, "the checkpoint of log n1 cannot be trusted").await?;
    on_database(place, "update log_checkpoints set note = substr(note, 2)").await
}

async fn what_is_no_database_is_refused(place: &Place) -> anyhow::Result<()> {
    // The last connection that closes moves the write-ahead log into the file.
    on_database(place, "pragma wal_checkpoint(truncate)").await?;
    let path = place.data().join("gateway.sqlite");
    let whole = fs::read(&path)?;
    let mut damaged = whole.clone();
    damaged[..100].fill(0x55);
    fs::write(&path, &damaged)?;
    everything_says(place, "file is not a database").await?;
    Ok(fs::write(&path, whole)?)
}

/// The sandbox, the gateway and the auditor's command alike refuse the data, and keep it.
async fn everything_says(place: &Place, sentence: &str) -> anyhow::Result<()> {
    let database = place.data().join("gateway.sqlite");
    let before = fs::read(&database)?;
    says(&refused_sandbox(place, &[]).await?, 1, sentence)?;
    let config = ["--config", "sandbox-data/gateway.toml"];
    says(&place.gateway(&[&config[..], &["serve"]].concat()).await?, 1, sentence)?;
    says(&place.gateway(&[&config[..], &["log", "verify"]].concat()).await?, 1, sentence)?;
    ensure!(fs::read(&database)? == before, "the database was touched");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_configuration_is_code_3_and_wrong_usage_code_2() -> anyhow::Result<()> {
    let place = Place::new()?;
    let write = |text: &str| fs::write(place.work().join("gateway.toml"), text);
    write("[server]\nlisten_on = \"127.0.0.1:1\"\n")?;
    for args in [
        ["--config", "gateway.toml", "serve"].as_slice(),
        &["serve", "--config", "gateway.toml"],
        &["report", "--config", "gateway.toml", "recount"],
        &["log", "verify", "--config", "gateway.toml"],
    ] {
        says(&place.gateway(args).await?, 3, "listen_on")?;
    }
    write("[log]\nname = \"N 1\"\n")?;
    says(&place.gateway(&["serve", "--config", "gateway.toml"]).await?, 3, "log.name")?;
    write("[population]\napi_key_file = \"nowhere\"\n")?;
    says(&place.gateway(&["serve", "--config", "gateway.toml"]).await?, 3, "nowhere")?;
    says(&place.gateway(&["serve", "--config", "absent.toml"]).await?, 3, "absent.toml")?;

    write("")?;
    for args in [
        ["serve", "--no-such-flag"].as_slice(),
        &["no-such-command"],
        &["sandbox", "--port", "65530"],
        &["report", "match-rates", "--group-by", "colour", "--config", "gateway.toml"],
        &["report", "match-rates", "--from", "yesterday", "--config", "gateway.toml"],
        &["report", "match-rates", "--from", "2026-02-01", "--to", "2026-01-01"],
        &["report", "recount", "--config", "gateway.toml"],
        &["log", "verify", "--config", "gateway.toml"],
    ] {
        let ended = place.gateway(args).await?;
        ensure!(ended.status.code() == Some(2), "{args:?}: {} {}", ended.status, ended.stderr);
        ensure!(!ended.stderr.is_empty() && ended.stdout.is_empty(), "{args:?}");
    }
    let left = files(&place.work())?;
    ensure!(left.len() == 1, "a refused command left something: {}", left.len());
    Ok(())
}

async fn refused_sandbox(place: &Place, args: &[&str]) -> anyhow::Result<Ended> {
    let port = place.port.to_string();
    place.gateway(&[&["sandbox", "--port", &port], args].concat()).await
}

/// One line on standard error, and nothing else.
fn says(ended: &Ended, code: i32, sentence: &str) -> anyhow::Result<()> {
    let Ended { status, stdout, stderr } = ended;
    ensure!(status.code() == Some(code), "{code} is not {status}: {stderr}");
    let line = stderr.strip_suffix('\n').context("a line")?;
    ensure!(line.starts_with("gateway: ") && !line.contains('\n'), "one sentence: {stderr}");
    ensure!(line.contains(sentence), "{sentence:?} is not in {line:?}");
    ensure!(stdout.is_empty(), "{stdout}");
    Ok(())
}

async fn on_database(place: &Place, statement: &'static str) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(place.data().join("gateway.sqlite"));
    let mut database = SqliteConnection::connect_with(&options).await?;
    sqlx::query(statement).execute(&mut database).await?;
    Ok(database.close().await?)
}
