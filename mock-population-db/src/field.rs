//! The fields a caller can ask for: a closed list, and sets of them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// A field of a person that is given out on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Field {
    OldIdNumber,
    InsuranceNumber,
    FullName,
    DateOfBirth,
    Sex,
    CardIssueDate,
    PlaceOfOrigin,
    PermanentAddress,
    SupersededNumbers,
}

impl Field {
    /// All fields in the order in which they are written, whatever the order they are asked in.
    pub(crate) const ALL: [Self; 9] = [
        Self::OldIdNumber,
        Self::InsuranceNumber,
        Self::FullName,
        Self::DateOfBirth,
        Self::Sex,
        Self::CardIssueDate,
        Self::PlaceOfOrigin,
        Self::PermanentAddress,
        Self::SupersededNumbers,
    ];

    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OldIdNumber => "old_id_number",
            Self::InsuranceNumber => "insurance_number",
            Self::FullName => "full_name",
            Self::DateOfBirth => "date_of_birth",
            Self::Sex => "sex",
            Self::CardIssueDate => "card_issue_date",
            Self::PlaceOfOrigin => "place_of_origin",
            Self::PermanentAddress => "permanent_address",
            Self::SupersededNumbers => "superseded_numbers",
        }
    }
}

/// Some of the fields. Read from a list of names without an allocation; asking twice is asking once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldSet(u16);

impl FieldSet {
    /// Everything that a [`crate::Person`] holds: every field but the cancelled numbers, which are
    /// kept apart.
    pub(crate) const OF_PERSON: Self = Self((1 << Field::SupersededNumbers as u16) - 1);

    /// The fields that are in both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether `field` is among them.
    pub(crate) fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u8) != 0
    }
}

impl<'de> Deserialize<'de> for FieldSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = FieldSet;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of field names")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<FieldSet, A::Error> {
                let mut set = FieldSet(0);
                while let Some(field) = names.next_element::<Field>()? {
                    set.0 |= 1 << field as u8;
                }
                Ok(set)
            }
        }

        deserializer.deserialize_seq(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read_by_its_name() {
        for field in Field::ALL {
            let list = format!("[\"{}\"]", field.name());
            let set: FieldSet = serde_json::from_str(&list).expect("a known name");
            assert!(Field::ALL.into_iter().all(|it| set.contains(it) == (it == field)), "{list}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert!(serde_json::from_str::<FieldSet>(r#"["phone"]"#).is_err());
        assert!(serde_json::from_str::<FieldSet>(r#""full_name""#).is_err());
    }
}
