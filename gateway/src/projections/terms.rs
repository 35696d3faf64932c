//! What an entry can be found by, and what a search asks for.
//!
//! Pure. A term is `dimension=value`. The values of one dimension are alternatives, dimensions
//! narrow each other; whatever the index says, an entry is held against the filter itself before it
//! is shown.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use crate::audit::{self, Decided, Entry, Kind, LogEntry, RequestId};
use crate::clock::Micros;
use crate::matching::{Findings, Outcome};
use crate::policy::{Reason, Refusal};
use crate::request::{ClientId, Operation, Purpose};

/// Why an entry is not a plain match: a finding's reason, or that of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Of a finding.
    Reason(Reason),
    /// Of the policy.
    Refusal(Refusal),
}

impl Why {
    /// The name in a search.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reason(reason) => reason.name(),
            Self::Refusal(refusal) => refusal.name(),
        }
    }

    /// The reason with this name.
    pub fn find(name: &str) -> Option<Self> {
        let refusal = Refusal::ALL.into_iter().find(|refusal| refusal.name() == name);
        Reason::find(name).map(Self::Reason).or(refusal.map(Self::Refusal))
    }
}

/// What a search asks for; an empty filter finds everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of entry.
    pub kinds: Vec<Kind>,
    /// Clients.
    pub clients: Vec<ClientId>,
    /// Outcomes.
    pub outcomes: Vec<Outcome>,
    /// Reasons, of any attribute, and of refusals.
    pub reasons: Vec<Why>,
    /// Purposes.
    pub purposes: Vec<Purpose>,
    /// Operations.
    pub operations: Vec<Operation>,
    /// Policies with their versions, as entries name them; none for any.
    pub policies: Option<Vec<Arc<str>>>,
    /// First moment.
    pub from: Option<Micros>,
    /// The first moment after the last.
    pub until: Option<Micros>,
    /// The request.
    pub request_id: Option<RequestId>,
    /// Of a batch, which item.
    pub item: Option<u16>,
}

impl Filter {
    /// Terms of which an entry has one from each group.
    pub(super) fn terms(&self) -> Vec<Vec<String>> {
        fn group<T>(dimension: &str, values: &[T], name: impl Fn(&T) -> &str) -> Vec<String> {
            values.iter().map(|value| format!("{dimension}={}", name(value))).collect()
        }
        let groups = [
            group(KIND, &self.kinds, |kind| kind.name()),
            group(CLIENT, &self.clients, ClientId::as_str),
            group(OUTCOME, &self.outcomes, |outcome| outcome.name()),
            group(REASON, &self.reasons, |why| why.name()),
            group(PURPOSE, &self.purposes, Purpose::as_str),
            group(OPERATION, &self.operations, |operation| operation.name()),
        ];
        groups.into_iter().filter(|group| !group.is_empty()).collect()
    }

    /// The times in which an entry can lie; where a request is named, as `log prove` finds it.
    pub(super) fn times(&self) -> Range<i64> {
        let from = self.from.map_or(i64::MIN, |from| from.0);
        let until = self.until.map_or(i64::MAX, |until| until.0);
        let Some(times) = self.request_id.map(audit::times_of_request) else { return from..until };
        from.max(times.start.0)..until.min(times.end.0)
    }

    /// Whether an entry is one of those asked for.
    pub fn matches(&self, entry: &LogEntry) -> bool {
        fn any<T: PartialEq>(values: &[T], of_entry: Option<&T>) -> bool {
            values.is_empty() || of_entry.is_some_and(|value| values.contains(value))
        }
        let outcome = entry.request().and_then(Entry::outcome);
        self.times().contains(&entry.at().0)
            && self.request_id.is_none_or(|id| id == entry.request_id())
            && self.item.is_none_or(|item| item == entry.answer().item)
            && any(&self.kinds, Some(&entry.kind()))
            && self.policies.as_ref().is_none_or(|policies| is_under(entry, policies))
            && any(&self.clients, client(entry))
            && any(&self.purposes, purpose(entry))
            && any(&self.operations, operation(entry).as_ref())
            && any(&self.outcomes, outcome.as_ref())
            && (self.reasons.is_empty() || whys(entry).any(|why| self.reasons.contains(&why)))
    }
}

/// Whether an entry is of a request under one of these policies.
fn is_under(entry: &LogEntry, policies: &[Arc<str>]) -> bool {
    entry.request().is_some_and(|request| policies.contains(&request.policy))
}

const CLIENT: &str = "client";
const OUTCOME: &str = "outcome";
const REASON: &str = "reason";
const PURPOSE: &str = "purpose";
const OPERATION: &str = "operation";
const KIND: &str = "kind";
/// Quarter of the pseudonym key: which ones a log holds is asked by the history.
pub(super) const QUARTER: &str = "quarter";

/// Calls `each` with every term of an entry; with some of them more than once.
pub(super) fn for_each_term(entry: &LogEntry, mut each: impl FnMut(&str)) {
    let mut term = String::with_capacity(64);
    let mut say = |dimension: &str, value: &str| {
        term.clear();
        let _infallible = write!(term, "{dimension}={value}");
        each(&term);
    };
    say(KIND, entry.kind().name());
    if let Some(client) = client(entry) {
        say(CLIENT, client.as_str());
    }
    if let Some(purpose) = purpose(entry) {
        say(PURPOSE, purpose.as_str());
    }
    if let Some(operation) = operation(entry) {
        say(OPERATION, operation.name());
    }
    if let Some(request) = entry.request() {
        say(QUARTER, &request.subject.pseudonym.period.to_string());
        if let Some(outcome) = request.outcome() {
            say(OUTCOME, outcome.name());
        }
    }
    for why in whys(entry) {
        say(REASON, why.name());
    }
}

fn client(entry: &LogEntry) -> Option<&ClientId> {
    match entry {
        LogEntry::Request(entry) => Some(&entry.client),
        LogEntry::Dispute(dispute) => Some(&dispute.client),
        LogEntry::Act(_) | LogEntry::Totals(_) => None,
    }
}

fn purpose(entry: &LogEntry) -> Option<&Purpose> {
    match entry {
        LogEntry::Request(entry) => Some(&entry.purpose),
        LogEntry::Dispute(dispute) => Some(&dispute.purpose),
        LogEntry::Act(_) | LogEntry::Totals(_) => None,
    }
}

fn operation(entry: &LogEntry) -> Option<Operation> {
    match entry {
        LogEntry::Request(entry) => Some(entry.operation),
        LogEntry::Dispute(dispute) => Some(dispute.operation),
        LogEntry::Act(_) | LogEntry::Totals(_) => None,
    }
}

fn whys(entry: &LogEntry) -> impl Iterator<Item = Why> {
    let (findings, one) = match entry {
        LogEntry::Request(entry) => match &entry.record {
            Decided::Answered { findings, .. } => (Some(findings), None),
            Decided::Refused { refusal, .. } => (None, Some(Why::Refusal(*refusal))),
            Decided::Disclosed { .. } => (None, None),
        },
        LogEntry::Dispute(dispute) => (None, dispute.reason.map(Why::Reason)),
        LogEntry::Act(_) | LogEntry::Totals(_) => (None, None),
    };
    let reasons = findings.into_iter().flat_map(Findings::iter);
    reasons.filter_map(|(_, finding)| finding.reason().map(Why::Reason)).chain(one)
}
