//! What happened to a person: when they were born and died, and which cards they were issued.

use crate::cells::{Cell, Cells};
use crate::date::{BirthDate, Date};
use crate::mix::{Draws, Facet, below, chance, rarely};
use crate::person::{Card, Sex};

/// The last day before day 0.
const LAST_DAY: Date = Date::of(2025, 12, 31);

/// Of 10,000 people, how many records contradict their own number: half in the sex, half in the
/// year. Such numbers are found and re-created one by one (campaign of Hà Nội's police, 2023).
const CONFLICT_PER_10_000: u32 = 5;

/// How far off the year of such a number is at most.
const CONFLICT_YEARS: u32 = 10;

/// Of 10,000 people of each generation, of how many only the birth year is on file: together 60 of
/// 10,000. Dates were not written down everywhere before about 1965.
const YEAR_ONLY_BEFORE: u16 = 1966;
const YEAR_ONLY_OLD_PER_10_000: u32 = 300;
const YEAR_ONLY_YOUNG_PER_10_000: u32 = 15;

/// First deaths that led to a mark in the register, which took numbers from 2016 on.
const FIRST_DEATH: Date = Date::of(2016, 1, 1);

/// From this age everybody has a card.
const CARD_AGE: u16 = 14;

/// The chip-card campaign began; cards from before it are no longer on file.
const FIRST_CARD: Date = Date::of(2021, 1, 1);

/// Children get cards on request since the Law on Identity (26/2023/QH15) is in force.
const FIRST_CHILD_CARD: Date = Date::of(2024, 7, 1);

/// Of a thousand children who could have a card, how many have none: under six, and from six to
/// thirteen. Together 900 of 10,000 people (domain facts 3.3).
const SMALL_CHILD_AGE: u16 = 6;
const SMALL_CHILDREN_WITHOUT_CARD: u32 = 780;
const CHILDREN_WITHOUT_CARD: u32 = 150;

/// Ages at which a card has to be exchanged (Law 26/2023/QH15, article 21).
const EXCHANGE_AGES: [u16; 4] = [14, 25, 40, 60];

/// A card issued in so many years before such an age stays valid to the next one.
const EARLY_EXCHANGE_YEARS: u16 = 2;

/// Of a thousand people whose card ran out before day 0, how many have a new one.
const RENEWED_PER_MILLE: u32 = 800;

/// Sex and birth as recorded, and death.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub sex: Sex,
    /// As recorded.
    pub birth: BirthDate,
    /// The day, even where it is not on record: what happens at an age needs one.
    pub born: Date,
    pub died: Option<Date>,
}

impl Life {
    /// Draws the life of somebody of `cell`. `birth` are the draws about the birth, which twins
    /// share; `own` those about the person.
    pub(crate) fn new(cell: Cell, is_dead: bool, birth: Draws, own: Draws) -> Self {
        let (sex, year) = recorded(cell, birth);
        let first = Date::day_number(year, 1, 1);
        let days = Date::day_number(year + 1, 1, 1) - first;
        let born = Date::from_day_number(first + below(birth.of(Facet::BirthDay), days));
        let per_10_000 = if year < YEAR_ONLY_BEFORE {
            YEAR_ONLY_OLD_PER_10_000
        } else {
            YEAR_ONLY_YOUNG_PER_10_000
        };
        let is_year_only = rarely(birth.of(Facet::YearOnly), per_10_000);
        let died = is_dead.then(|| death(born, own));
        let birth = if is_year_only { BirthDate::Year(year) } else { BirthDate::Day(born) };
        Self { sex, birth, born, died }
    }

    /// The last day of life on file.
    fn last_day(self) -> Date {
        self.died.unwrap_or(LAST_DAY)
    }

