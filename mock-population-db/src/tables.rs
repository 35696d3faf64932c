//! The tables compiled into the program, read row by row. `data/README.md` names their sources.
//!
//! They ship with the code and every one is read whenever a nation is made, so a row that cannot
//! be read is a broken build and panics.

use std::str::FromStr;

use crate::person::Sex;

const PROVINCES: &str = include_str!("../data/provinces.csv");
const AGE_GROUPS: &str = include_str!("../data/age_sex.csv");
const COMMUNES_2004: &str = include_str!("../data/communes_2004.csv");
const FAMILY_NAMES: &str = include_str!("../data/family_names.csv");
const MIDDLE_GIVEN_NAMES: &str = include_str!("../data/middle_given_names.csv");
const INSURANCE_GROUPS: &str = include_str!("../data/insurance_groups.csv");
const HIGHLAND_GIVEN_NAMES: &str = include_str!("../data/highland_given_names.csv");

/// One of the 63 provinces from before July 2025, whose codes personal numbers keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Province {
    /// First three digits of the numbers given out here.
    pub code: u16,
    /// Statistical code.
    pub admin_code: u8,
    pub name: &'static str,
    /// Statistical code of the province it belongs to now.
    pub merged_into: u8,
    /// Share of the population, per 100,000.
    pub weight: u32,
}

/// The provinces in the order of their codes.
pub(crate) fn provinces() -> Vec<Province> {
    rows(PROVINCES)
        .map(|[code, admin_code, name, _, merged_into, _, _, _, _, weight]| Province {
            code: number(code),
            admin_code: number(admin_code),
            name,
            merged_into: number(merged_into),
            weight: number(weight),
        })
        .collect()
}

/// People of neighbouring ages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AgeGroup {
    pub from: u16,
    /// Inclusive.
    pub to: u16,
    /// Share of the population, per 10,000.
    pub share: u32,
    pub males_per_100_females: u32,
}

impl AgeGroup {
    /// Whether who is `age` years old belongs to it.
    pub(crate) fn has(&self, age: u16) -> bool {
        (self.from..=self.to).contains(&age)
    }
}

/// The age groups, youngest first.
pub(crate) fn age_groups() -> Vec<AgeGroup> {
    rows(AGE_GROUPS)
        .map(|[from, to, share_percent, males]| AgeGroup {
            from: number(from),
            to: number(to),
            share: number(&share_percent.replace('.', "")), // always two decimals
            males_per_100_females: number(males),
        })
        .collect()
}

/// The communes that an old province had before July 2025: for each its code, and the codes of the
/// communes it is part of now, separated by spaces. The rows stand in the order of their provinces,
/// so only those of this one are read.
pub(crate) fn old_communes(province: u8) -> impl Iterator<Item = (&'static str, &'static str)> {
    let prefix = format!("{province:02},");
    let start = COMMUNES_2004.find(&format!("\n{prefix}")).map_or(COMMUNES_2004.len(), |at| at + 1);
    COMMUNES_2004[start..].lines().take_while(move |line| line.starts_with(&prefix)).map(|line| {
        let mut cells = line.split(',').skip(1);
        let (code, became) = (cells.next(), cells.next());
        (code.zip(became)).expect("the table has four columns")
    })
}

/// A family name and the people who bear it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FamilyName {
    pub name: &'static str,
    pub weight: u32,
    pub group: &'static str,
    /// Whether it ends the full name, as clan names of the Ê Đê and Mnông do.
    pub last: bool,
}

/// The family names, most frequent first within their kind.
pub(crate) fn family_names() -> impl Iterator<Item = FamilyName> {
    rows(FAMILY_NAMES).map(|[name, weight, group, position, _]| FamilyName {
        name,
        weight: number(weight),
        group,
        last: position == "last",
    })
}

/// Which part of a full name a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Middle,
    Given,
}

