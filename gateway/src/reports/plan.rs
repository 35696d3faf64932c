//! Which counters hold the sums of a period: few, because a report must be quick whatever the
//! length of the log.

use jiff::civil::{Date, date};

use super::grouping::{Dimension, Grouping};
use crate::audit::Grain;

/// The sums of one period, to be added or taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) is_minus: bool,
    pub(super) grain: Grain,
    /// First day of the period.
    first: Date,
    /// Hour of the day where the grain is that.
    hour: u8,
}

impl Piece {
    fn new(grain: Grain, first: Date) -> Self {
        Self { is_minus: false, grain, first, hour: 0 }
    }

    /// The period as it stands in keys.
    pub(super) fn period(self) -> String {
        let mut text = String::with_capacity(10);
        let hour = match self.grain {
            Grain::Hour => format!("{:02}", self.hour),
            Grain::Day | Grain::Third | Grain::Month | Grain::Year => String::new(),
        };
        self.grain.write_period(&format!("{}{hour}", digits(self.first)), &mut text);
        text
    }

    fn last(self) -> Date {
        match self.grain {
            Grain::Hour | Grain::Day => self.first,
            Grain::Third if self.first.day() < 21 => {
                date(self.first.year(), self.first.month(), self.first.day() + 9)
            }
            Grain::Third | Grain::Month => self.first.last_of_month(),
            Grain::Year => self.first.last_of_year(),
        }
    }

    /// The periods of the next finer grain in it.
    fn parts(self) -> Vec<Self> {
        let day = |day: i8| date(self.first.year(), self.first.month(), day);
        match self.grain {
            Grain::Hour | Grain::Day => Vec::new(),
            Grain::Third => {
                days(self.first, self.last()).map(|it| Self::new(Grain::Day, it)).collect()
            }
            Grain::Month => [1, 11, 21].map(|it| Self::new(Grain::Third, day(it))).to_vec(),
            Grain::Year => (1..=12)
                .map(|month| Self::new(Grain::Month, date(self.first.year(), month, 1)))
                .collect(),
        }
    }

    fn negated(self) -> Self {
        Self { is_minus: !self.is_minus, ..self }
    }

    /// What sums up to the days from `first` to `last` within this period: its parts, or all of
    /// it less the parts outside, whichever is fewer.
    fn cover(self, first: Date, last: Date) -> Vec<Self> {
        if first > last || last < self.first || first > self.last() {
            return Vec::new();
        }
        if first <= self.first && self.last() <= last {
            return vec![self];
        }
        let (day_before, day_after) = (before(first), after(last));
        let (mut inside, mut less) = (Vec::new(), vec![self]);
        for part in self.parts() {
            inside.extend(part.cover(first, last));
            less.extend(part.cover(self.first, day_before).into_iter().map(Self::negated));
            less.extend(part.cover(day_after, self.last()).into_iter().map(Self::negated));
        }
        if less.len() < inside.len() { less } else { inside }
    }
}

/// The finest period that rows must be told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Finest {
    Hour,
    Day,
    Month,
    Any,
}

impl Finest {
    /// Of a grouping, where hours are counted.
    pub(super) fn of(grouping: &Grouping) -> Self {
        if grouping.has(Dimension::Hour) { Self::Hour } else { Self::without_hours(grouping) }
    }

    /// Of a grouping, where days are the finest that is counted.
    pub(super) fn without_hours(grouping: &Grouping) -> Self {
        if grouping.has(Dimension::Day) {
            return Self::Day;
        }
        if grouping.has(Dimension::Month) { Self::Month } else { Self::Any }
    }
}

