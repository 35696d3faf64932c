//! What an entry takes from its client's quotas. The figures of usage are made of the counters by
//! the same two questions, so that usage, report and recount agree.
//!
//! Pure. Our own failures are not charged: nothing is where the register did not say whom the
//! request was about. Such an entry holds verdicts of `not_checked` and `not_permitted` alone, so
//! that attributes can be counted by their verdicts, whatever entry they stand in.

use super::entry::{Decided, LogEntry};
use crate::matching::{Outcome, Verdict};
use crate::population::SubjectStatus;
use crate::rate_limit::Amount;

/// Whether a counted request of this outcome and status is charged.
pub fn is_charged(outcome: Outcome, status: SubjectStatus) -> bool {
    let is_answered = match outcome {
        Outcome::Matched | Outcome::NotMatched | Outcome::Inconclusive => true,
        Outcome::Refused => false,
    };
    is_answered && status != SubjectStatus::NotAsked
}

/// Whether an attribute with this verdict is charged.
pub fn is_charged_attribute(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Match | Verdict::Close | Verdict::NoMatch | Verdict::NotOnFile => true,
        Verdict::NotChecked | Verdict::NotPermitted => false,
    }
}

/// What an entry is charged with.
pub fn metered(entry: &LogEntry) -> Amount {
    let nothing = Amount::default();
    let Some(request) = entry.request().filter(|it| it.operation.is_counted()) else {
        return nothing;
    };
    match &request.record {
        Decided::Answered { findings, outcome, status, .. } if is_charged(*outcome, *status) => {
            let verdicts = findings.iter().map(|(_, finding)| finding.verdict());
            Amount::request(verdicts.filter(|verdict| is_charged_attribute(*verdict)).count())
        }
        Decided::Answered { .. } | Decided::Refused { .. } | Decided::Disclosed { .. } => nothing,
    }
}
