//! By what key a persona is asked for.

use mock_population_db::{Digits, Key, Nation};
use serde::Deserialize;

use super::cast::Found;

/// Group and province of an old insurance card: an employee's (`DN`), at level 4. They change with
/// job and home, so that any will do.
const OLD_CARD_GROUP: &str = "DN401";

/// Numbers tried at most to find one that nobody has; 99 of 100 are such.
const TRIED_MAX: u32 = 1_000;

/// How the subject of a request is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyForm {
    PersonalId,
    OldIdNumber,
    InsuranceNumber,
    /// The 15 characters of an insurance card from before April 2021.
    OldInsuranceCard,
    /// The first of the cancelled numbers.
    CancelledNumber,
    /// A number of the same cell that nobody was issued.
    UnissuedNumber,
    /// The personal number of the twin.
    OthersPersonalId,
    /// A personal number with its last digit lost.
    ElevenDigits,
    /// A key that the gateway does not know.
    PhoneNumber,
}

impl KeyForm {
    /// Name and value as they are sent; none where the person has no such key.
    pub(super) fn of(self, nation: &Nation, found: &Found) -> Option<(&'static str, String)> {
        let person = &found.person;
        let number = person.personal_id.as_str();
        let insurance = || person.insurance_number.map(|number| number.to_string());
        Some(match self {
            Self::PersonalId => ("personal_id", number.to_owned()),
            Self::OldIdNumber => ("old_id_number", person.old_id_number?.to_string()),
            Self::InsuranceNumber => ("insurance_number", insurance()?),
            Self::OldInsuranceCard => {
                ("insurance_number", format!("{OLD_CARD_GROUP}{}", insurance()?))
            }
            Self::CancelledNumber => ("personal_id", found.superseded.first()?.to_string()),
            Self::UnissuedNumber => ("personal_id", unissued_near(nation, number)?),
            Self::OthersPersonalId => {
                ("personal_id", found.other.as_ref()?.personal_id.to_string())
            }
            Self::ElevenDigits => ("personal_id", number[..11].to_owned()),
            Self::PhoneNumber => ("phone_number", "0900000000".to_owned()),
        })
    }
}

fn unissued_near(nation: &Nation, number: &str) -> Option<String> {
    let (cell, last) = number.split_at(6);
    let last: u32 = last.parse().ok()?;
    (1..TRIED_MAX).map(|step| format!("{cell}{:06}", (last + step) % 1_000_000)).find(|number| {
        let number = Digits::parse(number);
        number.is_some_and(|number| nation.find_by(Key::PersonalId(number)).next().is_none())
    })
}
