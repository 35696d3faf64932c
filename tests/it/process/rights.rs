//! What takes a right away acts on two processes that share a database, within the five seconds of
//! the design (section 7).

use std::fs;
use std::time::Duration;

use anyhow::{Context, ensure};
use gateway::clock::Clock;
use mock_population_db::{DEFAULT_SEED, Nation};
use serde_json::{Value, json};

use super::place::Place;
use super::served::Served;
use crate::support::{Answer, SECRET, about_person, merge};

const ACTS_WITHIN: Duration = Duration::from_secs(5);
/// How often we ask.
const POLL: Duration = Duration::from_millis(50);

/// The client `ndxp` at two doors.
struct Doors {
    http: reqwest::Client,
    ports: [u16; 2],
    clock: Clock,
}

impl Doors {
    async fn form(
        &self,
        port: u16,
        path: &str,
        secret: &str,
        form: &str,
    ) -> anyhow::Result<Answer> {
        let request = self.http.post(format!("http://127.0.0.1:{port}/oauth2/{path}"));
        let request = request.basic_auth("ndxp", Some(secret));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(Answer::read(request.body(form.to_owned()).send().await?).await)
    }

    async fn ask_token(&self, port: u16, secret: &str) -> anyhow::Result<Answer> {
        self.form(port, "token", secret, "grant_type=client_credentials").await
    }

    async fn token(&self) -> anyhow::Result<String> {
        let answer = self.ask_token(self.ports[0], SECRET).await?.ok();
        Ok(answer["access_token"].as_str().context("a token")?.to_owned())
    }

    async fn verify(&self, port: u16, token: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self.http.post(format!("http://127.0.0.1:{port}/v1/verifications"));
        let request = request.bearer_auth(token).header("content-type", "application/json");
        Ok(Answer::read(request.body(body.to_string()).send().await?).await)
    }

    /// Asks at both doors until each has answered so. A question that was sent when the time was over
    /// must be answered so; how long an answer takes on a busy machine does not matter.
    async fn answer_in_time(
        &self,
        what: &str,
        ask: impl AsyncFn(u16) -> anyhow::Result<Answer>,
        (status, code): (u16, &str),
    ) -> anyhow::Result<()> {
        let changed = self.clock.monotonic_nanos();
        let door = async |port: u16| -> anyhow::Result<()> {
            loop {
                let passed = self.clock.monotonic_nanos() - changed;
                let answer = ask(port).await?;
                // What was taken away before may be refused with the same status.
                if answer.status == status && answer.text.contains(&format!("\"{code}\"")) {
                    answer.problem(status, code);
                    return Ok(());
                }
                ensure!(
                    u128::from(passed) <= ACTS_WITHIN.as_nanos(),
                    "{what}, {passed} ns later at {port}: {} {}",
                    answer.status,
                    answer.text
                );
                tokio::time::sleep(POLL).await;
            }
        };
        let (one, other) = tokio::join!(door(self.ports[0]), door(self.ports[1]));
        one.and(other)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_a_right_away_acts_on_two_processes_within_five_seconds() -> anyhow::Result<()> {
    let place = Place::new()?;
    let served = Served::prepare(&place).await?;
    let file = place.data().join("gateway.toml");
    // One issuer for both, and an address that may fail as often as we ask.
    let shared = fs::read_to_string(&file)?.replacen(
        "[server]\n",
        "[auth]\naddress_failures_burst = 100000\naddress_failures_per_second = 100000\n\
         [server]\npublic_url = \"https://gateway.example\"\n",
        1,
    );
    fs::write(&file, shared)?;
    let one = served.gateway(&place).await?;
    let (other, second) = served.node(&place, 2).await?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    let doors = Doors { http, ports: [place.port, second], clock: Clock::system() };
    let person = Nation::new(DEFAULT_SEED)
        .sample(1_000)
        .find(|person| person.date_of_birth.day().is_some())
        .context("a person with a birthday")?;
    let body = merge(&about_person(&person), &json!({"purpose": "service.public"}));
    let [token, kept] = [doors.token().await?, doors.token().await?];
    for port in doors.ports {
        for token in [&token, &kept] {
            doors.verify(port, token, &body).await?.ok();
        }
    }

    let form = format!("token={token}");
    let revoked = doors.form(doors.ports[0], "revoke", SECRET, &form).await?;
    ensure!(revoked.status == 200, "{}", revoked.text);
    let ask = async |port| doors.verify(port, &token, &body).await;
    doors.answer_in_time("a revoked token", ask, (401, "invalid-token")).await?;

    a_secret_ends(&place, &doors).await?;

    let policy = place.on_data(&["policy", "show", "ndxp-policy", "-o", "json"]).await?;
    let mut document = serde_json::from_str::<Value>(&policy)?["document"].clone();
    document["grants"][0]["purposes"] = json!(["service.account"]);
    fs::write(place.data().join("policy.json"), document.to_string())?;
    fs::write(place.data().join("change.json"), r#"{"policy": "ndxp-policy@2"}"#)?;
    place.on_data(&["policy", "put", "ndxp-policy", "--file", "sandbox-data/policy.json"]).await?;
    for port in doors.ports {
        doors.verify(port, &kept, &body).await?.ok();
    }
    place.on_data(&["client", "update", "ndxp", "--file", "sandbox-data/change.json"]).await?;
    let ask = async |port| doors.verify(port, &kept, &body).await;
    doors.answer_in_time("a purpose taken away", ask, (403, "purpose-not-permitted")).await?;

    let why = ["--reason", "an incident"];
    let suspend = ["client", "state", "ndxp", "suspended"];
    place.on_data(&[&suspend[..], &why].concat()).await?;
    let ask = async |port| doors.verify(port, &kept, &body).await;
    doors.answer_in_time("a suspension", ask, (403, "client-suspended")).await?;
    other.stop("TERM").await?;
    one.stop("TERM").await?;
    Ok(())
}

/// The secret that the client has used all the time, in favour of a second one.
async fn a_secret_ends(place: &Place, doors: &Doors) -> anyhow::Result<()> {
    let made = place.on_data(&["client", "rotate", "ndxp", "-o", "json"]).await?;
    let made: Value = serde_json::from_str(&made)?;
    let fresh = made["secret"].as_str().context("a secret")?;
    // Both doors remember the old one.
    for port in doors.ports {
        doors.ask_token(port, SECRET).await?.ok();
    }
    place.on_data(&["client", "rotate", "ndxp", "--retire", "1"]).await?;
    let ask = async |port| doors.ask_token(port, SECRET).await;
    doors.answer_in_time("a secret that has ended", ask, (401, "invalid-client")).await?;
    for port in doors.ports {
        doors.ask_token(port, fresh).await?.ok();
    }
    Ok(())
}
