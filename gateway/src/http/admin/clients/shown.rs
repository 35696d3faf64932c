//! A client as administrators see it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{KnownClient, warnings};
use crate::auth::Agency;
use crate::clock::Micros;
use crate::request::AgencyCode;
use crate::store::SlowedRow;

/// A client. Moments are RFC 3339 in Vietnamese time.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientReply {
    /// Its identifier.
    client_id: String,
    /// What kind of organisation it is.
    kind: String,
    /// The organisation's code.
    agency_code: String,
    /// The agency that has this code or is the nearest above it, in Vietnamese; null for a code
    /// that the reference table does not know.
    agency: Option<&'static str>,
    /// The code of who took that agency's work over; null while its own code is in use.
    successor_agency_code: Option<&'static str>,
    /// Name in Vietnamese.
    name_vi: String,
    /// Name in English.
    name_en: String,
    /// `draft`, `security_review`, `sandbox`, `active`, `suspended` or `closed`.
    state: String,
    /// Why it is suspended or closed.
    state_reason: Option<String>,
    /// Since when it is in this state; null where that was not written down.
    state_since: Option<String>,
    /// `name@version`.
    policy: String,
    /// When the agreement is in force; null for none.
    agreement: Option<ClientAgreementReply>,
    /// The last security assessment; null for none.
    assessment: Option<ClientAssessmentReply>,
    /// Agencies it may act for beside those below its own code.
    delegations: Vec<String>,
    /// The first moment at which it was active; null before.
    connected_at: Option<String>,
    /// When it was added.
    created_at: String,
    /// How it is slowed; null where it is not.
    slowed: Option<ClientSlowedReply>,
    /// Papers that have ended, or end within 30 days.
    warnings: Vec<ClientWarningReply>,
}

/// When an agreement is in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientAgreementReply {
    /// First moment.
    from: String,
    /// First moment after it.
    until: String,
}

/// A security assessment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientAssessmentReply {
    /// Level, 1 to 5; 3 and above are passed.
    level: i64,
    /// First moment of its day; null where that was not written down.
    date: Option<String>,
    /// First moment at which it is out of date.
    until: String,
}

/// A cap on top of what a policy allows.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientSlowedReply {
    /// Requests a second in the long run, at most.
    rate: i64,
    /// Requests at once after a rest, at most.
    burst: i64,
    /// Since when.
    since: String,
    /// The first moment at which it is over; null where somebody has to end it.
    until: Option<String>,
    /// Why.
    reason: String,
}

impl ClientSlowedReply {
    fn new(row: &SlowedRow) -> Self {
        Self {
            rate: row.rate,
            burst: row.burst,
            since: Micros(row.at_us).to_string(),
            until: (row.until_us != 0).then(|| Micros(row.until_us).to_string()),
            reason: row.reason.clone(),
        }
    }

    /// In one line: the rate, and its end.
    fn told(&self) -> String {
        let until = self.until.as_ref().map(|until| format!(" until {until}"));
        format!("{}/s{}", self.rate, until.unwrap_or_default())
    }
}

/// A paper that has ended, or ends within 30 days.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientWarningReply {
    /// `agreement` or `assessment`.
    paper: &'static str,
    /// `ended` or `ends-soon`.
    code: &'static str,
    /// The first moment at which it is not in force any more.
    until: String,
}

