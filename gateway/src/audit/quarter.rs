//! Quarters of the Vietnamese calendar, each with a key for pseudonyms of its own.

use std::fmt;

use crate::clock::Micros;

/// A quarter, as it stands in entries: 4 x year + quarter from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(pub u16);

impl Quarter {
    /// The quarter that a moment lies in.
    pub fn of(at: Micros) -> Self {
        let date = at.vietnamese_hour().date;
        let month = u16::from(date.month().unsigned_abs());
        Self(date.year().unsigned_abs() * 4 + (month - 1) / 3)
    }

    /// Name of the quarter's key, such as `pseudonym-2026Q4`.
    pub fn key_name(self) -> String {
        format!("pseudonym-{self}")
    }

    /// The quarter whose key has this name.
    pub fn of_key_name(name: &str) -> Option<Self> {
        let (year, quarter) = name.strip_prefix("pseudonym-")?.split_once('Q')?;
        let (year, quarter): (u16, u16) = (year.parse().ok()?, quarter.parse().ok()?);
        let parsed = Self(year.checked_mul(4)?.checked_add(quarter.checked_sub(1)?)?);
        // The one way to write it: no other quarter of the year, no sign, no zero before it.
        (parsed.key_name() == name).then_some(parsed)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Q{}", self.0 / 4, self.0 % 4 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_begins_at_midnight_in_viet_nam_and_names_its_key() {
        let at = |text| Quarter::of(Micros::parse_rfc3339(text).unwrap()).to_string();
        assert_eq!(at("2026-09-30T23:59:59+07:00"), "2026Q3");
        assert_eq!(at("2026-10-01T00:00:00+07:00"), "2026Q4");
        for quarter in 8_100..8_110 {
            let name = Quarter(quarter).key_name();
            assert_eq!(Quarter::of_key_name(&name), Some(Quarter(quarter)), "{name}");
        }
        for name in
            ["pseudonym-2026Q5", "pseudonym-2026Q0", "pseudonym-+2026Q1", "2026Q1", "log-n1"]
        {
            assert_eq!(Quarter::of_key_name(name), None, "{name}");
        }
    }
}
