//! How guess budgets hold to the logs: what has failed before the first request, what fails on other
//! nodes, and what failed so long ago that only the log knows it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{App, TURN_MAX};
use crate::audit::{
    self, Decided, FailedGuess, Listing, LogEntry, LogUnavailable, Pseudonym, VerifyError,
};
use crate::projections;
use crate::rate_limit::{
    FAILURE_KEPT_SECONDS, Guess, GuessSubject, PastFailure, Reservation, SubjectGuarded,
};
use crate::request::{ClientId, PersonalId, SubjectKey};
use crate::store::{CheckpointRow, StoreError, in_time};

/// Entries about one person in which older failures are looked for. Of whom there are more within thirty
/// days, and somebody has failed on them so long ago that only the log knows, nobody is told anything
/// new for a while: entries that cost nothing must not hide failures.
const PAST_ENTRIES_MAX: usize = 2_048;
/// When it is worth another try then.
const PAST_RETRY: Duration = Duration::from_hours(1);

/// Why no room was reserved.
#[derive(Debug, thiserror::Error)]
pub enum GuessNotReserved {
    /// There is none.
    #[error(transparent)]
    Guarded(#[from] SubjectGuarded),
    /// What has failed before cannot be read, or the person has no pseudonym: nothing could be
    /// recorded either.
    #[error(transparent)]
    LogUnavailable(#[from] LogUnavailable),
}

/// Whom a guess is about, and under which pseudonyms the logs may have the person.
struct Guessed {
    subject: GuessSubject,
    pseudonyms: Vec<Pseudonym>,
}

impl App {
    /// Reserves room for a guess on the key that is asked.
    ///
    /// # Errors
    /// [`GuessNotReserved`].
    pub async fn reserve_guess(
        &self,
        client: &ClientId,
        claims: u64,
        asked: &SubjectKey,
    ) -> Result<Reservation, GuessNotReserved> {
        let guessed = self.guessed(asked, None).await?;
        let guess = Guess { client, claims, subject: guessed.subject };
        self.learn_past(guess, &guessed.pseudonyms).await?;
        Ok(self.guess_budgets.reserve(guess).await?)
    }

    /// Reserves room on the person to whom the key led as well, if that is another subject than the
    /// key.
    ///
    /// # Errors
    /// [`GuessNotReserved`].
    pub async fn charge_guess(
        &self,
        reservation: &mut Reservation,
        asked: &SubjectKey,
        resolved: Option<PersonalId>,
    ) -> Result<(), GuessNotReserved> {
        let led_elsewhere = resolved.filter(|id| *asked != SubjectKey::PersonalId(*id));
        let Some(id) = led_elsewhere else { return Ok(()) };
        let guessed = self.guessed(asked, Some(id)).await?;
        self.learn_past(reservation.on(guessed.subject), &guessed.pseudonyms).await?;
        Ok(reservation.also(guessed.subject).await?)
    }

    async fn guessed(
        &self,
        asked: &SubjectKey,
        resolved: Option<PersonalId>,
    ) -> Result<Guessed, LogUnavailable> {
        let (now, digests) = (self.clock.now(), &self.digests);
        digests.make_ready(&self.store, now).await?;
        let pseudonym = digests.pseudonym(now, asked, resolved).map_err(|_| LogUnavailable)?;
        let key = resolved.map_or(*asked, SubjectKey::PersonalId);
        let before = digests.pseudonym_before(now, key, FAILURE_KEPT_SECONDS);
        let is_shared = self.guess_budgets.are_shared();
        let subject = GuessSubject {
            now: digests.guessed(&pseudonym),
            before: before.as_ref().map(|before| digests.guessed(before)),
            shared: if is_shared { digests.guessed_by_all(key) } else { 0 },
        };
        Ok(Guessed { subject, pseudonyms: std::iter::once(pseudonym).chain(before).collect() })
    }

    /// Notes what the log knows beyond the newest failures, where it makes a difference. A few at a time
    /// ask it: a client must not keep it busy with persons on whom it has failed long ago.
    async fn learn_past(
        &self,
        guess: Guess<'_>,
        pseudonyms: &[Pseudonym],
    ) -> Result<(), GuessNotReserved> {
        if !self.guess_budgets.asks_log(guess) {
            return Ok(());
        }
        let since = self.clock.now().plus_seconds(-i64::from(FAILURE_KEPT_SECONDS));
        let reading = async {
            let _turn = self.past_turns.acquire().await;
            projections::covered_history(&self.store, pseudonyms, since, PAST_ENTRIES_MAX).await
        };
        let entries = tokio::time::timeout(TURN_MAX, reading).await.map_err(|_| LogUnavailable)?;
        let entries = entries.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "what has failed before cannot be read");
            LogUnavailable
        })?;
        if entries.len() == PAST_ENTRIES_MAX {
            return Err(SubjectGuarded { retry_after: PAST_RETRY }.into());
        }
        // The oldest first: when the same fails again, its first time counts.
        for failure in entries.iter().rev().flat_map(|entry| self.failures(entry)) {
            self.guess_budgets.note(&failure, false);
        }
        Ok(())
    }

    /// The failed guess that an entry tells of, on the person and on the key that was asked.
    fn failures(&self, entry: &LogEntry) -> impl Iterator<Item = PastFailure> + use<> {
        let failed = entry.request().and_then(|request| match &request.record {
            Decided::Answered { failed_guess, .. } => Some((request, (*failed_guess)?)),
            Decided::Refused { .. } | Decided::Disclosed { .. } => None,
        });
        let failures = failed.map(|(request, FailedGuess { claims, key })| {
            let person = self.digests.guessed(&request.subject.pseudonym);
            let key = key.map(|key| u64::from_be_bytes(key.0));
            let (client, claims, at) =
                (request.client.clone(), u64::from_be_bytes(claims.0), request.at);
            std::iter::once(person).chain(key).map(move |subject| PastFailure {
                subject,
                client: client.clone(),
                claims,
                at,
            })
        });
        failures.into_iter().flatten()
    }

    /// Learns what has failed within thirty days: from the snapshot, and from all logs after it. Only
    /// what stands in a log counts, so that one that cannot be read is told and passed over.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(super) async fn load_guesses(&self) -> Result<(), StoreError> {
        let path = self.guess_snapshot_path();
        if let Err(error) = self.guess_budgets.load(&path) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "reading thirty days of the log instead");
        }
        for log in self.store.checkpoints().await? {
            self.read_failures(&log).await?;
        }
        self.metrics.guess_failures.set(self.guess_budgets.held() as f64);
        Ok(())
    }

    /// Learns what has failed on other nodes since it was asked last.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn follow_failures(&self) -> Result<(), StoreError> {
        let own = self.config.log.name.as_str();
        let logs = in_time(TURN_MAX, self.store.checkpoints()).await?;
        for log in logs.iter().filter(|log| log.log != own) {
            self.read_failures(log).await?;
        }
        self.metrics.guess_failures.set(self.guess_budgets.held() as f64);
        Ok(())
    }

    async fn read_failures(&self, log: &CheckpointRow) -> Result<(), StoreError> {
        match self.try_read_failures(log).await {
            Ok(()) => Ok(()),
            Err(VerifyError::Store(error)) => Err(error),
            Err(error) => {
                let (log, error) = (log.log.as_str(), &error as &dyn std::error::Error);
                tracing::error!(log, error, "what has failed cannot be read from the log");
                Ok(())
            }
        }
    }

    async fn try_read_failures(&self, log: &CheckpointRow) -> Result<(), VerifyError> {
        let (name, size) = (log.log.as_str(), log.tree_size.unsigned_abs());
        let from = match self.guess_budgets.read_until(name) {
            Some(index) if index == size => return Ok(()),
            // A log that was restored may end before it.
            Some(index) => index.min(size),
            None => {
                let since = self.clock.now().plus_seconds(-i64::from(FAILURE_KEPT_SECONDS));
                audit::first_index_after(&self.store, name, size, since).await?
            }
        };
        let is_own = name == self.config.log.name;
        let mut listing = Listing::new(&self.store, name, from..size, size);
        while let Some(listed) = listing.next().await? {
            for failure in listed.iter().flat_map(|it| self.failures(&it.entry)) {
                self.guess_budgets.note(&failure, is_own);
            }
            // What comes after a bundle that cannot be read is known by the next start.
            if let Some(last) = listed.last() {
                self.guess_budgets.note_read(name, last.index + 1);
            }
        }
        self.guess_budgets.note_read(name, size);
        Ok(())
    }

    /// Writes down what has failed, so that the next start need not read thirty days of the log.
    pub async fn save_guesses(self: &Arc<Self>) {
        let app = Arc::clone(self);
        let saved = tokio::task::spawn_blocking(move || {
            let path = app.guess_snapshot_path();
            // Nobody else writes it: a log has one gateway.
            app.guess_budgets.save(&path, &path.with_extension("snapshot-new"))
        });
        match saved.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the next start reads more of the log");
            }
            Err(_panic) => tracing::error!("saving guess budgets has failed"),
        }
    }

    /// Beside the keys: like them it is of this node, and apart from the rows.
    fn guess_snapshot_path(&self) -> PathBuf {
        self.keys.folder().join(format!("guesses-{}.snapshot", self.config.log.name))
    }
}
