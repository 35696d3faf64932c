//! What the steps of the story need of one request: what is asked of policy, quotas and guess budgets,
//! and the entry that is written down.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Judgement, NotAnswered, RequestContext};
use crate::alarms::Answered;
use crate::app::{App, GuessNotReserved};
use crate::asked::Origin;
use crate::audit::{Decided, Entry, FailedGuess, LogUnavailable, Pseudonym, ShortDigest};
use crate::auth::{Agency, Caller};
use crate::clock::Micros;
use crate::matching::{self, Outcome};
use crate::policy::{Disclosure, Officials, PermitQuestion, Policy, Refusal};
use crate::population::{Answer, Person};
use crate::rate_limit::{Amount, Charge, QuotaExceeded, Reservation, SubjectGuarded};
use crate::reports::Edge;
use crate::request::{AgencyCode, AttributeSet, Claims, Operation, SubjectKey, Verification};

/// One request on its way: what its entry and its decision are put together from.
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) caller: &'a Caller,
    pub(super) request: &'a Verification,
    pub(super) context: &'a RequestContext,
    pub(super) policy: &'a Arc<Policy>,
    /// Digest of the official who asks.
    pub(super) official: Option<ShortDigest>,
}

/// A guess that the person has no room for, though the key that was asked has.
pub(super) struct GuardedPerson {
    pub(super) guarded: SubjectGuarded,
    /// That the register was asked.
    pub(super) entry: Entry,
}

impl<'a> Asked<'a> {
    /// One request.
    pub(super) fn new(
        app: &'a App,
        caller: &'a Caller,
        request: &'a Verification,
        context: &'a RequestContext,
        policy: &'a Arc<Policy>,
    ) -> Self {
        let client_id = &caller.client().client_id;
        let official = request.official.as_ref();
        let official = official.map(|who| app.digests.official(client_id.as_str(), who.as_str()));
        Self { app, caller, request, context, policy, official }
    }

    /// Whether an official is named whom the client has not made known; nobody looks where the
    /// policy takes any.
    pub(super) async fn has_unknown_official(&self) -> Result<bool, LogUnavailable> {
        let Some(digest) = self.official else { return Ok(false) };
        if self.policy.officials() == Officials::Optional {
            return Ok(false);
        }
        let client_id = &self.caller.client().client_id;
        let known = self.app.officials.know(&self.app.store, client_id, digest.0).await;
        // Without the store there is no entry either.
        known.map(|is_known| !is_known).map_err(|_| LogUnavailable)
    }

