//! The nation looks like its tables: distributions, and how often each oddity occurs.

use std::collections::HashMap;

use super::super::*;
use crate::names;
use crate::oddities::{ODDITIES, Oddity};
use crate::person::Status;
use crate::{DEFAULT_SEED, Date};

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

/// Born in Vietnam, and alive: those whom the tables count.
fn is_in_tables(nation: &Nation, person: &Person) -> bool {
    let prefix = &person.personal_id.as_str()[..3];
    let is_of_a_province = nation.provinces.iter().any(|it| format!("{:03}", it.code) == prefix);
    is_of_a_province && person.status() == Status::Active
}

#[test]
fn provinces_ages_and_sexes_are_those_of_the_tables() {
    let nation = Nation::new(DEFAULT_SEED);
    let people: Vec<Person> =
        drawn(&nation, 100_000).filter(|person| is_in_tables(&nation, person)).collect();

    let seen = tally(people.iter().map(|it| it.personal_id.as_str()[..3].to_owned()));
    let shares: Vec<_> =
        nation.provinces.iter().map(|it| (format!("{:03}", it.code), it.weight)).collect();
    assert_fits("provinces", &seen, &shares);

    let groups = tables::age_groups();
    let group_of = |person: &Person| {
        let age = 2025 - person.date_of_birth.year();
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

    let days_of_birth = people.iter().filter_map(|it| it.date_of_birth.day());
    let seen = tally(days_of_birth.map(|day| day.month().to_string()));
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
    for (family, weight) in names::families() {
        // Clan names that end a name, and markers joined to it, are no first words.
        let is_word = !family.last && !family.name.ends_with('\'');
        let word = if is_word { first_word(family.name) } else { String::new() };
        *weights.entry(word).or_default() += weight;
    }
    let frequent = |word: &String| {
        !word.is_empty() && weights.get(word).is_some_and(|weight| *weight >= 10_000)
    };
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

#[test]
fn oddities_are_as_frequent_as_they_were_planted() {
    let nation = Nation::new(DEFAULT_SEED);
    let people: Vec<Dossier> =
        nation.sample_ordinals(400_000).map(|it| nation.dossier(it)).collect();
    for Oddity { name, per_10_000: planted, is_in } in ODDITIES {
        let answers: Vec<bool> = people.iter().filter_map(|it| is_in(&nation, it)).collect();
        let with = answers.iter().filter(|is_in| **is_in).count();
        let seen = with as f64 * 10_000.0 / answers.len() as f64;
        // Four standard deviations of a sample of this size, and 2 % of what was planted.
        let tolerance = 4.0 * (planted * 10_000.0 / answers.len() as f64).sqrt() + planted * 0.02;
        assert!((seen - planted).abs() < tolerance, "{name}: {seen:.2} instead of {planted}");
    }
}

#[test]
fn two_of_ten_thousand_are_twins_with_equal_name_birth_date_and_sex() {
    let nation = Nation::new(DEFAULT_SEED);
    let mut twins = 0;
    let mut elder = nation.person(0);
    for ordinal in 1..2_000_000 {
        let person = nation.person(ordinal);
        let is_twin = person.full_name == elder.full_name
            && person.date_of_birth == elder.date_of_birth
            && person.sex == elder.sex
            && person.place_of_origin == elder.place_of_origin;
        if is_twin {
            twins += 1;
            assert_ne!(person.personal_id, elder.personal_id);
        }
        elder = person;
    }
    assert!((190..=205).contains(&twins), "{twins} pairs in two million");
}

#[test]
fn values_of_a_person_fit_together() {
    let nation = Nation::new(DEFAULT_SEED);
    for ordinal in nation.sample_ordinals(50_000) {
        let Dossier { person, insurance, .. } = nation.dossier(ordinal);
        let last_day = person.date_of_death.unwrap_or(Date::of(2025, 12, 31));
        if let (Some(card), Some(born)) = (person.card, person.date_of_birth.day()) {
            assert!(card.issued >= born && card.issued <= last_day, "{person:?}");
            assert!(card.issued >= Date::of(2021, 1, 1), "{person:?}");
            let ages = [14, 25, 40, 60].map(|age| born.anniversary(age));
            assert!(card.expires.is_none_or(|until| ages.contains(&until.number())), "{person:?}");
        }
        if let (Some(born), Some(died)) = (person.date_of_birth.day(), person.date_of_death) {
            assert!(born <= died, "{person:?}");
        }
        for card in insurance.iter().flat_map(|insurance| &insurance.cards) {
            assert!(card.from <= card.until, "{person:?} {card:?}");
            assert!((1..=5).contains(&card.benefit_level));
            assert_eq!(
                card.first_facility.as_str()[..2],
                *person.permanent_address.province.as_str()
            );
        }
    }
}
