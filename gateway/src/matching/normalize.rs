//! What the profile does to one value, step by step, for whoever wants to see it. Touches no record.

use super::name;
use super::place::province_after;
use crate::request::{
    Address, Attribute, FullName, InsuranceNumber, Malformed, OldIdNumber, PartialDate, Scheme, Sex,
};

/// One step and what it left of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalizeStep {
    /// Name of the step, as `docs/vi-1.md` has it.
    pub step: &'static str,
    /// The value after it.
    pub value: String,
}

/// What the steps of profile [`PROFILE`](super::PROFILE) make of a value, in order.
///
/// The first step of every attribute is `parse`. Names go on through `decode`, `canonical`,
/// `orthography`, `mark` and `fold`; a place of 2004 through `merge`, which leaves its province of
/// today. A place is written `01`, `01/00004` or, with its scheme, `2004/01/00004`.
///
/// # Errors
/// [`Malformed`] where a request with this value would be refused.
pub fn normalize(attribute: Attribute, value: &str) -> Result<Vec<NormalizeStep>, Malformed> {
    match attribute {
        Attribute::FullName => {
            let name = FullName::parse(value)?;
            let steps = name::steps(name.as_str()).into_iter();
            let steps = steps.map(|(step, value)| NormalizeStep { step, value });
            Ok(std::iter::once(parsed(name.as_str())).chain(steps).collect())
        }
        Attribute::DateOfBirth | Attribute::CardIssueDate => {
            PartialDate::parse(value).map(|date| vec![parsed(&date)])
        }
        Attribute::Sex => Sex::parse(value).map(|sex| {
            vec![parsed(match sex {
                Sex::Male => "male",
                Sex::Female => "female",
            })]
        }),
        Attribute::OldIdNumber => OldIdNumber::parse(value).map(|number| vec![parsed(&number)]),
        Attribute::InsuranceNumber => {
            InsuranceNumber::parse(value).map(|number| vec![parsed(&number)])
        }
        Attribute::PlaceOfOrigin | Attribute::PermanentAddress => place(value),
    }
}

fn parsed(value: &(impl ToString + ?Sized)) -> NormalizeStep {
    NormalizeStep { step: "parse", value: value.to_string() }
}

/// Reads a place as text: `01`, `01/00004`, `2004/01`, `2004/01/00004`.
pub(super) fn parse_place(value: &str) -> Result<Address, Malformed> {
    let parts: Vec<&str> = value.splitn(4, '/').collect();
    let address = match *parts.as_slice() {
        [province] => Address::parse(None, province, None),
        [scheme, province] if scheme.len() == 4 => Address::parse(Some(scheme), province, None),
        [province, commune] => Address::parse(None, province, Some(commune)),
        [scheme, province, commune] => Address::parse(Some(scheme), province, Some(commune)),
        _ => return Err(Malformed::Form),
    };
    address.map_err(|wrong| wrong.first().map_or(Malformed::Form, |first| first.1))
}

fn place(value: &str) -> Result<Vec<NormalizeStep>, Malformed> {
    let address = parse_place(value)?;
    let commune = address.commune().map_or(String::new(), |commune| format!("/{commune:05}"));
    let mut steps =
        vec![parsed(&format!("{}/{:02}{commune}", address.scheme().name(), address.province()))];
    let merged = match address.scheme() {
        Scheme::Y2004 => province_after(address.province()),
        Scheme::Y2025 => None,
    };
    if let Some(province) = merged {
        steps.push(NormalizeStep { step: "merge", value: format!("2025/{province:02}") });
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(attribute: Attribute, value: &str) -> Result<Vec<String>, Malformed> {
        let shown = |step: NormalizeStep| format!("{} {}", step.step, step.value);
        normalize(attribute, value).map(|steps| steps.into_iter().map(shown).collect())
    }

    #[test]
    fn a_name_is_shown_after_every_step() {
        assert_eq!(
            steps(Attribute::FullName, "H’Ñơm  NIÊ Thuý").unwrap(),
            [
                "parse H’Ñơm  NIÊ Thuý",
                "decode H’Ñơm  NIÊ Thuý",
                "canonical h'ñơm niê thuý",
                "orthography h'ñơm niê thúy",
                "mark hnơm niê thúy",
                "fold hnom nie thuy",
            ]
        );
        let decoded = steps(Attribute::FullName, "ThÞ Lý LÖ").unwrap();
        assert_eq!(
            decoded[1..4],
            ["decode Thị Lý Lệ", "canonical thị lý lệ", "orthography thị lí lệ"]
        );
        assert_eq!(steps(Attribute::FullName, "Nguy?n"), Err(Malformed::Form));
    }

    #[test]
    fn other_values_are_shown_in_their_one_form() {
        for (attribute, value, expected) in [
            (Attribute::DateOfBirth, "01/05/1990", vec!["parse 1990-05-01"]),
            (Attribute::CardIssueDate, "1990-05", vec!["parse 1990-05"]),
            (Attribute::Sex, "male", vec!["parse male"]),
            (Attribute::OldIdNumber, "012345678", vec!["parse 012345678"]),
            (Attribute::PlaceOfOrigin, "01", vec!["parse 2025/01"]),
            (Attribute::PlaceOfOrigin, "01/00004", vec!["parse 2025/01/00004"]),
            (Attribute::PermanentAddress, "2004/02", vec!["parse 2004/02", "merge 2025/08"]),
            (
                Attribute::PermanentAddress,
                "2004/01/00007",
                vec!["parse 2004/01/00007", "merge 2025/01"],
            ),
        ] {
            assert_eq!(steps(attribute, value).unwrap(), expected, "{value}");
        }
        for (attribute, value) in [
            (Attribute::DateOfBirth, "31/02/1990"),
            (Attribute::Sex, "nam"),
            (Attribute::PlaceOfOrigin, "1999/01/00004"),
            (Attribute::PlaceOfOrigin, "2025/01/00004/1"),
            (Attribute::InsuranceNumber, "12"),
        ] {
            assert_eq!(steps(attribute, value), Err(Malformed::Form), "{value}");
        }
    }
}
