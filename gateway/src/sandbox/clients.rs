//! The connected systems of the sandbox: all that the founding documents name, and a part of the
//! health facilities. Rows of tables, made into clients as the store has them.

use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use super::policies::SandboxPolicy;
use super::tables::{FACILITIES_TABLE, LOCALITIES_TABLE, SYSTEMS_TABLE, rows};
use crate::auth::{Agency, ClientKind};
use crate::clock::Micros;
use crate::request::{AgencyCode, ClientId};
use crate::store::ClientRow;

/// A connected system of the sandbox.
#[derive(Debug)]
pub(super) struct SandboxClient {
    pub client_id: ClientId,
    pub kind: ClientKind,
    /// The code at the time of connection; it may have been closed since.
    pub agency_code: AgencyCode,
    pub name_vi: String,
    pub name_en: String,
    pub policy: &'static SandboxPolicy,
    /// The Vietnamese day on which its agreement began.
    pub connected_at: Date,
    /// Its share of the demonstration, which adds up to about 6,000 requests.
    pub demo_weight: usize,
    agreement_from: Micros,
}

/// All of them: carriers, other systems, localities, facilities, and last who watches over them.
pub(super) static CLIENTS: LazyLock<Vec<SandboxClient>> = LazyLock::new(|| {
    let tables = [SYSTEMS_TABLE, LOCALITIES_TABLE, FACILITIES_TABLE];
    let clients: Option<Vec<_>> =
        tables.into_iter().flat_map(rows).map(SandboxClient::from_row).collect();
    let mut clients = clients.expect("the tables ship with the program, and a test reads them");
    clients.sort_by_key(SandboxClient::watches);
    clients
});

impl SandboxClient {
    /// The code of who took its agency's work over, if its own was closed.
    pub(super) fn successor_agency_code(&self) -> Option<&'static str> {
        Agency::find(&self.agency_code)?.successor.as_ref().map(AgencyCode::as_str)
    }

    /// Itself as a row: in force from the day of its connection and for years to come.
    pub(super) fn row(&self, now: Micros) -> ClientRow {
        const YEAR_SECONDS: i64 = 366 * 24 * 3_600;
        let until = now.plus_seconds(5 * YEAR_SECONDS).0;
        ClientRow {
            client_id: self.client_id.as_str().to_owned(),
            agency_code: self.agency_code.as_str().to_owned(),
            kind: self.kind.name().to_owned(),
            name_vi: self.name_vi.clone(),
            name_en: self.name_en.clone(),
            state: "active".to_owned(),
            state_reason: None,
            state_us: self.agreement_from.0,
            policy_name: self.policy.name.clone(),
            policy_version: 1,
            agreement_from_us: self.agreement_from.0,
            agreement_until_us: until,
            assessment_level: 3,
            assessment_from_us: self.agreement_from.0,
            assessment_until_us: until,
            connected_us: Some(self.agreement_from.0),
            created_us: now.0,
        }
    }

    fn watches(&self) -> bool {
        match self.kind {
            ClientKind::Operator | ClientKind::Auditor => true,
            ClientKind::Ministry
            | ClientKind::Locality
            | ClientKind::Carrier
            | ClientKind::HealthFacility
            | ClientKind::StateEnterprise
            | ClientKind::Platform => false,
        }
    }

    fn from_row(row: Row) -> Option<Self> {
        Some(Self {
            client_id: ClientId::parse(&row.client_id).ok()?,
            kind: ClientKind::find(&row.kind)?,
            agency_code: AgencyCode::parse(&row.agency_code).ok()?,
            name_vi: row.name_vi,
            name_en: row.name_en,
            policy: SandboxPolicy::find(&row.policy)?,
            agreement_from: Micros::parse_rfc3339(&format!("{}T00:00:00+07:00", row.connected_at))?,
            connected_at: row.connected_at,
            demo_weight: row.demo_weight,
        })
    }
}

/// A row of any of the three tables.
#[derive(Deserialize)]
struct Row {
    client_id: String,
    kind: String,
    agency_code: String,
    name_vi: String,
    name_en: String,
    policy: String,
    connected_at: Date,
    demo_weight: usize,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::civil::date;

    use super::*;
    use crate::request::Operation;

