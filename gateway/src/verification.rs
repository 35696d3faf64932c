//! The story of one request: may this caller ask, may it ask this, what is on file, how does it
//! compare, and where is it written down.
//!
//! Each step takes the proof of the one before it. No receipt, no answer.

use std::sync::Arc;

use crate::app::App;
use crate::audit::{Decided, Entry, LogUnavailable, Receipt, RequestId, ShortDigest, Subject};
use crate::auth::Caller;
use crate::clock::Micros;
use crate::matching::{self, Advice, Finding, Findings, Outcome, Shown, Verdict};
use crate::policy::{self, Permit, PermitQuestion, Policy, Reason, Refusal};
use crate::population::{self, Answer, Person, SubjectStatus};
use crate::rate_limit::RateLimited;
use crate::request::{Attribute, Claims, Operation, SubjectKey, Verification};

/// What the edge knows about a request when it comes in.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext {
    /// Identity of the request.
    pub request_id: RequestId,
    /// When its head had come in.
    pub received_at: Micros,
}

/// A verification that was answered.
#[derive(Debug)]
pub struct Decision {
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
    /// The client's rate is used up; nothing was recorded.
    #[error(transparent)]
    Throttled(#[from] RateLimited),
    /// The policy refused it; the refusal is recorded.
    #[error("the policy refused the request: {}", .0.name())]
    Refused(Refusal, Receipt),
    /// The log could not take the entry, so whatever was decided stays inside.
    #[error(transparent)]
    LogUnavailable(#[from] LogUnavailable),
    /// The policy of the client was not found: our fault.
    #[error("the client's policy is missing")]
    NoPolicy,
}

/// Answers one verification.
pub async fn verify(
    app: &App,
    caller: &Caller,
    request: &Verification,
    context: RequestContext,
) -> Result<Decision, NotAnswered> {
    let policy = app.policies.find(&caller.client().policy).ok_or(NotAnswered::NoPolicy)?;
    let admission = app.client_limits.admit(caller)?;
    let question = PermitQuestion {
        operation: Operation::Verify,
        purpose: &request.purpose,
        attributes: request.claims.asked(),
        on_behalf_of: request.on_behalf_of.as_ref(),
    };
    let permit = match policy::check(admission, caller, &policy, question) {
        Ok(permit) => permit,
        Err(refusal) => return refuse(app, caller, request, context, &policy, refusal).await,
    };
    let answer = app.population.find(&permit, request.subject).await;
    let judgement = judge(&permit, &request.claims, &answer);
    let evaluated_at = app.clock.now();
    let record = answered(
        app,
        &request.claims,
        &answer,
        &judgement,
        evaluated_at.since(context.received_at),
    );
    let entry =
        entry(app, caller, request, context, &policy, evaluated_at, judgement.person, record)?;
    let receipt = app.audit.record(entry).await?;
    Ok(decision(app, caller, request, &permit, &answer, judgement, evaluated_at, receipt))
}

/// Records a refusal before it is answered.
async fn refuse(
    app: &App,
    caller: &Caller,
    request: &Verification,
    context: RequestContext,
    policy: &Policy,
    refusal: Refusal,
) -> Result<Decision, NotAnswered> {
    let record = Decided::Refused { refusal, asked: request.claims.asked() };
    let entry = entry(app, caller, request, context, policy, app.clock.now(), None, record)?;
    let receipt = app.audit.record(entry).await?;
    Err(NotAnswered::Refused(refusal, receipt))
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
        is_named(&findings, accepted)
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
    claims
        .asked()
        .iter()
        .map(|attribute| {
            let permitted = permit.attributes().contains(attribute);
            (attribute, if permitted { Finding::because(reason) } else { Finding::NOT_PERMITTED })
        })
        .collect()
}

/// Whether the caller named the person: name equal, or close in a way the policy accepts.
fn is_named(findings: &Findings, accepted: policy::ReasonSet) -> bool {
    findings.get(Attribute::FullName).is_some_and(|finding| {
        finding.verdict() == Verdict::Match
            || finding.reason().is_some_and(|reason| accepted.contains(reason))
    })
}

fn answered(
    app: &App,
    claims: &Claims,
    answer: &Answer,
    judgement: &Judgement<'_>,
    total_us: u64,
) -> Decided {
    let failed_guess: Option<ShortDigest> =
        (judgement.outcome == Outcome::NotMatched).then(|| app.digests.guess(claims));
    Decided::Answered {
        profile: matching::PROFILE.into(),
        findings: judgement.findings,
        outcome: judgement.outcome,
        status: judgement.status,
        failed_guess,
        registry_as_of: answer.as_of,
        registry_us: u32::try_from(answer.waited_us).unwrap_or(u32::MAX),
        total_us: u32::try_from(total_us).unwrap_or(u32::MAX),
    }
}

#[expect(clippy::too_many_arguments, reason = "the one place where an entry is put together")]
fn entry(
    app: &App,
    caller: &Caller,
    request: &Verification,
    context: RequestContext,
    policy: &Policy,
    at: Micros,
    person: Option<&Person>,
    record: Decided,
) -> Result<Entry, LogUnavailable> {
    let client = &caller.client().client_id;
    let resolved = person.map(|person| person.personal_id);
    let pseudonym = app.digests.pseudonym(at, &request.subject, resolved).map_err(|error| {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "no pseudonym key, so nothing can be logged");
        LogUnavailable
    })?;
    let SubjectKey::PersonalId(asked) = request.subject;
    Ok(Entry {
        at,
        request_id: context.request_id,
        item: 0,
        client: client.clone(),
        on_behalf_of: request.on_behalf_of.clone(),
        official: request
            .official
            .as_ref()
            .map(|o| app.digests.official(client.as_str(), o.as_str())),
        operation: Operation::Verify,
        purpose: request.purpose.clone(),
        procedure: request.procedure.clone(),
        case: request
            .case_ref
            .as_ref()
            .map(|case| app.digests.case(client.as_str(), case.as_str())),
        policy: Arc::clone(policy.label()),
        subject: Subject { key_kind: request.subject.kind(), pseudonym, prefix: asked.prefix() },
        record,
    })
}

#[expect(clippy::too_many_arguments, reason = "the one place where a decision is put together")]
fn decision(
    app: &App,
    caller: &Caller,
    request: &Verification,
    permit: &Permit,
    answer: &Answer,
    judgement: Judgement<'_>,
    evaluated_at: Micros,
    receipt: Receipt,
) -> Decision {
    let policy = permit.policy();
    let Judgement { findings, outcome, status, person } = judgement;
    let disclosed_status = policy.discloses_status().then_some(status);
    let named = is_named(&findings, policy.accepted_reasons());
    let resolved = person.filter(|_| named).map(|person| person.personal_id);
    Decision {
        outcome,
        attributes: matching::disclose(&findings, policy.disclosure()).collect(),
        status: disclosed_status,
        advice: matching::advice(
            outcome,
            &findings,
            policy.accepted_reasons(),
            policy.disclosure(),
            disclosed_status,
        ),
        subject_token: app.subject_tokens.token(
            &caller.client().client_id,
            &request.subject,
            resolved,
        ),
        registry_as_of: answer.as_of,
        evaluated_at,
        policy: Arc::clone(policy),
        receipt,
    }
}
