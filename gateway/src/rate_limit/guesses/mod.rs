//! Guess budgets: how many claims about one person may be wrong before nobody is told any more.
//!
//! An answer says whether a claim is true, so that whoever asks often enough finds out what is. Every
//! client has a budget of failures on a person, and so have all of them together. A guess reserves
//! its room before the register is asked and uses it up when the entry that says that it was wrong
//! stands in the log; so failures and what is on its way never exceed a budget. Whoever sends again
//! what was wrong before learns nothing new and needs no room.
//!
//! Subjects and claims are keyed digests here, and nothing else of them is known. The newest failures
//! are held in this process, a million at most; of older ones a filter says on whom there may be
//! some, and then the log says which. With several nodes the budgets are in Redis; each node keeps
//! what it knows all the same, and tells Redis what that has lost.

mod budget;
mod clients;
mod filter;
mod newest;
mod reservation;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::HashMap;

use self::budget::{Try, Wait, is_within, room};
use self::clients::Clients;
use self::filter::Filters;
use self::newest::{Failure, Newest};
use super::client::ClientLimits;
use super::redis::{GuessAnswer, GuessOf, Redis};
use crate::clock::{Clock, Micros};
use crate::config::GuessBudgetsConfig;
use crate::request::ClientId;
use crate::telemetry::Metrics;

pub use budget::MONTH as FAILURE_KEPT_SECONDS;
pub use reservation::Reservation;
pub use snapshot::SnapshotError;

/// Words of each filter: 4 MiB, so that four of them and a million failures, which take 40 MiB with
/// the table that leads to them, are 56 MiB.
const FILTER_WORDS: usize = 1 << 19;
/// Failures that Redis is told with a guess.
const TOLD_MAX: usize = 64;

/// Whom a guess is about, as digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessSubject {
    /// Of the pseudonym of this quarter.
    pub now: u64,
    /// Of the one of the quarter before, while what failed then still counts.
    pub before: Option<u64>,
    /// Of the number, where nodes share budgets: one for all quarters.
    pub shared: u64,
}

/// A guess.
#[derive(Debug, Clone, Copy)]
pub struct Guess<'a> {
    /// Who makes it.
    pub client: &'a ClientId,
    /// Digest of the claims.
    pub claims: u64,
    /// Whom it is about.
    pub subject: GuessSubject,
}

/// A failure as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastFailure {
    /// Digest of the pseudonym.
    pub subject: u64,
    /// Who.
    pub client: ClientId,
    /// Digest of the claims.
    pub claims: u64,
    /// When.
    pub at: Micros,
}

/// There is no room for another guess on this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many guesses on this person have failed")]
pub struct SubjectGuarded {
    /// When there may be room.
    pub retry_after: Duration,
}

/// The guess budgets of all clients and persons.
#[derive(Debug)]
pub struct GuessBudgets {
    config: GuessBudgetsConfig,
    clock: Clock,
    redis: Option<Arc<Redis>>,
    /// Nodes that there are, without Redis.
    nodes: NonZeroU32,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    newest: Newest,
    older: Filters,
    in_flight: HashMap<u64, Vec<Flight>>,
    clients: Clients,
    /// How far each log was read.
    read: BTreeMap<String, u64>,
}

/// Guesses on their way with the same claims of the same client.
#[derive(Debug, Clone, Copy)]
struct Flight {
    client: u32,
    claims: u64,
    guesses: u32,
}

/// What is known of others' tries, and of one's own.
struct Tries {
    everywhere: Vec<Try>,
    /// Those that were made or failed on this node.
    here: Vec<Try>,
    /// The same claims of the same client have failed before.
    is_repeat: bool,
}

impl GuessBudgets {
    /// Starts with nothing known; budgets are shared where `limits` are.
    pub fn new(
        config: GuessBudgetsConfig,
        limits: &ClientLimits,
        nodes: NonZeroU32,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let state = State {
            newest: Newest::new(config.held_max as usize),
            older: Filters::new(FILTER_WORDS),
            in_flight: HashMap::default(),
            clients: Clients::default(),
            read: BTreeMap::new(),
        };
        let (redis, state) = (limits.redis().cloned(), Mutex::new(state));
        Arc::new(Self { config, clock, redis, nodes, metrics, state })
    }

    /// Whether nodes share budgets.
    pub fn are_shared(&self) -> bool {
        self.redis.is_some()
    }

