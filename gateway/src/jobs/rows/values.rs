//! The texts of one row, and what they claim about whom.

use std::borrow::Cow;
use std::fmt;

use super::field::Field;
use super::problem::{RowCode, RowProblem, RowProblems};
use crate::request::{
    Address, AttributeSet, CardQr, CaseRef, Claims, FullName, InsuranceNumber, Malformed,
    NamedSubject, OldIdNumber, PartialDate, PersonalId, Sex, SubjectKey,
};

/// Longest name of a row, in bytes: as a reference of a single request.
const ROW_ID_BYTES_MAX: usize = 64;
/// Longest subject token that is given on, in bytes; ours have 43.
const TOKEN_BYTES_MAX: usize = 64;

/// The caller's own name of a row. It may be anything of theirs, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RowId(Box<str>);

impl RowId {
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > ROW_ID_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(Malformed::Form);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowId(..)")
    }
}

/// A subject token as it was sent: only who has the client's keys can read it.
#[derive(Clone, PartialEq, Eq)]
pub struct SentToken(Box<str>);

impl SentToken {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SentToken(..)")
    }
}

/// The person whom a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowSubject {
    /// By a key, or by a card that has it.
    Named(NamedSubject),
    /// By a token, which the caller resolves.
    Token(SentToken),
}

/// What a row says: about whom, and what.
#[derive(Debug, Clone)]
pub struct RowClaims {
    /// The person.
    pub subject: RowSubject,
    /// What the holder has on them.
    pub claims: Claims,
    /// Those of the claims that a card's QR text brought and no column.
    pub from_card: AttributeSet,
    /// The caller's own file reference.
    pub case_ref: Option<CaseRef>,
}

/// The texts of one row, trimmed, by field.
#[derive(Debug, Default)]
pub(super) struct Values<'t> {
    texts: [Option<Cow<'t, str>>; Field::ALL.len()],
    problems: Vec<RowProblem>,
}

