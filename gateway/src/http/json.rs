//! Strict JSON: every member is known, comes once and has its type, and all that is wrong is told
//! at once, by JSON pointer.
//!
//! Shape errors (400) are kept apart from value errors (422), because the former win.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::code::Code;
use super::error::{FieldError, Problem};
use crate::request::Malformed;

/// A JSON value that borrows from its text.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// `null`: nothing that a request of ours holds.
    Other,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from 0 on.
    Number(u64),
    /// Any other number.
    Decimal(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Node<'a>>),
    /// An object, members in their order, duplicates kept so that they can be refused.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Node<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NodeVisitor { items_max: MEMBERS_MAX }.deserialize(deserializer)
    }
}

impl<'de> DeserializeSeed<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Members of one object, and items of one array, that are read; ours have up to ten, a platform's
/// list of agencies a hundred. It bounds what reading and refusing a hostile body costs.
const MEMBERS_MAX: usize = 256;

#[derive(Clone, Copy)]
struct NodeVisitor {
    /// Items of one array that are read.
    items_max: usize,
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Other)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Decimal(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node<'de>, E> {
        Ok(Node::Decimal(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            if items.len() == self.items_max {
                return Err(serde::de::Error::custom("more items than any request has"));
            }
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Text(name)) = access.next_key()? {
            let value = access.next_value_seed(self)?;
            if members.len() == MEMBERS_MAX {
                return Err(serde::de::Error::custom("more members than any request has"));
            }
            members.push((name, value));
        }
        Ok(Node::Object(members))
    }
}

/// A member's name, borrowed where it holds no escape.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(NodeVisitor { items_max: MEMBERS_MAX })? {
            Node::Text(text) => Ok(Self(text)),
            Node::Other
            | Node::Decimal(_)
            | Node::Bool(_)
            | Node::Number(_)
            | Node::List(_)
            | Node::Object(_) => Err(serde::de::Error::custom("a member's name is a string")),
        }
    }
}

/// Parses a body.
///
/// # Errors
/// `invalid-json`, or `invalid-request` for JSON larger than any request; where and why is not
/// told, because it could echo the body.
pub fn parse(body: &[u8]) -> Result<Node<'_>, Problem> {
    parse_long(body, MEMBERS_MAX)
}

/// The same where an array may have so many items.
///
/// # Errors
/// As [`parse`].
pub fn parse_long(body: &[u8], items_max: usize) -> Result<Node<'_>, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let node = NodeVisitor { items_max }.deserialize(&mut deserializer);
    let node = node.and_then(|node| deserializer.end().map(|()| node));
    node.map_err(|error| {
        let code = if error.is_data() { Code::InvalidRequest } else { Code::InvalidJson };
        Problem::from(code)
    })
}

/// What was found wrong so far.
#[derive(Debug, Default)]
pub struct Errors {
    shape: Vec<FieldError>,
    value: Vec<FieldError>,
}

impl Errors {
    /// Notes a field that does not belong, is missing or has the wrong type.
    pub fn shape(&mut self, pointer: String, code: &'static str) {
        self.shape.push(FieldError { pointer, code });
    }

    /// Notes a value that is not well formed.
    pub fn value(&mut self, pointer: String, malformed: Malformed) {
        self.value.push(FieldError { pointer, code: malformed.code() });
    }

    /// Notes a name that stands for nothing.
    pub fn unknown_name(&mut self, pointer: String) {
        self.value.push(FieldError { pointer, code: "unknown-name" });
    }

    /// Notes an attribute, or an official, that the policy requires and that was not sent.
    pub fn required_attribute(&mut self, pointer: String) {
        self.value.push(FieldError { pointer, code: REQUIRED });
    }

    /// Whether nothing was found wrong.
    pub fn is_empty(&self) -> bool {
        self.shape.is_empty() && self.value.is_empty()
    }

    /// Notes what was found wrong elsewhere.
    pub fn add(&mut self, other: Self) {
        self.shape.extend(other.shape);
        self.value.extend(other.value);
    }

