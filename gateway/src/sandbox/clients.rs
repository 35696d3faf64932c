//! The connected systems of the sandbox: at least one of every kind, with policies that fit it.
//!
//! Level-1 agency codes are those of Decision 20/2020/QD-TTg, enterprises are named by their public
//! registration numbers; the codes below level 1 and the systems are made up.

use crate::auth::ClientKind;
use crate::clock::Micros;
use crate::policy::{Disclosure, Grant, PolicyDocument};
use crate::request::Attribute;
use crate::store::{ClientRow, PolicyRow};

/// A connected system of the sandbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct SandboxClient {
    pub client_id: &'static str,
    pub kind: ClientKind,
    pub agency_code: &'static str,
    pub name_vi: &'static str,
    pub name_en: &'static str,
    pub operations: &'static [&'static str],
    pub purposes: &'static [&'static str],
    pub rate: u32,
    pub burst: u32,
    /// Requests it sends as demonstration.
    pub demo_requests: usize,
}

const VERIFY: &[&str] = &["verify"];

/// All of them. One locality is slow on purpose, so that a limit can be met by hand; the platform
/// is fast on purpose, so that the gateway and not a limit is what a load test finds.
pub(super) const CLIENTS: [SandboxClient; 13] = [
    SandboxClient {
        client_id: "viettel",
        kind: ClientKind::Carrier,
        agency_code: "0100109106",
        name_vi: "Viettel - hệ thống quản lý thuê bao",
        name_en: "Viettel - subscriber management",
        operations: VERIFY,
        purposes: &["telecom.subscriber", "telecom.cleanup"],
        rate: 2_000,
        burst: 4_000,
        demo_requests: 1_200,
    },
    SandboxClient {
        client_id: "vinaphone",
        kind: ClientKind::Carrier,
        agency_code: "0100684378",
        name_vi: "VinaPhone - hệ thống quản lý thuê bao",
        name_en: "VinaPhone - subscriber management",
        operations: VERIFY,
        purposes: &["telecom.subscriber", "telecom.cleanup"],
        rate: 2_000,
        burst: 4_000,
        demo_requests: 700,
    },
    SandboxClient {
        client_id: "mobifone",
        kind: ClientKind::Carrier,
        agency_code: "0100686209",
        name_vi: "MobiFone - hệ thống quản lý thuê bao",
        name_en: "MobiFone - subscriber management",
        operations: VERIFY,
        purposes: &["telecom.subscriber", "telecom.cleanup"],
        rate: 2_000,
        burst: 4_000,
        demo_requests: 600,
    },
    SandboxClient {
        client_id: "bhxh",
        kind: ClientKind::Ministry,
        agency_code: "G24",
        name_vi: "Bảo hiểm xã hội Việt Nam",
        name_en: "Viet Nam Social Security",
        operations: VERIFY,
        purposes: &["insurance.reconcile"],
        rate: 1_000,
        burst: 2_000,
        demo_requests: 500,
    },
    SandboxClient {
        client_id: "civil-status",
        kind: ClientKind::Ministry,
        agency_code: "G15",
        name_vi: "Bộ Tư pháp - hộ tịch điện tử",
        name_en: "Ministry of Justice - civil status registry",
        operations: VERIFY,
        purposes: &["registry.civil_status", "registry.sync"],
        rate: 500,
        burst: 1_000,
        demo_requests: 200,
    },
    SandboxClient {
        client_id: "ha-noi",
        kind: ClientKind::Locality,
        agency_code: "H26",
        name_vi: "Hà Nội - giải quyết thủ tục hành chính",
        name_en: "Ha Noi - public services",
        operations: VERIFY,
        purposes: &["service.public", "registry.civil_status"],
        rate: 200,
        burst: 400,
        demo_requests: 200,
    },
    SandboxClient {
        client_id: "ho-chi-minh",
        kind: ClientKind::Locality,
        agency_code: "H29",
        name_vi: "Hồ Chí Minh - giải quyết thủ tục hành chính",
        name_en: "Ho Chi Minh City - public services",
        operations: VERIFY,
        purposes: &["service.public", "registry.civil_status"],
        rate: 200,
        burst: 400,
        demo_requests: 200,
    },
    SandboxClient {
        client_id: "da-nang",
        kind: ClientKind::Locality,
        agency_code: "H17",
        name_vi: "Đà Nẵng - giải quyết thủ tục hành chính",
        name_en: "Da Nang - public services",
        operations: VERIFY,
        purposes: &["service.public"],
        rate: 50,
        burst: 50,
        demo_requests: 40,
    },
    SandboxClient {
        client_id: "bach-mai",
        kind: ClientKind::HealthFacility,
        agency_code: "G18.01",
        name_vi: "Bệnh viện Bạch Mai",
        name_en: "Bach Mai Hospital",
        operations: VERIFY,
        purposes: &["health.insurance"],
        rate: 100,
        burst: 200,
        demo_requests: 160,
    },
    SandboxClient {
        client_id: "evn",
        kind: ClientKind::StateEnterprise,
        agency_code: "0100100079",
        name_vi: "Tập đoàn Điện lực Việt Nam",
        name_en: "Viet Nam Electricity",
        operations: VERIFY,
        purposes: &["electricity.customer"],
        rate: 500,
        burst: 1_000,
        demo_requests: 200,
    },
    SandboxClient {
        client_id: "ndxp",
        kind: ClientKind::Platform,
        agency_code: "G22",
        name_vi: "Nền tảng tích hợp, chia sẻ dữ liệu quốc gia",
        name_en: "National data exchange platform",
        operations: VERIFY,
        purposes: &["service.public", "service.account"],
        rate: 1_000_000,
        burst: 1_000_000,
        demo_requests: 200,
    },
    SandboxClient {
        client_id: "operator",
        kind: ClientKind::Operator,
        agency_code: "G01",
        name_vi: "Đơn vị vận hành",
        name_en: "Operator",
        operations: &["report", "history", "audit", "admin"],
        purposes: &["operations.report"],
        rate: 100,
        burst: 200,
        demo_requests: 0,
    },
    SandboxClient {
        client_id: "auditor",
        kind: ClientKind::Auditor,
        agency_code: "G01.09",
        name_vi: "Đơn vị kiểm toán",
        name_en: "Auditor",
        operations: &["report", "audit"],
        purposes: &["operations.report"],
        rate: 100,
        burst: 200,
        demo_requests: 0,
    },
];

