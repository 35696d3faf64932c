//! Drawing people until one fits.

use anyhow::Context;
use mock_population_db::{BirthDate, Nation, POPULATION, Person, Place};

use crate::chance::Chance;

/// People tried for one case: the rarest names are one in some hundreds.
const TRIES: u32 = 100_000;

/// What `make` makes of the first person for whom it can.
pub(super) fn first_fit<T>(
    nation: &Nation,
    chance: &mut Chance,
    mut make: impl FnMut(&Person, &mut Chance) -> Option<T>,
) -> anyhow::Result<T> {
    (0..TRIES)
        .find_map(|_| {
            let person = nation.person(chance.next() % POPULATION);
            make(&person, chance)
        })
        .context("nobody in this nation fits")
}

/// A date of birth as holders write it: as the register does, or day first.
pub(super) fn birth_as_held(birth: BirthDate, chance: &mut Chance) -> String {
    match birth.day() {
        Some(date) if chance.below(2) == 0 => {
            format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year())
        }
        _ => birth.to_string(),
    }
}

/// A place as the rules' program reads it: scheme, province and commune.
pub(super) fn place(place: Place) -> String {
    let Place { scheme, province, commune } = place;
    format!("{}/{}/{}", scheme.name(), province.as_str(), commune.as_str())
}

/// The tokens of a name that is built as most are: at least `least` of them, all of letters, none of
/// them a single letter and none a marker of sex, whose loss or order has rules of its own.
pub(super) fn plain_tokens(name: &str, least: usize) -> Option<Vec<&str>> {
    let tokens: Vec<&str> = name.split(' ').collect();
    let is_plain = |token: &&str| {
        token.chars().all(char::is_alphabetic)
            && token.chars().count() > 1
            && !matches!(*token, "Ka" | "Điểu" | "Thị" if token == &tokens[0])
    };
    (tokens.len() >= least && tokens.iter().all(is_plain)).then_some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_markers_are_not_plain() {
        assert!(plain_tokens("Nguyễn Thị An", 3).is_some());
        assert!(plain_tokens("Nguyễn An", 3).is_none());
        for name in ["Y Blô Niê", "H'Hen Niê", "Ka Nhim", "Giàng A Páo"] {
            assert!(plain_tokens(name, 2).is_none(), "{name}");
        }
    }

    #[test]
    fn the_first_who_fits_is_taken_and_the_search_ends() {
        let nation = Nation::new(1);
        let mut chance = Chance::of(0, 0);
        let mut seen = 0;
        let third = first_fit(&nation, &mut chance, |person, _| {
            seen += 1;
            (seen == 3).then(|| person.full_name.clone())
        });
        assert!(!third.unwrap().is_empty() && seen == 3);
    }
}
