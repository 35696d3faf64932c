//! The shared parts, assembled once from the configuration. No logic of its own.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::audit::{
    self, AuditLog, Digests, KEY_HELD_US, KeysInFlight, KnownKeyError, OpenError, Publisher,
    RequestIds, RetentionError, Tiles,
};
use crate::auth::{Directory, Secrets, TokenError, Tokens};
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::policy::Policies;
use crate::population::{ClientError, Population, SubjectTokens};
use crate::projections::Follower;
use crate::rate_limit::{AddressGuard, ClientLimits};
use crate::reports::{EdgeCounters, Kinds};
use crate::store::{Hold, KeyError, KeyFolder, Store, StoreError, in_time};
use crate::telemetry::Metrics;

/// How often the directory's version is read: a suspension acts within this and a reload.
const DIRECTORY_POLL: Duration = Duration::from_secs(1);
/// How often it is looked whether the hold on the log is still ours.
const HOLD_WATCHED: Duration = Duration::from_secs(1);
/// How often the log's checkpoint is published while it grows: what was answered within this time
/// before a database is lost is not missed by the next start.
const PUBLISH: Duration = Duration::from_secs(1);
/// How often it is looked for days that need not be kept any more.
const RETENTION: Duration = Duration::from_hours(1);
/// How often what stands outside the log is written down.
const EDGE_FLUSH: Duration = Duration::from_secs(10);
/// Reports read at once.
const REPORTS_AT_ONCE: usize = 2;
/// How often idempotency keys are forgotten that nobody can use any more.
const KEY_UPKEEP: Duration = Duration::from_mins(10);
/// Keys forgotten at once: the log's writer waits for them.
const KEYS_FORGOTTEN_MAX: i64 = 2_000;
/// What a turn of the work in the background may take; the next one asks on another connection.
const TURN_MAX: Duration = Duration::from_secs(5);
/// What dropping days may take at once: each is some thousand statements at most.
const RETENTION_MAX: Duration = Duration::from_mins(30);
/// How often histograms and address records are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

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
    /// Connected systems.
    pub directory: Directory,
    /// Their secrets.
    pub secrets: Secrets,
    /// Their tokens.
    pub tokens: Tokens,
    /// Their rates.
    pub client_limits: ClientLimits,
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
    /// Held while a dispute moves on: they are rare, and one at a time cannot get in each other's way.
    pub one_dispute: tokio::sync::Mutex<()>,
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
    Tokens(#[from] TokenError),
    /// Hashing secrets does not work.
    #[error("secrets cannot be hashed: {0}")]
    Hashing(String),
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
        let tokens = Tokens::new(
            &keys.load_or_create("token-signing")?,
            config.server.public_url(),
            config.auth.token_seconds,
            clock.clone(),
            random.clone(),
        )?;
        let secrets = Secrets::new(clock.clone(), &random)
            .map_err(|error| StartError::Hashing(error.to_string()))?;
        let audit =
            AuditLog::open(&store, &keys, &config.log, clock.clone(), Arc::clone(&metrics)).await?;
        let app = Arc::new(Self {
            directory: Directory::default(),
            policies: Policies::default(),
            client_limits: ClientLimits::new(clock.clone()),
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
            edge: EdgeCounters::default(),
            config,
            clock,
            random,
            store,
            secrets,
            tokens,
            audit,
            metrics,
        });
        let version = app.load_directory().await?;
        app.publish_checkpoint().await;
        tokio::spawn(publish_checkpoints(Arc::downgrade(&app)));
        if app.config.log.retention_days > 0 {
            tokio::spawn(drop_days(Arc::downgrade(&app)));
        }
        tokio::spawn(follow_directory(Arc::downgrade(&app), version));
        tokio::spawn(flush_edge(Arc::downgrade(&app)));
        tokio::spawn(upkeep(Arc::downgrade(&app)));
        let follower = Follower::new(&app.config.log.name, app.clock.clone());
        tokio::spawn(follow_log(Arc::downgrade(&app), follower));
        tokio::spawn(forget_keys(Arc::downgrade(&app)));
        Ok(app)
    }

    /// Keeps the hold on this node's log while the app lives, and takes no more entries from the
    /// moment another gateway is seen to have it.
    pub fn keep(self: &Arc<Self>, hold: Hold) {
        tokio::spawn(keep_hold(Arc::downgrade(self), hold));
    }

    /// Loads clients, secrets, policies and limits from the store; returns their version.
    pub async fn load_directory(&self) -> Result<i64, StoreError> {
        // The version is read first: a change in between is loaded twice, never missed.
        let version = self.store.directory_version().await?;
        let (policies, clients) = (self.store.policies().await?, self.store.clients().await?);
        self.policies.replace(&policies)?;
        self.directory.replace(&clients)?;
        self.secrets.replace(&self.store.secrets().await?);
        let limits = self
            .directory
            .all()
            .values()
            .map(|client| {
                let policy = self.policies.find(&client.policy).ok_or_else(|| {
                    StoreError::Inconsistent { table: "clients", row: client.client_id.to_string() }
                })?;
                Ok((client.client_id.clone(), policy.limits()))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.client_limits.replace(limits);
        Ok(version)
    }

    /// The kind of every client by name.
    pub fn client_kinds(&self) -> Kinds {
        let clients = self.directory.all();
        clients.iter().map(|(id, client)| (id.clone(), client.kind.name())).collect()
    }

    /// Writes down what is in memory and closes the log; nothing is recorded after it.
    pub async fn close(&self) {
        self.audit.close().await;
        self.publish_checkpoint().await;
        self.flush_edge().await;
    }

    /// Drops the days of this node's log before `before` (in days since 1970) that can be; how
    /// many there were.
    pub async fn drop_days(&self, before: i64) -> Result<usize, RetentionError> {
        let ids = RequestIds::new(&self.random);
        let (log, made_by) = (self.config.log.name.as_str(), (&self.clock, &ids));
        let days = audit::drop_days(&self.store, &self.audit, log, before, made_by).await?;
        Ok(days.len())
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

async fn keep_hold(app: Weak<App>, mut hold: Hold) {
    let mut ticks = tokio::time::interval(HOLD_WATCHED);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        match hold.keep().await {
            Ok(()) => {}
            Err(StoreError::Held) => {
                tracing::error!("another gateway has taken the log; stopping");
                app.audit.give_up();
                return;
            }
            // Nor can anybody write then.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "the hold on the log cannot be taken again yet");
            }
        }
    }
}

async fn publish_checkpoints(app: Weak<App>) {
    let mut ticks = tokio::time::interval(PUBLISH);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        app.publish_checkpoint().await;
    }
}

