//! What a caller gets to see: how deep the answer goes, and that it never tells whether a number
//! was issued.
//!
//! Numbers carry six random digits, of which about one in a hundred is live for a province, sex and
//! year: without this rule a caller could list the living by asking. The equal length of the answer
//! and its equal time are for those who write it.

use super::outcome::{Outcome, is_accepted};
use super::{Finding, Findings, Verdict};
use crate::policy::{Disclosure, Reason, ReasonSet};
use crate::request::{Attribute, AttributeSet, Claims, PartialDate, SubjectKey};

/// As much of a finding as the caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shown {
    /// The verdict.
    pub verdict: Verdict,
    /// Its reason; absent below [`Disclosure::Reasons`] even where there is one.
    pub reason: Option<Reason>,
}

/// Reduces findings to what `disclosure` shows of them, in the order of their attributes.
pub fn disclose(
    findings: &Findings,
    disclosure: Disclosure,
) -> impl Iterator<Item = (Attribute, Shown)> {
    findings.iter().filter_map(move |(attribute, finding)| {
        let reason = match disclosure {
            Disclosure::Outcome => return None,
            Disclosure::Verdicts => None,
            Disclosure::Reasons => finding.reason(),
        };
        let verdict = finding.verdict();
        Some((attribute, Shown { verdict, reason }))
    })
}

/// Whether the answer tells that a claim is wrong: by its outcome, by a verdict that it shows, or, of a
/// name, by the subject's token, which is the person's only where the name is right. Who asks on and on
/// for an attribute that decides nothing would learn it as well.
pub fn tells_wrong(
    findings: &Findings,
    outcome: Outcome,
    disclosure: Disclosure,
    accepted: ReasonSet,
) -> bool {
    let is_wrong = |finding: Finding| match finding.verdict() {
        Verdict::NoMatch => true,
        Verdict::Close => !is_accepted(finding, accepted),
        Verdict::Match | Verdict::NotOnFile | Verdict::NotChecked | Verdict::NotPermitted => false,
    };
    let shows_verdicts = disclosure > Disclosure::Outcome;
    let is_told = |attribute| shows_verdicts || attribute == Attribute::FullName;
    outcome == Outcome::NotMatched
        || findings.iter().any(|(attribute, finding)| is_told(attribute) && is_wrong(finding))
}

/// Whether the answer tells that a part of a date is right which the number that was asked does not spell:
/// the month of a birth date (and its year, unless a personal number was asked), or the year of a card. It may be accepted, and leads who asks on and on to the
/// whole all the same. What is not told, by a verdict or by the outcome, leads nowhere, and must not be
/// told by what it takes of a budget.
pub fn tells_part(
    claims: &Claims,
    findings: &Findings,
    asked: SubjectKey,
    is_told: impl Fn(Attribute) -> bool,
) -> bool {
    let spells_year = matches!(asked, SubjectKey::PersonalId(_));
    let is_part = |attribute, claim: Option<PartialDate>| {
        is_told(attribute)
            && claim.is_some_and(|date| date.day().is_none())
            && findings.get(attribute) == Some(Finding::because(Reason::YearOnly))
    };
    let birth = claims.date_of_birth.filter(|date| date.month().is_some() || !spells_year);
    is_part(Attribute::DateOfBirth, birth)
        || is_part(Attribute::CardIssueDate, claims.card_issue_date)
}

/// The findings on a number that was never issued: all that may be asked differs.
pub fn findings_for_unknown(sent: AttributeSet, permitted: AttributeSet) -> Findings {
    findings_alike(sent, permitted, Finding::DIFFERENT)
}

/// The same finding on all that may be asked; what may not be stays `not_permitted`.
pub fn findings_alike(sent: AttributeSet, permitted: AttributeSet, finding: Finding) -> Findings {
    sent.iter()
        .map(|attribute| {
            let may_be_asked = permitted.contains(attribute);
            (attribute, if may_be_asked { finding } else { Finding::NOT_PERMITTED })
        })
        .collect()
}

/// Hides that a number was issued from whoever does not know the name that goes with it.
///
/// Unless the policy discloses the status, or the name is right, the result is what
/// [`findings_for_unknown`] says about the same request: every attribute `no_match` / `different`,
/// `not_permitted` alone staying as it is, since it was decided before the record was read.
/// Outcome, advice and log must be made from the result, or they would tell what it hides.
///
/// A request to which the register gave no answer at all stays `registry_unavailable`: nothing was
/// read that could be hidden. One unavailable attribute among answered ones is hidden with them,
/// because an unissued number has no such attribute.
pub fn conceal_existence(
    findings: Findings,
    accepted: ReasonSet,
    discloses_status: bool,
) -> Findings {
    if discloses_status || knows_name(&findings, accepted) || is_unanswered(&findings) {
        return findings;
    }
    let permitted = findings
        .iter()
        .filter(|(_, finding)| finding.verdict() != Verdict::NotPermitted)
        .map(|(attribute, _)| attribute)
        .collect();
    findings_for_unknown(findings.attributes(), permitted)
}

/// Whether the caller named the person. `subject_ambiguous` says so too: it is found only where
/// several people under one old number bear the claimed name.
pub fn knows_name(findings: &Findings, accepted: ReasonSet) -> bool {
    findings.get(Attribute::FullName).is_some_and(|finding| {
        finding == Finding::MATCH
            || finding.reason() == Some(Reason::SubjectAmbiguous)
            || is_accepted(finding, accepted)
    })
}

/// Whether the register said nothing about anything that may be asked.
fn is_unanswered(findings: &Findings) -> bool {
    findings.iter().all(|(_, finding)| {
        finding == Finding::NOT_PERMITTED || finding.reason() == Some(Reason::RegistryUnavailable)
    })
}
