//! The request that is made about a persona.

use mock_population_db::{Person, Place};
use serde_json::{Map, Value, json};

use super::Row;
use super::cast::Found;
use super::key::Keys;
use crate::request::Attribute;

/// What is asked, and with which claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// Name of the key and its value.
    pub subject: (&'static str, String),
    purpose: String,
    claims: [Option<Claim>; Attribute::ALL.len()],
}

/// What is claimed about one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    Text(String),
    Place(Place),
}

impl Request {
    /// The request of a row about somebody; none where it cannot be made of this person.
    ///
    /// Name, birth date and sex are claimed as they are on file, and so is the attribute that the
    /// row is about; then comes the change.
    pub(super) fn about(keys: Keys<'_>, found: &Found, row: &Row) -> Option<Self> {
        let subject = row.key.of(keys, &row.client_id, found)?;
        let mut request =
            Self { subject, purpose: row.purpose.clone(), claims: Default::default() };
        let about = row.attribute.as_deref().and_then(Attribute::find);
        let usual = [Attribute::FullName, Attribute::DateOfBirth, Attribute::Sex];
        for attribute in usual.into_iter().chain(about) {
            request.claims[place_of(attribute)] = on_file(&found.person, attribute);
        }
        row.change.apply(&mut request, found)?;
        Some(request)
    }

    /// Claims a text.
    pub(super) fn claim(&mut self, attribute: Attribute, text: impl Into<String>) {
        self.claims[place_of(attribute)] = Some(Claim::Text(text.into()));
    }

    /// Claims a place.
    pub(super) fn claim_place(&mut self, attribute: Attribute, place: Place) {
        self.claims[place_of(attribute)] = Some(Claim::Place(place));
    }

    /// Claims nothing about an attribute.
    pub(super) fn leave_out(&mut self, attribute: Attribute) {
        self.claims[place_of(attribute)] = None;
    }

    /// The body of `POST /v1/verifications`.
    pub(super) fn to_json(&self) -> Value {
        let claim = |attribute: Attribute| {
            let value = match self.claims[place_of(attribute)].as_ref()? {
                Claim::Text(text) => json!(text),
                Claim::Place(place) => json!({
                    "scheme": place.scheme.name(),
                    "province": place.province.as_str(),
                    "commune": place.commune.as_str(),
                }),
            };
            Some((attribute.name().to_owned(), value))
        };
        let claims: Map<_, _> = Attribute::ALL.into_iter().filter_map(claim).collect();
        json!({
            "subject": {self.subject.0: self.subject.1},
            "purpose": self.purpose,
            "attributes": claims,
        })
    }

    /// The claims as cells of a table, in the order of the attributes; a place as
    /// `scheme/province/commune`.
    pub(super) fn cells(&self) -> impl Iterator<Item = String> {
        self.claims.iter().map(|claim| match claim {
            None => String::new(),
            Some(Claim::Text(text)) => text.clone(),
            Some(Claim::Place(Place { scheme, province, commune })) => {
                format!("{}/{province}/{commune}", scheme.name())
            }
        })
    }
}

/// Attributes are numbered from 1 without gaps.
fn place_of(attribute: Attribute) -> usize {
    attribute as usize - 1
}

fn on_file(person: &Person, attribute: Attribute) -> Option<Claim> {
    let text = match attribute {
        Attribute::FullName => person.full_name.clone(),
        Attribute::DateOfBirth => person.date_of_birth.to_string(),
        Attribute::Sex => person.sex.name().to_owned(),
        Attribute::OldIdNumber => person.old_id_number?.to_string(),
        Attribute::CardIssueDate => person.card?.issued.to_string(),
        Attribute::PlaceOfOrigin => return Some(Claim::Place(person.place_of_origin)),
        Attribute::PermanentAddress => return Some(Claim::Place(person.permanent_address)),
        Attribute::InsuranceNumber => person.insurance_number?.to_string(),
    };
    Some(Claim::Text(text))
}