    /// Ends the reading: nothing wrong, or one problem with everything that is.
    ///
    /// # Errors
    /// 400 if anything has the wrong shape, else 422.
    pub fn finish(self) -> Result<(), Problem> {
        if !self.shape.is_empty() {
            return Err(Problem::with_errors(Code::InvalidRequest, self.shape));
        }
        if self.value.is_empty() {
            return Ok(());
        }
        let only_missing = self.value.iter().all(|error| error.code == REQUIRED);
        let code = if only_missing { Code::RequiredAttributeMissing } else { Code::InvalidValue };
        Err(Problem::with_errors(code, self.value))
    }
}

const REQUIRED: &str = "required-attribute-missing";

/// An object being read: members are taken by name, what is left over does not belong.
#[derive(Debug)]
pub struct Fields<'n, 'a> {
    pointer: String,
    members: Vec<(&'n str, Option<&'n Node<'a>>)>,
}

impl<'n, 'a> Fields<'n, 'a> {
    /// Starts reading an object; anything else is noted and reads as an empty one.
    pub fn of(node: &'n Node<'a>, pointer: String, errors: &mut Errors) -> Self {
        let Node::Object(members) = node else {
            errors.shape(pointer.clone(), "wrong-type");
            return Self { pointer, members: Vec::new() };
        };
        let mut fields: Vec<(&str, Option<&Node<'_>>)> = Vec::with_capacity(members.len());
        for (name, value) in members {
            if fields.iter().any(|(known, _)| known == name) {
                errors.shape(child(&pointer, name), "duplicate");
            } else {
                fields.push((name, Some(value)));
            }
        }
        Self { pointer, members: fields }
    }

    /// Pointer to a member.
    pub fn pointer(&self, name: &str) -> String {
        child(&self.pointer, name)
    }

    /// Takes a member, if it is there.
    pub fn take(&mut self, name: &str) -> Option<&'n Node<'a>> {
        self.members.iter_mut().find(|(known, _)| *known == name)?.1.take()
    }

    /// Takes a text, if it is there.
    pub fn text(&mut self, name: &str, errors: &mut Errors) -> Option<&'n str> {
        match self.take(name)? {
            Node::Text(text) => Some(text),
            Node::Other
            | Node::Decimal(_)
            | Node::Bool(_)
            | Node::Number(_)
            | Node::List(_)
            | Node::Object(_) => {
                errors.shape(self.pointer(name), "wrong-type");
                None
            }
        }
    }

    /// Takes a text and parses it, if it is there.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        errors: &mut Errors,
        parse: impl FnOnce(&str) -> Result<T, Malformed>,
    ) -> Option<T> {
        let text = self.text(name, errors)?;
        parse(text).map_err(|malformed| errors.value(self.pointer(name), malformed)).ok()
    }