    /// Whether the log may know of failures on the subject that make a difference: what it knows is to
    /// be noted before the guess is reserved.
    pub fn asks_log(&self, guess: Guess<'_>) -> bool {
        let now = self.now();
        let since = now.saturating_sub(FAILURE_KEPT_SECONDS);
        let mut state = self.state();
        if !guess.subject.ids().any(|id| state.older.may_hold(id, since)) {
            return false;
        }
        let client = state.clients.number(guess.client);
        let known = state.tries(&guess, client, now);
        let asks = !known.is_repeat && room(&self.config, &known.everywhere, now).is_ok();
        self.metrics.guess_log_reads.increment(u64::from(asks));
        asks
    }

    /// Reserves room for a guess.
    ///
    /// # Errors
    /// [`SubjectGuarded`] where there is none.
    pub async fn reserve(
        self: &Arc<Self>,
        guess: Guess<'_>,
    ) -> Result<Reservation, SubjectGuarded> {
        let mut reservation = Reservation::new(self, guess);
        reservation.also(guess.subject).await?;
        Ok(reservation)
    }

    /// Room on one subject; none is needed where the same claims have failed before.
    async fn hold(&self, guess: Guess<'_>) -> Result<Option<Held>, SubjectGuarded> {
        let held = match &self.redis {
            None => self.hold_here(guess, self.nodes),
            Some(redis) => match self.hold_shared(redis, guess).await {
                Some(held) => held,
                None => self.hold_here(guess, redis.nodes()),
            },
        };
        held.map_err(|Wait(seconds)| {
            self.metrics.guess_refusals.increment(1);
            SubjectGuarded { retry_after: Duration::from_secs(seconds.into()) }
        })
    }

    /// By what this node knows. Of several nodes each has its part of every budget, of at least one.
    fn hold_here(&self, guess: Guess<'_>, nodes: NonZeroU32) -> Result<Option<Held>, Wait> {
        let now = self.now();
        let mut state = self.state();
        let client = state.clients.number(guess.client);
        let known = state.tries(&guess, client, now);
        if known.is_repeat {
            return Ok(None);
        }
        if !state.has_flight(&guess.subject, client, guess.claims) {
            room(&self.config, &known.everywhere, now)?;
            if nodes.get() > 1 {
                room(&self.config.shared_by(nodes), &known.here, now)?;
            }
        }
        state.take_off(guess.subject.now, client, guess.claims);
        Ok(Some(Held { is_shared: false }))
    }

    /// By what Redis knows, and what it does not know any more; `None` where it does not answer.
    async fn hold_shared(
        &self,
        redis: &Arc<Redis>,
        guess: Guess<'_>,
    ) -> Option<Result<Option<Held>, Wait>> {
        let known = {
            let state = self.state();
            let here = guess.subject.ids().flat_map(|id| state.newest.on(id));
            let mut known: Vec<_> = here.filter_map(|failure| state.past(&failure)).collect();
            // Of many those of the client itself come first: without them it would pass as one that
            // has never failed.
            known.sort_by_key(|failure| failure.client != *guess.client);
            known
        };
        let told =
            known.iter().take(TOLD_MAX).map(|it| (it.client.as_str(), it.claims, seconds(it.at)));
        let of = GuessOf::new(guess.subject.shared, guess.client.as_str(), guess.claims);
        let answer = redis.reserve_guess(&of, &self.config, told).await?;
        Some(match answer {
            GuessAnswer::Guarded(wait) => Err(Wait(wait)),
            GuessAnswer::Repeat => Ok(None),
            GuessAnswer::Reserved => {
                let mut state = self.state();
                let client = state.clients.number(guess.client);
                state.take_off(guess.subject.now, client, guess.claims);
                Ok(Some(Held { is_shared: true }))
            }
        })
    }

    /// A guess is not on its way any more.
    fn land(&self, subject: u64, client: &ClientId, claims: u64) {
        let mut state = self.state();
        let client = state.clients.number(client);
        state.land(subject, client, claims);
    }

    /// Takes note of a failure that stands in a log.
    pub fn note(&self, failure: &PastFailure, is_own: bool) {
        let now = self.now();
        self.state().note(failure, is_own, now);
    }

    /// Takes note of how far a log was read.
    pub fn note_read(&self, log: &str, next_index: u64) {
        let mut state = self.state();
        match state.read.get_mut(log) {
            Some(next) => *next = next_index,
            None => {
                state.read.insert(log.to_owned(), next_index);
            }
        }
    }

