//! The shared parts, assembled once from the configuration. No logic of its own; what is done beside
//! the requests is in `background`.

mod background;
mod quotas;

pub use quotas::OthersRead;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::access::{self, ListTurns, Warned, token_keys};
use crate::audit::{
    self, AuditLog, Digests, KeysInFlight, KnownKeyError, OpenError, Publisher, RequestIds,
    RetentionError, Tiles,
};
use crate::auth::{
    Assertions, ClientState, CredentialUses, Directory, KnownOfficials, Secrets, SecretsError,
    Tokens,
};
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::policy::Policies;
use crate::population::{ClientError, Population, SubjectTokens};
use crate::rate_limit::{
    AddressGuard, ClientLimits, Concurrency, Lanes, QuotaLedger, RedisStartError,
};
use crate::reports::{EdgeCounters, Kinds};
use crate::request::ClientId;
use crate::store::{Hold, KeyError, KeyFolder, Store, StoreError, in_time};
use crate::telemetry::Metrics;

/// Uses written down at once: the log's writer waits for them on a database in a file.
const USES_AT_ONCE: usize = 256;
/// What was spent is forgotten this long after it has expired: another node's clock may be behind.
const SPENT_KEPT_SECONDS: i64 = 120;
/// Spent assertions or tokens forgotten at once: on a file, the log's writer waits for them.
const SPENT_FORGOTTEN_MAX: i64 = 2_000;
/// Revoked tokens read at once.
const REVOKED_AT_ONCE: i64 = 4_096;
/// Connections that follow what others change: directory and revoked tokens at once.
const WATCHING_CONNECTIONS: u32 = 2;
/// Reports read at once.
const REPORTS_AT_ONCE: usize = 2;
/// What a turn of the work in the background may take; the next one asks on another connection.
const TURN_MAX: Duration = Duration::from_secs(5);