    fn of_kind(kind: ClientKind) -> impl Iterator<Item = &'static SandboxClient> {
        CLIENTS.iter().filter(move |client| client.kind == kind)
    }

    /// Units of ministries, state enterprises, carriers and localities connected by the end of a
    /// day. A unit is a body with a code of level 1, however many systems it has.
    fn connected_by(day: Date) -> (usize, usize, usize, usize) {
        let connected = |kind| of_kind(kind).filter(move |client| client.connected_at <= day);
        let units: HashSet<&str> = connected(ClientKind::Ministry)
            .filter_map(|client| client.agency_code.as_str().split('.').next())
            .collect();
        (
            units.len(),
            connected(ClientKind::StateEnterprise).count(),
            connected(ClientKind::Carrier).count(),
            connected(ClientKind::Locality).count(),
        )
    }

    /// The review of Project 06 of 25 December 2022 and report 51/BC-BTTTT of 30 May 2023.
    #[test]
    fn as_many_are_connected_as_the_documents_count() {
        assert_eq!(connected_by(date(2021, 6, 30)), (0, 0, 0, 0));
        assert_eq!(connected_by(date(2022, 12, 25)), (12, 1, 3, 31));
        assert_eq!(connected_by(date(2023, 5, 30)), (13, 1, 3, 63));
    }

    #[test]
    fn identifiers_and_names_are_of_one_client_each() {
        let distinct = |text: fn(&SandboxClient) -> &str| {
            CLIENTS.iter().map(text).collect::<HashSet<_>>().len()
        };
        assert_eq!(CLIENTS.len(), 292);
        assert_eq!(distinct(|client| client.client_id.as_str()), 292);
        assert_eq!(distinct(|client| &client.name_vi), 292);
        assert_eq!(distinct(|client| &client.name_en), 292);
    }

    #[test]
    fn carriers_come_first_and_who_watches_last() {
        let ids: Vec<&str> = CLIENTS.iter().map(|client| client.client_id.as_str()).collect();
        assert_eq!(ids[..4], ["viettel", "vinaphone", "mobifone", "bhxh"]);
        assert_eq!(ids[ids.len() - 2..], ["operator", "auditor"]);
        let place = |id| ids.iter().position(|known| *known == id).unwrap();
        assert!(place("national-portal") < place("ha-noi"));
        assert!(place("ca-mau") < place("bach-mai"));
    }

    #[test]
    fn every_code_is_an_agencys_and_was_in_use_when_the_system_was_connected() {
        for client in CLIENTS.iter() {
            let agency = Agency::find(&client.agency_code).unwrap_or_else(|| panic!("{client:?}"));
            let in_use = agency.closed_on.is_none_or(|closed| client.connected_at < closed);
            assert!(in_use && client.connected_at >= date(2021, 7, 1), "{client:?}");
        }
        let successor = |id| {
            let client = CLIENTS.iter().find(|client| client.client_id.as_str() == id).unwrap();
            client.successor_agency_code()
        };
        assert_eq!(successor("ha-noi"), None);
        assert_eq!(successor("tax"), None);
        assert_eq!(successor("bach-mai"), Some("G12"));
        assert_eq!(successor("information-communications"), Some("G06"));
        assert_eq!(successor("quang-nam"), Some("H17"));
    }

    #[test]
    fn localities_have_the_63_codes_and_facilities_codes_that_begin_with_their_province() {
        let localities: HashSet<_> =
            of_kind(ClientKind::Locality).map(|client| client.agency_code.as_str()).collect();
        let provinces = Agency::all().iter().map(|agency| agency.code.as_str());
        assert_eq!(localities, provinces.filter(|code| code.starts_with('H')).collect());
        let mut served = HashSet::new();
        for client in of_kind(ClientKind::HealthFacility) {
            let facility = client.agency_code.as_str().strip_prefix("G24.").unwrap();
            assert!(facility.len() == 5 && facility.parse::<u32>().is_ok(), "{client:?}");
            served.insert(&facility[..2]);
        }
        assert_eq!((of_kind(ClientKind::HealthFacility).count(), served.len()), (200, 63));
    }

    #[test]
    fn every_client_that_verifies_has_a_share_of_the_demonstration_within_its_burst() {
        for client in CLIENTS.iter() {
            let verifies = client.policy.operations.contains(&Operation::Verify);
            assert_eq!(verifies, client.demo_weight >= 4, "{client:?}");
            assert!(client.demo_weight <= client.policy.burst as usize, "{client:?}");
        }
        let total: usize = CLIENTS.iter().map(|client| client.demo_weight).sum();
        assert!((5_500..6_500).contains(&total), "{total}");
    }

    #[test]
    fn an_agreement_begins_with_its_vietnamese_day() {
        let tax = CLIENTS.iter().find(|client| client.client_id.as_str() == "tax").unwrap();
        let row = tax.row(Micros(1_800_000_000_000_000));
        assert_eq!(Micros(row.agreement_from_us).to_string(), "2022-04-20T00:00:00.000+07:00");
    }
}
