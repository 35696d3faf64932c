//! What the stories of requests have in common: the entry of one, put together from who asks, about
//! whom and why. What only one kind of request has, its story adds.

use std::sync::Arc;

use crate::app::App;
use crate::audit::{Decided, Entry, LogUnavailable, RequestId, Subject};
use crate::auth::Caller;
use crate::clock::Micros;
use crate::policy::Policy;
use crate::request::{NamedSubject, Operation, PersonalId, Purpose, SubjectKey};

/// A request as every entry tells it.
pub(crate) struct Origin<'a> {
    pub(crate) app: &'a App,
    pub(crate) caller: &'a Caller,
    pub(crate) request_id: RequestId,
    pub(crate) operation: Operation,
    pub(crate) purpose: &'a Purpose,
    pub(crate) subject: &'a NamedSubject,
    pub(crate) policy: &'a Policy,
}

impl Origin<'_> {
    /// The entry of what was decided about the person to whom the key led, if it led to one.
    ///
    /// # Errors
    /// [`LogUnavailable`] where the key of pseudonyms is missing.
    pub(crate) async fn entry(
        &self,
        at: Micros,
        resolved: Option<PersonalId>,
        record: Decided,
    ) -> Result<Entry, LogUnavailable> {
        let (key, digests) = (self.subject.key(), &self.app.digests);
        digests.make_ready(&self.app.store, at).await?;
        let pseudonym = digests.pseudonym(at, &key, resolved).map_err(|_| LogUnavailable)?;
        Ok(Entry {
            at,
            request_id: self.request_id,
            item: 0,
            client: self.caller.client().client_id.clone(),
            on_behalf_of: None,
            official: None,
            operation: self.operation,
            purpose: self.purpose_told(&record),
            procedure: None,
            case: None,
            policy: Arc::clone(self.policy.label()),
            subject: Subject {
                key_kind: self.subject.named_by(),
                pseudonym,
                prefix: prefix(key, resolved),
            },
            record,
        })
    }

    /// A purpose that was refused and that nobody has is not repeated: it could be any text.
    fn purpose_told(&self, record: &Decided) -> Purpose {
        let is_told = match record {
            Decided::Answered { .. } | Decided::Disclosed { .. } => true,
            Decided::Refused { .. } => self.app.policies.know(self.purpose),
        };
        if is_told { self.purpose.clone() } else { Purpose::unknown() }
    }
}

/// Place of birth registration, as the number asked spells it; where another key was asked, as the
/// number of the person does to whom it led, and 0 where it led to nobody. So the entry and its
/// counters tell whether such a key was issued, as the status in them does: neither is for the
/// caller's eyes.
fn prefix(asked: SubjectKey, resolved: Option<PersonalId>) -> u16 {
    match asked {
        SubjectKey::PersonalId(id) => id.prefix(),
        SubjectKey::OldIdNumber(_) | SubjectKey::InsuranceNumber(_) => {
            resolved.map_or(0, PersonalId::prefix)
        }
    }
}
