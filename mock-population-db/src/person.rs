//! A person as the register has them.

use crate::date::Date;
use crate::digits::{Digits, PersonalNumber};
use crate::field::FieldSet;
use crate::json;

/// Everything on file about one person; `None` where nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The personal number, given at birth registration and kept for life.
    pub personal_id: PersonalNumber,
    /// Number of the old identity card.
    pub old_id_number: Option<Digits<9>>,
    /// Health insurance number.
    pub insurance_number: Option<Digits<10>>,
    /// Full name in NFC, as the register writes it.
    pub full_name: String,
    /// Date of birth.
    pub date_of_birth: Option<Date>,
    /// Sex.
    pub sex: Sex,
    /// Date of issue of the current card; children under 14 have none.
    pub card_issue_date: Option<Date>,
    /// Place of origin.
    pub place_of_origin: Place,
    /// Permanent address.
    pub permanent_address: Place,
    /// Standing in the register.
    pub status: Status,
}

impl Person {
    /// The whole person as one JSON object.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(512);
        out.push('{');
        json::member(&mut out, "personal_id", self.personal_id.as_str());
        json::fields(&mut out, self, FieldSet::ALL);
        out.push(',');
        json::member(&mut out, "status", self.status.name());
        out.push('}');
        out
    }
}

/// Sex as the register knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sex {
    /// Male.
    Male,
    /// Female.
    Female,
}

impl Sex {
    /// Both, in the order of the digit in a personal number.
    pub const ALL: [Self; 2] = [Self::Male, Self::Female];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
        }
    }
}

/// Where a person stands in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Alive, under this number.
    Active,
}

impl Status {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
        }
    }
}

/// A commune by its codes in the scheme of July 2025.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Statistical code of the province.
    pub province: Digits<2>,
    /// Statistical code of the commune.
    pub commune: Digits<5>,
}

impl Place {
    /// The scheme the codes belong to.
    pub const SCHEME: &'static str = "2025";
}
