//! The rules that sum findings up and hide them, over all combinations.

use super::*;
use crate::policy::{Disclosure, Reason, ReasonSet};
use crate::population::SubjectStatus;
use crate::request::{FullName, OldIdNumber, PartialDate};

/// Three attributes stand for all: the name, which decides existence, and two others.
const ATTRIBUTES: [Attribute; 3] =
    [Attribute::FullName, Attribute::DateOfBirth, Attribute::InsuranceNumber];

/// Every finding there is.
fn all_findings() -> Vec<Finding> {
    let plain = [Finding::MATCH, Finding::NOT_ON_FILE, Finding::NOT_PERMITTED];
    plain.into_iter().chain(Reason::ALL.map(Finding::because)).collect()
}

/// Every combination of findings, absent ones included, over [`ATTRIBUTES`].
fn all_combinations() -> Vec<Findings> {
    let mut combinations = vec![Findings::EMPTY];
    for attribute in ATTRIBUTES {
        let without = combinations.clone();
        for finding in all_findings() {
            combinations.extend(without.iter().map(|f| f.with(attribute, finding)));
        }
    }
    combinations
}

fn subsets() -> Vec<AttributeSet> {
    (0..1 << ATTRIBUTES.len())
        .map(|bits| {
            let is_in = |place: &usize| bits & (1 << place) != 0;
            (0..ATTRIBUTES.len()).filter(is_in).map(|place| ATTRIBUTES[place]).collect()
        })
        .collect()
}

fn accepted_sets() -> [ReasonSet; 3] {
    [
        ReasonSet::EMPTY,
        [Reason::MarksMissing, Reason::YearOnly].into_iter().collect(),
        Reason::ALL.into_iter().collect(),
    ]
}

#[test]
fn numbers_and_names_of_the_log_are_fixed() {
    let verdicts = Verdict::ALL.map(|v| format!("{} {}", v as u8, v.name())).join(", ");
    assert_eq!(
        verdicts,
        "1 match, 2 close, 3 no_match, 4 not_on_file, 5 not_checked, 6 not_permitted"
    );
    let reasons = Reason::ALL.map(|r| format!("{} {}", r as u8, r.name())).join(", ");
    assert_eq!(
        reasons,
        "1 marks_missing, 2 tone_differs, 3 one_letter, 4 token_missing, 5 extra_token, \
         6 token_order, 7 initials, 8 day_month_swapped, 9 one_digit, 10 year_only, \
         11 merged_place, 12 squashed, 13 subject_ambiguous, 14 registry_unavailable, 15 different"
    );
    let outcomes = Outcome::ALL.map(|o| format!("{} {}", o as u8, o.name())).join(", ");
    assert_eq!(outcomes, "1 matched, 2 not_matched, 3 inconclusive, 4 refused");
    for number in 0..=u8::MAX {
        assert!(Verdict::from_number(number).is_none_or(|v| v as u8 == number));
        assert!(Reason::from_number(number).is_none_or(|r| r as u8 == number));
        assert!(Outcome::from_number(number).is_none_or(|o| o as u8 == number));
    }
}

/// The sentence of the design, word for word, over every combination.
#[test]
fn the_outcome_follows_its_definition() {
    for findings in all_combinations() {
        for required in subsets() {
            for accepted in accepted_sets() {
                let any = |test: &dyn Fn(Option<Finding>) -> bool| {
                    required.iter().any(|attribute| test(findings.get(attribute)))
                };
                let speaks_against = any(&|finding| {
                    finding.is_some_and(|finding| match finding.verdict() {
                        Verdict::NoMatch => true,
                        Verdict::Close => !accepted.contains(finding.reason().unwrap()),
                        _ => false,
                    })
                });
                let is_open = any(&|finding| {
                    finding.is_none_or(|finding| {
                        !matches!(
                            finding.verdict(),
                            Verdict::Match | Verdict::Close | Verdict::NoMatch
                        )
                    })
                });
                let expected = match (speaks_against, is_open) {
                    (true, _) => Outcome::NotMatched,
                    (false, true) => Outcome::Inconclusive,
                    (false, false) => Outcome::Matched,
                };
                assert_eq!(outcome(&findings, required, accepted), expected, "{findings:?}");
            }
        }
    }
}

