//! The reasons of an answer: a policy says which of them are good enough.
//!
//! Names are on the wire and in policies, numbers are in the log, so neither ever changes; a new
//! reason gets a new number. Which verdict a reason goes with is for `matching`.

use std::fmt;

/// Why a verdict is not `match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// The claim carries no diacritic at all and is otherwise the recorded name.
    MarksMissing = 1,
    /// One syllable has another tone.
    ToneDiffers = 2,
    /// One letter differs.
    OneLetter = 3,
    /// The claim lacks a token of the recorded name.
    TokenMissing = 4,
    /// The claim has one token too many.
    ExtraToken = 5,
    /// The same tokens in another order.
    TokenOrder = 6,
    /// Tokens are shortened to their first letters.
    Initials = 7,
    /// Day and month have changed places.
    DayMonthSwapped = 8,
    /// One digit differs.
    OneDigit = 9,
    /// One side has the coarser date, and they agree as far as it goes.
    YearOnly = 10,
    /// The same place, told in the codes of the other side of the merger of 2025.
    MergedPlace = 11,
    /// The same letters with the spaces lost.
    Squashed = 12,
    /// The key leads to several people who fit.
    SubjectAmbiguous = 13,
    /// The register did not answer in time.
    RegistryUnavailable = 14,
    /// They differ, in no way that has a name.
    Different = 15,
}

impl Reason {
    /// All reasons in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::MarksMissing,
        Self::ToneDiffers,
        Self::OneLetter,
        Self::TokenMissing,
        Self::ExtraToken,
        Self::TokenOrder,
        Self::Initials,
        Self::DayMonthSwapped,
        Self::OneDigit,
        Self::YearOnly,
        Self::MergedPlace,
        Self::Squashed,
        Self::SubjectAmbiguous,
        Self::RegistryUnavailable,
        Self::Different,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::MarksMissing => "marks_missing",
            Self::ToneDiffers => "tone_differs",
            Self::OneLetter => "one_letter",
            Self::TokenMissing => "token_missing",
            Self::ExtraToken => "extra_token",
            Self::TokenOrder => "token_order",
            Self::Initials => "initials",
            Self::DayMonthSwapped => "day_month_swapped",
            Self::OneDigit => "one_digit",
            Self::YearOnly => "year_only",
            Self::MergedPlace => "merged_place",
            Self::Squashed => "squashed",
            Self::SubjectAmbiguous => "subject_ambiguous",
            Self::RegistryUnavailable => "registry_unavailable",
            Self::Different => "different",
        }
    }

    /// The reason with this name, as policies write it.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// The reason with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| *reason as u8 == number)
    }
}

/// A set of reasons: the near misses that a policy accepts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ReasonSet(u32);

impl ReasonSet {
    /// No reason.
    pub const EMPTY: Self = Self(0);

    /// Whether the set holds `reason`.
    pub fn contains(self, reason: Reason) -> bool {
        self.0 & Self::bit(reason) != 0
    }

    /// The set with `reason` in it.
    #[must_use]
    pub fn with(self, reason: Reason) -> Self {
        Self(self.0 | Self::bit(reason))
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The reasons in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |&reason| self.contains(reason))
    }

    fn bit(reason: Reason) -> u32 {
        1 << reason as u8
    }
}

impl FromIterator<Reason> for ReasonSet {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        reasons.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for ReasonSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Reason::name)).finish()
    }
}
