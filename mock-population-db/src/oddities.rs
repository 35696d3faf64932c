//! The oddities of real records: what they are, and how often they were planted.
//!
//! Report and tests count them the same way, on whole people; how each comes about stands in the
//! module that plants it. Source of the rates: domain facts 3.3, partly from the founding reports
//! (5.44 million deaths, 8.7 million children with a number and no card).

use crate::Date;
use crate::cells::ABROAD;
use crate::dossier::Dossier;
use crate::nation::{Key, Nation};
use crate::person::{Person, Sex};

/// One kind of oddity.
pub(crate) struct Oddity {
    pub name: &'static str,
    /// How many of 10,000 have it, of those who can.
    pub per_10_000: f64,
    /// Whether this person has it; none for who cannot.
    pub is_in: fn(&Nation, &Dossier) -> Option<bool>,
}

/// All of them but twins, who are seen only beside each other.
pub(crate) const ODDITIES: [Oddity; 9] = [
    Oddity {
        name: "birth year only",
        per_10_000: 60.0,
        is_in: |_, it| Some(it.person.date_of_birth.day().is_none()),
    },
    Oddity {
        name: "superseded number",
        per_10_000: 15.0,
        is_in: |_, it| Some(!it.superseded_numbers.is_empty()),
    },
    Oddity {
        name: "number contradicts",
        per_10_000: 5.0,
        is_in: |_, it| Some(contradicts_number(&it.person)),
    },
    Oddity { name: "dead", per_10_000: 550.0, is_in: |_, it| Some(it.person.is_deceased()) },
    Oddity {
        name: "child without card",
        per_10_000: 900.0,
        is_in: |_, it| Some(is_child(&it.person) && it.person.card.is_none()),
    },
    Oddity {
        name: "no old number",
        per_10_000: 350.0,
        is_in: |_, it| {
            let could_have_one = it.person.personal_id.birth_year() <= 2006;
            could_have_one.then_some(it.person.old_id_number.is_none())
        },
    },
    Oddity {
        name: "shares old number",
        per_10_000: 8.0,
        is_in: |nation, it| Some(shares(nation, it)),
    },
    Oddity {
        name: "registered abroad",
        per_10_000: 10.0,
        is_in: |_, it| {
            let prefix = &it.person.personal_id.as_str()[..3];
            Some(ABROAD.iter().any(|code| prefix == format!("{code:03}")))
        },
    },
    Oddity {
        name: "no insurance number",
        per_10_000: 450.0,
        is_in: |_, it| Some(it.insurance.is_none()),
    },
];

/// Whether the number says another sex or year than the record.
fn contradicts_number(person: &Person) -> bool {
    let number = person.personal_id.as_str();
    let year = person.date_of_birth.year();
    let digit = (year / 100 - 19) * 2 + u16::from(person.sex == Sex::Female);
    number[3..6] != format!("{digit}{:02}", year % 100)
}

/// Whether a person was under 14 on the day before day 0.
fn is_child(person: &Person) -> bool {
    let last_day = Date::of(2025, 12, 31).number();
    person.date_of_birth.day().is_some_and(|born| born.anniversary(14) > last_day)
}

fn shares(nation: &Nation, dossier: &Dossier) -> bool {
    dossier
        .person
        .old_id_number
        .is_some_and(|number| nation.find_by(Key::OldIdNumber(number)).count() == 2)
}
