//! Nine-digit numbers of the old identity card: whose is this one, and what is that person's.
//!
//! The first three digits were given out by province (the old ones; in truth the police's own
//! codes). A few numbers belong to two people, since the provinces' books were never compared:
//! the second holder of such a number got the first one's instead of their own.

use std::ops::Range;

use crate::POPULATION;
use crate::cells::{Cell, Cells};
use crate::digits::Digits;
use crate::mix::{Domain, Draws, Facet, domain, rarely};
use crate::permutation::Permutation;
use crate::planted::OneIn;

/// Who was born later was not yet 14 when the old card was given up for the chip card, in 2021.
const LAST_BIRTH_YEAR: u16 = 2006;

/// Of 10,000 people old enough, how many have no old number on file.
const NONE_PER_10_000: u32 = 350;

/// Of so many people one shares their number with one other: with those who have no number left
/// out, 8 of 10,000.
const SHARED_ONE_IN: u32 = 1_200;

/// How far behind in the nation the second holder of a number is, in steps of [`SHARED_ONE_IN`]:
/// another province, another generation.
const STEPS_BETWEEN: u64 = 17_011;

/// People per prefix of three digits. All prefixes together hold a thousand million numbers, of
/// which so some 7 % are issued.
const PEOPLE_PER_PREFIX: u64 = 110_000;

/// The first prefix given out.
const FIRST_PREFIX: u32 = 10;

/// Numbers of a prefix.
const SERIALS: u32 = 1_000_000;

/// The lower half of a number in its permutation.
const HALF: u32 = 1_000;

/// The numbers of one province.
#[derive(Debug)]
struct Book {
    people: Range<u64>,
    first_prefix: u32,
    numbers: Permutation,
}

/// The old numbers of the nation of one seed.
#[derive(Debug)]
pub(crate) struct OldNumbers {
    seed: u64,
    books: Box<[Book]>,
    owners: OneIn,
    others: OneIn,
}

impl OldNumbers {
    pub(crate) fn new(seed: u64, cells: &Cells) -> Self {
        let mut first_prefix = FIRST_PREFIX;
        let books = (0..cells.registrars())
            .map(|registrar| {
                let people = cells.people_of(registrar);
                let count = (people.end - people.start).div_ceil(PEOPLE_PER_PREFIX) as u32; // below 1,000
                let key = domain(seed, Domain::OldNumbers, registrar as u64);
                let numbers = Permutation::new(key, count * (SERIALS / HALF), HALF);
                let book = Book { people, first_prefix, numbers };
                first_prefix += count;
                book
            })
            .collect();
        let shared = |which| OneIn::new(domain(seed, which, 0), SHARED_ONE_IN);
        Self {
            seed,
            books,
            owners: shared(Domain::SharedNumberOwner),
            others: shared(Domain::SharedNumberOther),
        }
    }

    /// The number a person has on file.
    pub(crate) fn of(&self, cells: &Cells, ordinal: u64, cell: Cell) -> Option<Digits<9>> {
        if !self.has(ordinal, cell) {
            return None;
        }
        let owner = self.owner_instead(cells, ordinal).unwrap_or(ordinal);
        Some(self.own(owner))
    }

    /// The people who have this number on file: nobody, one, or two.
    pub(crate) fn holders(&self, cells: &Cells, number: Digits<9>) -> [Option<u64>; 2] {
        let owner = self.owner(number).filter(|&ordinal| {
            let (cell, _) = cells.locate(ordinal);
            self.has(ordinal, cell) && self.owner_instead(cells, ordinal).is_none()
        });
        [owner, owner.and_then(|owner| self.other_holder(cells, owner))]
    }

    /// Everybody who shares a number, by twos: whose own number it is, and who got it instead.
    pub(crate) fn pairs(&self, cells: &Cells) -> impl Iterator<Item = (u64, u64)> {
        (0..self.steps()).filter_map(|step| self.pair(cells, step))
    }

    /// The person whose own number this would be.
    fn owner(&self, number: Digits<9>) -> Option<u64> {
        let value = number.value() as u32; // nine digits
        let (prefix, serial) = (value / SERIALS, value % SERIALS);
        let after = self.books.partition_point(|book| book.first_prefix <= prefix);
        let book = self.books.get(after.checked_sub(1)?)?;
        let image = (prefix - book.first_prefix).checked_mul(SERIALS)? + serial;
        if image >= book.numbers.size() {
            return None; // behind the last prefix of the last book
        }
        let ordinal = book.people.start + u64::from(book.numbers.back(image));
        book.people.contains(&ordinal).then_some(ordinal)
    }

    fn own(&self, ordinal: u64) -> Digits<9> {
        let after = self.books.partition_point(|book| book.people.start <= ordinal);
        let book = &self.books[after - 1];
        let image = book.numbers.forth((ordinal - book.people.start) as u32); // below the population
        Digits::from_value(u64::from(book.first_prefix * SERIALS + image))
    }

    fn has(&self, ordinal: u64, cell: Cell) -> bool {
        let draws = Draws::new(self.seed, ordinal);
        cell.birth_year <= LAST_BIRTH_YEAR && !rarely(draws.of(Facet::NoOldNumber), NONE_PER_10_000)
    }

    /// The person whose number this one got.
    fn owner_instead(&self, cells: &Cells, ordinal: u64) -> Option<u64> {
        let place = self.others.position(ordinal)?;
        let step = (place + self.steps() - STEPS_BETWEEN) % self.steps();
        self.pair(cells, step).map(|(owner, _)| owner)
    }

    /// The person who got this one's number.
    fn other_holder(&self, cells: &Cells, owner: u64) -> Option<u64> {
        let step = self.owners.position(owner)?;
        self.pair(cells, step).map(|(_, other)| other)
    }

    /// The two people who share a number, if both of this step can.
    fn pair(&self, cells: &Cells, step: u64) -> Option<(u64, u64)> {
        if step >= self.steps() {
            return None;
        }
        let owner = self.owners.nth(step);
        let other = self.others.nth((step + STEPS_BETWEEN) % self.steps());
        let has = |ordinal| self.has(ordinal, cells.locate(ordinal).0);
        let can_share = self.others.position(owner).is_none()
            && self.owners.position(other).is_none()
            && has(owner)
            && has(other);
        can_share.then_some((owner, other))
    }

    fn steps(&self) -> u64 {
        self.owners.count(POPULATION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    #[test]
    fn the_prefixes_of_all_provinces_fit_into_three_digits() {
        let cells = Cells::new(&tables::provinces(), &tables::age_groups());
        let numbers = OldNumbers::new(7, &cells);
        let last = numbers.books.last().expect("a book");
        assert!(last.first_prefix + last.numbers.size() / SERIALS <= 1_000);
    }
}
