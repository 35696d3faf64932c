//! Full names: drawn part by part from the tables, put together in the shape of the people the
//! family name belongs to.

use crate::mix::{Draws, Facet, below, chance, rarely};
use crate::person::Sex;
use crate::tables::{self, FamilyName, Part};
use crate::weighted::Weighted;

/// Family names and markers that only one sex bears.
const ONE_SEX: [(&str, Sex); 10] = [
    ("K'", Sex::Male),
    ("Ka", Sex::Female),
    ("A", Sex::Male),
    ("Y", Sex::Female),
    ("Điểu", Sex::Male),
    ("Thị", Sex::Female),
    ("Chau", Sex::Male),
    ("Néang", Sex::Female),
    ("Tôn Thất", Sex::Male),
    ("Tôn Nữ", Sex::Female),
];

/// Who has no middle name, per mille: measured on the list the tables were counted from.
const fn no_middle_per_mille(sex: Sex) -> u32 {
    match sex {
        Sex::Male => 16,
        Sex::Female => 6,
    }
}

/// The middle name that marked the sex for older generations.
const fn cohort_middle(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "Văn",
        Sex::Female => "Thị",
    }
}

/// Last year in which the old custom held in full, and how long it took to fade. `Thị` opens the
/// middle name of 80 % of the women and `Văn` is that of 40 % of the men born before about 1980.
const OLD_CUSTOM_UNTIL: u16 = 1980;
const CUSTOM_FADES_YEARS: u16 = 20;

/// Per mille whose drawn middle name gives way to the old custom, so that with those who draw it
/// anyway (68.0 % and 16.4 % in the tables, of a young cohort) the shares above come out.
fn cohort_per_mille(sex: Sex, birth_year: u16) -> u32 {
    let in_full = match sex {
        Sex::Male => 283,
        Sex::Female => 375,
    };
    let since = birth_year.saturating_sub(OLD_CUSTOM_UNTIL).min(CUSTOM_FADES_YEARS);
    in_full * u32::from(CUSTOM_FADES_YEARS - since) / u32::from(CUSTOM_FADES_YEARS)
}

/// Of 10,000 names, how many are built in a way that no Kinh name is: measured on a list of 63,774.
/// The table's own weights of these families are there so that they occur, and come to less.
const OUTSIDE_GRAMMAR_PER_10_000: u64 = 140;

/// Of 10,000 people, how many have a long name of mixed origin, of six tokens or more. Ours.
const MIXED_PER_10_000: u32 = 2;

/// What stands in such names before the given name.
const FOREIGN: [&str; 8] = [
    "Anna Maria",
    "Maria Têrêsa",
    "Giuse Maria",
    "Phêrô Gioan",
    "Alexander Thomas",
    "Sophia Elena",
    "Jean Pierre",
    "Kim Min Joon",
];

/// How a full name is built around the family name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Family, middle, given: `Nguyễn Văn An`. Most minorities write names so, too.
    Common,
    /// The Hmong: men have the middle name `A`: `Giàng A Páo`.
    Hmong,
    /// The Ê Đê and Mnông: marker of the sex, given name, clan: `Y Blô Êban`, `H'Hen Niê`.
    ClanLast,
    /// The Jrai: clan, given name, that of women with the marker: `Siu Blah`, `Ksor H'Lim`.
    ClanFirst,
    /// The K'Ho and Mạ: clan, marker of the sex, given name: `Cil K'Brè`.
    ClanMarker,
    /// The family name is a marker of the sex: `A Thút`, `Ka Nhim`, and joined, `K'Đam`.
    Marker,
}

impl Shape {
    fn of(family: &FamilyName) -> Self {
        match (family.group, family.name) {
            _ if family.last => Self::ClanLast,
            ("hmong", _) => Self::Hmong,
            ("jrai", _) => Self::ClanFirst,
            ("koho_ma_marker", "K'" | "Ka")
            | ("bahnar_xodang_marker" | "stieng_mnong_marker", _) => Self::Marker,
            ("koho_ma_marker", _) => Self::ClanMarker,
            _ => Self::Common,
        }
    }

    fn is_outside_grammar(self) -> bool {
        match self {
            Self::ClanLast | Self::ClanFirst | Self::ClanMarker | Self::Marker => true,
            Self::Common | Self::Hmong => false,
        }
    }
}

/// The family names with their shapes, and weights in which those outside the grammar of Kinh
/// names have their share.
pub(crate) fn families() -> impl Iterator<Item = (FamilyName, u32)> {
    let weight = |outside| -> u64 {
        tables::family_names()
            .filter(|family| Shape::of(family).is_outside_grammar() == outside)
            .map(|family| u64::from(family.weight))
            .sum()
    };
    let (outside, inside) = (weight(true), weight(false));
    // In hundredths, so that rare names keep their proportions.
    let factor = OUTSIDE_GRAMMAR_PER_10_000 * inside * 100
        / ((10_000 - OUTSIDE_GRAMMAR_PER_10_000) * outside);
    tables::family_names().map(move |family| {
        let is_outside = Shape::of(&family).is_outside_grammar();
        let weight = u64::from(family.weight) * if is_outside { factor } else { 100 };
        (family, weight as u32) // a hundred times 100,011 at most
    })
}

