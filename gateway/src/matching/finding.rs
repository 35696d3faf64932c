//! What was found about one attribute, and about all attributes of one request.
//!
//! A verdict and its reason are made together, so that no pair exists which the log and the
//! published error table do not know.

use super::Verdict;
use crate::policy::Reason;
use crate::request::{Attribute, AttributeSet};

/// The verdict on one attribute with its reason.
///
/// Every reason belongs to one verdict ([`Verdict::of`]); `match`, `not_on_file` and
/// `not_permitted` have none. There is no way to make another pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Finding {
    verdict: Verdict,
    reason: Option<Reason>,
}

impl Finding {
    /// Claim and record are the same value.
    pub const MATCH: Self = Self::without_reason(Verdict::Match);
    /// The register holds no value to compare with.
    pub const NOT_ON_FILE: Self = Self::without_reason(Verdict::NotOnFile);
    /// The policy does not name the attribute.
    pub const NOT_PERMITTED: Self = Self::without_reason(Verdict::NotPermitted);
    /// Claim and record differ, in no way that has a name.
    pub const DIFFERENT: Self = Self { verdict: Verdict::NoMatch, reason: Some(Reason::Different) };

    /// The finding that has this reason.
    pub fn because(reason: Reason) -> Self {
        Self { verdict: Verdict::of(reason), reason: Some(reason) }
    }

    /// Reads the two numbers of a log entry, 0 standing for no reason; `None` for a pair that
    /// cannot be.
    pub fn from_numbers(verdict: u8, reason: u8) -> Option<Self> {
        let verdict = Verdict::from_number(verdict)?;
        let finding = match reason {
            0 => match verdict {
                Verdict::Match => Self::MATCH,
                Verdict::NotOnFile => Self::NOT_ON_FILE,
                Verdict::NotPermitted => Self::NOT_PERMITTED,
                Verdict::Close | Verdict::NoMatch | Verdict::NotChecked => return None,
            },
            number => Self::because(Reason::from_number(number)?),
        };
        (finding.verdict == verdict).then_some(finding)
    }

    /// The verdict.
    pub fn verdict(self) -> Verdict {
        self.verdict
    }

    /// Why the verdict is not `match`, where there is more to say than the verdict.
    pub fn reason(self) -> Option<Reason> {
        self.reason
    }

    const fn without_reason(verdict: Verdict) -> Self {
        Self { verdict, reason: None }
    }
}

/// The findings of one request, at most one for each attribute. No heap: one is made per row of a
/// file of millions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Findings([Option<Finding>; Attribute::ALL.len()]);

impl Findings {
    /// Nothing was asked.
    pub const EMPTY: Self = Self([None; Attribute::ALL.len()]);

    /// The same finding for each of `attributes`, as when the register did not answer at all.
    pub fn all(attributes: AttributeSet, finding: Finding) -> Self {
        attributes.iter().map(|attribute| (attribute, finding)).collect()
    }

    /// What was found about `attribute`; `None` when it was not sent.
    pub fn get(&self, attribute: Attribute) -> Option<Finding> {
        self.0[Self::place(attribute)]
    }

    /// The findings with this one in them, in place of an earlier one on the same attribute.
    #[must_use]
    pub fn with(mut self, attribute: Attribute, finding: Finding) -> Self {
        self.0[Self::place(attribute)] = Some(finding);
        self
    }

    /// The findings in the order of their attributes.
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, Finding)> {
        let findings = self.0;
        Attribute::ALL
            .into_iter()
            .filter_map(move |attribute| Some((attribute, findings[Self::place(attribute)]?)))
    }

    /// The attributes with a finding.
    pub fn attributes(&self) -> AttributeSet {
        self.iter().map(|(attribute, _)| attribute).collect()
    }

    /// Whether nothing was found, because nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Attributes are numbered from 1 without gaps; a test holds them to it.
    fn place(attribute: Attribute) -> usize {
        attribute as usize - 1
    }
}

impl FromIterator<(Attribute, Finding)> for Findings {
    fn from_iter<I: IntoIterator<Item = (Attribute, Finding)>>(findings: I) -> Self {
        findings
            .into_iter()
            .fold(Self::EMPTY, |all, (attribute, finding)| all.with(attribute, finding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_read_from_the_log_is_one_that_could_be_written() {
        let mut pairs = 0;
        for verdict in 0..=u8::MAX {
            for reason in 0..=u8::MAX {
                let Some(finding) = Finding::from_numbers(verdict, reason) else {
                    continue;
                };
                pairs += 1;
                assert_eq!(finding.verdict() as u8, verdict);
                assert_eq!(finding.reason().map_or(0, |reason| reason as u8), reason);
            }
        }
        assert_eq!(pairs, 3 + Reason::ALL.len());
    }

    #[test]
    fn every_attribute_has_its_own_place() {
        for (place, attribute) in Attribute::ALL.into_iter().enumerate() {
            assert_eq!(Findings::place(attribute), place);
        }
        let findings = Findings::EMPTY
            .with(Attribute::InsuranceNumber, Finding::DIFFERENT)
            .with(Attribute::FullName, Finding::MATCH);
        let read: Vec<_> = findings.iter().collect();
        assert_eq!(
            read,
            [
                (Attribute::FullName, Finding::MATCH),
                (Attribute::InsuranceNumber, Finding::DIFFERENT)
            ]
        );
        assert_eq!(findings.get(Attribute::Sex), None);
    }
}
