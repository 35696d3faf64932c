//! How the log gets the entry of each state of a dispute, once, and the keys that lead there.
//!
//! A request's own idempotency key is written in the commit of the entry that it leads to. A request
//! that finds everything done has no entry: its key is then written by itself, before it is answered,
//! and leads to the disputed answer. So it is known for good whether a key has opened its dispute.

use super::NotDone;
use crate::app::App;
use crate::audit::{
    Dispute, DisputeState, EventText, IdempotencyKey, KEY_HELD_US, LogEntry, NotRecorded, RequestId,
};
use crate::clock::Micros;
use crate::policy::Reason;
use crate::request::{ClientId, Operation, Purpose};
use crate::store::{DisputeRow, IdempotencyRow, StoreError};
use crate::verification::RequestContext;

/// A dispute whose state is in the log.
pub(super) struct Settled {
    pub(super) row: DisputeRow,
    logged: Logged,
}

/// How the entry of a dispute's state came into the log.
enum Logged {
    /// Now, with the key of the request.
    WithKey,
    /// By somebody who got no further; a key says where it is.
    Before(IdempotencyRow),
    /// Otherwise.
    Without,
}

/// Makes sure that the log has the entry of the state that a row is in. If it is written now, the
/// key of the request is written with it.
pub(super) async fn settle(
    app: &App,
    mut row: DisputeRow,
    request_id: RequestId,
    key: Option<&IdempotencyKey>,
) -> Result<Settled, NotDone> {
    if row.settled != 0 {
        return Ok(Settled { row, logged: Logged::Without });
    }
    let entry = dispute_entry(&row, app.clock.now(), request_id)
        .ok_or_else(|| StoreError::Inconsistent { table: "disputes", row: row.id.clone() })?;
    let logged = log_once(app, entry, key).await?;
    app.store.settle_dispute(&row.id, &row.state).await?;
    row.settled = 1;
    Ok(Settled { row, logged })
}

/// Writes the entry of a step, unless the log has it.
async fn log_once(
    app: &App,
    entry: Dispute,
    key: Option<&IdempotencyKey>,
) -> Result<Logged, NotDone> {
    let step = step_key(app, &entry);
    if let Some(held) = held(app, &step).await? {
        return Ok(Logged::Before(held));
    }
    let keys = [step.clone()].into_iter().chain(key.cloned());
    match app.audit.record_once(LogEntry::Dispute(entry), keys).await {
        Ok(_) => Ok(if key.is_some() { Logged::WithKey } else { Logged::Without }),
        Err(NotRecorded::Unavailable(_)) => Err(NotDone::LogUnavailable),
        // The step's key, or else the request's own.
        Err(NotRecorded::KeyTaken) => {
            held(app, &step).await?.map(Logged::Before).ok_or(NotDone::KeyTaken)
        }
    }
}

/// The key that no second entry of this dispute and step can have.
fn step_key(app: &App, entry: &Dispute) -> IdempotencyKey {
    // A line break is in no key that a client can choose.
    let step = if entry.state == DisputeState::Open { "open" } else { "decide" };
    let text = format!("\n{}\n{}\n{step}", entry.log.as_str(), entry.index);
    app.digests.idempotency(&entry.client, &text, "/v1/disputes", text.as_bytes())
}

/// Where a key leads, whatever its age: one that is still there tells that the entry is.
async fn held(app: &App, key: &IdempotencyKey) -> Result<Option<IdempotencyRow>, StoreError> {
    app.store.idempotency_key(key.client.as_str(), &key.key_digest, i64::MIN).await
}

/// Writes the key of a request by itself if it was not written with an entry. It leads to the entry
/// of the dispute where the request may say that it has made it, else to the disputed answer. If we
/// die before, the same request finds everything done once more.
pub(super) async fn keep_key(
    app: &App,
    settled: &Settled,
    context: &RequestContext,
    has_made_it: bool,
) -> Result<(), NotDone> {
    let Some(key) = &context.key else { return Ok(()) };
    let (log, index) = match &settled.logged {
        Logged::WithKey => return Ok(()),
        Logged::Before(held) if has_made_it => (&held.log, held.entry_index),
        Logged::Before(_) | Logged::Without => (&settled.row.log, settled.row.entry_index),
    };
    let now = app.clock.now();
    let row = key.row(index, now);
    let is_kept = app.store.keep_idempotency_key(log, &row, now.0 - KEY_HELD_US).await?;
    if is_kept { Ok(()) } else { Err(NotDone::KeyTaken) }
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