/// Whoever does not name the person sees, of an issued number, what an unissued one shows: in the
/// findings and therefore in the outcome, at every depth of disclosure and in the advice.
#[test]
fn without_the_name_an_issued_number_answers_like_an_unissued_one() {
    for findings in all_combinations() {
        let sent = findings.attributes();
        let is_permitted = |a: &Attribute| findings.get(*a) != Some(Finding::NOT_PERMITTED);
        let permitted: AttributeSet = sent.iter().filter(is_permitted).collect();
        let unknown = findings_for_unknown(sent, permitted);
        let name = findings.get(Attribute::FullName);
        for accepted in accepted_sets() {
            assert_eq!(conceal_existence(findings, accepted, true), findings);
            let concealed = conceal_existence(findings, accepted, false);
            let names_the_person = name.is_some_and(|name| match name.verdict() {
                Verdict::Match => true,
                Verdict::Close => accepted.contains(name.reason().unwrap()),
                Verdict::NotChecked => name.reason() == Some(Reason::SubjectAmbiguous),
                Verdict::NoMatch | Verdict::NotOnFile | Verdict::NotPermitted => false,
            });
            let unavailable = Finding::because(Reason::RegistryUnavailable);
            let nothing_was_read =
                permitted.iter().all(|attribute| findings.get(attribute) == Some(unavailable));
            if names_the_person || nothing_was_read {
                assert_eq!(concealed, findings);
                continue;
            }
            assert_eq!(concealed, unknown, "{findings:?}");
            assert_eq!(
                conceal_existence(unknown, accepted, false),
                unknown,
                "the unissued number itself passes the same way"
            );
        }
    }
}

/// The same, told from the outside: any two people, or none, behind a wrong or absent name.
#[test]
fn no_record_shows_through_a_wrong_or_absent_name() {
    let permitted: AttributeSet =
        [Attribute::FullName, Attribute::DateOfBirth, Attribute::OldIdNumber].into_iter().collect();
    let accepted: ReasonSet = [Reason::MarksMissing].into_iter().collect();
    for full_name in [None, Some("Trần Thị Bình"), Some("NGUYEN VAN ANH")] {
        let claims =
            Claims { full_name: full_name.map(|name| FullName::parse(name).unwrap()), ..claims() };
        let unknown = findings_for_unknown(claims.asked(), permitted);
        for record in [record(), Record::default()] {
            let findings = compare(&claims, permitted, &record);
            assert_eq!(conceal_existence(findings, accepted, false), unknown);
        }
    }
}

fn claims() -> Claims {
    Claims {
        full_name: Some(FullName::parse("NGUYEN VAN HOA").unwrap()),
        date_of_birth: Some(PartialDate::parse("05/01/1990").unwrap()),
        sex: Some(Sex::Male),
        old_id_number: Some(OldIdNumber::parse("012345678").unwrap()),
        ..Claims::default()
    }
}

fn record() -> Record {
    Record {
        full_name: Some("Nguyễn Văn Hoà".into()),
        date_of_birth: Some(PartialDate::parse("1990-05-01").unwrap()),
        sex: Some(Sex::Male),
        ..Record::default()
    }
}

#[test]
fn each_claim_is_compared_with_its_own_value() {
    let permitted: AttributeSet =
        [Attribute::FullName, Attribute::DateOfBirth, Attribute::OldIdNumber].into_iter().collect();
    let found: Vec<_> = compare(&claims(), permitted, &record()).iter().collect();
    assert_eq!(
        found,
        [
            (Attribute::FullName, Finding::because(Reason::MarksMissing)),
            (Attribute::DateOfBirth, Finding::because(Reason::DayMonthSwapped)),
            (Attribute::Sex, Finding::NOT_PERMITTED),
            (Attribute::OldIdNumber, Finding::NOT_ON_FILE),
        ]
    );
    assert_eq!(compare_sex(Sex::Male, Sex::Female), Finding::DIFFERENT);
    assert_eq!(compare_number("012345678", "012345679"), Finding::DIFFERENT);
}

