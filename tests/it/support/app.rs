//! The production gateway behind its real doors, on free ports, in a temporary folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::app::{App, StartError};
use gateway::audit::{Recount, Verification, VerifyError, recount, verify_log};
use gateway::clock::{Clock, ManualClock, Micros, Random};
use gateway::config::{Config, StoreConfig};
use gateway::request::ClientId;
use gateway::server::Doors;
use gateway::store::{KeyFolder, SecretRow, Store};
use mock_population_db::{DEFAULT_SEED, Nation, Person};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::clients::secret_hash;
use super::{Answer, Caller, Postgres, Rows, SECRET, TestClient, about_person};

/// The moment at which every test begins, a Friday morning in Viet Nam.
const START: &str = "2026-11-20T09:00:00+07:00";
/// Verifications that a client sends at once at most: fewer than its policy allows.
const AT_ONCE: usize = 200;
const REGISTER_KEY: &str = "key-of-the-register";

/// A moment from its RFC 3339 form.
pub fn micros(text: &str) -> Micros {
    Micros::parse_rfc3339(text).expect("an RFC 3339 time")
}

/// The databases that the same story is told on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// What a gateway for a test is made of.
pub struct Builder {
    database: Database,
    postgres: Option<Arc<Postgres>>,
    clients: Vec<TestClient>,
    register: Option<String>,
    folder: Arc<TempDir>,
    start: Micros,
    seed: u64,
    change: Box<dyn FnOnce(&mut Config) + Send>,
}

impl Builder {
    /// Connects these clients in place of the usual company.
    pub fn clients(mut self, clients: impl Into<Vec<TestClient>>) -> Self {
        self.clients = clients.into();
        self
    }

    /// Keeps its rows there; for `PostgreSQL`, on a server of the test's own.
    pub fn on(mut self, database: Database) -> Self {
        self.database = database;
        self
    }

    /// Asks the register at this URL in place of the mock.
    pub fn register(mut self, url: &str) -> Self {
        self.register = Some(url.into());
        self
    }

    /// Begins at another moment.
    pub fn at(mut self, start: &str) -> Self {
        self.start = micros(start);
        self
    }

    /// Changes the configuration.
    pub fn config(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.change = Box::new(change);
        self
    }

    /// Lets one person be asked about with so many wrong claims that no test meets the end of it.
    pub fn with_room_for_guesses(mut self) -> Self {
        let change = std::mem::replace(&mut self.change, Box::new(|_| {}));
        self.config(|config| {
            change(config);
            let budgets = &mut config.guess_budgets;
            (budgets.client_day, budgets.client_month) = (100_000, 100_000);
            (budgets.subject_hour, budgets.subject_day) = (100_000, 100_000);
        })
    }

    /// Starts the gateway.
    pub async fn start(self) -> TestApp {
        self.try_start().await.expect("the gateway starts")
    }

    /// Starts the gateway, or says why it refuses.
    pub async fn try_start(mut self) -> Result<TestApp, StartError> {
        if self.database == Database::Postgres && self.postgres.is_none() {
            self.postgres = Some(Arc::new(Postgres::start().await));
        }
        let nation = Arc::new(Nation::new(DEFAULT_SEED));
        let register = match self.register {
            Some(url) => url,
            None => start_mock(Arc::clone(&nation)).await,
        };
        let mut config = read_config(&self.folder, self.postgres.as_deref(), &register);
        (self.change)(&mut config);
        // Before the gateway starts, as an administrator would: it follows changes by itself, and
        // a test must not depend on when.
        seed(&config, &self.clients, self.start).await;
        let (clock, hand) = Clock::manual(self.start);
        let app = App::start(config.clone(), clock, Random::seeded(self.seed)).await?;
        for client in &self.clients {
            let id = ClientId::parse(client.id).expect("an identifier");
            app.secrets.remember(&id, SECRET, secret_hash());
        }
        let doors = Doors::open(config.server.listen, config.server.admin_listen).await;
        let doors = doors.expect("ports are free");
        let api = format!("http://{}", doors.api_address().expect("an address"));
        let admin = format!("http://{}", doors.admin_address().expect("an address"));
        let (stop, stopped) = watch::channel(false);
        let served = tokio::spawn(doors.serve(Arc::clone(&app), Vec::new(), stopped));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let kept = Kept {
            folder: self.folder,
            database: self.database,
            postgres: self.postgres,
            clients: self.clients,
            seed: self.seed,
        };
        Ok(TestApp { app, hand, api, admin, http, nation, config, stop, served, kept })
    }
}

async fn start_mock(nation: Arc<Nation>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let settings = mock_population_db::server::Settings::new(REGISTER_KEY);
    tokio::spawn(mock_population_db::server::serve(
        listener,
        nation,
        settings,
        std::future::pending(),
    ));
    url
}

