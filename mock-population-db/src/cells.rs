//! Cells: everybody with the same first six digits, that is the same province or country of birth
//! registration, sex and birth year. Their sizes are the shape of the nation. In each cell the
//! living come first, then the dead.

use std::cmp::Reverse;

use crate::POPULATION;
use crate::digits::PersonalNumber;
use crate::person::Sex;
use crate::tables::{AgeGroup, Province};

/// Last six digits of a personal number: what a cell can give out.
pub(crate) const SERIALS: u32 = 1_000_000;

/// Of 10,000 people on file, how many are dead (5.44 million deaths recorded by May 2023).
const DEAD_PER_10_000: u64 = 550;

/// Prefixes of births registered abroad, and the weight of each beside 100,000 of all provinces:
/// together 10 of 10,000 people. The official annex of country codes is not public; these are
/// three-digit codes that no province has.
pub(crate) const ABROAD: [u16; 5] = [105, 118, 141, 157, 183];
const ABROAD_WEIGHT: u32 = 20;

/// Ages that the dead would have on day 0, each row up to the one before the next, in per mille of
/// all dead, and how many of a thousand are men. Ours: the shape of recorded deaths of a register
/// that began in 2015.
const DEAD_AGES: [(u16, u64, u64); 8] = [
    (0, 15, 560),
    (20, 50, 720),
    (40, 70, 700),
    (50, 110, 670),
    (60, 180, 600),
    (70, 225, 530),
    (80, 245, 450),
    (90, 105, 380),
];

/// The last full year before day 0, 2026-01-01: who was born in it is less than one year old.
const LAST_BIRTH_YEAR: u16 = 2025;

/// Ages 0 to 99.
const YEARS: u16 = 100;

const FIRST_BIRTH_YEAR: u16 = LAST_BIRTH_YEAR + 1 - YEARS;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Index of the province in the order of codes; behind the last province, the countries.
    pub registrar: usize,
    pub sex: Sex,
    pub birth_year: u16,
}

impl Cell {
    /// The cell at `index`: provinces, within them men before women, within them years.
    fn at(index: usize) -> Self {
        let year = index % usize::from(YEARS);
        let rest = index / usize::from(YEARS);
        Self {
            registrar: rest / 2,
            sex: Sex::ALL[rest % 2],
            birth_year: FIRST_BIRTH_YEAR + year as u16, // below 100
        }
    }

    /// How many years its people had completed on day 0.
    pub(crate) fn age(self) -> u16 {
        LAST_BIRTH_YEAR - self.birth_year
    }

    /// Its place among all cells.
    pub(crate) fn index(self) -> usize {
        let year = usize::from(self.birth_year - FIRST_BIRTH_YEAR);
        (self.registrar * 2 + self.sex as usize) * usize::from(YEARS) + year
    }
}

/// All cells and the ordinals of their people.
#[derive(Debug)]
pub(crate) struct Cells {
    /// Codes of provinces and countries in ascending order.
    codes: Box<[u16]>,
    /// Ordinal of the first person of each cell, and at the end the population.
    starts: Box<[u32]>,
    /// How many of each cell are alive.
    living: Box<[u32]>,
}

impl Cells {
    /// Divides the population by province, sex and birth year: the living after the census, the
    /// dead on top of them.
    pub(crate) fn new(provinces: &[Province], age_groups: &[AgeGroup]) -> Self {
        let registrars: Vec<(u16, u32)> = provinces
            .iter()
            .map(|it| (it.code, it.weight))
            .chain(ABROAD.map(|code| (code, ABROAD_WEIGHT)))
            .collect();
        let count = registrars.len() * 2 * usize::from(YEARS);
        let (mut of_living, mut of_dead) = (vec![0; count], vec![0; count]);
        for index in 0..count {
            let cell = Cell::at(index);
            let weight = registrars[cell.registrar].1;
            of_living[index] = weight_of_living(cell, weight, age_groups);
            of_dead[index] = weight_of_dead(cell, weight);
        }
        let dead = POPULATION * DEAD_PER_10_000 / 10_000;
        let living = apportion(&of_living, POPULATION - dead);
        let dead = apportion(&of_dead, dead);
        let mut starts = Vec::with_capacity(count + 1);
        starts.push(0);
        let mut end = 0;
        for (living, dead) in living.iter().zip(&dead) {
            end += (living + dead) as u32; // the sizes add up to the population, which fits
            starts.push(end);
        }
        Self {
            codes: registrars.iter().map(|(code, _)| *code).collect(),
            starts: starts.into_boxed_slice(),
            living: living.into_iter().map(|it| it as u32).collect(), // at most the population
        }
    }

