//! Connected systems for tests: one of every behaviour that a policy can have.

use gateway::auth::{ClientKind, ClientState, hash_secret};
use gateway::clock::Micros;
use gateway::policy::{
    CONCURRENCY_USUAL, Disclosure, Grant, Officials, PolicyDocument, RateDocument,
};
use gateway::rate_limit::{Lane, Quotas};
use gateway::request::Attribute;
use gateway::store::{ClientRow, PolicyRow};
use std::num::NonZeroU32;
use std::sync::OnceLock;

/// The secret of every client.
pub const SECRET: &str = "a-secret-for-tests";

/// Hash of [`SECRET`]; slow on purpose, so made once per process.
pub fn secret_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash_secret(SECRET).expect("hashing works"))
}

/// A client and its policy.
#[derive(Debug, Clone)]
pub struct TestClient {
    pub id: &'static str,
    pub kind: ClientKind,
    pub agency_code: &'static str,
    pub operations: &'static [&'static str],
    pub purposes: &'static [&'static str],
    pub attributes: Vec<&'static str>,
    pub required: &'static [&'static str],
    pub accepted: &'static [&'static str],
    pub officials: Officials,
    pub official_limits: Option<RateDocument>,
    pub disclosure: Disclosure,
    pub discloses_status: bool,
    pub rate: u32,
    pub burst: u32,
    pub concurrency: NonZeroU32,
    pub quotas: Quotas,
    pub lane: Lane,
    pub agreement: (Micros, Micros),
    pub assessment_level: i64,
    pub assessment_until: Micros,
}

const EARLY: Micros = Micros(0);
/// The year 2100.
const LATE: Micros = Micros(4_102_444_800_000_000);

impl TestClient {
    /// A carrier: requires name and birth date, sees reasons, never the status. Its rate is so
    /// high that no test meets it by chance.
    pub fn carrier(id: &'static str) -> Self {
        Self {
            id,
            kind: ClientKind::Carrier,
            agency_code: "0100109106",
            operations: &["verify"],
            purposes: &["telecom.subscriber", "telecom.cleanup"],
            attributes: Attribute::ALL.map(Attribute::name).to_vec(),
            required: &["full_name", "date_of_birth"],
            accepted: &["marks_missing", "merged_place", "year_only"],
            officials: Officials::Optional,
            official_limits: None,
            disclosure: Disclosure::Reasons,
            discloses_status: false,
            rate: 100_000,
            burst: 1_000_000,
            concurrency: CONCURRENCY_USUAL,
            quotas: Quotas::default(),
            lane: Lane::Interactive,
            agreement: (EARLY, LATE),
            assessment_level: 3,
            assessment_until: LATE,
        }
    }

    /// A hospital: accepts swapped day and month, sees the status.
    pub fn hospital(id: &'static str) -> Self {
        Self {
            kind: ClientKind::HealthFacility,
            agency_code: "G24.01929",
            purposes: &["health.insurance"],
            accepted: &["marks_missing", "merged_place", "year_only", "day_month_swapped"],
            discloses_status: true,
            ..Self::carrier(id)
        }
    }

    /// A ministry: accepts no near miss, sees the status.
    pub fn ministry(id: &'static str) -> Self {
        Self {
            kind: ClientKind::Ministry,
            agency_code: "G24",
            purposes: &["insurance.reconcile"],
            accepted: &[],
            discloses_status: true,
            ..Self::carrier(id)
        }
    }

    /// The operator: sees everyone's figures, asks about nobody.
    pub fn operator(id: &'static str) -> Self {
        Self {
            kind: ClientKind::Operator,
            agency_code: "G01",
            operations: &["report", "history", "audit", "admin"],
            purposes: &["operations.report"],
            attributes: Vec::new(),
            required: &[],
            accepted: &[],
            ..Self::carrier(id)
        }
    }

    /// The usual company.
    pub fn company() -> Vec<Self> {
        vec![
            Self::carrier("carrier"),
            Self::hospital("hospital"),
            Self::ministry("ministry"),
            Self::operator("operator"),
        ]
    }

    pub fn policy_row(&self) -> PolicyRow {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let document = PolicyDocument {
            grants: vec![Grant {
                operations: owned(self.operations),
                purposes: owned(self.purposes),
                attributes: owned(&self.attributes),
            }],
            required: owned(self.required),
            accepted_reasons: owned(self.accepted),
            officials: self.officials,
            disclosure: self.disclosure,
            discloses_status: self.discloses_status,
            rate: self.rate,
            burst: self.burst,
            official_limits: self.official_limits,
            concurrency: self.concurrency,
            quotas: self.quotas,
            lane: self.lane,
        };
        let document = serde_json::to_string(&document).expect("a policy is JSON");
        PolicyRow { name: format!("{}-policy", self.id), version: 1, document }
    }

    pub fn client_row(&self) -> ClientRow {
        ClientRow {
            client_id: self.id.into(),
            agency_code: self.agency_code.into(),
            kind: self.kind.name().into(),
            name_vi: self.id.into(),
            name_en: self.id.into(),
            state: ClientState::Active.name().into(),
            state_reason: None,
            state_us: 0,
            policy_name: format!("{}-policy", self.id),
            policy_version: 1,
            agreement_from_us: self.agreement.0.0,
            agreement_until_us: self.agreement.1.0,
            assessment_level: self.assessment_level,
            assessment_from_us: 0,
            assessment_until_us: self.assessment_until.0,
            connected_us: Some(self.agreement.0.0),
            created_us: 0,
        }
    }
}
