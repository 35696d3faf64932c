//! The closed words of an answer about one attribute: verdicts, and the reasons for them.
//!
//! Names are on the wire and numbers are in the log, so neither ever changes; a new word gets a new
//! number. Which verdict a reason goes with is decided here, once.

use crate::policy::Reason;

/// What comparing a claim with the register came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verdict {
    /// Claim and record are the same value.
    Match = 1,
    /// They differ in one way that has a name.
    Close = 2,
    /// They differ.
    NoMatch = 3,
    /// The register holds no value of this attribute for this person.
    NotOnFile = 4,
    /// The register was not read, or did not say whom it means.
    NotChecked = 5,
    /// The caller's policy does not name this attribute; decided before the record is read.
    NotPermitted = 6,
}

impl Verdict {
    /// All verdicts in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Match,
        Self::Close,
        Self::NoMatch,
        Self::NotOnFile,
        Self::NotChecked,
        Self::NotPermitted,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Close => "close",
            Self::NoMatch => "no_match",
            Self::NotOnFile => "not_on_file",
            Self::NotChecked => "not_checked",
            Self::NotPermitted => "not_permitted",
        }
    }

    /// The verdict with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| *verdict as u8 == number)
    }

    /// The one verdict that a reason goes with (design 2).
    pub fn of(reason: Reason) -> Self {
        match reason {
            Reason::MarksMissing
            | Reason::ToneDiffers
            | Reason::OneLetter
            | Reason::TokenMissing
            | Reason::ExtraToken
            | Reason::TokenOrder
            | Reason::Initials
            | Reason::DayMonthSwapped
            | Reason::OneDigit
            | Reason::YearOnly
            | Reason::MergedPlace
            | Reason::Squashed => Self::Close,
            Reason::SubjectAmbiguous | Reason::RegistryUnavailable => Self::NotChecked,
            Reason::Different => Self::NoMatch,
        }
    }
}
