//! A history shown again: the register is asked again which numbers lead to the person, who must be
//! the one whose pseudonym the entry has, and the logs are searched again for what the first look
//! saw.

use super::{entry_of, inconsistent};
use crate::app::App;
use crate::audit::{Decided, Entry, LogEntry, LogUnavailable};
use crate::auth::Caller;
use crate::history::{self, History, HistoryRequest, NotAnswered};
use crate::policy::{self, HistoryPermit};
use crate::population::Person;
use crate::projections::{Look, Page};
use crate::rate_limit::Admitted;
use crate::request::SubjectKey;
use crate::store::IdempotencyRow;

/// Shows a history as it was shown before. It takes from the client's rate like any other request.
///
/// Of what the first look saw nothing is missing but what cannot be linked any more, because a key
/// was destroyed since.
///
/// # Errors
/// [`NotAnswered`]; a refusal is the first one, or that of today's policy: what others asked is
/// read anew, and nobody reads it who may not now.
pub async fn history(
    app: &App,
    Admitted { admission, pass }: Admitted,
    caller: &Caller,
    request: &HistoryRequest,
    row: &IdempotencyRow,
) -> Result<History, NotAnswered> {
    let (LogEntry::Request(entry), receipt) = entry_of(app, row).await? else {
        return Err(inconsistent(row).into());
    };
    let disclosed = match entry.record {
        Decided::Disclosed { entries } => entries as usize,
        Decided::Refused { refusal, .. } => return Err(NotAnswered::Refused(refusal, receipt)),
        Decided::Answered { .. } => return Err(inconsistent(row).into()),
    };
    let policy = app.policies.find(&caller.client().policy).ok_or(NotAnswered::NoPolicy)?;
    let permit = policy::check(admission, caller, &policy, history::question(request))
        .map_err(|refusal| NotAnswered::Refused(refusal, receipt.clone()))?;
    let permit = HistoryPermit::of(&permit).ok_or(NotAnswered::NoPolicy)?;
    let asked = request.subject.key();
    let answer = app.population.find_numbers(&permit, &pass, asked).await;
    app.digests.make_ready(&app.store, entry.at).await?;
    let person = the_same(app, asked, history::resolved(&answer.finding)?, &entry)?;
    let look = Look { log: row.log.clone(), index: row.entry_index, at: entry.at };
    let (page, unlinkable_quarters) = history::search(app, request, person, Some(look)).await?;
    let page = as_disclosed(page, disclosed, request.limit);
    Ok(History { request_id: entry.request_id, page, unlinkable_quarters, receipt })
}

/// The person whose pseudonym the entry has; none where the key led to nobody then.
fn the_same<'a>(
    app: &App,
    asked: SubjectKey,
    person: Option<&'a Person>,
    entry: &Entry,
) -> Result<Option<&'a Person>, NotAnswered> {
    for person in [person, None] {
        let resolved = person.map(|person| person.personal_id);
        let pseudonym = app.digests.pseudonym(entry.at, &asked, resolved);
        if pseudonym.map_err(|_| LogUnavailable)? == entry.subject.pseudonym {
            return Ok(person);
        }
    }
    Err(NotAnswered::OtherPerson)
}

/// No more entries than the first look disclosed. What was committed between its search and its own
/// entry is the newest here; a page that was not full was the last.
fn as_disclosed(mut page: Page, disclosed: usize, limit: usize) -> Page {
    page.hits.drain(..page.hits.len().saturating_sub(disclosed));
    let is_last = disclosed < limit;
    Page { next: page.next.filter(|_| !is_last), ..page }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Act, EventText, RequestId};
    use crate::clock::Micros;
    use crate::projections::{Cursor, Hit};

    fn hit(index: i64) -> Hit {
        let text = || EventText::shortened("-");
        let (at, request_id) = (Micros(index), RequestId([0; 16]));
        let act = Act { at, request_id, by: text(), act: text(), target: text(), detail: None };
        Hit { log: "n1".into(), index, entry: LogEntry::Act(act) }
    }

    #[test]
    fn what_came_between_search_and_entry_is_left_out_and_the_page_ends_as_it_did() {
        let next = Cursor::parse("W10");
        assert!(next.is_some());
        for (found, disclosed, limit, shown, goes_on) in [
            (vec![3, 2, 1], 3, 3, vec![3, 2, 1], true),
            (vec![4, 3, 2], 2, 3, vec![3, 2], false),
            (vec![4, 3], 0, 2, vec![], false),
            // A key was destroyed since.
            (vec![1], 2, 2, vec![1], true),
        ] {
            let hits: Vec<Hit> = found.into_iter().map(hit).collect();
            let page = as_disclosed(Page { hits, next: next.clone() }, disclosed, limit);
            let indexes: Vec<i64> = page.hits.iter().map(|hit| hit.index).collect();
            assert_eq!((indexes, page.next.is_some()), (shown, goes_on));
        }
    }
}
