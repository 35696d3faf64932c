//! `GET /v1/whoami`: who the gateway takes the caller for, what the caller may do, and how far its
//! clock is off. It asks nothing about anybody, so it is no operation and leaves no entry.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, header};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::call::Call;
use super::code::Code;
use super::described::CallProblems;
use super::error::Problem;
use super::extract::{self, Exchange};
use super::verifications::json_reply;
use crate::app::App;
use crate::auth::{Agency, Caller, Client, VerifiedToken};
use crate::clock::Micros;
use crate::policy::{self, ParsedGrant, Policy, PurposeName, Reason};
use crate::rate_limit::RateState;
use crate::request::{AgencyCode, Attribute, AttributeSet, Operation, Purpose};

/// Who the gateway takes the caller for.
#[derive(Debug, Serialize, ToSchema)]
pub struct WhoamiReply {
    /// Identifier of the client.
    #[schema(example = "viettel")]
    client_id: String,
    /// Name of the client.
    name: NameReply,
    /// Electronic identifier of the organisation (Decision 20/2020/QD-TTg).
    #[schema(example = "0100109106")]
    agency_code: String,
    /// What the reference table says about the code; null where it is not in the table.
    agency: Option<AgencyReply>,
    /// `ministry`, `locality`, `carrier`, `health_facility`, `state_enterprise`, `platform`,
    /// `operator` or `auditor`.
    kind: &'static str,
    /// `active`: no other client gets this answer.
    state: &'static str,
    /// The agreement under which the client is connected.
    agreement: AgreementReply,
    /// The last security assessment.
    assessment: AssessmentReply,
    /// What the client may do.
    policy: PolicyReply,
    /// The token of this request.
    token: TokenReply,
    /// The client's rate.
    limits: LimitsReply,
    /// The clocks of both sides.
    clock: ClockReply,
    /// Address that the request comes from, as the gateway sees it: the last one that is not of its own
    /// proxies. Behind a proxy or a gateway of the organisation, that one's.
    #[schema(example = "203.0.113.7")]
    source_address: String,
}

/// An agency by the reference table. A code below one that is listed has the entry of that one.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgencyReply {
    /// The code of the entry.
    #[schema(example = "G14")]
    code: &'static str,
    /// Its name in Vietnamese.
    name_vi: &'static str,
    /// The first day on which the code stood for nobody; null while it is in use.
    #[schema(example = "2025-03-01")]
    closed_on: Option<String>,
    /// The code of the agency that took its work over; null while it is in use.
    #[schema(example = "G06")]
    successor: Option<&'static str>,
}

impl AgencyReply {
    fn new(agency: &'static Agency) -> Self {
        Self {
            code: agency.code.as_str(),
            name_vi: &agency.name_vi,
            closed_on: agency.closed_on.map(|day| day.to_string()),
            successor: agency.successor.as_ref().map(AgencyCode::as_str),
        }
    }
}

/// A name in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct NameReply {
    /// In Vietnamese.
    vi: String,
    /// In English.
    en: String,
}

/// When the agreement is in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgreementReply {
    /// First moment, RFC 3339.
    from: String,
    /// First moment after it, RFC 3339.
    until: String,
}

/// The last security assessment.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssessmentReply {
    /// Level, 3 or above.
    level: u8,
    /// First moment at which it is out of date, RFC 3339.
    until: String,
}

/// What the client may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyReply {
    /// `name@version`.
    #[schema(example = "carrier-basic@1")]
    label: String,
    /// The policy in plain words, sentence by sentence.
    summary: SummaryReply,
    /// Operations for purposes with attributes: every combination within one is allowed.
    grants: Vec<GrantReply>,
    /// Attributes that every request must send.
    required: Vec<&'static str>,
    /// Reasons of a `close` that count as a match.
    accepted_reasons: Vec<&'static str>,
    /// `optional`, `known` or `required`: what is asked of the official who asks.
    officials: &'static str,
    /// `outcome`, `verdicts` or `reasons`: how much of an answer the client sees.
    disclosure: &'static str,
    /// Whether the client sees that a subject is dead, superseded or unknown.
    discloses_status: bool,
}

/// Sentences in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct SummaryReply {
    /// In Vietnamese.
    vi: Vec<String>,
    /// In English.
    en: Vec<String>,
}

/// Operations for purposes with attributes.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantReply {
    /// Operations by name.
    operations: Vec<&'static str>,
    /// Purposes.
    purposes: Vec<PurposeReply>,
    /// Attributes by name.
    attributes: Vec<&'static str>,
}

/// A purpose with its name; null where the code has none.
#[derive(Debug, Serialize, ToSchema)]
pub struct PurposeReply {
    /// What a request sends.
    #[schema(example = "telecom.subscriber")]
    code: String,
    /// In Vietnamese.
    vi: Option<&'static str>,
    /// In English.
    en: Option<&'static str>,
}

/// The token of this request.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenReply {
    /// RFC 3339.
    issued_at: String,
    /// RFC 3339.
    expires_at: String,
    /// Operations that it was issued for.
    scope: Vec<&'static str>,
}

