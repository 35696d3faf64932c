//! Who may see an entry, and how much of it.

use super::super::entry_reply::{EntryReply, Sight};
use crate::app::App;
use crate::audit::{Entry, LogEntry};
use crate::policy::Disclosure;
use crate::request::ClientId;

/// What of an entry this client may see; `None` where it may not know of it.
pub(super) fn show(
    app: &App,
    entry: &LogEntry,
    client: &ClientId,
    sees_all: bool,
) -> Option<EntryReply> {
    let sight = if sees_all { Sight::Audit } else { own_sight(app, entry, client)? };
    Some(EntryReply::new(entry, sight))
}

fn own_sight(app: &App, entry: &LogEntry, client: &ClientId) -> Option<Sight> {
    match entry {
        LogEntry::Request(entry) if entry.client == *client => Some(as_answered(app, entry)),
        LogEntry::Dispute(dispute) if dispute.client == *client => Some(LEAST),
        LogEntry::Request(_) | LogEntry::Dispute(_) | LogEntry::Act(_) | LogEntry::Totals(_) => {
            None
        }
    }
}

/// A policy that is not known any more discloses the least.
const LEAST: Sight = Sight::Answered { disclosure: Disclosure::Outcome, discloses_status: false };

fn as_answered(app: &App, entry: &Entry) -> Sight {
    app.policies.find_label(&entry.policy).map_or(LEAST, |policy| Sight::Answered {
        disclosure: policy.disclosure(),
        discloses_status: policy.discloses_status(),
    })
}
