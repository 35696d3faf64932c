//! A policy on trial: what of the last day's log it would have refused, or answered less to.
//!
//! Counted from entries, which hold what was decided and no value, so that not everything can be
//! told: rates are not tried, what a request left out is not known beyond its attributes, and
//! findings that were concealed when they were answered stay so.

use std::collections::{BTreeMap, HashMap};

use super::policies::{PolicyActError, is_name};
use crate::audit::{Decided, Entry, Listing, RequestId, VerifyError, first_index_after};
use crate::clock::Micros;
use crate::matching::{self, Finding, Findings, Outcome, Verdict};
use crate::policy::{Officials, Policies, Policy, PolicyDocument, Refusal};
use crate::request::ClientId;
use crate::store::{Store, StoreError};

/// How far back the log is read.
pub const TRIAL_SECONDS: i64 = 24 * 3_600;
/// Requests that are named as examples of each effect.
const EXAMPLES_MAX: usize = 3;
/// Effects that are told apart: more than a person reads.
const ROWS_MAX: usize = 10_000;
/// Officials who are remembered while a log is read, some 6 MiB.
const OFFICIALS_REMEMBERED_MAX: usize = 65_536;

/// What would have been another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialEffect {
    /// The request would have been refused, with this problem code.
    Refused(&'static str),
    /// This attribute would not have been compared.
    Withheld(&'static str),
    /// The outcome would have been the second and not the first.
    Outcome(&'static str, &'static str),
    /// Less of the answer would have been told: `disclosure` or `status`.
    LessTold(&'static str),
}

impl TrialEffect {
    /// The kind of effect, and what it is about.
    pub fn told(self) -> (&'static str, String) {
        match self {
            Self::Refused(code) => ("refused", code.to_owned()),
            Self::Withheld(attribute) => ("attribute_withheld", attribute.to_owned()),
            Self::Outcome(was, would_be) => ("outcome", format!("{was} -> {would_be}")),
            Self::LessTold(what) => ("less_told", what.to_owned()),
        }
    }
}

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialKey {
    /// Who asked.
    pub client: String,
    /// For which agency; empty for its own.
    pub on_behalf_of: String,
    /// Why.
    pub purpose: String,
    /// What was done.
    pub operation: &'static str,
    /// What would have been another.
    pub effect: TrialEffect,
}

/// How many requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrialCount {
    /// Requests.
    pub requests: u64,
    /// The first of them.
    pub examples: Vec<RequestId>,
}

/// What a trial came to.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// Entries of the day that were answered or shown under any version of the policy.
    pub tried: u64,
    /// Those of them that would have been refused, or answered less or otherwise.
    pub affected: u64,
    /// By whom, for whom, why, what and with which effect.
    pub rows: BTreeMap<TrialKey, TrialCount>,
    /// Requests with an effect for which there was no row left.
    pub not_told: u64,
    /// Entries of the day, of any policy, that were not looked at: those before the newest ones.
    pub not_tried: u64,
}

/// Why there is no trial.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// About the policy.
    #[error(transparent)]
    Policy(#[from] PolicyActError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] VerifyError),
}

impl From<StoreError> for TrialError {
    fn from(error: StoreError) -> Self {
        Self::Policy(error.into())
    }
}

/// Tries a document on what was answered in the last 24 hours, in all logs, under any version of the
/// policy of this name; of the newest `entries_max` entries, the logs alike, where that is given.
///
/// # Errors
/// [`TrialError`].
pub async fn try_policy(
    store: &Store,
    name: &str,
    document: &PolicyDocument,
    now: Micros,
    entries_max: Option<u64>,
) -> Result<Trial, TrialError> {
    if !is_name(name) || store.policy_versions(Some(name)).await?.is_empty() {
        return Err(PolicyActError::Unknown.into());
    }
    let text = serde_json::to_string(document).map_err(|_| PolicyActError::Document)?;
    let new = Policy::parse(name, 0, &text).map_err(|_| PolicyActError::Document)?;
    let known = Policies::default();
    known.replace(&store.policies().await?)?;
    let mut trying = Trying { store, known, new, officials: HashMap::new() };
    let (since, mut trial) = (now.plus_seconds(-TRIAL_SECONDS), Trial::default());
    let logs = store.checkpoints().await?;
    let of_each = entries_max.map(|most| most / logs.len().max(1) as u64);
    for row in logs {
        let size = row.tree_size.unsigned_abs();
        let first = first_index_after(store, &row.log, size, since).await?;
        let from = of_each.map_or(first, |most| first.max(size.saturating_sub(most)));
        trial.not_tried += from - first;
        let mut listing = Listing::new(store, &row.log, from..size, size);
        while let Some(listed) = listing.next().await? {
            let entries = listed.iter().filter_map(|listed| listed.entry.request());
            for entry in entries.filter(|entry| entry.at >= since && is_under(entry, name)) {
                trial.count(entry, &trying.effects(entry).await?);
            }
        }
    }
    Ok(trial)
}

