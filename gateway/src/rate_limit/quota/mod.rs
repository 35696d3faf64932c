//! How much: quotas by Vietnamese day and month, in requests and in the attributes compared in them.
//!
//! What was used is what the log holds: a request reserves before the register is asked, and settles
//! when its entry stands, with what that entry counts and on that entry's day. Used and in flight
//! together never exceed a quota. Every client has an account, also one without a quota, so that a
//! policy that brings one acts at once. Reading the logs, and telling who has used how much, is for
//! others: nothing here waits.

mod account;
mod allowance;
mod period;
mod sharing;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use foldhash::HashMap;

pub use account::{Charge, QuotaExceeded, QuotaState, Reached, WARNED_AT};
pub use allowance::Allowances;
pub use period::{Amount, Period, Unit};

use super::redis::Redis;
use super::terms::Quotas;
use crate::clock::{Clock, Micros};
use crate::request::ClientId;
use account::Account;
use sharing::Sharing;

/// What a client used in a day or month, by the number of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedInPeriod {
    /// Who.
    pub client: ClientId,
    /// Over how long.
    pub period: Period,
    /// Which of these.
    pub number: i64,
    /// How much.
    pub used: Amount,
}

/// The accounts of all clients.
#[derive(Debug)]
pub struct QuotaLedger {
    allowances: Allowances,
    sharing: Option<Sharing>,
    accounts: RwLock<HashMap<ClientId, Arc<Account>>>,
}

impl QuotaLedger {
    /// Starts with no client known, on one of so many nodes that share nothing but the database.
    pub fn new(nodes: NonZeroU32) -> Self {
        let allowances = Allowances::apart(nodes);
        Self { allowances, sharing: None, accounts: RwLock::default() }
    }

    /// The same on one of so many nodes that share a Redis.
    pub(super) fn shared(nodes: NonZeroU32, redis: Arc<Redis>, clock: Clock) -> Self {
        let sharing = Sharing::new(nodes, redis, clock);
        let allowances = sharing.allowances();
        Self { allowances, sharing: Some(sharing), accounts: RwLock::default() }
    }

    /// Puts quotas in force; what was used stays used. A client that is not named has none.
    pub fn replace(&self, quotas: impl IntoIterator<Item = (ClientId, Quotas)>) {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        let quotas: HashMap<ClientId, Quotas> = quotas.into_iter().collect();
        for (client, account) in accounts.iter() {
            account.set_quotas(quotas.get(client).copied().unwrap_or_default());
        }
        for (client, quotas) in quotas {
            accounts.entry(client).or_insert_with(|| {
                let account = Account::default();
                account.set_quotas(quotas);
                Arc::new(account)
            });
        }
    }

    /// Notes what this node's own log held before its first request.
    pub fn note_own(&self, used: impl IntoIterator<Item = UsedInPeriod>) {
        for UsedInPeriod { client, period, number, used } in used {
            self.account_of(client).add_own(period, number, used);
        }
    }

    /// Notes what the logs of other nodes hold. Of these clients everything that is not named is
    /// nothing; of others nothing changes.
    pub fn note_others<'a>(
        &self,
        clients: impl IntoIterator<Item = &'a ClientId>,
        used: impl IntoIterator<Item = UsedInPeriod>,
    ) {
        let mut by_client: HashMap<ClientId, Vec<(Period, i64, Amount)>> =
            clients.into_iter().map(|client| (client.clone(), Vec::new())).collect();
        for UsedInPeriod { client, period, number, used } in used {
            by_client.entry(client).or_default().push((period, number, used));
        }
        for (client, used) in by_client {
            self.account_of(client).replace_others(&used);
        }
    }

    /// Reserves for one request, which is settled by its entry or given back.
    ///
    /// # Errors
    /// [`QuotaExceeded`] where used, in flight and this together would exceed a quota; nothing is
    /// reserved then.
    pub fn reserve(
        &self,
        client: &ClientId,
        wanted: Amount,
        now: Micros,
    ) -> Result<Charge, QuotaExceeded> {
        // The directory was replaced a moment ago and the quotas follow: refuse, never guess.
        let unknown = QuotaExceeded { retry_after: Duration::from_secs(1) };
        self.account(client).ok_or(unknown)?.reserve(self.allowances, wanted, now)
    }

    /// The same, where nodes share what is left: if this one has nothing, it is asked for.
    ///
    /// # Errors
    /// As [`QuotaLedger::reserve`].
    pub async fn reserve_shared(
        &self,
        client: &ClientId,
        wanted: Amount,
        now: Micros,
    ) -> Result<Charge, QuotaExceeded> {
        match (&self.sharing, self.account(client)) {
            (Some(sharing), Some(account)) => sharing.reserve(client, &account, wanted, now).await,
            (None, _) | (_, None) => self.reserve(client, wanted, now),
        }
    }

    /// Tells others what this node has of every quota, and gives up what it does not need.
    pub async fn tell_others(&self, now: Micros) {
        let Some(sharing) = &self.sharing else { return };
        for client in self.clients() {
            if let Some(account) = self.account(&client) {
                sharing.tell(&client, &account, now).await;
            }
        }
    }

    /// What header fields tell a client now; nothing where it has no quota.
    pub fn states(&self, client: &ClientId, now: Micros) -> Vec<QuotaState> {
        let account = self.account(client);
        account.map_or_else(Vec::new, |account| account.states(self.allowances, now))
    }

    /// The clients that have a quota, by name.
    pub fn clients(&self) -> Vec<ClientId> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let with_quota = accounts.iter().filter(|(_, account)| account.has_quota());
        let mut clients: Vec<ClientId> = with_quota.map(|(client, _)| client.clone()).collect();
        clients.sort_unstable();
        clients
    }

    /// Percentages of quotas that were reached and are not known to be told.
    pub fn untold(&self, now: Micros) -> Vec<(ClientId, Reached)> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let untold = accounts.iter().flat_map(|(client, account)| {
            account.untold(now).into_iter().map(|reached| (client.clone(), reached))
        });
        untold.collect()
    }

    /// Notes that it is told.
    pub fn note_told(&self, client: &ClientId, reached: &Reached) {
        if let Some(account) = self.account(client) {
            account.note_told(reached);
        }
    }

    fn account(&self, client: &ClientId) -> Option<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(client).cloned()
    }

    fn account_of(&self, client: ClientId) -> Arc<Account> {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(accounts.entry(client).or_default())
    }
}
