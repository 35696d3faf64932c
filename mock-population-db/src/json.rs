//! Writes people as JSON straight into one buffer: the mock must cost little beside the gateway it
//! shares a machine with.

use std::fmt::Write as _;

use crate::date::{BirthDate, Date, IsoDate};
use crate::digits::{Digits, PersonalNumber};
use crate::field::{Field, FieldSet};
use crate::person::{Person, Place};

/// Writes `"name":"value"`. The value must need no escape: digits, dates, words of our own.
pub(crate) fn member(out: &mut String, name: &str, value: &str) {
    key(out, name);
    string(out, value);
}

/// Writes `"value"`, which must need no escape either.
pub(crate) fn string(out: &mut String, value: &str) {
    out.push('"');
    out.push_str(value);
    out.push('"');
}

/// Writes a list, its items by `write`.
pub(crate) fn list<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// Writes the asked fields of `person`, each after a comma. Cancelled numbers are not in a person
/// and are for the caller to write.
pub(crate) fn fields(out: &mut String, person: &Person, asked: FieldSet) {
    let asked = asked.and(FieldSet::OF_PERSON);
    for field in Field::ALL.into_iter().filter(|field| asked.contains(*field)) {
        out.push(',');
        let name = field.name();
        match field {
            Field::OldIdNumber => digits(out, name, person.old_id_number),
            Field::InsuranceNumber => digits(out, name, person.insurance_number),
            Field::FullName => text(out, name, &person.full_name),
            Field::DateOfBirth => birth_date(out, name, person.date_of_birth),
            Field::Sex => member(out, name, person.sex.name()),
            Field::CardIssueDate => date(out, name, person.card.map(|card| card.issued)),
            Field::PlaceOfOrigin => place(out, name, person.place_of_origin),
            Field::PermanentAddress => place(out, name, person.permanent_address),
            Field::SupersededNumbers => unreachable!("not a field of a person"),
        }
    }
}

fn optional(out: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        return member(out, name, value);
    }
    key(out, name);
    out.push_str("null");
}

fn digits<const N: usize>(out: &mut String, name: &str, value: Option<Digits<N>>) {
    optional(out, name, value.as_ref().map(Digits::as_str));
}

/// Writes a list of personal numbers.
pub(crate) fn numbers(out: &mut String, name: &str, numbers: &[PersonalNumber]) {
    key(out, name);
    list(out, numbers, |out, number| string(out, number.as_str()));
}

/// Writes a date, or null.
pub(crate) fn date(out: &mut String, name: &str, value: Option<Date>) {
    optional(out, name, value.map(Date::iso).as_ref().map(IsoDate::as_str));
}

/// Writes a date of birth at its precision.
pub(crate) fn birth_date(out: &mut String, name: &str, value: BirthDate) {
    match value {
        BirthDate::Day(day) => member(out, name, day.iso().as_str()),
        BirthDate::Year(year) => {
            member(out, name, Digits::<4>::from_value(year.into()).as_str());
        }
    }
}

/// Writes text of any kind.
pub(crate) fn text(out: &mut String, name: &str, value: &str) {
    key(out, name);
    out.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\0'..='\x1f' => {
                write!(out, "\\u{:04x}", u32::from(character)).expect("a String takes every write");
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// Writes a place by its codes.
pub(crate) fn place(out: &mut String, name: &str, place: Place) {
    key(out, name);
    out.push('{');
    member(out, "scheme", place.scheme.name());
    out.push(',');
    member(out, "province", place.province.as_str());
    out.push(',');
    member(out, "commune", place.commune.as_str());
    out.push('}');
}

/// Writes `"name":`.
pub(crate) fn key(out: &mut String, name: &str) {
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_a_json_parser_expects() {
        for value in ["Nguyễn Văn An", "H'Hen Niê", "a\"b\\c", "tab\tline\n\u{1f}end"] {
            let mut out = String::new();
            text(&mut out, "name", value);
            let read: serde_json::Value =
                serde_json::from_str(&format!("{{{out}}}")).expect("valid JSON");
            assert_eq!(read["name"], value);
        }
    }
}