/// The names borne by one sex.
#[derive(Debug)]
struct NamesOf {
    family: Weighted<(&'static str, Shape)>,
    middle: Weighted<&'static str>,
    given: Weighted<&'static str>,
    highland: Weighted<&'static str>,
}

impl NamesOf {
    fn new(sex: Sex) -> Self {
        let family = families().map(|(family, weight)| {
            let bearers = ONE_SEX.iter().find(|(name, _)| *name == family.name);
            // The table counts both sexes together, which are equally many.
            let weight = match bearers {
                None => weight,
                Some((_, bearer)) if *bearer == sex => weight * 2,
                Some(_) => 0,
            };
            ((family.name, Shape::of(&family)), weight)
        });
        Self {
            family: Weighted::new(family),
            middle: Weighted::new(tables::names(Part::Middle, sex)),
            given: Weighted::new(tables::names(Part::Given, sex)),
            highland: Weighted::new(tables::highland_names(sex)),
        }
    }
}

/// The names of the nation.
#[derive(Debug)]
pub(crate) struct Names {
    men: NamesOf,
    women: NamesOf,
}

impl Names {
    pub(crate) fn new() -> Self {
        Self { men: NamesOf::new(Sex::Male), women: NamesOf::new(Sex::Female) }
    }

    /// Draws the full name of a person.
    pub(crate) fn full_name(&self, sex: Sex, birth_year: u16, draws: Draws) -> String {
        let names = match sex {
            Sex::Male => &self.men,
            Sex::Female => &self.women,
        };
        let (family, shape) = names.family.draw(draws.of(Facet::FamilyName));
        let given = match shape {
            Shape::Common | Shape::Hmong => &names.given,
            Shape::ClanLast | Shape::ClanFirst | Shape::ClanMarker | Shape::Marker => {
                &names.highland
            }
        }
        .draw(draws.of(Facet::GivenName));
        match (shape, sex) {
            (Shape::Common, _) if rarely(draws.of(Facet::MixedName), MIXED_PER_10_000) => {
                let (second, _) = names.family.draw(draws.of(Facet::SecondFamilyName));
                let foreign = FOREIGN[below(draws.of(Facet::ForeignName), 8) as usize];
                [
                    family,
                    " ",
                    second,
                    " ",
                    foreign,
                    " ",
                    names.middle.draw(draws.of(Facet::MiddleName)),
                    " ",
                    given,
                ]
                .concat()
            }
            (Shape::Common, _) => match middle(names, sex, birth_year, draws) {
                None => [family, " ", given].concat(),
                Some(middle) => [family, " ", middle, " ", given].concat(),
            },
            (Shape::Hmong, Sex::Male) => [family, " A ", given].concat(),
            (Shape::Hmong, Sex::Female) => [family, " Thị ", given].concat(),
            (Shape::ClanLast, Sex::Male) => ["Y ", given, " ", family].concat(),
            (Shape::ClanLast, Sex::Female) => ["H'", given, " ", family].concat(),
            (Shape::ClanFirst, Sex::Female) => [family, " H'", given].concat(),
            (Shape::ClanMarker, Sex::Male) => [family, " K'", given].concat(),
            (Shape::ClanMarker, Sex::Female) => [family, " Ka ", given].concat(),
            (Shape::Marker, _) if family.ends_with('\'') => [family, given].concat(),
            (Shape::ClanFirst, Sex::Male) | (Shape::Marker, _) => [family, " ", given].concat(),
        }
    }
}

fn middle(names: &NamesOf, sex: Sex, birth_year: u16, draws: Draws) -> Option<&'static str> {
    if chance(draws.of(Facet::NoMiddleName), no_middle_per_mille(sex)) {
        return None;
    }
    if chance(draws.of(Facet::CohortMiddleName), cohort_per_mille(sex, birth_year)) {
        return Some(cohort_middle(sex));
    }
    Some(names.middle.draw(draws.of(Facet::MiddleName)))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn full_names(sex: Sex, birth_year: u16, count: u64) -> Vec<String> {
        let names = Names::new();
        (0..count).map(|it| names.full_name(sex, birth_year, Draws::new(1, it))).collect()
    }

    /// How many in a thousand of 20,000 full names of Kinh shape have a middle name like this.
    fn per_mille(sex: Sex, birth_year: u16, opens_with: &str) -> usize {
        let names = full_names(sex, birth_year, 20_000);
        let middle = |name: &String| name.split(' ').nth(1).map(str::to_owned);
        names.iter().filter(|name| middle(name).as_deref() == Some(opens_with)).count() / 20
    }