    /// Every cell, in the order of ordinals.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Cell> + use<> {
        (0..self.starts.len() - 1).map(Cell::at)
    }

    /// How many people a cell has.
    pub(crate) fn size(&self, cell: Cell) -> u32 {
        self.starts[cell.index() + 1] - self.starts[cell.index()]
    }

    /// How many of a cell are alive: its first ranks.
    pub(crate) fn living(&self, cell: Cell) -> u32 {
        self.living[cell.index()]
    }

    /// How many provinces and countries register births.
    pub(crate) fn registrars(&self) -> usize {
        self.codes.len()
    }

    /// The ordinals of everybody whose birth was registered in one province or country.
    pub(crate) fn people_of(&self, registrar: usize) -> std::ops::Range<u64> {
        let first = registrar * 2 * usize::from(YEARS);
        u64::from(self.starts[first])..u64::from(self.starts[first + 2 * usize::from(YEARS)])
    }

    /// The cell of the same registrar that other facts about a person would name; none for years
    /// outside the nation.
    pub(crate) fn variant(cell: Cell, sex: Sex, birth_year: u16) -> Option<Cell> {
        (FIRST_BIRTH_YEAR..=LAST_BIRTH_YEAR).contains(&birth_year).then_some(Cell {
            registrar: cell.registrar,
            sex,
            birth_year,
        })
    }

    /// The ordinal of the first person of a cell.
    pub(crate) fn start(&self, cell: Cell) -> u64 {
        u64::from(self.starts[cell.index()])
    }

    /// The cell a person belongs to, and their rank in it.
    pub(crate) fn locate(&self, ordinal: u64) -> (Cell, u32) {
        let after = self.starts.partition_point(|start| u64::from(*start) <= ordinal);
        let rank = ordinal - u64::from(self.starts[after - 1]);
        (Cell::at(after - 1), rank as u32) // less than the cell's size
    }

    /// The number with this serial in a cell.
    pub(crate) fn number(&self, cell: Cell, serial: u32) -> PersonalNumber {
        let century_and_sex = (cell.birth_year / 100 - 19) * 2 + cell.sex as u16;
        let prefix = u64::from(self.codes[cell.registrar]) * 1_000
            + u64::from(century_and_sex * 100 + cell.birth_year % 100);
        PersonalNumber::from_value(prefix * u64::from(SERIALS) + u64::from(serial))
    }

    /// The cell and the serial a number names; none for provinces and years that do not exist.
    pub(crate) fn read(&self, number: PersonalNumber) -> Option<(Cell, u32)> {
        let value = number.value();
        let serial = (value % u64::from(SERIALS)) as u32; // below a million
        let prefix = (value / u64::from(SERIALS)) as u32; // six digits
        let century_and_sex = prefix / 100 % 10;
        let birth_year = (1_900 + century_and_sex / 2 * 100 + prefix % 100) as u16; // below 2400
        if !(FIRST_BIRTH_YEAR..=LAST_BIRTH_YEAR).contains(&birth_year) {
            return None;
        }
        let registrar = self.codes.binary_search(&((prefix / 1_000) as u16)).ok()?; // three digits
        let sex = Sex::ALL[(century_and_sex % 2) as usize];
        Some((Cell { registrar, sex, birth_year }, serial))
    }
}

/// Makes the shares of cells fine enough to be divided among them.
const PRECISION: u64 = 1 << 24;

/// The share of a cell's living, in units of which there are some 10^16.
fn weight_of_living(cell: Cell, registrar_weight: u32, age_groups: &[AgeGroup]) -> u64 {
    let group =
        age_groups.iter().find(|it| it.has(cell.age())).expect("the age groups cover ages 0 to 99");
    let males = u64::from(group.males_per_100_females);
    let of_sex = match cell.sex {
        Sex::Male => males,
        Sex::Female => 100,
    };
    let years = u64::from(group.to - group.from + 1);
    u64::from(registrar_weight) * u64::from(group.share) * of_sex * PRECISION
        / ((100 + males) * years)
}

/// The share of a cell's dead, in the same manner.
fn weight_of_dead(cell: Cell, registrar_weight: u32) -> u64 {
    let row = DEAD_AGES.partition_point(|(from, ..)| *from <= cell.age()) - 1;
    let (from, share, men) = DEAD_AGES[row];
    let to = DEAD_AGES.get(row + 1).map_or(YEARS, |(next, ..)| *next);
    let of_sex = match cell.sex {
        Sex::Male => men,
        Sex::Female => 1_000 - men,
    };
    u64::from(registrar_weight) * share * of_sex * PRECISION / u64::from(to - from)
}

