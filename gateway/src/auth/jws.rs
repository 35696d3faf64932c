//! Reading of signed tokens (RFC 7515, compact serialisation), stricter than the RFC: three parts
//! of canonical base64url, two JSON objects without a member that comes twice at any depth.
//!
//! Nothing here is verified. Who signed, and what the members mean, is for `tokens` and
//! `assertions`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Members and items of one object or array that are read; assertions have about seven.
const MEMBERS_MAX: usize = 64;

/// A token in its parts; none of it is to be believed yet.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    /// Members of the header.
    pub(super) header: Members,
    /// The claims.
    pub(super) claims: Members,
    /// What the signature is over.
    pub(super) signed: &'a [u8],
    /// The signature.
    pub(super) signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart; `None` for anything that is not the one canonical form.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (header, payload, signature) = parts(text)?;
        let signed = text.as_bytes().get(..header.len() + 1 + payload.len())?;
        Some(Self {
            header: Members::parse(&decode(header)?)?,
            claims: Members::parse(&decode(payload)?)?,
            signed,
            signature: decode(signature)?,
        })
    }
}

/// The three parts of a token.
pub(super) fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (header, rest) = text.split_once('.')?;
    let (payload, signature) = rest.split_once('.')?;
    (!signature.contains('.')).then_some((header, payload, signature))
}

/// Base64url without padding, line breaks or spare bits: each octet string has one form.
pub(super) fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// A member is there, and not of its type.
#[derive(Debug, PartialEq)]
pub(super) struct WrongType;

/// The members of a JSON object.
#[derive(Debug, PartialEq)]
pub(super) struct Members(Vec<(String, Value)>);

impl Members {
    /// Parses an object; `None` for anything else, and where a member comes twice.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        match serde_json::from_slice(json).ok()? {
            Value::Object(members) => Some(members),
            Value::Other | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
        }
    }

    /// A member that must be a text, and be there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.optional_text(name).ok()?
    }

    /// A member that is a text or not there.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&str>, WrongType> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Other | Value::Number(_) | Value::List(_) | Value::Object(_)) => {
                Err(WrongType)
            }
        }
    }

    /// A moment in seconds since 1970 (RFC 7519, `NumericDate`) that must be there.
    pub(super) fn seconds(&self, name: &str) -> Option<f64> {
        self.optional_seconds(name).ok()?
    }

    /// A moment of this era, or nothing.
    pub(super) fn optional_seconds(&self, name: &str) -> Result<Option<f64>, WrongType> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) if (0.0..MOMENT_MAX).contains(number) => Ok(Some(*number)),
            Some(
                Value::Number(_)
                | Value::Other
                | Value::Text(_)
                | Value::List(_)
                | Value::Object(_),
            ) => Err(WrongType),
        }
    }

    /// A member, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Whether there is no member beside these.
    pub(super) fn has_only(&self, names: &[&str]) -> bool {
        self.0.iter().all(|(name, _)| names.contains(&name.as_str()))
    }
}

/// The year 5138: seconds up to here are exact in an `f64`, and microseconds fit an `i64`.
const MOMENT_MAX: f64 = 1e11;

/// A JSON value.
#[derive(Debug, PartialEq)]
pub(super) enum Value {
    /// `null` or a boolean.
    Other,
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Value>),
    /// An object, each member once.
    Object(Members),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            if items.len() == MEMBERS_MAX {
                return Err(serde::de::Error::custom("more items than any token has"));
            }
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.len() == MEMBERS_MAX || members.iter().any(|(known, _)| *known == name) {
                return Err(serde::de::Error::custom("a member too many"));
            }
            members.push((name, value));
        }
        Ok(Value::Object(Members(members)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_octet_string_has_one_form() {
        assert_eq!(decode("AQ"), Some(vec![1]));
        for other in ["AR", "AQ==", "AQ=", "A", "A Q", "A\nQ", "A+", "A/", "AQ\0", "%41Q"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }

    #[test]
    fn an_object_has_each_member_once_at_any_depth() {
        assert!(Members::parse(br#"{"a":1,"b":{"a":[{"a":2}]}}"#).is_some());
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[{"a":1,"a":2}]}"#,
            "[]",
            "1",
            "null",
            r#""a""#,
            "{}{}",
            "{} x",
            "\u{feff}{}",
            r#"{"a":1,}"#,
            r#"{"a":1e999}"#,
            "",
        ] {
            assert_eq!(Members::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_member_has_its_type_and_a_moment_is_of_this_era() {
        let members = Members::parse(br#"{"t":"x","n":5,"f":5.5,"m":-1,"l":1e12,"z":null}"#);
        let members = members.unwrap();
        assert_eq!(members.text("t"), Some("x"));
        assert_eq!((members.text("n"), members.text("none")), (None, None));
        assert_eq!(members.optional_text("none"), Ok(None));
        assert_eq!(members.optional_text("z"), Err(WrongType));
        assert_eq!((members.seconds("n"), members.seconds("f")), (Some(5.0), Some(5.5)));
        for no_moment in ["m", "l", "t", "z"] {
            assert_eq!(members.optional_seconds(no_moment), Err(WrongType), "{no_moment}");
        }
    }
}
