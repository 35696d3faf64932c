//! What is asked: the words of a request, parsed once at the border.
//!
//! Every type here has a constructor that can refuse; past it, a value is well formed and within
//! its limits. What a policy, the register or the clock says about a value is for others to judge.

mod address;
mod attribute;
mod card;
mod date;
mod name;
mod number;
mod subject;
mod text;

use std::borrow::Cow;

pub use address::{Address, Scheme};
pub use attribute::{Attribute, AttributeSet, Operation};
pub use card::CardQr;
pub use date::PartialDate;
pub use name::FullName;
pub(crate) use name::{
    Shape, is_apostrophe, is_hyphen, is_invisible, shape, tokens, windows_1252_byte,
};
pub use number::{InsuranceNumber, OldIdNumber};
pub use subject::{KeyKind, NamedSubject, PersonalId, SubjectKey};
pub use text::{AgencyCode, CaseRef, ClientId, OfficialRef, Procedure, Purpose, Sex};

/// A value that is not well formed. It carries no part of the value: submitted values are never
/// echoed, not even in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The text is empty or only blank.
    #[error("the value is empty")]
    Empty,
    /// The text is longer than its limit.
    #[error("the value is too long")]
    TooLong,
    /// The text does not have the form of the field.
    #[error("the value does not have the form of this field")]
    Form,
    /// A birth year that has not come yet.
    #[error("the date lies in the future")]
    Future,
}

impl Malformed {
    /// The code of a field error.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too-long",
            Self::Form => "malformed",
            Self::Future => "in-the-future",
        }
    }
}

/// What the caller says about a person, one optional claim per attribute.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// Full name in one field, as the caller holds it.
    pub full_name: Option<FullName>,
    /// Date of birth at the precision the caller has.
    pub date_of_birth: Option<PartialDate>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Nine-digit number of the old identity card.
    pub old_id_number: Option<OldIdNumber>,
    /// Date of issue of the current card.
    pub card_issue_date: Option<PartialDate>,
    /// Place of origin, by code.
    pub place_of_origin: Option<Address>,
    /// Permanent address, by code.
    pub permanent_address: Option<Address>,
    /// Ten-digit health insurance number.
    pub insurance_number: Option<InsuranceNumber>,
}

impl Claims {
    /// The attributes that were sent.
    pub fn asked(&self) -> AttributeSet {
        Attribute::ALL.into_iter().filter(|&attribute| self.has(attribute)).collect()
    }

    /// Whether a claim was sent for `attribute`.
    pub fn has(&self, attribute: Attribute) -> bool {
        match attribute {
            Attribute::FullName => self.full_name.is_some(),
            Attribute::DateOfBirth => self.date_of_birth.is_some(),
            Attribute::Sex => self.sex.is_some(),
            Attribute::OldIdNumber => self.old_id_number.is_some(),
            Attribute::CardIssueDate => self.card_issue_date.is_some(),
            Attribute::PlaceOfOrigin => self.place_of_origin.is_some(),
            Attribute::PermanentAddress => self.permanent_address.is_some(),
            Attribute::InsuranceNumber => self.insurance_number.is_some(),
        }
    }

    /// These claims, and those of `others` about attributes of which these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            full_name: self.full_name.or(others.full_name),
            date_of_birth: self.date_of_birth.or(others.date_of_birth),
            sex: self.sex.or(others.sex),
            old_id_number: self.old_id_number.or(others.old_id_number),
            card_issue_date: self.card_issue_date.or(others.card_issue_date),
            place_of_origin: self.place_of_origin.or(others.place_of_origin),
            permanent_address: self.permanent_address.or(others.permanent_address),
            insurance_number: self.insurance_number.or(others.insurance_number),
        }
    }

    /// These claims but for those about `attributes`.
    #[must_use]
    pub fn without(mut self, attributes: AttributeSet) -> Self {
        for attribute in attributes.iter() {
            match attribute {
                Attribute::FullName => self.full_name = None,
                Attribute::DateOfBirth => self.date_of_birth = None,
                Attribute::Sex => self.sex = None,
                Attribute::OldIdNumber => self.old_id_number = None,
                Attribute::CardIssueDate => self.card_issue_date = None,
                Attribute::PlaceOfOrigin => self.place_of_origin = None,
                Attribute::PermanentAddress => self.permanent_address = None,
                Attribute::InsuranceNumber => self.insurance_number = None,
            }
        }
        self
    }
}