impl<'t> Values<'t> {
    /// Takes the text of a field; a blank one was not sent.
    pub(super) fn put(&mut self, field: Field, text: Cow<'t, str>) {
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => match text.trim() {
                trimmed if trimmed.len() == text.len() => Cow::Owned(text),
                trimmed => Cow::Owned(trimmed.to_owned()),
            },
        };
        if !text.is_empty() {
            self.texts[field as usize] = Some(text);
        }
    }

    /// Notes what is wrong with a field.
    pub(super) fn note(&mut self, field: Field, code: RowCode) {
        self.problems.push(RowProblem { field: Some(field), code });
    }

    fn get(&self, field: Field) -> Option<&str> {
        self.texts[field as usize].as_deref()
    }

    fn parsed<T>(
        &mut self,
        field: Field,
        parse: impl FnOnce(&str) -> Result<T, Malformed>,
    ) -> Option<T> {
        match parse(self.texts[field as usize].as_deref()?) {
            Ok(value) => Some(value),
            Err(malformed) => {
                self.note(field, malformed.into());
                None
            }
        }
    }

    /// Reads the row. `current_year` is that in Vietnam.
    pub(super) fn read(
        mut self,
        current_year: i16,
    ) -> (Option<RowId>, Result<RowClaims, RowProblems>) {
        let row_id = self.parsed(Field::RowId, RowId::parse);
        self.tell_id_number_apart();
        let keys = self.keys(current_year);
        let case_ref = self.parsed(Field::CaseRef, CaseRef::parse);
        let typed = self.attributes(&keys, current_year);
        if keys.is_none_sent {
            self.problems.push(RowProblem { field: None, code: RowCode::NoSubject });
        }
        let content = match (RowProblems::of(self.problems), keys.subject) {
            (Some(problems), _) => Err(problems),
            (None, None) => Err(RowProblems::whole(RowCode::NoSubject)),
            (None, Some(subject)) => {
                let on_card = keys.card.map_or_else(Claims::default, CardQr::into_claims);
                let from_card = on_card.asked().difference(typed.asked());
                Ok(RowClaims { subject, claims: typed.or(on_card), from_card, case_ref })
            }
        };
        (row_id, content)
    }

    /// Nine digits are a number of the old card. A personal number that lost its zeros has ten or
    /// eleven: none begins with three.
    fn tell_id_number_apart(&mut self) {
        let Some(text) = self.texts[Field::IdNumber as usize].take() else {
            return;
        };
        let is_old = OldIdNumber::parse(&text).is_ok();
        let field = if is_old { Field::OldIdNumber } else { Field::PersonalId };
        let place = &mut self.texts[field as usize];
        if place.is_some() {
            self.note(Field::IdNumber, RowCode::Duplicate);
        } else {
            *place = Some(text);
        }
    }

    /// Exactly one of the keys names the person, the first of these that is filled in. One that
    /// cannot be read is a mistake, and no other is taken in its place.
    fn keys(&mut self, current_year: i16) -> Keys {
        let id = self.parsed(Field::PersonalId, |text| PersonalId::parse(text, current_year));
        let card = self.parsed(Field::CardQr, |text| CardQr::parse(text, current_year));
        let token = self.parsed(Field::SubjectToken, |text| {
            if text.len() > TOKEN_BYTES_MAX { Err(Malformed::TooLong) } else { Ok(()) }
        });
        let old = self.parsed(Field::OldIdNumber, OldIdNumber::parse);
        let insurance = self.parsed(Field::InsuranceNumber, InsuranceNumber::parse);
        if let (Some(id), Some(card)) = (id, &card)
            && card.personal_id() != id
        {
            self.note(Field::CardQr, RowCode::OtherPerson);
        }
        let by_key = |key| RowSubject::Named(NamedSubject::by_key(key));
        let kind = KEY_ORDER.into_iter().find(|field| self.get(*field).is_some());
        let subject = match kind {
            Some(Field::PersonalId) => id.map(|id| by_key(SubjectKey::PersonalId(id))),
            Some(Field::CardQr) => card
                .as_ref()
                .map(|card| RowSubject::Named(NamedSubject::on_card(card.personal_id()))),
            Some(Field::SubjectToken) => {
                let sent = token.and_then(|()| self.get(Field::SubjectToken));
                sent.map(|text| RowSubject::Token(SentToken(text.into())))
            }
            Some(Field::OldIdNumber) => old.map(|old| by_key(SubjectKey::OldIdNumber(old))),
            Some(_) => insurance.map(|number| by_key(SubjectKey::InsuranceNumber(number))),
            None => None,
        };
        Keys {
            subject,
            is_none_sent: kind.is_none(),
            old: old.filter(|_| kind != Some(Field::OldIdNumber)),
            insurance: insurance.filter(|_| kind != Some(Field::InsuranceNumber)),
            card,
        }
    }

    fn attributes(&mut self, keys: &Keys, current_year: i16) -> Claims {
        let birth = |text: &str| PartialDate::parse_birth(text, current_year);
        Claims {
            full_name: self.parsed(Field::FullName, FullName::parse),
            date_of_birth: self.parsed(Field::DateOfBirth, birth),
            sex: self.parsed(Field::Sex, Sex::parse_written),
            old_id_number: keys.old,
            card_issue_date: self.parsed(Field::CardIssueDate, PartialDate::parse),
            place_of_origin: self.address(ORIGIN),
            permanent_address: self.address(ADDRESS),
            insurance_number: keys.insurance,
        }
    }

    /// A scheme alone says nothing: it often stands in every row.
    fn address(&mut self, [scheme, province, commune]: [Field; 3]) -> Option<Address> {
        let Some(code) = self.get(province) else {
            if self.get(commune).is_some() {
                self.note(province, RowCode::Missing);
            }
            return None;
        };
        match Address::parse(self.get(scheme), code, self.get(commune)) {
            Ok(address) => Some(address),
            Err(wrong) => {
                for (name, malformed) in wrong {
                    let field = match name {
                        "scheme" => scheme,
                        "province" => province,
                        _ => commune,
                    };
                    self.note(field, malformed.into());
                }
                None
            }
        }
    }
}

const KEY_ORDER: [Field; 5] = [
    Field::PersonalId,
    Field::CardQr,
    Field::SubjectToken,
    Field::OldIdNumber,
    Field::InsuranceNumber,
];
const ORIGIN: [Field; 3] = [Field::OriginScheme, Field::OriginProvince, Field::OriginCommune];
const ADDRESS: [Field; 3] = [Field::AddressScheme, Field::AddressProvince, Field::AddressCommune];

/// The keys of a row: one names the person, two others are claims beside it.
struct Keys {
    subject: Option<RowSubject>,
    is_none_sent: bool,
    old: Option<OldIdNumber>,
    insurance: Option<InsuranceNumber>,
    card: Option<CardQr>,
}
