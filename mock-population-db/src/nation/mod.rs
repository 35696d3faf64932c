//! The nation: everybody, as a pure function of a seed.

use std::fmt;

use crate::POPULATION;
use crate::cells::{Cell, Cells};
use crate::date::Date;
use crate::digits::PersonalNumber;
use crate::mix::{Draws, Facet, below, mix};
use crate::names::Names;
use crate::permutation::Permutation;
use crate::person::{Person, Status};
use crate::places::Places;
use crate::tables::{self, Province};

/// From this age people have a card.
const CARD_AGE_YEARS: u16 = 14;

/// Cards on file were issued in the five years before day 0, the chip-card campaign and after.
const FIRST_CARD_DAY: u32 = Date::day_number(2021, 1, 1);
const LAST_CARD_DAY: u32 = Date::day_number(2025, 12, 31);

/// All people on day 0. Holds tables only: a person is computed when asked for.
pub struct Nation {
    seed: u64,
    provinces: Vec<Province>,
    cells: Cells,
    names: Names,
    places: Places,
}

impl Nation {
    /// The nation of a seed; the same one on every machine.
    pub fn new(seed: u64) -> Self {
        let provinces = tables::provinces();
        Self {
            seed,
            cells: Cells::new(&provinces, &tables::age_groups()),
            names: Names::new(),
            places: Places::new(&provinces),
            provinces,
        }
    }

    /// The person with this ordinal. People of one cell have neighbouring ordinals.
    ///
    /// # Panics
    /// When the ordinal is not below [`POPULATION`].
    pub fn person(&self, ordinal: u64) -> Person {
        let (cell, rank) = self.locate(ordinal);
        self.describe(ordinal, cell, self.number_at(cell, rank))
    }

    /// The personal number of the person with this ordinal.
    ///
    /// # Panics
    /// When the ordinal is not below [`POPULATION`].
    pub fn number(&self, ordinal: u64) -> PersonalNumber {
        let (cell, rank) = self.locate(ordinal);
        self.number_at(cell, rank)
    }

    /// The ordinal of the person who bears this personal number; none where it is malformed or was
    /// never issued.
    pub fn find(&self, number: &str) -> Option<u64> {
        let (ordinal, _) = self.resolve(PersonalNumber::parse(number)?)?;
        Some(ordinal)
    }

    /// The person who bears this personal number, in one step.
    pub fn find_person(&self, number: PersonalNumber) -> Option<Person> {
        let (ordinal, cell) = self.resolve(number)?;
        Some(self.describe(ordinal, cell, number))
    }

    /// `count` different people (at most everybody), spread evenly over the nation; so is every
    /// beginning of the sample. The same ones every time.
    pub fn sample(&self, count: u64) -> impl Iterator<Item = Person> + '_ {
        let strata = count.min(POPULATION);
        let step = golden_step(strata);
        (0..strata).map(move |index| {
            // One person from each of `strata` equal parts of the nation, visited in long strides.
            let stratum = index * step % strata;
            let first = stratum * POPULATION / strata;
            let width = (stratum + 1) * POPULATION / strata - first;
            let within = below(mix(self.seed ^ stratum), width as u32); // at most the population
            self.person(first + u64::from(within))
        })
    }

    /// The provinces in the order of their indexes in cells.
    pub(crate) fn provinces(&self) -> &[Province] {
        &self.provinces
    }

    pub(crate) fn cells(&self) -> &Cells {
        &self.cells
    }

    fn locate(&self, ordinal: u64) -> (Cell, u32) {
        assert!(ordinal < POPULATION, "ordinal {ordinal} is beyond the population");
        self.cells.locate(ordinal)
    }

    fn number_at(&self, cell: Cell, rank: u32) -> PersonalNumber {
        self.cells.number(cell, self.permutation(cell).serial(rank))
    }

    fn resolve(&self, number: PersonalNumber) -> Option<(u64, Cell)> {
        let (cell, serial) = self.cells.read(number)?;
        let rank = self.permutation(cell).rank(serial);
        // A cell gives out the serials of its first ranks; the others are still free.
        (rank < self.cells.size(cell)).then(|| (self.cells.start(cell) + u64::from(rank), cell))
    }

    fn permutation(&self, cell: Cell) -> Permutation {
        Permutation::new(self.seed, cell.index() as u64)
    }

    fn describe(&self, ordinal: u64, cell: Cell, personal_id: PersonalNumber) -> Person {
        let draws = Draws::new(self.seed, ordinal);
        let birth = birth_date(cell.birth_year, draws);
        let roots = self.places.roots(cell.province, draws);
        Person {
            personal_id,
            old_id_number: None,
            insurance_number: None,
            full_name: self.names.full_name(cell.sex, cell.birth_year, draws),
            date_of_birth: Some(birth),
            sex: cell.sex,
            card_issue_date: card_issue_date(birth, draws),
            place_of_origin: roots.origin,
            permanent_address: roots.home,
            status: Status::Active,
        }
    }
}

impl fmt::Debug for Nation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nation").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// A day of the year, all alike.
fn birth_date(year: u16, draws: Draws) -> Date {
    let first = Date::day_number(year, 1, 1);
    let days = Date::day_number(year + 1, 1, 1) - first;
    Date::from_day_number(first + below(draws.of(Facet::BirthDay), days))
}

/// A day between the fourteenth birthday, or the start of the campaign, and day 0.
fn card_issue_date(birth: Date, draws: Draws) -> Option<Date> {
    let first = birth.anniversary(CARD_AGE_YEARS).max(FIRST_CARD_DAY);
    let days = (LAST_CARD_DAY + 1).checked_sub(first).filter(|days| *days > 0)?;
    Some(Date::from_day_number(first + below(draws.of(Facet::CardDay), days)))
}

/// A stride near the golden section of `strata`, without a common divisor: repeated, it meets
/// every stratum once and fills the gaps evenly.
fn golden_step(strata: u64) -> u64 {
    let near = strata * 618 / 1_000;
    (1..=near).rev().find(|step| common_divisor(*step, strata) == 1).unwrap_or(1)
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests;
