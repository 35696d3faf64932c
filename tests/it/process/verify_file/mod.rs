//! A clerk's file: sent, answered and summed up, whatever happens to the connection, to the gateway and to
//! the command on the way.

mod endings;
mod fake;
mod interrupted;
mod served;

use std::fs;
use std::path::PathBuf;

use anyhow::ensure;
use gateway::matching::Advice;
use serde_json::{Value, json};

use self::fake::{CLIENT, Fake, FakeGateway, SECRET};
use super::place::Place;
use super::programs::{Ended, Process};

/// Results that nobody could mistake for part of something else.
const RESULTS: &str = "line,row_id,outcome\r\n2,a,matched\r\n3,b,not_matched\r\n4,c,\r\n";

fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// A gateway that answers three rows, and a clerk's desk.
struct Desk {
    gateway: FakeGateway,
    place: Place,
    url: String,
}

impl Desk {
    async fn new(change: impl FnOnce(&mut Fake)) -> anyhow::Result<Self> {
        let mut fake = Fake {
            results: RESULTS.into(),
            summary: json!({"rows": 3, "outcomes": {"matched": 1, "not_matched": 1},
                "problems": {"malformed": 1}, "advice": {"copy_from_card": 1},
                "attributes": {"full_name": {"match": 1, "close/marks_missing": 1}}}),
            reveals: vec![0, 30, RESULTS.len()],
            may_end: true,
            ..Fake::default()
        };
        change(&mut fake);
        let (gateway, place) = (FakeGateway::start(fake).await?, Place::new()?);
        let desk = Self { url: gateway.url.clone(), gateway, place };
        fs::write(
            desk.path("rows.csv"),
            "STT,Số CCCD,Họ và tên\r\na,001,A\r\nb,002,B\r\nc,x,C\r\n",
        )?;
        fs::write(desk.path("secret"), format!("{SECRET}\n"))?;
        Ok(desk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.work().join(name)
    }

    /// Starts the command; `more` stands behind the other arguments.
    fn start(&self, more: &[&str]) -> anyhow::Result<Process> {
        let args = ["verify-file", "rows.csv", "--url", &self.url, "--client", CLIENT];
        let rest =
            ["--secret-file", "secret", "--purpose", "telecom.subscriber", "--out", "out.csv"];
        self.place.start("gateway", &[&args[..], &rest, more].concat())
    }

    async fn run(&self, more: &[&str]) -> anyhow::Result<Ended> {
        self.start(more)?.ended().await
    }

    /// Files in the clerk's folder, by name.
    fn files(&self) -> anyhow::Result<Vec<String>> {
        let names = fs::read_dir(self.place.work())?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<anyhow::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// All results are there, and nothing beside them.
    fn check_out(&self) -> anyhow::Result<()> {
        ensure!(fs::read_to_string(self.path("out.csv"))? == RESULTS);
        ensure!(self.files()? == ["out.csv", "rows.csv", "secret"], "{:?}", self.files()?);
        ensure!(self.gateway.is().file == fs::read(self.path("rows.csv"))?, "the file as it is");
        Ok(())
    }
}

fn code(ended: &Ended) -> Option<i32> {
    ended.status.code()
}

#[tokio::test]
async fn a_file_is_sent_answered_and_summed_up() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(0), "{}", ended.stderr);
    desk.check_out()?;
    for part in ["3 rows", "33.33 %", Advice::CopyFromCard.vi(), Advice::CopyFromCard.en()] {
        ensure!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let order = json!({"purpose": "telecom.subscriber", "mode": "verify", "format": "csv",
        "results": "csv", "columns": "auto", "error_threshold": 0.05, "dry_run": false});
    ensure!(desk.gateway.is().orders == [order]);
    Ok(())
}

#[tokio::test]
async fn a_program_gets_the_same_summary_as_json() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    let ended = desk.run(&["-o", "json"]).await?;
    let summary: Value = serde_json::from_str(&ended.stdout)?;
    ensure!(
        summary["out"] == "out.csv"
            && summary["job"]["digest"]["sha256"] == sha256(RESULTS.as_bytes())
    );
    ensure!(summary["outcomes"][0]["name"] == "matched" && summary["outcomes"][0]["rows"] == 1);
    ensure!(summary["advice"][0]["vi"] == Advice::CopyFromCard.vi(), "{summary}");
    ensure!(summary["attributes"][0]["name"] == "full_name/close/marks_missing");
    Ok(())
}

#[tokio::test]
async fn what_is_ordered_is_what_the_arguments_say() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    let columns = ["--columns", "full_name=HO TEN", "personal_id=SO", "--columns", "sex=GT"];
    let rest = ["--mode", "reconcile", "--error-threshold", "0.5", "--dry-run", "--on-behalf-of"];
    let codes = ["G09.10", "--official", "an.nv", "--procedure", "2.000488", "--format", "ndjson"];
    let ended = desk.run(&[&columns[..], &rest, &codes].concat()).await?;
    ensure!(code(&ended) == Some(0), "{}", ended.stderr);
    let order = json!({"purpose": "telecom.subscriber", "mode": "reconcile", "format": "ndjson",
        "results": "csv", "error_threshold": 0.5, "dry_run": true, "on_behalf_of": "G09.10",
        "columns": {"full_name": "HO TEN", "personal_id": "SO", "sex": "GT"},
        "official": "an.nv", "procedure": "2.000488"});
    ensure!(desk.gateway.is().orders == [order]);
    Ok(())
}

#[tokio::test]
async fn a_credential_as_it_is_unsealed_serves_as_secret() -> anyhow::Result<()> {
    let desk = Desk::new(|_| ()).await?;
    let credential = |client: &str| {
        json!({"client_id": client, "client_secret": SECRET, "token_endpoint": "x"}).to_string()
    };
    fs::write(desk.path("secret"), credential("another"))?;
    let ended = desk.run(&[]).await?;
    ensure!(code(&ended) == Some(2) && ended.stderr.contains("another client"), "{}", ended.stderr);
    fs::write(desk.path("secret"), credential(CLIENT))?;
    ensure!(code(&desk.run(&[]).await?) == Some(0));
    desk.check_out()
}
