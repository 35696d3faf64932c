//! Where people come from and where they live.
//!
//! A commune is drawn as often as it took in older communes, which had some ten thousand people
//! each: near enough to real sizes, and it keeps old provinces apart within the merged ones. The
//! five special zones that had no communes before 2025 stay empty.

use std::sync::OnceLock;

use crate::digits::Digits;
use crate::mix::{Draws, Facet, below, chance};
use crate::person::{Place, Scheme};
use crate::tables::{self, Province};
use crate::weighted::Weighted;

/// Of a thousand people, how many have their origin elsewhere than their birth was registered.
/// Ours: the register names the father's commune, and most families stay.
const ORIGIN_ELSEWHERE_PER_MILLE: u32 = 70;

/// Of a thousand people, how many live in the commune of their birth registration. Ours.
const STAYED_PER_MILLE: u32 = 650;

/// How many more live elsewhere in the same province; the others moved away. Ours.
const NEARBY_PER_MILLE: u32 = 230;

/// Where those who move away go: code of the old province and weight. Ours, after the provinces
/// with the largest gains in the census of 2019.
const DESTINATIONS: [(u8, u32); 8] =
    [(79, 38), (74, 20), (1, 18), (75, 9), (48, 5), (27, 5), (31, 3), (92, 2)];

/// Weight of an older commune: divisible by every number of parts one was divided into, 1 to 5.
const COMMUNE_WEIGHT: u32 = 60;

/// The places of the nation.
#[derive(Debug)]
pub(crate) struct Places {
    /// By index of the old province: made when somebody comes from there, because ten thousand
    /// communes would be most of what it costs to start.
    communes: Box<[Communes]>,
    /// Indexes of old provinces by population.
    anywhere: Weighted<usize>,
    /// Indexes of old provinces by attraction.
    destinations: Weighted<usize>,
}

/// The communes of one old province.
#[derive(Debug)]
struct Communes {
    admin_code: u8,
    merged_into: u8,
    drawn: OnceLock<Weighted<Commune>>,
}

/// A commune of today, and one of those from before the merger that it took in.
#[derive(Debug, Clone, Copy)]
struct Commune {
    now: Place,
    before: Place,
}

impl Communes {
    fn of(province: &Province) -> Self {
        let &Province { admin_code, merged_into, .. } = province;
        Self { admin_code, merged_into, drawn: OnceLock::new() }
    }

    fn draw(&self, random: u64) -> Commune {
        self.drawn.get_or_init(|| Weighted::new(self.weighted())).draw(random)
    }

    fn weighted(&self) -> Vec<(Commune, u32)> {
        let mut communes = Vec::new();
        let place = |scheme, province: u8, commune| Place {
            scheme,
            province: Digits::from_value(province.into()),
            commune: Digits::from_value(tables::number(commune)),
        };
        for (code, became) in tables::old_communes(self.admin_code) {
            let before = place(Scheme::Before2025, self.admin_code, code);
            let parts = became.split(' ').count() as u32; // at most five
            communes.extend(became.split(' ').map(|code| {
                let now = place(Scheme::Since2025, self.merged_into, code);
                (Commune { now, before }, COMMUNE_WEIGHT / parts)
            }));
        }
        communes
    }
}

/// The places the register knows about a person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roots {
    pub origin: Place,
    pub home: Place,
    /// Home in the codes from before the merger, as on papers issued before July 2025.
    pub home_before: Place,
}

impl Places {
    /// Prepares the provinces.
    pub(crate) fn new(provinces: &[Province]) -> Self {
        let index_of = |admin_code: u8| {
            provinces
                .iter()
                .position(|it| it.admin_code == admin_code)
                .expect("the tables name the same provinces")
        };
        Self {
            communes: provinces.iter().map(Communes::of).collect(),
            anywhere: Weighted::new(provinces.iter().map(|it| it.weight).enumerate()),
            destinations: Weighted::new(
                DESTINATIONS.map(|(code, weight)| (index_of(code), weight)),
            ),
        }
    }

    /// Draws the places of a person whose birth was registered in a province, or abroad: then the
    /// family comes from anywhere in the country.
    pub(crate) fn roots(&self, registrar: usize, draws: Draws) -> Roots {
        let province = if registrar < self.communes.len() {
            registrar
        } else {
            self.anywhere.draw(draws.of(Facet::OriginProvince))
        };
        let birthplace = self.communes[province].draw(draws.of(Facet::BirthCommune));
        let home = self.home(birthplace, province, draws);
        Roots {
            origin: self.origin(birthplace, draws).now,
            home: home.now,
            home_before: home.before,
        }
    }

    fn origin(&self, birthplace: Commune, draws: Draws) -> Commune {
        if !chance(draws.of(Facet::OriginElsewhere), ORIGIN_ELSEWHERE_PER_MILLE) {
            return birthplace;
        }
        let province = self.anywhere.draw(draws.of(Facet::OriginProvince));
        self.communes[province].draw(draws.of(Facet::OriginCommune))
    }

    fn home(&self, birthplace: Commune, province: usize, draws: Draws) -> Commune {
        let moved = below(draws.of(Facet::Move), 1_000);
        if moved < STAYED_PER_MILLE {
            return birthplace;
        }
        let province = if moved < STAYED_PER_MILLE + NEARBY_PER_MILLE {
            province
        } else {
            self.destinations.draw(draws.of(Facet::HomeProvince))
        };
        self.communes[province].draw(draws.of(Facet::HomeCommune))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_people_stay_and_the_others_gather_in_the_cities() {
        let provinces = tables::provinces();
        let places = Places::new(&provinces);
        let nghe_an =
            provinces.iter().position(|it| it.name == "Nghệ An").expect("a province of this name");
        let count = 100_000;
        let (mut at_home, mut in_the_south, mut of_nghe_an) = (0, 0, 0);
        for ordinal in 0..count {
            let Roots { origin, home, .. } = places.roots(nghe_an, Draws::new(1, ordinal));
            of_nghe_an += u64::from(origin.province.as_str() == "40");
            at_home += u64::from(home.province.as_str() == "40");
            in_the_south += u64::from(home.province.as_str() == "79");
        }
        assert!((93..97).contains(&(of_nghe_an * 100 / count)), "{of_nghe_an}");
        assert!((87..90).contains(&(at_home * 100 / count)), "{at_home}");
        assert!((6..9).contains(&(in_the_south * 100 / count)), "{in_the_south}");
    }

    #[test]
    fn an_old_province_keeps_its_own_communes_within_the_new_one() {
        let provinces = tables::provinces();
        let places = Places::new(&provinces);
        let communes_of = |name| {
            let province =
                provinces.iter().position(|it| it.name == name).expect("a province of this name");
            let draw =
                |ordinal| places.communes[province].draw(Draws::new(1, ordinal).of(Facet::Move));
            (0..20_000).map(move |i| draw(i).now.commune).collect::<std::collections::BTreeSet<_>>()
        };
        // Both are Tuyên Quang now.
        assert!(communes_of("Hà Giang").is_disjoint(&communes_of("Tuyên Quang")));
    }
}