/// Everything a request needs.
#[derive(Debug)]
pub struct App {
    /// What was configured.
    pub config: Config,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub random: Random,
    /// Rows.
    pub store: Store,
    /// The same rows over connections of its own, so that a suspension does not wait for one behind
    /// the requests of whoever is suspended.
    watching: Store,
    /// Connected systems.
    pub directory: Directory,
    /// Their secrets.
    pub secrets: Secrets,
    /// Their public keys, and what is signed with them.
    pub assertions: Assertions,
    /// When their credentials were last good, on the way to the store.
    pub uses: CredentialUses,
    /// The officials they have made known.
    pub officials: KnownOfficials,
    /// Their tokens.
    pub tokens: Tokens,
    /// Their rates.
    pub client_limits: ClientLimits,
    /// How much they use of their quotas.
    pub quotas: QuotaLedger,
    /// Their requests on their way.
    pub concurrency: Concurrency,
    /// Places on the way to register and log.
    pub lanes: Arc<Lanes>,
    /// Addresses that fail to authenticate.
    pub address_guard: AddressGuard,
    /// Their policies.
    pub policies: Policies,
    /// The population database.
    pub population: Population,
    /// Tokens for subjects.
    pub subject_tokens: SubjectTokens,
    /// The log of this node.
    pub audit: AuditLog,
    /// What keeps its last checkpoint apart from the database.
    pub publisher: Publisher,
    /// The trees of all logs in the database.
    pub tiles: Tiles,
    /// Key files.
    pub keys: KeyFolder,
    /// Keyed digests for the log.
    pub digests: Digests,
    /// Idempotency keys of requests on their way.
    pub keys_in_flight: KeysInFlight,
    /// Turns at reading reports: fewer than there are connections, so that a request with an
    /// idempotency key does not wait behind them.
    pub report_turns: Semaphore,
    /// Turns at reading what others asked for an agency: of those of reports one at most.
    pub acted_for_turn: Semaphore,
    /// Held while a dispute moves on: they are rare, and one at a time cannot get in each other's way.
    pub one_dispute: tokio::sync::Mutex<()>,
    /// Lists of officials on their way.
    pub lists: ListTurns,
    /// What never reaches the log.
    pub edge: EdgeCounters,
    /// What the process counts.
    pub metrics: Arc<Metrics>,
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key is missing.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The keys are not those that the database was written with.
    #[error(transparent)]
    KnownKey(#[from] KnownKeyError),
    /// The log does not open.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The way to the population database cannot be used.
    #[error(transparent)]
    Population(#[from] ClientError),
    /// Signing tokens does not work.
    #[error("tokens cannot be signed and verified")]
    Tokens(#[from] token_keys::TokenKeyError),
    /// The way to Redis cannot be used.
    #[error(transparent)]
    Limits(#[from] RedisStartError),
    /// Hashing secrets does not work.
    #[error("secrets cannot be hashed")]
    Hashing(#[from] SecretsError),
}

impl App {
    /// Opens store, keys and log, loads the directory and starts the background work, which ends
    /// when the last handle is dropped.
    pub async fn start(
        config: Config,
        clock: Clock,
        random: Random,
    ) -> Result<Arc<Self>, StartError> {
        let metrics = Arc::new(Metrics::new());
        let store = Store::open(&config.store).await?;
        let keys = KeyFolder::open(&config.keys.folder, random.clone())?;
        // Before any key is made that another node has.
        audit::check_known_keys(&store, &keys, clock.now()).await?;
        let digests = Digests::open(keys.clone())?;
        audit::make_keys_known(&store, &keys).await?;
        token_keys::prepare(&store, &keys, &random, clock.now()).await?;
        let issuer = config.server.public_url();
        let assertions = Assertions::new(&issuer, clock.clone());
        let life_seconds = config.auth.token_seconds;
        let tokens = Tokens::new(issuer, life_seconds, clock.clone(), random.clone());
        let secrets = Secrets::new(clock.clone(), &random)?;
        let audit =
            AuditLog::open(&store, &keys, &config.log, clock.clone(), Arc::clone(&metrics)).await?;
        let limits = &config.limits;
        let client_limits = ClientLimits::start(limits, &config.log.name, clock.clone(), &metrics)?;
        let app = Arc::new(Self {
            directory: Directory::default(),
            officials: KnownOfficials::new(clock.clone()),
            policies: Policies::default(),
            quotas: client_limits.quota_ledger(config.limits.nodes),
            client_limits,
            concurrency: Concurrency::default(),
            lanes: Lanes::new(&config.lanes, clock.clone(), Arc::clone(&metrics)),
            address_guard: AddressGuard::new(&config.auth, clock.clone()),
            population: Population::start(&config.population, clock.clone(), &metrics)?,
            subject_tokens: SubjectTokens::new(&keys.load_or_create("subject-token")?),
            publisher: Publisher::new(keys.clone(), &config.log.name),
            tiles: Tiles::new(store.clone()),
            digests,
            keys,
            keys_in_flight: KeysInFlight::default(),
            report_turns: Semaphore::new(REPORTS_AT_ONCE),
            one_dispute: tokio::sync::Mutex::default(),
            lists: ListTurns::default(),
            acted_for_turn: Semaphore::new(1),
            edge: EdgeCounters::default(),
            config,
            clock,
            random,
            watching: store.apart(WATCHING_CONNECTIONS),
            store,
            secrets,
            assertions,
            uses: CredentialUses::default(),
            tokens,
            audit,
            metrics,
        });
        // The version is read first: a change in between is loaded twice, never missed.
        let version = app.watching.directory_version().await?;
        app.load_token_keys().await?;
        app.load_revoked().await?;
        app.load_directory().await?;
        app.load_usage().await?;
        app.publish_checkpoint().await;
        background::start(&app, version);
        Ok(app)
    }

    /// Keeps the hold on this node's log while the app lives, and takes no more entries from the
    /// moment another gateway is seen to have it.
    pub fn keep(self: &Arc<Self>, hold: Hold) {
        background::keep(self, hold);
    }

    /// Loads clients, secrets, policies, limits and quotas from the store. A row that cannot be read is left
    /// out and told: what it stands for is refused, and no suspension is held back by it.
    ///
    /// # Errors
    /// If the store does not answer; nothing is replaced then, or not all.
    pub async fn load_directory(&self) -> Result<(), StoreError> {
        let (clients, delegations) =
            (self.watching.clients().await?, self.watching.delegations(None).await?);
        // After the clients: versions are only added, so that every client read before them has its
        // policy among these, whoever adds one and moves clients to it in between.
        let policies = self.watching.policies().await?;
        let unread = self.policies.replace_readable(&policies).into_iter();
        for error in unread.chain(self.directory.replace_readable(&clients, &delegations)) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "left out: what it stands for is refused");
        }
        self.secrets.replace(&self.watching.secrets().await?);
        let known = self.directory.all();
        let is_active =
            |id: &ClientId| known.get(id).is_some_and(|it| it.state() == ClientState::Active);
        self.secrets.forget(is_active);
        self.assertions.replace(&self.watching.client_keys().await?);
        self.replace_limits();
        Ok(())
    }

    /// Who has no policy that can be read has no limits either, and is refused.
    fn replace_limits(&self) {
        let known = self.directory.all();
        let terms: Vec<_> = known
            .values()
            .filter_map(|client| {
                let policy = self.policies.find(&client.policy)?;
                Some((client.client_id.clone(), *policy.terms()))
            })
            .collect();
        let without = known.len() - terms.len();
        if without > 0 {
            tracing::error!(clients = without, "clients without a policy are refused");
        }
        self.quotas.replace(terms.iter().map(|(id, terms)| (id.clone(), terms.quotas)));
        self.concurrency.replace(terms.iter().map(|(id, terms)| (id.clone(), terms.concurrency)));
        self.client_limits.replace(terms);
    }

    /// Loads the keys that sign and verify tokens.
    pub async fn load_token_keys(&self) -> Result<(), token_keys::TokenKeyError> {
        // First of all: if another cannot be read, what is given up must be given up all the same.
        let void = token_keys::void(&self.watching).await?;
        self.tokens.forget_keys(|kid| void.contains(kid));
        let keys = token_keys::load(&self.watching, &self.keys, self.clock.now()).await?;
        Ok(self.tokens.replace_keys(keys)?)
    }

    /// Learns which tokens were taken back since it was asked last. What was read stays read where
    /// the rest does not come in time.
    pub async fn load_revoked(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let revoked = self.tokens.revoked();
        let mut place = (revoked.unread_from(now).0, String::new(), String::new());
        loop {
            let after = (place.0, place.1.as_str(), place.2.as_str());
            let reading = self.watching.revoked_tokens(after, now.0, REVOKED_AT_ONCE);
            let rows = in_time(TURN_MAX, reading).await?;
            revoked.read(&rows);
            let Some(last) = rows.last().filter(|_| rows.len() as i64 == REVOKED_AT_ONCE) else {
                return Ok(());
            };
            place = (last.revoked_us, last.client_id.clone(), last.jti.clone());
        }
    }

    /// The kind of every client by name.
    pub fn client_kinds(&self) -> Kinds {
        let clients = self.directory.all();
        clients.iter().map(|(id, client)| (id.clone(), client.kind.name())).collect()
    }

    /// Writes down what is in memory and closes the log; nothing is recorded after it.
    pub async fn close(&self) {
        self.warn_of_quotas().await;
        self.audit.close().await;
        self.publish_checkpoint().await;
        self.flush_edge().await;
        self.flush_uses().await;
    }

    /// Writes down when credentials were last good. What is lost on the way is written a minute
    /// later, if they are used again.
    pub async fn flush_uses(&self) {
        loop {
            let uses = self.uses.take(USES_AT_ONCE);
            if uses.is_empty() {
                return;
            }
            if let Err(error) = in_time(TURN_MAX, self.store.note_uses(&uses)).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the last use of credentials could not be written");
                return;
            }
        }
    }

    /// Drops the days of this node's log before `before` (in days since 1970) that can be; how
    /// many there were.
    pub async fn drop_days(&self, before: i64) -> Result<usize, RetentionError> {
        let ids = RequestIds::new(&self.random);
        let (log, made_by) = (self.config.log.name.as_str(), (&self.clock, &ids));
        let days = audit::drop_days(&self.store, &self.audit, log, before, made_by).await?;
        Ok(days.len())
    }

    /// Forgets what has expired: used assertions, tokens that were taken back, signing keys.
    pub async fn forget_spent(&self) {
        let now = self.clock.now();
        let before_us = now.plus_seconds(-SPENT_KEPT_SECONDS).0;
        let forget = || in_time(TURN_MAX, self.store.forget_spent(before_us, SPENT_FORGOTTEN_MAX));
        let forgotten = loop {
            match forget().await {
                Ok(0) => break Ok(0),
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break Err(error),
            }
        };
        let retired = in_time(TURN_MAX, token_keys::retire(&self.store, now)).await;
        if let Err(error) = forgotten.and(retired) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "what has expired could not be forgotten; trying again");
        }
    }

