//! The promises of a nation: numbers lead to people and back, nothing depends on anything but the
//! seed, and the whole looks like the tables.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::permutation::SERIALS;
use crate::person::Sex;
use crate::{DEFAULT_SEED, POPULATION};

/// Digest of a thousand people of the default nation. It changes only when the nation is meant to.
const DIGEST_OF_1000: u64 = 0xdee7_5004_c642_92f6;

/// Provinces, sexes, years.
const CELLS: usize = 63 * 2 * 100;

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
            prop_assert_eq!(nation.find_person(number), Some(person));
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
            if let Some(ordinal) = nation.find(number.as_str()) {
                prop_assert!(ordinal < POPULATION);
                prop_assert_eq!(nation.number(ordinal), number);
                found += 1;
            }
        }
        // 98 million of 12,600 million numbers are issued.
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
            .filter(|number| nation.find(number.as_str()).is_some())
            .inspect(|number| assert!(numbers.contains(number)))
            .count();
        assert_eq!(issued as u64, size, "cell {index}");
    }
}

#[test]
fn the_ends_of_the_nation_are_people() {
    let nation = Nation::new(DEFAULT_SEED);
    assert!(nation.number(0).as_str().starts_with("001026"));
    assert!(nation.number(POPULATION - 1).as_str().starts_with("096325"));
}

#[test]
#[should_panic(expected = "beyond the population")]
fn there_is_nobody_beyond_the_population() {
    Nation::new(DEFAULT_SEED).person(POPULATION);
}

#[test]
fn a_thousand_people_of_the_default_nation_are_these() {
    let mut digest: u64 = 0xcbf2_9ce4_8422_2325; // FNV-1a
    for person in Nation::new(DEFAULT_SEED).sample(1_000) {
        for byte in person.to_json().bytes() {
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
fn a_person_as_json_is_these_bytes() {
    let nation = Nation::new(DEFAULT_SEED);
    let number = PersonalNumber::parse("001082022497").expect("twelve digits");
    let person = nation.find_person(number).expect("an issued number");
    let expected = concat!(
        r#"{"personal_id":"001082022497","old_id_number":null,"insurance_number":null,"#,
        r#""full_name":"Phạm Thiên Huy","date_of_birth":"1982-11-07","sex":"male","#,
        r#""card_issue_date":"2023-04-25","#,
        r#""place_of_origin":{"scheme":"2025","province":"01","commune":"10210"},"#,
        r#""permanent_address":{"scheme":"2025","province":"01","commune":"10210"},"#,
        r#""status":"active"}"#,
    );
    assert_eq!(person.to_json(), expected);
}

#[test]
fn values_of_a_person_fit_together() {
    for person in Nation::new(DEFAULT_SEED).sample(20_000) {
        let number = person.personal_id.as_str();
        let birth = person.date_of_birth.expect("a date of birth");
        assert_eq!(number[4..6], format!("{:02}", birth.year() % 100));
        let digit = (birth.year() / 100 - 19) * 2 + u16::from(person.sex == Sex::Female);
        assert_eq!(number[3..4], digit.to_string());
        match person.card_issue_date {
            None => assert!(birth.anniversary(CARD_AGE_YEARS) > LAST_CARD_DAY),
            Some(issued) => {
                let day = Date::day_number(issued.year(), issued.month(), issued.day());
                assert!(day >= birth.anniversary(CARD_AGE_YEARS));
                assert!((FIRST_CARD_DAY..=LAST_CARD_DAY).contains(&day));
            }
        }
    }
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

/// People drawn at random, for the tests of shape.
fn drawn(nation: &Nation, count: u64) -> impl Iterator<Item = Person> + '_ {
    (0..count).map(|index| nation.person(mix(index) % POPULATION))
}

/// Pearson's test: fails where the deviation from the expected shares would come by chance less
/// than once in some ten thousand times.
fn assert_fits(what: &str, seen: &HashMap<String, u64>, shares: &[(String, u32)]) {
    let count: u64 = seen.values().sum();
    let total: u32 = shares.iter().map(|(_, share)| share).sum();
    let known: u64 = shares.iter().filter_map(|(name, _)| seen.get(name)).sum();
    assert_eq!(known, count, "{what}: some are not in the table");
    let deviation: f64 = shares
        .iter()
        .map(|(name, share)| {
            let expected = count as f64 * f64::from(*share) / f64::from(total);
            let seen = seen.get(name).copied().unwrap_or_default() as f64;
            (seen - expected).powi(2) / expected
        })
        .sum();
    let freedom = (shares.len() - 1) as f64;
    let limit = freedom + 4.0 * (2.0 * freedom).sqrt() + 6.0;
    assert!(deviation < limit, "{what}: {deviation:.1} of {limit:.1}");
}

fn tally(people: impl Iterator<Item = String>) -> HashMap<String, u64> {
    let mut seen = HashMap::new();
    for value in people {
        *seen.entry(value).or_default() += 1;
    }
    seen
}

#[test]
fn provinces_ages_and_sexes_are_those_of_the_tables() {
    let nation = Nation::new(DEFAULT_SEED);
    let people: Vec<Person> = drawn(&nation, 100_000).collect();

    let seen = tally(people.iter().map(|it| it.personal_id.as_str()[..3].to_owned()));
    let shares: Vec<_> =
        nation.provinces.iter().map(|it| (format!("{:03}", it.code), it.weight)).collect();
    assert_fits("provinces", &seen, &shares);

    let groups = tables::age_groups();
    let group_of = |person: &Person| {
        let age = 2025 - person.date_of_birth.expect("a date of birth").year();
        groups.iter().find(|group| group.has(age)).expect("a group").from
    };
    let seen = tally(people.iter().map(|it| format!("{} {}", group_of(it), it.sex.name())));
    let shares: Vec<_> = groups
        .iter()
        .flat_map(|group| {
            let males = group.share * 1_000 * group.males_per_100_females
                / (100 + group.males_per_100_females);
            [
                (format!("{} male", group.from), males),
                (format!("{} female", group.from), group.share * 1_000 - males),
            ]
        })
        .collect();
    assert_fits("ages and sexes", &seen, &shares);

    let seen = tally(
        people.iter().map(|it| it.date_of_birth.expect("a date of birth").month().to_string()),
    );
    let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let shares: Vec<_> =
        days.iter().enumerate().map(|(index, days)| ((index + 1).to_string(), *days)).collect();
    assert_fits("months of birth", &seen, &shares);
}

#[test]
fn family_names_are_as_frequent_as_the_table_says() {
    // Names are told apart by their first word; markers and rare names go into one group.
    let first_word = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
    let mut weights: HashMap<String, u32> = HashMap::new();
    for family in tables::family_names() {
        *weights.entry(first_word(family.name)).or_default() += family.weight;
    }
    let frequent = |word: &String| weights.get(word).is_some_and(|weight| *weight >= 100);
    let mut shares: HashMap<String, u32> = HashMap::new();
    for (word, weight) in &weights {
        let group = if frequent(word) { word.clone() } else { "others".to_owned() };
        *shares.entry(group).or_default() += weight;
    }
    let nation = Nation::new(DEFAULT_SEED);
    let seen = tally(drawn(&nation, 100_000).map(|person| {
        let word = first_word(&person.full_name);
        if frequent(&word) { word } else { "others".to_owned() }
    }));
    let shares: Vec<_> = shares.into_iter().collect();
    assert!(shares.len() > 50);
    assert_fits("family names", &seen, &shares);
}