async fn drop_days(app: Weak<App>) {
    let mut ticks = tokio::time::interval(RETENTION);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        let today = app.clock.now().vietnamese_day();
        let before = today - i64::from(app.config.log.retention_days);
        match in_time(RETENTION_MAX, app.drop_days(before)).await {
            Ok(0) => {}
            Ok(days) => tracing::info!(days, "days of the log were dropped"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "days of the log could not be dropped; trying again");
            }
        }
    }
}

async fn follow_directory(app: Weak<App>, mut known: i64) {
    let mut ticks = tokio::time::interval(DIRECTORY_POLL);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        let read = async {
            let version = app.store.directory_version().await?;
            if version == known { Ok(version) } else { app.load_directory().await }
        };
        match in_time(TURN_MAX, read).await {
            Ok(version) => known = version,
            // What was known stays in force; standing is checked against dates on every call.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "clients and policies could not be loaded again");
            }
        }
    }
}

/// Builds the projections of this node's log behind its writer.
async fn follow_log(app: Weak<App>, mut follower: Follower) {
    loop {
        let Some(app) = app.upgrade() else { return };
        let rest = follower.turn(&app.store).await;
        drop(app);
        tokio::time::sleep(rest).await;
    }
}

async fn flush_edge(app: Weak<App>) {
    let mut ticks = tokio::time::interval(EDGE_FLUSH);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        app.flush_edge().await;
    }
}

async fn upkeep(app: Weak<App>) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        app.metrics.handle().run_upkeep();
        app.address_guard.tidy();
    }
}

async fn forget_keys(app: Weak<App>) {
    let mut ticks = tokio::time::interval(KEY_UPKEEP);
    loop {
        ticks.tick().await;
        let Some(app) = app.upgrade() else { return };
        let before_us = app.clock.now().0 - KEY_HELD_US;
        // A few at a time, and the log's writer may come between.
        let forget = || app.store.forget_idempotency_keys(before_us, KEYS_FORGOTTEN_MAX);
        while let Ok(forgotten) = in_time(TURN_MAX, forget()).await
            && forgotten > 0
        {
            tokio::task::yield_now().await;
        }
    }
}
