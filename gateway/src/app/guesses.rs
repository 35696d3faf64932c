//! How guess budgets hold to the logs: what has failed before the first request, what fails on other
//! nodes, and what failed so long ago that only the log knows it.

use std::path::PathBuf;
use std::sync::Arc;

use super::{App, TURN_MAX};
use crate::audit::{self, Decided, Listing, LogEntry, LogUnavailable, Pseudonym, VerifyError};
use crate::clock::Random;
use crate::projections;
use crate::rate_limit::{
    FAILURE_KEPT_SECONDS, Guess, GuessSubject, PastFailure, Reservation, SubjectGuarded,
};
use crate::request::{ClientId, PersonalId, SubjectKey};
use crate::store::{CheckpointRow, StoreError, in_time};

/// Entries about one person in which older failures are looked for: the newest of them.
const PAST_ENTRIES_MAX: usize = 512;

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
        let past = self.past_failures(&guessed).await?;
        let guess = Guess { client, claims, subject: guessed.subject };
        Ok(self.guess_budgets.reserve(guess, &past).await?)
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
        let past = self.past_failures(&guessed).await?;
        Ok(reservation.also(guessed.subject, &past).await?)
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

    /// What the log knows beyond the newest failures; it is seldom asked.
    async fn past_failures(&self, guessed: &Guessed) -> Result<Vec<PastFailure>, LogUnavailable> {
        let Some(mut past) = self.guess_budgets.ask_log(&guessed.subject) else {
            return Ok(Vec::new());
        };
        let reading =
            projections::covered_history(&self.store, &guessed.pseudonyms, PAST_ENTRIES_MAX);
        let entries = tokio::time::timeout(TURN_MAX, reading).await.map_err(|_| LogUnavailable)?;
        let entries = entries.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "what has failed before cannot be read");
            LogUnavailable
        })?;
        past.extend(entries.iter().filter_map(|entry| self.failure(entry)));
        Ok(past)
    }

    /// The failed guess that an entry tells of, if it tells of one.
    fn failure(&self, entry: &LogEntry) -> Option<PastFailure> {
        let request = entry.request()?;
        let Decided::Answered { failed_guess: Some(claims), .. } = &request.record else {
            return None;
        };
        Some(PastFailure {
            subject: self.digests.guessed(&request.subject.pseudonym),
            client: request.client.clone(),
            claims: u64::from_be_bytes(claims.0),
            at: request.at,
        })
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
            for failure in listed.iter().filter_map(|it| self.failure(&it.entry)) {
                self.guess_budgets.note(&failure, is_own);
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
            app.guess_budgets.save(&path, &temporary(&path, &app.random))
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

fn temporary(path: &std::path::Path, random: &Random) -> PathBuf {
    path.with_extension(format!("{:016x}", u64::from_be_bytes(random.bytes())))
}
