//! A decision as its caller sees it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use utoipa::ToSchema;

use crate::audit::Receipt;
use crate::matching::{self, Shown};
use crate::policy::Disclosure;
use crate::request::Attribute;
use crate::verification::Decision;

/// Answer to a verification.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationReply {
    /// Identity of the answer.
    id: String,
    /// `matched`, `not_matched` or `inconclusive`.
    outcome: &'static str,
    /// Normalisation rules that were applied.
    profile: &'static str,
    /// Policy that was applied, `name@version`.
    policy: String,
    /// Verdict and reason per attribute, as far as the policy discloses them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::HashMap<String, VerdictReply>>)]
    attributes: Option<AttributesReply>,
    /// Status of the subject, where the policy discloses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_status: Option<&'static str>,
    /// What the clerk should do now; with every answer that is not `matched`.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<AdviceReply>,
    /// Token by which this client knows the person again.
    subject_token: String,
    /// Freshness of the register's answer, RFC 3339; null where it did not answer.
    registry_as_of: Option<String>,
    /// When it was decided, RFC 3339.
    evaluated_at: String,
    /// Where it is written down.
    receipt: ReceiptReply,
}

/// Verdict on one attribute.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerdictReply {
    /// `match`, `close`, `no_match`, `not_on_file`, `not_checked` or `not_permitted`.
    verdict: &'static str,
    /// Why it is not `match`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// What the clerk should do now.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdviceReply {
    /// Stable code.
    code: &'static str,
    /// In Vietnamese.
    vi: &'static str,
    /// In English.
    en: &'static str,
}

/// Where an answer is written down.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptReply {
    /// Name of the log.
    log: String,
    /// Index of the entry.
    index: u64,
    /// Leaf hash of the entry (RFC 6962), base64.
    leaf: String,
}

impl VerificationReply {
    /// Shows a decision.
    pub(in super::super) fn new(decision: Decision) -> Self {
        let disclosed = decision.policy.disclosure() > Disclosure::Outcome;
        Self {
            id: format!("ver_{}", decision.id),
            outcome: decision.outcome.name(),
            profile: matching::PROFILE,
            policy: decision.policy.label().to_string(),
            attributes: disclosed.then_some(AttributesReply(decision.attributes)),
            subject_status: decision.status.map(crate::population::SubjectStatus::name),
            advice: decision.advice.map(|advice| AdviceReply {
                code: advice.code(),
                vi: advice.vi(),
                en: advice.en(),
            }),
            subject_token: decision.subject_token,
            registry_as_of: decision.registry_as_of.map(|at| at.to_string()),
            evaluated_at: decision.evaluated_at.to_string(),
            receipt: ReceiptReply::new(&decision.receipt),
        }
    }
}

impl ReceiptReply {
    /// Shows a receipt.
    pub(in super::super) fn new(receipt: &Receipt) -> Self {
        Self {
            log: receipt.log().to_owned(),
            index: receipt.index(),
            leaf: STANDARD.encode(receipt.leaf()),
        }
    }
}

/// Findings as far as they are shown, an object by attribute.
#[derive(Debug)]
pub(in super::super) struct AttributesReply(pub(in super::super) Vec<(Attribute, Shown)>);

impl Serialize for AttributesReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (attribute, shown) in &self.0 {
            let verdict = VerdictReply {
                verdict: shown.verdict.name(),
                reason: shown.reason.map(crate::policy::Reason::name),
            };
            map.serialize_entry(attribute.name(), &verdict)?;
        }
        map.end()
    }
}
