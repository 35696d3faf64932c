//! A client from its first line to its suspension, by commands.

use std::fs;

use anyhow::ensure;
use serde_json::{Value, json};

use super::{acts, folder, refused, run, run_with};

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
