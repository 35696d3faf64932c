//! The shared parts, assembled once from the configuration. No logic of its own; what is loaded
//! from the store again is in `loading`, what is done beside the requests in `upkeep` and `quotas`, and
//! when in `background`.

mod alarms;
mod background;
mod guesses;
mod loading;
mod quotas;
mod upkeep;

pub use alarms::Judging;
pub use guesses::GuessNotReserved;
pub use quotas::OthersRead;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use crate::access::{ListTurns, SlowedClients, token_keys};
use crate::alarms::{Guarded, Watch};
use crate::audit::{
    self, AuditLog, Digests, KeysInFlight, KnownKeyError, OpenError, Publisher, Tiles,
};
use crate::auth::{
    Assertions, CredentialUses, Directory, KnownOfficials, Secrets, SecretsError, Tokens,
};
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::policy::Policies;
use crate::population::{ClientError, Population, SubjectTokens};
use crate::rate_limit::{
    AddressGuard, ClientLimits, Concurrency, GuessBudgets, Lanes, QuotaLedger, RedisStartError,
};
use crate::reports::{EdgeCounters, Kinds};
use crate::store::{Hold, JobFiles, KeyError, KeyFolder, Store, StoreError};
use crate::telemetry::Metrics;

/// Connections that follow what others change: directory and revoked tokens at once.
const WATCHING_CONNECTIONS: u32 = 2;
/// Guesses for which the log is asked at once.
const PAST_AT_ONCE: usize = 2;
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
    /// Who of them is slowed.
    pub slowed: SlowedClients,
    /// What stands out in how they ask.
    pub alarms: Watch,
    /// What guess budgets have refused.
    pub guarded: Guarded,
    /// How much they use of their quotas.
    pub quotas: QuotaLedger,
    /// How many claims about one person may be wrong.
    pub guess_budgets: Arc<GuessBudgets>,
    /// Turns at asking the log what has failed long ago.
    pub past_turns: Semaphore,
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
    /// Files of bulk jobs on this node.
    pub job_files: JobFiles,
    /// Told when a job may go on.
    pub jobs_changed: Notify,
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
        let guess_budgets = GuessBudgets::new(
            config.guess_budgets,
            &client_limits,
            limits.nodes,
            clock.clone(),
            Arc::clone(&metrics),
        );
        let app = Arc::new(Self {
            guess_budgets,
            past_turns: Semaphore::new(PAST_AT_ONCE),
            directory: Directory::default(),
            officials: KnownOfficials::new(clock.clone()),
            policies: Policies::default(),
            quotas: client_limits.quota_ledger(config.limits.nodes),
            client_limits,
            slowed: SlowedClients::default(),
            alarms: Watch::new(config.alarms),
            guarded: Guarded::default(),
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
            job_files: JobFiles::new(&config.jobs.folder),
            jobs_changed: Notify::new(),
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
        app.load_guesses().await?;
        app.publish_checkpoint().await;
        background::start(&app, version);
        Ok(app)
    }

    /// Keeps the hold on this node's log while the app lives, and takes no more entries from the
    /// moment another gateway is seen to have it.
    pub fn keep(self: &Arc<Self>, hold: Hold) {
        background::keep(self, hold);
    }

    /// The kind of every client by name.
    pub fn client_kinds(&self) -> Kinds {
        let clients = self.directory.all();
        clients.iter().map(|(id, client)| (id.clone(), client.kind.name())).collect()
    }

    /// Writes down what is in memory and closes the log; nothing is recorded after it.
    pub async fn close(self: &Arc<Self>) {
        self.warn_of_quotas().await;
        self.audit.close().await;
        self.save_guesses().await;
        self.publish_checkpoint().await;
        self.flush_edge().await;
        self.flush_uses().await;
    }
}
