//! Comparing dates at the precision that both sides have.

use super::Finding;
use crate::policy::Reason;
use crate::request::PartialDate;

/// Compares a date claimed with the date on file.
///
/// - The same date at the same precision is a match, a year against a year included.
/// - Where one side is coarser and they agree as far as it goes: `year_only`. That covers people
///   with only a birth year on record (Circular 04/2020/TT-BTP) whom clerks enter as 1 January.
/// - Day and month in each other's place: `day_month_swapped`.
/// - One digit of `yyyy-mm-dd` is another: `one_digit`. An exchange changes two digits or four, so
///   that it does not matter which of the two is tried first.
/// - Anything else differs. Coarse dates are told apart by every digit: a year with one other digit
///   fits one person in eight.
pub fn compare_date(claim: PartialDate, record: PartialDate) -> Finding {
    if claim == record {
        return Finding::MATCH;
    }
    if has_one_other_digit(claim, record) {
        return Finding::because(Reason::OneDigit);
    }
    if claim.year() != record.year() {
        return Finding::DIFFERENT;
    }
    let (Some(claim_month), Some(record_month)) = (claim.month(), record.month()) else {
        return Finding::because(Reason::YearOnly);
    };
    let (Some(claim_day), Some(record_day)) = (claim.day(), record.day()) else {
        if claim_month == record_month {
            return Finding::because(Reason::YearOnly);
        }
        return Finding::DIFFERENT;
    };
    if claim_day == record_month && claim_month == record_day {
        return Finding::because(Reason::DayMonthSwapped);
    }
    Finding::DIFFERENT
}

/// Whether two dates to the day differ in exactly one of their eight digits.
fn has_one_other_digit(claim: PartialDate, record: PartialDate) -> bool {
    let (Some(claim), Some(record)) = (digits(claim), digits(record)) else {
        return false;
    };
    claim.iter().zip(record).filter(|(claim, record)| **claim != *record).count() == 1
}

/// The eight digits of a date to the day.
fn digits(date: PartialDate) -> Option<[u8; 8]> {
    let (month, day) = (date.month()?, date.day()?);
    let mut rest = u32::from(date.year().unsigned_abs());
    rest = rest * 10_000 + u32::from(month) * 100 + u32::from(day);
    let mut digits = [0; 8];
    for digit in digits.iter_mut().rev() {
        *digit = (rest % 10) as u8; // below ten
        rest /= 10;
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_compared_as_far_as_both_go() {
        let year_only = Finding::because(Reason::YearOnly);
        let swapped = Finding::because(Reason::DayMonthSwapped);
        let one_digit = Finding::because(Reason::OneDigit);
        for (claim, record, expected) in [
            ("1990-05-01", "01/05/1990", Finding::MATCH),
            ("1990", "1990", Finding::MATCH),
            ("1990-05", "1990-05", Finding::MATCH),
            ("1990", "1990-05-01", year_only),
            ("1990-05-01", "1990", year_only),
            ("01/01/1990", "1990", year_only),
            ("1990-05", "1990", year_only),
            ("1990-05", "1990-05-01", year_only),
            ("1990-05-01", "1990-05", year_only),
            ("1990-06", "1990-05-01", Finding::DIFFERENT),
            ("1990-01-05", "1990-05-01", swapped),
            ("1990-12-11", "1990-11-12", swapped),
            ("1990-01-10", "1990-10-01", swapped),
            ("1990-05-13", "1990-05-12", one_digit),
            ("1990-05-12", "1990-05-13", one_digit),
            ("1991-05-01", "1990-05-01", one_digit),
            ("1890-05-01", "1990-05-01", one_digit),
            ("1990-11-01", "1990-10-01", one_digit),
            ("1990-05-10", "1990-05-01", Finding::DIFFERENT),
            ("1991-05-02", "1990-05-01", Finding::DIFFERENT),
            ("1991-01-05", "1990-05-01", Finding::DIFFERENT),
            ("1991", "1990", Finding::DIFFERENT),
            ("1990-05", "1990-06", Finding::DIFFERENT),
            ("1991", "1990-05-01", Finding::DIFFERENT),
            ("1991-05-01", "1990", Finding::DIFFERENT),
            // The habit of entering a bare year as 1 January is known by a bare year on record.
            ("1990", "1990-01-01", year_only),
            ("1990-01-01", "1990-05-01", one_digit),
            ("1990-01-01", "1990-05-12", Finding::DIFFERENT),
            ("1990-01-01", "1990-05", Finding::DIFFERENT),
            ("1990-01-05", "1990-05", Finding::DIFFERENT),
        ] {
            let finding = compare_date(
                PartialDate::parse(claim).unwrap(),
                PartialDate::parse(record).unwrap(),
            );
            assert_eq!(finding, expected, "{claim} against {record}");
        }
    }
}
