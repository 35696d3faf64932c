//! From findings to the outcome of the whole request. The answer, the log and every report take
//! their outcome from here.

use super::{Finding, Findings, Verdict};
use crate::policy::ReasonSet;
use crate::request::AttributeSet;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// Every required attribute fits.
    Matched = 1,
    /// A required attribute does not fit.
    NotMatched = 2,
    /// Nothing speaks against it, but a required attribute could not be compared.
    Inconclusive = 3,
    /// The policy refused the request. Matching never comes to this.
    Refused = 4,
}

impl Outcome {
    /// All outcomes in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Matched, Self::NotMatched, Self::Inconclusive, Self::Refused];

    /// The name on the wire and in the counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::NotMatched => "not_matched",
            Self::Inconclusive => "inconclusive",
            Self::Refused => "refused",
        }
    }

    /// The outcome with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| *outcome as u8 == number)
    }
}

/// The outcome of `findings` under a policy that requires these attributes and accepts these near
/// misses. What is not required never decides.
///
/// A required attribute without a finding counts as `not_checked`: the border demands it
/// (`required-attribute-missing`), so that it can be absent only by our own mistake, and that must
/// not read as a match.
pub fn outcome(findings: &Findings, required: AttributeSet, accepted: ReasonSet) -> Outcome {
    let mut outcome = Outcome::Matched;
    for attribute in required.iter() {
        let weight = findings
            .get(attribute)
            .map_or(Outcome::Inconclusive, |finding| weigh(finding, accepted));
        match weight {
            Outcome::NotMatched => return Outcome::NotMatched,
            Outcome::Inconclusive => outcome = Outcome::Inconclusive,
            Outcome::Matched | Outcome::Refused => {}
        }
    }
    outcome
}

/// What one required finding comes to by itself.
fn weigh(finding: Finding, accepted: ReasonSet) -> Outcome {
    match finding.verdict() {
        Verdict::Match => Outcome::Matched,
        Verdict::Close if is_accepted(finding, accepted) => Outcome::Matched,
        Verdict::Close | Verdict::NoMatch => Outcome::NotMatched,
        Verdict::NotOnFile | Verdict::NotChecked | Verdict::NotPermitted => Outcome::Inconclusive,
    }
}

/// Whether the policy lets this near miss pass. `different` in a set of accepted reasons changes
/// nothing: only `close` can be accepted.
pub(super) fn is_accepted(finding: Finding, accepted: ReasonSet) -> bool {
    finding.verdict() == Verdict::Close
        && finding.reason().is_some_and(|reason| accepted.contains(reason))
}
