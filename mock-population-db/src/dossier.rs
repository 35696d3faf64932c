//! Everything the nation knows about one person, as people and scripts read it.

use crate::digits::PersonalNumber;
use crate::field::{Field, FieldSet};
use crate::insurance::{Insurance, InsuranceCard};
use crate::json;
use crate::person::Person;

/// A person with what the register keeps in other drawers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    /// The person.
    pub person: Person,
    /// Numbers that were cancelled and re-created, oldest first.
    pub superseded_numbers: Vec<PersonalNumber>,
    /// Health insurance; none for who has no number.
    pub insurance: Option<Insurance>,
}

impl Dossier {
    /// The whole dossier as one JSON object.
    pub fn to_json(&self) -> String {
        let person = &self.person;
        let mut out = String::with_capacity(1_024);
        out.push('{');
        json::member(&mut out, "personal_id", person.personal_id.as_str());
        json::fields(&mut out, person, FieldSet::OF_PERSON);
        out.push(',');
        json::member(&mut out, "status", person.status().name());
        out.push(',');
        json::date(&mut out, "date_of_death", person.date_of_death);
        out.push(',');
        json::date(&mut out, "card_expiry_date", person.card.and_then(|card| card.expires));
        out.push(',');
        json::place(&mut out, "former_address", person.former_address);
        out.push(',');
        json::numbers(&mut out, Field::SupersededNumbers.name(), &self.superseded_numbers);
        out.push_str(",\"insurance\":");
        match &self.insurance {
            Some(insurance) => write_insurance(&mut out, insurance),
            None => out.push_str("null"),
        }
        out.push('}');
        out
    }
}

fn write_insurance(out: &mut String, insurance: &Insurance) {
    out.push_str("{\"cards\":");
    json::list(out, &insurance.cards, write_card);
    out.push(',');
    json::date(out, "five_years_from", insurance.five_years_from);
    out.push('}');
}

fn write_card(out: &mut String, card: &InsuranceCard) {
    out.push('{');
    json::date(out, "from", Some(card.from));
    out.push(',');
    json::date(out, "until", Some(card.until));
    out.push(',');
    json::member(out, "object_code", card.object_code);
    out.push_str(",\"benefit_level\":");
    out.push(char::from(b'0' + card.benefit_level)); // a single digit
    out.push(',');
    json::member(out, "first_facility", card.first_facility.as_str());
    out.push('}');
}
