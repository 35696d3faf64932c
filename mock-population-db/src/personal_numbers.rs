//! Personal numbers: whose is this one, what is that person's, and which ones did they bear before.
//!
//! A cell gives the numbers of its first ranks to its people. The ranks right behind them are the
//! numbers that were cancelled and re-created (Circular 59/2021/TT-BCA, article 6): one block for
//! each way in which a number can have been wrong, so that an old number, too, leads to its person
//! without a table.

use crate::POPULATION;
use crate::cells::{Cell, Cells, SERIALS};
use crate::digits::PersonalNumber;
use crate::mix::{Domain, below, domain, mix};
use crate::permutation::Permutation;
use crate::planted::OneIn;

/// One of so many people has a superseded number: 15 of 10,000.
const SUPERSEDED_ONE_IN: u32 = 667;

/// Cancelled numbers of one person at most.
const CHAIN_MAX: u32 = 3;

/// Ranks kept for each cause behind the people of a cell: its largest has some 125 owners.
const BLOCK: u32 = 1_024;

/// Half of a serial number.
const HALF: u32 = 1_000;

/// Who a personal number leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bearer {
    pub ordinal: u64,
    pub cell: Cell,
    /// Whether the number was cancelled and another one put in its place.
    pub superseded: bool,
}

/// What was wrong with a cancelled number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Cause {
    /// A slip of the keyboard in the last six digits.
    Entry = 0,
    /// The other sex.
    Sex = 1,
    /// The year after the right one.
    YearAfter = 2,
    /// The year before the right one.
    YearBefore = 3,
}

impl Cause {
    const ALL: [Self; 4] = [Self::Entry, Self::Sex, Self::YearAfter, Self::YearBefore];

    /// The cell that a number wrong in this way names, for a person of `cell`.
    fn wrong(self, cell: Cell) -> Option<Cell> {
        match self {
            Self::Entry => Some(cell),
            Self::Sex => Cells::variant(cell, cell.sex.other(), cell.birth_year),
            Self::YearAfter => Cells::variant(cell, cell.sex, cell.birth_year + 1),
            Self::YearBefore => Cells::variant(cell, cell.sex, cell.birth_year - 1),
        }
    }

    /// The cell of the person, for a number wrong in this way that names `cell`.
    fn right(self, cell: Cell) -> Option<Cell> {
        match self {
            Self::Entry | Self::Sex => self.wrong(cell),
            Self::YearAfter => Self::YearBefore.wrong(cell),
            Self::YearBefore => Self::YearAfter.wrong(cell),
        }
    }
}

/// The numbers of the nation of one seed.
#[derive(Debug)]
pub(crate) struct PersonalNumbers {
    seed: u64,
    superseded: OneIn,
}

impl PersonalNumbers {
    pub(crate) fn new(seed: u64) -> Self {
        let superseded = OneIn::new(domain(seed, Domain::Superseded, 0), SUPERSEDED_ONE_IN);
        Self { seed, superseded }
    }

    /// The number at a rank of a cell.
    pub(crate) fn at(&self, cells: &Cells, cell: Cell, rank: u32) -> PersonalNumber {
        cells.number(cell, self.permutation(cell).forth(rank))
    }

    /// Who bears this number, or bore it before it was cancelled.
    pub(crate) fn bearer(&self, cells: &Cells, number: PersonalNumber) -> Option<Bearer> {
        let (cell, serial) = cells.read(number)?;
        let rank = self.permutation(cell).back(serial);
        match rank.checked_sub(cells.size(cell)) {
            None => {
                let ordinal = cells.start(cell) + u64::from(rank);
                Some(Bearer { ordinal, cell, superseded: false })
            }
            Some(behind) => self.former_bearer(cells, cell, behind),
        }
    }

