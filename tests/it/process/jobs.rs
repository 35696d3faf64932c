//! A job whose gateway is killed again and again gives the results of one that was left alone.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, ensure};
use mock_population_db::{DEFAULT_SEED, Nation};
use serde_json::{Value, json};

use super::place::Place;
use super::served::{Served, client};
use crate::support::{Answer, SECRET};

const ROWS: usize = 2_000;
/// Rows that are committed together: as many chunks as a day of work has.
const CHUNK_ROWS: usize = 100;
/// Each test run; `KILLS=20` is more.
const KILLS: usize = 4;
/// How often we look, and at most: four minutes.
const POLL: Duration = Duration::from_millis(20);
const POLLS: usize = 12_000;

struct Door {
    http: reqwest::Client,
    url: String,
}

impl Door {
    async fn token(&self) -> anyhow::Result<String> {
        let form = self.http.post(format!("{}/oauth2/token", self.url));
        let form = form.basic_auth("ndxp", Some(SECRET)).body("grant_type=client_credentials");
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let token = Answer::read(form.send().await?).await.ok();
        Ok(token["access_token"].as_str().context("a token")?.to_owned())
    }

    /// Orders a job and sends its file; its identity.
    async fn begin(&self, text: &str) -> anyhow::Result<String> {
        let token = self.token().await?;
        let order = json!({"purpose": "service.public", "error_threshold": 1}).to_string();
        let request = self.http.post(format!("{}/v1/jobs", self.url)).bearer_auth(&token);
        let request = request.header("content-type", "application/json").body(order);
        let job = Answer::read(request.send().await?).await;
        ensure!(job.status == 201, "{}", job.text);
        let id = job.json()["id"].as_str().context("an identity")?.to_owned();
        let request = self.http.put(format!("{}/v1/jobs/{id}/file", self.url));
        let sent = request.bearer_auth(&token).body(text.to_owned()).send().await?;
        Answer::read(sent).await.ok();
        Ok(id)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let token = self.token().await?;
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(token);
        Ok(Answer::read(request.send().await?).await)
    }

    /// The job, when it has got so far or has ended.
    async fn when(&self, id: &str, rows: u64) -> anyhow::Result<Value> {
        for _ in 0..POLLS {
            let job = self.get(&format!("/v1/jobs/{id}")).await?.ok();
            let is_there = job["rows"].as_u64().context("rows")? >= rows;
            if is_there || job["state"] != "running" {
                return Ok(job);
            }
            tokio::time::sleep(POLL).await;
        }
        anyhow::bail!("the job does not get on")
    }

    async fn results(&self, id: &str) -> anyhow::Result<String> {
        Ok(self.get(&format!("/v1/jobs/{id}/results")).await?.text)
    }
}

/// People with every sort of row: right, wrong, unread, and some of them again and again.
fn file() -> anyhow::Result<String> {
    let nation = Nation::new(DEFAULT_SEED);
    let mut text = "row_id,personal_id,full_name,date_of_birth\n".to_owned();
    for (number, person) in nation.sample(ROWS as u64).enumerate() {
        let born = match number % 9 {
            4 => "1899-12-31".to_owned(),
            7 => "yesterday".to_owned(),
            _ => person.date_of_birth.to_string(),
        };
        writeln!(text, "{number},{},{},{born}", person.personal_id, person.full_name)?;
    }
    Ok(text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_survives_kills_and_answers_every_row_once() -> anyhow::Result<()> {
    let kills = std::env::var("KILLS").map_or(Ok(KILLS), |kills| kills.parse())?;
    let place = Place::new()?;
    let served = Served::prepare_for(&place, client()).await?;
    let config = place.data().join("gateway.toml");
    let with_jobs = fs::read_to_string(&config)? + &format!("[jobs]\nchunk_rows = {CHUNK_ROWS}\n");
    fs::write(&config, with_jobs)?;
    let door = Door {
        http: reqwest::Client::builder().no_proxy().build()?,
        url: format!("http://127.0.0.1:{}", place.port),
    };
    let mut gateway = served.gateway(&place).await?;
    let text = file()?;
    let id = door.begin(&text).await?;
    let mut killed = 0;
    for kill in 1..=kills {
        let job = door.when(&id, (ROWS * kill / (kills + 1)) as u64).await?;
        if job["state"] != "running" {
            break;
        }
        gateway.kill()?;
        killed += 1;
        gateway = served.gateway(&place).await?;
    }
    ensure!(killed > 0, "it was killed on its way");
    let job = door.when(&id, u64::MAX).await?;
    ensure!(job["state"] == "done" && job["rows"] == ROWS, "{job}");
    let receipts = door.get(&format!("/v1/jobs/{id}/receipts?limit=1000")).await?.ok();
    let receipts = receipts["receipts"].as_array().context("receipts")?.clone();
    let entries: u64 = receipts.iter().filter_map(|it| it["entries"].as_u64()).sum();
    let unread = job["summary"]["problems"]["malformed"].as_u64().context("rows unread")?;
    ensure!(entries + unread == ROWS as u64, "{entries} entries, {unread} unread");

    let again = door.begin(&text).await?;
    let left_alone = door.when(&again, u64::MAX).await?;
    ensure!(left_alone["state"] == "done", "{left_alone}");
    ensure!(left_alone["summary"] == job["summary"], "{left_alone} {job}");
    ensure!(door.results(&id).await? == door.results(&again).await?, "byte for byte");
    ensure!(left_alone["digest"]["sha256"] == job["digest"]["sha256"]);
    gateway.stop("TERM").await?;
    let report = place.on_data(&["report", "recount", "-o", "json"]).await?;
    let recount: Value = serde_json::from_str(&report)?;
    ensure!(recount["differences"] == 0, "{recount}");
    let logged = recount["logs"][0]["entries"].as_u64().context("entries")?;
    ensure!(logged == 2 * entries, "{logged} entries in the log, twice {entries} answered");
    Ok(())
}
