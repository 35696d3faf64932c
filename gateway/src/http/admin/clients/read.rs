//! Documents about clients, from the wire, from a file or from a line of a table.

use utoipa::ToSchema;

use super::super::super::code::Code;
use super::super::super::error::Problem;
use super::super::super::json::{self, Errors, Fields, Node};
use super::super::super::log_entries::read_moment;
use crate::access::{Assessment, ClientChange, NewClient, parse_reason, takes_reason};
use crate::audit::EventText;
use crate::auth::{ClientKind, ClientState};
use crate::clock::Micros;
use crate::request::{AgencyCode, ClientId, Malformed};

/// Longest name of a client in bytes; the longest of an agency in the reference table has 130.
const NAME_BYTES_MAX: usize = 255;

/// A client to be added, as a draft.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct NewClientBody {
    /// Its identifier: `[A-Za-z0-9._-]`, at most 64.
    client_id: String,
    /// `ministry`, `locality`, `carrier`, `health_facility`, `state_enterprise`, `platform`,
    /// `operator` or `auditor`.
    kind: String,
    /// Electronic identifier of the agency (Decision 20/2020/QD-TTg), or enterprise number. The
    /// older form `000.00.18.G12` is kept as `G12.18`.
    agency_code: String,
    /// Name in Vietnamese.
    name_vi: String,
    /// Name in English.
    name_en: String,
    /// `name@version`.
    policy: String,
    /// When the agreement is in force.
    #[schema(nullable = false)]
    agreement: Option<AgreementBody>,
    /// The security assessment.
    #[schema(nullable = false)]
    assessment: Option<AssessmentBody>,
    /// Agencies it may act for beside those below its own code.
    #[schema(nullable = false)]
    delegations: Option<Vec<String>>,
}

/// What changes of a client; what is left out stays as it is.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct ClientChangeBody {
    /// As in a new client.
    #[schema(nullable = false)]
    agency_code: Option<String>,
    /// Name in Vietnamese.
    #[schema(nullable = false)]
    name_vi: Option<String>,
    /// Name in English.
    #[schema(nullable = false)]
    name_en: Option<String>,
    /// `name@version`.
    #[schema(nullable = false)]
    policy: Option<String>,
    /// When the agreement is in force.
    #[schema(nullable = false)]
    agreement: Option<AgreementBody>,
    /// The security assessment.
    #[schema(nullable = false)]
    assessment: Option<AssessmentBody>,
    /// All agencies it may act for beside those below its own code.
    #[schema(nullable = false)]
    delegations: Option<Vec<String>>,
}

/// When an agreement is in force: Vietnamese days, the last one included, or moments (RFC 3339).
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct AgreementBody {
    /// First day, or first moment.
    from: String,
    /// Last day, or first moment after it.
    until: String,
}

/// A security assessment: Vietnamese days, the last one included, or moments (RFC 3339).
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct AssessmentBody {
    /// Its level, 1 to 5; 3 and above are passed.
    level: u8,
    /// Its day.
    date: String,
    /// Last day of its validity, or first moment after it.
    until: String,
}

/// Where a client goes.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct ClientStateBody {
    /// `draft`, `security_review`, `sandbox`, `active`, `suspended` or `closed`.
    state: String,
    /// Why, 1 to 255 bytes without control characters and with fewer than nine digits: it stays in
    /// the log for ever. Must be there for `suspended` and `closed`.
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// Reads a client to be added.
///
/// # Errors
/// The problem that the document is, with everything wrong in it.
pub fn read_new_client(document: &[u8]) -> Result<NewClient, Problem> {
    let node = json::parse(document)?;
    let mut errors = Errors::default();
    let mut fields = Fields::of(&node, String::new(), &mut errors);
    require(
        &fields,
        &["client_id", "kind", "agency_code", "name_vi", "name_en", "policy"],
        &mut errors,
    );
    let client_id = fields.parsed("client_id", &mut errors, ClientId::parse);
    let kind =
        fields.parsed("kind", &mut errors, |name| ClientKind::find(name).ok_or(Malformed::Form));
    let papers = read_papers(&mut fields, &mut errors);
    fields.finish(&mut errors);
    errors.finish()?;
    let new = || {
        Some(NewClient {
            client_id: client_id?,
            kind: kind?,
            agency_code: papers.agency_code?,
            name_vi: papers.name_vi?,
            name_en: papers.name_en?,
            policy: papers.policy?,
            agreement: papers.agreement,
            assessment: papers.assessment,
            delegations: papers.delegations.unwrap_or_default(),
        })
    };
    // Whatever is missing was noted above, so all is there now.
    new().ok_or_else(|| Code::InternalError.into())
}

/// Reads a change of a client.
///
/// # Errors
/// As [`read_new_client`].
pub fn read_client_change(document: &[u8]) -> Result<ClientChange, Problem> {
    let node = json::parse(document)?;
    let mut errors = Errors::default();
    let mut fields = Fields::of(&node, String::new(), &mut errors);
    let change = read_papers(&mut fields, &mut errors);
    fields.finish(&mut errors);
    errors.finish()?;
    Ok(change)
}

