//! What is claimed about a person: the truth, or the truth with one error of a named kind.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Kind;
use super::person::Person;
use super::truth::{Planted, can_be_planted};

/// What one request says about one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    /// The number asked about.
    pub(super) personal_id: String,
    /// The name claimed.
    pub(super) full_name: String,
    /// The date of birth claimed.
    pub(super) date_of_birth: String,
    /// The sex claimed, where one is.
    pub(super) sex: Option<String>,
    /// The error planted in it.
    pub(super) planted: Planted,
}

/// Ways to write one name that are the same name to the published profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As on file.
    OnFile,
    /// In capitals, as on the card.
    Capitals,
    /// Letters and marks apart, as some keyboards send it.
    Decomposed,
}

/// True claims about a person.
pub(super) fn true_claims(person: &Person, spelling: Spelling, with_sex: bool) -> Claims {
    Claims {
        personal_id: person.personal_id.clone(),
        full_name: match spelling {
            Spelling::OnFile => person.full_name.clone(),
            Spelling::Capitals => person.full_name.to_uppercase(),
            Spelling::Decomposed => person.full_name.nfd().collect(),
        },
        date_of_birth: person.date_of_birth.clone(),
        sex: with_sex.then(|| person.sex.clone()),
        planted: Planted::Nothing,
    }
}

/// The one error that is planted for this person, if any.
///
/// It depends on the person's place in the list and nothing else: a person is only ever asked
/// about with one false set of claims, however often the load runs, so that the gateway's guess
/// budgets see an honest repeat and not a search.
pub(super) fn planted_claims(people: &[Person], index: usize, kind: Kind) -> Option<Claims> {
    // Four in twenty, near the fifth of real carriers' requests that do not match.
    let planted = match index % 20 {
        3 => Planted::WrongName,
        8 => Planted::WrongBirthDate,
        13 => Planted::MarksMissing,
        18 => Planted::UnknownNumber,
        _ => return None,
    };
    let person = &people[index];
    let mut claims = true_claims(person, Spelling::OnFile, true);
    claims.planted = planted;
    match planted {
        Planted::Nothing => {}
        Planted::WrongName => claims.full_name = foreign_name(people, index)?,
        Planted::WrongBirthDate => claims.date_of_birth = other_date(&person.date_of_birth)?,
        Planted::MarksMissing => claims.full_name = without_marks(&person.full_name),
        Planted::UnknownNumber => claims.personal_id = unknown_number(&person.personal_id),
    }
    let changed = planted != Planted::MarksMissing || claims.full_name != person.full_name;
    (changed && can_be_planted(planted, kind)).then_some(claims)
}

/// The name of the next person who shares no word with this one, so that no near miss is found.
fn foreign_name(people: &[Person], index: usize) -> Option<String> {
    let plain = |name: &str| without_marks(name).to_lowercase();
    let own = plain(&people[index].full_name);
    let shares = |other: &str| own.split(' ').any(|word| other.split(' ').any(|w| w == word));
    (1..people.len())
        .map(|step| &people[(index + step) % people.len()].full_name)
        .find(|name| !shares(&plain(name)))
        .cloned()
}

/// Another date, different in year, month and day, and in at least two digits: neither a slip of
/// one digit nor day and month swapped.
fn other_date(date: &str) -> Option<String> {
    let mut parts = date.split('-').map(str::parse::<u32>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    // Eleven years change both last digits of the year; forwards only where that cannot be later
    // than today.
    let year = if year > 1930 { year - 11 } else { year + 11 };
    Some(format!("{year:04}-{:02}-{:02}", month % 12 + 1, day % 28 + 1))
}

/// The name as typed on a keyboard without Vietnamese letters.
fn without_marks(name: &str) -> String {
    name.nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .map(|letter| match letter {
            'đ' => 'd',
            'Đ' => 'D',
            letter => letter,
        })
        .collect()
}

/// A well-formed number that nobody can have: no province or country has the prefix 999. Century
/// and birth year stay, so that the number is not malformed either.
fn unknown_number(personal_id: &str) -> String {
    format!("999{}", &personal_id[3..])
}

#[cfg(test)]
mod tests {
    use super::super::person::made_up_people;
    use super::*;

    #[test]
    fn all_marks_go_and_the_letters_stay() {
        assert_eq!(without_marks("Nguyễn Đức Thuỷ"), "Nguyen Duc Thuy");
        let decomposed: String = "Đặng Thị Ánh".nfd().collect();
        assert_eq!(without_marks(&decomposed), "Dang Thi Anh");
    }

    #[test]
    fn a_wrong_date_is_no_near_miss() {
        assert_eq!(other_date("1990-05-01").unwrap(), "1979-06-02");
        assert_eq!(other_date("2001-12-31").unwrap(), "1990-01-04");
        assert_eq!(other_date("1925-01-28").unwrap(), "1936-02-01");
        assert_eq!(other_date("1990"), None);
    }

    #[test]
    fn a_wrong_name_shares_no_word() {
        let people = made_up_people();
        let name = foreign_name(&people, 3).unwrap();
        for word in people[3].full_name.split(' ') {
            assert!(!name.contains(word), "{name} / {}", people[3].full_name);
        }
    }

    #[test]
    fn every_kind_is_planted_for_a_carrier_and_two_for_an_unknown_policy() {
        let people = made_up_people();
        let kinds = |kind| {
            let planted = (0..20).filter_map(|index| planted_claims(&people, index, kind));
            planted.map(|claims| claims.planted).collect::<Vec<_>>()
        };
        let (name, date) = (Planted::WrongName, Planted::WrongBirthDate);
        let (marks, number) = (Planted::MarksMissing, Planted::UnknownNumber);
        assert_eq!(kinds(Kind::Carrier), [name, date, marks, number]);
        assert_eq!(kinds(Kind::Other), [date, number]);
    }

    #[test]
    fn an_unknown_number_keeps_century_and_year() {
        assert_eq!(unknown_number("001090012345"), "999090012345");
    }

    #[test]
    fn spellings_differ_in_bytes_and_not_in_the_name() {
        let person = &made_up_people()[0];
        let name = |spelling| true_claims(person, spelling, false).full_name;
        assert_eq!(name(Spelling::Capitals), "NGUYỄN VĂN HOÀ");
        assert_ne!(name(Spelling::Decomposed), person.full_name);
        assert_eq!(name(Spelling::Decomposed).nfc().collect::<String>(), person.full_name);
    }
}