impl SandboxClient {
    /// Near misses that its policy accepts (design, section 2).
    pub(super) fn accepted_reasons(&self) -> &'static [&'static str] {
        match self.kind {
            ClientKind::Carrier => &["marks_missing", "merged_place", "year_only"],
            ClientKind::HealthFacility => {
                &["marks_missing", "merged_place", "year_only", "day_month_swapped"]
            }
            ClientKind::Ministry
            | ClientKind::Locality
            | ClientKind::StateEnterprise
            | ClientKind::Platform
            | ClientKind::Operator
            | ClientKind::Auditor => &[],
        }
    }

    fn discloses_status(&self) -> bool {
        match self.kind {
            ClientKind::Ministry | ClientKind::Locality | ClientKind::HealthFacility => true,
            ClientKind::Carrier
            | ClientKind::StateEnterprise
            | ClientKind::Platform
            | ClientKind::Operator
            | ClientKind::Auditor => false,
        }
    }

    fn verifies(&self) -> bool {
        self.operations.contains(&"verify")
    }

    fn document(&self) -> PolicyDocument {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let attributes: &[Attribute] = if self.verifies() { &Attribute::ALL } else { &[] };
        let required: &[&str] = if self.verifies() { &["full_name", "date_of_birth"] } else { &[] };
        PolicyDocument {
            grants: vec![Grant {
                operations: owned(self.operations),
                purposes: owned(self.purposes),
                attributes: attributes.iter().map(|a| a.name().to_owned()).collect(),
            }],
            required: owned(required),
            accepted_reasons: owned(self.accepted_reasons()),
            disclosure: Disclosure::Reasons,
            discloses_status: self.discloses_status(),
            rate: self.rate,
            burst: self.burst,
        }
    }

    /// Its policy as a row, version 1.
    pub(super) fn policy_row(&self) -> Result<PolicyRow, serde_json::Error> {
        let document = serde_json::to_string(&self.document())?;
        Ok(PolicyRow { name: self.policy_name(), version: 1, document })
    }

    /// Itself as a row: connected since the register opened, with everything in force for years.
    pub(super) fn client_row(&self, now: Micros) -> ClientRow {
        const YEAR_SECONDS: i64 = 366 * 24 * 3_600;
        let until = now.plus_seconds(5 * YEAR_SECONDS).0;
        ClientRow {
            client_id: self.client_id.to_owned(),
            agency_code: self.agency_code.to_owned(),
            kind: self.kind.name().to_owned(),
            name_vi: self.name_vi.to_owned(),
            name_en: self.name_en.to_owned(),
            state: "active".to_owned(),
            policy_name: self.policy_name(),
            policy_version: 1,
            agreement_from_us: now.plus_seconds(-YEAR_SECONDS).0,
            agreement_until_us: until,
            assessment_level: 3,
            assessment_until_us: until,
            created_us: now.0,
        }
    }

    fn policy_name(&self) -> String {
        format!("{}-basic", self.client_id)
    }
}
