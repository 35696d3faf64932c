//! What is written down of a client, and what is wrong with it. How it comes in, as JSON or as a
//! line of CSV, is for the edges.

use super::clients::KnownClient;
use crate::auth::{ASSESSMENT_LEVEL_MIN, Agency, ClientKind};
use crate::clock::Micros;
use crate::request::{AgencyCode, ClientId};
use crate::store::{ClientRow, Store, StoreError};

/// A security assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assessment {
    /// Its level, 1 to 5; 3 and above are passed.
    pub level: u8,
    /// The first moment of its day.
    pub date: Micros,
    /// The first moment at which it is out of date.
    pub until: Micros,
}

/// A client to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClient {
    /// Its identifier.
    pub client_id: ClientId,
    /// What kind of organisation it is.
    pub kind: ClientKind,
    /// The organisation's code.
    pub agency_code: AgencyCode,
    /// Name in Vietnamese.
    pub name_vi: String,
    /// Name in English.
    pub name_en: String,
    /// Name and version of its policy.
    pub policy: (String, u32),
    /// First moment of the agreement and the first after it.
    pub agreement: Option<(Micros, Micros)>,
    /// Its security assessment.
    pub assessment: Option<Assessment>,
    /// Agencies it may act for beside those below its own code.
    pub delegations: Vec<AgencyCode>,
}

/// A change of what is written down; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientChange {
    /// The organisation's code.
    pub agency_code: Option<AgencyCode>,
    /// Name in Vietnamese.
    pub name_vi: Option<String>,
    /// Name in English.
    pub name_en: Option<String>,
    /// Name and version of its policy.
    pub policy: Option<(String, u32)>,
    /// First moment of the agreement and the first after it.
    pub agreement: Option<(Micros, Micros)>,
    /// Its security assessment.
    pub assessment: Option<Assessment>,
    /// All agencies it may act for beside those below its own code.
    pub delegations: Option<Vec<AgencyCode>>,
}

/// Something wrong with what is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer to the member.
    pub pointer: &'static str,
    /// What is wrong, from a closed list.
    pub code: &'static str,
}

/// A code that stands for nobody: now, or when the client was connected with it.
const AGENCY_CLOSED: Fault = Fault { pointer: "/agency_code", code: "agency-closed" };
/// A code that stands for nobody among agencies to act for.
const DELEGATION_CLOSED: Fault = Fault { pointer: "/delegations", code: "agency-closed" };

impl NewClient {
    /// Whether a client that is there has these papers, wherever it went since.
    pub fn is_as(&self, row: &ClientRow) -> bool {
        let mut same = row.clone();
        self.papers().apply(&mut same);
        same == *row && row.kind == self.kind.name()
    }

    /// The change that makes these papers out of none.
    pub(super) fn papers(&self) -> ClientChange {
        ClientChange {
            agency_code: Some(self.agency_code.clone()),
            name_vi: Some(self.name_vi.clone()),
            name_en: Some(self.name_en.clone()),
            policy: Some(self.policy.clone()),
            agreement: self.agreement,
            assessment: self.assessment,
            delegations: Some(self.delegations.clone()),
        }
    }
}

impl ClientChange {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with it for a client as it is, or for one to be added. A code that was closed
    /// since stays good for whom was connected with it before; nobody is given one anew.
    ///
    /// # Errors
    /// If the store does not answer.
    pub(super) async fn faults(
        &self,
        store: &Store,
        old: Option<&KnownClient>,
        now: Micros,
    ) -> Result<Vec<Fault>, StoreError> {
        let mut faults = Vec::new();
        let since = |code: &AgencyCode| {
            let row = old.map(|old| &old.row).filter(|row| row.agency_code == code.as_str());
            row.and_then(|row| row.connected_us).map_or(now, Micros)
        };
        if self.agency_code.as_ref().is_some_and(|code| !Agency::is_in_use(code, since(code))) {
            faults.push(AGENCY_CLOSED);
        }
        let is_new = |code: &AgencyCode| {
            !old.is_some_and(|old| old.delegations.iter().any(|known| known == code.as_str()))
        };
        let mut delegations = self.delegations.iter().flatten();
        if delegations.any(|code| is_new(code) && !Agency::is_in_use(code, now)) {
            faults.push(DELEGATION_CLOSED);
        }
        if let Some((name, version)) = &self.policy
            && !store.has_policy(name, i64::from(*version)).await?
        {
            faults.push(Fault { pointer: "/policy", code: "unknown-policy" });
        }
        if self.agreement.is_some_and(|(from, until)| until <= from) {
            faults.push(Fault { pointer: "/agreement/until", code: "ends-before-it-begins" });
        }
        if let Some(Assessment { date, until, .. }) = self.assessment {
            if date > now {
                faults.push(Fault { pointer: "/assessment/date", code: "in-the-future" });
            }
            if until <= date {
                faults.push(Fault { pointer: "/assessment/until", code: "ends-before-it-begins" });
            }
        }
        Ok(faults)
    }

    /// Writes it into a row.
    pub(super) fn apply(&self, row: &mut ClientRow) {
        if let Some(code) = &self.agency_code {
            code.as_str().clone_into(&mut row.agency_code);
        }
        if let Some(name) = &self.name_vi {
            row.name_vi.clone_from(name);
        }
        if let Some(name) = &self.name_en {
            row.name_en.clone_from(name);
        }
        if let Some((name, version)) = &self.policy {
            row.policy_name.clone_from(name);
            row.policy_version = i64::from(*version);
        }
        if let Some((from, until)) = self.agreement {
            (row.agreement_from_us, row.agreement_until_us) = (from.0, until.0);
        }
        if let Some(Assessment { level, date, until }) = self.assessment {
            row.assessment_level = i64::from(level);
            (row.assessment_from_us, row.assessment_until_us) = (date.0, until.0);
        }
    }
}

/// Why a client cannot be connected now: papers that are missing, not good enough or out of date.
pub(super) fn not_ready(row: &ClientRow, now: Micros) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |pointer, code| faults.push(Fault { pointer, code });
    if row.agreement_until_us == 0 {
        fault("/agreement", "missing");
    } else if row.agreement_until_us <= now.0 {
        fault("/agreement", "ended");
    }
    if row.assessment_level == 0 {
        fault("/assessment", "missing");
    } else if row.assessment_level < i64::from(ASSESSMENT_LEVEL_MIN) {
        fault("/assessment", "not-passed");
    } else if row.assessment_until_us <= now.0 {
        fault("/assessment", "ended");
    }
    let connected = row.connected_us.map_or(now, Micros);
    let code = AgencyCode::parse(&row.agency_code);
    if !code.is_ok_and(|code| Agency::is_in_use(&code, connected)) {
        faults.push(AGENCY_CLOSED);
    }
    faults
}
