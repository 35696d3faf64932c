//! The subject of a request: the person asked about, by exactly one key.

use utoipa::ToSchema;

use super::call::Call;
use super::json::{Errors, Fields};
use crate::population::SubjectTokens;
use crate::request::{
    AttributeSet, CardQr, Claims, ClientId, InsuranceNumber, KeyKind, Malformed, NamedSubject,
    OldIdNumber, PersonalId, SubjectKey,
};

/// The person asked about, by exactly one key.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
#[schema(min_properties = 1, max_properties = 1)]
pub struct SubjectBody {
    /// Personal identification number, 12 digits.
    #[schema(example = "001090012345", pattern = "^[0-9]{12}$")]
    #[schema(nullable = false)]
    pub personal_id: Option<String>,
    /// Number of the old identity card, 9 digits. Two people may have had the same one: the name
    /// says who is meant.
    #[schema(pattern = "^[0-9]{9}$")]
    #[schema(nullable = false)]
    pub old_id_number: Option<String>,
    /// QR text of the chip card as the reader types it: personal number, old number or nothing,
    /// full name, birth date, sex, address and date of issue or nothing, split by `|`; dates are
    /// `ddmmyyyy`. A byte order mark, white space and line ends around the fields do not matter.
    ///
    /// Its name, birth date, sex, old number and date of issue are claims wherever `attributes`
    /// has none of its own, and `attributes` may be left out. Those of them that the policy
    /// neither permits nor requires are left out of question and answer. Its address is never
    /// read.
    #[schema(
        example = "001090012345|012345678|Nguyễn Văn Hoà|01051990|Nam|Số 1, Phường B, Hà Nội|01072021",
        max_length = 2953
    )]
    #[schema(nullable = false)]
    pub card_qr: Option<String>,
    /// Health insurance number, 10 digits, or the 15 characters of a card from before April 2021.
    #[schema(pattern = "^([A-Z]{2}[0-9]{3})?[0-9]{10}$")]
    #[schema(nullable = false)]
    pub insurance_number: Option<String>,
    /// The `subject_token` of an answer that this client was given before. It leads to the person
    /// whom that answer knew by name, else to the key that was asked then.
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    #[schema(nullable = false)]
    pub subject_token: Option<String>,
}

/// For whom a subject is read, and when: what is well formed depends on both.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The caller, who alone can use the tokens that it was given.
    pub client: &'a ClientId,
    /// What opens them.
    pub tokens: &'a SubjectTokens,
    /// The year in Vietnam; nobody was born after it.
    pub current_year: i16,
}

impl<'a> Reader<'a> {
    /// For the caller of a request, now.
    pub(super) fn of(call: &'a Call) -> Self {
        let Call { app, .. } = call;
        let current_year = app.clock.current_year();
        Self { client: call.client(), tokens: &app.subject_tokens, current_year }
    }
}

/// A subject as far as it could be read.
#[derive(Debug)]
pub struct SentSubject {
    /// The person asked about; none where something is wrong, which was noted then.
    pub subject: Option<NamedSubject>,
    /// What came with the key.
    pub card: Card,
}

/// The claims that a subject brings.
#[derive(Debug)]
pub enum Card {
    /// Another kind of key was sent, and they bring none.
    NotSent,
    /// A card was sent that cannot be read: what it would have claimed is not known.
    Unreadable,
    /// A card that claims this.
    Claims(Box<Claims>),
}

impl Card {
    /// The attributes that need not be sent beside the card. Of one that cannot be read they are
    /// all that a card can claim: that it cannot be read is the mistake, and not their absence.
    pub fn attributes(&self) -> AttributeSet {
        match self {
            Self::NotSent => AttributeSet::EMPTY,
            Self::Unreadable => CardQr::ATTRIBUTES.into_iter().collect(),
            Self::Claims(claims) => claims.asked(),
        }
    }
}

/// Reads the member `subject`. None and several keys are one and the same mistake, told by the
/// pointer to the whole: which of several was meant is not for us to say.
pub fn read_subject(
    fields: &mut Fields<'_, '_>,
    reader: Reader<'_>,
    errors: &mut Errors,
) -> SentSubject {
    let Some(mut subject) = fields.object("subject", errors) else {
        fields.missing("subject", errors);
        return SentSubject { subject: None, card: Card::NotSent };
    };
    if KeyKind::ALL.iter().filter(|kind| subject.has(kind.name())).count() != 1 {
        errors.shape(fields.pointer("subject"), "not-one-key");
    }
    let year = reader.current_year;
    let id = |text: &str| PersonalId::parse(text, year).map(SubjectKey::PersonalId);
    let old = |text: &str| OldIdNumber::parse(text).map(SubjectKey::OldIdNumber);
    let insurance = |text: &str| InsuranceNumber::parse(text).map(SubjectKey::InsuranceNumber);
    // One error for whatever is no token of this client's, so that it tells nothing about it.
    let token = |text: &str| reader.tokens.find_key(reader.client, text).ok_or(Malformed::Form);
    let keys = [
        subject.parsed(KeyKind::PersonalId.name(), errors, id),
        subject.parsed(KeyKind::OldIdNumber.name(), errors, old),
        subject.parsed(KeyKind::InsuranceNumber.name(), errors, insurance),
    ];
    let by_key = keys.into_iter().flatten().next().map(NamedSubject::by_key);
    let of_token = subject.parsed(KeyKind::SubjectToken.name(), errors, token);
    let (on_card, card) = read_card(&mut subject, year, errors);
    subject.finish(errors);
    SentSubject { subject: by_key.or(of_token.map(NamedSubject::of_token)).or(on_card), card }
}

fn read_card(
    subject: &mut Fields<'_, '_>,
    current_year: i16,
    errors: &mut Errors,
) -> (Option<NamedSubject>, Card) {
    let name = KeyKind::CardQr.name();
    if !subject.has(name) {
        return (None, Card::NotSent);
    }
    match subject.parsed(name, errors, |text| CardQr::parse(text, current_year)) {
        Some(card) => {
            let on_card = NamedSubject::on_card(card.personal_id());
            (Some(on_card), Card::Claims(Box::new(card.into_claims())))
        }
        None => (None, Card::Unreadable),
    }
}
