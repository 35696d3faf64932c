//! Health insurance: who is insured as what, from when to when, and where they register first.

use crate::date::Date;
use crate::digits::Digits;
use crate::mix::{Draws, Facet, below, chance};
use crate::person::Place;
use crate::tables::{self, InsuranceGroup};
use crate::weighted::Weighted;

/// Cards of one person on file at most: the one in force and the one before.
const CARDS_MAX: usize = 2;

/// Of a thousand people with a number, in this order: the card ended and was not renewed; the card
/// begins later; there is no card yet. The others are insured. Ours: 93 % were covered in 2024.
const EXPIRED_PER_MILLE: u32 = 25;
const NOT_YET_PER_MILLE: u32 = 3;
const NO_CARD_PER_MILLE: u32 = 7;

/// Of a thousand children in their first year, how many wait for their card.
const NEWBORN_WITHOUT_CARD: u32 = 60;

/// Cards are given out for these two years; that of a child runs to its sixth birthday.
const CURRENT: (Date, Date) = (Date::of(2026, 1, 1), Date::of(2027, 12, 31));
const PREVIOUS: (Date, Date) = (Date::of(2024, 1, 1), Date::of(2025, 12, 31));
const NEXT: (Date, Date) = (Date::of(2028, 1, 1), Date::of(2029, 12, 31));

/// A child's card runs to the end of this day where the sixth birthday comes earlier in the year:
/// until school has begun (Circular 30/2020/TT-BYT, article 13 (memory)).
const SCHOOL_BEGINS: (u8, u8) = (9, 30);

/// Age at which a child's own card ends.
const CHILD_CARD_AGE: u16 = 6;

/// Facilities of a province that people register at first, 001 upwards.
const FACILITIES: u32 = 120;

/// After so many years without a gap the insured pay less; the date stands on the card.
const CONTINUOUS_YEARS: u16 = 5;

/// What is on file about a person's health insurance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insurance {
    /// Social insurance number, for life.
    pub number: Digits<10>,
    /// Cards in the order of their periods; none for who was never issued one.
    pub cards: Vec<InsuranceCard>,
    /// From this day on the person has been insured five years without a gap.
    pub five_years_from: Option<Date>,
}

/// One card, of one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InsuranceCard {
    /// First day of validity.
    pub from: Date,
    /// Last day of validity.
    pub until: Date,
    /// Two letters: as what the person is insured (Decision 1351/QD-BHXH). `QN`, `CA` and `CY` are
    /// managed by the army and the police.
    pub object_code: &'static str,
    /// Benefit level 1 to 5: 1, 2 and 5 pay all, 3 pays 95 %, 4 pays 80 %.
    pub benefit_level: u8,
    /// Where the person registers first: two digits of the province, three of the facility.
    pub first_facility: Digits<5>,
}

/// The groups that people are insured in, by age.
#[derive(Debug)]
pub(crate) struct InsuranceGroups {
    by_age: Vec<(u16, Weighted<InsuranceGroup>)>,
}

/// Who a person is, as far as insurance asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Insured {
    pub number: Digits<10>,
    pub born: Date,
    /// Full years on day 0.
    pub age: u16,
    pub died: Option<Date>,
    pub home: Place,
}

impl InsuranceGroups {
    pub(crate) fn new() -> Self {
        Self {
            by_age: tables::insurance_shares()
                .map(|(age, groups)| (age, Weighted::new(groups)))
                .collect(),
        }
    }

    /// Draws the insurance of a person who has a number.
    pub(crate) fn insurance(&self, person: Insured, draws: Draws) -> Insurance {
        let row = self.by_age.partition_point(|(from, _)| *from <= person.age);
        let (_, groups) = &self.by_age[row.saturating_sub(1)];
        let group = groups.draw(draws.of(Facet::InsuranceGroup));
        let facility = 1 + below(draws.of(Facet::FirstFacility), FACILITIES);
        let province = person.home.province.value() * 1_000;
        let card = |(from, until)| InsuranceCard {
            from,
            until,
            object_code: group.code,
            benefit_level: group.benefit_level,
            first_facility: Digits::from_value(province + u64::from(facility)),
        };
        let cards: Vec<InsuranceCard> = periods(person, draws).into_iter().map(card).collect();
        let five_years_from = cards.first().map(|first| five_years(person, first.from, draws));
        Insurance { number: person.number, cards, five_years_from }
    }
}

/// The periods of a person's cards, at most two.
fn periods(person: Insured, draws: Draws) -> Vec<(Date, Date)> {
    let state = below(draws.of(Facet::InsurancePeriod), 1_000);
    let mut periods = Vec::with_capacity(CARDS_MAX);
    if let Some(died) = person.died {
        // The last card ended with the person.
        let from = PREVIOUS.0.min(died).max(person.born);
        periods.push((from, died));
        return periods;
    }
    let child_until = child_card_end(person.born);
    if child_until >= CURRENT.0 {
        if person.age > 0 || state >= NEWBORN_WITHOUT_CARD {
            periods.push((person.born, child_until));
        }
        return periods;
    }
    match state {
        0..EXPIRED_PER_MILLE => periods.push(PREVIOUS),
        _ if state < EXPIRED_PER_MILLE + NOT_YET_PER_MILLE => periods.push(NEXT),
        _ if state < EXPIRED_PER_MILLE + NOT_YET_PER_MILLE + NO_CARD_PER_MILLE => {}
        _ if chance(draws.of(Facet::FiveYears), 900) => periods.extend([PREVIOUS, CURRENT]),
        _ => periods.push(CURRENT),
    }
    periods
}

fn child_card_end(born: Date) -> Date {
    let sixth = Date::from_day_number(born.anniversary(CHILD_CARD_AGE));
    sixth.max(Date::of(sixth.year(), SCHOOL_BEGINS.0, SCHOOL_BEGINS.1))
}

/// Insured since some year before the first card on file, but not before birth.
fn five_years(person: Insured, first: Date, draws: Draws) -> Date {
    let years_before = below(draws.of(Facet::FiveYears), 12) as u16; // below twelve
    let since = Date::of(first.year().saturating_sub(years_before), 1, 1).max(person.born);
    Date::from_day_number(since.anniversary(CONTINUOUS_YEARS))
}
