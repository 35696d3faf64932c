//! The nation: everybody, as a pure function of a seed.

mod rare;

use std::fmt;

use crate::POPULATION;
use crate::cells::{Cell, Cells};
use crate::digits::{Digits, PersonalNumber};
use crate::dossier::Dossier;
use crate::insurance::{Insurance, InsuranceGroups, Insured};
use crate::insurance_numbers::InsuranceNumbers;
use crate::life::Life;
use crate::mix::{Domain, Draws, below, domain, mix};
use crate::names::Names;
use crate::old_numbers::OldNumbers;
use crate::person::Person;
use crate::personal_numbers::{Bearer, PersonalNumbers};
use crate::places::Places;
use crate::planted::OneIn;
use crate::tables::{self, Province};

/// One pair of so many people are twins with equal name, birth date and sex: 2 of 10,000 people.
const TWINS_ONE_IN: u32 = 10_000;

/// What leads to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Personal number, the present one or a cancelled one.
    PersonalId(PersonalNumber),
    /// Number of the old identity card.
    OldIdNumber(Digits<9>),
    /// Health insurance number.
    InsuranceNumber(Digits<10>),
}

impl Key {
    /// Reads a number of which the length says what it is: 12 digits personal, 9 old, 10 insurance;
    /// of the 15 characters of an old insurance card the last ten.
    pub fn parse(text: &str) -> Option<Self> {
        let insurance = match text.len() {
            15 => text.get(5..).unwrap_or(text),
            _ => text,
        };
        PersonalNumber::parse(text)
            .map(Self::PersonalId)
            .or_else(|| Digits::parse(text).map(Self::OldIdNumber))
            .or_else(|| Digits::parse(insurance).map(Self::InsuranceNumber))
    }
}

/// Somebody a key leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Who they are in the nation.
    pub ordinal: u64,
    /// The person.
    pub person: Person,
    /// Whether the key is a personal number that was cancelled and re-created.
    pub superseded: bool,
}

/// All people on day 0. Holds tables only: a person is computed when asked for.
pub struct Nation {
    seed: u64,
    provinces: Vec<Province>,
    cells: Cells,
    personal_numbers: PersonalNumbers,
    old_numbers: OldNumbers,
    insurance_numbers: InsuranceNumbers,
    twins: OneIn,
    names: Names,
    places: Places,
    insurance: InsuranceGroups,
}

impl Nation {
    /// The nation of a seed; the same one on every machine.
    pub fn new(seed: u64) -> Self {
        let provinces = tables::provinces();
        let cells = Cells::new(&provinces, &tables::age_groups());
        Self {
            seed,
            personal_numbers: PersonalNumbers::new(seed),
            old_numbers: OldNumbers::new(seed, &cells),
            insurance_numbers: InsuranceNumbers::new(seed, &provinces),
            twins: OneIn::with_one_behind(domain(seed, Domain::Twins, 0), TWINS_ONE_IN),
            names: Names::new(),
            places: Places::new(&provinces),
            insurance: InsuranceGroups::new(),
            cells,
            provinces,
        }
    }

    /// The person with this ordinal. People of one cell have neighbouring ordinals.
    ///
    /// # Panics
    /// When the ordinal is not below [`POPULATION`].
    pub fn person(&self, ordinal: u64) -> Person {
        let (cell, rank) = self.locate(ordinal);
        let number = self.personal_numbers.at(&self.cells, cell, rank);
        self.describe(ordinal, cell, number)
    }

    /// The personal number of the person with this ordinal.
    ///
    /// # Panics
    /// When the ordinal is not below [`POPULATION`].
    pub fn number(&self, ordinal: u64) -> PersonalNumber {
        let (cell, rank) = self.locate(ordinal);
        self.personal_numbers.at(&self.cells, cell, rank)
    }

    /// The ordinal of the person who bears this personal number, or bore it before it was
    /// cancelled; none where it is malformed or was never issued.
    pub fn find(&self, number: &str) -> Option<u64> {
        Some(self.bearer(PersonalNumber::parse(number)?)?.ordinal)
    }

    /// The number now in force of whoever bears this one, or bore it before it was cancelled.
    pub fn present_number(&self, number: PersonalNumber) -> Option<PersonalNumber> {
        let Bearer { ordinal, superseded, .. } = self.bearer(number)?;
        Some(if superseded { self.number(ordinal) } else { number })
    }

    /// Everybody a key leads to: nobody, one person, or the two who share an old number.
    pub fn find_by(&self, key: Key) -> impl Iterator<Item = Hit> {
        let known = |ordinal: Option<u64>| {
            let ordinal = ordinal?;
            let (cell, rank) = self.cells.locate(ordinal);
            let number = self.personal_numbers.at(&self.cells, cell, rank);
            let person = self.describe(ordinal, cell, number);
            Some(Hit { ordinal, person, superseded: false })
        };
        let hits = match key {
            Key::PersonalId(number) => [self.find_by_number(number), None],
            Key::OldIdNumber(number) => self.old_numbers.holders(&self.cells, number).map(known),
            Key::InsuranceNumber(number) => {
                [known(self.insurance_numbers.holder(&self.cells, number)), None]
            }
        };
        hits.into_iter().flatten()
    }

