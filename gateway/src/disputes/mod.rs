//! "This person is real": a client disputes an answer, the operator decides.
//!
//! A dispute changes no answer and no figure about answers; it is counted beside them. Every state
//! is an entry in the log, once. What if we die? The row says first where the dispute is going and
//! that this is not settled; then the entry is committed together with a key that no second entry
//! of this dispute and step can have; then the row is settled. Whoever finds a row that is not
//! settled, the same request sent again or the next start, records the entry: it is there already
//! if its key is taken.

mod note;

pub use note::Note;

use crate::app::App;
use crate::audit::{
    Decided, Dispute, DisputeState, Entry, EventText, LogEntry, NotRecorded, RequestId, read_entry,
};
use crate::clock::Micros;
use crate::matching::{Outcome, Verdict};
use crate::policy::{Policy, Reason};
use crate::request::{ClientId, Operation, Purpose};
use crate::store::{DisputeDecision, DisputeRow, StoreError};

/// Rows that a start goes on with; more are left to the next one.
const UNSETTLED_MAX: i64 = 1_000;

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
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens a dispute about an answer that `client` got.
///
/// # Errors
/// [`NotDone`]; after `LogUnavailable` the same call again goes on.
pub async fn open(
    app: &App,
    client: &ClientId,
    disputed: &Disputed,
    note: Note,
    request_id: RequestId,
) -> Result<Opened, NotDone> {
    let entry = disputed_entry(app, client, disputed).await?;
    let reasons = reasons(app, &entry).ok_or(NotDone::NotDisputable)?;
    let _others_wait = app.one_dispute.lock().await;
    let index = disputed.index as i64;
    let new = DisputeRow {
        id: format!("dsp_{request_id}"),
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
    Ok(Opened { row: settle(app, row, request_id).await?, is_new })
}

/// Decides a dispute. Nobody's match rate changes.
///
/// # Errors
/// [`NotDone`]; after `LogUnavailable` the same call again goes on.
pub async fn decide(
    app: &App,
    id: &str,
    (decision, reason): (DisputeState, &EventText),
    by: &ClientId,
    request_id: RequestId,
) -> Result<DisputeRow, NotDone> {
    let _others_wait = app.one_dispute.lock().await;
    let row = app.store.dispute(id).await?.ok_or(NotDone::UnknownDispute)?;
    let row = settle(app, row, request_id).await?;
    if row.state == DisputeState::Open.name() {
        let (at_us, by, reason) = (app.clock.now().0, by.as_str(), reason.as_str());
        let kept = DisputeDecision { state: decision.name(), at_us, by, reason };
        app.store.decide_dispute(id, kept).await?;
    }
    let row = app.store.dispute(id).await?.ok_or(NotDone::UnknownDispute)?;
    let row = settle(app, row, request_id).await?;
    if row.state == decision.name() { Ok(row) } else { Err(NotDone::DecidedOtherwise) }
}

/// Goes on with what an earlier process has begun.
pub async fn go_on(app: &App) {
    let _others_wait = app.one_dispute.lock().await;
    let rows = match app.store.unsettled_disputes(UNSETTLED_MAX).await {
        Ok(rows) => rows,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            return tracing::error!(error, "disputes cannot be read");
        }
    };
    for row in rows {
        let Some(request_id) = request_id_of(&row) else { continue };
        if let Err(error) = settle(app, row, request_id).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "a dispute could not go on; sent again, it will");
        }
    }
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

/// Makes sure that the log has the entry of the state that a row is in.
async fn settle(
    app: &App,
    mut row: DisputeRow,
    request_id: RequestId,
) -> Result<DisputeRow, NotDone> {
    if row.settled != 0 {
        return Ok(row);
    }
    let entry = dispute_entry(&row, app.clock.now(), request_id)
        .ok_or_else(|| StoreError::Inconsistent { table: "disputes", row: row.id.clone() })?;
    // A line break is in no key that a client can choose.
    let step = if entry.state == DisputeState::Open { "open" } else { "decide" };
    let text = format!("\n{}\n{}\n{step}", row.log, row.entry_index);
    let key = app.digests.idempotency(&entry.client, &text, "/v1/disputes", text.as_bytes());
    // Whatever its age: a key that is still there tells that the entry is.
    let held = app.store.idempotency_key(&row.client_id, &key.key_digest, i64::MIN).await?;
    if held.is_none() {
        match app.audit.record_once(LogEntry::Dispute(entry), Some(key)).await {
            Ok(_) | Err(NotRecorded::KeyTaken) => {}
            Err(NotRecorded::Unavailable(_)) => return Err(NotDone::LogUnavailable),
        }
    }
    app.store.settle_dispute(&row.id, &row.state).await?;
    row.settled = 1;
    Ok(row)
}

fn dispute_entry(row: &DisputeRow, at: Micros, request_id: RequestId) -> Option<Dispute> {
    let state = DisputeState::find(&row.state)?;
    let by = row.decided_by.as_deref().unwrap_or(&row.client_id);
    let detail = match row.decision_reason.as_deref() {
        Some(reason) => Some(EventText::parse(reason)?),
        None => None,
    };
    Some(Dispute {
        at,
        request_id,
        client: ClientId::parse(&row.client_id).ok()?,
        operation: Operation::find(&row.operation)?,
        purpose: Purpose::parse(&row.purpose).ok()?,
        by: EventText::parse(by)?,
        detail,
        log: EventText::parse(&row.log)?,
        index: row.entry_index as u64,
        note: EventText::parse(&row.note)?,
        state,
        reason: row.reasons.split(',').next().and_then(Reason::find),
    })
}

/// The request that opened a dispute.
fn request_id_of(row: &DisputeRow) -> Option<RequestId> {
    let digits = row.id.strip_prefix("dsp_")?;
    Some(RequestId(u128::from_str_radix(digits, 16).ok()?.to_be_bytes()))
}