    /// The cancelled numbers of a person, oldest first.
    pub(crate) fn cancelled(
        &self,
        cells: &Cells,
        ordinal: u64,
        cell: Cell,
    ) -> impl Iterator<Item = PersonalNumber> {
        let owner = self.superseded.position(ordinal).filter(|it| *it < self.owners());
        let chain = owner.map_or(0, |owner| self.chain(owner));
        (0..chain).filter_map(move |link| {
            let owner = owner?;
            let cause = self.cause(owner, link, cell);
            let wrong = cause.wrong(cell)?;
            let place = (owner - self.superseded.before(cells.start(cell))) as u32; // below BLOCK
            let behind = cause as u32 * BLOCK + place * CHAIN_MAX + link;
            Some(self.at(cells, wrong, cells.size(wrong) + behind))
        })
    }

    /// Somebody who has a cancelled number, chosen by `random`.
    pub(crate) fn owner(&self, random: u64) -> u64 {
        self.superseded.nth(random % self.owners())
    }

    /// The ordinals of everybody with cancelled numbers.
    pub(crate) fn owners_of_cancelled(&self) -> impl Iterator<Item = u64> {
        self.superseded.all(POPULATION)
    }

    fn former_bearer(&self, cells: &Cells, wrong: Cell, behind: u32) -> Option<Bearer> {
        let cause = *Cause::ALL.get((behind / BLOCK) as usize)?;
        let (place, link) = (behind % BLOCK / CHAIN_MAX, behind % BLOCK % CHAIN_MAX);
        let cell = cause.right(wrong)?;
        let owner = self.superseded.before(cells.start(cell)) + u64::from(place);
        let ordinal = self.superseded.nth(owner);
        let is_theirs = owner < self.owners()
            && ordinal < cells.start(cell) + u64::from(cells.size(cell))
            && link < self.chain(owner)
            && self.cause(owner, link, cell) == cause;
        is_theirs.then_some(Bearer { ordinal, cell, superseded: true })
    }

    fn owners(&self) -> u64 {
        self.superseded.count(POPULATION)
    }

    /// How many numbers of this owner were cancelled: mostly one, rarely three.
    fn chain(&self, owner: u64) -> u32 {
        match below(self.draw(owner, u64::from(CHAIN_MAX)), 100) {
            0..88 => 1,
            88..98 => 2,
            _ => CHAIN_MAX,
        }
    }

    fn cause(&self, owner: u64, link: u32, cell: Cell) -> Cause {
        let cause = match below(self.draw(owner, link.into()), 100) {
            0..50 => Cause::Entry,
            50..70 => Cause::Sex,
            70..85 => Cause::YearAfter,
            _ => Cause::YearBefore,
        };
        // At the ends of the years there is no cell beside this one.
        if cause.wrong(cell).is_some() { cause } else { Cause::Entry }
    }

    fn draw(&self, owner: u64, what: u64) -> u64 {
        mix(domain(self.seed, Domain::SupersededCause, what) ^ owner)
    }

    fn permutation(&self, cell: Cell) -> Permutation {
        const { assert!(HALF * HALF == SERIALS) };
        let key = domain(self.seed, Domain::PersonalNumbers, cell.index() as u64);
        Permutation::new(key, HALF, HALF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    #[test]
    fn every_cell_has_room_for_its_cancelled_numbers() {
        let cells = Cells::new(&tables::provinces(), &tables::age_groups());
        for cell in cells.iter() {
            let owners = cells.size(cell) / SUPERSEDED_ONE_IN + 2;
            assert!(owners * CHAIN_MAX <= BLOCK, "{cell:?}");
            assert!(cells.size(cell) + BLOCK * 4 < SERIALS, "{cell:?}");
        }
    }

    #[test]
    fn a_wrong_cell_leads_back_to_the_right_one() {
        let cells = Cells::new(&tables::provinces(), &tables::age_groups());
        for cell in cells.iter().step_by(7) {
            for cause in Cause::ALL {
                if let Some(wrong) = cause.wrong(cell) {
                    assert_eq!(cause.right(wrong), Some(cell), "{cause:?}");
                }
            }
        }
    }
}