/// Names of one part and sex with their weights.
pub(crate) fn names(part: Part, sex: Sex) -> impl Iterator<Item = (&'static str, u32)> {
    let part = match part {
        Part::Middle => "dem",
        Part::Given => "ten",
    };
    rows(MIDDLE_GIVEN_NAMES)
        .filter(move |[row_part, row_sex, _, _]| *row_part == part && *row_sex == vietnamese(sex))
        .map(|[_, _, name, weight]| (name, number(weight)))
}

/// Given names of the Central Highlands, all alike in weight.
pub(crate) fn highland_names(sex: Sex) -> impl Iterator<Item = (&'static str, u32)> {
    rows(HIGHLAND_GIVEN_NAMES)
        .filter(move |[row_sex, _]| *row_sex == vietnamese(sex))
        .map(|[_, name]| (name, 1))
}

/// A group that the law insures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InsuranceGroup {
    /// Two letters.
    pub code: &'static str,
    /// 1 to 5.
    pub benefit_level: u8,
}

/// First age of each column of the table of insurance groups.
const INSURANCE_AGES: [u16; 6] = [0, 6, 18, 23, 60, 80];

/// For each span of ages its first age, and the groups with their weights in it.
pub(crate) fn insurance_shares() -> impl Iterator<Item = (u16, Vec<(InsuranceGroup, u32)>)> {
    INSURANCE_AGES.into_iter().enumerate().map(|(column, age)| {
        let groups = rows(INSURANCE_GROUPS).map(|[code, level, weights @ ..]: [&str; 8]| {
            (InsuranceGroup { code, benefit_level: number(level) }, number(weights[column]))
        });
        (age, groups.collect())
    })
}

fn vietnamese(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "nam",
        Sex::Female => "nu",
    }
}

/// The rows after the header, cut into the first `N` cells. No cell holds a comma or a quote.
pub(crate) fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.lines().skip(1).map(|line| {
        let mut cells = line.split(',');
        std::array::from_fn(|_| cells.next().expect("a row of a compiled-in table is complete"))
    })
}

pub(crate) fn number<T: FromStr>(cell: &str) -> T {
    cell.parse().ok().expect("a number in a compiled-in table is well formed")
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    const COMMUNES_2025: &str = include_str!("../data/communes_2025.csv");

    #[test]
    fn there_are_34_provinces_and_3_321_communes() {
        let communes: Vec<[&str; 3]> = rows(COMMUNES_2025).collect();
        let provinces: HashSet<&str> = communes.iter().map(|[province, ..]| *province).collect();
        let codes: HashSet<&str> = communes.iter().map(|[_, code, _]| *code).collect();
        assert_eq!((provinces.len(), codes.len(), communes.len()), (34, 3_321, 3_321));
    }

    #[test]
    fn old_communes_became_communes_of_the_province_their_own_was_merged_into() {
        let province_of: HashMap<&str, u8> =
            rows(COMMUNES_2025).map(|[province, code, _]| (code, number(province))).collect();
        let merged_into: HashMap<u8, u8> =
            provinces().iter().map(|it| (it.admin_code, it.merged_into)).collect();
        let mut count = 0;
        for (&old, merged) in &merged_into {
            for (_, became) in old_communes(old) {
                count += 1;
                assert!(!became.is_empty());
                for code in became.split(' ') {
                    assert_eq!(province_of[code], *merged, "{code}");
                }
            }
        }
        assert_eq!((merged_into.len(), count), (63, 10_035));
    }

    #[test]
    fn shares_add_up() {
        assert_eq!(provinces().iter().map(|it| it.weight).sum::<u32>(), 100_000);
        assert_eq!(age_groups().iter().map(|it| it.share).sum::<u32>(), 10_000);
        assert!(age_groups().windows(2).all(|pair| pair[0].to + 1 == pair[1].from));
        assert!(provinces().is_sorted_by_key(|it| it.code));
    }
}