/// What sums up to the days from `first` to `last`, no piece wider than `finest`. `extent` is the
/// first and last day of which anything is counted.
pub(super) fn pieces(
    finest: Finest,
    (first, last): (Date, Date),
    extent: (Date, Date),
) -> Vec<Piece> {
    let (mut from, mut to) = (first.max(extent.0), last.min(extent.1));
    if from > to {
        return Vec::new();
    }
    let grain = match finest {
        Finest::Hour => {
            let hours =
                |day| (0..24).map(move |hour| Piece { hour, ..Piece::new(Grain::Hour, day) });
            return days(from, to).flat_map(hours).collect();
        }
        Finest::Day => return days(from, to).map(|day| Piece::new(Grain::Day, day)).collect(),
        Finest::Month => Grain::Month,
        Finest::Any => Grain::Year,
    };
    let first_of =
        |day: Date| if grain == Grain::Year { day.first_of_year() } else { day.first_of_month() };
    // Where nothing is counted before or after, the whole month or year is as good and is one piece.
    if from == extent.0 {
        from = first_of(from);
    }
    if to == extent.1 {
        to = Piece::new(grain, first_of(to)).last();
    }
    let mut pieces = Vec::new();
    let mut whole = Piece::new(grain, first_of(from));
    while whole.first <= to {
        pieces.extend(whole.cover(from, to));
        let next = after(whole.last());
        if next <= whole.first {
            break;
        }
        whole = Piece::new(grain, next);
    }
    pieces
}

/// Days by their digits, `20261121`.
pub(super) fn digits(day: Date) -> String {
    format!("{:04}{:02}{:02}", day.year(), day.month(), day.day())
}

fn days(first: Date, last: Date) -> impl Iterator<Item = Date> {
    let mut next = Some(first);
    std::iter::from_fn(move || {
        let day = next.filter(|day| *day <= last)?;
        next = day.tomorrow().ok();
        Some(day)
    })
}

/// The day before; the calendar's first day is its own.
fn before(day: Date) -> Date {
    day.yesterday().unwrap_or(day)
}

/// The day after; the calendar's last day is its own.
fn after(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::ToSpan as _;

    use super::*;

    const EXTENT: (Date, Date) = (date(2024, 1, 17), date(2027, 2, 3));

    /// How often each day is summed.
    fn summed(pieces: &[Piece]) -> BTreeMap<Date, i32> {
        let mut days_summed = BTreeMap::new();
        for piece in pieces {
            for day in days(piece.first, piece.last()) {
                *days_summed.entry(day).or_insert(0) += if piece.is_minus { -1 } else { 1 };
            }
        }
        days_summed.retain(|day, times| *times != 0 && (EXTENT.0..=EXTENT.1).contains(day));
        days_summed
    }

    #[test]
    fn every_day_of_a_period_is_summed_once_and_no_other() {
        let starts = [date(2024, 1, 17), date(2024, 2, 20), date(2025, 12, 31), date(2026, 3, 1)];
        for first in starts {
            for length in (0..430).step_by(7) {
                let last = first.saturating_add(length.days());
                for finest in [Finest::Any, Finest::Month, Finest::Day] {
                    let pieces = pieces(finest, (first, last), EXTENT);
                    let once: BTreeMap<Date, i32> =
                        days(first, last.min(EXTENT.1)).map(|day| (day, 1)).collect();
                    assert_eq!(summed(&pieces), once, "{first} to {last} {finest:?}");
                }
            }
        }
    }

    #[test]
    fn few_counters_make_any_period() {
        for (first, last, most) in [
            (date(2024, 1, 17), date(2027, 2, 3), 4),
            (date(2025, 1, 1), date(2025, 12, 31), 1),
            (date(2026, 2, 10), date(2026, 11, 20), 6),
            (date(2025, 11, 10), date(2026, 11, 20), 7),
            (date(2025, 4, 6), date(2025, 9, 25), 17),
        ] {
            let pieces = pieces(Finest::Any, (first, last), EXTENT);
            assert!(pieces.len() <= most, "{first} to {last}: {}", pieces.len());
        }
    }

    #[test]
    fn no_piece_is_wider_than_what_rows_are_told_apart_by() {
        let period = (date(2024, 1, 1), date(2027, 12, 31));
        let months = pieces(Finest::Month, period, EXTENT);
        assert!(months.iter().all(|piece| piece.grain <= Grain::Month));
        assert_eq!(months.len(), 38);
        let hours = pieces(Finest::Hour, (date(2026, 3, 1), date(2026, 3, 2)), EXTENT);
        assert_eq!((hours.len(), hours[47].period()), (48, "2026030223".to_owned()));
    }

    #[test]
    fn periods_stand_as_in_keys() {
        let day = date(2026, 11, 21);
        let period = |grain| Piece::new(grain, day).period();
        assert_eq!(Grain::ALL.map(period), ["2026112100", "20261121", "2026113", "202611", "2026"]);
    }
}
