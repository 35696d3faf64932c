//! "This person is real": a client disputes an answer, the operator decides.
//!
//! A dispute changes no answer and no figure about answers; it is counted beside them. Every state
//! is an entry in the log, once. What if we die? The row says first where the dispute is going and
//! that this is not settled; then the entry is committed together with a key that no second entry
//! of this dispute and step can have; then the row is settled. Whoever finds a row that is not
//! settled, the same request sent again or the next start, records the entry: it is there already
//! if its key is taken.

mod note;
mod settle;

pub use note::Note;

use std::time::Duration;

use settle::{keep_key, settle};

use crate::app::App;
use crate::audit::{
    Decided, DisputeState, Entry, EventText, LogEntry, RequestId, RequestIds, read_entry,
};
use crate::matching::{Outcome, Verdict};
use crate::policy::{Policy, Reason};
use crate::request::ClientId;
use crate::store::{DisputeDecision, DisputeRow, IdempotencyRow, StoreError, in_time};
use crate::verification::RequestContext;

/// Rows that a start goes on with; more are left to the next one.
const UNSETTLED_MAX: i64 = 1_000;
/// How long going on may keep requests about disputes waiting.
const GO_ON_MAX: Duration = Duration::from_secs(30);

/// The answer that is disputed, as its receipt names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disputed {
    /// Log.
    pub log: String,
    /// Index.
    pub index: u64,
    /// Leaf hash, where it was sent: then it must be the entry's.
    pub leaf: Option<Vec<u8>>,
}

/// A dispute, and whether it is new.
#[derive(Debug)]
pub struct Opened {
    /// The dispute.
    pub row: DisputeRow,
    /// False where the answer was disputed before.
    pub is_new: bool,
}

/// Why a dispute was not opened or decided.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// There is no such receipt, or it is somebody else's.
    #[error("no such receipt")]
    UnknownReceipt,
    /// The answer was `matched` or a refusal.
    #[error("the answer cannot be disputed")]
    NotDisputable,
    /// There is no such dispute.
    #[error("no such dispute")]
    UnknownDispute,
    /// It was decided otherwise.
    #[error("decided otherwise")]
    DecidedOtherwise,
    /// The log could not take the entry.
    #[error("the log cannot take the entry")]
    LogUnavailable,
    /// Another request was answered under the same idempotency key meanwhile.
    #[error("the idempotency key is taken")]
    KeyTaken,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens a dispute about an answer that `client` got.
///
/// # Errors
/// [`NotDone`]; after `LogUnavailable` and `KeyTaken` the same call again goes on.
pub async fn open(
    app: &App,
    client: &ClientId,
    disputed: &Disputed,
    note: Note,
    context: &RequestContext,
) -> Result<Opened, NotDone> {
    let entry = disputed_entry(app, client, disputed).await?;
    let reasons = reasons(app, &entry).ok_or(NotDone::NotDisputable)?;
    let _others_wait = app.one_dispute.lock().await;
    let index = disputed.index as i64;
    let new = DisputeRow {
        id: format!("dsp_{}", context.request_id),
        log: disputed.log.clone(),
        entry_index: index,
        client_id: client.to_string(),
        operation: entry.operation.name().to_owned(),
        purpose: entry.purpose.as_str().to_owned(),
        note: note.code().to_owned(),
        reasons: reasons.join(","),
        opened_us: app.clock.now().0,
        state: DisputeState::Open.name().to_owned(),
        settled: 0,
        decided_us: None,
        decided_by: None,
        decision_reason: None,
    };
    app.store.add_dispute(&new).await?;
    let row = app.store.dispute_about(&disputed.log, index).await?;
    let row = row.ok_or(NotDone::UnknownDispute)?;
    // One that was begun and got no further is new to the client, who was told nothing.
    let is_new = row.settled == 0 && row.state == new.state;
    // The entry of a decision is no place for the key of a client.
    let with_entry = context.key.as_ref().filter(|_| is_new);
    let settled = settle(app, row, context.request_id, with_entry).await?;
    keep_key(app, &settled, context, is_new).await?;
    Ok(Opened { row: settled.row, is_new })
}

/// The dispute that a request has found or opened before, as it stands now, and whether it had
/// opened it.
///
/// # Errors
/// [`NotDone`], as for [`open`].
pub async fn open_again(
    app: &App,
    client: &ClientId,
    disputed: &Disputed,
    key: &IdempotencyRow,
    request_id: RequestId,
) -> Result<Opened, NotDone> {
    // The disputed answer may have been dropped meanwhile; a dispute of today is there.
    let entry = read_entry(&app.store, &key.log, key.entry_index as u64).await?;
    let is_new = matches!(entry, Some((LogEntry::Dispute(_), _)));
    let _others_wait = app.one_dispute.lock().await;
    let row = app.store.dispute_about(&disputed.log, disputed.index as i64).await?;
    let row = row.filter(|row| row.client_id == client.as_str()).ok_or(NotDone::UnknownDispute)?;
    Ok(Opened { row: settle(app, row, request_id, None).await?.row, is_new })
}

