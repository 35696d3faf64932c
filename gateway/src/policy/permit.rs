//! The decision of step 2 and its proof.

use std::sync::Arc;

use super::{Officials, Policy};
use crate::auth::Caller;
use crate::rate_limit::Admission;
use crate::request::{AgencyCode, AttributeSet, Operation, Purpose};

/// Proof that step 2 was taken: what may be read for this request, and nothing else.
#[derive(Debug, Clone)]
pub struct Permit {
    operation: Operation,
    attributes: AttributeSet,
    policy: Arc<Policy>,
}

impl Permit {
    /// The attributes that may be read: asked for and granted.
    pub fn attributes(&self) -> AttributeSet {
        self.attributes
    }

    /// What is being done.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The policy that permits it.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }
}

/// Proof that the caller may see who asked about a person.
#[derive(Debug, Clone)]
pub struct HistoryPermit(());

impl HistoryPermit {
    /// Takes a permit for that operation; `None` for one of any other.
    pub fn of(permit: &Permit) -> Option<Self> {
        (permit.operation() == Operation::History).then_some(Self(()))
    }
}

/// What the policy is asked.
#[derive(Debug, Clone, Copy)]
pub struct PermitQuestion<'a> {
    /// What the caller wants to do.
    pub operation: Operation,
    /// Why.
    pub purpose: &'a Purpose,
    /// With which attributes.
    pub attributes: AttributeSet,
    /// For which agency, if not the caller's own.
    pub on_behalf_of: Option<&'a AgencyCode>,
    /// Whether an official is named whom the client has not made known. Of no interest where the
    /// policy takes any.
    pub has_unknown_official: bool,
}

/// Why the policy, or a guess budget after the register was asked, refuses. Refusals are recorded
/// before they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// The operation is not in the policy, or not in the token's scope.
    Operation = 1,
    /// The purpose is not the client's for this operation, or nobody's.
    Purpose = 2,
    /// The agency is neither at or below the client's own, nor on its list.
    OnBehalfOf = 3,
    /// The official is not one whom the client has made known.
    Official = 4,
    /// Not the policy: the key led to a person on whom too many guesses have failed. That the register
    /// was asked is on record for it.
    SubjectGuarded = 5,
}

impl Refusal {
    /// All refusals in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Operation, Self::Purpose, Self::OnBehalfOf, Self::Official, Self::SubjectGuarded];

    /// The refusal with this number in the log.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| *refusal as u8 == number)
    }

    /// The name in exports, which is the problem code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation-not-permitted",
            Self::Purpose => "purpose-not-permitted",
            Self::OnBehalfOf => "on-behalf-of-not-permitted",
            Self::Official => "official-unknown",
            Self::SubjectGuarded => "subject-guarded",
        }
    }
}

/// Decides. The admission is consumed: nobody asks the policy around the limiter.
///
/// # Errors
/// [`Refusal`], the first that applies.
pub fn check(
    _admission: Admission,
    caller: &Caller,
    policy: &Arc<Policy>,
    question: PermitQuestion<'_>,
) -> Result<Permit, Refusal> {
    let PermitQuestion { operation, purpose, attributes, on_behalf_of, .. } = question;
    if !caller.has_scope(operation) || !policy.operations().contains(operation) {
        return Err(Refusal::Operation);
    }
    let Some(granted) = policy.granted(operation, purpose) else {
        return Err(Refusal::Purpose);
    };
    if on_behalf_of.is_some_and(|agency| !caller.client().may_act_for(agency)) {
        return Err(Refusal::OnBehalfOf);
    }
    if question.has_unknown_official && policy.officials() >= Officials::Known {
        return Err(Refusal::Official);
    }
    Ok(Permit {
        operation,
        attributes: attributes.intersection(granted),
        policy: Arc::clone(policy),
    })
}