    /// The cancelled numbers of a person, oldest first; mostly there are none.
    ///
    /// # Panics
    /// When the ordinal is not below [`POPULATION`].
    pub fn superseded_numbers(&self, ordinal: u64) -> impl Iterator<Item = PersonalNumber> {
        let (cell, _) = self.locate(ordinal);
        self.personal_numbers.cancelled(&self.cells, ordinal, cell)
    }

    /// Somebody who has a superseded number, chosen by `random`.
    pub(crate) fn somebody_superseded(&self, random: u64) -> u64 {
        self.personal_numbers.owner(random)
    }

    /// Where the chances of one record come from.
    pub(crate) fn records_key(&self, holder: u64, index: u64) -> u64 {
        mix(domain(self.seed, Domain::Records, holder) ^ index)
    }

    /// The health insurance of a person; none for who has no number.
    ///
    /// # Panics
    /// When the ordinal is not below [`POPULATION`].
    pub fn insurance(&self, ordinal: u64) -> Option<Insurance> {
        let (cell, rank) = self.locate(ordinal);
        let number = self.insurance_numbers.of(&self.cells, ordinal, cell.registrar)?;
        let life = self.life(ordinal, cell, rank);
        let home = self.places.roots(cell.registrar, self.birth_draws(ordinal, cell)).home;
        let insured = Insured { number, born: life.born, age: cell.age(), died: life.died, home };
        Some(self.insurance.insurance(insured, Draws::new(self.seed, ordinal)))
    }

    /// Everything about a person in one place.
    ///
    /// # Panics
    /// When the ordinal is not below [`POPULATION`].
    pub fn dossier(&self, ordinal: u64) -> Dossier {
        Dossier {
            person: self.person(ordinal),
            superseded_numbers: self.superseded_numbers(ordinal).collect(),
            insurance: self.insurance(ordinal),
        }
    }

    /// `count` different people, those of [`Self::sample_ordinals`].
    pub fn sample(&self, count: u64) -> impl Iterator<Item = Person> {
        self.sample_ordinals(count).map(|ordinal| self.person(ordinal))
    }

    /// The ordinals of `count` different people (at most everybody), spread evenly over the nation;
    /// so is every beginning of the sample. The same ones every time.
    pub fn sample_ordinals(&self, count: u64) -> impl Iterator<Item = u64> + use<> {
        let seed = self.seed;
        let strata = count.min(POPULATION);
        let step = golden_step(strata);
        (0..strata).map(move |index| {
            // One person from each of `strata` equal parts of the nation, visited in long strides.
            let stratum = index * step % strata;
            let first = stratum * POPULATION / strata;
            let width = (stratum + 1) * POPULATION / strata - first;
            first + u64::from(below(mix(seed ^ stratum), width as u32)) // at most the population
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

    fn bearer(&self, number: PersonalNumber) -> Option<Bearer> {
        self.personal_numbers.bearer(&self.cells, number)
    }

    fn find_by_number(&self, number: PersonalNumber) -> Option<Hit> {
        let Bearer { ordinal, cell, superseded } = self.bearer(number)?;
        let present = if superseded {
            let rank = (ordinal - self.cells.start(cell)) as u32; // less than the cell's size
            self.personal_numbers.at(&self.cells, cell, rank)
        } else {
            number
        };
        Some(Hit { ordinal, person: self.describe(ordinal, cell, present), superseded })
    }

    fn describe(&self, ordinal: u64, cell: Cell, personal_id: PersonalNumber) -> Person {
        let rank = (ordinal - self.cells.start(cell)) as u32; // less than the cell's size
        let draws = Draws::new(self.seed, ordinal);
        let birth_draws = self.birth_draws(ordinal, cell);
        let life = self.life(ordinal, cell, rank);
        let roots = self.places.roots(cell.registrar, birth_draws);
        Person {
            personal_id,
            old_id_number: self.old_numbers.of(&self.cells, ordinal, cell),
            insurance_number: self.insurance_numbers.of(&self.cells, ordinal, cell.registrar),
            full_name: self.names.full_name(life.sex, life.birth.year(), birth_draws),
            date_of_birth: life.birth,
            sex: life.sex,
            card: life.card(draws),
            place_of_origin: roots.origin,
            permanent_address: roots.home,
            former_address: roots.home_before,
            date_of_death: life.died,
        }
    }

    fn life(&self, ordinal: u64, cell: Cell, rank: u32) -> Life {
        let is_dead = rank >= self.cells.living(cell);
        let own = Draws::new(self.seed, ordinal);
        Life::new(cell, is_dead, self.birth_draws(ordinal, cell), own)
    }

    /// The draws about a birth: those of the elder twin for the younger one.
    fn birth_draws(&self, ordinal: u64, cell: Cell) -> Draws {
        let elder = ordinal
            .checked_sub(1)
            .filter(|&elder| elder >= self.cells.start(cell))
            .filter(|&elder| self.twins.position(elder).is_some());
        Draws::new(self.seed, elder.unwrap_or(ordinal))
    }
}

impl fmt::Debug for Nation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nation").field("seed", &self.seed).finish_non_exhaustive()
    }
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
