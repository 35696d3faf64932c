//! Makes a record of a person with one mistake in it.

use super::truth::{self, Truth};
use super::{HeldNumber, Holder, Mistake, Profile, Record, legacy, number, spelling};
use crate::date::{BirthDate, Date};
use crate::mix::{below, mix};
use crate::nation::Nation;
use crate::person::Person;

/// Whom a record is about, and the chance that shapes it.
pub(super) struct Subject<'a> {
    pub nation: &'a Nation,
    pub ordinal: u64,
    pub person: &'a Person,
    pub random: u64,
}

/// The record that a holder has of the person with this mistake; none where it cannot be made in
/// this person's record, or could not be told from another one.
pub(super) fn record(
    subject: &Subject<'_>,
    holder: Holder,
    profile: &Profile,
    mistake: Mistake,
) -> Option<Record> {
    let Subject { person, .. } = subject;
    if person.is_deceased() != (mistake == Mistake::Dead) {
        return None;
    }
    let keeps = |share, salt| below(mix(subject.random ^ salt), super::profile::WHOLE) < share;
    let is_about_address = mistake == Mistake::AddressBeforeMerger;
    let address = match mistake {
        Mistake::AddressBeforeMerger => person.former_address,
        _ => person.permanent_address,
    };
    let sex = keeps(profile.with_sex, 1).then_some(person.sex);
    let permanent_address = (is_about_address || keeps(profile.with_address, 2)).then_some(address);
    let held = |attribute: &str| match attribute {
        "sex" => sex.is_some(),
        "permanent_address" => permanent_address.is_some(),
        _ => true,
    };
    Some(Record {
        row_id: String::new(),
        number: held_number(subject, profile, mistake)?,
        full_name: held_name(subject, mistake)?,
        date_of_birth: held_date(person, holder, mistake)?,
        sex,
        permanent_address,
        truth: Truth {
            mistake,
            personal_id: person.personal_id,
            status: truth::status(mistake),
            findings: Truth::findings(mistake, held),
        },
    })
}

fn held_number(subject: &Subject<'_>, profile: &Profile, mistake: Mistake) -> Option<HeldNumber> {
    let Subject { nation, ordinal, person, random } = *subject;
    let personal = person.personal_id;
    let held = match mistake {
        Mistake::WrongDigit => number::one_digit_wrong(nation, personal, random)?,
        Mistake::UnknownNumber => number::never_issued(nation, personal, random)?,
        Mistake::WrongPerson => somebody_else(nation, person, random)?.personal_id,
        Mistake::SupersededNumber => nation.superseded_numbers(ordinal).last()?,
        Mistake::OldNumber => return old_number(nation, person),
        Mistake::None
        | Mistake::NameTypo
        | Mistake::TonePlacement
        | Mistake::IySpelling
        | Mistake::NoMarks
        | Mistake::SpacesLost
        | Mistake::TokenMissing
        | Mistake::DayMonthSwapped
        | Mistake::YearOnly
        | Mistake::FirstOfJanuary
        | Mistake::LegacyTcvn3
        | Mistake::LegacyVni
        | Mistake::LegacyUtf8
        | Mistake::AddressBeforeMerger
        | Mistake::Dead => {
            let by_insurance =
                below(mix(random ^ 3), super::profile::WHOLE) < profile.by_insurance_number;
            let insurance = person.insurance_number.filter(|_| by_insurance);
            return Some(
                insurance.map_or(HeldNumber::PersonalId(personal), HeldNumber::InsuranceNumber),
            );
        }
    };
    Some(HeldNumber::PersonalId(held))
}

/// The old number, unless its two holders have one name: then nobody could tell.
fn old_number(nation: &Nation, person: &Person) -> Option<HeldNumber> {
    let number = person.old_id_number?;
    let namesakes = nation
        .find_by(crate::Key::OldIdNumber(number))
        .filter(|hit| hit.person.full_name == person.full_name)
        .count();
    (namesakes == 1).then_some(HeldNumber::OldIdNumber(number))
}

