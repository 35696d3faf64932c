//! What is measured, and what it has to reach.

/// How the record of the right person differs from the register's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Benign {
    /// Composition, case, width, look-alikes, spaces, what cannot be seen.
    Unicode,
    /// Place of the tone, i and y.
    Orthography,
    /// Signs and letters of the highlands.
    Mark,
    /// TCVN3, VNI, UTF-8 misread.
    Legacy,
    /// Found by the number of the old identity card.
    OldNumber,
    /// The address in the codes from before July 2025.
    MergedPlace,
}

/// The one thing that differs; names are the reasons of the published profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Near {
    /// The tone of one syllable.
    ToneDiffers,
    /// One letter.
    OneLetter,
    /// One token too few.
    TokenMissing,
    /// One token too many.
    ExtraToken,
    /// Another order.
    TokenOrder,
    /// A token is its first letter.
    Initials,
    /// Spaces lost.
    Squashed,
    /// No mark at all.
    MarksMissing,
    /// Day and month in each other's place.
    DayMonthSwapped,
    /// One digit of the date.
    OneDigit,
    /// The year alone.
    YearOnly,
    /// A place in the codes from before July 2025.
    MergedPlace,
}

/// A kind of case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Part A: the same person.
    Same(Benign),
    /// Part B: two people of one family name.
    Strangers,
    /// Part C: a planted near miss.
    Planted(Near),
}

impl Kind {
    /// All of them, in the order of the tables.
    pub(super) const ALL: [Self; 19] = [
        Self::Same(Benign::Unicode),
        Self::Same(Benign::Orthography),
        Self::Same(Benign::Mark),
        Self::Same(Benign::Legacy),
        Self::Same(Benign::OldNumber),
        Self::Same(Benign::MergedPlace),
        Self::Strangers,
        Self::Planted(Near::ToneDiffers),
        Self::Planted(Near::OneLetter),
        Self::Planted(Near::TokenMissing),
        Self::Planted(Near::ExtraToken),
        Self::Planted(Near::TokenOrder),
        Self::Planted(Near::Initials),
        Self::Planted(Near::Squashed),
        Self::Planted(Near::MarksMissing),
        Self::Planted(Near::DayMonthSwapped),
        Self::Planted(Near::OneDigit),
        Self::Planted(Near::YearOnly),
        Self::Planted(Near::MergedPlace),
    ];

    /// Its name in tables; two kinds of different parts may share one.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Same(Benign::Unicode) => "unicode",
            Self::Same(Benign::Orthography) => "orthography",
            Self::Same(Benign::Mark) => "mark",
            Self::Same(Benign::Legacy) => "legacy",
            Self::Same(Benign::OldNumber) => "old_number",
            Self::Same(Benign::MergedPlace) | Self::Planted(Near::MergedPlace) => "merged_place",
            Self::Strangers => "same_family_name",
            Self::Planted(Near::ToneDiffers) => "tone_differs",
            Self::Planted(Near::OneLetter) => "one_letter",
            Self::Planted(Near::TokenMissing) => "token_missing",
            Self::Planted(Near::ExtraToken) => "extra_token",
            Self::Planted(Near::TokenOrder) => "token_order",
            Self::Planted(Near::Initials) => "initials",
            Self::Planted(Near::Squashed) => "squashed",
            Self::Planted(Near::MarksMissing) => "marks_missing",
            Self::Planted(Near::DayMonthSwapped) => "day_month_swapped",
            Self::Planted(Near::OneDigit) => "one_digit",
            Self::Planted(Near::YearOnly) => "year_only",
        }
    }

    /// Its place in [`Self::ALL`], by which rows name it.
    pub(super) fn index(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or(Self::ALL.len())
    }

    /// How many cases there are of it: in part A equal shares of `records`, in part B as many, in
    /// part C a twentieth of each kind.
    pub(super) fn cases(self, records: u64) -> u64 {
        match self {
            Self::Same(_) => {
                let place = self.index() as u64;
                // The parts add up to the whole.
                records * (place + 1) / 6 - records * place / 6
            }
            Self::Strangers => records,
            Self::Planted(_) => (records / 20).max(1),
        }
    }

    /// The least per cent of cases that must come out right; none where only the sum of the part
    /// has to.
    pub(super) fn gate(self) -> Option<f64> {
        match self {
            Self::Same(Benign::Legacy) => Some(98.5),
            Self::Planted(_) => Some(95.0),
            Self::Same(_) | Self::Strangers => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_same_person_add_up() {
        for records in [1, 6, 1_001, 1_000_000] {
            let same = Kind::ALL.iter().filter(|kind| matches!(kind, Kind::Same(_)));
            assert_eq!(same.map(|kind| kind.cases(records)).sum::<u64>(), records);
            assert_eq!(Kind::Strangers.cases(records), records);
        }
        assert_eq!(Kind::Planted(Near::Initials).cases(1_000_000), 50_000);
    }

    #[test]
    fn every_kind_has_its_own_index() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), index);
        }
    }
}
