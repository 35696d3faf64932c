//! What a verification says on the wire, and what it means.

use utoipa::ToSchema;

use super::super::claims::{AttributesBody, SentClaims, read_claims};
use super::super::code::Code;
use super::super::error::Problem;
use super::super::json::{self, Errors, Fields};
use super::super::subject::{Reader, SubjectBody, read_subject};
use crate::policy::Demands;
use crate::request::{AgencyCode, CaseRef, OfficialRef, Procedure, Purpose, Verification};

/// Body of a verification. The handler reads it by hand so that all errors are told at once; a
/// test holds this description to what it reads.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct VerificationBody {
    /// The person asked about, by exactly one key.
    pub subject: SubjectBody,
    /// Purpose code of the client.
    #[schema(example = "telecom.subscriber")]
    pub purpose: String,
    /// The caller's own reference; kept only as a keyed digest.
    #[schema(nullable = false)]
    pub case_ref: Option<String>,
    /// The official who asks; kept only as a keyed digest.
    #[schema(nullable = false)]
    pub official: Option<String>,
    /// Agency code for which the client acts.
    #[schema(nullable = false)]
    pub on_behalf_of: Option<String>,
    /// Code of the public-service procedure.
    #[schema(nullable = false)]
    pub procedure: Option<String>,
    /// What the caller holds about the person. May be left out with `card_qr`, and with no other
    /// key; what it says goes before what the card says.
    #[schema(required = false)]
    pub attributes: AttributesBody,
}

/// Reads a body, or the item of one to which `pointer` points, into a verification.
///
/// A subject token is opened here, before limiter and policy: whether it is one is a question of
/// form like any other, costs less than reading the body did, and asks the register nothing.
///
/// # Errors
/// 400 or 422 with every wrong field.
pub fn read_verification(
    node: &json::Node<'_>,
    pointer: String,
    demands: Demands,
    reader: Reader<'_>,
) -> Result<Verification, Problem> {
    let mut errors = Errors::default();
    let mut fields = Fields::of(node, pointer, &mut errors);
    let sent = read_subject(&mut fields, reader, &mut errors);
    if !fields.has("purpose") {
        fields.missing("purpose", &mut errors);
    }
    let purpose = fields.parsed("purpose", &mut errors, Purpose::parse);
    let case_ref = fields.parsed("case_ref", &mut errors, CaseRef::parse);
    if demands.official && !fields.has("official") {
        errors.required_attribute(fields.pointer("official"));
    }
    let official = fields.parsed("official", &mut errors, OfficialRef::parse);
    let on_behalf_of = fields.parsed("on_behalf_of", &mut errors, AgencyCode::parse_either);
    let procedure = fields.parsed("procedure", &mut errors, Procedure::parse);
    let SentClaims { claims, from_card } =
        read_claims(&mut fields, sent.card, demands.attributes, reader.current_year, &mut errors);
    fields.finish(&mut errors);
    errors.finish()?;
    // Whatever is missing was noted above, so both are there now.
    let (Some(subject), Some(purpose)) = (sent.subject, purpose) else {
        return Err(Code::InternalError.into());
    };
    Ok(Verification {
        subject,
        purpose,
        case_ref,
        official,
        on_behalf_of,
        procedure,
        claims,
        from_card,
    })
}
