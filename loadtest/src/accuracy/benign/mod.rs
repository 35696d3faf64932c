//! Part A: the same person, written as holders write.

mod highland;
mod orthography;
mod unicode;

use mock_population_db::records::legacy;
use mock_population_db::{Key, Nation, Person};

use super::kind::Benign;
use super::people::{birth_as_held, first_fit, place};
use super::row::{ADDRESS, BIRTH, Case, NAME};
use crate::chance::Chance;

/// The rows of one case. Variants of a kind take turns, so that each has its share.
pub(super) fn make(
    kind: Benign,
    nation: &Nation,
    case: u64,
    chance: &mut Chance,
) -> anyhow::Result<Case> {
    // Each kind counts its variants from the case's number.
    let turn = |variants: usize| (case % variants as u64) as usize;
    match kind {
        Benign::Unicode => {
            let vary = unicode::VARIANTS[turn(unicode::VARIANTS.len())];
            renamed(nation, chance, vary)
        }
        Benign::Orthography => {
            let vary = orthography::VARIANTS[turn(orthography::VARIANTS.len())];
            renamed(nation, chance, |name, _| vary(name))
        }
        Benign::Mark => renamed(nation, chance, highland::vary),
        Benign::Legacy => {
            let encode = [legacy::tcvn3, legacy::vni, legacy::utf8_misread][turn(3)];
            renamed(nation, chance, |name, _| encode(name))
        }
        Benign::OldNumber => {
            first_fit(nation, chance, |person, chance| found_by_old_number(nation, person, chance))
        }
        Benign::MergedPlace => first_fit(nation, chance, |person, chance| {
            let mut case = identity(person.full_name.clone(), person, person, chance);
            let (claim, record) = (place(person.former_address), place(person.permanent_address));
            case.push((ADDRESS, claim, record));
            Some(case)
        }),
    }
}

/// The first person whose name can be varied so.
fn renamed(
    nation: &Nation,
    chance: &mut Chance,
    vary: impl Fn(&str, &mut Chance) -> Option<String>,
) -> anyhow::Result<Case> {
    first_fit(nation, chance, |person, chance| {
        let name = vary(&person.full_name, chance).filter(|name| *name != person.full_name)?;
        Some(identity(name, person, person, chance))
    })
}

/// Name and birth date of `claimed`, beside what the register has of `found`.
fn identity(name: String, claimed: &Person, found: &Person, chance: &mut Chance) -> Case {
    let birth = birth_as_held(claimed.date_of_birth, chance);
    vec![(NAME, name, found.full_name.clone()), (BIRTH, birth, found.date_of_birth.to_string())]
}

/// The person beside whom the old number leads to; of two who share it the one of that name. Beside
/// nobody, who has no name on file, where it leads nowhere.
fn found_by_old_number(nation: &Nation, person: &Person, chance: &mut Chance) -> Option<Case> {
    let number = person.old_id_number?;
    let name = person.full_name.clone();
    let mut holders: Vec<Person> =
        nation.find_by(Key::OldIdNumber(number)).map(|hit| hit.person).collect();
    holders.sort_by_key(|holder| holder.full_name != name);
    Some(match holders.first() {
        Some(found) => identity(name, person, found, chance),
        None => vec![(NAME, name, String::new())],
    })
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    #[test]
    fn every_kind_can_be_made_and_differs_only_where_it_says() {
        let nation = Nation::new(1);
        for kind in Kind::ALL {
            let Kind::Same(benign) = kind else { continue };
            for number in 0..12 {
                let case = make(benign, &nation, number, &mut Chance::of(1, number)).unwrap();
                let (attribute, claim, record) = &case[0];
                assert_eq!(*attribute, NAME);
                let is_renamed = !matches!(benign, Benign::OldNumber | Benign::MergedPlace);
                assert_eq!(claim != record, is_renamed, "{benign:?} {claim} {record}");
                assert_eq!(case.len(), if benign == Benign::MergedPlace { 3 } else { 2 });
            }
        }
    }
}
