//! What a guesser knows of a nation before anybody is asked: which birth days and which names are how
//! frequent among people whose numbers look alike. Counted on a sample of the nation, as somebody would
//! on a list of people that has leaked.

use std::collections::HashMap;
use std::sync::Arc;

use gateway::request::FullName;
use mock_population_db::{Nation, Person};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Birth years between which names have changed: the last of each group.
const GROUPS: [u16; 4] = [1980, 1990, 2000, u16::MAX];

/// A day of the year.
pub(super) type MonthDay = (u8, u8);

/// What a personal number tells of a person: three digits of province, one of century and sex, two of
/// the year (Circular 59/2021/TT-BCA, article 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spelled {
    pub(super) year: u16,
    is_woman: bool,
}

/// The most frequent first.
#[derive(Debug)]
pub(super) struct Knowledge {
    days: Arc<Vec<MonthDay>>,
    months: Arc<Vec<u8>>,
    names: Vec<Arc<Names>>,
}

/// Names of people whose numbers look alike, the most frequent first.
#[derive(Debug)]
pub(super) struct Names {
    claims: Vec<String>,
    /// Where those stand that could be taken for each other, by what they have in common.
    alike: HashMap<String, Vec<usize>>,
}

impl Spelled {
    /// Reads a personal number.
    pub(super) fn by(number: &str) -> Option<Self> {
        let digit = number.as_bytes().get(3)?.checked_sub(b'0')?;
        let year: u16 = number.get(4..6)?.parse().ok()?;
        Some(Self { year: 1_900 + u16::from(digit / 2) * 100 + year, is_woman: digit % 2 == 1 })
    }

    fn group(self) -> usize {
        let of_year = GROUPS.iter().position(|last| self.year <= *last).unwrap_or_default();
        of_year * 2 + usize::from(self.is_woman)
    }
}

impl Knowledge {
    /// Counts days and names of these people.
    pub(super) fn of(nation: &Nation, people: impl Iterator<Item = u64>) -> Self {
        let mut days: HashMap<MonthDay, u32> = HashMap::new();
        let mut found: Vec<HashMap<String, u32>> = vec![HashMap::new(); GROUPS.len() * 2];
        for person in people.map(|ordinal| nation.person(ordinal)) {
            let Some(spelled) = Spelled::by(person.personal_id.as_str()) else { continue };
            if let Some(day) = person.date_of_birth.day() {
                *days.entry((day.month(), day.day())).or_default() += 1;
            }
            *found[spelled.group()].entry(without_marks(&person.full_name)).or_default() += 1;
        }
        let mut months: HashMap<u8, u32> = HashMap::new();
        for ((month, _), count) in &days {
            *months.entry(*month).or_default() += count;
        }
        Self {
            days: Arc::new(by_frequency(days)),
            months: Arc::new(by_frequency(months)),
            names: found.into_iter().map(|of| Arc::new(Names::of(of))).collect(),
        }
    }

    /// Days of a year.
    pub(super) fn days(&self) -> Arc<Vec<MonthDay>> {
        Arc::clone(&self.days)
    }

    /// Months.
    pub(super) fn months(&self) -> Arc<Vec<u8>> {
        Arc::clone(&self.months)
    }

    /// Names of people whose numbers spell this.
    pub(super) fn names(&self, of: Spelled) -> Arc<Names> {
        Arc::clone(&self.names[of.group()])
    }
}

impl Names {
    /// Names are claimed without marks, so that each stands for every name that differs from it by
    /// marks alone. Carriers accept that.
    fn of(counts: HashMap<String, u32>) -> Self {
        let known = by_frequency(counts).into_iter().filter(|name| FullName::parse(name).is_ok());
        let claims: Vec<String> = known.collect();
        let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, claim) in claims.iter().enumerate() {
            alike.entry(key(claim)).or_default().push(place);
        }
        Self { claims, alike }
    }

    /// The one at a place.
    pub(super) fn get(&self, place: usize) -> Option<&str> {
        self.claims.get(place).map(String::as_str)
    }

    /// The first place from this one on at which a name could be taken for that of the person; behind
    /// all where there is none.
    pub(super) fn next_alike(&self, from: usize, person: &Person) -> usize {
        let places = self.alike.get(&key(&person.full_name)).into_iter().flatten();
        places.copied().find(|place| *place >= from).unwrap_or(self.claims.len()).max(from)
    }
}

/// Equal counts in their own order, so that every run is the same.
fn by_frequency<T: Ord>(counts: HashMap<T, u32>) -> Vec<T> {
    let mut counts: Vec<(T, u32)> = counts.into_iter().collect();
    counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    counts.into_iter().map(|(it, _)| it).collect()
}

/// A name without any mark.
pub(super) fn without_marks(name: &str) -> String {
    let plain = name.nfd().filter(|letter| !is_combining_mark(*letter));
    plain
        .map(|letter| match letter {
            'đ' => 'd',
            'Đ' => 'D',
            other => other,
        })
        .collect()
}

/// What names have in common that could be taken for each other: the letters that rules about spelling
/// leave as they are.
fn key(name: &str) -> String {
    let letters = without_marks(name).to_lowercase();
    let letters = letters.chars().filter(|letter| letter.is_alphabetic());
    letters.map(|letter| if letter == 'y' { 'i' } else { letter }).collect()
}
