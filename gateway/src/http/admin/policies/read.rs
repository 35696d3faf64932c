//! Policy documents, from the wire or from a file: everything wrong is told at once.

use utoipa::ToSchema;

use super::super::super::code::Code;
use super::super::super::error::Problem;
use super::super::super::json::{self, Errors, Fields, Node};
use super::terms::{QuotasBody, RateBody, ReadTerms};
use crate::policy::{Disclosure, Grant, Officials, PolicyDocument, Reason};
use crate::request::{Attribute, Malformed, Operation, Purpose};

/// A policy.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct PolicyBody {
    /// What may be done why, and with which attributes. What no grant names is refused.
    grants: Vec<GrantBody>,
    /// Attributes without which a verification is not accepted.
    #[schema(nullable = false)]
    required: Option<Vec<String>>,
    /// Near misses that count as a match.
    #[schema(nullable = false)]
    accepted_reasons: Option<Vec<String>>,
    /// What is asked of the official: `optional` (the default), `known` or `required`.
    #[schema(nullable = false)]
    officials: Option<String>,
    /// How much the client sees: `outcome`, `verdicts` or `reasons`.
    disclosure: String,
    /// Whether the client sees that a subject is dead, superseded or unknown.
    #[schema(nullable = false)]
    discloses_status: Option<bool>,
    /// Requests per second in the long run.
    rate: u32,
    /// Requests at once after a rest; a whole multiple of the rate.
    burst: u32,
    /// The rate of each official; only where `officials` is `known` or `required`.
    #[schema(nullable = false)]
    official_limits: Option<RateBody>,
    /// Requests on their way at once; 256 where nothing is said.
    #[schema(nullable = false)]
    concurrency: Option<u32>,
    /// How much may be answered.
    #[schema(nullable = false)]
    quotas: Option<QuotasBody>,
    /// On which lane requests travel: `bulk`, `interactive` (the default) or `emergency`.
    #[schema(nullable = false)]
    lane: Option<String>,
}

/// Operations for purposes with attributes: every combination of the three is allowed.
#[expect(dead_code, reason = "describes what the handler reads by hand")]
#[derive(Debug, ToSchema)]
pub struct GrantBody {
    /// Names of operations.
    operations: Vec<String>,
    /// Purpose codes.
    purposes: Vec<String>,
    /// Names of attributes.
    #[schema(nullable = false)]
    attributes: Option<Vec<String>>,
}

/// Reads a policy.
///
/// # Errors
/// The problem that the document is, with everything wrong in it.
pub fn read_policy(document: &[u8]) -> Result<PolicyDocument, Problem> {
    let node = json::parse(document)?;
    let mut errors = Errors::default();
    let mut fields = Fields::of(&node, String::new(), &mut errors);
    require(&fields, &["grants", "disclosure", "rate", "burst"], &mut errors);
    let items = fields.list("grants", &mut errors).unwrap_or_default();
    let grants =
        items.into_iter().map(|(pointer, item)| read_grant(item, pointer, &mut errors)).collect();
    let required = names(&mut fields, "required", &mut errors, is_attribute);
    let accepted_reasons =
        names(&mut fields, "accepted_reasons", &mut errors, |name| Reason::find(name).is_some());
    let officials = fields.parsed("officials", &mut errors, |name| {
        Officials::ALL.into_iter().find(|it| it.name() == name).ok_or(Malformed::Form)
    });
    let disclosure = fields.parsed("disclosure", &mut errors, |name| {
        Disclosure::ALL.into_iter().find(|it| it.name() == name).ok_or(Malformed::Form)
    });
    let discloses_status = fields.truth("discloses_status", &mut errors).unwrap_or(false);
    let terms = ReadTerms::read(&mut fields, officials.unwrap_or_default(), &mut errors);
    fields.finish(&mut errors);
    errors.finish()?;
    let new = || {
        Some(PolicyDocument {
            grants,
            required: required.unwrap_or_default(),
            accepted_reasons: accepted_reasons.unwrap_or_default(),
            officials: officials.unwrap_or_default(),
            disclosure: disclosure?,
            discloses_status,
            rate: terms.rate?.rate,
            burst: terms.rate?.burst,
            official_limits: terms.official_limits,
            concurrency: terms.concurrency,
            quotas: terms.quotas,
            lane: terms.lane,
        })
    };
    // Whatever is missing was noted above, so all is there now.
    new().ok_or_else(|| Code::InternalError.into())
}

fn read_grant(node: &Node<'_>, pointer: String, errors: &mut Errors) -> Grant {
    let mut fields = Fields::of(node, pointer, errors);
    if matches!(node, Node::Object(_)) {
        require(&fields, &["operations", "purposes"], errors);
    }
    let operations =
        filled(&mut fields, "operations", errors, |name| Operation::find(name).is_some());
    let purposes = filled(&mut fields, "purposes", errors, |code| {
        Purpose::parse(code).is_ok_and(|purpose| purpose.is_code())
    });
    let attributes = names(&mut fields, "attributes", errors, is_attribute).unwrap_or_default();
    fields.finish(errors);
    Grant { operations, purposes, attributes }
}

/// A list that must not be empty: a grant without it grants nothing.
fn filled(
    fields: &mut Fields<'_, '_>,
    name: &str,
    errors: &mut Errors,
    is_known: impl Fn(&str) -> bool,
) -> Vec<String> {
    let pointer = fields.pointer(name);
    let read = names(fields, name, errors, is_known);
    if read.as_ref().is_some_and(Vec::is_empty) {
        errors.value(pointer, Malformed::Empty);
    }
    read.unwrap_or_default()
}

/// A list of names, each known and named once.
fn names(
    fields: &mut Fields<'_, '_>,
    name: &str,
    errors: &mut Errors,
    is_known: impl Fn(&str) -> bool,
) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for (pointer, item) in fields.list(name, errors)? {
        let Node::Text(text) = item else {
            errors.shape(pointer, "wrong-type");
            continue;
        };
        if names.iter().any(|known| known == text) {
            errors.shape(pointer, "duplicate");
        } else if !is_known(text) {
            errors.unknown_name(pointer);
        }
        names.push(text.clone().into_owned());
    }
    Some(names)
}

fn is_attribute(name: &str) -> bool {
    Attribute::find(name).is_some()
}

fn require(fields: &Fields<'_, '_>, names: &[&str], errors: &mut Errors) {
    for name in names {
        if !fields.has(name) {
            fields.missing(name, errors);
        }
    }
}
