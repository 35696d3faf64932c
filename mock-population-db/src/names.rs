//! Full names: drawn part by part from the tables, put together in the shape of the people the
//! family name belongs to.

use crate::mix::{Draws, Facet, chance};
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
        let family = tables::family_names().map(|family| {
            let bearers = ONE_SEX.iter().find(|(name, _)| *name == family.name);
            // The table counts both sexes together, which are equally many.
            let weight = match bearers {
                None => family.weight,
                Some((_, bearer)) if *bearer == sex => family.weight * 2,
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
