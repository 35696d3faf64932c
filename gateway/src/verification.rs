//! The story of one request: may this caller ask, may it ask this, what is on file, how does it
//! compare, and where is it written down.
//!
//! Each step takes the proof of the one before it. The first is taken before the story begins,
//! because a request that came before takes from the rate, too: no admission, no story; no receipt,
//! no answer.

use std::sync::Arc;

use crate::app::App;
use crate::asked::Origin;
use crate::audit::{
    Decided, Entry, IdempotencyKey, LogUnavailable, NotRecorded, Receipt, RequestId, ShortDigest,
};
use crate::auth::{Agency, Caller};
use crate::clock::Micros;
use crate::matching::{self, Advice, Finding, Findings, Outcome, Shown};
use crate::policy::{self, Officials, Permit, PermitQuestion, Policy, Reason, Refusal};
use crate::population::{self, Answer, Person, Reach, SubjectStatus};
use crate::rate_limit::{Admitted, Amount, Charge, QuotaExceeded, Shed};
use crate::reports::Edge;
use crate::request::{
    AgencyCode, Attribute, Claims, Operation, PersonalId, SubjectKey, Verification,
};
use crate::store::StoreError;

/// What the edge knows about a request when it comes in.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Identity of the request.
    pub request_id: RequestId,
    /// When its head had come in.
    pub received_at: Micros,
    /// The key under which it may come again.
    pub key: Option<IdempotencyKey>,
}

/// A verification that was answered.
#[derive(Debug)]
pub struct Decision {
    /// Identity of the request that it answered first.
    pub request_id: RequestId,
    /// Outcome of the whole.
    pub outcome: Outcome,
    /// Per attribute, as much as the policy discloses.
    pub attributes: Vec<(Attribute, Shown)>,
    /// Status of the subject, where the policy discloses it.
    pub status: Option<SubjectStatus>,
    /// What the clerk should do now; none when everything matched.
    pub advice: Option<Advice>,
    /// Token by which this client knows the person again.
    pub subject_token: String,
    /// Freshness of the register's answer.
    pub registry_as_of: Option<Micros>,
    /// When it was decided.
    pub evaluated_at: Micros,
    /// The policy that was applied.
    pub policy: Arc<Policy>,
    /// Proof that it is written down.
    pub receipt: Receipt,
}