    /// How far a log was read: everything below is known.
    pub fn read_until(&self, log: &str) -> Option<u64> {
        self.state().read.get(log).copied()
    }

    /// How many failures are held.
    pub fn held(&self) -> usize {
        self.state().newest.len()
    }

    fn now(&self) -> u32 {
        u32::try_from(self.clock.now().seconds()).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that a guess has.
#[derive(Debug, Clone, Copy)]
struct Held {
    is_shared: bool,
}

impl GuessSubject {
    fn ids(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.now).chain(self.before)
    }
}

impl State {
    /// What is known of tries on the subject that differ from this one.
    fn tries(&self, guess: &Guess<'_>, client: u32, now: u32) -> Tries {
        // Who, what, when, and whether on this node.
        let mut failed: Vec<(u32, u64, u32, bool)> = Vec::new();
        let mut add = |it: (u32, u64, u32, bool)| {
            if !is_within(it.2, FAILURE_KEPT_SECONDS, now) {
                return;
            }
            match failed.iter_mut().find(|known| (known.0, known.1) == (it.0, it.1)) {
                Some(known) => known.2 = known.2.min(it.2),
                None => failed.push(it),
            }
        };
        for id in guess.subject.ids() {
            let here = self.newest.on(id).map(|it| (it.client, it.guess, it.at, it.is_own));
            here.for_each(&mut add);
        }
        let is_repeat = failed.iter().any(|it| (it.0, it.1) == (client, guess.claims));
        let tries = |only_here: bool| {
            let failed = failed.iter().filter(|it| it.3 || !only_here);
            let failed = failed.map(|it| Try { is_own: it.0 == client, failed_at: Some(it.2) });
            // Also those that began before the quarter turned.
            let flying = guess.subject.ids().filter_map(|id| self.in_flight.get(&id)).flatten();
            let flying = flying.map(|it| Try { is_own: it.client == client, failed_at: None });
            failed.chain(flying).collect()
        };
        Tries { everywhere: tries(false), here: tries(true), is_repeat }
    }

    fn has_flight(&self, subject: &GuessSubject, client: u32, claims: u64) -> bool {
        let mut flights = subject.ids().filter_map(|id| self.in_flight.get(&id)).flatten();
        flights.any(|it| (it.client, it.claims) == (client, claims))
    }

    fn take_off(&mut self, subject: u64, client: u32, claims: u64) {
        let flights = self.in_flight.entry(subject).or_default();
        match flights.iter_mut().find(|it| (it.client, it.claims) == (client, claims)) {
            Some(flight) => flight.guesses += 1,
            None => flights.push(Flight { client, claims, guesses: 1 }),
        }
    }

    fn land(&mut self, subject: u64, client: u32, claims: u64) {
        let Some(flights) = self.in_flight.get_mut(&subject) else { return };
        if let Some(place) =
            flights.iter().position(|it| (it.client, it.claims) == (client, claims))
        {
            flights[place].guesses -= 1;
            if flights[place].guesses == 0 {
                flights.swap_remove(place);
            }
        }
        if flights.is_empty() {
            self.in_flight.remove(&subject);
        }
    }

    fn note(&mut self, failure: &PastFailure, is_own: bool, now: u32) {
        let PastFailure { subject, ref client, claims, at } = *failure;
        // What a clock that was ahead has noted counts from now on, and no longer than anything else.
        let (client, at) = (self.clients.number(client), seconds(at).min(now.saturating_add(1)));
        let same = |it: Failure| {
            (it.client, it.guess) == (client, claims) && is_within(it.at, FAILURE_KEPT_SECONDS, at)
        };
        if !is_within(at, FAILURE_KEPT_SECONDS, now) || self.newest.on(subject).any(same) {
            return;
        }
        self.push(Failure { subject, guess: claims, at, client, is_own });
    }

    fn push(&mut self, failure: Failure) {
        if let Some(evicted) = self.newest.push(failure) {
            self.older.add(evicted.subject, evicted.at);
        }
    }

    fn past(&self, failure: &Failure) -> Option<PastFailure> {
        let Failure { subject, guess: claims, at, client, .. } = *failure;
        let client = self.clients.name(client)?.clone();
        Some(PastFailure { subject, client, claims, at: Micros(i64::from(at) * 1_000_000) })
    }
}

/// Rounded up, so that a failure counts for its whole time.
fn seconds(at: Micros) -> u32 {
    u32::try_from(at.plus_seconds(1).0.saturating_sub(1) / 1_000_000).unwrap_or_default()
}