/// A living person with whom this one has nothing in common: no token of the name, nothing of the
/// date of birth, the sex or the province. Else a wrong number would be right in part.
fn somebody_else(nation: &Nation, person: &Person, random: u64) -> Option<Person> {
    const TRIES: u64 = 64;
    let is_other = |other: &Person| {
        let shares_token =
            || other.full_name.split(' ').any(|token| person.full_name.contains(token));
        !other.is_deceased()
            && other.sex != person.sex
            && other.date_of_birth.year().abs_diff(person.date_of_birth.year()) > 1
            && other.permanent_address.province != person.permanent_address.province
            && !shares_day(other.date_of_birth, person.date_of_birth)
            && !shares_token()
    };
    (0..TRIES)
        .map(|attempt| nation.person(mix(random ^ attempt) % crate::POPULATION))
        .find(is_other)
}

/// Whether two dates of birth have the day or the month in common.
fn shares_day(one: BirthDate, other: BirthDate) -> bool {
    one.day()
        .zip(other.day())
        .is_some_and(|(one, other)| one.day() == other.day() || one.month() == other.month())
}

fn held_name(subject: &Subject<'_>, mistake: Mistake) -> Option<String> {
    let full_name = &subject.person.full_name;
    match mistake {
        Mistake::NameTypo => spelling::with_typo(full_name, subject.random),
        Mistake::TonePlacement => spelling::other_tone_place(full_name),
        Mistake::IySpelling => spelling::other_i(full_name),
        Mistake::NoMarks => spelling::without_marks(full_name).map(|plain| {
            // Portals send capitals as often as not.
            if subject.random.is_multiple_of(2) { plain } else { plain.to_uppercase() }
        }),
        Mistake::SpacesLost => spelling::squashed(full_name),
        Mistake::TokenMissing => spelling::without_second_token(full_name),
        Mistake::LegacyTcvn3 => legacy::tcvn3(full_name).filter(|it| legacy::is_telling(it)),
        Mistake::LegacyVni => legacy::vni(full_name).filter(|it| legacy::is_telling(it)),
        Mistake::LegacyUtf8 => legacy::utf8_misread(full_name),
        Mistake::None
        | Mistake::WrongDigit
        | Mistake::OldNumber
        | Mistake::SupersededNumber
        | Mistake::DayMonthSwapped
        | Mistake::YearOnly
        | Mistake::FirstOfJanuary
        | Mistake::UnknownNumber
        | Mistake::AddressBeforeMerger
        | Mistake::WrongPerson
        | Mistake::Dead => Some(full_name.clone()),
    }
}

fn held_date(person: &Person, holder: Holder, mistake: Mistake) -> Option<String> {
    let birth = person.date_of_birth;
    let written = |day: Date| written_day(holder, day.year(), day.month(), day.day());
    match (mistake, birth) {
        (Mistake::DayMonthSwapped, BirthDate::Day(day)) => {
            let can_be_swapped = day.day() <= 12 && day.day() != day.month();
            can_be_swapped.then(|| written_day(holder, day.year(), day.day(), day.month()))
        }
        (Mistake::YearOnly, BirthDate::Day(day)) => Some(format!("{:04}", day.year())),
        (Mistake::FirstOfJanuary, BirthDate::Year(year)) => Some(written_day(holder, year, 1, 1)),
        (Mistake::DayMonthSwapped | Mistake::YearOnly, BirthDate::Year(_))
        | (Mistake::FirstOfJanuary, BirthDate::Day(_)) => None,
        (_, BirthDate::Year(year)) => Some(format!("{year:04}")),
        (_, BirthDate::Day(day)) => Some(written(day)),
    }
}

fn written_day(holder: Holder, year: u16, month: u8, day: u8) -> String {
    if holder.writes_day_first() {
        return format!("{day:02}/{month:02}/{year:04}");
    }
    format!("{year:04}-{month:02}-{day:02}")
}

/// Whether a person is old enough for a holder to have a record of.
pub(super) fn is_kept(person: &Person, holder: Holder) -> bool {
    const LAST_YEAR: u16 = 2025;
    LAST_YEAR - person.date_of_birth.year() >= holder.youngest()
}
