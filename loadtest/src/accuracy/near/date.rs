//! Dates of birth with one slip.

use mock_population_db::Person;

use crate::chance::Chance;

/// Years that a person now on file may have been born in.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2025;

/// Day and month in each other's place, where that is another date.
pub(super) fn swapped(person: &Person) -> Option<String> {
    let date = person.date_of_birth.day()?;
    let (year, month, day) = (date.year(), date.month(), date.day());
    (day <= 12 && day != month).then(|| format!("{year:04}-{day:02}-{month:02}"))
}

/// One digit is another, and the result is a date.
pub(super) fn one_digit(person: &Person, chance: &mut Chance) -> Option<String> {
    person.date_of_birth.day()?;
    let mut text = person.date_of_birth.to_string().into_bytes();
    let at = chance.pick(&[2, 3, 5, 6, 8, 9])?;
    let digit = b'0' + chance.below(10) as u8; // below 10
    let is_changed = text[at] != digit;
    text[at] = digit;
    let changed = String::from_utf8(text).ok()?;
    (is_changed && is_date(&changed)).then_some(changed)
}

/// The year, or year and month; of who has only the year on file the first of January.
pub(super) fn year_only(person: &Person, chance: &mut Chance) -> String {
    let year = person.date_of_birth.year();
    match person.date_of_birth.day() {
        None => format!("01/01/{year:04}"),
        Some(_) if chance.below(2) == 0 => format!("{year:04}"),
        Some(date) => format!("{year:04}-{:02}", date.month()),
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<u32> = text.split('-').filter_map(|part| part.parse().ok()).collect();
    let [year, month, day] = parts[..] else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    };
    YEARS.contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use mock_population_db::Nation;

    use super::*;

    #[test]
    fn one_digit_differs_and_the_result_is_a_date() {
        let nation = Nation::new(1);
        for (case, person) in nation.sample(300).enumerate() {
            let Some(changed) = one_digit(&person, &mut Chance::of(0, case as u64)) else {
                continue;
            };
            let born = person.date_of_birth.to_string();
            let differing = changed.bytes().zip(born.bytes()).filter(|(a, b)| a != b).count();
            assert!(differing == 1 && is_date(&changed), "{changed} {born}");
        }
        assert!(is_date("2024-02-29") && !is_date("2023-02-29") && !is_date("1990-13-01"));
    }

    #[test]
    fn day_and_month_change_places_only_where_that_is_another_date() {
        let nation = Nation::new(1);
        for person in nation.sample(300) {
            let Some(date) = person.date_of_birth.day() else { continue };
            let is_possible = date.day() <= 12 && date.day() != date.month();
            let swapped = swapped(&person);
            assert_eq!(swapped.is_some(), is_possible);
            assert!(swapped.is_none_or(|swapped| is_date(&swapped)));
        }
    }
}