/// Why a verification was not answered.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// The policy refused it; the refusal is recorded.
    #[error("the policy refused the request: {}", .0.name())]
    Refused(Refusal, Receipt),
    /// A quota of the client has no room; nothing is recorded.
    #[error(transparent)]
    QuotaExceeded(#[from] QuotaExceeded),
    /// The log could not take the entry, so whatever was decided stays inside.
    #[error(transparent)]
    LogUnavailable(#[from] LogUnavailable),
    /// Another request was answered under the same idempotency key meanwhile; nothing is recorded
    /// of this one.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// There is no time left for it; nothing is recorded.
    #[error(transparent)]
    Overloaded(#[from] Shed),
    /// The register, which an answer given again needs, did not answer.
    #[error("the register did not answer")]
    RegisterUnavailable,
    /// What the store holds about an answer given before cannot be read: our fault.
    #[error("the answer given before cannot be read")]
    Store(#[from] StoreError),
    /// The policy of the client was not found: our fault.
    #[error("the client's policy is missing")]
    NoPolicy,
}

/// Answers one verification that the caller's limits have room for.
pub async fn verify(
    app: &App,
    Admitted { admission, pass }: Admitted,
    caller: &Caller,
    request: &Verification,
    context: &RequestContext,
) -> Result<Decision, NotAnswered> {
    let policy = app.policies.find(&caller.client().policy).ok_or(NotAnswered::NoPolicy)?;
    let asked = Asked { app, caller, request, context, policy: &policy };

    let question = asked.question(asked.has_unknown_official().await?);
    let permit = match policy::check(admission, caller, &policy, question) {
        Ok(permit) => permit,
        Err(refusal) => {
            let receipt =
                app.audit.record_once(asked.refusal(refusal).await?, context.key.clone()).await?;
            return Err(NotAnswered::Refused(refusal, receipt));
        }
    };
    let claims = request.claims_within(permit.attributes(), policy.required());
    let charge = asked.reserve(claims.asked().intersection(permit.attributes()).len()).await?;
    let answer = app.population.find(&permit, &pass, request.subject.key()).await;
    // Once the register was asked it is recorded, however late: or a caller could have it asked
    // without a trace, by a deadline that is too short.
    match answer.reach {
        Reach::NotAsked => pass.check()?,
        Reach::GivenUp | Reach::Asked => {}
    }
    let judgement = judge(&permit, &claims, &answer);
    let entry = asked.entry(&answer, &judgement).await?;
    let evaluated_at = entry.at;
    let receipt = app.audit.record_charged(entry, context.key.clone(), charge).await?;
    drop(pass);
    let told = Told {
        request_id: context.request_id,
        findings: judgement.findings,
        outcome: judgement.outcome,
        status: judgement.status,
        resolved: judgement.person.map(|person| person.personal_id),
        registry_as_of: answer.as_of,
        evaluated_at,
    };
    Ok(Decision::new(app, caller, &policy, request.subject.key(), &told, receipt))
}

impl From<NotRecorded> for NotAnswered {
    fn from(not_recorded: NotRecorded) -> Self {
        match not_recorded {
            NotRecorded::Unavailable(unavailable) => Self::LogUnavailable(unavailable),
            NotRecorded::KeyTaken => Self::KeyTaken,
        }
    }
}

/// What comparing came to, before anything is disclosed.
struct Judgement<'a> {
    claims: &'a Claims,
    findings: Findings,
    outcome: Outcome,
    status: SubjectStatus,
    person: Option<&'a Person>,
}

/// Step 4: pure. Findings are concealed before outcome, advice and entry are made from them, so
/// that none of these tells whether a number was issued.
fn judge<'a>(permit: &Permit, claims: &'a Claims, answer: &'a Answer) -> Judgement<'a> {
    let policy = permit.policy();
    let (sent, permitted) = (claims.asked(), permit.attributes());
    let (findings, status, person) = match &answer.finding {
        population::Finding::Found(person) => compared(claims, permit, person),
        population::Finding::Ambiguous(persons) => among(claims, permit, persons),
        population::Finding::Unknown => {
            (matching::findings_for_unknown(sent, permitted), SubjectStatus::Unknown, None)
        }
        population::Finding::Unavailable => {
            (unchecked(permit, claims, Reason::RegistryUnavailable), SubjectStatus::NotAsked, None)
        }
    };
    let findings =
        matching::conceal_existence(findings, policy.accepted_reasons(), policy.discloses_status());
    let outcome = matching::outcome(&findings, policy.required(), policy.accepted_reasons());
    Judgement { claims, findings, outcome, status, person }
}

fn compared<'a>(
    claims: &Claims,
    permit: &Permit,
    person: &'a Person,
) -> (Findings, SubjectStatus, Option<&'a Person>) {
    let findings = matching::compare(claims, permit.attributes(), &person.record);
    (findings, person.status, Some(person))
}

/// Several persons share a key: the one with the right name is meant; if several have it, the
/// register cannot tell; if none, the key leads to nobody.
fn among<'a>(
    claims: &Claims,
    permit: &Permit,
    persons: &'a [Person],
) -> (Findings, SubjectStatus, Option<&'a Person>) {
    let accepted = permit.policy().accepted_reasons();
    let mut named = persons.iter().filter(|person| {
        let findings = matching::compare(claims, permit.attributes(), &person.record);
        matching::knows_name(&findings, accepted)
    });
    match (named.next(), named.next()) {
        (Some(person), None) => compared(claims, permit, person),
        (Some(_), Some(_)) => {
            (unchecked(permit, claims, Reason::SubjectAmbiguous), SubjectStatus::NotAsked, None)
        }
        (None, _) => (
            matching::findings_for_unknown(claims.asked(), permit.attributes()),
            SubjectStatus::Unknown,
            None,
        ),
    }
}

fn unchecked(permit: &Permit, claims: &Claims, reason: Reason) -> Findings {
    matching::findings_alike(claims.asked(), permit.attributes(), Finding::because(reason))
}

