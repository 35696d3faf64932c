//! Room that a guess has while it is on its way.

use std::sync::Arc;

use super::{Guess, GuessBudgets, GuessSubject, Held, PastFailure, SubjectGuarded};
use crate::clock::Micros;
use crate::rate_limit::redis::GuessOf;
use crate::request::ClientId;

/// Room for one guess, on the key that was asked and on the person to whom it led; given back where
/// this is dropped.
#[derive(Debug)]
pub struct Reservation {
    budgets: Arc<GuessBudgets>,
    client: ClientId,
    claims: u64,
    holds: Vec<Hold>,
    failed: Option<Failed>,
}

#[derive(Debug, Clone, Copy)]
struct Hold {
    subject: GuessSubject,
    /// None where the same claims have failed before.
    held: Option<Held>,
}

#[derive(Debug)]
struct Failed {
    subjects: Vec<u64>,
    at: Micros,
}

impl Reservation {
    pub(super) fn new(budgets: &Arc<GuessBudgets>, guess: Guess<'_>) -> Self {
        Self {
            budgets: Arc::clone(budgets),
            client: guess.client.clone(),
            claims: guess.claims,
            holds: Vec::with_capacity(1),
            failed: None,
        }
    }

    /// Reserves room on another subject as well: the person to whom the key led.
    ///
    /// # Errors
    /// [`SubjectGuarded`] where there is none.
    pub async fn also(&mut self, subject: GuessSubject) -> Result<(), SubjectGuarded> {
        let held = self.budgets.hold(self.on(subject)).await?;
        self.holds.push(Hold { subject, held });
        Ok(())
    }

    /// The same guess on another subject.
    pub fn on(&self, subject: GuessSubject) -> Guess<'_> {
        Guess { client: &self.client, claims: self.claims, subject }
    }

    /// It was wrong: if the entry that says so stands, the subjects that the entry names are charged.
    pub fn fails(&mut self, subjects: Vec<u64>, at: Micros) {
        self.failed = Some(Failed { subjects, at });
    }

    /// Whether it was wrong.
    pub fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Digest of the key that was asked.
    pub fn asked(&self) -> Option<u64> {
        self.holds.first().map(|hold| hold.subject.now)
    }

    /// Digest of the claims.
    pub fn claims(&self) -> u64 {
        self.claims
    }

    /// The entry stands, and everything of this log that stands before it is known already.
    pub fn settle(mut self, log: &str, index: u64) {
        let has_failed = self.failed.is_some();
        if let Some(Failed { subjects, at }) = self.failed.take() {
            for subject in subjects {
                let (client, claims) = (self.client.clone(), self.claims);
                self.budgets.note(&PastFailure { subject, client, claims, at }, true);
            }
            self.budgets.note_read(log, index + 1);
        }
        for hold in std::mem::take(&mut self.holds) {
            self.end(hold, has_failed);
        }
    }

    /// Gives the room back, or says that it is used up.
    fn end(&self, hold: Hold, has_failed: bool) {
        let Some(Held { is_shared }) = hold.held else { return };
        self.budgets.land(hold.subject.now, &self.client, self.claims);
        if let Some(redis) = self.budgets.redis.as_ref().filter(|_| is_shared) {
            let of = GuessOf::new(hold.subject.shared, self.client.as_str(), self.claims);
            redis.settle_guess(of, has_failed);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for hold in std::mem::take(&mut self.holds) {
            self.end(hold, false);
        }
    }
}