    /// The card a person has, or had when they died.
    pub(crate) fn card(self, draws: Draws) -> Option<Card> {
        let (born, last) = (self.born, self.last_day().number());
        let adult_from = born.anniversary(CARD_AGE).max(FIRST_CARD.number());
        let issued = if adult_from <= last {
            self.adult_card(adult_from, draws)
        } else {
            self.child_card(draws)?
        };
        Some(Card { issued, expires: expiry(born, issued) })
    }

    fn adult_card(self, from: u32, draws: Draws) -> Date {
        let last = self.last_day().number();
        let first_card = between(from, last, draws.of(Facet::CardDay));
        match expiry(self.born, first_card) {
            Some(expiry)
                if expiry.number() < last
                    && chance(draws.of(Facet::CardRenewal), RENEWED_PER_MILLE) =>
            {
                between(expiry.number() + 1, last, draws.of(Facet::CardDay))
            }
            _ => first_card,
        }
    }

    fn child_card(self, draws: Draws) -> Option<Date> {
        let last = self.last_day().number();
        let from = self.born.number().max(FIRST_CHILD_CARD.number());
        let is_small = self.born.anniversary(SMALL_CHILD_AGE) > last;
        let without = if is_small { SMALL_CHILDREN_WITHOUT_CARD } else { CHILDREN_WITHOUT_CARD };
        if from > last || chance(draws.of(Facet::ChildCard), without) {
            return None;
        }
        Some(between(from, last, draws.of(Facet::CardDay)))
    }
}

/// What the record says, which in rare cases is not what the number says.
fn recorded(cell: Cell, draws: Draws) -> (Sex, u16) {
    let conflict = draws.of(Facet::StructureConflict);
    if !rarely(conflict, CONFLICT_PER_10_000) {
        return (cell.sex, cell.birth_year);
    }
    if conflict.is_multiple_of(2) {
        return (cell.sex.other(), cell.birth_year);
    }
    let off = below(draws.of(Facet::ConflictingYear), CONFLICT_YEARS) as u16 + 1; // at most ten
    let year = [cell.birth_year - off, cell.birth_year + off]
        .into_iter()
        .find(|&year| Cells::variant(cell, cell.sex, year).is_some())
        .unwrap_or(cell.birth_year);
    (cell.sex, year)
}

fn death(born: Date, draws: Draws) -> Date {
    let from = born.number().max(FIRST_DEATH.number());
    between(from, LAST_DAY.number(), draws.of(Facet::Death))
}

/// The birthday at which a card issued on this day has to be exchanged; none after the last age.
fn expiry(born: Date, issued: Date) -> Option<Date> {
    let until = issued.number();
    EXCHANGE_AGES
        .into_iter()
        .find(|age| {
            // Below 14 the card ends at 14 whenever it was issued: the face has changed.
            let grace = if *age == CARD_AGE { 0 } else { EARLY_EXCHANGE_YEARS };
            born.anniversary(age - grace) > until
        })
        .map(|age| Date::from_day_number(born.anniversary(age)))
}

/// A day from `first` to `last`; `first` where they do not stand in this order.
fn between(first: u32, last: u32, random: u64) -> Date {
    let days = (last + 1).saturating_sub(first).max(1);
    Date::from_day_number(first + below(random, days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_end_at_the_ages_of_exchange() {
        let born = Date::of(1990, 5, 1);
        for (issued, expires) in [
            (Date::of(2010, 1, 1), Some("2015-05-01")),
            (Date::of(2013, 4, 30), Some("2015-05-01")),
            (Date::of(2013, 5, 1), Some("2030-05-01")),
            (Date::of(2021, 7, 1), Some("2030-05-01")),
            (Date::of(2028, 5, 2), Some("2050-05-01")),
            (Date::of(2048, 5, 1), None),
            (Date::of(2051, 1, 1), None),
            (Date::of(2000, 1, 1), Some("2004-05-01")),
            (Date::of(2004, 4, 30), Some("2004-05-01")),
        ] {
            let expiry = expiry(born, issued).map(|date| date.to_string());
            assert_eq!(expiry.as_deref(), expires, "issued {issued}");
        }
    }
}
