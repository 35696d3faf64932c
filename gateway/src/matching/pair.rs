//! One claim beside one record, both as text: for whoever wants to see what the profile says
//! without a register. A request goes through [`compare`](super::compare) with the same functions.

use super::normalize::parse_place;
use super::{Finding, compare_address, compare_date, compare_name, compare_number, compare_sex};
use crate::request::{
    Attribute, FullName, InsuranceNumber, Malformed, OldIdNumber, PartialDate, Sex,
};

/// What a pair of texts comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// They were compared; an empty record is `not_on_file`.
    Compared(Finding),
    /// A request with this claim would be refused.
    MalformedClaim(Malformed),
    /// No register holds such a value.
    UnreadableRecord,
}

/// Compares two texts as values of `attribute`. Places are written `01`, `01/00004` or, with their
/// scheme, `2004/01/00004`.
pub fn compare_texts(attribute: Attribute, claim: &str, record: &str) -> Pair {
    match attribute {
        Attribute::FullName => match FullName::parse(claim) {
            Err(malformed) => Pair::MalformedClaim(malformed),
            Ok(_) if record.is_empty() => Pair::Compared(Finding::NOT_ON_FILE),
            Ok(name) => Pair::Compared(compare_name(name.as_str(), record)),
        },
        Attribute::DateOfBirth | Attribute::CardIssueDate => {
            parsed(claim, record, PartialDate::parse, compare_date)
        }
        Attribute::Sex => parsed(claim, record, Sex::parse, compare_sex),
        Attribute::OldIdNumber => parsed(claim, record, OldIdNumber::parse, compare_number),
        Attribute::InsuranceNumber => parsed(claim, record, InsuranceNumber::parse, compare_number),
        Attribute::PlaceOfOrigin | Attribute::PermanentAddress => {
            parsed(claim, record, parse_place, compare_address)
        }
    }
}

fn parsed<T>(
    claim: &str,
    record: &str,
    parse: impl Fn(&str) -> Result<T, Malformed>,
    compare: impl FnOnce(T, T) -> Finding,
) -> Pair {
    let claim = match parse(claim) {
        Ok(claim) => claim,
        Err(malformed) => return Pair::MalformedClaim(malformed),
    };
    if record.is_empty() {
        return Pair::Compared(Finding::NOT_ON_FILE);
    }
    match parse(record) {
        Ok(record) => Pair::Compared(compare(claim, record)),
        Err(_) => Pair::UnreadableRecord,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Reason;

    #[test]
    fn texts_are_compared_as_values_of_their_attribute() {
        let close = |reason| Pair::Compared(Finding::because(reason));
        let same = Pair::Compared(Finding::MATCH);
        let different = Pair::Compared(Finding::DIFFERENT);
        for (attribute, claim, record, expected) in [
            (Attribute::FullName, "NGUYEN VAN HOA", "Nguyễn Văn Hoà", close(Reason::MarksMissing)),
            (Attribute::FullName, "Nguyễn Văn Hoà", "Nguyễn Văn Hòa", same),
            (Attribute::FullName, "Nguyễn", "", Pair::Compared(Finding::NOT_ON_FILE)),
            (Attribute::FullName, "", "Nguyễn", Pair::MalformedClaim(Malformed::Empty)),
            (Attribute::FullName, "Nguy?n", "Nguyễn", Pair::MalformedClaim(Malformed::Form)),
            (Attribute::DateOfBirth, "05/01/1990", "1990-05-01", close(Reason::DayMonthSwapped)),
            (Attribute::DateOfBirth, "1990", "01/05/1990", close(Reason::YearOnly)),
            (Attribute::DateOfBirth, "1990-05-01", "no date", Pair::UnreadableRecord),
            (Attribute::CardIssueDate, "31/02/2024", "", Pair::MalformedClaim(Malformed::Form)),
            (Attribute::Sex, "male", "female", different),
            (Attribute::OldIdNumber, "012345678", "012345678", same),
            (Attribute::InsuranceNumber, "DN4010123456789", "0123456789", same),
            (Attribute::PlaceOfOrigin, "2004/02", "08", close(Reason::MergedPlace)),
            (Attribute::PermanentAddress, "01/00004", "01/00008", different),
        ] {
            assert_eq!(compare_texts(attribute, claim, record), expected, "{claim} | {record}");
        }
    }
}
