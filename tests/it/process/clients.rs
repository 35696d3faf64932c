//! `gateway client` as an administrator meets it: beside running gateways, beside none, and killed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, ensure};
use gateway::access::unseal;
use gateway::audit::LogEntry;
use gateway::store::Store;
use serde_json::{Value, json};

use super::programs::{Process, program, wait_for};
use crate::support::{Database, Kept, TestApp, about_person, entry_bytes};

const HEADER: &str = "client_id,agency_code,name_vi,name_en,agreement_from,agreement_until,\
    assessment_level,assessment_date,assessment_until\n";
/// Facilities of the import that is killed, and files at which it is: in the middle of what two
/// cores put into the database at once.
const FACILITIES: usize = 72;
const FILES_AT_DEATH: usize = 52;
/// Of so many facilities the secret is tried, which is slow on purpose: some from before the death,
/// those of its time, some from after.
const TRIED: [usize; 10] = [0, 20, 46, 47, 48, 49, 50, 51, 60, 71];

/// A stopped gateway's folder, where commands are run.
async fn folder() -> Kept {
    TestApp::start().await.stop().await.0
}

/// The command with these arguments.
fn gateway(kept: &Kept, args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(program("gateway")?);
    command.arg("--config").arg(kept.config_file()).arg("client").args(args);
    command.current_dir(kept.folder());
    command.env("GATEWAY_SERVER__PUBLIC_URL", "https://gateway.example.gov.vn");
    Ok(command)
}

/// Runs a command to its end with something on its standard input.
fn run_with(kept: &Kept, args: &[&str], input: &str) -> anyhow::Result<Output> {
    let mut command = gateway(kept, args)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("an input")?.write_all(input.as_bytes())?;
    Ok(child.wait_with_output()?)
}

/// What a command prints that must succeed.
fn run(kept: &Kept, args: &[&str]) -> anyhow::Result<String> {
    let ended = run_with(kept, args, "")?;
    let errors = String::from_utf8(ended.stderr)?;
    ensure!(ended.status.success(), "{args:?}: {}\n{errors}", ended.status);
    Ok(String::from_utf8(ended.stdout)?)
}

/// What a command complains that must fail with this exit code.
fn refused(kept: &Kept, args: &[&str], code: i32) -> anyhow::Result<(String, String)> {
    let ended = run_with(kept, args, "")?;
    let errors = String::from_utf8(ended.stderr)?;
    ensure!(ended.status.code() == Some(code), "{args:?}: {}\n{errors}", ended.status);
    Ok((String::from_utf8(ended.stdout)?, errors))
}

/// A good line of a table; its dates hold whenever the test runs.
fn line(id: &str) -> String {
    format!(
        "{id},G12.24.01001,Trạm y tế {id},Health station {id},2020-01-01,2100-12-31,3,2020-01-01,2100-12-31\n"
    )
}

/// Identifier and passphrase of each line of the table of passphrases.
fn passphrases(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut read = BTreeMap::new();
    for record in csv_lines(path)? {
        let [id, file, passphrase] = record.as_slice() else { anyhow::bail!("{record:?}") };
        ensure!(*file == format!("{id}.sealed.json"), "{record:?}");
        ensure!(read.insert(id.clone(), passphrase.clone()).is_none(), "{id} comes twice");
    }
    Ok(read)
}