/// Decides a dispute. Nobody's match rate changes. A decision that was made already is found so,
/// which makes a request that comes twice no other than one that comes late.
///
/// # Errors
/// [`NotDone`]; after `LogUnavailable` and `KeyTaken` the same call again goes on.
pub async fn decide(
    app: &App,
    id: &str,
    (decision, reason): (DisputeState, &EventText),
    by: &ClientId,
    context: &RequestContext,
) -> Result<DisputeRow, NotDone> {
    let _others_wait = app.one_dispute.lock().await;
    let row = app.store.dispute(id).await?.ok_or(NotDone::UnknownDispute)?;
    let row = settle(app, row, context.request_id, None).await?.row;
    if row.state == DisputeState::Open.name() {
        let (at_us, by, reason) = (app.clock.now().0, by.as_str(), reason.as_str());
        let kept = DisputeDecision { state: decision.name(), at_us, by, reason };
        app.store.decide_dispute(id, kept).await?;
    }
    let row = app.store.dispute(id).await?.ok_or(NotDone::UnknownDispute)?;
    let is_ours = row.state == decision.name();
    let with_entry = context.key.as_ref().filter(|_| is_ours);
    let settled = settle(app, row, context.request_id, with_entry).await?;
    if !is_ours {
        return Err(NotDone::DecidedOtherwise);
    }
    keep_key(app, &settled, context, true).await?;
    Ok(settled.row)
}

/// Goes on with what an earlier process has begun, for as long as that may keep others waiting. Each
/// entry gets an identity of its own: it is by no request, and an identity tells when its entry was
/// written, or nobody would find it.
pub async fn go_on(app: &App) {
    if let Err(error) = in_time(GO_ON_MAX, settle_all(app)).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "disputes cannot be read");
    }
}

async fn settle_all(app: &App) -> Result<(), StoreError> {
    let _others_wait = app.one_dispute.lock().await;
    let ids = RequestIds::new(&app.random);
    for row in app.store.unsettled_disputes(UNSETTLED_MAX).await? {
        let request_id = ids.next(app.clock.now());
        if let Err(error) = settle(app, row, request_id, None).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "a dispute could not go on; sent again, it will");
        }
    }
    Ok(())
}

/// The entry that a receipt names, if it is the client's own.
async fn disputed_entry(
    app: &App,
    client: &ClientId,
    disputed: &Disputed,
) -> Result<Entry, NotDone> {
    if i64::try_from(disputed.index).is_err() {
        return Err(NotDone::UnknownReceipt);
    }
    let read = read_entry(&app.store, &disputed.log, disputed.index).await?;
    let Some((LogEntry::Request(entry), receipt)) = read else {
        return Err(NotDone::UnknownReceipt);
    };
    let is_right = disputed.leaf.as_ref().is_none_or(|leaf| leaf == receipt.leaf());
    if entry.client != *client || !is_right {
        return Err(NotDone::UnknownReceipt);
    }
    Ok(entry)
}

/// Why an answer was not `matched`, what spoke against it first; `None` if it cannot be disputed.
fn reasons(app: &App, entry: &Entry) -> Option<Vec<&'static str>> {
    let Decided::Answered { findings, outcome, .. } = &entry.record else { return None };
    match outcome {
        Outcome::NotMatched | Outcome::Inconclusive if entry.operation.is_counted() => {}
        Outcome::NotMatched | Outcome::Inconclusive | Outcome::Matched | Outcome::Refused => {
            return None;
        }
    }
    let policy = app.policies.find_label(&entry.policy);
    let is_good_enough = |reason| {
        policy.as_deref().is_some_and(|policy: &Policy| policy.accepted_reasons().contains(reason))
    };
    let required = policy.as_deref().map(Policy::required);
    let against = findings.iter().filter_map(|(attribute, finding)| {
        let is_against = finding.verdict() != Verdict::Match;
        let reason = finding.reason().filter(|reason| is_against && !is_good_enough(*reason))?;
        let is_required = required.is_none_or(|required| required.contains(attribute));
        Some((!is_required, reason))
    });
    let mut against: Vec<(bool, Reason)> = against.collect();
    // Stable: those of required attributes first, otherwise in the order of attributes.
    against.sort_by_key(|(is_beside, _)| *is_beside);
    let mut names = Vec::new();
    for (_, reason) in against {
        if !names.contains(&reason.name()) {
            names.push(reason.name());
        }
    }
    Some(names)
}