/// One verification: is what the caller holds about this person true?
#[derive(Debug, Clone)]
pub struct Verification {
    /// The person asked about.
    pub subject: NamedSubject,
    /// Why, from the purpose codes of the client.
    pub purpose: Purpose,
    /// The caller's own file reference; kept only as a keyed digest.
    pub case_ref: Option<CaseRef>,
    /// The person at the client who asks; kept only as a keyed digest.
    pub official: Option<OfficialRef>,
    /// The agency for which the client acts.
    pub on_behalf_of: Option<AgencyCode>,
    /// Code of the public-service procedure.
    pub procedure: Option<Procedure>,
    /// What the caller holds about the person.
    pub claims: Claims,
    /// Those of the claims that a card's QR text brought and nobody typed.
    pub from_card: AttributeSet,
}

impl Verification {
    /// The claims that are compared, where the policy permits and requires these attributes.
    ///
    /// What was typed is compared or answered `not_permitted`. Of what the card brought beyond the
    /// permit the caller said nothing, so that it gets no answer either: whoever may ask for less
    /// than a card says can still scan it. A required attribute stays, because without its
    /// `not_permitted` the policy would contradict itself in silence.
    pub fn claims_within(
        &self,
        permitted: AttributeSet,
        required: AttributeSet,
    ) -> Cow<'_, Claims> {
        let left_out = self.from_card.difference(permitted).difference(required);
        if left_out.is_empty() {
            return Cow::Borrowed(&self.claims);
        }
        Cow::Owned(self.claims.clone().without(left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Claims {
        let text = "001190012345|012345678|Nguyễn Thị Ví Dụ|01051990|Nữ|Hà Nội|15072021";
        CardQr::parse(text, 2026).unwrap().into_claims()
    }

    fn all() -> Claims {
        let place = Address::parse(None, "01", None).unwrap();
        Claims {
            place_of_origin: Some(place),
            permanent_address: Some(place),
            insurance_number: Some(InsuranceNumber::parse("0123456789").unwrap()),
            ..card()
        }
    }

    #[test]
    fn claims_are_added_and_taken_away_one_by_one() {
        assert_eq!(all().asked(), Attribute::ALL.into_iter().collect());
        for attribute in Attribute::ALL {
            let alone = AttributeSet::EMPTY.with(attribute);
            let without = all().without(alone);
            assert_eq!(without.asked(), all().asked().difference(alone), "{attribute}");
            assert_eq!(without.or(all()).asked(), all().asked(), "{attribute}");
        }
        let typed = Claims { sex: Some(Sex::Male), ..Claims::default() };
        assert_eq!(typed.or(card()).sex, Some(Sex::Male));
    }

    #[test]
    fn of_a_card_only_what_is_permitted_or_required_is_compared() {
        let set = |attributes: &[Attribute]| attributes.iter().copied().collect::<AttributeSet>();
        let id = PersonalId::from_register("001190012345").unwrap();
        let verification = Verification {
            subject: NamedSubject::on_card(id),
            purpose: Purpose::parse("telecom.subscriber").unwrap(),
            case_ref: None,
            official: None,
            on_behalf_of: None,
            procedure: None,
            claims: all(),
            from_card: set(&[Attribute::FullName, Attribute::Sex, Attribute::CardIssueDate]),
        };
        let compared =
            |permitted, required| verification.claims_within(set(permitted), set(required)).asked();
        let typed = all().asked().difference(verification.from_card);
        assert_eq!(compared(&[], &[]), typed);
        assert_eq!(compared(&[Attribute::Sex], &[]), typed.with(Attribute::Sex));
        assert_eq!(compared(&[], &[Attribute::FullName]), typed.with(Attribute::FullName));
        assert_eq!(compared(&Attribute::ALL, &[]), all().asked());
    }
}
