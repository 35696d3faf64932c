//! Commands that change what the log or the keys are: they hold the database, so that no gateway
//! runs meanwhile, and what they do is on record in the log.

use std::sync::Arc;

use super::{CliError, open_store, require_store};
use crate::audit::{
    self, Act, AuditLog, Droppable, EventText, Loss, Publisher, Receipt, RequestIds,
};
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::store::{Hold, KeyFolder, Store, StoreError};
use crate::telemetry::Metrics;

/// An administrator at work on a gateway that stands still.
pub(super) struct Acting<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: Clock,
    pub(super) keys: KeyFolder,
    pub(super) store: Store,
    random: Random,
    _held: Hold,
}

impl<'a> Acting<'a> {
    /// Holds the database and opens it; it must be there.
    pub(super) async fn open(config: &'a Config) -> Result<Self, CliError> {
        let keys = open_keys(config)?;
        require_store(config)?;
        let held = Store::hold(&config.store, &config.log.name).await?;
        Ok(Self::with(config, keys, open_store(config).await?, held))
    }

    /// Holds the database and opens it; it is made if it was lost.
    pub(super) async fn open_lost(config: &'a Config) -> Result<Self, CliError> {
        let keys = open_keys(config)?;
        let held = Store::hold(&config.store, &config.log.name).await?;
        let is_lost = config.store.url.is_none() && !config.store.path.exists();
        let opened = if is_lost {
            Store::open(&config.store).await
        } else {
            Store::open_existing(&config.store).await
        };
        let store = match opened {
            // A server's new database has no tables.
            Err(StoreError::Older { version: 0, .. }) => Store::open(&config.store).await?,
            opened => opened?,
        };
        Ok(Self::with(config, keys, store, held))
    }

    fn with(config: &'a Config, keys: KeyFolder, store: Store, held: Hold) -> Self {
        let (clock, random) = (Clock::system(), Random::system());
        Self { config, clock, keys, store, random, _held: held }
    }

    /// Puts an act into the log and publishes the log's checkpoint.
    pub(super) async fn record(
        &self,
        act: &str,
        target: &str,
        detail: &str,
    ) -> Result<Receipt, CliError> {
        let (log, clock, metrics) = (&self.config.log, self.clock.clone(), Metrics::new());
        let log = AuditLog::open(&self.store, &self.keys, log, clock, Arc::new(metrics)).await;
        let log = log.map_err(crate::audit::VerifyError::from)?;
        self.record_in(&log, [act, target, detail]).await
    }

    /// Drops the days of the log before `before` (in days since 1970) that can be.
    pub(super) async fn drop_days(&self, before: i64) -> Result<Vec<Droppable>, CliError> {
        let (store, config) = (&self.store, &self.config.log);
        let metrics = Arc::new(Metrics::new());
        let log = AuditLog::open(store, &self.keys, config, self.clock.clone(), metrics).await;
        let log = log.map_err(crate::audit::VerifyError::from)?;
        // Nobody builds them while the gateway stands still, and they hold a day back.
        let built = crate::projections::catch_up(store, &config.name).await;
        built.map_err(|error| CliError::Failed(error.to_string()))?;
        let ids = RequestIds::new(&self.random);
        let dropped = audit::drop_days(store, &log, &config.name, before, (&self.clock, &ids));
        let dropped = dropped.await.map_err(|error| CliError::Failed(error.to_string()));
        log.close().await;
        self.publish().await?;
        dropped
    }

    /// The same in a log that has lost entries, which is accepted by it.
    pub(super) async fn record_loss(&self, loss: &Loss) -> Result<Receipt, CliError> {
        let (log, clock) = (&self.config.log, self.clock.clone());
        let log = AuditLog::open_after_loss(&self.store, &self.keys, log, clock, loss).await;
        let log = log.map_err(crate::audit::VerifyError::from)?;
        let target = format!("log {}", loss.log);
        self.record_in(&log, ["loss-accepted", &target, &loss.figures()]).await
    }

    async fn record_in(
        &self,
        log: &AuditLog,
        [act, target, detail]: [&str; 3],
    ) -> Result<Receipt, CliError> {
        let at = self.clock.now();
        let act = Act {
            at,
            request_id: RequestIds::new(&self.random).next(at),
            by: EventText::shortened(&format!("cli:{}", user())),
            act: EventText::shortened(act),
            target: EventText::shortened(target),
            detail: Some(EventText::shortened(detail)),
        };
        let receipt = log.record(crate::audit::LogEntry::Act(act)).await;
        log.close().await;
        let receipt = receipt.map_err(|error| CliError::Unavailable(error.to_string()))?;
        self.publish().await?;
        Ok(receipt)
    }

    /// If we die before this, the published note is an earlier one of the same log.
    async fn publish(&self) -> Result<(), CliError> {
        let publisher = Publisher::new(self.keys.clone(), &self.config.log.name);
        publisher.publish(&self.store).await.map_err(|error| CliError::Failed(error.to_string()))
    }
}

/// Opens a key folder that must be there: a command must not make a new one beside a typing error.
pub(super) fn open_keys(config: &Config) -> Result<KeyFolder, CliError> {
    if !config.keys.folder.is_dir() {
        let folder = config.keys.folder.display();
        return Err(CliError::Usage(format!("there is no key folder at {folder}")));
    }
    let opened = KeyFolder::open(&config.keys.folder, Random::system());
    opened.map_err(|error| CliError::Start(error.into()))
}

/// Name of the system's user who runs this, from the system and not from the environment; where
/// somebody logged in as another user and became this one (`sudo`), with the one who did.
pub(super) fn user() -> String {
    let id = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    // Written by the system at login, and not to be changed by the user (proc(5)).
    let login = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    named(&users, id, login.trim().parse().ok())
}

/// The user of this number, and the one who logged in, if that is another.
fn named(users: &str, id: u32, login: Option<u32>) -> String {
    /// Nobody has logged in: a service.
    const UNSET: u32 = u32::MAX;
    let name_of = |id: u32| {
        let id = id.to_string();
        let name = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == id).then(|| name.to_owned())
        });
        name.unwrap_or(id)
    };
    match login.filter(|login| *login != id && *login != UNSET) {
        Some(login) => format!("{} (login {})", name_of(id), name_of(login)),
        None => name_of(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_became_another_user_is_told_beside_it() {
        let users = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        for (id, login, told) in [
            (0, Some(1000), "root (login alice)"),
            (0, Some(1001), "root (login 1001)"),
            (0, Some(0), "root"),
            (0, Some(u32::MAX), "root"),
            (1000, None, "alice"),
            (7, None, "7"),
        ] {
            assert_eq!(named(users, id, login), told);
        }
    }
}
