//! Part C: one thing is wrong, and it is known which.
//!
//! What the published profile calls by another name is not planted: a claim that lost its last mark
//! with its tone has its marks missing, and keystrokes of Telex are no letters.

mod date;
mod letter;
mod token;

use mock_population_db::records::spelling::without_marks;
use mock_population_db::{Nation, Person};

use super::kind::Near;
use super::marks::has_mark;
use super::people::{first_fit, place};
use super::row::{ADDRESS, BIRTH, NAME};
use crate::chance::Chance;

/// One row with this error.
pub(super) fn make(
    near: Near,
    nation: &Nation,
    chance: &mut Chance,
) -> anyhow::Result<(&'static str, String, String)> {
    first_fit(nation, chance, |person, chance| {
        let birth = person.date_of_birth.to_string();
        match near {
            Near::DayMonthSwapped => Some((BIRTH, date::swapped(person)?, birth)),
            Near::OneDigit => Some((BIRTH, date::one_digit(person, chance)?, birth)),
            Near::YearOnly => Some((BIRTH, date::year_only(person, chance), birth)),
            Near::MergedPlace => {
                let (before, now) = (person.former_address, person.permanent_address);
                Some((ADDRESS, place(before), place(now)))
            }
            Near::MarksMissing => {
                let claim = without_marks(&person.full_name)?;
                let is_capital = chance.below(2) == 0;
                let claim = if is_capital { claim.to_uppercase() } else { claim };
                Some((NAME, claim, person.full_name.clone()))
            }
            Near::ToneDiffers
            | Near::OneLetter
            | Near::TokenMissing
            | Near::ExtraToken
            | Near::TokenOrder
            | Near::Initials
            | Near::Squashed => {
                Some((NAME, misnamed(near, person, chance)?, person.full_name.clone()))
            }
        }
    })
}

/// The name with the error; none where it cannot be this error.
fn misnamed(near: Near, person: &Person, chance: &mut Chance) -> Option<String> {
    let name = &person.full_name;
    let claim = match near {
        Near::ToneDiffers => letter::other_tone(name, chance),
        Near::OneLetter => letter::one_letter(name, chance),
        Near::TokenMissing => token::missing(name, chance),
        Near::ExtraToken => token::extra(name, person.sex, chance),
        Near::TokenOrder => token::swapped(name, chance),
        Near::Initials => token::initial(name, chance),
        Near::Squashed => token::squashed(name, chance),
        Near::MarksMissing
        | Near::DayMonthSwapped
        | Near::OneDigit
        | Near::YearOnly
        | Near::MergedPlace => None,
    }?;
    // Without any mark it is a second error.
    let keeps_marks = has_mark(&claim) || !has_mark(name);
    (keeps_marks && claim != *name).then_some(claim)
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    #[test]
    fn every_error_can_be_planted_and_leaves_a_difference() {
        let nation = Nation::new(1);
        for kind in Kind::ALL {
            let Kind::Planted(near) = kind else { continue };
            for case in 0..20 {
                let (_, claim, record) = make(near, &nation, &mut Chance::of(9, case)).unwrap();
                assert_ne!(claim, record, "{near:?}");
                let lost_all = has_mark(&record) && !has_mark(&claim);
                assert!(!lost_all || !record.contains(' ') || near == Near::MarksMissing);
            }
        }
    }
}