    /// Takes a whole number of a range, if it is there.
    pub fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
        errors: &mut Errors,
    ) -> Option<u64> {
        match self.take(name)? {
            Node::Number(number) if range.contains(number) => Some(*number),
            Node::Number(_) => {
                errors.value(self.pointer(name), Malformed::Form);
                None
            }
            Node::Other
            | Node::Decimal(_)
            | Node::Bool(_)
            | Node::Text(_)
            | Node::List(_)
            | Node::Object(_) => {
                errors.shape(self.pointer(name), "wrong-type");
                None
            }
        }
    }

    /// Takes a part of a whole, 0 to 1, if it is there.
    pub fn part(&mut self, name: &str, errors: &mut Errors) -> Option<f64> {
        let part = match self.take(name)? {
            Node::Number(number) => *number as f64,
            Node::Decimal(number) => *number,
            Node::Other | Node::Bool(_) | Node::Text(_) | Node::List(_) | Node::Object(_) => {
                errors.shape(self.pointer(name), "wrong-type");
                return None;
            }
        };
        if !(0.0..=1.0).contains(&part) {
            errors.value(self.pointer(name), Malformed::Form);
            return None;
        }
        Some(part)
    }

    /// The names of members that are there, taken or not.
    pub fn names(&self) -> Vec<String> {
        self.members.iter().map(|(name, _)| name.to_string()).collect()
    }

    /// Takes a truth value, if it is there.
    pub fn truth(&mut self, name: &str, errors: &mut Errors) -> Option<bool> {
        match self.take(name)? {
            Node::Bool(truth) => Some(*truth),
            Node::Other
            | Node::Decimal(_)
            | Node::Number(_)
            | Node::Text(_)
            | Node::List(_)
            | Node::Object(_) => {
                errors.shape(self.pointer(name), "wrong-type");
                None
            }
        }
    }

    /// Takes the items of a list with their pointers, if it is there.
    pub fn list(&mut self, name: &str, errors: &mut Errors) -> Option<Vec<(String, &'n Node<'a>)>> {
        let pointer = self.pointer(name);
        let Node::List(items) = self.take(name)? else {
            errors.shape(pointer, "wrong-type");
            return None;
        };
        let items = items.iter().enumerate();
        Some(items.map(|(place, item)| (format!("{pointer}/{place}"), item)).collect())
    }

    /// Takes an object, if it is there.
    pub fn object(&mut self, name: &str, errors: &mut Errors) -> Option<Self> {
        let node = self.take(name)?;
        Some(Self::of(node, self.pointer(name), errors))
    }

    /// Notes that a member must be there.
    pub fn missing(&self, name: &str, errors: &mut Errors) {
        errors.shape(self.pointer(name), "missing");
    }

    /// Whether a member is there, taken or not.
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(known, _)| *known == name)
    }

    /// Ends the reading: what was not taken does not belong.
    pub fn finish(self, errors: &mut Errors) {
        for (name, value) in &self.members {
            if value.is_some() {
                errors.shape(self.pointer(name), "unknown");
            }
        }
    }
}

/// Longest member name that a pointer repeats; the name is the caller's, and its tail could hold
/// anything.
const NAME_CHARS_MAX: usize = 40;

/// Pointer to a child (RFC 6901). Only names that look like ours are repeated: a number or name
/// typed where a member's name belongs must not come back.
pub(super) fn child(pointer: &str, name: &str) -> String {
    let like_ours = name.len() <= NAME_CHARS_MAX
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    format!("{pointer}/{}", if like_ours { name } else { "*" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(), Problem> {
        let node = parse(body.as_bytes())?;
        let mut errors = Errors::default();
        let mut fields = Fields::of(&node, String::new(), &mut errors);
        fields.parsed("purpose", &mut errors, crate::request::Purpose::parse);
        if let Some(mut inner) = fields.object("subject", &mut errors) {
            inner.text("personal_id", &mut errors);
            inner.finish(&mut errors);
        }
        fields.finish(&mut errors);
        errors.finish()
    }

    fn errors_of(body: &str) -> Vec<(String, &'static str)> {
        let problem = read(body).unwrap_err();
        problem.errors().iter().map(|error| (error.pointer.clone(), error.code)).collect()
    }

    #[test]
    fn everything_wrong_is_told_at_once_and_shape_wins() {
        let body =
            r#"{"purpose":"A B","subject":{"personal_id":5,"extra":1},"purpose":"x","0123":1}"#;
        assert_eq!(
            errors_of(body),
            [
                ("/purpose".into(), "duplicate"),
                ("/subject/personal_id".into(), "wrong-type"),
                ("/subject/extra".into(), "unknown"),
                ("/*".into(), "unknown"),
            ]
        );
        assert_eq!(errors_of(r#"{"purpose":""}"#), [("/purpose".into(), "empty")]);
    }

    #[test]
    fn what_is_not_json_is_one_problem() {
        for body in ["", "{", "{}x", "\u{feff}{}", r#"{"a":"\ud800"}"#, &"[".repeat(1_000)] {
            let problem = parse(body.as_bytes()).unwrap_err();
            assert_eq!(problem.code(), Code::InvalidJson, "{body}");
        }
        assert_eq!(errors_of("[]"), [(String::new(), "wrong-type")]);
    }
}
