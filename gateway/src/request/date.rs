//! Dates at the precision their holder has: a year, a month or a day.

use std::fmt;

use super::Malformed;

/// A calendar date of which the day, or day and month, may be missing.
///
/// Some people have only a birth year on record; Circular 04/2020/TT-BTP knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartialDate {
    year: i16,
    month: Option<u8>,
    day: Option<u8>,
}

impl PartialDate {
    /// Reads `1990`, `1990-05`, `1990-05-01` or, as people type it, `01/05/1990`.
    ///
    /// # Errors
    /// [`Malformed::Form`] for any other form and for a day that no calendar has.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() {
            return Err(Malformed::Empty);
        }
        let bytes = text.as_bytes();
        match *bytes {
            [_, _, _, _] => Self::from_parts(digits(&bytes[..4])?, None, None),
            [_, _, _, _, b'-', _, _] => {
                Self::from_parts(digits(&bytes[..4])?, Some(digits(&bytes[5..])?), None)
            }
            [_, _, _, _, b'-', _, _, b'-', _, _] => Self::from_parts(
                digits(&bytes[..4])?,
                Some(digits(&bytes[5..7])?),
                Some(digits(&bytes[8..])?),
            ),
            [_, _, b'/', _, _, b'/', _, _, _, _] => Self::from_parts(
                digits(&bytes[6..])?,
                Some(digits(&bytes[3..5])?),
                Some(digits(&bytes[..2])?),
            ),
            _ => Err(Malformed::Form),
        }
    }

    /// Reads a date of birth: nobody was born after `current_year`.
    ///
    /// # Errors
    /// As [`Self::parse`], and [`Malformed::Future`].
    pub fn parse_birth(text: &str, current_year: i16) -> Result<Self, Malformed> {
        let date = Self::parse(text)?;
        if date.year > current_year { Err(Malformed::Future) } else { Ok(date) }
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.year
    }

    /// The month, 1 to 12, where it is known.
    pub fn month(self) -> Option<u8> {
        self.month
    }

    /// The day of the month where it is known; never without a month.
    pub fn day(self) -> Option<u8> {
        self.day
    }

    fn from_parts(year: u16, month: Option<u16>, day: Option<u16>) -> Result<Self, Malformed> {
        // 1800 is earlier than any birth a living register can hold; it catches swapped fields.
        if !(1800..=2999).contains(&year) {
            return Err(Malformed::Form);
        }
        let (year, month, day) = (year as i16, month.map(|m| m as i8), day.map(|d| d as i8));
        jiff::civil::Date::new(year, month.unwrap_or(1), day.unwrap_or(1))
            .map_err(|_| Malformed::Form)?;
        Ok(Self { year, month: month.map(|m| m as u8), day: day.map(|d| d as u8) })
    }
}

/// The number that ASCII digits spell; at most four digits come in here.
fn digits(bytes: &[u8]) -> Result<u16, Malformed> {
    bytes.iter().try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Ok(number * 10 + u16::from(byte - b'0')),
        _ => Err(Malformed::Form),
    })
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_to_the_same_date() {
        let day = PartialDate::parse("1990-05-01").unwrap();
        assert_eq!(PartialDate::parse("01/05/1990"), Ok(day));
        assert_eq!(day.to_string(), "1990-05-01");
        assert_eq!(PartialDate::parse("1990-05").unwrap().to_string(), "1990-05");
        assert_eq!(PartialDate::parse("1990").unwrap().day(), None);
    }

    #[test]
    fn what_is_not_a_date_is_malformed() {
        for text in [
            "1990-5-1",
            "1990/05/01",
            "31/02/1990",
            "1990-13",
            "0990",
            "19900501",
            "1990-00-01",
            "٠١/05/1990",
            "1-/05/1990",
        ] {
            assert_eq!(PartialDate::parse(text), Err(Malformed::Form), "{text}");
        }
        assert_eq!(PartialDate::parse(""), Err(Malformed::Empty));
        assert!(PartialDate::parse_birth("2026-12", 2026).is_ok());
        assert_eq!(PartialDate::parse_birth("2027", 2026), Err(Malformed::Future));
    }
}
