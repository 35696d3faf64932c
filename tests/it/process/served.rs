//! The gateway as it is served in production: `gateway serve` on a PostgreSQL, beside a population
//! database.

use std::fs;

use anyhow::Context;
use gateway::clock::Micros;
use gateway::config::Config;
use mock_population_db::{DEFAULT_SEED, Nation};
use serde_json::json;

use super::api::is_ready;
use super::place::Place;
use super::programs::Process;
use crate::support::{Postgres, SECRET, TestClient, seed};

/// People in `people.ndjson`, as the sandbox lists them.
const PEOPLE: u64 = 1_000;
/// Ports of a place that the admin listener and the population database have.
const ADMIN_OFFSET: u16 = 1;
const POPULATION_OFFSET: u16 = 10;
/// A gateway that was killed holds its log until the server has noticed.
const STARTS_MAX: usize = 50;

/// The database and the register of a gateway. What a sandbox lays into its folder lies in the
/// same place here, so that a test finds clients, people and configuration alike.
pub(super) struct Served {
    pub(super) postgres: Postgres,
    _register: Process,
}

impl Served {
    /// Starts both, makes the files, and lets the client `ndxp` in.
    pub(super) async fn prepare(place: &Place) -> anyhow::Result<Self> {
        Self::prepare_for(place, client()).await
    }

    /// The same with the client `ndxp` as it is given.
    pub(super) async fn prepare_for(place: &Place, client: TestClient) -> anyhow::Result<Self> {
        let postgres = Postgres::start().await;
        write_files(place, &postgres.url())?;
        let config = Config::load(Some(&place.data().join("gateway.toml")))?;
        seed(&config, &[client], Micros(0)).await;
        let listen = format!("127.0.0.1:{}", place.port + POPULATION_OFFSET);
        let key = "sandbox-data/population/api-key";
        let args = ["serve", "--listen", &listen, "--api-key-file", key];
        let register = place.start("mock-population-db", &args)?;
        Ok(Self { postgres, _register: register })
    }

    /// A gateway on them, ready to answer.
    pub(super) async fn gateway(&self, place: &Place) -> anyhow::Result<Process> {
        start(place, "sandbox-data/gateway.toml", place.port).await
    }

    /// Another gateway on the same database and keys, ready to answer, and the port of its API: the
    /// second, or the third. The configuration is that of the first, as it is now.
    pub(super) async fn node(&self, place: &Place, number: u16) -> anyhow::Result<(Process, u16)> {
        let first = fs::read_to_string(place.data().join("gateway.toml"))?;
        let api = place.port + 2 * (number - 1);
        let config = first.replace(&listen("listen", place.port), &listen("listen", api)).replace(
            &listen("admin_listen", place.port + ADMIN_OFFSET),
            &listen("admin_listen", api + ADMIN_OFFSET),
        );
        let file = format!("sandbox-data/node-{number}.toml");
        let log = format!("{config}[log]\nname = \"n{number}\"\n");
        fs::write(place.work().join(&file), log)?;
        Ok((start(place, &file, api).await?, api))
    }
}

async fn start(place: &Place, config: &str, api: u16) -> anyhow::Result<Process> {
    let mut refused = None;
    for _ in 0..STARTS_MAX {
        let mut gateway = place.start("gateway", &["serve", "--config", config])?;
        let ready = gateway.wait_for("it is ready", async || is_ready(api).await).await;
        match ready {
            Ok(()) => return Ok(gateway),
            Err(_) if gateway.errors().contains("another gateway is running") => {
                refused = Some(gateway.errors());
            }
            Err(error) => return Err(error),
        }
    }
    anyhow::bail!("{refused:?}")
}

fn listen(name: &str, port: u16) -> String {
    format!("\n{name} = \"127.0.0.1:{port}\"\n")
}

/// The client that is let in.
pub(super) fn client() -> TestClient {
    TestClient { purposes: &["service.public"], ..TestClient::carrier("ndxp") }
}

fn write_files(place: &Place, url: &str) -> anyhow::Result<()> {
    let data = place.data();
    fs::create_dir_all(data.join("population")).context("the folder is ours")?;
    fs::write(data.join("population/api-key"), "key-of-the-register\n")?;
    let (api, admin) = (place.port, place.port + ADMIN_OFFSET);
    let population = place.port + POPULATION_OFFSET;
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:{api}\"\nadmin_listen = \"127.0.0.1:{admin}\"\n\
         [store]\nurl = \"{url}\"\n[keys]\nfolder = \"keys\"\n\
         [population]\nurl = \"http://127.0.0.1:{population}\"\n\
         api_key_file = \"population/api-key\"\n[telemetry]\nfilter = \"warn\"\n"
    );
    fs::write(data.join("gateway.toml"), config)?;
    let clients = json!([{"client_id": client().id, "client_secret": SECRET}]);
    fs::write(data.join("clients.json"), clients.to_string())?;
    let nation = Nation::new(DEFAULT_SEED);
    let people = nation.sample_ordinals(PEOPLE).map(|n| nation.dossier(n).to_json() + "\n");
    fs::write(data.join("people.ndjson"), people.collect::<String>())?;
    Ok(())
}