    /// Puts acts into the log that are not there yet; how many there were. Who has done one waits
    /// for it and those before it, but not for ever.
    pub async fn log_acts(&self) -> usize {
        let logging = access::log_acts(&self.store, &self.audit, &self.digests);
        let logged = in_time(TURN_MAX, logging).await;
        logged.unwrap_or_else(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "acts could not be logged; trying again");
            0
        })
    }

    /// Counts clients whose papers run out, and logs those that were not logged today.
    pub fn warn_of_papers(&self, warned: &mut Warned) {
        let now = self.clock.now();
        let (mut ending, mut ended) = (0, 0);
        for (id, client) in self.directory.all().iter() {
            let warnings = access::warnings_about(client, now);
            if warnings.is_empty() {
                continue;
            }
            if warnings.iter().any(|warning| warning.has_ended) {
                ended += 1;
            } else {
                ending += 1;
            }
            if !warned.is_due(id, now) {
                continue;
            }
            let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
            let (client, papers) = (id.as_str(), told.join(", "));
            tracing::warn!(client, papers, "a client's papers run out: renew them");
        }
        self.metrics.clients_ending.set(f64::from(ending));
        self.metrics.clients_ended.set(f64::from(ended));
    }

    async fn publish_checkpoint(&self) {
        if let Err(error) = in_time(TURN_MAX, self.publisher.publish(&self.store)).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the log's checkpoint could not be published; trying again");
        }
    }

    async fn flush_edge(&self) {
        if let Err(error) = self.edge.flush(&self.store, &self.config.log.name).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "throttled and malformed could not be written; trying again");
        }
    }
}