/// One request on its way: what its entry and its decision are put together from.
struct Asked<'a> {
    app: &'a App,
    caller: &'a Caller,
    request: &'a Verification,
    context: &'a RequestContext,
    policy: &'a Arc<Policy>,
}

impl Asked<'_> {
    /// Whether an official is named whom the client has not made known; nobody looks where the
    /// policy takes any.
    async fn has_unknown_official(&self) -> Result<bool, LogUnavailable> {
        let Some(official) = &self.request.official else { return Ok(false) };
        if self.policy.officials() == Officials::Optional {
            return Ok(false);
        }
        let client_id = &self.caller.client().client_id;
        let digest = self.app.digests.official(client_id.as_str(), official.as_str());
        let known = self.app.officials.know(&self.app.store, client_id, digest.0).await;
        // Without the store there is no entry either.
        known.map(|is_known| !is_known).map_err(|_| LogUnavailable)
    }

    /// What the policy is asked.
    fn question(&self, has_unknown_official: bool) -> PermitQuestion<'_> {
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
    async fn reserve(&self, attributes: usize) -> Result<Charge, QuotaExceeded> {
        let client_id = &self.caller.client().client_id;
        let wanted = Amount::request(attributes);
        let reserved = self.app.quotas.reserve_shared(client_id, wanted, self.app.clock.now());
        reserved.await.inspect_err(|_| {
            let (at, purpose) = (self.context.received_at, Some(&self.request.purpose));
            self.app.edge.add(at, client_id, Some(Operation::Verify), purpose, Edge::Throttled);
            self.app.metrics.quota_refusals.increment(1);
        })
    }

    /// The entry of a refusal by the policy.
    async fn refusal(&self, refusal: Refusal) -> Result<Entry, LogUnavailable> {
        let asked = self.request.claims.asked();
        self.record(self.app.clock.now(), None, Decided::Refused { refusal, asked }).await
    }

    /// The entry of an answer.
    async fn entry(
        &self,
        answer: &Answer,
        judgement: &Judgement<'_>,
    ) -> Result<Entry, LogUnavailable> {
        let failed_guess: Option<ShortDigest> = (judgement.outcome == Outcome::NotMatched)
            .then(|| self.app.digests.guess(judgement.claims));
        let now = self.app.clock.now();
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
        self.record(now, judgement.person, record).await
    }

    async fn record(
        &self,
        at: Micros,
        person: Option<&Person>,
        record: Decided,
    ) -> Result<Entry, LogUnavailable> {
        let Verification { subject, purpose, case_ref, official, on_behalf_of, procedure, .. } =
            self.request;
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
            on_behalf_of,
            official: official.as_ref().map(|who| digests.official(client.as_str(), who.as_str())),
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

/// What a decision is made of, the first time and again.
pub(crate) struct Told {
    pub(crate) request_id: RequestId,
    pub(crate) findings: Findings,
    pub(crate) outcome: Outcome,
    pub(crate) status: SubjectStatus,
    pub(crate) resolved: Option<PersonalId>,
    pub(crate) registry_as_of: Option<Micros>,
    pub(crate) evaluated_at: Micros,
}

impl Decision {
    /// What the caller is told, now that it is written down.
    pub(crate) fn new(
        app: &App,
        caller: &Caller,
        policy: &Arc<Policy>,
        asked: SubjectKey,
        told: &Told,
        receipt: Receipt,
    ) -> Self {
        let (findings, accepted) = (&told.findings, policy.accepted_reasons());
        // Where the register did not say, there is no status to disclose.
        let status = Some(told.status)
            .filter(|status| policy.discloses_status() && *status != SubjectStatus::NotAsked);
        let named = matching::knows_name(findings, accepted);
        let resolved = told.resolved.filter(|_| named);
        let disclosure = policy.disclosure();
        Self {
            request_id: told.request_id,
            outcome: told.outcome,
            attributes: matching::disclose(findings, disclosure).collect(),
            status,
            advice: matching::advice(told.outcome, findings, accepted, disclosure, status),
            subject_token: app.subject_tokens.token(&caller.client().client_id, &asked, resolved),
            registry_as_of: told.registry_as_of,
            evaluated_at: told.evaluated_at,
            policy: Arc::clone(policy),
            receipt,
        }
    }
}
