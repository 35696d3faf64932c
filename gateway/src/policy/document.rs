//! A policy as it is written down and as it is applied.

use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Reason, ReasonSet};
use crate::auth::OperationSet;
use crate::rate_limit::{Lane, Limits, Quotas, Terms};
use crate::request::{Attribute, AttributeSet, Operation, Purpose};

/// How much of a decision a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disclosure {
    /// Only the outcome of the whole.
    Outcome,
    /// The verdict of each attribute too.
    Verdicts,
    /// The reasons too.
    Reasons,
}

impl Disclosure {
    /// All levels, the shallowest first.
    pub const ALL: [Self; 3] = [Self::Outcome, Self::Verdicts, Self::Reasons];

    /// The name in the store and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Verdicts => "verdicts",
            Self::Reasons => "reasons",
        }
    }
}

/// What is asked of the official, the person at the client who asks. Each demands more than the one
/// before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Officials {
    /// May be named, whoever it is.
    #[default]
    Optional,
    /// May be named, and is then one whom the client has made known.
    Known,
    /// Must be named, and is one whom the client has made known.
    Required,
}

impl Officials {
    /// All, the least demanding first.
    pub const ALL: [Self; 3] = [Self::Optional, Self::Known, Self::Required];

    /// The name in the store and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Known => "known",
            Self::Required => "required",
        }
    }
}

/// The form in the store: names, as an administrator writes them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// What may be done why, and with which attributes. What no grant names is refused.
    pub grants: Vec<Grant>,
    /// Attributes without which a verification is not accepted.
    #[serde(default)]
    pub required: Vec<String>,
    /// Reasons of a `close` that count as good enough.
    #[serde(default)]
    pub accepted_reasons: Vec<String>,
    /// What is asked of the official.
    #[serde(default)]
    pub officials: Officials,
    /// How much the client sees.
    pub disclosure: Disclosure,
    /// Whether the client sees that a subject is dead, superseded or unknown.
    #[serde(default)]
    pub discloses_status: bool,
    /// Requests per second in the long run.
    pub rate: u32,
    /// Requests at once after a rest; a whole multiple of the rate.
    pub burst: u32,
    /// The rate of each official; only where officials must be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub official_limits: Option<RateDocument>,
    /// Requests on their way at once.
    #[serde(default = "usual_concurrency", skip_serializing_if = "is_usual")]
    pub concurrency: NonZeroU32,
    /// How much may be answered in a day and in a month.
    #[serde(default, skip_serializing_if = "is_default")]
    pub quotas: Quotas,
    /// On which lane requests travel.
    #[serde(default, skip_serializing_if = "is_default")]
    pub lane: Lane,
}

/// A rate as it is written down.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateDocument {
    /// Requests per second in the long run.
    pub rate: u32,
    /// Requests at once after a rest; a whole multiple of the rate.
    pub burst: u32,
}

/// Requests on their way at once where a policy does not say it.
pub const CONCURRENCY_USUAL: NonZeroU32 = NonZeroU32::new(256).unwrap();

fn usual_concurrency() -> NonZeroU32 {
    CONCURRENCY_USUAL
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_usual(concurrency: &NonZeroU32) -> bool {
    *concurrency == CONCURRENCY_USUAL
}

/// What is not said is not written, so that a document from before is still the same.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Operations for purposes with attributes: every combination of the three is allowed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Names of operations.
    pub operations: Vec<String>,
    /// Purpose codes.
    pub purposes: Vec<String>,
    /// Names of attributes.
    #[serde(default)]
    pub attributes: Vec<String>,
}

/// Why a document is not a policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not the JSON of a policy document.
    #[error("the document is not a policy")]
    Form(#[from] serde_json::Error),
    /// A name that stands for nothing.
    #[error("{list} names {name:?}, which does not exist")]
    UnknownName {
        /// Where it stands.
        list: &'static str,
        /// The name.
        name: String,
    },
    /// Rate and burst that do not go together.
    #[error("the burst must be a whole multiple of the rate, and both at least 1")]
    Limits,
    /// A rate of officials whom nobody has to make known: a constant would share it with everybody.
    #[error("officials have a rate of their own only where they are known or required")]
    OfficialLimits,
}

/// A policy ready to be applied.
#[derive(Debug, Clone)]
pub struct Policy {
    label: Arc<str>,
    grants: Vec<ParsedGrant>,
    required: AttributeSet,
    accepted_reasons: ReasonSet,
    officials: Officials,
    disclosure: Disclosure,
    discloses_status: bool,
    terms: Terms,
}

/// What a request must bring.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demands {
    /// Attributes.
    pub attributes: AttributeSet,
    /// Whether the official must be named.
    pub official: bool,
}

