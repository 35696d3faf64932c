//! The same story for the rows of a file, a chunk at a time: every row is asked, compared and recorded as a
//! single request is, and what single requests share by chance is shared here by intent: one reservation
//! of quotas, calls of the register in batches, one bundle of the log.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::asked::{Asked, GuardedPerson};
use super::{Judgement, NotAnswered, RequestContext, judge};
use crate::app::{App, GuessNotReserved};
use crate::audit::{Entry, LogEntry, LogUnavailable, ShortDigest, Together};
use crate::auth::Caller;
use crate::clock::Micros;
use crate::matching::{self, Advice, Findings, Outcome};
use crate::policy::{self, Permit, Policy, Refusal};
use crate::population::{Answer, SubjectStatus};
use crate::rate_limit::{Admission, Amount, Pass, QuotaExceeded, Reservation};
use crate::request::{Claims, SubjectKey, Verification};

/// Rows that are decided before others get their turn on the same thread.
const ROWS_AT_ONCE: usize = 64;

/// What was decided about the rows of a chunk. Nothing of it may be told before it is recorded.
#[derive(Debug)]
pub struct RowsDecided {
    /// In the order of the rows.
    pub decisions: Vec<RowDecision>,
    /// What is to be recorded; `item` is the position of the row, from 1 on. A row that was guarded has none.
    pub entries: Vec<LogEntry>,
    /// What goes with the entries.
    pub together: Together,
}

/// What was decided about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowDecision {
    /// It was compared.
    Answered {
        /// Outcome of the whole.
        outcome: Outcome,
        /// Per attribute, before anything is disclosed.
        findings: Findings,
        /// Status of the subject, where the policy discloses it.
        status: Option<SubjectStatus>,
        /// What the clerk should do now.
        advice: Option<Advice>,
    },
    /// The policy refused it.
    Refused(Refusal),
    /// Too many guesses on the person have failed.
    Guarded,
}

/// Why a chunk was not decided. Nothing of it is recorded, and nothing may be told.
#[derive(Debug, thiserror::Error)]
pub enum RowsNotDecided {
    /// A quota of the client has no room for all of its rows.
    #[error(transparent)]
    QuotaExceeded(#[from] QuotaExceeded),
    /// What has failed before cannot be read, or nothing could be recorded.
    #[error(transparent)]
    LogUnavailable(#[from] LogUnavailable),
    /// The register did not answer: the same rows may be asked again.
    #[error("the register did not answer")]
    RegisterUnavailable,
}

/// A row on its way.
enum Row<'a> {
    /// It is asked.
    Asked { permit: Permit, claims: Cow<'a, Claims>, guess: Reservation },
    /// The policy refuses it.
    Refused(Refusal),
    /// Its person has no room while others are on their way: looked at again behind them.
    Deferred { permit: Permit, claims: Cow<'a, Claims> },
}

/// One chunk.
struct Chunk<'a> {
    app: &'a App,
    caller: &'a Caller,
    policy: &'a Arc<Policy>,
    context: &'a RequestContext,
    /// Digest of the official who asks for all of them.
    official: Option<ShortDigest>,
    requests: &'a [Verification],
    pass: &'a Pass,
    /// One moment for all of it, so that one day is charged.
    at: Micros,
    decided: RowsDecided,
}

/// Decides the rows of a chunk. All rows before them must be decided, and those behind must wait: what is
/// on its way counts as failed, so that the answer would depend on who is faster.
///
/// # Errors
/// [`RowsNotDecided`]; what was reserved is given back.
pub async fn decide_rows(
    app: &App,
    (caller, policy): (&Caller, &Arc<Policy>),
    (context, official): (&RequestContext, Option<ShortDigest>),
    requests: &[Verification],
    pass: &Pass,
) -> Result<RowsDecided, RowsNotDecided> {
    let decided = RowsDecided {
        decisions: vec![RowDecision::Guarded; requests.len()],
        entries: Vec::with_capacity(requests.len()),
        together: Together::default(),
    };
    let at = app.clock.now();
    app.digests.make_ready(&app.store, at).await?;
    let mut chunk = Chunk { app, caller, policy, context, official, requests, pass, at, decided };
    let rows = chunk.reserve().await?;
    chunk.charge(&rows).await?;
    let answers = chunk.ask(&rows).await?;
    // Behind the register, so that entries do not stand far behind others of their time.
    chunk.at = app.clock.now();
    for (position, permit, claims) in chunk.decide(rows, answers).await? {
        chunk.decide_deferred(position, permit, claims).await?;
    }
    Ok(chunk.decided)
}

type Deferred<'a> = (usize, Permit, Cow<'a, Claims>);

impl<'a> Chunk<'a> {
    fn asked(&self, position: usize) -> Asked<'a> {
        let Self { app, caller, policy, context, official, .. } = *self;
        Asked { app, caller, request: &self.requests[position], context, policy, official }
    }

