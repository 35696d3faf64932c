//! Quotas over three processes that share a `PostgreSQL` and a Redis: never over, although one of them is
//! killed, used up at last, and equal to what the logs hold.

use std::fs;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use gateway::rate_limit::{Quota, Quotas};
use mock_population_db::{DEFAULT_SEED, Nation};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::place::Place;
use super::served::{Served, client};
use crate::support::{Answer, Redis, SECRET, TestClient, about_person, merge};

/// Requests a month.
const QUOTA: usize = 300;
const OFFERED: usize = 20 * QUOTA;
/// Callers at each door, each with one request on its way.
const CALLERS: usize = 8;
/// How often we ask, and at most: a minute.
const POLL: Duration = Duration::from_millis(100);
const POLLS: usize = 600;

/// What was answered, at all doors.
#[derive(Default)]
struct Told {
    answered: AtomicUsize,
    refused: AtomicUsize,
    /// The door that is closed by force takes what is on its way with it.
    is_cut_off: AtomicBool,
}

/// One client at one door.
#[derive(Clone)]
struct Door {
    http: reqwest::Client,
    port: u16,
    token: String,
    body: String,
}

impl Door {
    /// One answer; none where the gateway is gone.
    async fn ask(&self) -> Option<Answer> {
        let request = self.http.post(format!("http://127.0.0.1:{}/v1/verifications", self.port));
        let request = request.bearer_auth(&self.token).header("content-type", "application/json");
        Some(Answer::read(request.body(self.body.clone()).send().await.ok()?).await)
    }

    /// Asks so often, or until the gateway is gone.
    async fn offer(self, times: usize, told: Arc<Told>) -> anyhow::Result<()> {
        let mut told_times = 0;
        while told_times < times {
            let Some(answer) = self.ask().await else {
                told.is_cut_off.store(true, Ordering::SeqCst);
                return Ok(());
            };
            match answer.status {
                200 => told.answered.fetch_add(1, Ordering::SeqCst),
                403 => {
                    answer.problem(403, "quota-exceeded");
                    told.refused.fetch_add(1, Ordering::SeqCst)
                }
                // A node that has just begun to share, or does not for a moment, begins without room.
                429 => {
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                _ => anyhow::bail!("{}: {}", answer.status, answer.text),
            };
            told_times += 1;
        }
        Ok(())
    }
}

fn with_quota() -> TestClient {
    let month = Quota { requests: NonZeroU64::new(QUOTA as u64), attributes: None };
    let quotas = Quotas { month, ..Quotas::default() };
    TestClient { quotas, concurrency: NonZeroU32::new(1_000).unwrap(), ..client() }
}

async fn used(http: &reqwest::Client, port: u16, token: &str) -> anyhow::Result<usize> {
    let request = http.get(format!("http://127.0.0.1:{port}/v1/usage")).bearer_auth(token);
    let usage = Answer::read(request.send().await?).await.ok();
    Ok(usage["total"]["requests"]["used"].as_u64().context("a figure")? as usize)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_use_one_quota_up_and_no_more_although_one_is_killed() -> anyhow::Result<()>
{
    let (place, redis) = (Place::new()?, Redis::start().await);
    let served = Served::prepare_for(&place, with_quota()).await?;
    let file = place.data().join("gateway.toml");
    // One issuer for all; and however slow the machine is, nothing is shed.
    let shared = fs::read_to_string(&file)?.replacen(
        "[server]\n",
        &format!(
            "[limits]\nredis_url = \"{}\"\nnodes = 3\n[lanes]\ndeadline_ms = 30000\n\
             [server]\npublic_url = \"https://gateway.example\"\n",
            redis.url()
        ),
        1,
    );
    fs::write(&file, shared)?;
    let first = served.gateway(&place).await?;
    let ((second, second_port), (third, third_port)) =
        (served.node(&place, 2).await?, served.node(&place, 3).await?);
    let http = reqwest::Client::builder().no_proxy().build()?;
    let form = http.post(format!("http://127.0.0.1:{}/oauth2/token", place.port));
    let form = form.basic_auth("ndxp", Some(SECRET)).body("grant_type=client_credentials");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let token = Answer::read(form.send().await?).await.ok();
    let token = token["access_token"].as_str().context("a token")?.to_owned();
    let person = Nation::new(DEFAULT_SEED)
        .sample(1_000)
        .find(|person| person.date_of_birth.day().is_some())
        .context("a person with a birthday")?;
    let body = merge(&about_person(&person), &json!({"purpose": "service.public"})).to_string();
    let door = |port| Door { http: http.clone(), port, token: token.clone(), body: body.clone() };

    let (told, mut offering) = (Arc::new(Told::default()), JoinSet::new());
    for port in [place.port, second_port, third_port] {
        for _ in 0..CALLERS {
            let offer = door(port).offer(OFFERED / 3 / CALLERS, Arc::clone(&told));
            offering.spawn(offer);
        }
    }
    while told.answered.load(Ordering::SeqCst) < QUOTA / 6 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    second.kill()?;
    offering.join_all().await.into_iter().collect::<anyhow::Result<()>>()?;
    let answered = told.answered.load(Ordering::SeqCst);
    ensure!(told.is_cut_off.load(Ordering::SeqCst), "somebody asked the one that was killed");
    ensure!(told.refused.load(Ordering::SeqCst) > 0 && answered <= QUOTA, "{answered} answered");

    // What it was granted and did not use is there again once it knows from its log what it used.
    let (second, _) = served.node(&place, 2).await?;
    let mut polls = 0;
    loop {
        let used = used(&http, place.port, &token).await?;
        ensure!(used <= QUOTA, "{used} used");
        if used == QUOTA {
            break;
        }
        polls += 1;
        ensure!(polls < POLLS, "{used} used, and nobody gets the rest");
        for port in [place.port, second_port, third_port] {
            door(port).offer(CALLERS, Arc::clone(&told)).await?;
        }
        tokio::time::sleep(POLL).await;
    }
    for port in [place.port, second_port, third_port] {
        let before = told.refused.load(Ordering::SeqCst);
        door(port).offer(1, Arc::clone(&told)).await?;
        ensure!(told.refused.load(Ordering::SeqCst) == before + 1, "nothing is left at {port}");
        ensure!(used(&http, port, &token).await? == QUOTA, "every door tells the same");
    }
    // An answer that was written down and did not leave is used as well.
    let answered = told.answered.load(Ordering::SeqCst);
    ensure!((QUOTA - CALLERS..=QUOTA).contains(&answered), "{answered} answered");
    for gateway in [first, second, third] {
        gateway.stop("TERM").await?;
    }
    let recount: Value =
        serde_json::from_str(&place.on_data(&["report", "recount", "-o", "json"]).await?)?;
    ensure!(recount["differences"] == 0, "{recount}");
    let statement = ["usage", "--month", &this_month(), "-o", "json"];
    let usage: Value = serde_json::from_str(&place.on_data(&statement).await?)?;
    ensure!(usage[0]["total"]["requests"]["used"] == QUOTA, "{usage}");
    Ok(())
}

fn this_month() -> String {
    gateway::clock::Clock::system().now().to_string()[..7].to_owned()
}
