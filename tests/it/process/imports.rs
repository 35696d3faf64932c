//! `gateway client import` and `unseal`: what they refuse, and what they leave as it is.

use std::fs;
use std::process::{Command, Output};

use anyhow::ensure;
use serde_json::Value;

use super::programs::program;
use crate::support::{Kept, TestApp};

const URL: (&str, &str) = ("GATEWAY_SERVER__PUBLIC_URL", "https://gateway.example.gov.vn");
const TABLE: &str = "client_id,facility_code,name_vi,name_en,agreement_from,agreement_until,\
    assessment_level,assessment_date,assessment_until\n\
    bv-1,01929,a,b,2020-01-01,2100-12-31,3,2020-01-01,2100-12-31\n";
const IMPORT: [&str; 5] = ["import", "table.csv", "--policy", "hospital-policy@1", "--out"];

/// A stopped gateway's folder with a table to import.
async fn folder() -> anyhow::Result<Kept> {
    let kept = TestApp::start().await.stop().await.0;
    fs::write(kept.folder().join("table.csv"), TABLE)?;
    Ok(kept)
}

fn client(kept: &Kept, args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(program("gateway")?);
    command.arg("--config").arg(kept.config_file()).arg("client").args(args);
    command.current_dir(kept.folder()).env(URL.0, URL.1);
    Ok(command)
}

/// What it complains of that must end with this code.
fn ends(mut command: Command, code: i32) -> anyhow::Result<String> {
    let Output { status, stderr, .. } = command.output()?;
    let told = String::from_utf8(stderr)?;
    ensure!(status.code() == Some(code), "{command:?}: {status}\n{told}");
    Ok(told)
}

#[tokio::test]
async fn nothing_is_sealed_that_could_not_say_where_its_tokens_are() -> anyhow::Result<()> {
    let kept = folder().await?;
    let mut import = client(&kept, &[&IMPORT[..], &["sealed", "--below", "G12.24"]].concat())?;
    import.env_remove(URL.0);
    ensure!(ends(import, 3)?.contains("server.public_url is not set"));
    ensure!(!kept.folder().join("sealed").exists());
    Ok(())
}

#[tokio::test]
async fn facility_codes_are_joined_to_the_code_as_it_is_kept() -> anyhow::Result<()> {
    let kept = folder().await?;
    let below = |code: &'static str| [&IMPORT[..], &["sealed", "--below", code]].concat();
    for mixed in ["000.00.24.G12.5", "01929.000.00.24.G12"] {
        ensure!(ends(client(&kept, &below(mixed))?, 2)?.contains("--below"), "{mixed}");
    }
    ends(client(&kept, &below("000.00.24.G12"))?, 0)?;
    let shown = client(&kept, &["show", "bv-1", "-o", "json"])?.output()?;
    let shown: Value = serde_json::from_slice(&shown.stdout)?;
    ensure!(shown["agency_code"] == "G12.24.01929", "{shown}");
    Ok(())
}

#[tokio::test]
async fn passphrases_are_written_over_nothing_and_never_beside_what_they_open() -> anyhow::Result<()>
{
    let kept = folder().await?;
    let at = |name: &str| kept.folder().join(name);
    fs::write(at("letter.txt"), "keep me")?;
    fs::write(at("letter.new"), "keep me, too")?;
    fs::create_dir(at("sealed"))?;
    for (path, told) in [
        ("letter.txt", "no table of passphrases"),
        ("table.csv", "is the table that is imported"),
        ("sealed/passphrases.csv", "different ways"),
        ("./sealed/../sealed/passphrases.csv", "different ways"),
    ] {
        let args = [&IMPORT[..], &["sealed", "--below", "G12.24", "--passphrases", path]].concat();
        let complaint = ends(client(&kept, &args)?, 2)?;
        ensure!(complaint.contains(told), "{path}: {complaint}");
    }
    let args = ["sealed", "--below", "G12.24", "--passphrases", "letter.csv"];
    ends(client(&kept, &[&IMPORT[..], &args].concat())?, 0)?;
    ensure!(fs::read_to_string(at("letter.csv"))?.lines().count() == 2);
    ensure!(fs::read_to_string(at("letter.txt"))? == "keep me");
    ensure!(fs::read_to_string(at("letter.new"))? == "keep me, too");
    ensure!(fs::read_to_string(at("table.csv"))? == TABLE);
    Ok(())
}

#[tokio::test]
async fn standard_input_is_read_for_one_thing() -> anyhow::Result<()> {
    let kept = folder().await?;
    for args in [&["unseal", "-"][..], &["unseal", "-", "--passphrase-file", "-"]] {
        ensure!(ends(client(&kept, args)?, 2)?.contains("standard input"), "{args:?}");
    }
    Ok(())
}
