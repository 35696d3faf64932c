//! Quotas over Redis: what this node may use is asked for ahead; only where nothing is left does a
//! request wait, and not for long.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::account::{Account, Charge, QuotaExceeded, Why};
use super::allowance::Allowances;
use super::period::Amount;
use crate::clock::{Clock, Micros};
use crate::rate_limit::redis::Redis;
use crate::request::ClientId;

/// What a request waits for what it lacks: a call, and who was before it.
const WAIT: Duration = Duration::from_millis(5);

/// The way to what nodes share.
#[derive(Debug, Clone)]
pub(super) struct Sharing {
    redis: Arc<Redis>,
    clock: Clock,
    allowances: Allowances,
}

impl Sharing {
    pub(super) fn new(nodes: NonZeroU32, redis: Arc<Redis>, clock: Clock) -> Self {
        let allowances = Allowances::Shared { nodes, since: clock.now() };
        Self { redis, clock, allowances }
    }

    pub(super) fn allowances(&self) -> Allowances {
        self.allowances
    }

    /// Reserves of what was granted, or is granted now.
    pub(super) async fn reserve(
        &self,
        client: &ClientId,
        account: &Arc<Account>,
        wanted: Amount,
        now: Micros,
    ) -> Result<Charge, QuotaExceeded> {
        let reserved = account.reserve(self.allowances, wanted, now);
        let in_vain = account.is_in_vain(self.clock.monotonic_nanos());
        match reserved {
            Ok(charge) => {
                if !in_vain && account.runs_low(self.allowances, now) {
                    drop(self.asking(client, account, Why::Wants(Amount::default()), now));
                }
                Ok(charge)
            }
            Err(exceeded) if in_vain => Err(exceeded),
            Err(_) => {
                let asked = self.asking(client, account, Why::Wants(wanted), now);
                let _answered = tokio::time::timeout(WAIT, asked).await;
                account.reserve(self.allowances, wanted, now)
            }
        }
    }

    /// Tells what this node has of a client's quotas, where that is needed.
    pub(super) async fn tell(&self, client: &ClientId, account: &Arc<Account>, now: Micros) {
        if account.has_to_tell(self.allowances, now, self.redis.since()) {
            let _told = self.asking(client, account, Why::Tells, now).await;
        }
    }

    /// One call at a time for a client. Whoever waited for another's may have what it needs.
    fn asking(
        &self,
        client: &ClientId,
        account: &Arc<Account>,
        why: Why,
        now: Micros,
    ) -> tokio::task::JoinHandle<()> {
        let (this, client, account) = (self.clone(), client.clone(), Arc::clone(account));
        self.redis.spawn(async move {
            let _alone = account.asking.lock().await;
            let is_needed = match why {
                Why::Tells => true,
                Why::Wants(wanted) if wanted == Amount::default() => {
                    account.runs_low(this.allowances, now)
                }
                Why::Wants(wanted) => account.reserve(this.allowances, wanted, now).is_err(),
            };
            let nanos = || this.clock.monotonic_nanos();
            if !is_needed || (why != Why::Tells && account.is_in_vain(nanos())) {
                return;
            }
            let Some(call) = account.begin_asking(this.allowances, why, now) else { return };
            let since = this.redis.since();
            let given = this.redis.grant(&client, call.number, &call.wishes).await;
            account.end_asking(&call, given.as_deref(), (nanos(), since));
        })
    }
}