#[test]
fn an_answer_shows_no_more_than_its_depth() {
    let findings = compare(&claims(), claims().asked(), &record());
    assert_eq!(disclose(&findings, Disclosure::Outcome).count(), 0);
    assert!(disclose(&findings, Disclosure::Verdicts).all(|(_, shown)| shown.reason.is_none()));
    for ((attribute, shown), (expected, finding)) in
        disclose(&findings, Disclosure::Reasons).zip(findings.iter())
    {
        assert_eq!(
            (attribute, shown.verdict, shown.reason),
            (expected, finding.verdict(), finding.reason())
        );
    }
}

/// Answers that look alike carry the same advice, and every answer but `matched` carries some.
#[test]
fn advice_tells_no_more_than_the_answer_shows() {
    for disclosure in Disclosure::ALL {
        for status in SubjectStatus::ALL.map(Some).into_iter().chain([None]) {
            let mut given = std::collections::HashMap::new();
            for findings in all_combinations() {
                for result in Outcome::ALL {
                    let advice = advice(result, &findings, accepted_sets()[1], disclosure, status);
                    assert_eq!(advice.is_none(), result == Outcome::Matched);
                    let shown: Vec<_> = disclose(&findings, disclosure).collect();
                    let earlier = *given.entry((shown_key(&shown), result)).or_insert(advice);
                    assert_eq!(earlier, advice);
                }
            }
        }
    }
}

fn shown_key(shown: &[(Attribute, Shown)]) -> Vec<(Attribute, Verdict, Option<Reason>)> {
    shown.iter().map(|(attribute, shown)| (*attribute, shown.verdict, shown.reason)).collect()
}

#[test]
fn advice_fits_what_went_wrong() {
    let accepted: ReasonSet = [Reason::MarksMissing].into_iter().collect();
    let name = Attribute::FullName;
    let birth = Attribute::DateOfBirth;
    let marks = Finding::because(Reason::MarksMissing);
    let swapped = Finding::because(Reason::DayMonthSwapped);
    let merged = Finding::because(Reason::MergedPlace);
    let not_matched = |findings, status| {
        advice(Outcome::NotMatched, &findings, accepted, Disclosure::Reasons, status).unwrap()
    };
    let named = Findings::EMPTY.with(name, marks);
    for (findings, status, expected) in [
        (named.with(birth, swapped), None, Advice::RetypeDayMonth),
        (named.with(birth, Finding::DIFFERENT), None, Advice::CopyFromCard),
        (named.with(Attribute::InsuranceNumber, Finding::DIFFERENT), None, Advice::OpenDispute),
        (named.with(Attribute::PermanentAddress, merged), None, Advice::UseNewPlaceCode),
        (named, Some(SubjectStatus::Superseded), Advice::UseNewNumber),
        (named, Some(SubjectStatus::Unknown), Advice::RetypeNumber),
    ] {
        assert_eq!(not_matched(findings, status), expected, "{findings:?}");
    }
    for (finding, expected) in [
        (Finding::because(Reason::SubjectAmbiguous), Advice::UseNewNumber),
        (Finding::because(Reason::RegistryUnavailable), Advice::RetryLater),
        (Finding::NOT_ON_FILE, Advice::CorrectAtPolice),
        (Finding::NOT_PERMITTED, Advice::AskOperator),
    ] {
        let findings = Findings::EMPTY.with(birth, finding);
        let given = advice(Outcome::Inconclusive, &findings, accepted, Disclosure::Reasons, None);
        assert_eq!(given, Some(expected));
    }
    let codes: std::collections::HashSet<_> = Advice::ALL.map(Advice::code).into_iter().collect();
    assert_eq!(codes.len(), Advice::ALL.len());
    for advice in Advice::ALL {
        assert!(advice.vi().ends_with('.') && advice.en().ends_with('.'));
    }
}
