//! The claims of a request: what was typed under `attributes`, and beside it what a card says.

use utoipa::ToSchema;

use super::json::{Errors, Fields, child};
use super::subject::Card;
use crate::request::{
    Address, AttributeSet, Claims, FullName, InsuranceNumber, OldIdNumber, PartialDate, Sex,
};

/// Claims, one per attribute.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct AttributesBody {
    /// Full name in one field.
    #[schema(example = "Nguyễn Văn Hoà")]
    #[schema(nullable = false)]
    pub full_name: Option<String>,
    /// `1990`, `1990-05`, `1990-05-01` or `01/05/1990`.
    #[schema(example = "1990-05-01")]
    #[schema(nullable = false)]
    pub date_of_birth: Option<String>,
    /// `male` or `female`.
    #[schema(example = "male")]
    #[schema(nullable = false)]
    pub sex: Option<String>,
    /// Nine digits.
    #[schema(nullable = false)]
    pub old_id_number: Option<String>,
    /// Date of issue of the current card.
    #[schema(nullable = false)]
    pub card_issue_date: Option<String>,
    /// Place of origin.
    #[schema(nullable = false)]
    pub place_of_origin: Option<AddressBody>,
    /// Permanent address.
    #[schema(nullable = false)]
    pub permanent_address: Option<AddressBody>,
    /// Ten digits, or the 15 characters of a card from before April 2021: its last ten digits are
    /// compared.
    #[schema(nullable = false)]
    pub insurance_number: Option<String>,
}

/// An address by statistical codes.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct AddressBody {
    /// `2025` (default) or `2004`.
    #[schema(nullable = false)]
    pub scheme: Option<String>,
    /// Province, two digits.
    #[schema(example = "01")]
    pub province: String,
    /// Commune, five digits.
    #[schema(example = "00004")]
    #[schema(nullable = false)]
    pub commune: Option<String>,
}

/// Claims, and where they came from.
#[derive(Debug)]
pub struct SentClaims {
    /// What was typed, and what a card says about anything else.
    pub claims: Claims,
    /// Those that the card alone brought.
    pub from_card: AttributeSet,
}

/// Reads the member `attributes`, which may be left out with a card alone.
pub fn read_claims(
    fields: &mut Fields<'_, '_>,
    card: Card,
    required: AttributeSet,
    current_year: i16,
    errors: &mut Errors,
) -> SentClaims {
    let needed = required.difference(card.attributes());
    let typed = match (fields.object("attributes", errors), &card) {
        (Some(typed), _) => read_attributes(typed, needed, current_year, errors),
        (None, Card::NotSent) => {
            fields.missing("attributes", errors);
            Claims::default()
        }
        (None, Card::Unreadable | Card::Claims(_)) => {
            let pointer = fields.pointer("attributes");
            for attribute in needed.iter() {
                errors.required_attribute(child(&pointer, attribute.name()));
            }
            Claims::default()
        }
    };
    let from_card = card.attributes().difference(typed.asked());
    let claims = match card {
        Card::Claims(claims) => typed.or(*claims),
        Card::NotSent | Card::Unreadable => typed,
    };
    SentClaims { claims, from_card }
}

fn read_attributes(
    mut sent: Fields<'_, '_>,
    needed: AttributeSet,
    current_year: i16,
    errors: &mut Errors,
) -> Claims {
    for attribute in needed.iter().filter(|attribute| !sent.has(attribute.name())) {
        errors.required_attribute(sent.pointer(attribute.name()));
    }
    let birth = |text: &str| PartialDate::parse_birth(text, current_year);
    let claims = Claims {
        full_name: sent.parsed("full_name", errors, FullName::parse),
        date_of_birth: sent.parsed("date_of_birth", errors, birth),
        sex: sent.parsed("sex", errors, Sex::parse),
        old_id_number: sent.parsed("old_id_number", errors, OldIdNumber::parse),
        card_issue_date: sent.parsed("card_issue_date", errors, PartialDate::parse),
        place_of_origin: read_address(&mut sent, "place_of_origin", errors),
        permanent_address: read_address(&mut sent, "permanent_address", errors),
        insurance_number: sent.parsed("insurance_number", errors, InsuranceNumber::parse),
    };
    sent.finish(errors);
    claims
}

fn read_address(fields: &mut Fields<'_, '_>, name: &str, errors: &mut Errors) -> Option<Address> {
    let mut address = fields.object(name, errors)?;
    if !address.has("province") {
        address.missing("province", errors);
    }
    let scheme = address.text("scheme", errors);
    let province = address.text("province", errors);
    let commune = address.text("commune", errors);
    let parsed = province.and_then(|province| {
        Address::parse(scheme, province, commune)
            .map_err(|wrong| {
                for (field, malformed) in wrong {
                    errors.value(address.pointer(field), malformed);
                }
            })
            .ok()
    });
    address.finish(errors);
    parsed
}
