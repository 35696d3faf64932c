//! The story of one request: may this caller ask, may it ask this, what is on file, how does it
//! compare, and where is it written down.
//!
//! Each step takes the proof of the one before it. The first is taken before the story begins,
//! because a request that came before takes from the rate, too: no admission, no story; no receipt,
//! no answer.

mod asked;
mod rows;

use std::sync::Arc;

pub use self::rows::{RowDecision, RowsDecided, RowsNotDecided, decide_rows};

use self::asked::{Asked, GuardedPerson};
use crate::app::{App, GuessNotReserved};
use crate::audit::{
    AnswerId, IdempotencyKey, LogUnavailable, NotRecorded, Receipt, RequestId, Reserved,
};
use crate::auth::Caller;
use crate::clock::Micros;
use crate::matching::{self, Advice, Finding, Findings, Outcome, Shown};
use crate::policy::{self, Permit, Policy, Reason, Refusal};
use crate::population::{self, Answer, Person, Reach, SubjectStatus};
use crate::rate_limit::{Admitted, QuotaExceeded, Shed, SubjectGuarded};
use crate::request::{Attribute, Claims, PersonalId, SubjectKey, Verification};
use crate::store::StoreError;

/// What the edge knows about a request when it comes in.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Identity of the request.
    pub request_id: RequestId,
    /// Which item of a batch it is, from 1 on; 0 where it came alone.
    pub item: u16,
    /// When its head had come in.
    pub received_at: Micros,
    /// The key under which it may come again.
    pub key: Option<IdempotencyKey>,
}

/// A verification that was answered.
#[derive(Debug)]
pub struct Decision {
    /// Its identity: of the request that it answered first.
    pub id: AnswerId,
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
    /// Too many guesses on the person have failed. It is recorded where the register had to be asked
    /// who that is, and only there.
    #[error("{}", .0)]
    SubjectGuarded(SubjectGuarded, Option<Receipt>),
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
    let asked = Asked::new(app, caller, request, context, &policy);

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
    let mut guess = asked.reserve_guess(&claims, permit.attributes()).await?;
    let charge = asked.reserve(claims.asked().intersection(permit.attributes()).len()).await?;
    let answer = app.population.find(&permit, &pass, request.subject.key()).await;
    // Once the register was asked it is recorded, however late: or a caller could have it asked
    // without a trace, by a deadline that is too short.
    match answer.reach {
        Reach::NotAsked => pass.check()?,
        Reach::GivenUp | Reach::Asked => {}
    }
    let judgement = judge(&permit, &claims, &answer);
    if let Some(GuardedPerson { guarded, entry }) =
        asked.charge_guess(&mut guess, &judgement).await?
    {
        let receipt = app.audit.record(entry).await?;
        return Err(NotAnswered::SubjectGuarded(guarded, Some(receipt)));
    }
    let entry = asked.entry(&answer, &judgement, &mut guess).await?;
    let (evaluated_at, subject) = (entry.at, entry.subject.pseudonym);
    let reserved = Reserved { charge: Some(charge), guess: Some(guess) };
    let receipt = app.audit.record_answer(entry, context.key.clone(), reserved).await?;
    drop(pass);
    asked.watch(evaluated_at, judgement.outcome, subject);
    let told = Told {
        id: AnswerId { request_id: context.request_id, item: context.item },
        findings: judgement.findings,
        outcome: judgement.outcome,
        status: judgement.status,
        resolved: judgement.person.map(|person| person.personal_id),
        registry_as_of: answer.as_of,
        evaluated_at,
    };
    Ok(Decision::new(app, caller, &policy, request.subject.key(), &told, receipt))
}

impl From<GuessNotReserved> for NotAnswered {
    fn from(not_reserved: GuessNotReserved) -> Self {
        match not_reserved {
            GuessNotReserved::Guarded(guarded) => Self::SubjectGuarded(guarded, None),
            GuessNotReserved::LogUnavailable(unavailable) => Self::LogUnavailable(unavailable),
        }
    }
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
    findings: Findings,
    outcome: Outcome,
    status: SubjectStatus,
    person: Option<&'a Person>,
}

/// Step 4: pure. Findings are concealed before outcome, advice and entry are made from them, so
/// that none of these tells whether a number was issued.
fn judge<'a>(permit: &Permit, claims: &Claims, answer: &'a Answer) -> Judgement<'a> {
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
    Judgement { findings, outcome, status, person }
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

/// What a decision is made of, the first time and again.
pub(crate) struct Told {
    pub(crate) id: AnswerId,
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
            id: told.id,
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
