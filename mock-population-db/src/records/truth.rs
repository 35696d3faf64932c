//! The right answer to a record: what the comparison must find, and what a caller must be shown of
//! it under a policy.
//!
//! This is the contract seen from the outside, in its own words and its own code: it is what the
//! gateway is held against, so it shares nothing with it.

use std::sync::LazyLock;

use super::Mistake;
use crate::digits::PersonalNumber;
use crate::tables;

/// The attributes a record can hold, in the order in which they are written.
const ATTRIBUTES: [&str; 4] = ["full_name", "date_of_birth", "sex", "permanent_address"];

/// The verdict on one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedVerdict {
    /// The attribute.
    pub attribute: &'static str,
    /// `match`, `close` or `no_match`.
    pub verdict: &'static str,
    /// Why it is not a match.
    pub reason: Option<&'static str>,
}

/// What a policy asks of an answer, as far as it decides the right one.
#[derive(Debug, Clone, Copy)]
pub struct PolicyView<'a> {
    /// Attributes that decide the outcome.
    pub required: &'a [&'a str],
    /// Reasons of a near miss that are good enough.
    pub accepted_reasons: &'a [&'a str],
    /// Whether the caller may know that a number exists.
    pub discloses_status: bool,
}

/// The right answer under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the outcome is `matched`; else it is `not_matched`.
    pub is_matched: bool,
    /// The verdicts that are shown.
    pub attributes: Vec<ExpectedVerdict>,
}

/// What is true of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// What is wrong with it.
    pub mistake: Mistake,
    /// The person the holder means.
    pub personal_id: PersonalNumber,
    /// Where the subject that was asked about stands: `active`, `deceased`, `superseded`, `unknown`.
    pub status: &'static str,
    /// What a comparison finds about each attribute that the record holds.
    pub findings: Vec<ExpectedVerdict>,
}

impl Truth {
    /// What a comparison finds about a record with this mistake that holds these attributes.
    pub(super) fn findings(mistake: Mistake, held: impl Fn(&str) -> bool) -> Vec<ExpectedVerdict> {
        ATTRIBUTES
            .into_iter()
            .filter(|attribute| held(attribute))
            .map(|attribute| expected(mistake, attribute))
            .collect()
    }

    /// The right answer for a caller with this policy.
    ///
    /// Whoever may not know that a number exists, and does not know the name, is told that
    /// everything differs.
    pub fn answer(&self, policy: PolicyView<'_>) -> Answer {
        let accepts = |finding: &ExpectedVerdict| match finding.verdict {
            "match" => true,
            "close" => finding.reason.is_some_and(|it| policy.accepted_reasons.contains(&it)),
            _ => false,
        };
        let knows_name = self.findings.iter().any(|it| it.attribute == "full_name" && accepts(it));
        let attributes: Vec<ExpectedVerdict> = if policy.discloses_status || knows_name {
            self.findings.clone()
        } else {
            self.findings.iter().map(|finding| different(finding.attribute)).collect()
        };
        let is_matched = attributes
            .iter()
            .filter(|finding| policy.required.contains(&finding.attribute))
            .all(accepts);
        Answer { is_matched, attributes }
    }
}

/// Where the subject stands that a record with this mistake leads to; `active` where the table has
/// no row.
pub(super) fn status(mistake: Mistake) -> &'static str {
    EXPECTED
        .iter()
        .find(|row| row.mistake == mistake && row.attribute == "status")
        .map_or("active", |row| row.verdict)
}

fn different(attribute: &'static str) -> ExpectedVerdict {
    ExpectedVerdict { attribute, verdict: "no_match", reason: Some("different") }
}

/// A row of the table of expected verdicts; `*` stands for every attribute, `status` for the
/// standing of the subject.
struct Row {
    mistake: Mistake,
    attribute: &'static str,
    verdict: &'static str,
    reason: Option<&'static str>,
}

static EXPECTED: LazyLock<Vec<Row>> = LazyLock::new(|| {
    tables::rows(include_str!("../../data/holders/expected.csv"))
        .map(|[mistake, attribute, verdict, reason, _]: [&str; 5]| Row {
            mistake: Mistake::find(mistake).expect("the table names mistakes that there are"),
            attribute,
            verdict,
            reason: (!reason.is_empty()).then_some(reason),
        })
        .collect()
});

/// The verdict that a comparison comes to; `match` where the table has no row.
fn expected(mistake: Mistake, attribute: &'static str) -> ExpectedVerdict {
    EXPECTED
        .iter()
        .find(|row| row.mistake == mistake && (row.attribute == attribute || row.attribute == "*"))
        .map_or(ExpectedVerdict { attribute, verdict: "match", reason: None }, |row| {
            ExpectedVerdict { attribute, verdict: row.verdict, reason: row.reason }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Holder;

    fn truth(mistake: Mistake) -> Truth {
        Truth {
            mistake,
            personal_id: PersonalNumber::from_value(1_090_012_345),
            status: status(mistake),
            findings: Truth::findings(mistake, |attribute| attribute != "permanent_address"),
        }
    }

    fn words(answer: &Answer) -> Vec<(&str, Option<&str>)> {
        answer.attributes.iter().map(|it| (it.verdict, it.reason)).collect()
    }

    #[test]
    fn every_mistake_has_its_row_in_the_table() {
        for mistake in Mistake::ALL {
            assert!(EXPECTED.iter().any(|row| row.mistake == mistake), "{}", mistake.name());
        }
        let mut attributes = EXPECTED.iter().map(|row| row.attribute);
        assert!(attributes.all(|it| ["*", "status"].contains(&it) || ATTRIBUTES.contains(&it)));
    }

    #[test]
    fn missing_marks_match_for_a_carrier_and_not_for_a_ministry() {
        let truth = truth(Mistake::NoMarks);
        let carrier = truth.answer(Holder::Carrier.usual_policy());
        assert!(carrier.is_matched);
        let shown = [("close", Some("marks_missing")), ("match", None), ("match", None)];
        assert_eq!(words(&carrier), shown);
        let ministry = truth.answer(Holder::Ministry.usual_policy());
        assert!(!ministry.is_matched);
        assert_eq!(words(&ministry), shown);
    }

    #[test]
    fn a_wrong_name_hides_the_rest_from_who_may_not_know_of_the_number() {
        let truth = truth(Mistake::NameTypo);
        let name = truth.findings[0];
        assert!(name.verdict != "match");
        let hidden = [("no_match", Some("different")); 3];
        assert_eq!(words(&truth.answer(Holder::Carrier.usual_policy())), hidden);
        let shown = truth.answer(Holder::Locality.usual_policy());
        assert_eq!(shown.attributes, truth.findings);
    }
}