/// Reads a step of a client, with its reason.
///
/// # Errors
/// As [`read_new_client`].
pub fn read_client_state(document: &[u8]) -> Result<(ClientState, Option<EventText>), Problem> {
    let node = json::parse(document)?;
    let mut errors = Errors::default();
    let mut fields = Fields::of(&node, String::new(), &mut errors);
    require(&fields, &["state"], &mut errors);
    let state =
        fields.parsed("state", &mut errors, |name| ClientState::find(name).ok_or(Malformed::Form));
    if state.is_some_and(takes_reason) {
        require(&fields, &["reason"], &mut errors);
    }
    let reason = fields.parsed("reason", &mut errors, parse_reason);
    fields.finish(&mut errors);
    errors.finish()?;
    Ok((state.ok_or(Code::InternalError)?, reason))
}

/// What is written down of a client, new or known.
fn read_papers(fields: &mut Fields<'_, '_>, errors: &mut Errors) -> ClientChange {
    ClientChange {
        agency_code: fields.parsed("agency_code", errors, AgencyCode::adopt),
        name_vi: fields.parsed("name_vi", errors, parse_name),
        name_en: fields.parsed("name_en", errors, parse_name),
        policy: fields.parsed("policy", errors, parse_policy_label),
        agreement: read_agreement(fields, errors),
        assessment: read_assessment(fields, errors),
        delegations: read_delegations(fields, errors),
    }
}

fn read_agreement(fields: &mut Fields<'_, '_>, errors: &mut Errors) -> Option<(Micros, Micros)> {
    let mut agreement = fields.object("agreement", errors)?;
    require(&agreement, &["from", "until"], errors);
    let from = agreement.parsed("from", errors, |text| parse_moment(text, 0));
    let until = agreement.parsed("until", errors, |text| parse_moment(text, 1));
    agreement.finish(errors);
    from.zip(until)
}

fn read_assessment(fields: &mut Fields<'_, '_>, errors: &mut Errors) -> Option<Assessment> {
    let mut assessment = fields.object("assessment", errors)?;
    require(&assessment, &["level", "date", "until"], errors);
    let level = assessment.number("level", 1..=5, errors);
    let date = assessment.parsed("date", errors, |text| parse_moment(text, 0));
    let until = assessment.parsed("until", errors, |text| parse_moment(text, 1));
    assessment.finish(errors);
    Some(Assessment { level: level? as u8, date: date?, until: until? })
}

fn read_delegations(fields: &mut Fields<'_, '_>, errors: &mut Errors) -> Option<Vec<AgencyCode>> {
    let pointer = fields.pointer("delegations");
    let Node::List(items) = fields.take("delegations")? else {
        errors.shape(pointer, "wrong-type");
        return None;
    };
    let mut codes = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let pointer = format!("{pointer}/{place}");
        let Node::Text(text) = item else {
            errors.shape(pointer, "wrong-type");
            continue;
        };
        match AgencyCode::adopt(text) {
            Ok(code) if codes.contains(&code) => errors.shape(pointer, "duplicate"),
            Ok(code) => codes.push(code),
            Err(malformed) => errors.value(pointer, malformed),
        }
    }
    Some(codes)
}

pub(super) fn require(fields: &Fields<'_, '_>, names: &[&str], errors: &mut Errors) {
    for name in names {
        if !fields.has(name) {
            fields.missing(name, errors);
        }
    }
}

fn parse_name(text: &str) -> Result<String, Malformed> {
    match text.trim() {
        "" => Err(Malformed::Empty),
        name if name.len() > NAME_BYTES_MAX => Err(Malformed::TooLong),
        name if name.chars().any(char::is_control) => Err(Malformed::Form),
        name => Ok(name.to_owned()),
    }
}

/// Reads a policy and its version, `name@version`.
///
/// # Errors
/// [`Malformed::Form`] for any other form.
pub fn parse_policy_label(text: &str) -> Result<(String, u32), Malformed> {
    let (name, version) = text.split_once('@').ok_or(Malformed::Form)?;
    let digits = !version.starts_with('0') && version.bytes().all(|b| b.is_ascii_digit());
    let version = version.parse().ok().filter(|_| digits).ok_or(Malformed::Form)?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Malformed::Form);
    }
    Ok((name.to_owned(), version))
}

/// A moment, or the beginning of the day so many days after the one that is named. Those of before
/// 1970 are typing errors.
///
/// # Errors
/// [`Malformed`] with what is wrong with it.
pub fn parse_moment(text: &str, days_after: i64) -> Result<Micros, Malformed> {
    if text.is_empty() {
        return Err(Malformed::Empty);
    }
    read_moment(text, days_after).filter(|moment| moment.0 > 0).ok_or(Malformed::Form)
}
