//! The connected systems as this node knows them: a copy of the store's tables, replaced whole
//! when they change.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;

use crate::clock::Micros;
use crate::request::{AgencyCode, ClientId};
use crate::store::{ClientRow, StoreError};

/// Level a security assessment must have (Circular 46/2022/TT-BCA: level 3 or above).
pub const ASSESSMENT_LEVEL_MIN: u8 = 3;

/// What kind of organisation a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClientKind {
    /// System of a ministry or a body under the Government.
    Ministry,
    /// System of a province or centrally run city.
    Locality,
    /// Telecommunications carrier.
    Carrier,
    /// Hospital, clinic or health station.
    HealthFacility,
    /// State-owned enterprise.
    StateEnterprise,
    /// Platform that acts for many agencies, such as NDXP or an LGSP.
    Platform,
    /// Whoever runs the gateway.
    Operator,
    /// Whoever checks on everyone, the operator included.
    Auditor,
}

impl ClientKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Ministry,
        Self::Locality,
        Self::Carrier,
        Self::HealthFacility,
        Self::StateEnterprise,
        Self::Platform,
        Self::Operator,
        Self::Auditor,
    ];

    /// The name on the wire and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ministry => "ministry",
            Self::Locality => "locality",
            Self::Carrier => "carrier",
            Self::HealthFacility => "health_facility",
            Self::StateEnterprise => "state_enterprise",
            Self::Platform => "platform",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }

    /// The kind with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where a client is on its way from application to closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// Applied for.
    Draft,
    /// Under security assessment.
    SecurityReview,
    /// Trying things out, not connected yet.
    Sandbox,
    /// Connected.
    Active,
    /// Stopped for a time.
    Suspended,
    /// Ended.
    Closed,
}

impl ClientState {
    /// All states in the order a client passes them.
    pub const ALL: [Self; 6] = [
        Self::Draft,
        Self::SecurityReview,
        Self::Sandbox,
        Self::Active,
        Self::Suspended,
        Self::Closed,
    ];

    /// The name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::SecurityReview => "security_review",
            Self::Sandbox => "sandbox",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }

    /// The state with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Whether a client may call at a given moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Good,
    /// It was suspended.
    Suspended,
    /// It is not connected: not yet, or not any more.
    NotActive,
    /// The agreement has not begun or has ended.
    AgreementExpired,
    /// The security assessment is missing, too low or out of date.
    AssessmentExpired,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "in good standing",
            Self::Suspended => "suspended",
            Self::NotActive => "not active",
            Self::AgreementExpired => "no agreement in force",
            Self::AssessmentExpired => "no security assessment in force",
        })
    }
}

/// A connected system of an organisation.
#[derive(Debug)]
pub struct Client {
    /// Identifier.
    pub client_id: ClientId,
    /// The organisation's code.
    pub agency_code: AgencyCode,
    /// What kind of organisation it is.
    pub kind: ClientKind,
    /// Name in Vietnamese.
    pub name_vi: String,
    /// Name in English.
    pub name_en: String,
    /// Name and version of its policy.
    pub policy: (String, u32),
    /// Agencies it may act for beside those below its own code.
    delegations: Vec<AgencyCode>,
    state: ClientState,
    agreement: (Micros, Micros),
    assessment_level: u8,
    assessment_until: Micros,
}

impl Client {
    /// Whether the client may call at `now`: asked on every call, so that a date acts by itself.
    pub fn standing(&self, now: Micros) -> Standing {
        match self.state {
            ClientState::Active => {}
            ClientState::Suspended => return Standing::Suspended,
            ClientState::Draft
            | ClientState::SecurityReview
            | ClientState::Sandbox
            | ClientState::Closed => return Standing::NotActive,
        }
        let (from, until) = self.agreement;
        if now < from || now >= until {
            return Standing::AgreementExpired;
        }
        if self.assessment_level < ASSESSMENT_LEVEL_MIN || now >= self.assessment_until {
            return Standing::AssessmentExpired;
        }
        Standing::Good
    }

    /// Whether it may act for an agency: its own, one below, or one on its list. What lies below
    /// one on the list is not on it.
    pub fn may_act_for(&self, agency: &AgencyCode) -> bool {
        agency.is_at_or_below(&self.agency_code) || self.delegations.contains(agency)
    }

    /// Where it is on its way from application to closure.
    pub fn state(&self) -> ClientState {
        self.state
    }

    /// First moment of the agreement, and the first one after it.
    pub fn agreement(&self) -> (Micros, Micros) {
        self.agreement
    }