/// A grant ready to be applied.
#[derive(Debug, Clone)]
pub struct ParsedGrant {
    operations: OperationSet,
    purposes: Vec<Purpose>,
    attributes: AttributeSet,
}

impl ParsedGrant {
    /// What may be done.
    pub fn operations(&self) -> OperationSet {
        self.operations
    }

    /// Why.
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }

    /// With which attributes.
    pub fn attributes(&self) -> AttributeSet {
        self.attributes
    }
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// [`PolicyError`] with the first thing that is wrong.
    pub fn parse(name: &str, version: u32, document: &str) -> Result<Self, PolicyError> {
        let document: PolicyDocument = serde_json::from_str(document)?;
        Ok(Self {
            label: format!("{name}@{version}").into(),
            grants: document.grants.iter().map(parse_grant).collect::<Result<_, _>>()?,
            required: attributes("required", &document.required)?,
            accepted_reasons: document
                .accepted_reasons
                .iter()
                .map(|name| Reason::find(name).ok_or_else(|| unknown("accepted_reasons", name)))
                .collect::<Result<_, _>>()?,
            officials: document.officials,
            disclosure: document.disclosure,
            discloses_status: document.discloses_status,
            terms: terms(&document)?,
        })
    }

    /// `name@version`.
    pub fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// What may be done why, and with which attributes.
    pub fn grants(&self) -> &[ParsedGrant] {
        &self.grants
    }

    /// Attributes without which a verification is not accepted.
    pub fn required(&self) -> AttributeSet {
        self.required
    }

    /// What a request must bring.
    pub fn demands(&self) -> Demands {
        let official = self.officials == Officials::Required;
        Demands { attributes: self.required, official }
    }

    /// The reasons of a `close` that count as good enough.
    pub fn accepted_reasons(&self) -> ReasonSet {
        self.accepted_reasons
    }

    /// What is asked of the official.
    pub fn officials(&self) -> Officials {
        self.officials
    }

    /// How much the client sees.
    pub fn disclosure(&self) -> Disclosure {
        self.disclosure
    }

    /// Whether the client sees the subject's status.
    pub fn discloses_status(&self) -> bool {
        self.discloses_status
    }

    /// The client's rate.
    pub fn limits(&self) -> Limits {
        self.terms.limits
    }

    /// Everything it says about how often and how much.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Everything a client under this policy may do.
    pub fn operations(&self) -> OperationSet {
        Operation::ALL
            .into_iter()
            .filter(|&operation| {
                self.grants.iter().any(|grant| grant.operations.contains(operation))
            })
            .collect()
    }

    /// Whether any grant names the purpose.
    pub fn names(&self, purpose: &Purpose) -> bool {
        self.grants.iter().any(|grant| grant.purposes.contains(purpose))
    }

    /// The attributes granted for an operation and purpose; `None` where no grant names both.
    pub fn granted(&self, operation: Operation, purpose: &Purpose) -> Option<AttributeSet> {
        self.grants
            .iter()
            .filter(|grant| {
                grant.operations.contains(operation) && grant.purposes.contains(purpose)
            })
            .map(|grant| grant.attributes)
            .reduce(|one, other| one.iter().chain(other.iter()).collect())
    }
}

fn terms(document: &PolicyDocument) -> Result<Terms, PolicyError> {
    let limits = |rate, burst| Limits::new(rate, burst).ok_or(PolicyError::Limits);
    let of_officials = document.official_limits.map(|it| limits(it.rate, it.burst));
    if of_officials.is_some() && document.officials < Officials::Known {
        return Err(PolicyError::OfficialLimits);
    }
    Ok(Terms {
        limits: limits(document.rate, document.burst)?,
        official_limits: of_officials.transpose()?,
        concurrency: document.concurrency,
        quotas: document.quotas,
        lane: document.lane,
    })
}

fn parse_grant(grant: &Grant) -> Result<ParsedGrant, PolicyError> {
    let operations = grant
        .operations
        .iter()
        .map(|name| Operation::find(name).ok_or_else(|| unknown("operations", name)))
        .collect::<Result<_, _>>()?;
    let purposes = grant
        .purposes
        .iter()
        .map(|code| {
            let purpose = Purpose::parse(code).ok().filter(Purpose::is_code);
            purpose.ok_or_else(|| unknown("purposes", code))
        })
        .collect::<Result<_, _>>()?;
    Ok(ParsedGrant {
        operations,
        purposes,
        attributes: attributes("attributes", &grant.attributes)?,
    })
}

fn attributes(list: &'static str, names: &[String]) -> Result<AttributeSet, PolicyError> {
    names.iter().map(|name| Attribute::find(name).ok_or_else(|| unknown(list, name))).collect()
}

fn unknown(list: &'static str, name: &str) -> PolicyError {
    PolicyError::UnknownName { list, name: name.to_owned() }
}