/// The configuration as an operator writes it: from a file.
fn read_config(folder: &TempDir, postgres: Option<&Postgres>, register: &str) -> Config {
    let file = folder.path().join("gateway.toml");
    let store = postgres.map_or(String::new(), |server| format!("url = \"{}\"\n", server.url()));
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n\
         [population]\nurl = \"{register}\"\napi_key = \"{REGISTER_KEY}\"\n\
         [store]\n{store}"
    );
    std::fs::write(&file, text).expect("the folder is ours");
    Config::load(Some(&file)).expect("the configuration is good")
}

/// Puts clients, their policies and secrets into the store.
pub async fn seed(config: &Config, clients: &[TestClient], now: Micros) {
    let store = Store::open(&config.store).await;
    // A damaged store is for the gateway to refuse.
    let Ok(store) = store else { return };
    let policies: Vec<_> = clients.iter().map(TestClient::policy_row).collect();
    let rows: Vec<_> = clients.iter().map(TestClient::client_row).collect();
    store.add_clients(&policies, &rows, now.0).await.expect("clients can be added");
    let secret = |client: &TestClient| SecretRow {
        client_id: client.id.into(),
        slot: 1,
        hash: secret_hash().to_owned(),
    };
    let secrets: Vec<_> = clients.iter().map(secret).collect();
    store.put_secrets(&secrets, now.0).await.expect("secrets can be put");
}

/// What stays of a gateway that has stopped.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: Arc<TempDir>,
    database: Database,
    postgres: Option<Arc<Postgres>>,
    clients: Vec<TestClient>,
    seed: u64,
}

impl Kept {
    /// A gateway in the same folder. Its chance differs, as that of a new process would.
    pub fn again(&self) -> Builder {
        Builder {
            database: self.database,
            postgres: self.postgres.clone(),
            clients: self.clients.clone(),
            folder: Arc::clone(&self.folder),
            seed: self.seed + 1,
            ..TestApp::builder()
        }
    }

    /// The configuration's file.
    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("gateway.toml")
    }

    /// The store, as it was configured.
    pub fn store(&self) -> StoreConfig {
        StoreConfig::file(self.database())
    }

    /// The key folder.
    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// The checkpoint that the gateway published last.
    pub fn published(&self) -> PathBuf {
        self.keys().join("log-n1.checkpoint")
    }

    /// Everything that it keeps in files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server that its rows are on, for a test that does something to it.
    pub fn postgres(&self) -> &Postgres {
        self.postgres.as_deref().expect("this gateway is on PostgreSQL")
    }

    /// The database file of a gateway on `SQLite`.
    pub fn database(&self) -> PathBuf {
        assert_eq!(self.database, Database::Sqlite, "this gateway has no database file");
        self.folder.path().join("gateway.sqlite")
    }

    /// The tables, to be reached behind its back.
    pub fn rows(&self) -> Rows {
        match &self.postgres {
            Some(postgres) => Rows::Server(postgres.url()),
            None => Rows::File(self.database()),
        }
    }
}

/// A running gateway.
#[derive(Debug)]
pub struct TestApp {
    pub app: Arc<App>,
    /// Moves its clock.
    pub hand: ManualClock,
    /// Base URL of the API.
    pub api: String,
    /// Base URL of the admin listener.
    pub admin: String,
    pub http: reqwest::Client,
    /// The nation that the mock plays.
    pub nation: Arc<Nation>,
    /// What it was configured with.
    pub config: Config,
    stop: watch::Sender<bool>,
    served: JoinHandle<bool>,
    kept: Kept,
}

impl TestApp {
    /// A gateway with the usual company and the mock, to be changed.
    pub fn builder() -> Builder {
        Builder {
            database: Database::Sqlite,
            postgres: None,
            clients: TestClient::company(),
            register: None,
            folder: Arc::new(tempfile::tempdir().expect("a temporary folder")),
            start: micros(START),
            seed: 1,
            change: Box::new(|_| {}),
        }
    }

    /// A gateway with the usual company and the mock.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// The same on a database.
    pub async fn start_on(database: Database) -> Self {
        Self::builder().on(database).start().await
    }

    /// What another gateway in the same folder needs.
    pub fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// Some people of the nation without an oddity: alive, born on a known day.
    pub fn people(&self, count: usize) -> Vec<Person> {
        let is_plain =
            |person: &Person| person.date_of_birth.day().is_some() && !person.is_deceased();
        self.nation.sample(10_000).filter(is_plain).take(count).collect()
    }

    /// One person of the nation.
    pub fn person(&self) -> Person {
        self.people(1).remove(0)
    }

