//! The table against what it promises: everything that can be forced is, and by people who stay.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use mock_population_db::DEFAULT_SEED;
use mock_population_db::records::{Holder, Records};

use super::super::PEOPLE;
use super::super::clients::CLIENTS;
use super::*;
use crate::matching::{Advice, Verdict};
use crate::policy::Reason;
use crate::population::SubjectStatus;
use crate::request::{Attribute, Operation};

/// Digest of everybody's personal number. It changes only on purpose: with a
/// new row, or when other people are meant.
const DIGEST: u64 = 0x8e27_733d_b32d_7cc3;

/// Advice that no policy of the sandbox leads to today: all require name and birth date alone,
/// which everybody has on file, everybody may ask about, and whose repair comes first.
const NOT_TODAY: [Advice; 4] =
    [Advice::UseNewPlaceCode, Advice::CorrectAtPolice, Advice::OpenDispute, Advice::AskOperator];

static NATION: LazyLock<Nation> = LazyLock::new(|| Nation::new(DEFAULT_SEED));
static PERSONAS: LazyLock<Vec<Persona>> =
    LazyLock::new(|| find(&NATION, &SubjectTokens::new(&[1; 32])).unwrap());

/// The different values of a column.
fn all(column: fn(&'static Row) -> Option<&'static str>) -> HashSet<&'static str> {
    PERSONAS.iter().filter_map(|persona| column(&persona.row)).collect()
}

#[test]
fn every_verdict_reason_status_and_advice_occurs() {
    let verdicts = Verdict::ALL.map(Verdict::name);
    assert_eq!(all(|row| row.expected_verdict.as_deref()), verdicts.into());
    let statuses = SubjectStatus::ALL.into_iter().filter(|it| *it != SubjectStatus::NotAsked);
    let statuses = statuses.map(SubjectStatus::name).collect();
    assert_eq!(all(|row| row.expected_status.as_deref()), statuses);
    let advice = Advice::ALL.into_iter().filter(|advice| !NOT_TODAY.contains(advice));
    assert_eq!(all(|row| row.expected_advice.as_deref()), advice.map(Advice::code).collect());
    // What is not recognised yet has its row already.
    let (forced, expected) =
        (all(|row| Some(&row.forces)), all(|row| row.expected_reason.as_deref()));
    for reason in Reason::ALL.map(Reason::name) {
        let is_forced = forced.contains(format!("reason {reason}").as_str());
        assert!(is_forced || expected.contains(reason), "{reason}");
    }
}

#[test]
fn rows_name_what_there_is() {
    let mut names = HashSet::new();
    for Persona { row, .. } in PERSONAS.iter() {
        assert!(names.insert(&row.persona), "{row:?}");
        let client = CLIENTS.iter().find(|client| client.client_id.as_str() == row.client_id);
        assert!(client.unwrap().policy.operations.contains(&Operation::Verify), "{row:?}");
        assert_eq!(
            client.unwrap().policy.purposes.contains(&row.purpose),
            row.expected_http != 403,
            "{row:?}"
        );
        let attribute = row.attribute.as_deref();
        assert!(attribute.is_none_or(|name| Attribute::find(name).is_some()), "{row:?}");
        assert_eq!(row.expected_http == 200, row.expected_verdict.is_some(), "{row:?}");
        for text in [&row.vi, &row.en] {
            assert!(text.ends_with('.') && !text[..text.len() - 1].contains(". "), "{row:?}");
        }
    }
    assert!((55..=70).contains(&names.len()), "{}", names.len());
}

#[test]
fn everybody_is_somebody_else_unless_the_row_says_so() {
    let by_name: HashMap<&str, &Persona> =
        PERSONAS.iter().map(|persona| (persona.row.persona.as_str(), persona)).collect();
    let mut seen = HashSet::new();
    for persona in PERSONAS.iter() {
        let number = persona.found.person.personal_id;
        match &persona.row.same_person_as {
            None => assert!(seen.insert(number), "{:?}", persona.row),
            Some(name) => {
                let same = by_name[name.as_str()];
                assert_eq!(same.found.person.personal_id, number, "{:?}", persona.row);
                assert_eq!(same.row.who, persona.row.who, "{:?}", persona.row);
            }
        }
    }
}

#[test]
fn nobody_else_meets_the_faults_of_a_persona() {
    let faults = faults(&PERSONAS);
    assert_eq!(faults.len(), 7);
    let unlucky: HashSet<_> = faults.iter().map(|fault| fault.personal_id).collect();
    // Those of `people.ndjson`, and those the demonstration asks about.
    for holder in Holder::ALL {
        let mut demonstrated = Records::new(&NATION, holder, holder.profile(), 0).take(10_000);
        let met = demonstrated.find(|record| unlucky.contains(&record.truth.personal_id));
        assert!(met.is_none(), "{met:?}");
    }
    for sample in [PEOPLE, 10_000] {
        let met = NATION.sample(sample).find(|person| unlucky.contains(&person.personal_id));
        assert_eq!(met, None);
    }
    for persona in PERSONAS.iter().filter(|persona| persona.row.register == Register::Well) {
        let other = persona.found.other.as_ref().map(|other| other.personal_id);
        assert!(!unlucky.contains(&persona.found.person.personal_id), "{:?}", persona.row);
        assert!(other.is_none_or(|other| !unlucky.contains(&other)), "{:?}", persona.row);
    }
}

#[test]
fn personas_stay_who_they_are() {
    let mut numbers = String::new();
    for persona in PERSONAS.iter() {
        numbers += persona.found.person.personal_id.as_str();
    }
    let digest = digest(&SHA256, numbers.as_bytes());
    let first = u64::from_be_bytes(digest.as_ref()[..8].try_into().unwrap());
    assert_eq!(first, DIGEST, "{first:#x}");
}
