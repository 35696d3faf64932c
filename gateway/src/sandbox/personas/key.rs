//! By what key a persona is asked for.

use mock_population_db::{Date, Digits, Key, Nation, Person, Sex};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::cast::Found;
use crate::population::SubjectTokens;
use crate::request::{ClientId, PersonalId, SubjectKey};

/// Group and province of an old insurance card: an employee's (`DN`), at level 4. They change with
/// job and home, so that any will do.
const OLD_CARD_GROUP: &str = "DN401";

/// What stands where a card has the address: it is not read, and any will do.
const ADDRESS: &str = "Số 1, Phường B, Quận C, Hà Nội";

/// Whose tokens are of no use to anybody else: no connected system's name.
const ANOTHER_CLIENT: &str = "another-client";

/// Numbers tried at most to find one that nobody has; 99 of 100 are such.
const TRIED_MAX: u32 = 1_000;

/// How the subject of a request is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyForm {
    PersonalId,
    OldIdNumber,
    InsuranceNumber,
    /// The 15 characters of an insurance card from before April 2021.
    OldInsuranceCard,
    /// The first of the cancelled numbers.
    CancelledNumber,
    /// A number of the same cell that nobody was issued.
    UnissuedNumber,
    /// The personal number of the twin.
    OthersPersonalId,
    /// A personal number with its last digit lost.
    ElevenDigits,
    /// A key that the gateway does not know.
    PhoneNumber,
    /// The text of the chip card's QR code.
    CardQr,
    /// The same from a reader that begins with a byte order mark and takes marks apart. Most end
    /// with a line end too, which would break the rows of a table.
    CardQrAsTyped,
    /// The token by which the client that asks knows the person.
    SubjectToken,
    /// The one by which another client does.
    OthersSubjectToken,
}

/// Where keys come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'a> {
    pub nation: &'a Nation,
    pub tokens: &'a SubjectTokens,
}

impl KeyForm {
    /// Name and value as they are sent; none where the person has no such key.
    pub(super) fn of(
        self,
        keys: Keys<'_>,
        client_id: &str,
        found: &Found,
    ) -> Option<(&'static str, String)> {
        let person = &found.person;
        let number = person.personal_id.as_str();
        let insurance = || person.insurance_number.map(|number| number.to_string());
        Some(match self {
            Self::PersonalId => ("personal_id", number.to_owned()),
            Self::OldIdNumber => ("old_id_number", person.old_id_number?.to_string()),
            Self::InsuranceNumber => ("insurance_number", insurance()?),
            Self::OldInsuranceCard => {
                ("insurance_number", format!("{OLD_CARD_GROUP}{}", insurance()?))
            }
            Self::CancelledNumber => ("personal_id", found.superseded.first()?.to_string()),
            Self::UnissuedNumber => ("personal_id", unissued_near(keys.nation, number)?),
            Self::OthersPersonalId => {
                ("personal_id", found.other.as_ref()?.personal_id.to_string())
            }
            Self::ElevenDigits => ("personal_id", number[..11].to_owned()),
            Self::PhoneNumber => ("phone_number", "0900000000".to_owned()),
            Self::CardQr => ("card_qr", card_text(person)?),
            Self::CardQrAsTyped => {
                let typed: String = card_text(person)?.nfd().collect();
                ("card_qr", format!("\u{feff}{typed}"))
            }
            Self::SubjectToken => ("subject_token", token(keys.tokens, client_id, number)?),
            Self::OthersSubjectToken => {
                ("subject_token", token(keys.tokens, ANOTHER_CLIENT, number)?)
            }
        })
    }
}

/// The seven fields of a card's QR code.
fn card_text(person: &Person) -> Option<String> {
    let date = |date: Date| format!("{:02}{:02}{:04}", date.day(), date.month(), date.year());
    let sex = match person.sex {
        Sex::Male => "Nam",
        Sex::Female => "Nữ",
    };
    let old_number = person.old_id_number.map(|number| number.to_string()).unwrap_or_default();
    let (born, issued) = (date(person.date_of_birth.day()?), date(person.card?.issued));
    let (number, name) = (person.personal_id, &person.full_name);
    Some([number.as_str(), &old_number, name, &born, sex, ADDRESS, &issued].join("|"))
}

fn token(tokens: &SubjectTokens, client_id: &str, number: &str) -> Option<String> {
    let client = ClientId::parse(client_id).ok()?;
    let key = SubjectKey::PersonalId(PersonalId::from_register(number)?);
    Some(tokens.token(&client, &key, None))
}

fn unissued_near(nation: &Nation, number: &str) -> Option<String> {
    let (cell, last) = number.split_at(6);
    let last: u32 = last.parse().ok()?;
    (1..TRIED_MAX).map(|step| format!("{cell}{:06}", (last + step) % 1_000_000)).find(|number| {
        let number = Digits::parse(number);
        number.is_some_and(|number| nation.find_by(Key::PersonalId(number)).next().is_none())
    })
}
