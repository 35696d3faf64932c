//! Acts on their way into the log.

use futures_util::future::join_all;

use super::detail::fitting;
use crate::audit::{
    Act, AuditLog, Digests, EventText, IdempotencyKey, LogEntry, LogUnavailable, NotRecorded,
    RequestId,
};
use crate::clock::Micros;
use crate::request::ClientId;
use crate::store::{ActRow, Store, StoreError};

/// Acts that are turned into entries at once.
const ACTS_AT_ONCE: i64 = 256;
/// Whose the keys of acts are: no request has them, because the text of each begins with a line
/// break, which is in no key that a client can choose.
const KEYS_OF: &str = "acts";

/// Who does something, and under which identity.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// A client, or `cli:` and the name of the system's user.
    pub by: String,
    /// Identity of the request or command.
    pub request_id: RequestId,
    /// When.
    pub at: Micros,
}

impl Administrator {
    /// The row of what is done.
    pub(super) fn act(&self, act: &str, target: &str, detail: Option<String>) -> ActRow {
        ActRow {
            id: self.request_id.to_string(),
            at_us: self.at.0,
            made_by: self.by.clone(),
            act: act.to_owned(),
            target: target.to_owned(),
            detail: detail.map(fitting),
        }
    }
}

/// Why acts are not in the log yet. They will be.
#[derive(Debug, thiserror::Error)]
pub enum ActsError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log could not take an entry.
    #[error(transparent)]
    Log(#[from] LogUnavailable),
}

/// Puts the acts into the log that are there now and that it does not have yet; how many there were.
/// Whoever has done one finds it in the log afterwards, whatever was done before it.
///
/// # Errors
/// If the store or the log fails; what is left is for the next call.
pub async fn log_acts(
    store: &Store,
    log: &AuditLog,
    digests: &Digests,
) -> Result<usize, ActsError> {
    let (last, mut logged) = (store.last_act().await?, 0);
    loop {
        let rows = store.acts(ACTS_AT_ONCE).await?;
        log_some(store, log, digests, &rows).await?;
        logged += rows.len();
        // An import that goes on leaves ever more; those are for the next call.
        if rows.last().is_none_or(|row| last.as_ref().is_none_or(|last| row.id >= *last)) {
            return Ok(logged);
        }
    }
}

async fn log_some(
    store: &Store,
    log: &AuditLog,
    digests: &Digests,
    rows: &[ActRow],
) -> Result<(), ActsError> {
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        entries.extend(entry(store, digests, row).await?);
    }
    // Queued in their order and committed together: a bulk import brings thousands.
    let recording =
        entries.into_iter().map(|(act, key)| log.record_once(LogEntry::Act(act), [key]));
    for recorded in join_all(recording).await {
        match recorded {
            Ok(_) | Err(NotRecorded::KeyTaken) => {}
            Err(NotRecorded::Unavailable(unavailable)) => return Err(unavailable.into()),
        }
    }
    Ok(store.forget_acts(rows).await?)
}

/// The entry of an act with its key; none where the log has it.
async fn entry(
    store: &Store,
    digests: &Digests,
    row: &ActRow,
) -> Result<Option<(Act, IdempotencyKey)>, ActsError> {
    let inconsistent = || StoreError::Inconsistent { table: "acts", row: row.id.clone() };
    let request_id = u128::from_str_radix(&row.id, 16).map_err(|_| inconsistent())?;
    let owner = ClientId::parse(KEYS_OF).map_err(|_| inconsistent())?;
    let act = Act {
        at: Micros(row.at_us),
        request_id: RequestId(request_id.to_be_bytes()),
        by: EventText::shortened(&row.made_by),
        act: EventText::shortened(&row.act),
        target: EventText::shortened(&row.target),
        detail: row.detail.as_deref().map(EventText::shortened),
    };
    let text = format!("\n{}", row.id);
    let key = digests.idempotency(&owner, &text, "acts", text.as_bytes());
    // Whatever its age: a key that is still there tells that the entry is.
    let held = store.idempotency_key(owner.as_str(), &key.key_digest, i64::MIN).await?;
    Ok(held.is_none().then_some((act, key)))
}
