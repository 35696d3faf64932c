//! A verification answered again: verdicts come from its entry. The number behind the subject token
//! is read from the register again and must be the one whose pseudonym the entry has.

use super::{entry_of, inconsistent};
use crate::app::App;
use crate::audit::{AnswerId, Decided, Entry, LogEntry};
use crate::auth::Caller;
use crate::matching;
use crate::policy::{self, Permit, PermitQuestion};
use crate::population::Finding;
use crate::rate_limit::{Admitted, Pass};
use crate::request::{AttributeSet, Operation, PersonalId, SubjectKey, Verification};
use crate::store::IdempotencyRow;
use crate::verification::{Decision, NotAnswered, Told};

/// Answers a verification as it was answered before. It takes from the client's rate like any
/// other request.
pub async fn verify(
    app: &App,
    Admitted { admission, pass }: Admitted,
    caller: &Caller,
    request: &Verification,
    row: &IdempotencyRow,
) -> Result<Decision, NotAnswered> {
    let (LogEntry::Request(entry), receipt) = entry_of(app, row).await? else {
        return Err(inconsistent(row).into());
    };
    let policy = app.policies.find_label(&entry.policy).ok_or(NotAnswered::NoPolicy)?;
    let (findings, outcome, status, registry_as_of) = match entry.record {
        Decided::Answered { findings, outcome, status, registry_as_of, .. } => {
            (findings, outcome, status, registry_as_of)
        }
        Decided::Refused { refusal, .. } => return Err(NotAnswered::Refused(refusal, receipt)),
        Decided::Disclosed { .. } => return Err(inconsistent(row).into()),
    };
    let mut resolved = None;
    if matching::knows_name(&findings, policy.accepted_reasons()) {
        let question = PermitQuestion {
            operation: Operation::Verify,
            purpose: &request.purpose,
            attributes: AttributeSet::EMPTY,
            on_behalf_of: request.on_behalf_of.as_ref(),
            // Looked at when it was answered.
            has_unknown_official: false,
        };
        let permit = policy::check(admission, caller, &policy, question)
            .map_err(|refusal| NotAnswered::Refused(refusal, receipt.clone()))?;
        resolved = find_number(app, (&permit, &pass), request.subject.key(), &entry).await?;
    }
    let told = Told {
        id: AnswerId { request_id: entry.request_id, item: entry.item },
        findings,
        outcome,
        status,
        resolved,
        registry_as_of,
        evaluated_at: entry.at,
    };
    Ok(Decision::new(app, caller, &policy, request.subject.key(), &told, receipt))
}

/// The number of the person whose pseudonym the entry has. Where a personal number was asked and is
/// still that person's, the register need not be asked.
async fn find_number(
    app: &App,
    (permit, pass): (&Permit, &Pass),
    asked: SubjectKey,
    entry: &Entry,
) -> Result<Option<PersonalId>, NotAnswered> {
    // Without the key, nobody is found below.
    let _ready = app.digests.make_ready(&app.store, entry.at).await;
    let is_meant = |number: PersonalId| {
        let pseudonym = app.digests.pseudonym(entry.at, &asked, Some(number));
        pseudonym.is_ok_and(|pseudonym| pseudonym == entry.subject.pseudonym)
    };
    if let SubjectKey::PersonalId(number) = asked
        && is_meant(number)
    {
        return Ok(Some(number));
    }
    let numbers: Vec<PersonalId> = match app.population.find(permit, pass, asked).await.finding {
        Finding::Found(person) => vec![person.personal_id],
        Finding::Ambiguous(persons) => persons.iter().map(|person| person.personal_id).collect(),
        Finding::Unknown => Vec::new(),
        Finding::Unavailable => return Err(NotAnswered::RegisterUnavailable),
    };
    Ok(numbers.into_iter().find(|number| is_meant(*number)))
}