    /// Steps 1 and 2 for all rows, in their order. A person who has no room is not looked at again before
    /// the rows in front are decided, and then in the same order.
    async fn reserve(&mut self) -> Result<Vec<Row<'a>>, RowsNotDecided> {
        let mut rows = Vec::with_capacity(self.requests.len());
        let mut deferred: HashSet<SubjectKey> = HashSet::new();
        for position in 0..self.requests.len() {
            breathe(position).await;
            let asked = self.asked(position);
            let question = asked.question(asked.has_unknown_official().await?);
            let admission = Admission::of_row(self.pass);
            let permit = match policy::check(admission, self.caller, self.policy, question) {
                Ok(permit) => permit,
                Err(refusal) => {
                    rows.push(Row::Refused(refusal));
                    continue;
                }
            };
            let request = &self.requests[position];
            let claims = request.claims_within(permit.attributes(), self.policy.required());
            let key = request.subject.key();
            // Behind one that waits, everything about the same person does.
            if !deferred.contains(&key) {
                match asked.try_reserve_guess(&claims, permit.attributes()).await {
                    Ok(guess) => {
                        rows.push(Row::Asked { permit, claims, guess });
                        continue;
                    }
                    Err(GuessNotReserved::Guarded(_)) => {}
                    Err(GuessNotReserved::LogUnavailable(unavailable)) => {
                        return Err(unavailable.into());
                    }
                }
            }
            deferred.insert(key);
            rows.push(Row::Deferred { permit, claims });
        }
        Ok(rows)
    }

    /// Reserves of the quotas what all rows may take; what they do not take is given back.
    async fn charge(&mut self, rows: &[Row<'_>]) -> Result<(), QuotaExceeded> {
        let mut wanted = Amount::default();
        for row in rows {
            match row {
                Row::Asked { permit, claims, .. } | Row::Deferred { permit, claims } => {
                    let attributes = claims.asked().intersection(permit.attributes()).len();
                    wanted = wanted.plus(Amount::request(attributes));
                }
                Row::Refused(_) => {}
            }
        }
        let client_id = &self.caller.client().client_id;
        let charge = self.app.quotas.reserve_shared(client_id, wanted, self.at).await;
        self.decided.together.charge = Some(charge.inspect_err(|_| {
            self.app.metrics.quota_refusals.increment(1);
        })?);
        Ok(())
    }

    /// Step 3: an answer for each row that is asked, in their order.
    async fn ask(&self, rows: &[Row<'_>]) -> Result<Vec<Answer>, RowsNotDecided> {
        let questions = rows.iter().zip(self.requests).filter_map(|(row, request)| match row {
            Row::Asked { permit, .. } => Some((permit, request.subject.key())),
            Row::Refused(_) | Row::Deferred { .. } => None,
        });
        let questions: Vec<_> = questions.collect();
        let mut answers = Vec::with_capacity(questions.len());
        // No more than the calls of the lane take at once: what waits behind them may become overdue, and
        // stands before others of the lane.
        for window in questions.chunks(self.app.population.window()) {
            let asked = self.app.population.find_many(self.pass, window.iter().copied());
            answers.extend(answered(asked.await)?);
        }
        Ok(answers)
    }

    /// Steps 4 and 5 for all rows but those that are deferred, which are given back.
    async fn decide(
        &mut self,
        rows: Vec<Row<'a>>,
        answers: Vec<Answer>,
    ) -> Result<Vec<Deferred<'a>>, RowsNotDecided> {
        let (mut answers, mut deferred) = (answers.into_iter(), Vec::new());
        for (position, row) in rows.into_iter().enumerate() {
            breathe(position).await;
            match row {
                Row::Asked { permit, claims, guess } => {
                    let answer = answers.next().ok_or(RowsNotDecided::RegisterUnavailable)?;
                    let judgement = judge(&permit, &claims, &answer);
                    if !self.conclude(position, guess, (&answer, &judgement), true).await? {
                        deferred.push((position, permit, claims));
                    }
                }
                Row::Refused(refusal) => {
                    let entry = self.asked(position).refusal(refusal).await?;
                    self.record(position, entry);
                    self.decided.decisions[position] = RowDecision::Refused(refusal);
                }
                Row::Deferred { permit, claims } => deferred.push((position, permit, claims)),
            }
        }
        Ok(deferred)
    }

    /// The whole of it for one row, now that no other is on its way.
    async fn decide_deferred(
        &mut self,
        position: usize,
        permit: Permit,
        claims: Cow<'_, Claims>,
    ) -> Result<(), RowsNotDecided> {
        let asked = self.asked(position);
        let guess = match asked.try_reserve_guess(&claims, permit.attributes()).await {
            Ok(guess) => guess,
            Err(GuessNotReserved::Guarded(_)) => {
                asked.note_refused_guess();
                return Ok(());
            }
            Err(GuessNotReserved::LogUnavailable(unavailable)) => return Err(unavailable.into()),
        };
        let question = (&permit, self.requests[position].subject.key());
        let answers = answered(self.app.population.find_many(self.pass, [question]).await)?;
        let answer = answers.first().ok_or(RowsNotDecided::RegisterUnavailable)?;
        let judgement = judge(&permit, &claims, answer);
        self.conclude(position, guess, (answer, &judgement), false).await.map(drop)
    }

    /// Charges the person, and makes the entry. Room that was not used is free at once: the answer cannot
    /// leave before it is recorded, so that nothing is told that a budget does not hold. False where the
    /// person has no room while others are on their way, and `may_wait`.
    async fn conclude(
        &mut self,
        position: usize,
        mut guess: Reservation,
        (answer, judgement): (&Answer, &Judgement<'_>),
        may_wait: bool,
    ) -> Result<bool, RowsNotDecided> {
        let asked = self.asked(position);
        let guarded = asked.charge_guess(&mut guess, judgement).await.map_err(unavailable)?;
        if let Some(GuardedPerson { entry, .. }) = guarded {
            if !may_wait {
                self.record(position, entry);
            }
            return Ok(!may_wait);
        }
        let entry = asked.entry(answer, judgement, &mut guess).await?;
        if guess.has_failed() {
            self.decided.together.guesses.push((self.decided.entries.len(), guess));
        }
        self.record(position, entry);
        let (findings, outcome) = (judgement.findings, judgement.outcome);
        let status = Some(judgement.status)
            .filter(|status| self.policy.discloses_status() && *status != SubjectStatus::NotAsked);
        let (accepted, disclosure) = (self.policy.accepted_reasons(), self.policy.disclosure());
        let advice = matching::advice(outcome, &findings, accepted, disclosure, status);
        self.decided.decisions[position] =
            RowDecision::Answered { outcome, findings, status, advice };
        Ok(true)
    }

    fn record(&mut self, position: usize, entry: Entry) {
        // As in a batch, from 1 on.
        let item = u16::try_from(position + 1).unwrap_or(u16::MAX);
        self.decided.entries.push(Entry { item, at: self.at, ..entry }.into());
    }
}

/// Where a call of the register failed the whole chunk is asked again; a record that it holds and that
/// cannot be read is answered as that.
fn answered(answers: Vec<Answer>) -> Result<Vec<Answer>, RowsNotDecided> {
    if answers.iter().any(|answer| answer.as_of.is_none()) {
        return Err(RowsNotDecided::RegisterUnavailable);
    }
    Ok(answers)
}

/// Charging a person fails in no other way.
fn unavailable(_not_answered: NotAnswered) -> RowsNotDecided {
    RowsNotDecided::LogUnavailable(LogUnavailable)
}

async fn breathe(position: usize) {
    if position % ROWS_AT_ONCE == ROWS_AT_ONCE - 1 {
        tokio::task::yield_now().await;
    }
}
