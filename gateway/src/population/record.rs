//! A person as the register answered, read from its JSON contract into the gateway's own words.

use crate::request::{
    Address, Attribute, InsuranceNumber, OldIdNumber, PartialDate, PersonalId, Sex,
};

/// One person on file, with the values that were asked for and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The current number; for a superseded key the end of its alias chain.
    pub personal_id: PersonalId,
    /// Where the subject stands in the register.
    pub status: SubjectStatus,
    /// The values that were asked for.
    pub record: Record,
}

/// Values on file. `None` is "nothing on file" for an attribute that was asked for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Full name as the register writes it.
    pub full_name: Option<Box<str>>,
    /// Date of birth at the register's precision.
    pub date_of_birth: Option<PartialDate>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Number of the old identity card.
    pub old_id_number: Option<OldIdNumber>,
    /// Date of issue of the current card.
    pub card_issue_date: Option<PartialDate>,
    /// Place of origin.
    pub place_of_origin: Option<Address>,
    /// Permanent address.
    pub permanent_address: Option<Address>,
    /// Health insurance number.
    pub insurance_number: Option<InsuranceNumber>,
    /// Personal numbers that were cancelled and put another in place of, oldest first; asked for
    /// by [`find_numbers`](super::Population::find_numbers) alone.
    pub superseded_numbers: Box<[PersonalId]>,
}

impl Record {
    /// Whether a value is on file for `attribute`.
    pub fn has(&self, attribute: Attribute) -> bool {
        match attribute {
            Attribute::FullName => self.full_name.is_some(),
            Attribute::DateOfBirth => self.date_of_birth.is_some(),
            Attribute::Sex => self.sex.is_some(),
            Attribute::OldIdNumber => self.old_id_number.is_some(),
            Attribute::CardIssueDate => self.card_issue_date.is_some(),
            Attribute::PlaceOfOrigin => self.place_of_origin.is_some(),
            Attribute::PermanentAddress => self.permanent_address.is_some(),
            Attribute::InsuranceNumber => self.insurance_number.is_some(),
        }
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Record(..)")
    }
}

/// Where a subject stands in the register. Disclosed only where the policy says so; counted always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SubjectStatus {
    /// Alive, under this number.
    Active = 1,
    /// Dead.
    Deceased = 2,
    /// The number asked was cancelled and re-created; the answer came through its alias chain.
    Superseded = 3,
    /// No such number was issued.
    Unknown = 4,
    /// The register did not answer, or was not asked.
    NotAsked = 5,
}

impl SubjectStatus {
    /// All values in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Active, Self::Deceased, Self::Superseded, Self::Unknown, Self::NotAsked];

    /// The name on the wire and in the counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deceased => "deceased",
            Self::Superseded => "superseded",
            Self::Unknown => "unknown",
            Self::NotAsked => "not_asked",
        }
    }

    /// The status with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as u8 == number)
    }

    /// The status with this name in the register's answers.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}
