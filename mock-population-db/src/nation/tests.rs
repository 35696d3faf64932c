//! The promises of a nation: numbers lead to people and back, nothing depends on anything but the
//! seed, and the whole looks like the tables.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::cells::SERIALS;
use crate::{DEFAULT_SEED, POPULATION};

/// Digest of a thousand people of the default nation. It changes only when the nation is meant to.
const DIGEST_OF_1000: u64 = 0x524d_d102_2e68_71e5;

/// Provinces and countries, sexes, years.
const CELLS: usize = 68 * 2 * 100;

proptest! {
    // A case makes a nation, which is slow without optimisation, and asks it many questions.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_number_leads_back_to_its_person(
        seed: u64,
        ordinals in prop::collection::vec(0..POPULATION, 500),
    ) {
        let nation = Nation::new(seed);
        for ordinal in ordinals {
            let number = nation.number(ordinal);
            prop_assert_eq!(nation.find(number.as_str()), Some(ordinal));
            let person = nation.person(ordinal);
            prop_assert_eq!(person.personal_id, number);
            let hits: Vec<Hit> = nation.find_by(Key::PersonalId(number)).collect();
            prop_assert_eq!(hits, [Hit { ordinal, person, superseded: false }]);
        }
    }

    #[test]
    fn a_person_leads_back_to_their_number(
        seed: u64,
        places in prop::collection::vec((0..CELLS, 0..SERIALS), 5_000),
    ) {
        let nation = Nation::new(seed);
        let cells: Vec<Cell> = nation.cells.iter().collect();
        let mut found = 0;
        for (cell, serial) in places {
            let number = nation.cells.number(cells[cell], serial);
            if let Some(bearer) = nation.bearer(number) {
                prop_assert!(bearer.ordinal < POPULATION);
                let is_present = nation.number(bearer.ordinal) == number;
                let is_former =
                    nation.superseded_numbers(bearer.ordinal).any(|former| former == number);
                prop_assert_eq!((is_present, is_former), (!bearer.superseded, bearer.superseded));
                found += 1;
            }
        }
        // 98 million of 13,600 million numbers are issued.
        prop_assert!((10..80).contains(&found), "{} found", found);
    }

    #[test]
    fn text_that_is_no_number_leads_to_nobody(texts in prop::collection::vec("\\PC{0,20}", 100)) {
        let nation = Nation::new(DEFAULT_SEED);
        for text in texts.iter().filter(|text| PersonalNumber::parse(text).is_none()) {
            prop_assert_eq!(nation.find(text), None);
        }
    }
}

#[test]
fn everybody_in_a_cell_has_a_number_of_their_own() {
    let nation = Nation::new(DEFAULT_SEED);
    for (index, cell) in nation.cells.iter().enumerate().filter(|(index, _)| index % 4_500 == 35) {
        let first = nation.cells.start(cell);
        let size = u64::from(nation.cells.size(cell));
        let numbers: HashSet<_> = (first..first + size).map(|it| nation.number(it)).collect();
        assert_eq!(numbers.len() as u64, size, "cell {index}");
        let issued = (0..SERIALS)
            .map(|serial| nation.cells.number(cell, serial))
            .filter(|number| nation.bearer(*number).is_some_and(|it| !it.superseded))
            .inspect(|number| assert!(numbers.contains(number)))
            .count();
        assert_eq!(issued as u64, size, "cell {index}");
    }
}

#[test]
fn the_ends_of_the_nation_are_people() {
    let nation = Nation::new(DEFAULT_SEED);
    assert!(nation.number(0).as_str().starts_with("001026"));
    assert!(nation.number(POPULATION - 1).as_str().starts_with("183325"));
}

#[test]
#[should_panic(expected = "beyond the population")]
fn there_is_nobody_beyond_the_population() {
    Nation::new(DEFAULT_SEED).person(POPULATION);
}

