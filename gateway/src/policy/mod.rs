//! May this caller ask this: operation x attributes x purpose, decided before a record is read.
//!
//! Pure: no async, no I/O, no clock. A policy is a document with a version, immutable once used;
//! [`Summary`] says in plain words what it says.

mod diff;
mod document;
mod permit;
mod purposes;
mod reason;
mod summary;
mod terms;
mod words;

pub use diff::{Effect, PolicyChange, diff, headline};
pub use document::{
    CONCURRENCY_USUAL, Demands, Disclosure, Grant, Officials, ParsedGrant, Policy, PolicyDocument,
    PolicyError, RateDocument,
};
pub use permit::{HistoryPermit, Permit, PermitQuestion, Refusal, check};
pub use purposes::PurposeName;
pub use reason::{Reason, ReasonSet};
pub use summary::Summary;

use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;

use crate::rate_limit::Lane;
use crate::request::Purpose;
use crate::store::{PolicyRow, StoreError};

type ByReference = HashMap<(String, u32), Arc<Policy>>;

/// All versions of all policies as this node knows them.
#[derive(Debug, Default)]
pub struct Policies {
    known: RwLock<Arc<ByReference>>,
}

impl Policies {
    /// Replaces what is known by what the store holds.
    ///
    /// # Errors
    /// The first of [`Policies::replace_readable`]; the versions that can be read are known then.
    pub fn replace(&self, rows: &[PolicyRow]) -> Result<(), StoreError> {
        self.replace_readable(rows).into_iter().next().map_or(Ok(()), Err)
    }

    /// Replaces what is known by what the store holds. Versions that cannot be read are left out and
    /// returned, each as [`StoreError::Inconsistent`].
    #[must_use = "what is left out is to be told"]
    pub fn replace_readable(&self, rows: &[PolicyRow]) -> Vec<StoreError> {
        let before = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        let mut left_out = Vec::new();
        let known = rows
            .iter()
            .map(|row| {
                let inconsistent = || StoreError::Inconsistent {
                    table: "policies",
                    row: format!("{}@{}", row.name, row.version),
                };
                let version = u32::try_from(row.version).map_err(|_| inconsistent())?;
                let reference = (row.name.clone(), version);
                // A version never changes, and there are ever more of them.
                if let Some(policy) = before.get(&reference) {
                    return Ok((reference, Arc::clone(policy)));
                }
                let policy =
                    Policy::parse(&row.name, version, &row.document).map_err(|_| inconsistent())?;
                Ok((reference, Arc::new(policy)))
            })
            .filter_map(|read| read.map_err(|error| left_out.push(error)).ok())
            .collect::<ByReference>();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        left_out
    }

    /// Whether the purpose is anybody's. One that is not is free text of the caller, which could
    /// hold anything, so it goes into no entry and no counter.
    pub fn know(&self, purpose: &Purpose) -> bool {
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        known.values().any(|policy| policy.names(purpose))
    }

    /// The policy that an entry names, `name@version`.
    pub fn find_label(&self, label: &str) -> Option<Arc<Policy>> {
        let (name, version) = label.rsplit_once('@')?;
        self.find(&(name.to_owned(), version.parse().ok()?))
    }

    /// The versions whose requests travel on a lane, as entries name them. A version never changes,
    /// so that an entry's lane is that of the version it names.
    pub fn labels_on(&self, lane: Lane) -> Vec<Arc<str>> {
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        let on_lane = known.values().filter(|policy| policy.terms().lane == lane);
        on_lane.map(|policy| Arc::clone(policy.label())).collect()
    }

    /// The policy of this name and version.
    pub fn find(&self, reference: &(String, u32)) -> Option<Arc<Policy>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(reference).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_known_is_not_read_again() {
        let row = |version| PolicyRow {
            name: "p".into(),
            version,
            document: r#"{"grants": [], "disclosure": "outcome", "rate": 1, "burst": 1}"#.into(),
        };
        let policies = Policies::default();
        policies.replace(&[row(1)]).unwrap();
        let first = policies.find(&("p".into(), 1)).unwrap();
        policies.replace(&[row(1), row(2)]).unwrap();
        assert!(Arc::ptr_eq(&first, &policies.find(&("p".into(), 1)).unwrap()));
        assert!(policies.find(&("p".into(), 2)).is_some());
        let bad = PolicyRow { document: "{}".into(), ..row(3) };
        assert_eq!(policies.replace_readable(&[bad, row(2)]).len(), 1);
        assert!(policies.find(&("p".into(), 2)).is_some());
        assert!(policies.find(&("p".into(), 3)).is_none());
        assert!(policies.find(&("p".into(), 1)).is_none());
    }
}
