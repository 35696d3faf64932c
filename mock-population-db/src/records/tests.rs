//! Records are what they say: the mistake is in them, the truth is true, and shares are exact.

use std::collections::HashMap;

use super::*;
use crate::{DEFAULT_SEED, Key, Nation, Person};

fn records(nation: &Nation, holder: Holder, count: usize) -> Vec<Record> {
    Records::new(nation, holder, holder.profile(), 0).take(count).collect()
}

/// The people a record's number leads to.
fn found(nation: &Nation, record: &Record) -> Vec<Person> {
    let key = match record.number {
        HeldNumber::PersonalId(number) => Key::PersonalId(number),
        HeldNumber::OldIdNumber(number) => Key::OldIdNumber(number),
        HeldNumber::InsuranceNumber(number) => Key::InsuranceNumber(number),
    };
    nation.find_by(key).map(|hit| hit.person).collect()
}

#[test]
fn a_record_without_a_mistake_is_the_register_s() {
    let nation = Nation::new(DEFAULT_SEED);
    for record in records(&nation, Holder::Ministry, 5_000) {
        if record.truth.mistake != Mistake::None {
            continue;
        }
        let [person] = &found(&nation, &record)[..] else { panic!("{record:?}") };
        assert_eq!(person.personal_id, record.truth.personal_id);
        assert_eq!(person.full_name, record.full_name);
        assert_eq!(person.date_of_birth.to_string(), record.date_of_birth);
        assert!(record.sex.is_none_or(|sex| sex == person.sex));
        assert!(record.permanent_address.is_none_or(|place| place == person.permanent_address));
        assert!(record.truth.findings.iter().all(|finding| finding.verdict == "match"));
    }
}

#[test]
fn numbers_lead_where_the_mistake_says() {
    let nation = Nation::new(DEFAULT_SEED);
    for holder in Holder::ALL {
        for record in records(&nation, holder, 4_000) {
            let found = found(&nation, &record);
            let leads_to_the_person =
                found.iter().any(|person| person.personal_id == record.truth.personal_id);
            match record.truth.mistake {
                Mistake::WrongDigit | Mistake::UnknownNumber => assert!(found.is_empty()),
                Mistake::WrongPerson => assert!(found.len() == 1 && !leads_to_the_person),
                _ => assert!(leads_to_the_person, "{record:?}"),
            }
            let is_dead = record.truth.status == "deceased";
            assert_eq!(is_dead, record.truth.mistake == Mistake::Dead);
            assert!(!leads_to_the_person || found.iter().any(|it| it.is_deceased() == is_dead));
        }
    }
}

#[test]
fn a_whole_round_holds_every_mistake_as_often_as_the_profile_says() {
    let nation = Nation::new(DEFAULT_SEED);
    for holder in Holder::ALL {
        let all = Records::new(&nation, holder, holder.profile(), 0);
        let mut places: HashMap<Mistake, u32> = HashMap::new();
        for index in 0..u64::from(profile::WHOLE) {
            *places.entry(all.mistake_in(index)).or_default() += 1;
        }
        let wrong: u32 = Mistake::ALL.into_iter().skip(1).map(|it| places[&it]).sum();
        assert_eq!(places[&Mistake::None], profile::WHOLE - wrong);
        let profile = holder.profile();
        let mut by_profile: HashMap<Mistake, u32> = HashMap::new();
        for place in 0..profile::WHOLE {
            *by_profile.entry(profile.mistake_at(place)).or_default() += 1;
        }
        assert_eq!(places, by_profile, "{}", holder.name());
    }
}

#[test]
fn the_profiles_come_to_the_founding_figures() {
    // Shares of the demonstration's requests by kind of holder do not matter here: the carriers
    // alone are 83.05 % by their profile.
    let matched = |holder: Holder| -> u32 {
        let profile = holder.profile();
        let is_matched = |place: &u32| {
            let truth = Truth {
                mistake: profile.mistake_at(*place),
                personal_id: PersonalNumber::from_value(0),
                status: "active",
                findings: Truth::findings(profile.mistake_at(*place), |_| true),
            };
            truth.answer(holder.usual_policy()).is_matched
        };
        (0..profile::WHOLE).filter(is_matched).count() as u32 // at most 100,000
    };
    assert_eq!(matched(Holder::Carrier), 83_050);
}

#[test]
fn records_are_the_same_every_time_and_from_every_start() {
    let nation = Nation::new(DEFAULT_SEED);
    let all = records(&nation, Holder::Hospital, 300);
    assert_eq!(records(&Nation::new(DEFAULT_SEED), Holder::Hospital, 300), all);
    let later: Vec<Record> =
        Records::new(&nation, Holder::Hospital, Holder::Hospital.profile(), 200)
            .take(100)
            .collect();
    assert_eq!(later, all[200..]);
    assert_ne!(records(&Nation::new(1), Holder::Hospital, 3)[..], all[..3]);
}

#[test]
fn a_record_is_written_with_its_truth_beside_it() {
    let nation = Nation::new(DEFAULT_SEED);
    for (index, record) in records(&nation, Holder::Carrier, 2_000).iter().enumerate() {
        let line = record.line(Format::Ndjson, Holder::Carrier);
        let json: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(json["row_id"], format!("carrier-{index:07}"));
        assert_eq!(json["subject"][record.number.name()], record.number.digits());
        assert_eq!(json["attributes"]["full_name"], record.full_name);
        assert_eq!(json["truth"]["error"], record.truth.mistake.name());
        let shown = json["truth"]["attributes"].as_object().expect("verdicts");
        assert_eq!(shown.len(), record.truth.findings.len());
        let row = record.line(Format::Csv, Holder::Carrier);
        let cells = row.trim_end().split(',').count();
        assert_eq!(cells, csv_header().split(',').count(), "{row}");
    }
}
