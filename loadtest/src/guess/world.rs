//! A gateway in this process, with the mock's nation behind it and a clock that is moved by hand: its
//! own router answers, its own log is written, and days take no time.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::app::App;
use gateway::auth::{ClientKind, ClientState, hash_secret};
use gateway::clock::{Clock, ManualClock, Micros, Random};
use gateway::config::{Config, GuessBudgetsConfig};
use gateway::http::{Edge, api_edge};
use gateway::matching::Finding;
use gateway::policy::{Disclosure, Grant, Officials, PolicyDocument, Reason};
use gateway::rate_limit::{Lane, Quotas};
use gateway::request::{ClientId, PartialDate};
use gateway::store::{ClientRow, PolicyRow, SecretRow, Store};
use mock_population_db::Nation;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A quarter of the log's pseudonyms ends within the thirty days: nothing may be forgotten.
const START: &str = "2026-12-10T08:00:00+07:00";
/// The year 2100.
const LATE_US: i64 = 4_102_444_800_000_000;
const SECRET: &str = "a-secret-of-a-guesser";
const REGISTER_KEY: &str = "key-of-the-register";
const POLICY: &str = "carrier-basic";
/// Everything that is asked at one moment passes: what a rate does to a guesser is computed.
const BURST: u32 = 1_000_000;
/// How often the same is asked when the register was too slow to answer.
const TRIES: u32 = 50;

/// A claim about whoever has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) full_name: String,
    pub(super) born: PartialDate,
}

impl Claim {
    /// Whether it takes of the budgets: what is wrong does, and so does a month that is right.
    pub(super) fn costs(&self, is_matched: bool) -> bool {
        !is_matched || (self.born.month().is_some() && self.born.day().is_none())
    }
}

/// What a carrier is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) is_matched: bool,
    pub(super) born: Finding,
}

/// What became of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// It was answered.
    Told(Told),
    /// 429 `subject-guarded`, and after how many seconds to come again.
    Guarded(i64),
}

/// The gateway and those who ask it.
pub(super) struct World {
    edge: Edge,
    app: Arc<App>,
    hand: ManualClock,
    clients: Vec<ClientId>,
    hash: String,
    tokens: Mutex<Vec<Arc<str>>>,
    _folder: TempDir,
}

impl World {
    /// Starts it, with so many carriers of the sandbox's policy.
    pub(super) async fn start(
        nation: Arc<Nation>,
        clients: u32,
        budgets: GuessBudgetsConfig,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("a temporary folder")?;
        let mut config = read_config(folder.path(), &start_register(nation).await?)?;
        config.guess_budgets = budgets;
        let start = Micros::parse_rfc3339(START).context("a moment")?;
        let hash = hash_secret(SECRET).context("a secret")?;
        let clients: Vec<ClientId> = (1..=clients)
            .map(|number| ClientId::parse(&format!("guesser-{number}")))
            .collect::<Result<_, _>>()
            .context("identifiers")?;
        seed(&config, &clients, &hash, start).await?;
        let (clock, hand) = Clock::manual(start);
        let app = App::start(config, clock, Random::seeded(1)).await?;
        let edge = api_edge(&app, Vec::new());
        let tokens = Mutex::default();
        let world = Self { edge, app, hand, clients, hash, tokens, _folder: folder };
        world.fetch_tokens().await?;
        Ok(world)
    }

    /// Lets seconds pass, and everybody have a new token.
    pub(super) async fn pass(&self, seconds: i64) -> anyhow::Result<()> {
        self.hand.advance(seconds * 1_000_000);
        self.fetch_tokens().await
    }

    /// Asks as one of the clients whether what is claimed is true of whoever has this number.
    pub(super) async fn ask(
        &self,
        client: usize,
        personal_id: &str,
        claim: &Claim,
    ) -> anyhow::Result<Reply> {
        let body = json!({
            "subject": {"personal_id": personal_id},
            "purpose": "telecom.subscriber",
            "attributes": {"full_name": claim.full_name, "date_of_birth": claim.born.to_string()},
        });
        let body = body.to_string();
        for _ in 0..TRIES {
            let token = Arc::clone(&self.tokens()[client]);
            let request = Request::post("/v1/verifications")
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/json")
                .body(Body::from(body.clone()))?;
            let response = self.edge.answer(request, Ipv4Addr::LOCALHOST.into()).await;
            let retry_after = retry_after(&response);
            let (status, answer) = read(response).await?;
            match (status, answer["outcome"].as_str(), answer["code"].as_str()) {
                (200, Some("matched" | "not_matched"), _) => return Ok(Reply::Told(told(&answer))),
                // It is our own machine that is too slow; nobody was told anything.
                (200, Some("inconclusive"), _) | (503, ..) => {}
                (429, _, Some("subject-guarded")) => {
                    return Ok(Reply::Guarded(retry_after.context("when to come again")?));
                }
                (_, _, code) => bail!("a verification was answered by {status} {code:?}"),
            }
        }
        bail!("the register does not answer");
    }

