//! Part B: different people who share a family name.

use std::collections::HashMap;

use mock_population_db::{Nation, POPULATION, Person};
use unicode_normalization::UnicodeNormalization;

use super::people::birth_as_held;
use super::row::{BIRTH, Case, NAME};
use crate::chance::Chance;

/// Pairs people of one family name, each with the one of that name who was drawn before. Families
/// meet as often as they are.
pub(super) struct Pairs<'a> {
    nation: &'a Nation,
    chance: Chance,
    waiting: HashMap<String, (u64, Person)>,
}

impl<'a> Pairs<'a> {
    /// Starts with nobody waiting.
    pub(super) fn new(nation: &'a Nation, chance: Chance) -> Self {
        Self { nation, chance, waiting: HashMap::new() }
    }

    /// The next pair: the claim is of one, the record of the other.
    pub(super) fn next_pair(&mut self) -> Case {
        loop {
            let ordinal = self.chance.next() % POPULATION;
            let person = self.nation.person(ordinal);
            let family = family_name(&person.full_name).to_owned();
            let birth = birth_as_held(person.date_of_birth, &mut self.chance);
            let name = person.full_name.clone();
            let before = self.waiting.insert(family, (ordinal, person));
            if let Some((_, other)) = before.filter(|(number, _)| *number != ordinal) {
                return vec![
                    (NAME, name, other.full_name),
                    (BIRTH, birth, other.date_of_birth.to_string()),
                ];
            }
        }
    }
}

/// The first token; behind the markers of the Ê Đê and Mnông the clan, which is the last.
fn family_name(name: &str) -> &str {
    let is_clan_last = name.starts_with("Y ") || name.starts_with("H'");
    let mut tokens = name.split(' ');
    if is_clan_last { tokens.next_back() } else { tokens.next() }.unwrap_or(name)
}

/// Whether two names are one text but for composition and case.
pub(super) fn are_identical(claim: &str, record: &str) -> bool {
    let canonical = |name: &str| name.nfc().collect::<String>().to_lowercase();
    canonical(claim) == canonical(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_share_the_family_name_only() {
        let nation = Nation::new(1);
        let mut pairs = Pairs::new(&nation, Chance::of(6, 0));
        let mut identical = 0;
        for _ in 0..500 {
            let pair = pairs.next_pair();
            let [(_, claim, record), (_, born, other_born)] = &pair[..] else { unreachable!() };
            assert_eq!(family_name(claim), family_name(record));
            identical += u32::from(are_identical(claim, record) && born == other_born);
        }
        assert_eq!(identical, 0);
    }

    #[test]
    fn the_clan_is_the_family_name_behind_a_marker() {
        assert_eq!(family_name("H'Hen Niê"), "Niê");
        assert_eq!(family_name("Y Blô Êban"), "Êban");
        assert_eq!(family_name("Nguyễn Văn An"), "Nguyễn");
        assert!(are_identical("NGUYỄN", "Nguye\u{302}\u{303}n") && !are_identical("Hoà", "Hòa"));
    }
}
