//! What the store says that requests are judged by: clients, their policies and limits, keys, tokens
//! that were taken back. Loaded at the start and again after every change.

use super::{App, TURN_MAX};
use crate::access::token_keys;
use crate::auth::ClientState;
use crate::request::ClientId;
use crate::store::{StoreError, in_time};

/// Revoked tokens read at once.
const REVOKED_AT_ONCE: i64 = 4_096;

impl App {
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
        let slowed = self.watching.slowed_clients().await?;
        for error in self.slowed.replace(&slowed, self.clock.now()) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "left out: the client is not slowed");
        }
        self.replace_limits();
        Ok(())
    }

    /// Gives clients back what their policies say whose time to be slow is over.
    pub fn end_slowness(&self) {
        if self.slowed.end(self.clock.now()) {
            self.replace_limits();
        }
    }

    /// Who has no policy that can be read has no limits either, and is refused.
    fn replace_limits(&self) {
        let known = self.directory.all();
        let terms: Vec<_> = known
            .values()
            .filter_map(|client| {
                let policy = self.policies.find(&client.policy)?;
                let id = &client.client_id;
                Some((id.clone(), self.slowed.capped(id, *policy.terms())))
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
}
