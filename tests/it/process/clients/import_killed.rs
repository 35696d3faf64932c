//! An import that is killed in the middle, and run again.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::ensure;
use gateway::access::unseal;
use gateway::store::Store;
use serde_json::Value;

use super::super::programs::Process;
use super::{HEADER, acts, folder, gateway, line, names, passphrases, run};

/// Facilities of the import that is killed, and files at which it is: in the middle of what two
/// cores put into the database at once.
const FACILITIES: usize = 72;
const FILES_AT_DEATH: usize = 52;
/// Of so many facilities the secret is tried, which is slow on purpose: some from before the death,
/// those of its time, some from after.
const TRIED: [usize; 10] = [0, 20, 46, 47, 48, 49, 50, 51, 60, 71];

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
