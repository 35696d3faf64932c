//! Cells: everybody with the same first six digits, that is the same province of birth
//! registration, sex and birth year. Their sizes are the shape of the nation.

use std::cmp::Reverse;

use crate::POPULATION;
use crate::digits::PersonalNumber;
use crate::permutation::SERIALS;
use crate::person::Sex;
use crate::tables::{AgeGroup, Province};

/// The last full year before day 0, 2026-01-01: who was born in it is less than one year old.
const LAST_BIRTH_YEAR: u16 = 2025;

/// Ages 0 to 99.
const YEARS: u16 = 100;

const FIRST_BIRTH_YEAR: u16 = LAST_BIRTH_YEAR + 1 - YEARS;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Index of the province in the order of codes.
    pub province: usize,
    pub sex: Sex,
    pub birth_year: u16,
}

impl Cell {
    /// The cell at `index`: provinces, within them men before women, within them years.
    fn at(index: usize) -> Self {
        let year = index % usize::from(YEARS);
        let rest = index / usize::from(YEARS);
        Self {
            province: rest / 2,
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
        (self.province * 2 + self.sex as usize) * usize::from(YEARS) + year
    }
}

/// All cells and the ordinals of their people.
#[derive(Debug)]
pub(crate) struct Cells {
    /// Province codes in ascending order.
    codes: Box<[u16]>,
    /// Ordinal of the first person of each cell, and at the end the population.
    starts: Box<[u32]>,
}

impl Cells {
    /// Divides the population by province, sex and birth year.
    pub(crate) fn new(provinces: &[Province], age_groups: &[AgeGroup]) -> Self {
        let count = provinces.len() * 2 * usize::from(YEARS);
        let mut weights = vec![0; count];
        for (index, weight) in weights.iter_mut().enumerate() {
            let cell = Cell::at(index);
            let group = age_groups
                .iter()
                .find(|it| it.has(cell.age()))
                .expect("the age groups cover ages 0 to 99");
            *weight = weight_of(cell, provinces[cell.province].weight, group);
        }
        let mut starts = Vec::with_capacity(count + 1);
        starts.push(0);
        let mut end = 0;
        for size in apportion(&weights, POPULATION) {
            end += size as u32; // the sizes add up to the population, which fits
            starts.push(end);
        }
        Self {
            codes: provinces.iter().map(|it| it.code).collect(),
            starts: starts.into_boxed_slice(),
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
        let prefix = u64::from(self.codes[cell.province]) * 1_000
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
        let province = self.codes.binary_search(&((prefix / 1_000) as u16)).ok()?; // three digits
        let sex = Sex::ALL[(century_and_sex % 2) as usize];
        Some((Cell { province, sex, birth_year }, serial))
    }
}

/// The share of a cell, in units of which there are some 10^16.
fn weight_of(cell: Cell, province_weight: u32, group: &AgeGroup) -> u64 {
    const PRECISION: u64 = 1 << 24;
    let males = u64::from(group.males_per_100_females);
    let of_sex = match cell.sex {
        Sex::Male => males,
        Sex::Female => 100,
    };
    let years = u64::from(group.to - group.from + 1);
    u64::from(province_weight) * u64::from(group.share) * of_sex * PRECISION
        / ((100 + males) * years)
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
