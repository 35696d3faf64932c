//! The policies of the sandbox, one for all systems of the same kind and purpose, as operators
//! keep them: rows of `policies.csv`, made into documents as the store has them.
//!
//! An operation is granted for those of a policy's purposes that `purposes.csv` names it for, so
//! to grant a policy one more operation is to add a word to its row.

use std::sync::LazyLock;

use serde::Deserialize;

use super::tables::{POLICIES_TABLE, PURPOSES_TABLE, rows, words};
use crate::policy::{CONCURRENCY_USUAL, Disclosure, Grant, Officials, PolicyDocument};
use crate::rate_limit::{Lane, Quotas};
use crate::request::{Attribute, Operation};
use crate::store::PolicyRow;

/// A policy of the sandbox.
#[derive(Debug)]
pub(super) struct SandboxPolicy {
    pub name: String,
    pub operations: Vec<Operation>,
    pub purposes: Vec<String>,
    /// Attributes that may be asked about; all where none is named.
    pub attributes: Vec<String>,
    pub required: Vec<String>,
    pub accepted_reasons: Vec<String>,
    pub discloses_status: bool,
    pub rate: u32,
    pub burst: u32,
}

/// All of them. One for localities is slow on purpose, so that a limit can be met by hand; that of
/// the exchange platform is fast on purpose, so that the gateway and not a limit is what a load
/// test finds.
pub(super) static POLICIES: LazyLock<Vec<SandboxPolicy>> = LazyLock::new(|| {
    let policies: Option<_> =
        rows(POLICIES_TABLE).into_iter().map(SandboxPolicy::from_row).collect();
    policies.expect("the table ships with the program, and a test reads every row")
});

static PURPOSES: LazyLock<Vec<PurposeRow>> = LazyLock::new(|| rows(PURPOSES_TABLE));

impl SandboxPolicy {
    /// The policy with this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        POLICIES.iter().find(|policy| policy.name == name)
    }

    /// Itself as a row, version 1.
    pub(super) fn row(&self) -> Result<PolicyRow, serde_json::Error> {
        let document = serde_json::to_string(&self.document())?;
        Ok(PolicyRow { name: self.name.clone(), version: 1, document })
    }

    fn document(&self) -> PolicyDocument {
        PolicyDocument {
            grants: self.grants(),
            required: self.required.clone(),
            accepted_reasons: self.accepted_reasons.clone(),
            disclosure: Disclosure::Reasons,
            officials: Officials::Optional,
            discloses_status: self.discloses_status,
            rate: self.rate,
            burst: self.burst,
            official_limits: None,
            concurrency: CONCURRENCY_USUAL,
            quotas: Quotas::default(),
            lane: Lane::Interactive,
        }
    }

    /// One grant for all purposes that go with the same operations.
    fn grants(&self) -> Vec<Grant> {
        let mut grants: Vec<Grant> = Vec::new();
        for purpose in &self.purposes {
            let granted = self.operations_for(purpose);
            let operations: Vec<String> = granted.iter().map(|o| o.name().to_owned()).collect();
            match grants.iter_mut().find(|grant| grant.operations == operations) {
                Some(grant) => grant.purposes.push(purpose.clone()),
                None => grants.push(Grant {
                    operations,
                    purposes: vec![purpose.clone()],
                    attributes: self.attributes_for(&granted),
                }),
            }
        }
        grants
    }

    fn operations_for(&self, purpose: &str) -> Vec<Operation> {
        let purpose = PURPOSES.iter().find(|row| row.code == purpose);
        let named = purpose.map_or("", |row| row.operations.as_str());
        let is_named = |operation: &Operation| named.split(' ').any(|n| n == operation.name());
        self.operations.iter().copied().filter(is_named).collect()
    }

    /// None where the operations are not about a person.
    fn attributes_for(&self, operations: &[Operation]) -> Vec<String> {
        if !operations.iter().copied().any(is_about_a_person) {
            return Vec::new();
        }
        if self.attributes.is_empty() {
            return Attribute::ALL.map(|attribute| attribute.name().to_owned()).into();
        }
        self.attributes.clone()
    }

    fn from_row(row: Row) -> Option<Self> {
        let discloses_status = match row.discloses_status.as_str() {
            "yes" => true,
            "no" => false,
            _ => return None,
        };
        Some(Self {
            name: row.name,
            operations: row.operations.split(' ').map(Operation::find).collect::<Option<_>>()?,
            purposes: words(&row.purposes),
            attributes: words(&row.attributes),
            required: words(&row.required),
            accepted_reasons: words(&row.accepted_reasons),
            discloses_status,
            rate: row.rate,
            burst: row.burst,
        })
    }
}

fn is_about_a_person(operation: Operation) -> bool {
    match operation {
        Operation::Verify
        | Operation::Lookup
        | Operation::Insurance
        | Operation::Sync
        | Operation::Push => true,
        Operation::Report | Operation::History | Operation::Audit | Operation::Admin => false,
    }
}