    /// Sends so many true verifications at once, as the client `carrier`; the answers, as their
    /// entries stand in the log.
    pub async fn fill(&self, count: usize) -> Vec<Value> {
        let caller = self.caller("carrier").await;
        let mut answers = Vec::with_capacity(count);
        // No more at once than the client may have on their way.
        for people in self.people(count).chunks(AT_ONCE) {
            let mut asking = tokio::task::JoinSet::new();
            for person in people {
                let (caller, body) = (caller.clone(), about_person(person));
                asking.spawn(async move { caller.verify(&body).await.ok() });
            }
            answers.extend(asking.join_all().await);
        }
        answers.sort_by_key(|answer| answer["receipt"]["index"].as_u64());
        answers
    }

    /// Lets seconds pass.
    pub fn pass(&self, seconds: i64) {
        self.hand.advance(seconds * 1_000_000);
    }

    /// Asks the gateway to stop, waits until it has, and says whether its log ended well.
    pub async fn stop(self) -> (Kept, bool) {
        self.stop.send_replace(true);
        self.stopped().await
    }

    /// Waits until the gateway has stopped by itself or was told to.
    pub async fn stopped(self) -> (Kept, bool) {
        let ended_well = self.served.await.expect("the doors do not panic");
        (self.kept, ended_well)
    }

    /// Tells the gateway to stop and does not wait.
    pub fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Asks for a token. `authorization` is the header field, `form` the body.
    pub async fn ask_token(&self, authorization: Option<String>, form: &str) -> Answer {
        self.form("/oauth2/token", authorization, form).await
    }

    async fn form(&self, path: &str, authorization: Option<String>, form: &str) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.api)).body(form.to_owned());
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        Answer::read(request.send().await.expect("the gateway answers")).await
    }

    /// Asks for a token with a client's right secret.
    pub async fn ask_token_as(&self, client: &str) -> Answer {
        self.ask_token(Some(basic(client, SECRET)), "grant_type=client_credentials").await
    }

    /// Asks for a token with a client's right secret and this form.
    pub async fn ask_token_scoped(&self, client: &str, form: &str) -> Answer {
        self.ask_token(Some(basic(client, SECRET)), form).await
    }

    /// Asks for a token with this secret.
    pub async fn ask_token_with(&self, client: &str, secret: &str) -> Answer {
        self.ask_token(Some(basic(client, secret)), "grant_type=client_credentials").await
    }

    /// Posts a form with a client's right secret.
    pub async fn post_form(&self, path: &str, client: &str, form: &str) -> Answer {
        self.form(path, Some(basic(client, SECRET)), form).await
    }

    /// Posts a form without a secret.
    pub async fn post_form_as_nobody(&self, path: &str, form: &str) -> Answer {
        self.form(path, None, form).await
    }

    /// A client that has its token.
    pub async fn caller(&self, client: &str) -> Caller {
        let token = self.ask_token_as(client).await.ok();
        self.caller_with(token["access_token"].as_str().expect("a token"))
    }

    /// Somebody with this token.
    pub fn caller_with(&self, token: &str) -> Caller {
        Caller { http: self.http.clone(), api: self.api.clone(), token: token.to_owned() }
    }

    /// A client that calls the admin listener with its token.
    pub async fn admin_caller(&self, client: &str) -> Caller {
        Caller { api: self.admin.clone(), ..self.caller(client).await }
    }

    /// Somebody who calls the admin listener with this token.
    pub fn admin_caller_with(&self, token: &str) -> Caller {
        Caller { api: self.admin.clone(), ..self.caller_with(token) }
    }

    /// Checks the whole log from outside, as an auditor does.
    pub async fn verify_log(&self) -> Result<Verification, VerifyError> {
        let keys = KeyFolder::open(&self.config.keys.folder, Random::seeded(99));
        verify_log(&self.app.store, &keys.expect("the keys are there"), &self.config.log).await
    }

    /// Counts the log again; nothing may differ from the counters.
    pub async fn recount(&self) -> Recount {
        let recount =
            recount(&self.app.store, "n1", &mut |_| {}).await.expect("the log can be counted");
        assert_eq!(recount.differences, [], "report and recount are equal");
        recount
    }

    /// Orders the mock to misbehave; returns what it says is in force.
    pub async fn misbehave(&self, faults: &Value) -> Value {
        let url = format!("{}/v1/faults", self.config.population.url);
        let request = self.http.put(url).bearer_auth(REGISTER_KEY).body(faults.to_string());
        Answer::read(request.send().await.expect("the mock answers")).await.ok()
    }

    /// The text of the metrics.
    pub async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.admin);
        Answer::read(self.http.get(url).send().await.expect("metrics are served")).await.text
    }
}

/// One number out of the metrics' text; 0 where nothing was counted.
pub fn read_gauge(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0, |number| number.parse().expect("a number"))
}

fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")))
}