    /// Level of its last security assessment, and the first moment at which that is out of date.
    pub fn assessment(&self) -> (u8, Micros) {
        (self.assessment_level, self.assessment_until)
    }

    fn from_row(row: &ClientRow, delegations: Vec<AgencyCode>) -> Option<Self> {
        Some(Self {
            client_id: ClientId::parse(&row.client_id).ok()?,
            agency_code: AgencyCode::parse(&row.agency_code).ok()?,
            kind: ClientKind::find(&row.kind)?,
            name_vi: row.name_vi.clone(),
            name_en: row.name_en.clone(),
            policy: (row.policy_name.clone(), u32::try_from(row.policy_version).ok()?),
            delegations,
            state: ClientState::find(&row.state)?,
            agreement: (Micros(row.agreement_from_us), Micros(row.agreement_until_us)),
            assessment_level: u8::try_from(row.assessment_level).ok()?,
            assessment_until: Micros(row.assessment_until_us),
        })
    }
}

/// All clients, by identifier.
#[derive(Debug, Default)]
pub struct Directory {
    known: RwLock<Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    clients: Arc<HashMap<ClientId, Arc<Client>>>,
    /// The one that stands for each agency.
    of_agencies: Arc<HashMap<AgencyCode, Arc<Client>>>,
}

impl Directory {
    /// Replaces what is known by what the store holds: clients, and with their identifiers the
    /// agencies that they may act for.
    ///
    /// # Errors
    /// The first of [`Directory::replace_readable`]; the rows that can be read are known then.
    pub fn replace(
        &self,
        rows: &[ClientRow],
        delegations: &[(String, String)],
    ) -> Result<(), StoreError> {
        self.replace_readable(rows, delegations).into_iter().next().map_or(Ok(()), Err)
    }

    /// As [`Directory::replace`], and tells all that is wrong. Rows that cannot be read are left out and returned, each as
    /// [`StoreError::Inconsistent`]: nobody may do more without them.
    #[must_use = "what is left out is to be told"]
    pub fn replace_readable(
        &self,
        rows: &[ClientRow],
        delegations: &[(String, String)],
    ) -> Vec<StoreError> {
        let (mut lists, mut left_out) = lists(delegations);
        let clients = rows
            .iter()
            .map(|row| {
                let inconsistent =
                    || StoreError::Inconsistent { table: "clients", row: row.client_id.clone() };
                let list = lists.remove(row.client_id.as_str()).unwrap_or_default();
                let client = Client::from_row(row, list).ok_or_else(inconsistent)?;
                Ok((client.client_id.clone(), Arc::new(client)))
            })
            .filter_map(|read: Result<_, StoreError>| {
                read.map_err(|error| left_out.push(error)).ok()
            })
            .collect::<HashMap<_, _>>();
        let known = Known { of_agencies: Arc::new(of_agencies(&clients)), clients: clients.into() };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        left_out
    }

    /// The client with this identifier.
    pub fn client(&self, client_id: &ClientId) -> Option<Arc<Client>> {
        self.all().get(client_id).cloned()
    }

    /// All clients as they are known now.
    pub fn all(&self) -> Arc<HashMap<ClientId, Arc<Client>>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clients.clone()
    }

    /// The client that stands for an agency, if one of its systems is connected: of several, the
    /// one whose identifier is first.
    pub fn client_of_agency(&self, agency: &AgencyCode) -> Option<Arc<Client>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.of_agencies.get(agency).cloned()
    }
}

/// The list of agencies of each client that has one, and the rows that cannot be read.
fn lists(rows: &[(String, String)]) -> (HashMap<&str, Vec<AgencyCode>>, Vec<StoreError>) {
    let mut lists: HashMap<&str, Vec<AgencyCode>> = HashMap::default();
    let mut left_out = Vec::new();
    for (client_id, code) in rows {
        match AgencyCode::parse(code) {
            Ok(code) => lists.entry(client_id).or_default().push(code),
            Err(_) => left_out.push(StoreError::Inconsistent {
                table: "client_delegations",
                row: client_id.clone(),
            }),
        }
    }
    (lists, left_out)
}

fn of_agencies(clients: &HashMap<ClientId, Arc<Client>>) -> HashMap<AgencyCode, Arc<Client>> {
    let mut found: HashMap<AgencyCode, Arc<Client>> = HashMap::default();
    for client in clients.values().filter(|client| client.state == ClientState::Active) {
        let first = found.entry(client.agency_code.clone()).or_insert_with(|| Arc::clone(client));
        if client.client_id < first.client_id {
            *first = Arc::clone(client);
        }
    }
    found
}

#[cfg(test)]
mod tests;