/// A row of `policies.csv`; lists are separated by spaces.
#[derive(Deserialize)]
struct Row {
    name: String,
    operations: String,
    purposes: String,
    attributes: String,
    required: String,
    accepted_reasons: String,
    discloses_status: String,
    rate: u32,
    burst: u32,
}

/// The columns of `purposes.csv` that a grant follows.
#[derive(Deserialize)]
struct PurposeRow {
    code: String,
    operations: String,
    #[cfg(test)]
    kinds: String,
}

#[cfg(test)]
mod tests {
    use super::super::clients::CLIENTS;
    use super::*;
    use crate::auth::ClientKind;
    use crate::policy::Policy;
    use crate::request::{AttributeSet, Purpose};

    fn parsed(policy: &SandboxPolicy) -> Policy {
        let row = policy.row().unwrap();
        Policy::parse(&row.name, 1, &row.document).unwrap_or_else(|e| panic!("{}: {e}", row.name))
    }

    #[test]
    fn every_row_is_a_policy_of_its_own_name_that_somebody_has() {
        for (index, policy) in POLICIES.iter().enumerate() {
            parsed(policy);
            let earlier = &POLICIES[..index];
            assert!(earlier.iter().all(|other| other.name != policy.name), "{}", policy.name);
            assert!(CLIENTS.iter().any(|client| client.policy.name == policy.name), "{policy:?}");
        }
    }

    #[test]
    fn every_operation_is_granted_for_a_purpose_and_every_purpose_for_an_operation() {
        for policy in POLICIES.iter() {
            let parsed = parsed(policy);
            assert_eq!(parsed.operations(), policy.operations.iter().copied().collect());
            for code in &policy.purposes {
                let purpose = Purpose::parse(code).unwrap();
                let granted = |&o: &Operation| parsed.granted(o, &purpose).is_some();
                assert!(policy.operations.iter().any(granted), "{}: {code}", policy.name);
            }
        }
    }

    #[test]
    fn an_operation_is_granted_only_for_the_purposes_that_it_goes_with() {
        let civil_status = SandboxPolicy::find("ministry-civil-status").unwrap();
        let wider = SandboxPolicy {
            name: "wider".into(),
            operations: vec![Operation::Verify, Operation::Push],
            purposes: civil_status.purposes.clone(),
            attributes: Vec::new(),
            required: civil_status.required.clone(),
            accepted_reasons: Vec::new(),
            ..*civil_status
        };
        let wider = parsed(&wider);
        let granted = |operation, code| wider.granted(operation, &Purpose::parse(code).unwrap());
        assert!(granted(Operation::Push, "registry.civil_status").is_some());
        assert!(granted(Operation::Push, "registry.sync").is_none());
        assert!(granted(Operation::Verify, "registry.sync").is_some());
    }

    #[test]
    fn a_client_has_only_purposes_of_its_kind() {
        for client in CLIENTS.iter() {
            for code in &client.policy.purposes {
                let row = PURPOSES.iter().find(|row| row.code == *code).unwrap();
                let kinds = words(&row.kinds);
                assert!(kinds.iter().any(|kind| kind == client.kind.name()), "{client:?} {code}");
            }
        }
    }

    #[test]
    fn a_policy_grants_the_attributes_it_names_or_all() {
        let granted = |name, purpose| {
            let policy = parsed(SandboxPolicy::find(name).unwrap());
            policy.granted(Operation::Verify, &Purpose::parse(purpose).unwrap()).unwrap()
        };
        let all: AttributeSet = Attribute::ALL.into_iter().collect();
        assert_eq!(granted("carrier-basic", "telecom.subscriber"), all);
        let left_out = all.difference(granted("enterprise-electricity", "electricity.customer"));
        let names: Vec<&str> = left_out.iter().map(Attribute::name).collect();
        assert_eq!(names, ["place_of_origin", "insurance_number"]);
    }

    /// Design, section 2: "Default policies".
    #[test]
    fn each_kind_has_the_rules_of_its_default_policy() {
        let carrier = ["marks_missing", "merged_place", "year_only"];
        let facility = ["marks_missing", "merged_place", "year_only", "day_month_swapped"];
        for client in CLIENTS.iter() {
            let policy = client.policy;
            if !policy.operations.contains(&Operation::Verify) {
                continue;
            }
            let (accepted, status): (&[&str], bool) = match client.kind {
                ClientKind::Carrier => (&carrier, false),
                ClientKind::HealthFacility => (&facility, true),
                ClientKind::Ministry | ClientKind::Locality => (&[], true),
                ClientKind::StateEnterprise | ClientKind::Platform => (&[], false),
                ClientKind::Operator | ClientKind::Auditor => panic!("{client:?} verifies"),
            };
            assert_eq!(policy.accepted_reasons, accepted, "{client:?}");
            assert_eq!(policy.discloses_status, status, "{client:?}");
            assert_eq!(policy.required, ["full_name", "date_of_birth"], "{client:?}");
        }
    }
}