    async fn fetch_tokens(&self) -> anyhow::Result<()> {
        let mut tokens = Vec::with_capacity(self.clients.len());
        for client in &self.clients {
            // Hashing the secret of each every hour is slow and is not what is looked at.
            self.app.secrets.remember(client, SECRET, &self.hash);
            let basic = STANDARD.encode(format!("{}:{SECRET}", client.as_str()));
            let request = Request::post("/oauth2/token")
                .header("authorization", format!("Basic {basic}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Body::from("grant_type=client_credentials"))?;
            let peer: IpAddr = Ipv4Addr::LOCALHOST.into();
            let (status, answer) = read(self.edge.answer(request, peer).await).await?;
            let token = answer["access_token"].as_str();
            tokens.push(token.with_context(|| format!("no token: {status}"))?.into());
        }
        *self.tokens() = tokens;
        Ok(())
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, Vec<Arc<str>>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn start_register(nation: Arc<Nation>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the register")?;
    let url = format!("http://{}", listener.local_addr()?);
    let settings = mock_population_db::server::Settings::new(REGISTER_KEY);
    let forever = std::future::pending();
    tokio::spawn(mock_population_db::server::serve(listener, nation, settings, forever));
    Ok(url)
}

fn read_config(folder: &Path, register: &str) -> anyhow::Result<Config> {
    let file = folder.join("gateway.toml");
    let text = format!(
        "[population]\nurl = \"{register}\"\napi_key = \"{REGISTER_KEY}\"\n\
         [auth]\ntoken_seconds = 3600\n"
    );
    std::fs::write(&file, text).context("a configuration")?;
    Config::load(Some(&file)).context("a configuration")
}

async fn seed(
    config: &Config,
    clients: &[ClientId],
    hash: &str,
    now: Micros,
) -> anyhow::Result<()> {
    let store = Store::open(&config.store).await?;
    let document = serde_json::to_string(&policy())?;
    let policy = PolicyRow { name: POLICY.into(), version: 1, document };
    let rows: Vec<_> = clients.iter().map(client_row).collect();
    store.add_clients(&[policy], &rows, now.0).await?;
    let secrets: Vec<_> = clients
        .iter()
        .map(|id| SecretRow { client_id: id.as_str().into(), slot: 1, hash: hash.into() })
        .collect();
    store.put_secrets(&secrets, now.0).await?;
    Ok(())
}

/// What carriers have in the sandbox, but for the rate.
fn policy() -> PolicyDocument {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let required = owned(&["full_name", "date_of_birth"]);
    PolicyDocument {
        grants: vec![Grant {
            operations: owned(&["verify"]),
            purposes: owned(&["telecom.subscriber"]),
            attributes: required.clone(),
        }],
        required,
        accepted_reasons: owned(&["marks_missing", "merged_place", "year_only"]),
        officials: Officials::Optional,
        disclosure: Disclosure::Reasons,
        discloses_status: false,
        rate: BURST,
        burst: BURST,
        official_limits: None,
        concurrency: NonZeroU32::new(10_000).unwrap_or(NonZeroU32::MIN),
        quotas: Quotas::default(),
        lane: Lane::Interactive,
    }
}

fn client_row(id: &ClientId) -> ClientRow {
    ClientRow {
        client_id: id.as_str().into(),
        agency_code: "0100109106".into(),
        kind: ClientKind::Carrier.name().into(),
        name_vi: id.as_str().into(),
        name_en: id.as_str().into(),
        state: ClientState::Active.name().into(),
        state_reason: None,
        state_us: 0,
        policy_name: POLICY.into(),
        policy_version: 1,
        agreement_from_us: 0,
        agreement_until_us: LATE_US,
        assessment_level: 3,
        assessment_from_us: 0,
        assessment_until_us: LATE_US,
        connected_us: Some(0),
        created_us: 0,
    }
}

fn retry_after(response: &Response) -> Option<i64> {
    response.headers().get("retry-after")?.to_str().ok()?.parse().ok()
}

async fn read(response: Response) -> anyhow::Result<(u16, Value)> {
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.context("an answer")?;
    Ok((head.status.as_u16(), serde_json::from_slice(&body).context("an answer")?))
}

fn told(answer: &Value) -> Told {
    let born = &answer["attributes"]["date_of_birth"];
    let born = match (born["verdict"].as_str(), born["reason"].as_str()) {
        (Some("match"), _) => Finding::MATCH,
        (_, Some("year_only")) => Finding::because(Reason::YearOnly),
        (_, Some("one_digit")) => Finding::because(Reason::OneDigit),
        (_, Some("day_month_swapped")) => Finding::because(Reason::DayMonthSwapped),
        _ => Finding::DIFFERENT,
    };
    Told { is_matched: answer["outcome"] == "matched", born }
}
