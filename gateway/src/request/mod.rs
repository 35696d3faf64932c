//! What is asked: the words of a request, parsed once at the border.
//!
//! Every type here has a constructor that can refuse; past it, a value is well formed and within
//! its limits. What a policy, the register or the clock says about a value is for others to judge.

mod address;
mod attribute;
mod date;
mod name;
mod number;
mod subject;
mod text;

pub use address::{Address, Scheme};
pub use attribute::{Attribute, AttributeSet, Operation};
pub use date::PartialDate;
pub use name::FullName;
pub(crate) use name::{
    Shape, is_apostrophe, is_hyphen, is_invisible, shape, tokens, windows_1252_byte,
};
pub use number::{InsuranceNumber, OldIdNumber};
pub use subject::{KeyKind, PersonalId, SubjectKey};
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
}

/// One verification: is what the caller holds about this person true?
#[derive(Debug, Clone)]
pub struct Verification {
    /// The person asked about.
    pub subject: SubjectKey,
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
}
