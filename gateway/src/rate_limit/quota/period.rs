//! What quotas are counted by: Vietnamese days and months, requests and attributes.

use crate::clock::{Micros, date_of_day, day_of_date};
use crate::rate_limit::{Quota, Quotas};

/// Seconds of a day. Viet Nam has no summer time.
const DAY_SECONDS: u64 = 86_400;

/// Over how long is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A Vietnamese day; its number is days since 1970.
    Day,
    /// A Vietnamese month; its number is months since January of year 0.
    Month,
}

impl Period {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// The name in header fields, events and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The number of the one that a moment lies in.
    pub fn number_at(self, at: Micros) -> i64 {
        match self {
            Self::Day => at.vietnamese_day(),
            Self::Month => at.vietnamese_month(),
        }
    }

    /// The one with this number by its name, `2026-11-20` or `2026-11`.
    pub fn label(self, number: i64) -> String {
        match self {
            Self::Day => date_of_day(number).to_string(),
            Self::Month => format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1),
        }
    }

    /// Seconds from the beginning of the one with this number to its end.
    pub fn seconds(self, number: i64) -> u64 {
        match self {
            Self::Day => DAY_SECONDS,
            Self::Month => {
                let days = first_day(number + 1) - first_day(number);
                days.unsigned_abs() * DAY_SECONDS
            }
        }
    }

    /// When the one with this number begins.
    pub(super) fn begin(self, number: i64) -> Micros {
        Micros::of_vietnamese_day(match self {
            Self::Day => number,
            Self::Month => first_day(number),
        })
    }

    /// Seconds from a moment to the end of the one that it lies in, rounded up.
    pub fn seconds_left(self, at: Micros) -> u64 {
        let next = match self {
            Self::Day => at.vietnamese_day() + 1,
            Self::Month => first_day(at.vietnamese_month() + 1),
        };
        Micros::of_vietnamese_day(next).since(at).div_ceil(1_000_000)
    }

    /// The quota for it.
    pub(super) fn quota(self, quotas: &Quotas) -> Quota {
        match self {
            Self::Day => quotas.day,
            Self::Month => quotas.month,
        }
    }
}

/// The first day of a month by its number, in days since 1970.
fn first_day(month: i64) -> i64 {
    let year = i16::try_from(month.div_euclid(12)).unwrap_or(i16::MAX);
    // A remainder of 12 fits.
    let month = month.rem_euclid(12) as i8 + 1;
    jiff::civil::Date::new(year, month, 1).map_or(0, day_of_date)
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Requests that were answered.
    Requests,
    /// Attributes that were compared in them.
    Attributes,
}

impl Unit {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Requests, Self::Attributes];

    /// The name in header fields, events and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Attributes => "attributes",
        }
    }

    /// How many a quota gives; `None` where there is no end.
    pub fn most(self, quota: Quota) -> Option<u64> {
        let most = match self {
            Self::Requests => quota.requests,
            Self::Attributes => quota.attributes,
        };
        most.map(std::num::NonZeroU64::get)
    }
}

/// How much was used, or is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Requests.
    pub requests: u64,
    /// Attributes.
    pub attributes: u64,
}

impl Amount {
    /// One request with so many attributes.
    pub fn request(attributes: usize) -> Self {
        Self { requests: 1, attributes: attributes as u64 }
    }

    /// How many of a unit.
    pub fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => self.requests,
            Unit::Attributes => self.attributes,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            attributes: self.attributes.saturating_add(other.attributes),
        }
    }

    /// This without the other, which is part of it.
    #[must_use]
    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            attributes: self.attributes.saturating_sub(other.attributes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        Micros::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn periods_begin_and_end_in_viet_nam() {
        let (before, after) = (at("2026-12-31T16:59:59.999Z"), at("2026-12-31T17:00:00Z"));
        let labels = |moment| Period::ALL.map(|period| period.label(period.number_at(moment)));
        assert_eq!(labels(before), ["2026-12-31", "2026-12"]);
        assert_eq!(labels(after), ["2027-01-01", "2027-01"]);
        assert_eq!(Period::ALL.map(|period| period.seconds_left(before)), [1, 1]);
        assert_eq!(Period::ALL.map(|period| period.seconds_left(after)), [86_400, 31 * 86_400]);
    }

    #[test]
    fn a_month_is_as_long_as_its_days() {
        for (month, days) in [("2026-02", 28), ("2028-02", 29), ("2026-11", 30), ("2026-12", 31)] {
            let number = Period::Month.number_at(at(&format!("{month}-15T00:00:00Z")));
            assert_eq!(Period::Month.seconds(number), days * DAY_SECONDS, "{month}");
        }
    }
}
