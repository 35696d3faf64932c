//! A row of NDJSON: one flat JSON object.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::columns::Columns;
use super::field::Field;
use super::problem::RowCode;
use super::values::Values;

/// Names of members that are remembered. Rows of one file have the same few; those beyond are
/// looked up each time.
const NAMES_MAX: usize = 256;

/// The names of members, with what they hold. Most rows have them in the order of the row before.
pub(super) struct Members {
    columns: Columns,
    known: Vec<(Box<str>, Member)>,
    /// Where the next name probably stands.
    next: usize,
}

/// What a member holds.
#[derive(Debug, Clone, Copy)]
enum Member {
    Field(Field),
    /// A whole address, which must be sent flat. An object here was meant to be read.
    Nested(Field),
    Unknown,
}

impl Members {
    pub(super) fn new(columns: Columns) -> Self {
        Self { columns, known: Vec::new(), next: 0 }
    }

    /// Reads a row; `None` where the line is not one object.
    pub(super) fn read<'t>(&mut self, row: &'t str) -> Option<Values<'t>> {
        self.next = 0;
        let mut json = serde_json::Deserializer::from_str(row);
        let values = json.deserialize_map(ObjectVisitor { members: self }).ok()?;
        json.end().ok()?;
        Some(values)
    }

    fn find(&mut self, name: &str) -> Member {
        let is_next = self.known.get(self.next).is_some_and(|(known, _)| **known == *name);
        let place = if is_next {
            Some(self.next)
        } else {
            self.known.iter().position(|(known, _)| **known == *name)
        };
        if let Some(place) = place {
            self.next = place + 1;
            return self.known[place].1;
        }
        let member = self.look_up(name);
        if self.known.len() < NAMES_MAX {
            self.known.push((name.into(), member));
            self.next = self.known.len();
        }
        member
    }

    fn look_up(&self, name: &str) -> Member {
        match (self.columns.field_of(name), name) {
            (Some(field), _) => Member::Field(field),
            (None, "place_of_origin") => Member::Nested(Field::OriginProvince),
            (None, "permanent_address") => Member::Nested(Field::AddressProvince),
            (None, _) => Member::Unknown,
        }
    }
}

struct ObjectVisitor<'m> {
    members: &'m mut Members,
}

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = Values<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one flat object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Values<'de>, A::Error> {
        let mut values = Values::default();
        let mut seen = [false; Field::ALL.len()];
        while let Some(member) = access.next_key_seed(NameSeed { members: self.members })? {
            match member {
                Member::Unknown => {
                    access.next_value::<IgnoredAny>()?;
                }
                Member::Nested(field) => {
                    if access.next_value::<Scalar<'_>>()? == Scalar::Nested {
                        values.note(field, RowCode::WrongType);
                    }
                }
                Member::Field(field) => {
                    let value = access.next_value()?;
                    if std::mem::replace(&mut seen[field as usize], true) {
                        values.note(field, RowCode::Duplicate);
                        continue;
                    }
                    match value {
                        Scalar::Null => {}
                        Scalar::Text(text) => values.put(field, text),
                        Scalar::Other | Scalar::Nested => values.note(field, RowCode::WrongType),
                    }
                }
            }
        }
        Ok(values)
    }
}

/// Looks a member's name up without keeping it.
struct NameSeed<'m> {
    members: &'m mut Members,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(self.members.find(name))
    }
}

/// The value of a member, as text where it is one.
#[derive(Debug, PartialEq)]
enum Scalar<'t> {
    Null,
    /// A string, or the digits of a whole number.
    Text(Cow<'t, str>),
    /// A truth value or a number with a fraction.
    Other,
    /// An array or an object.
    Nested,
}

impl<'de: 't, 't> Deserialize<'de> for Scalar<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Scalar<'de>, A::Error> {
        while access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Scalar<'de>, A::Error> {
        while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nested)
    }
}