/// What a trial needs while it reads.
struct Trying<'a> {
    store: &'a Store,
    known: Policies,
    new: Policy,
    /// Whether officials are known whom entries name.
    officials: HashMap<(ClientId, [u8; 8]), bool>,
}

impl Trying<'_> {
    async fn effects(&mut self, entry: &Entry) -> Result<Vec<TrialEffect>, StoreError> {
        let is_official_unknown = self.is_official_unknown(entry).await?;
        let old = self.known.find_label(&entry.policy);
        Ok(effects(entry, old.as_deref(), &self.new, is_official_unknown))
    }

    /// Whether an official is named who is not on the client's list now; nobody looks where the new
    /// policy takes any.
    async fn is_official_unknown(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        let Some(official) = entry.official.filter(|_| self.new.officials() >= Officials::Known)
        else {
            return Ok(false);
        };
        let key = (entry.client.clone(), official.0);
        if let Some(is_known) = self.officials.get(&key) {
            return Ok(!is_known);
        }
        let is_known = self.store.has_official(entry.client.as_str(), &official.0).await?;
        if self.officials.len() >= OFFICIALS_REMEMBERED_MAX {
            self.officials.clear();
        }
        self.officials.insert(key, is_known);
        Ok(!is_known)
    }
}

impl Trial {
    fn count(&mut self, entry: &Entry, effects: &[TrialEffect]) {
        if matches!(entry.record, Decided::Refused { .. }) {
            return;
        }
        self.tried += 1;
        self.affected += u64::from(!effects.is_empty());
        for effect in effects {
            let key = TrialKey {
                client: entry.client.to_string(),
                on_behalf_of: entry.on_behalf_of.as_ref().map_or("", |it| it.as_str()).to_owned(),
                purpose: entry.purpose.as_str().to_owned(),
                operation: entry.operation.name(),
                effect: *effect,
            };
            if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&key) {
                self.not_told += 1;
                continue;
            }
            let count = self.rows.entry(key).or_default();
            count.requests += 1;
            if count.examples.len() < EXAMPLES_MAX {
                count.examples.push(entry.request_id);
            }
        }
    }
}

fn is_under(entry: &Entry, name: &str) -> bool {
    entry.policy.rsplit_once('@').is_some_and(|(policy, _)| policy == name)
}

/// What the new policy would have done otherwise to a request that the old one let pass.
fn effects(
    entry: &Entry,
    old: Option<&Policy>,
    new: &Policy,
    is_official_unknown: bool,
) -> Vec<TrialEffect> {
    if !new.operations().contains(entry.operation) {
        return vec![TrialEffect::Refused(Refusal::Operation.name())];
    }
    let Some(granted) = new.granted(entry.operation, &entry.purpose) else {
        return vec![TrialEffect::Refused(Refusal::Purpose.name())];
    };
    let Decided::Answered { findings, outcome, .. } = &entry.record else { return Vec::new() };
    if !new.required().difference(findings.attributes()).is_empty() {
        return vec![TrialEffect::Refused("required-attribute-missing")];
    }
    if new.officials() >= Officials::Required && entry.official.is_none() {
        return vec![TrialEffect::Refused("required-attribute-missing")];
    }
    if is_official_unknown {
        return vec![TrialEffect::Refused(Refusal::Official.name())];
    }
    let withheld = |(attribute, finding): &(_, Finding)| {
        finding.verdict() != Verdict::NotPermitted && !granted.contains(*attribute)
    };
    let mut effects: Vec<TrialEffect> = findings
        .iter()
        .filter(withheld)
        .map(|(attribute, _)| TrialEffect::Withheld(attribute.name()))
        .collect();
    let would_be = outcome_under(
        findings
            .iter()
            .map(|(attribute, finding)| {
                let finding =
                    if granted.contains(attribute) { finding } else { Finding::NOT_PERMITTED };
                (attribute, finding)
            })
            .collect(),
        new,
    );
    if would_be != *outcome {
        effects.push(TrialEffect::Outcome(outcome.name(), would_be.name()));
    }
    if old.is_some_and(|old| new.disclosure() < old.disclosure()) {
        effects.push(TrialEffect::LessTold("disclosure"));
    }
    if old.is_some_and(|old| old.discloses_status() && !new.discloses_status()) {
        effects.push(TrialEffect::LessTold("status"));
    }
    effects
}

/// The outcome of the same findings, concealed as the policy conceals them.
fn outcome_under(findings: Findings, policy: &Policy) -> Outcome {
    let accepted = policy.accepted_reasons();
    let findings = matching::conceal_existence(findings, accepted, policy.discloses_status());
    matching::outcome(&findings, policy.required(), accepted)
}
