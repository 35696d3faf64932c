//! The subject of a request: the person asked about, by exactly one key.

use utoipa::ToSchema;

use super::json::{Errors, Fields};
use crate::request::{InsuranceNumber, KeyKind, OldIdNumber, PersonalId, SubjectKey};

/// The person asked about, by exactly one key.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
#[schema(min_properties = 1, max_properties = 1)]
pub struct SubjectBody {
    /// Personal identification number, 12 digits.
    #[schema(example = "001090012345", pattern = "^[0-9]{12}$")]
    pub personal_id: Option<String>,
    /// Number of the old identity card, 9 digits. Two people may have had the same one: the name
    /// says who is meant.
    #[schema(pattern = "^[0-9]{9}$")]
    pub old_id_number: Option<String>,
    /// Health insurance number, 10 digits, or the 15 characters of a card from before April 2021.
    #[schema(pattern = "^([A-Z]{2}[0-9]{3})?[0-9]{10}$")]
    pub insurance_number: Option<String>,
}

/// The kinds of key that a subject takes.
const KINDS: [KeyKind; 3] = [KeyKind::PersonalId, KeyKind::OldIdNumber, KeyKind::InsuranceNumber];

/// Reads the member `subject`. None and several keys are one and the same mistake, told by the
/// pointer to the whole: which of several was meant is not for us to say.
pub fn read_subject(
    fields: &mut Fields<'_, '_>,
    current_year: i16,
    errors: &mut Errors,
) -> Option<SubjectKey> {
    let Some(mut subject) = fields.object("subject", errors) else {
        fields.missing("subject", errors);
        return None;
    };
    if KINDS.iter().filter(|kind| subject.has(kind.name())).count() != 1 {
        errors.shape(fields.pointer("subject"), "not-one-key");
    }
    let id = |text: &str| PersonalId::parse(text, current_year).map(SubjectKey::PersonalId);
    let old = |text: &str| OldIdNumber::parse(text).map(SubjectKey::OldIdNumber);
    let card = |text: &str| InsuranceNumber::parse(text).map(SubjectKey::InsuranceNumber);
    let keys = [
        subject.parsed(KeyKind::PersonalId.name(), errors, id),
        subject.parsed(KeyKind::OldIdNumber.name(), errors, old),
        subject.parsed(KeyKind::InsuranceNumber.name(), errors, card),
    ];
    subject.finish(errors);
    keys.into_iter().flatten().next()
}
