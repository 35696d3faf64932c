//! Who a persona is: kinds of people, and finding them without a walk through the nation.

use mock_population_db::{Digits, Key, Nation, POPULATION, Person, PersonalNumber, Sex};
use serde::Deserialize;

/// An old number whose two holders have the same name: one of three in the sandbox's nation, which
/// would take a tenth of a second to find again.
pub(super) const SHARED_BY_NAMESAKES: &str = "174174283";

/// People looked at for one persona at most: the rarest kind that is not enumerated is two of
/// 10,000.
const LOOKED_AT_MAX: u64 = 200_000;

/// Of a kind that is enumerated, among how many of the first to begin: less than there are of the
/// rarest, the twins.
const FIRST_OF_KIND: u64 = 4_000;

/// Near 0.618 of the population and without a divisor in common with it, so that steps of it visit
/// everybody once and the nation evenly.
const STRIDE: u64 = 60_567_331;

/// Kinds of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    /// Grown up, alive, with everything on file and a name of three words.
    Plain,
    /// The same with a name of two words.
    TwoWords,
    /// The same with a name of six words or more, of mixed origin.
    ManyWords,
    /// Whose name begins with the marker `H'` and ends with the clan.
    Ede,
    /// Whose name has the marker `K'`.
    Koho,
    /// With the middle name `A`.
    Hmong,
    /// Of whom the register knows the birth year alone.
    YearOnly,
    /// Under 14 and without a card.
    Child,
    Deceased,
    /// With one cancelled number.
    SupersededOnce,
    /// With two.
    SupersededTwice,
    /// With a twin of the same name, birth date and sex.
    Twin,
    /// Whose birth was registered abroad.
    Abroad,
    /// Whose sex on file is not the one that the number spells.
    ContradictsNumber,
    /// Who shares an old number with somebody of another name.
    SharesNumber,
    /// Who shares one with somebody of the same name.
    SharesNumberAndName,
}

/// Somebody, with what else leads to them.
#[derive(Debug)]
pub(super) struct Found {
    pub person: Person,
    /// Cancelled numbers, oldest first.
    pub superseded: Vec<PersonalNumber>,
    /// The twin, or the other holder of the old number.
    pub other: Option<Person>,
}

/// The people of a kind, in an order of `persona`'s own.
pub(super) fn candidates<'a>(
    nation: &'a Nation,
    who: Who,
    persona: &str,
) -> impl Iterator<Item = Found> + use<'a> {
    let start = start(persona);
    let skipped = (start % FIRST_OF_KIND) as usize; // below 4,000
    let one = |ordinal| Found::one(nation, ordinal);
    let two = |(ordinal, other)| Found::two(nation, ordinal, other);
    let candidates: Box<dyn Iterator<Item = Found>> = match who {
        Who::Twin => Box::new(nation.twins().skip(skipped).map(two)),
        Who::SharesNumber => Box::new(nation.shared_old_numbers().skip(skipped).map(two)),
        Who::SharesNumberAndName => Box::new(namesakes(nation).into_iter()),
        Who::SupersededOnce | Who::SupersededTwice => {
            Box::new(nation.superseded_ordinals().skip(skipped).map(one))
        }
        Who::Abroad => Box::new(nation.registered_abroad().skip(skipped).map(one)),
        Who::Plain
        | Who::TwoWords
        | Who::ManyWords
        | Who::Ede
        | Who::Koho
        | Who::Hmong
        | Who::YearOnly
        | Who::Child
        | Who::Deceased
        | Who::ContradictsNumber => {
            let ordinals = (0..LOOKED_AT_MAX).map(move |step| (start + step * STRIDE) % POPULATION);
            Box::new(ordinals.map(one))
        }
    };
    candidates.filter(move |found| who.is(found))
}

impl Found {
    fn one(nation: &Nation, ordinal: u64) -> Self {
        let superseded = nation.superseded_numbers(ordinal).collect();
        Self { person: nation.person(ordinal), superseded, other: None }
    }

    fn two(nation: &Nation, ordinal: u64, other: u64) -> Self {
        Self { other: Some(nation.person(other)), ..Self::one(nation, ordinal) }
    }
}

impl Who {
    fn is(self, found: &Found) -> bool {
        let person = &found.person;
        let words = || person.full_name.split(' ').count();
        let is_alive = !person.is_deceased();
        match self {
            Self::Plain => is_plain(person) && words() == 3,
            Self::TwoWords => {
                // `Thị` marks the sex among the Stiêng and Mnông, and is no family name.
                is_plain(person) && words() == 2 && !person.full_name.starts_with("Thị ")
            }
            Self::ManyWords => is_plain(person) && words() >= 6,
            Self::Ede => is_alive && is_clan_last(&person.full_name),
            Self::Koho => is_alive && person.full_name.contains(" K'"),
            Self::Hmong => is_alive && person.full_name.contains(" A "),
            Self::YearOnly => is_alive && person.date_of_birth.day().is_none(),
            Self::Child => is_alive && person.card.is_none(),
            Self::Deceased => person.is_deceased() && person.date_of_birth.day().is_some(),
            Self::SupersededOnce => is_plain(person) && found.superseded.len() == 1,
            Self::SupersededTwice => is_plain(person) && found.superseded.len() == 2,
            Self::Twin | Self::SharesNumberAndName => {
                let is_whole = |it: &Person| !it.is_deceased() && it.old_id_number.is_some();
                found.other.iter().chain([person]).all(is_whole)
            }
            Self::SharesNumber => {
                let other = found.other.as_ref();
                is_plain(person) && other.is_some_and(|it| it.full_name != person.full_name)
            }
            Self::Abroad => is_plain(person),
            Self::ContradictsNumber => is_alive && number_sex(person) != person.sex,
        }
    }
}

/// Alive, grown up, without oddities, and with every attribute on file.
fn is_plain(person: &Person) -> bool {
    let Some(born) = person.date_of_birth.day() else {
        return false;
    };
    let has_everything = person.old_id_number.is_some() && person.insurance_number.is_some();
    let is_in_letters = person.full_name.chars().all(|c| c == ' ' || c.is_alphabetic());
    (1945..=2004).contains(&born.year())
        && !person.is_deceased()
        && has_everything
        && is_in_letters
        && !person.full_name.is_ascii()
        && !person.full_name.contains(" A ")
        && number_sex(person) == person.sex
        && person.personal_id.as_str()[4..6] == format!("{:02}", born.year() % 100)
}

/// `H'Hen Niê`; the Jrai have the marker behind the clan.
fn is_clan_last(name: &str) -> bool {
    name.starts_with("H'") && name.contains(' ')
}

/// The sex that a number spells: even digits are men (Decree 137/2015, article 13).
fn number_sex(person: &Person) -> Sex {
    let digit = person.personal_id.as_str().as_bytes()[3] - b'0';
    Sex::ALL[usize::from(digit % 2)]
}

fn namesakes(nation: &Nation) -> Option<Found> {
    let number = Digits::parse(SHARED_BY_NAMESAKES)?;
    let mut hits = nation.find_by(Key::OldIdNumber(number));
    let (one, other) = (hits.next()?.person, hits.next()?.person);
    let is_shared = one.full_name == other.full_name;
    is_shared.then_some(Found { person: one, superseded: Vec::new(), other: Some(other) })
}

/// Where to begin for a name: its digest (FNV-1a).
fn start(persona: &str) -> u64 {
    persona.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    }) % POPULATION
}