impl ClientReply {
    /// A client as it is at `now`.
    pub fn new(known: &KnownClient, now: Micros) -> Self {
        let KnownClient { row, delegations, slowed } = known;
        let slowed = slowed.as_ref().filter(|slowed| slowed.is_in_force(now));
        let code = AgencyCode::parse(&row.agency_code).ok();
        let agency = code.as_ref().and_then(Agency::find);
        let moment = |us: i64| (us != 0).then(|| Micros(us).to_string());
        let warning = |warning: crate::access::Warning| ClientWarningReply {
            paper: warning.paper.name(),
            code: warning.code(),
            until: warning.until.to_string(),
        };
        Self {
            client_id: row.client_id.clone(),
            kind: row.kind.clone(),
            agency_code: row.agency_code.clone(),
            agency: agency.map(|agency| agency.name_vi.as_str()),
            successor_agency_code: agency
                .and_then(|agency| agency.successor.as_ref())
                .map(AgencyCode::as_str),
            name_vi: row.name_vi.clone(),
            name_en: row.name_en.clone(),
            state: row.state.clone(),
            state_reason: row.state_reason.clone(),
            state_since: moment(row.state_us),
            policy: format!("{}@{}", row.policy_name, row.policy_version),
            agreement: (row.agreement_until_us != 0).then(|| ClientAgreementReply {
                from: Micros(row.agreement_from_us).to_string(),
                until: Micros(row.agreement_until_us).to_string(),
            }),
            assessment: (row.assessment_level != 0).then(|| ClientAssessmentReply {
                level: row.assessment_level,
                date: moment(row.assessment_from_us),
                until: Micros(row.assessment_until_us).to_string(),
            }),
            delegations: delegations.clone(),
            connected_at: row.connected_us.map(|us| Micros(us).to_string()),
            created_at: Micros(row.created_us).to_string(),
            slowed: slowed.map(ClientSlowedReply::new),
            warnings: warnings(row, now).into_iter().map(warning).collect(),
        }
    }

    /// All of it as text, by name.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let agreement = self.agreement.as_ref();
        let assessment = self.assessment.as_ref();
        let slowed = self.slowed.as_ref();
        let [.., slowed_so, warnings] = self.cells();
        vec![
            ("client_id", self.client_id.clone()),
            ("kind", self.kind.clone()),
            ("agency_code", self.agency_code.clone()),
            ("agency", self.agency.unwrap_or_default().to_owned()),
            ("successor_agency_code", self.successor_agency_code.unwrap_or_default().to_owned()),
            ("name_vi", self.name_vi.clone()),
            ("name_en", self.name_en.clone()),
            ("state", self.state.clone()),
            ("state_reason", text(&self.state_reason)),
            ("state_since", text(&self.state_since)),
            ("policy", self.policy.clone()),
            ("agreement_from", agreement.map(|it| it.from.clone()).unwrap_or_default()),
            ("agreement_until", agreement.map(|it| it.until.clone()).unwrap_or_default()),
            ("assessment_level", assessment.map(|it| it.level.to_string()).unwrap_or_default()),
            ("assessment_date", assessment.and_then(|it| it.date.clone()).unwrap_or_default()),
            ("assessment_until", assessment.map(|it| it.until.clone()).unwrap_or_default()),
            ("delegations", self.delegations.join(" ")),
            ("connected_at", text(&self.connected_at)),
            ("created_at", self.created_at.clone()),
            ("slowed", slowed_so),
            ("slowed_reason", slowed.map(|it| it.reason.clone()).unwrap_or_default()),
            ("warnings", warnings),
        ]
    }

    /// One line of a list: identifier, kind, agency code, state, policy, Vietnamese name, end of
    /// the agreement, end of the assessment, how it is slowed, warnings.
    pub fn cells(&self) -> [String; 10] {
        let until = |moment: Option<&String>| moment.cloned().unwrap_or_default();
        let warnings: Vec<String> =
            self.warnings.iter().map(|it| format!("{} {}", it.paper, it.code)).collect();
        [
            self.client_id.clone(),
            self.kind.clone(),
            self.agency_code.clone(),
            self.state.clone(),
            self.policy.clone(),
            self.name_vi.clone(),
            until(self.agreement.as_ref().map(|agreement| &agreement.until)),
            until(self.assessment.as_ref().map(|assessment| &assessment.until)),
            self.slowed.as_ref().map(ClientSlowedReply::told).unwrap_or_default(),
            warnings.join(", "),
        ]
    }
}
