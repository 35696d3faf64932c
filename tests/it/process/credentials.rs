//! Credentials by command, beside a gateway that runs and beside none; and copies of one assertion
//! to two processes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use gateway::clock::Clock;
use gateway::store::Store;
use serde_json::{Value, json};

use super::office::Office;
use super::place::Place;
use super::programs::{Ended, program};
use super::served::Served;
use crate::credentials::{Signer, acts};
use crate::support::{SECRET, TestApp};

const COPIES: usize = 1_000;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_is_logged_although_its_result_cannot_be_printed() -> anyhow::Result<()> {
    let app = TestApp::builder().at(&Clock::system().now().to_string()).start().await;
    // As a gateway's process does: commands leave the log to it.
    let _held = Store::hold(&app.config.store, "n1").await?;
    let office = Office { place: Place::new()?, kept: app.kept() };
    let config = office.kept.config_file();
    let policy = r#"{"grants": [], "disclosure": "outcome", "rate": 1, "burst": 1}"#;
    fs::write(office.place.work().join("policy.json"), policy)?;
    let commands: [&[&str]; 4] = [
        &["client", "state", "carrier", "suspended", "--reason", "a leaked secret"],
        &["client", "rotate", "carrier", "--retire", "1", "--force"],
        &["policy", "put", "another", "--file", "policy.json"],
        &["key", "rotate", "--force"],
    ];
    for (done, command) in commands.into_iter().enumerate() {
        let ended = std::process::Command::new(program("gateway")?)
            .arg("--config")
            .arg(&config)
            .args(command)
            .current_dir(office.place.work())
            .stdout(fs::OpenOptions::new().write(true).open("/dev/full")?)
            .output()?;
        let told = String::from_utf8_lossy(&ended.stderr);
        ensure!(ended.status.code() == Some(1) && told.contains("cannot be printed"), "{told}");
        ensure!(acts(&app).await.len() == done + 1, "{command:?}: {told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_and_keys_change_by_command_beside_a_running_gateway() -> anyhow::Result<()> {
    let app = TestApp::builder().at(&Clock::system().now().to_string()).start().await;
    // As a gateway's process does: commands leave the log to it.
    let _held = Store::hold(&app.config.store, "n1").await?;
    let office = Office { place: Place::new()?, kept: app.kept() };
    let passes = async |secret: &str| {
        app.app.load_directory().await.unwrap();
        let passes = app.ask_token_with("carrier", secret).await.status == 200;
        // As the gateway does every ten seconds.
        app.app.flush_uses().await;
        passes
    };
    let rotate = ["client", "rotate", "carrier"];
    let tried = office.done(&[&rotate[..], &["--dry-run"]].concat()).await?;
    ensure!(
        tried["rotated"] == false && tried["slot"] == 2 && tried["secret"].is_null(),
        "{tried}"
    );
    let made = office.done(&rotate).await?;
    let second = made["secret"].as_str().context("a secret")?;
    ensure!(made["slot"] == 2 && passes(second).await && passes(SECRET).await, "{made}");

    // Nobody reads what the command prints: that is an error and no panic, and the act is logged.
    let (reader, unread) = std::io::pipe()?;
    drop(reader);
    let config = office.kept.config_file();
    let ended = std::process::Command::new(program("gateway")?)
        .stdout(unread)
        .arg("--config")
        .arg(&config)
        .args(rotate)
        .current_dir(office.place.work())
        .output()?;
    let told = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.code() == Some(1) && told.contains("cannot be printed"), "{told}");
    ensure!(acts(&app).await.len() == 2, "both rotations are acts");
    office.refused(&rotate, 1, "was never used").await?;
    office.refused(&[&rotate[..], &["--dry-run"]].concat(), 1, "was never used").await?;
    ensure!(passes(second).await, "it stayed");
    office.done(&[&rotate[..], &["--retire", "1"]].concat()).await?;
    let out = office.place.work().join("secret").display().to_string();
    let made = office.done(&[&rotate[..], &["--secret-out", &out]].concat()).await?;
    ensure!(made["slot"] == 1 && made["secret"].is_null(), "{made}");
    let third = fs::read_to_string(&out)?.trim().to_owned();
    ensure!(fs::metadata(&out)?.permissions().mode() & 0o777 == 0o600, "for its owner alone");
    ensure!(
        passes(&third).await && passes(second).await && !passes(SECRET).await,
        "the older ended"
    );
    let again = [&rotate[..], &["--secret-out", &out]].concat();
    office.refused(&again, 1, "cannot be written").await?;
    ensure!(fs::read_to_string(&out)?.trim() == third && passes(&third).await, "nothing changed");

    let own = office.file("own", "abcdefghijklmnopqrstuvwxyz\n")?;
    office.done(&[&rotate[..], &["--secret-file", &own]].concat()).await?;
    ensure!(passes("abcdefghijklmnopqrstuvwxyz").await, "taken from the file");
    let weak = office.file("weak", "short")?;
    office.refused(&[&rotate[..], &["--secret-file", &weak]].concat(), 2, "22 to 128").await?;
    let retire = |slot: &'static str| [&rotate[..], &["--retire", slot]].concat();
    office.done(&[&retire("1")[..], &["--dry-run"]].concat()).await?;
    ensure!(passes(&third).await, "a trial changes nothing");
    office.done(&retire("1")).await?;
    ensure!(!passes(&third).await, "it has ended");
    office.refused(&retire("1"), 1, "no such credential").await?;
    office.refused(&retire("2"), 1, "last credential").await?;
    office.refused(&["client", "rotate", "nobody"], 1, "no such client").await?;

    let signer = Signer::ed25519(&[7; 32]);
    let file = office.file("key.json", &signer.jwk())?;
    let add = ["client", "key", "add", "carrier", "--file", &file];
    office.done(&[&add[..], &["--dry-run"]].concat()).await?;
    let listed = office.done(&["client", "key", "list", "carrier"]).await?;
    ensure!(listed["keys"] == json!([]), "{listed}");
    office.done(&add).await?;
    office.refused(&add, 1, "a key with this kid").await?;
    let private = office.file("private.json", &signer.jwk().replacen('{', r#"{"d":"AA","#, 1))?;
    let add_private = ["client", "key", "add", "carrier", "--file", &private];
    office.refused(&add_private, 2, "holds the private key").await?;
    let listed = office.done(&["client", "key", "list", "carrier"]).await?;
    ensure!(
        listed["keys"][0]["kid"] == signer.kid() && listed["keys"][0]["alg"] == "EdDSA",
        "{listed}"
    );
    office.done(&retire("2")).await?;
    let kid = signer.kid();
    let remove = ["client", "key", "remove", "carrier", &kid];
    office.refused(&remove, 1, "last credential").await?;
    office.done(&[&remove[..], &["--force"]].concat()).await?;
    let listed = office.done(&["client", "secrets", "carrier"]).await?;
    ensure!(listed["secrets"] == json!([]), "{listed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_keys_move_on_by_command_and_the_doctor_knows_their_files() -> anyhow::Result<()> {
    // An hour ago by the machine's clock, which is the command's.
    let start = Clock::system().now().plus_seconds(-3_600).to_string();
    let (kept, _) = TestApp::builder().at(&start).start().await.stop().await;
    let office = Office { place: Place::new()?, kept: kept.clone() };
    let rotate = ["key", "rotate"];
    let tried = office.done(&[&rotate[..], &["--dry-run"]].concat()).await?;
    ensure!(tried["rotated"] == false && tried["next"].is_null(), "{tried}");
    let rotated = office.done(&rotate).await?;
    ensure!(rotated["activates"] == tried["activates"], "{rotated}");
    office.refused(&rotate, 1, "the next key is too new: repeat in ").await?;
    office.done(&[&rotate[..], &["--force", "--dry-run"]].concat()).await?;

    let listed = office.done(&["key", "list"]).await?;
    let keys = listed["keys"].as_array().context("keys")?;
    let state = |name: &str| {
        let key = keys.iter().find(|key| key["name"] == name);
        key.map(|key| (key["kind"].clone(), key["state"].clone()))
    };
    let file = |kid: &Value| format!("token-signing-{}", kid.as_str().unwrap_or_default());
    let tokens = |state: &str| Some((json!("access tokens"), json!(state)));
    ensure!(state("token-signing") == tokens("retiring"), "{listed}");
    ensure!(state(&file(&rotated["activates"])) == tokens("active"), "{listed}");
    ensure!(state(&file(&rotated["next"])) == tokens("next"), "{listed}");

    let examined = async || -> anyhow::Result<Value> {
        let Ended { stdout, .. } = office.run(&["doctor"]).await?;
        let examined: Value = serde_json::from_str(&stdout)?;
        let checks = examined["checks"].as_array().cloned().context("checks")?;
        checks.into_iter().find(|check| check["check"] == "token keys").context("the check")
    };
    ensure!(examined().await?["state"] == "ok", "{}", examined().await?);
    let next = kept.keys().join(format!("{}.key", file(&rotated["next"])));
    fs::rename(&next, next.with_extension("away"))?;
    ensure!(examined().await?["state"] == "warning", "{}", examined().await?);
    fs::rename(next.with_extension("away"), &next)?;
    let signs = kept.keys().join(format!("{}.key", file(&rotated["activates"])));

    // What a backup takes along is enough for a gateway to sign as before.
    let (copy, keys) = ("copy".to_owned(), "copied-keys".to_owned());
    office.done(&["backup", "--to", &copy, "--with-keys", &keys]).await?;
    let copied = office.place.work().join(&keys).join(signs.file_name().context("a name")?);
    ensure!(fs::read(copied)? == fs::read(&signs)?, "the key is in the backup");
    fs::remove_file(&signs)?;
    ensure!(examined().await?["state"] == "failed", "{}", examined().await?);
    office.refused(&["serve"], 1, "cannot be used").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_copies_to_two_processes_one_gets_a_token() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let signer = Signer::ed25519(&[7; 32]);
    fs::write(place.data().join("key.json"), signer.jwk())?;
    // The same issuer for both, and their address may fail as often as there are copies.
    let file = place.data().join("gateway.toml");
    let issuer = "https://gateway.example";
    let shared = fs::read_to_string(&file)?.replacen(
        "[server]\n",
        &format!(
            "[auth]\naddress_failures_burst = 100000\naddress_failures_per_second = 100000\n\
             [server]\npublic_url = \"{issuer}\"\n"
        ),
        1,
    );
    fs::write(&file, &shared)?;
    let one = served.gateway(&place).await?;
    let (mut other, api) = served.node(&place, 2).await?;
    let add = ["client", "key", "add", "ndxp", "--file", "sandbox-data/key.json"];
    place.on_data(&add).await?;

    let http = reqwest::Client::builder().no_proxy().build()?;
    let assertion = |jti: &str| {
        let now = Clock::system().now().seconds();
        let header = json!({ "alg": "EdDSA", "kid": signer.kid() });
        let claims = json!({
            "iss": "ndxp", "sub": "ndxp", "aud": issuer, "exp": now + 240, "jti": jti,
        });
        signer.token(&header, &claims)
    };
    let ask = async |port: u16, assertion: &str| -> anyhow::Result<u16> {
        let form = format!(
            "grant_type=client_credentials&client_assertion_type={ASSERTION_TYPE}\
             &client_assertion={assertion}"
        );
        let request = http.post(format!("http://127.0.0.1:{port}/oauth2/token"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(request.body(form).send().await?.status().as_u16())
    };
    // Both know the key when an assertion of it is good; each of these is another.
    for (number, port) in [(0, place.port), (1, api)] {
        let knows = async || {
            let fresh = assertion(&format!("{number}-{}", Clock::system().now().0));
            ask(port, &fresh).await.is_ok_and(|status| status == 200)
        };
        other.wait_for("it knows the key", knows).await?;
    }
    let copied = assertion("copied");
    let ports = [place.port, api];
    let copies = join_all((0..COPIES).map(|copy| ask(ports[copy % 2], &copied))).await;
    let statuses = copies.into_iter().collect::<anyhow::Result<Vec<u16>>>()?;
    let count = |status: u16| statuses.iter().filter(|each| **each == status).count();
    ensure!((count(200), count(401)) == (1, COPIES - 1), "{} {}", count(200), count(401));
    other.stop("TERM").await?;
    one.stop("TERM").await?;
    Ok(())
}
