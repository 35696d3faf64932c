//! Who asked about a person: the story of one look into the logs.
//!
//! A sibling of `verification`. The steps are the same but for the fourth: admission, permit, the
//! register (which numbers lead to this person), the logs under every name that they have for the
//! person, and an entry of its own: whoever looks is in the next history.

use std::sync::Arc;

use crate::app::App;
use crate::asked::Origin;
use crate::audit::{Decided, Entry, LogUnavailable, NotRecorded, Receipt, RequestId};
use crate::auth::Caller;
use crate::policy::{self, HistoryPermit, PermitQuestion, Policy, Refusal};
use crate::population::{Finding, Person, Reach};
use crate::projections::{self, Cursor, Look, Page, ProjectionError};
use crate::rate_limit::{Admitted, Shed};
use crate::request::{AttributeSet, NamedSubject, Operation, PersonalId, Purpose, SubjectKey};
use crate::store::{KeyError, StoreError};
use crate::verification::RequestContext;

/// What is asked.
#[derive(Debug, Clone)]
pub struct HistoryRequest {
    /// About whom.
    pub subject: NamedSubject,
    /// Why, from the purpose codes of the client.
    pub purpose: Purpose,
    /// Where the page before this one ended.
    pub after: Option<Cursor>,
    /// Entries at most.
    pub limit: usize,
}

