//! An entry as the operator's search shows it: on the admin listener and on a terminal.
//!
//! No personal value is in an entry. Pseudonyms, by which requests about one person can be told to
//! be so, are for auditors.

use serde::Serialize;
use serde_json::{Map, Value};

use super::entry_reply::{EntryReply, Sight};
use crate::audit::{Decided, Entry, LogEntry, Quarter};
use crate::hex::hex;
use crate::projections::{Hit, Page};

/// A page of a search.
#[derive(Debug, Serialize)]
pub struct FoundReply {
    /// The entries, newest first.
    pub entries: Vec<Value>,
    /// What `after` takes to go on; null where there is nothing more.
    pub next: Option<String>,
}

impl FoundReply {
    /// Shows a page, with pseudonyms or without.
    pub fn new(page: &Page, shows_pseudonyms: bool) -> Self {
        Self {
            entries: page.hits.iter().map(|hit| show(hit, shows_pseudonyms)).collect(),
            next: page.next.as_ref().map(ToString::to_string),
        }
    }
}

/// The entry as it is shown everywhere, without what it has not, and its place in the log.
fn show(hit: &Hit, shows_pseudonyms: bool) -> Value {
    let mut shown = Map::new();
    shown.insert("log".into(), hit.log.as_str().into());
    shown.insert("index".into(), hit.index.into());
    let entry = serde_json::to_value(EntryReply::new(&hit.entry, Sight::Search));
    if let Ok(Value::Object(entry)) = entry {
        shown.extend(entry.into_iter().filter(|(_, value)| !value.is_null()));
    }
    if let LogEntry::Request(entry) = &hit.entry {
        add_figures(entry, &mut shown);
        if shows_pseudonyms {
            let pseudonym = entry.subject.pseudonym;
            shown.insert("pseudonym".into(), hex(&pseudonym.digest).into());
            shown.insert("quarter".into(), Quarter(pseudonym.period).to_string().into());
        }
    }
    Value::Object(shown)
}

/// What the operator looks for when something is slow, or was not asked.
fn add_figures(entry: &Entry, shown: &mut Map<String, Value>) {
    let Decided::Answered { status, registry_us, total_us, .. } = &entry.record else { return };
    shown.insert("subject_status".into(), status.name().into());
    shown.insert("registry_us".into(), (*registry_us).into());
    shown.insert("total_us".into(), (*total_us).into());
}