#[test]
fn a_thousand_people_of_the_default_nation_are_these() {
    let mut digest: u64 = 0xcbf2_9ce4_8422_2325; // FNV-1a
    let nation = Nation::new(DEFAULT_SEED);
    for ordinal in nation.sample_ordinals(1_000) {
        for byte in nation.dossier(ordinal).to_json().bytes() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    assert_eq!(digest, DIGEST_OF_1000, "{digest:#018x}");
}

#[test]
fn another_seed_is_another_nation() {
    let (one, other) = (Nation::new(1), Nation::new(2));
    let same =
        (0..POPULATION).step_by(97_001).filter(|&it| one.number(it) == other.number(it)).count();
    assert!(same <= 1, "{same} of 1011 share a number");
    assert_ne!(one.person(7).full_name, other.person(7).full_name);
}

#[test]
fn a_sample_has_no_person_twice_and_every_beginning_is_spread() {
    let nation = Nation::new(DEFAULT_SEED);
    for count in [0, 1, 2, 3, 10, 1_000, 4_096] {
        let numbers: HashSet<_> = nation.sample(count).map(|person| person.personal_id).collect();
        assert_eq!(numbers.len() as u64, count);
    }
    let provinces: HashSet<String> = nation
        .sample(10_000)
        .take(500)
        .map(|person| person.personal_id.as_str()[..3].to_owned())
        .collect();
    assert!(provinces.len() > 55, "{} of 63 provinces", provinces.len());
    assert_eq!(nation.sample(u64::MAX).size_hint().0 as u64, POPULATION);
}

#[test]
fn every_key_on_file_leads_back_to_its_person() {
    let nation = Nation::new(DEFAULT_SEED);
    let (mut old, mut insured, mut cancelled) = (0, 0, 0);
    for ordinal in nation.sample_ordinals(20_000) {
        let person = nation.person(ordinal);
        if let Some(number) = person.old_id_number {
            old += 1;
            let hits: Vec<Hit> = nation.find_by(Key::OldIdNumber(number)).collect();
            assert!((1..=2).contains(&hits.len()) && hits.iter().any(|hit| hit.person == person));
        }
        if let Some(number) = person.insurance_number {
            insured += 1;
            let hits: Vec<Hit> = nation.find_by(Key::InsuranceNumber(number)).collect();
            assert_eq!(hits, [Hit { ordinal, person: person.clone(), superseded: false }]);
            assert_eq!(nation.insurance(ordinal).map(|it| it.number), Some(number));
        }
        for number in nation.superseded_numbers(ordinal) {
            cancelled += 1;
            let hits: Vec<Hit> = nation.find_by(Key::PersonalId(number)).collect();
            assert_eq!(hits, [Hit { ordinal, person: person.clone(), superseded: true }]);
        }
    }
    assert!(old > 12_000 && insured > 18_000 && cancelled > 15, "{old} {insured} {cancelled}");
}

#[test]
fn whoever_a_key_leads_to_has_it_on_file() {
    let nation = Nation::new(DEFAULT_SEED);
    let (mut old, mut insurance) = (0, 0);
    for index in 0..200_000 {
        let number = Digits::from_value(mix(index) % 1_000_000_000);
        for hit in nation.find_by(Key::OldIdNumber(number)) {
            old += 1;
            assert_eq!(hit.person.old_id_number, Some(number));
        }
        let number = Digits::from_value(mix(index) % 10_000_000_000);
        for hit in nation.find_by(Key::InsuranceNumber(number)) {
            insurance += 1;
            assert_eq!(hit.person.insurance_number, Some(number));
        }
    }
    // Some 68 million of a thousand million, 93.6 million of ten thousand million.
    assert!((12_800..14_800).contains(&old), "{old}");
    assert!((1_650..2_100).contains(&insurance), "{insurance}");
}

#[test]
fn a_chain_of_cancelled_numbers_has_up_to_three_links_of_several_kinds() {
    let nation = Nation::new(DEFAULT_SEED);
    let mut lengths = [0; 4];
    let (mut same_cell, mut other_sex, mut other_year) = (0, 0, 0);
    for ordinal in 0..2_000_000 {
        let numbers: Vec<PersonalNumber> = nation.superseded_numbers(ordinal).collect();
        lengths[numbers.len()] += 1;
        let present = nation.number(ordinal);
        for number in &numbers {
            let (now, then) = (present.as_str(), number.as_str());
            assert_eq!(now[..3], then[..3]);
            assert_ne!(now, then);
            match (now[3..4] == then[3..4], now[4..6] == then[4..6]) {
                (true, true) => same_cell += 1,
                (false, true) => other_sex += 1,
                (_, false) => other_year += 1,
            }
        }
    }
    assert!(lengths[1] > 2_400 && lengths[2] > 200 && lengths[3] > 20, "{lengths:?}");
    assert!(same_cell > 1_000 && other_sex > 400 && other_year > 600);
}

#[test]
fn a_dossier_as_json_is_these_bytes() {
    let nation = Nation::new(DEFAULT_SEED);
    let ordinal = nation.find("066187225060").expect("an issued number");
    let json = nation.dossier(ordinal).to_json();
    assert_eq!(json, include_str!("golden/dossier.json").trim_end());
}

mod shape;
