//! Tables of facilities: what is good in them is added once, and everything bad is named.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{HEADER, acts, folder, line, names, passphrases, refused, run, run_with};

fn mode(path: &Path) -> anyhow::Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
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
