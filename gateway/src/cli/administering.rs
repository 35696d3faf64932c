//! Commands that change who may ask what: they work beside a running gateway, and beside none.

use std::sync::Arc;

use super::acting::{open_keys, user};
use super::{CliError, open_store, sentence};
use crate::access::{Administrator, log_acts};
use crate::audit::{AuditLog, Digests, Publisher, RequestIds, VerifyError};
use crate::clock::{Clock, Random};
use crate::config::Config;
use crate::store::{KeyFolder, Store, StoreError};
use crate::telemetry::Metrics;

/// An administrator at a terminal.
pub(super) struct Administering<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) store: Store,
    pub(super) keys: KeyFolder,
    ids: RequestIds,
}

impl<'a> Administering<'a> {
    /// Opens a database that must be there.
    pub(super) async fn open(config: &'a Config) -> Result<Self, CliError> {
        let (clock, random) = (Clock::system(), Random::system());
        let (keys, store) = (open_keys(config)?, open_store(config).await?);
        let ids = RequestIds::new(&random);
        Ok(Self { config, clock, random, store, keys, ids })
    }

    /// Who acts, for one act.
    pub(super) fn administrator(&self) -> Administrator {
        let at = self.clock.now();
        Administrator { by: format!("cli:{}", user()), request_id: self.ids.next(at), at }
    }

    /// Brings what was done into the log, unless a gateway runs: it does so within seconds. What was
    /// done is done, so that nothing that fails here makes the command fail.
    pub(super) async fn finish(self) {
        if let Err(error) = self.log_acts().await {
            eprintln!(
                "it is done, and not in the log yet ({}): a gateway that runs puts it there within \
                 seconds, as the next start or command does",
                sentence(&error)
            );
        }
    }

    async fn log_acts(self) -> Result<(), CliError> {
        let _held = match Store::hold(&self.config.store, &self.config.log.name).await {
            Ok(held) => held,
            Err(StoreError::Held) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (config, metrics) = (&self.config.log, Arc::new(Metrics::new()));
        let log = AuditLog::open(&self.store, &self.keys, config, self.clock.clone(), metrics);
        let log = log.await.map_err(VerifyError::from)?;
        let failed = |error: &dyn std::error::Error| CliError::Failed(error.to_string());
        let digests = Digests::open(self.keys.clone()).map_err(|error| failed(&error))?;
        // A bulk import leaves more than one call takes.
        let logged = loop {
            match log_acts(&self.store, &log, &digests).await {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        log.close().await;
        logged.map_err(|error| CliError::Unavailable(error.to_string()))?;
        let publisher = Publisher::new(self.keys, &config.name);
        publisher.publish(&self.store).await.map_err(|error| failed(&error))
    }
}
