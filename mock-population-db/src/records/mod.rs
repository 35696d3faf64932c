//! People as those who hold records of them have them: clerical errors of named kinds at the rates
//! of a profile, and the truth beside each record.
//!
//! A verification of such a record has a known right answer, so that every measured match rate can
//! be checked against a true one. Which errors a kind of holder makes, and how often, stands in
//! `data/holders/<holder>.csv` and nowhere else; what each error must come to stands in
//! `data/holders/expected.csv`.
//!
//! [`Records`] walks through the errors of a profile in an order of low discrepancy: every 100,000
//! records hold each error exactly as often as the profile says, and every shorter run nearly so.

pub mod legacy;
mod mistake;
mod number;
mod plan;
mod profile;
pub mod spelling;
mod summary;
mod truth;
mod write;

pub use plan::Records;
pub use profile::{Holder, Profile, ProfileError};
pub use summary::Summary;
pub use truth::{Answer, ExpectedVerdict, PolicyView, Truth};
pub use write::{Format, csv_header};

use crate::digits::{Digits, PersonalNumber};
use crate::person::{Place, Sex};

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mistake {
    /// Nothing.
    None,
    /// One of the last six digits of the number; nobody has the result.
    WrongDigit,
    /// The old nine-digit number stands in the place of the personal number.
    OldNumber,
    /// The personal number was cancelled and re-created since.
    SupersededNumber,
    /// One letter of the name is another one.
    NameTypo,
    /// The tone stands on the other vowel: `Hoà` for `Hòa`.
    TonePlacement,
    /// `Lí` for `Lý`.
    IySpelling,
    /// The name carries no mark at all.
    NoMarks,
    /// The name has lost its spaces.
    SpacesLost,
    /// The name lacks its second token.
    TokenMissing,
    /// Day and month of birth stand in each other's place.
    DayMonthSwapped,
    /// Only the year of birth was written down.
    YearOnly,
    /// The register has the year alone, and the clerk wrote the first of January.
    FirstOfJanuary,
    /// The name is in the bytes of TCVN3 (ABC), read as Latin-1.
    LegacyTcvn3,
    /// The name is in the bytes of VNI, read as Latin-1.
    LegacyVni,
    /// The name is UTF-8 read as Windows-1252.
    LegacyUtf8,
    /// A number that was never issued.
    UnknownNumber,
    /// The address is in the codes from before July 2025.
    AddressBeforeMerger,
    /// The number is somebody else's.
    WrongPerson,
    /// Everything is right, and the person is dead.
    Dead,
}

impl Mistake {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::None,
        Self::WrongDigit,
        Self::OldNumber,
        Self::SupersededNumber,
        Self::NameTypo,
        Self::TonePlacement,
        Self::IySpelling,
        Self::NoMarks,
        Self::SpacesLost,
        Self::TokenMissing,
        Self::DayMonthSwapped,
        Self::YearOnly,
        Self::FirstOfJanuary,
        Self::LegacyTcvn3,
        Self::LegacyVni,
        Self::LegacyUtf8,
        Self::UnknownNumber,
        Self::AddressBeforeMerger,
        Self::WrongPerson,
        Self::Dead,
    ];

    /// The name in profiles, tables and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::WrongDigit => "wrong_digit",
            Self::OldNumber => "old_number",
            Self::SupersededNumber => "superseded_number",
            Self::NameTypo => "name_typo",
            Self::TonePlacement => "tone_placement",
            Self::IySpelling => "iy_spelling",
            Self::NoMarks => "no_marks",
            Self::SpacesLost => "spaces_lost",
            Self::TokenMissing => "token_missing",
            Self::DayMonthSwapped => "day_month_swapped",
            Self::YearOnly => "year_only",
            Self::FirstOfJanuary => "first_of_january",
            Self::LegacyTcvn3 => "legacy_tcvn3",
            Self::LegacyVni => "legacy_vni",
            Self::LegacyUtf8 => "legacy_utf8",
            Self::UnknownNumber => "unknown_number",
            Self::AddressBeforeMerger => "address_before_merger",
            Self::WrongPerson => "wrong_person",
            Self::Dead => "dead",
        }
    }

    /// The mistake with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mistake| mistake.name() == name)
    }
}

/// The number under which a holder keeps a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldNumber {
    /// Personal number, right or wrong.
    PersonalId(PersonalNumber),
    /// Number of the old identity card.
    OldIdNumber(Digits<9>),
    /// Health insurance number.
    InsuranceNumber(Digits<10>),
}

impl HeldNumber {
    /// The name of the key on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PersonalId(_) => "personal_id",
            Self::OldIdNumber(_) => "old_id_number",
            Self::InsuranceNumber(_) => "insurance_number",
        }
    }

    /// The digits.
    pub fn digits(&self) -> &str {
        match self {
            Self::PersonalId(number) => number.as_str(),
            Self::OldIdNumber(number) => number.as_str(),
            Self::InsuranceNumber(number) => number.as_str(),
        }
    }
}

/// One record of a holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The holder's own name of the row, such as `carrier-0000042`.
    pub row_id: String,
    /// The number it is kept under.
    pub number: HeldNumber,
    /// Full name, as the holder has it.
    pub full_name: String,
    /// Date of birth, as the holder writes it: `1990-05-01`, `01/05/1990`, `1990`.
    pub date_of_birth: String,
    /// Sex, where the holder keeps it.
    pub sex: Option<Sex>,
    /// Permanent address, where the holder keeps it.
    pub permanent_address: Option<Place>,
    /// What is true.
    pub truth: Truth,
}

#[cfg(test)]
mod tests;
