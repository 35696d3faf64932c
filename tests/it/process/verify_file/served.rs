//! Against the gateway itself.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::code;
use crate::process::place::Place;

const CLIENT: &str = "viettel";
const HEADER: &str = "STT,Số CCCD,Họ và tên,Ngày sinh,Giới tính\r\n";

/// People as the register has them, as a carrier's file.
fn file(people: &[Value]) -> anyhow::Result<String> {
    let mut file = HEADER.to_owned();
    for (number, person) in people.iter().enumerate() {
        let cell = |name: &str| person[name].as_str().with_context(|| format!("{name}: {person}"));
        let (id, name) = (cell("personal_id")?, cell("full_name")?);
        let (date, sex) = (cell("date_of_birth")?, cell("sex")?);
        write!(file, "{number},{id},{name},{date},{sex}\r\n")?;
    }
    Ok(file)
}

#[tokio::test]
async fn a_gateway_that_comes_back_answers_every_row_of_the_file() -> anyhow::Result<()> {
    let place = Place::new()?;
    let sandbox = place.fresh_sandbox().await?;
    let clients = place.clients()?;
    let client = clients.iter().find(|it| it["client_id"] == CLIENT).context("the carrier")?;
    let secret = client["client_secret"].as_str().context("its secret")?;
    let mut people = place.people()?;
    people.retain(|person| person["status"] == "active" && person["date_of_birth"].is_string());
    people.truncate(300);
    let mut rows = file(&people)?;
    rows.push_str("x,12,,,\r\n");
    fs::write(place.work().join("rows.csv"), rows)?;
    fs::write(place.work().join("secret"), secret)?;
    sandbox.stop("TERM").await?;

    let url = format!("http://127.0.0.1:{}", place.port);
    let args = ["verify-file", "rows.csv", "--url", &url, "--client", CLIENT, "--secret-file"];
    let rest = ["secret", "--purpose", "telecom.subscriber", "--out", "out.ndjson", "-o", "json"];
    let mut clerk = place.start("gateway", &[args, rest].concat())?;
    clerk.wait_for_complaint("trying again").await?;
    let sandbox = place.sandbox(&[]).await?;
    let ended = clerk.ended().await?;
    ensure!(code(&ended) == Some(0), "{}", ended.stderr);

    let summary: Value = serde_json::from_str(&ended.stdout)?;
    let counted = &summary["job"]["summary"];
    ensure!(counted["rows"] == 301 && counted["outcomes"]["matched"] == 300, "{counted}");
    ensure!(counted["problems"]["malformed"] == 1, "{counted}");
    let results = fs::read_to_string(place.work().join("out.ndjson"))?;
    let lines: Vec<Value> = results.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(lines.len() == 301 && lines[7]["row_id"] == "7" && lines[7]["outcome"] == "matched");
    sandbox.stop("TERM").await
}
