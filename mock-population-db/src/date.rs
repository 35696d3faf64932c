//! Days of the calendar, in the few operations a mock nation needs.

use std::fmt;

use crate::digits::Digits;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The date with this count of days since 0000-03-01. Years count from March inside, so that
    /// the leap day is the last one and every month has a fixed offset (Hinnant, "chrono-Compatible
    /// Low-Level Date Algorithms").
    pub(crate) fn from_day_number(number: u32) -> Self {
        let (era, day_of_era) = (number / 146_097, number % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + u32::from(month <= 2);
        Self { year: year as u16, month: month as u8, day: day as u8 } // all within a calendar
    }

    /// Days since 0000-03-01. A 29 February in a common year counts as 1 March.
    pub(crate) const fn day_number(year: u16, month: u8, day: u8) -> u32 {
        let (month, day) = (month as u32, day as u32);
        let year = year as u32 - (month <= 2) as u32;
        let from_march = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * from_march + 2) / 5 + day - 1;
        365 * year + year / 4 - year / 100 + year / 400 + day_of_year
    }

    /// Days since 0000-03-01.
    pub(crate) fn number(self) -> u32 {
        Self::day_number(self.year, self.month, self.day)
    }

    /// A date by its parts, which the caller knows to be a day of the calendar.
    pub(crate) const fn of(year: u16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }

    /// The count of days up to the same day `years` later.
    pub(crate) fn anniversary(self, years: u16) -> u32 {
        Self::day_number(self.year + years, self.month, self.day)
    }

    /// The date as `2026-01-31`.
    pub(crate) fn iso(self) -> IsoDate {
        let year = Digits::<4>::from_value(u64::from(self.year));
        let month = Digits::<2>::from_value(u64::from(self.month));
        let day = Digits::<2>::from_value(u64::from(self.day));
        let mut text = *b"0000-00-00";
        text[..4].copy_from_slice(year.as_str().as_bytes());
        text[5..7].copy_from_slice(month.as_str().as_bytes());
        text[8..].copy_from_slice(day.as_str().as_bytes());
        IsoDate(text)
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub fn day(self) -> u8 {
        self.day
    }
}

/// A date of birth at the precision the register has it: of some people it knows the year alone
/// (Circular 04/2020/TT-BTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BirthDate {
    /// The day.
    Day(Date),
    /// The year alone.
    Year(u16),
}

impl BirthDate {
    /// The year, which is always known.
    pub fn year(self) -> u16 {
        match self {
            Self::Day(date) => date.year,
            Self::Year(year) => year,
        }
    }

    /// The day, where the register has it.
    pub fn day(self) -> Option<Date> {
        match self {
            Self::Day(date) => Some(date),
            Self::Year(_) => None,
        }
    }
}

impl fmt::Display for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => date.fmt(f),
            Self::Year(year) => write!(f, "{year:04}"),
        }
    }
}

/// A date written out, without an allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IsoDate([u8; 10]);

impl IsoDate {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("ASCII is UTF-8")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iso().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_two_centuries_comes_back() {
        let mut previous = Date::from_day_number(Date::day_number(1899, 12, 31));
        assert_eq!(previous.to_string(), "1899-12-31");
        for number in Date::day_number(1900, 1, 1)..=Date::day_number(2100, 12, 31) {
            let date = Date::from_day_number(number);
            assert_eq!(Date::day_number(date.year, date.month, date.day), number);
            assert!(date > previous);
            previous = date;
        }
        assert_eq!(previous.to_string(), "2100-12-31");
    }

    #[test]
    fn leap_days_exist_in_leap_years_only() {
        let after_28_february = |year| Date::from_day_number(Date::day_number(year, 2, 28) + 1);
        assert_eq!(after_28_february(2000).to_string(), "2000-02-29");
        assert_eq!(after_28_february(1996).to_string(), "1996-02-29");
        assert_eq!(after_28_february(1900).to_string(), "1900-03-01");
        assert_eq!(after_28_february(2025).to_string(), "2025-03-01");
    }

    #[test]
    fn a_leap_day_has_its_anniversary_on_the_first_of_march() {
        let leap_day = Date::from_day_number(Date::day_number(2008, 2, 29));
        assert_eq!(Date::from_day_number(leap_day.anniversary(14)).to_string(), "2022-03-01");
    }
}