/// The lines of a table whose cells hold no comma.
fn csv_lines(path: &Path) -> anyhow::Result<Vec<Vec<String>>> {
    let text = fs::read_to_string(path)?;
    let cells = |line: &str| line.split(',').map(str::to_owned).collect();
    Ok(text.lines().skip(1).map(cells).collect())
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn mode(path: &Path) -> anyhow::Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

/// Act and target of every act in the log.
async fn acts(app: &TestApp) -> Vec<(String, String)> {
    let entries = entry_bytes(&app.app).await;
    let act = |bytes: &Vec<u8>| match LogEntry::decode(bytes).unwrap() {
        LogEntry::Act(act) => Some((act.act.as_str().to_owned(), act.target.as_str().to_owned())),
        _ => None,
    };
    entries.iter().filter_map(act).collect()
}

#[tokio::test]
async fn commands_onboard_a_client_and_try_first_what_they_would_do() -> anyhow::Result<()> {
    let kept = folder().await;
    let document = json!({
        "client_id": "bv", "kind": "health_facility", "agency_code": "000.00.24.G12",
        "name_vi": "Bệnh viện", "name_en": "Hospital", "policy": "hospital-policy@1",
        "agreement": {"from": "2020-01-01", "until": "2100-12-31"},
        "assessment": {"level": 2, "date": "2020-01-01", "until": "2100-12-31"},
    });
    let create = |args: &[&str], document: &Value| {
        let args = [&["create", "--file", "-", "-o", "json"], args].concat();
        run_with(&kept, &args, &document.to_string())
    };
    let tried = create(&["--dry-run"], &document)?;
    ensure!(tried.status.success());
    ensure!(refused(&kept, &["show", "bv"], 1)?.1.contains("no such client"));
    let created = create(&[], &document)?;
    ensure!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let created: Value = serde_json::from_slice(&created.stdout)?;
    let shown: Value = serde_json::from_str(&run(&kept, &["show", "bv", "-o", "json"])?)?;
    ensure!(created == shown && shown["agency_code"] == "G12.24", "{shown}");
    let again = create(&[], &document)?;
    ensure!(again.status.code() == Some(1));

    let wrong = create(&[], &json!({"client_id": "x", "kind": "pirate", "extra": 1}))?;
    ensure!(wrong.status.code() == Some(2));
    let complaint = String::from_utf8(wrong.stderr)?;
    for told in
        ["/agency_code: missing", "/name_vi: missing", "/policy: missing", "/extra: unknown"]
    {
        ensure!(complaint.contains(told), "{told}: {complaint}");
    }
    for state in ["security_review", "sandbox"] {
        run(&kept, &["state", "bv", state])?;
    }
    let (_, complaint) = refused(&kept, &["state", "bv", "active"], 1)?;
    ensure!(complaint.contains("/assessment: not-passed"), "{complaint}");
    let change = kept.folder().join("change.json");
    let assessment = json!({"level": 3, "date": "2020-01-01", "until": "2100-12-31"});
    fs::write(&change, json!({ "assessment": assessment }).to_string())?;
    run(&kept, &["update", "bv", "--file", "change.json"])?;
    run(&kept, &["state", "bv", "active", "--dry-run"])?;
    run(&kept, &["state", "bv", "active"])?;
    refused(&kept, &["state", "bv", "suspended"], 2)?;
    refused(&kept, &["state", "bv", "suspended", "--reason", "asked 001090012345"], 2)?;
    refused(&kept, &["state", "bv", "gone"], 2)?;
    run(&kept, &["state", "bv", "suspended", "--reason", "tried out", "-o", "csv"])?;
    let list = run(&kept, &["list", "--state", "suspended", "-o", "csv"])?;
    ensure!(
        list.lines().count() == 2 && list.contains("\nbv,health_facility,G12.24,suspended"),
        "{list}"
    );
    let warned: Value = serde_json::from_str(&run(&kept, &["list", "--warnings", "-o", "json"])?)?;
    ensure!(warned["clients"] == json!([]), "{warned}");

    let app = kept.again().start().await;
    let told: Vec<String> = acts(&app).await.into_iter().map(|(act, _)| act).collect();
    ensure!(
        told == [
            "client-created",
            "client-security-review",
            "client-sandbox",
            "client-updated",
            "client-active",
            "client-suspended",
        ],
        "{told:?}"
    );
    app.verify_log().await?;
    Ok(())
}

#[tokio::test]
async fn a_table_with_bad_lines_adds_nothing_unless_they_are_to_be_left_out() -> anyhow::Result<()>
{
    let kept = folder().await;
    let at = |name: &str| kept.folder().join(name);
    let table = [
        HEADER.to_owned(),
        line("bv-1"),
        "bv-2,G14,,n,2027-01-01,2026-01-01,9,x,\n".to_owned(),
        line("bv-1"),
        "bv-3,G12\n".to_owned(),
        "bv-4,G14,a,b,2020-01-01,2100-01-01,3,2020-01-01,2100-01-01\n".to_owned(),
        "bv-5,G12.1,a,b,2020-01-01,2021-01-01,3,2020-01-01,2100-01-01\n".to_owned(),
        line("carrier"),
        line("bv-6"),
    ];
    // As spreadsheets save it.
    fs::write(at("table.csv"), format!("\u{feff}{}", table.concat()).replace('\n', "\r\n"))?;
    let import = [
        "import",
        "table.csv",
        "--out",
        "sealed/",
        "--policy",
        "hospital-policy@1",
        "--state",
        "active",
    ];
    let (bad, _) = refused(&kept, &[&import[..], &["-o", "csv"]].concat(), 1)?;
    ensure!(
        bad == "line,client_id,reasons\n\
            3,bv-2,\"name_vi: missing, assessment_until: missing\"\n\
            4,bv-1,client_id: duplicate\n\
            5,,wrong-number-of-columns\n\
            6,bv-4,agency_code: agency-closed\n\
            7,bv-5,agreement: ended\n",
        "{bad}"
    );
    let skipping = [&import[..], &["--skip-bad", "-o", "json"]].concat();
    let tried: Value =
        serde_json::from_str(&run(&kept, &[&skipping[..], &["--dry-run"]].concat())?)?;
    ensure!(tried["added"] == 2 && tried["dry_run"] == true, "{tried}");
    ensure!(!at("sealed").exists() && !at("sealed-passphrases.csv").exists());

    let done: Value = serde_json::from_str(&run(&kept, &skipping)?)?;
    ensure!(
        done["added"] == 2 && done["bad"].as_array().is_some_and(|bad| bad.len() == 5),
        "{done}"
    );
    ensure!(done["there_and_different"] == json!(["carrier"]), "{done}");
    let files = ["bv-1.sealed.json", "bv-6.sealed.json"].map(String::from);
    ensure!(names(&at("sealed")) == files.into());
    ensure!(mode(&at("sealed"))? == 0o700 && mode(&at("sealed/bv-1.sealed.json"))? == 0o600);
    ensure!(mode(&at("sealed-passphrases.csv"))? == 0o600);
    let before =
        [fs::read(at("sealed/bv-1.sealed.json"))?, fs::read(at("sealed-passphrases.csv"))?];
    let again: Value = serde_json::from_str(&run(&kept, &skipping)?)?;
    ensure!(again["added"] == 0 && again["there_already"] == 2, "{again}");
    ensure!(
        [fs::read(at("sealed/bv-1.sealed.json"))?, fs::read(at("sealed-passphrases.csv"))?]
            == before
    );

    let passphrases = passphrases(&at("sealed-passphrases.csv"))?;
    let sealed = fs::read_to_string(at("sealed/bv-1.sealed.json"))?;
    ensure!(passphrases.len() == 2 && !sealed.contains(&passphrases["bv-1"]));
    let ended = run_with(&kept, &["unseal", "sealed/bv-1.sealed.json"], &passphrases["bv-1"])?;
    let opened: Value = serde_json::from_slice(&ended.stdout)?;
    fs::write(at("phrase"), format!("{}\n", passphrases["bv-1"]))?;
    let to_file = [
        "unseal",
        "sealed/bv-1.sealed.json",
        "--passphrase-file",
        "phrase",
        "--secret-out",
        "secret",
    ];
    ensure!(run(&kept, &to_file)?.is_empty());
    ensure!(serde_json::from_slice::<Value>(&fs::read(at("secret"))?)? == opened);
    ensure!(mode(&at("secret"))? == 0o600);
    refused(&kept, &to_file, 1)?;
    let other = ["unseal", "sealed/bv-6.sealed.json", "--passphrase-file", "phrase"];
    ensure!(refused(&kept, &other, 1)?.1.contains("not that of this file"));

    let app = kept.again().start().await;
    let secret = opened["client_secret"].as_str().context("a secret")?;
    app.ask_token_with("bv-1", secret).await.ok();
    app.ask_token_with("bv-6", secret).await.problem(401, "invalid-client");
    let expected = ["bv-1", "bv-6"].map(|id| ("client-created".to_owned(), id.to_owned()));
    ensure!(acts(&app).await == expected);
    Ok(())
}

#[tokio::test]
async fn a_table_that_is_none_is_refused_whole() -> anyhow::Result<()> {
    let kept = folder().await;
    let table = kept.folder().join("table.csv");
    let import = ["import", "table.csv", "--out", "sealed"];
    for (text, args, told) in [
        (String::new(), vec![], "column client_id is missing"),
        (
            HEADER.replace("name_en", "name"),
            vec![],
            "column name_en is missing; column 4 is unknown",
        ),
        (HEADER.replace("name_en", "name_vi"), vec![], "column name_vi comes twice"),
        (HEADER.to_owned(), vec![], "no policy"),
        (HEADER.to_owned(), vec!["--policy", "x"], "--policy takes"),
        (HEADER.to_owned(), vec!["--policy", "x@1", "--state", "closed"], "--state takes"),
        (HEADER.replace("agency_code", "facility_code"), vec!["--policy", "x@1"], "--below"),
        (HEADER.replace("agency_code,", ""), vec!["--policy", "x@1"], "column agency_code or"),
    ] {
        fs::write(&table, &text)?;
        let (_, errors) = refused(&kept, &[&import[..], &args].concat(), 2)?;
        ensure!(errors.contains(told), "{told}: {errors}");
    }
    // Codes of facilities lie below the agency's.
    fs::write(
        &table,
        HEADER.replace("agency_code", "facility_code")
            + &line("bv-1").replace("G12.24.01001", "01929"),
    )?;
    let args = ["--policy", "hospital-policy@1", "--below", "G12.24"];
    run(&kept, &[&import[..], &args].concat())?;
    let shown: Value = serde_json::from_str(&run(&kept, &["show", "bv-1", "-o", "json"])?)?;
    ensure!(shown["agency_code"] == "G12.24.01929" && shown["state"] == "draft", "{shown}");
    Ok(())
}

#[tokio::test]
async fn an_import_that_is_killed_goes_on_and_every_credential_is_good() -> anyhow::Result<()> {
    let kept = folder().await;
    let at = |name: &str| -> PathBuf { kept.folder().join(name) };
    let ids: Vec<String> = (0..FACILITIES).map(|n| format!("tyt-{n:03}")).collect();
    let table: String = ids.iter().map(|id| line(id)).collect();
    fs::write(at("table.csv"), HEADER.to_owned() + &table)?;
    let import = [
        "import",
        "table.csv",
        "--out",
        "sealed",
        "--policy",
        "hospital-policy@1",
        "--state",
        "active",
        "-o",
        "json",
    ];
    fs::create_dir(at("logs"))?;
    let mut command = gateway(&kept, &import)?;
    let mut process = Process::start(&mut command, &at("logs"), "import")?;
    let sealed = || names(&at("sealed")).iter().filter(|name| !name.starts_with('.')).count();
    process.wait_for("it is in the middle", async || sealed() >= FILES_AT_DEATH).await?;
    process.kill()?;
    let store = Store::open_existing(&kept.store()).await?;
    let there = store.clients().await?.len() - 4;
    ensure!(there < FACILITIES, "it was killed too late: {there}");
    // Also what a death between two bytes of a line would leave.
    let mut torn = fs::OpenOptions::new().append(true).open(at("sealed-passphrases.csv"))?;
    torn.write_all(b"tyt-000,tyt-000.sealed.js")?;
    fs::write(at("sealed/.tyt-071.sealed.json.new"), "{")?;

    let summary: Value = serde_json::from_str(&run(&kept, &import)?)?;
    ensure!(
        summary["added"] == FACILITIES - there && summary["there_already"] == there,
        "{summary}"
    );
    let again: Value = serde_json::from_str(&run(&kept, &import)?)?;
    ensure!(again["added"] == 0 && again["there_already"] == FACILITIES, "{again}");
    let files = ids.iter().map(|id| format!("{id}.sealed.json")).collect();
    ensure!(names(&at("sealed")) == files, "nothing but the sealed files");
    let passphrases = passphrases(&at("sealed-passphrases.csv"))?;
    ensure!(passphrases.keys().eq(ids.iter()), "a passphrase for each");

    let app = kept.again().start().await;
    let mut secrets = BTreeSet::new();
    for (place, id) in ids.iter().enumerate() {
        let file = fs::read_to_string(at("sealed").join(format!("{id}.sealed.json")))?;
        let credential = unseal(&file, &passphrases[id])?;
        ensure!(credential.client_id == *id && secrets.insert(credential.client_secret.clone()));
        if TRIED.contains(&place) {
            app.ask_token_with(id, &credential.client_secret).await.ok();
        }
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (act, target) in acts(&app).await {
        ensure!(act == "client-created", "{act}");
        *counts.entry(target).or_default() += 1;
    }
    ensure!(counts.len() == FACILITIES && counts.values().all(|count| *count == 1), "{counts:?}");
    app.verify_log().await?;
    Ok(())
}

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