    #[test]
    fn older_people_follow_the_old_custom_more_often() {
        let bands = [
            (Sex::Female, 1950, "Thị", 770..815),
            (Sex::Female, 2010, "Thị", 655..690),
            (Sex::Male, 1950, "Văn", 370..410),
            (Sex::Male, 2010, "Văn", 145..175),
        ];
        for (sex, birth_year, middle, band) in bands {
            let share = per_mille(sex, birth_year, middle);
            assert!(band.contains(&share), "{middle} {birth_year}: {share}");
        }
        assert_eq!(cohort_per_mille(Sex::Female, 1990), 187);
    }

    /// Pearson's statistic of how often names were seen, and the most that chance gives it; rare
    /// names go into one group.
    fn deviation(
        seen: &HashMap<String, u64>,
        table: impl Iterator<Item = (&'static str, u32)>,
    ) -> (f64, f64) {
        let total: u64 = seen.values().sum();
        let table: Vec<(&str, u32)> = table.collect();
        let weights: f64 = table.iter().map(|(_, weight)| f64::from(*weight)).sum();
        let (mut sum, mut groups) = (0.0, 0.0);
        let (mut rare_seen, mut rare_expected) = (0.0, 0.0);
        for (name, weight) in table {
            let expected = total as f64 * f64::from(weight) / weights;
            let seen = seen.get(name).copied().unwrap_or_default() as f64;
            if expected < 20.0 {
                rare_seen += seen;
                rare_expected += expected;
            } else {
                sum += (seen - expected).powi(2) / expected;
                groups += 1.0;
            }
        }
        sum += (rare_seen - rare_expected).powi(2) / rare_expected.max(1.0);
        (sum, groups + 4.0 * (2.0_f64 * groups).sqrt() + 6.0)
    }

    #[test]
    fn middle_and_given_names_are_as_frequent_as_the_tables_say() {
        let kinh: HashSet<&str> = tables::family_names()
            .filter(|family| Shape::of(family) == Shape::Common && !family.name.contains(' '))
            .map(|family| family.name)
            .collect();
        for sex in Sex::ALL {
            let (mut middle, mut given) = (HashMap::new(), HashMap::new());
            // A young cohort, to which the old custom adds nothing.
            for name in full_names(sex, 2015, 60_000) {
                let tokens: Vec<&str> = name.split(' ').collect();
                let [first, between @ .., last] = &tokens[..] else { continue };
                let is_mixed = tokens.len() >= 6;
                if between.is_empty() || is_mixed || !kinh.contains(first) {
                    continue;
                }
                *middle.entry(between.join(" ")).or_default() += 1;
                *given.entry((*last).to_owned()).or_default() += 1;
            }
            for (part, seen) in [(Part::Middle, middle), (Part::Given, given)] {
                let (seen, limit) = deviation(&seen, tables::names(part, sex));
                assert!(seen < limit, "{part:?} names of {sex:?}: {seen:.1} of {limit:.1}");
            }
        }
    }

    #[test]
    fn names_outside_the_grammar_have_the_share_that_was_measured() {
        let weight = |outside: bool| -> u64 {
            families()
                .filter(|(family, _)| Shape::of(family).is_outside_grammar() == outside)
                .map(|(_, weight)| u64::from(weight))
                .sum()
        };
        let per_10_000 = weight(true) * 10_000 / (weight(true) + weight(false));
        assert!((139..=140).contains(&per_10_000), "{per_10_000}");
    }

    #[test]
    fn names_of_mixed_origin_are_long() {
        let names = full_names(Sex::Female, 1990, 100_000);
        let long = names.iter().filter(|name| name.split(' ').count() >= 6).count();
        assert!((8..40).contains(&long), "{long} of about 20");
    }

    #[test]
    fn highland_names_have_their_own_shapes() {
        let men = full_names(Sex::Male, 1990, 300_000);
        let women = full_names(Sex::Female, 1990, 300_000);
        let has = |names: &[String], test: fn(&str) -> bool| names.iter().any(|name| test(name));
        assert!(has(&men, |name| name.starts_with("Y ") && name.ends_with(" Êban")));
        assert!(has(&women, |name| name.starts_with("H'") && name.ends_with(" Niê")));
        assert!(has(&men, |name| name.starts_with("K'") && !name.contains(' ')));
        assert!(has(&women, |name| name.starts_with("Ka ")));
        assert!(has(&men, |name| name.starts_with("Giàng A ")));
        assert!(has(&women, |name| name.starts_with("Ksor H'")));
        assert!(!has(&men, |name| name.starts_with("Ka ") || name.starts_with("H'")));
        assert!(!has(&women, |name| name.starts_with("K'")));
    }

    #[test]
    fn names_are_clean_text() {
        for name in full_names(Sex::Female, 1990, 50_000) {
            assert!(name.split(' ').all(|word| !word.is_empty()), "{name:?}");
            assert!(!name.contains(['"', '\\']), "{name:?}");
        }
    }
}