/// Whole numbers in proportion to the weights that add up to `total` exactly: everyone gets the
/// whole part, and the largest remainders get one more.
fn apportion(weights: &[u64], total: u64) -> Vec<u64> {
    let sum: u128 = weights.iter().copied().map(u128::from).sum();
    let (mut sizes, mut remainders) = (Vec::new(), Vec::new());
    for (index, weight) in weights.iter().enumerate() {
        let quota = u128::from(*weight) * u128::from(total);
        let whole = quota / sum;
        sizes.push(whole as u64);
        remainders.push((Reverse(quota - whole * sum), index));
    }
    let missing = (total - sizes.iter().sum::<u64>()) as usize;
    // Who is among the largest matters, not in what order.
    if missing < remainders.len() {
        remainders.select_nth_unstable(missing);
    }
    for &(_, index) in remainders.iter().take(missing) {
        sizes[index] += 1;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;

    fn cells() -> Cells {
        Cells::new(&tables::provinces(), &tables::age_groups())
    }

    #[test]
    fn cell_sizes_add_up_to_the_population() {
        let cells = cells();
        assert_eq!(cells.iter().map(|cell| u64::from(cells.size(cell))).sum::<u64>(), POPULATION);
        assert!(cells.iter().all(|cell| (1..SERIALS / 2).contains(&cells.size(cell))));
    }

    #[test]
    fn the_dead_are_those_of_the_register_and_most_of_them_are_old() {
        let cells = cells();
        let dead = |cell| u64::from(cells.size(cell) - cells.living(cell));
        let all: u64 = cells.iter().map(dead).sum();
        let old: u64 = cells.iter().filter(|cell| cell.age() >= 60).map(dead).sum();
        assert_eq!(all, POPULATION * DEAD_PER_10_000 / 10_000);
        assert!((74..77).contains(&(old * 100 / all)), "{old} of {all}");
        assert_eq!(DEAD_AGES.iter().map(|(_, share, _)| share).sum::<u64>(), 1_000);
    }

    #[test]
    fn ten_in_ten_thousand_were_registered_abroad() {
        let cells = cells();
        let provinces = tables::provinces().len();
        let abroad = cells.people_of(provinces).start..POPULATION;
        assert_eq!(cells.people_of(cells.registrars() - 1).end, POPULATION);
        assert!((97_000..99_000).contains(&(abroad.end - abroad.start)));
        assert!(tables::provinces().iter().all(|it| !ABROAD.contains(&it.code)));
        assert!(ABROAD.is_sorted() && tables::provinces().iter().all(|it| it.code < ABROAD[0]));
    }

    #[test]
    fn apportioning_gives_the_largest_remainders_one_more() {
        assert_eq!(apportion(&[1, 1, 1], 10), [4, 3, 3]);
        assert_eq!(apportion(&[47, 16, 16, 16, 5], 10), [5, 2, 2, 1, 0]);
        assert_eq!(apportion(&[0, 5], 3), [0, 3]);
    }

    #[test]
    fn cells_start_where_the_one_before_ends() {
        let cells = cells();
        for cell in cells.iter() {
            let (first, last) =
                (cells.start(cell), cells.start(cell) + u64::from(cells.size(cell)));
            assert_eq!(cells.locate(first), (cell, 0));
            assert_eq!(cells.locate(last - 1), (cell, cells.size(cell) - 1));
        }
    }

    #[test]
    fn a_number_names_its_cell() {
        let cells = cells();
        for cell in cells.iter() {
            assert_eq!(cells.read(cells.number(cell, 12_345)), Some((cell, 12_345)));
        }
    }

    #[test]
    fn the_century_digit_agrees_with_the_decree() {
        let cells = cells();
        let table = include_str!("../data/sex_century.csv");
        for [digit, sex, _, from, to] in tables::rows::<5>(table).take(4) {
            let sex = if sex == "nam" { Sex::Male } else { Sex::Female };
            let years = tables::number(from)..=tables::number::<u16>(to);
            for cell in cells.iter().filter(|it| it.sex == sex && years.contains(&it.birth_year)) {
                assert_eq!(&cells.number(cell, 0).as_str()[3..4], digit);
            }
        }
    }

    #[test]
    fn numbers_outside_the_nation_name_no_cell() {
        let cells = cells();
        for number in
            ["003090000000", "999090000000", "001025000000", "001226000000", "001490000000"]
        {
            let number = PersonalNumber::parse(number).expect("twelve digits");
            assert_eq!(cells.read(number), None, "{number}");
        }
    }
}