/// Who asked about a person.
#[derive(Debug)]
pub struct History {
    /// Identity of the request that it answered first.
    pub request_id: RequestId,
    /// The entries, newest first.
    pub page: Page,
    /// Quarters of which the logs hold entries that nobody can link to a person any more, because
    /// their key was destroyed.
    pub unlinkable_quarters: usize,
    /// Proof that this look is written down.
    pub receipt: Receipt,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// The policy refused it; the refusal is recorded.
    #[error("the policy refused the request: {}", .0.name())]
    Refused(Refusal, Receipt),
    /// The register did not say which numbers lead to the person; nothing was shown, and nothing
    /// recorded unless the look was given up because its own time had ended.
    #[error("the register did not answer")]
    RegisterUnavailable,
    /// The log could not take the entry, so whatever was found stays inside.
    #[error(transparent)]
    LogUnavailable(#[from] LogUnavailable),
    /// There is no time left for it; nothing is shown or recorded.
    #[error(transparent)]
    Overloaded(#[from] Shed),
    /// Another request was answered under the same idempotency key meanwhile; nothing is recorded
    /// of this one.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// The key of the subject, which led to one person when the question was answered first, leads
    /// to another now: it is another question.
    #[error("the key leads to another person than before")]
    OtherPerson,
    /// What the store holds about an answer given before cannot be read: our fault.
    #[error("the answer given before cannot be read")]
    Store(#[from] StoreError),
    /// The logs could not be searched.
    #[error(transparent)]
    Projections(#[from] ProjectionError),
    /// The keys of pseudonyms could not be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The policy of the client was not found: our fault.
    #[error("the client's policy is missing")]
    NoPolicy,
}

/// Answers who asked about a person.
pub async fn history(
    app: &App,
    Admitted { admission, pass }: Admitted,
    caller: &Caller,
    request: &HistoryRequest,
    context: &RequestContext,
) -> Result<History, NotAnswered> {
    let policy = app.policies.find(&caller.client().policy).ok_or(NotAnswered::NoPolicy)?;
    let asked = Asked { app, caller, request, context, policy: &policy };

    let permit = match policy::check(admission, caller, &policy, question(request)) {
        Ok(permit) => permit,
        Err(refusal) => {
            let receipt =
                app.audit.record_once(asked.refusal(refusal).await?, context.key.clone()).await?;
            return Err(NotAnswered::Refused(refusal, receipt));
        }
    };
    let permit = HistoryPermit::of(&permit).ok_or(NotAnswered::NoPolicy)?;
    let answer = app.population.find_numbers(&permit, &pass, request.subject.key()).await;
    // As in `verification`: once the register was asked it is recorded, however late.
    match answer.reach {
        Reach::NotAsked => pass.check()?,
        // Its key is left free: nothing is shown.
        Reach::GivenUp => {
            app.audit.record_once(asked.disclosure(None, 0).await?, None).await?;
        }
        Reach::Asked => {}
    }
    let person = resolved(&answer.finding)?;
    let (page, unlinkable_quarters) = search(app, request, person, None).await?;
    let resolved = person.map(|person| person.personal_id);
    let entry = asked.disclosure(resolved, page.hits.len()).await?;
    let receipt = app.audit.record_once(entry, context.key.clone()).await?;
    Ok(History { request_id: context.request_id, page, unlinkable_quarters, receipt })
}

impl From<NotRecorded> for NotAnswered {
    fn from(not_recorded: NotRecorded) -> Self {
        match not_recorded {
            NotRecorded::Unavailable(unavailable) => Self::LogUnavailable(unavailable),
            NotRecorded::KeyTaken => Self::KeyTaken,
        }
    }
}

/// What the policy is asked. A history shows no attribute of the person.
pub(crate) fn question(request: &HistoryRequest) -> PermitQuestion<'_> {
    PermitQuestion {
        operation: Operation::History,
        purpose: &request.purpose,
        attributes: AttributeSet::EMPTY,
        on_behalf_of: None,
        has_unknown_official: false,
    }
}

/// What the logs hold under every key that they may have the person under, and the quarters that
/// cannot be linked; as an earlier look saw it, if one is named.
pub(crate) async fn search(
    app: &App,
    request: &HistoryRequest,
    person: Option<&Person>,
    seen_by: Option<Look>,
) -> Result<(Page, usize), NotAnswered> {
    let linked = app.digests.linked(&names(request.subject.key(), person))?;
    let held = projections::quarters(&app.store).await?;
    let unlinkable_quarters = held.difference(&linked.quarters).count();
    let (pseudonyms, after) = (linked.pseudonyms, request.after.as_ref());
    let page = projections::history(&app.store, pseudonyms, seen_by, after, request.limit).await?;
    Ok((page, unlinkable_quarters))
}

/// The person on file under the key. Whoever shares a key with others is not told apart from them
/// without a name, so that theirs is the history of the key alone.
pub(crate) fn resolved(finding: &Finding) -> Result<Option<&Person>, NotAnswered> {
    match finding {
        Finding::Found(person) => Ok(Some(person)),
        Finding::Ambiguous(_) | Finding::Unknown => Ok(None),
        Finding::Unavailable => Err(NotAnswered::RegisterUnavailable),
    }
}

/// Every key under which the logs may have the person. Who was asked about while the register was
/// down is there under the key that was asked.
fn names(asked: SubjectKey, person: Option<&Person>) -> Vec<SubjectKey> {
    let mut names = vec![asked];
    if let Some(person) = person {
        let record = &person.record;
        names.push(SubjectKey::PersonalId(person.personal_id));
        names.extend(record.superseded_numbers.iter().copied().map(SubjectKey::PersonalId));
        names.extend(record.old_id_number.map(SubjectKey::OldIdNumber));
        names.extend(record.insurance_number.map(SubjectKey::InsuranceNumber));
    }
    names
}

/// One request on its way: what its entry is put together from.
struct Asked<'a> {
    app: &'a App,
    caller: &'a Caller,
    request: &'a HistoryRequest,
    context: &'a RequestContext,
    policy: &'a Arc<Policy>,
}

impl Asked<'_> {
    /// The entry of a refusal by the policy.
    async fn refusal(&self, refusal: Refusal) -> Result<Entry, LogUnavailable> {
        self.record(None, Decided::Refused { refusal, asked: AttributeSet::EMPTY }).await
    }

    /// The entry of a look at so many entries.
    async fn disclosure(
        &self,
        resolved: Option<PersonalId>,
        entries: usize,
    ) -> Result<Entry, LogUnavailable> {
        let entries = u32::try_from(entries).unwrap_or(u32::MAX);
        self.record(resolved, Decided::Disclosed { entries }).await
    }

    async fn record(
        &self,
        resolved: Option<PersonalId>,
        record: Decided,
    ) -> Result<Entry, LogUnavailable> {
        let origin = Origin {
            app: self.app,
            caller: self.caller,
            request_id: self.context.request_id,
            operation: Operation::History,
            purpose: &self.request.purpose,
            subject: &self.request.subject,
            policy: self.policy,
        };
        origin.entry(self.app.clock.now(), resolved, record).await
    }
}