    /// What the policy is asked.
    pub(super) fn question(&self, has_unknown_official: bool) -> PermitQuestion<'_> {
        PermitQuestion {
            operation: Operation::Verify,
            purpose: &self.request.purpose,
            attributes: self.request.claims.asked(),
            on_behalf_of: self.request.on_behalf_of.as_ref(),
            has_unknown_official,
        }
    }

    /// Reserves one request with so many attributes of the caller's quotas, whomever it acts for. A
    /// refusal is counted as throttled, under the purpose that the policy has granted.
    pub(super) async fn reserve(&self, attributes: usize) -> Result<Charge, QuotaExceeded> {
        let client_id = &self.caller.client().client_id;
        let wanted = Amount::request(attributes);
        let reserved = self.app.quotas.reserve_shared(client_id, wanted, self.app.clock.now());
        reserved.await.inspect_err(|_| {
            self.count_throttled();
            self.app.metrics.quota_refusals.increment(1);
        })
    }

    fn count_throttled(&self) {
        let (at, purpose) = (self.context.received_at, Some(&self.request.purpose));
        let client_id = &self.caller.client().client_id;
        self.app.edge.add(at, client_id, Some(Operation::Verify), purpose, Edge::Throttled);
    }

    /// Reserves room for these claims to be wrong, on the key that is asked. What the policy does not
    /// permit is no part of them.
    pub(super) async fn reserve_guess(
        &self,
        claims: &Claims,
        permitted: AttributeSet,
    ) -> Result<Reservation, NotAnswered> {
        let reserved = self.try_reserve_guess(claims, permitted).await;
        Ok(reserved.inspect_err(|error| {
            if let GuessNotReserved::Guarded(_) = error {
                self.note_refused_guess();
            }
        })?)
    }

    /// The same; nobody is told where there is no room.
    pub(super) async fn try_reserve_guess(
        &self,
        claims: &Claims,
        permitted: AttributeSet,
    ) -> Result<Reservation, GuessNotReserved> {
        let beyond = claims.asked().difference(permitted);
        let mut claims = Cow::Borrowed(claims);
        if !beyond.is_empty() {
            claims = Cow::Owned(claims.into_owned().without(beyond));
        }
        let client_id = &self.caller.client().client_id;
        let digest = self.app.digests.guess(self.app.clock.now(), client_id, &claims);
        let digest = u64::from_be_bytes(digest.0);
        self.app.reserve_guess(client_id, digest, &self.request.subject.key()).await
    }

    /// Counts a guess that was refused before the register was asked.
    pub(super) fn note_refused_guess(&self) {
        self.count_throttled();
        self.note_guarded();
    }

    /// A client that is refused about many people is told of.
    fn note_guarded(&self) {
        let subject = self.app.digests.guessed_by_all(self.request.subject.key());
        let (client_id, limit) =
            (&self.caller.client().client_id, self.app.config.alarms.guarded_subjects);
        let raised = self.app.guarded.note(client_id, subject, self.app.clock.now(), limit);
        if let Some(raised) = raised {
            self.app.alarms.raise(raised);
        }
    }

    /// The same on the person to whom the key led.
    ///
    /// Where there is no room and the answer would tell no more than that of a key that leads to nobody,
    /// it is given: a refusal would tell whose key it is. Any other is refused, and that the register was
    /// asked is to be recorded; under no idempotency key, because the same request may be answered later.
    pub(super) async fn charge_guess(
        &self,
        guess: &mut Reservation,
        judgement: &Judgement<'_>,
    ) -> Result<Option<GuardedPerson>, NotAnswered> {
        let resolved = judgement.person.map(|person| person.personal_id);
        let charged = self.app.charge_guess(guess, &self.request.subject.key(), resolved).await;
        let guarded = match charged {
            Ok(()) => return Ok(None),
            Err(GuessNotReserved::Guarded(guarded)) => guarded,
            Err(GuessNotReserved::LogUnavailable(unavailable)) => return Err(unavailable.into()),
        };
        let names = matching::knows_name(&judgement.findings, self.policy.accepted_reasons());
        if !names && !self.policy.discloses_status() {
            return Ok(None);
        }
        self.note_guarded();
        let (refusal, asked) = (Refusal::SubjectGuarded, self.request.claims.asked());
        let refused = Decided::Refused { refusal, asked };
        let entry = self.record(self.app.clock.now(), judgement.person, refused).await?;
        Ok(Some(GuardedPerson { guarded, entry }))
    }

    /// Has it watched what was answered, now that it is written down.
    pub(super) fn watch(&self, at: Micros, outcome: Outcome, subject: Pseudonym) {
        let number = match self.request.subject.key() {
            SubjectKey::PersonalId(number) => Some(number),
            SubjectKey::OldIdNumber(_) | SubjectKey::InsuranceNumber(_) => None,
        };
        let (client, lane) = (&self.caller.client().client_id, self.policy.terms().lane);
        self.app.alarms.note(&Answered { client, lane, at, outcome, number, subject });
    }

    /// The entry of a refusal by the policy.
    pub(super) async fn refusal(&self, refusal: Refusal) -> Result<Entry, LogUnavailable> {
        let asked = self.request.claims.asked();
        self.record(self.app.clock.now(), None, Decided::Refused { refusal, asked }).await
    }

    /// The entry of an answer.
    pub(super) async fn entry(
        &self,
        answer: &Answer,
        judgement: &Judgement<'_>,
        guess: &mut Reservation,
    ) -> Result<Entry, LogUnavailable> {
        let (disclosure, accepted) = (self.policy.disclosure(), self.policy.accepted_reasons());
        let Judgement { findings, outcome, .. } = judgement;
        let has_failed = matching::tells_wrong(findings, *outcome, disclosure, accepted)
            || matching::tells_part(
                &self.request.claims,
                findings,
                self.request.subject.key(),
                |attribute| {
                    disclosure > Disclosure::Outcome || self.policy.required().contains(attribute)
                },
            );
        let now = self.app.clock.now();
        let resolved = judgement.person.map(|person| SubjectKey::PersonalId(person.personal_id));
        let led_elsewhere = resolved.is_some_and(|person| person != self.request.subject.key());
        let key = guess.asked().filter(|_| led_elsewhere);
        let digest = |digest: u64| ShortDigest(digest.to_be_bytes());
        let failed_guess = has_failed
            .then(|| FailedGuess { claims: digest(guess.claims()), key: key.map(digest) });
        let micros = |micros: u64| u32::try_from(micros).unwrap_or(u32::MAX);
        let record = Decided::Answered {
            profile: matching::PROFILE.into(),
            findings: judgement.findings,
            outcome: judgement.outcome,
            status: judgement.status,
            failed_guess,
            registry_as_of: answer.as_of,
            registry_us: micros(answer.waited_us),
            total_us: micros(now.since(self.context.received_at)),
        };
        let entry = self.record(now, judgement.person, record).await?;
        if has_failed {
            let person = self.app.digests.guessed(&entry.subject.pseudonym);
            guess.fails(std::iter::once(person).chain(key).collect(), now);
        }
        Ok(entry)
    }

    async fn record(
        &self,
        at: Micros,
        person: Option<&Person>,
        record: Decided,
    ) -> Result<Entry, LogUnavailable> {
        let Verification { subject, purpose, case_ref, on_behalf_of, procedure, .. } = self.request;
        let (digests, client) = (&self.app.digests, &self.caller.client().client_id);
        let origin = Origin {
            app: self.app,
            caller: self.caller,
            request_id: self.context.request_id,
            operation: Operation::Verify,
            purpose,
            subject,
            policy: self.policy,
        };
        let on_behalf_of = on_behalf_of.as_ref().map(|agency| self.agency_told(agency, &record));
        Ok(Entry {
            item: self.context.item,
            on_behalf_of,
            official: self.official,
            procedure: procedure.clone(),
            case: case_ref.as_ref().map(|case| digests.case(client.as_str(), case.as_str())),
            ..origin.entry(at, person.map(|person| person.personal_id), record).await?
        })
    }

    /// An agency that was refused, that the caller may not act for and that nobody knows is not
    /// repeated: it could be any text, and each would be a row of the counters for ever.
    fn agency_told(&self, agency: &AgencyCode, record: &Decided) -> AgencyCode {
        let is_told = match record {
            Decided::Answered { .. } | Decided::Disclosed { .. } => true,
            Decided::Refused { .. } => {
                self.caller.client().may_act_for(agency)
                    || Agency::is_listed(agency)
                    || self.app.directory.client_of_agency(agency).is_some()
            }
        };
        if is_told { agency.clone() } else { AgencyCode::unknown() }
    }
}