/// The client's rate.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsReply {
    /// Requests per second in the long run.
    rate: u32,
    /// Requests at once after a rest.
    burst: u32,
    /// Requests that would pass now, this one taken off.
    remaining: u32,
}

/// The clocks of both sides.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockReply {
    /// When the head of the request had come in, RFC 3339.
    server_time: String,
    /// The request's `Date` field, RFC 3339; null where there is none that can be read. The field
    /// has whole seconds.
    client_time: Option<String>,
    /// `client_time` minus `server_time`, in milliseconds; null likewise. Because the field has
    /// whole seconds, a clock that is right shows as -1,000 to 0, less the time of the way here.
    skew_ms: Option<i64>,
}

/// Tells a caller how the gateway sees it.
#[utoipa::path(
    get,
    path = "/v1/whoami",
    params((
        "date" = Option<String>,
        Header,
        description = "The caller's time (RFC 9110, section 5.6.7), compared with the gateway's.",
    )),
    responses(
        (status = 200, body = WhoamiReply),
        CallProblems,
    ),
    security(("token" = []))
)]
pub async fn get_whoami(
    State(app): State<Arc<App>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let call = Call::begin(&app, &request, None)?;
    let [] = extract::query(&request, [])?;
    let _admission = call.admit().await?;
    let rate = app.client_limits.state(call.client()).ok_or(Code::InternalError)?;
    let Call { caller, exchange, .. } = &call;
    let token = caller.token().ok_or(Code::InternalError)?;
    Ok(json_reply(&reply((caller, token), &*call.policy()?, rate, exchange, request.headers())))
}

fn reply(
    (caller, token): (&Caller, &VerifiedToken),
    policy: &Policy,
    rate: RateState,
    exchange: &Exchange,
    headers: &HeaderMap,
) -> WhoamiReply {
    let client: &Client = caller.client();
    let (from, until) = client.agreement();
    let (level, assessed_until) = client.assessment();
    WhoamiReply {
        client_id: client.client_id.to_string(),
        name: NameReply { vi: client.name_vi.clone(), en: client.name_en.clone() },
        agency_code: client.agency_code.as_str().to_owned(),
        agency: Agency::find(&client.agency_code).map(AgencyReply::new),
        kind: client.kind.name(),
        state: client.state().name(),
        agreement: AgreementReply { from: from.to_string(), until: until.to_string() },
        assessment: AssessmentReply { level, until: assessed_until.to_string() },
        policy: policy_reply(policy),
        token: token_reply(token),
        limits: LimitsReply {
            rate: rate.limits.rate.get(),
            burst: rate.limits.burst.get(),
            remaining: rate.remaining,
        },
        clock: clock_reply(exchange.received_at, client_time(headers)),
        source_address: exchange.source.to_string(),
    }
}

fn policy_reply(policy: &Policy) -> PolicyReply {
    let policy::Summary { vi, en } = policy::Summary::of(policy);
    PolicyReply {
        label: policy.label().to_string(),
        summary: SummaryReply { vi, en },
        grants: policy.grants().iter().map(grant_reply).collect(),
        required: names(policy.required()),
        accepted_reasons: policy.accepted_reasons().iter().map(Reason::name).collect(),
        officials: policy.officials().name(),
        disclosure: policy.disclosure().name(),
        discloses_status: policy.discloses_status(),
    }
}

fn grant_reply(grant: &ParsedGrant) -> GrantReply {
    GrantReply {
        operations: grant.operations().iter().map(Operation::name).collect(),
        purposes: grant.purposes().iter().map(purpose_reply).collect(),
        attributes: names(grant.attributes()),
    }
}

/// Shows a purpose by code and in words.
pub(super) fn purpose_reply(purpose: &Purpose) -> PurposeReply {
    let name = PurposeName::find(purpose);
    PurposeReply {
        code: purpose.as_str().to_owned(),
        vi: name.map(|name| name.vi.as_str()),
        en: name.map(|name| name.en.as_str()),
    }
}

fn token_reply(token: &VerifiedToken) -> TokenReply {
    TokenReply {
        issued_at: token.issued_at().to_string(),
        expires_at: token.expires_at().to_string(),
        scope: token.scope().iter().map(Operation::name).collect(),
    }
}

fn clock_reply(server_time: Micros, client_time: Option<Micros>) -> ClockReply {
    ClockReply {
        server_time: server_time.to_string(),
        client_time: client_time.map(|time| time.to_string()),
        skew_ms: client_time.map(|time| (time.0 - server_time.0).div_euclid(1_000)),
    }
}

/// The caller's time; of several `Date` fields none is believed.
fn client_time(headers: &HeaderMap) -> Option<Micros> {
    let mut values = headers.get_all(header::DATE).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Micros::parse_http_date(value.to_str().ok()?),
        (Some(_) | None, _) => None,
    }
}

fn names(attributes: AttributeSet) -> Vec<&'static str> {
    attributes.iter().map(Attribute::name).collect()
}
