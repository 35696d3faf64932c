//! What a trial of a policy came to, as it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Trial, TrialCount, TrialKey};

/// What a trial came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialReply {
    /// Requests of the last 24 hours that were answered under any version of the policy.
    pub tried: u64,
    /// Those of them that would have been refused, or answered less or otherwise.
    pub affected: u64,
    /// Entries of the 24 hours that were not looked at, older than the newest 200,000 (by all
    /// policies; 0 on a day with fewer).
    pub not_tried: u64,
    /// Effects beyond the 10,000 rows that are told apart.
    pub not_told: u64,
    /// By client, agency acted for, purpose, operation and effect.
    pub rows: Vec<TrialRowReply>,
}

/// Requests with one effect.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialRowReply {
    /// Who asked.
    pub client: String,
    /// For which agency; absent for its own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub on_behalf_of: String,
    /// Why.
    pub purpose: String,
    /// What was done.
    pub operation: &'static str,
    /// `refused`, `attribute_withheld`, `outcome` or `less_told`.
    pub effect: &'static str,
    /// Problem code, attribute, both outcomes, or what is told less: `disclosure` or `status`.
    pub about: String,
    /// Requests.
    pub requests: u64,
    /// Identities of some of them.
    pub examples: Vec<String>,
}

impl TrialReply {
    /// The reply.
    pub fn new(trial: &Trial) -> Self {
        Self {
            tried: trial.tried,
            affected: trial.affected,
            not_tried: trial.not_tried,
            not_told: trial.not_told,
            rows: trial.rows.iter().map(TrialRowReply::new).collect(),
        }
    }
}

impl TrialRowReply {
    fn new((key, count): (&TrialKey, &TrialCount)) -> Self {
        let (effect, about) = key.effect.told();
        Self {
            client: key.client.clone(),
            on_behalf_of: key.on_behalf_of.clone(),
            purpose: key.purpose.clone(),
            operation: key.operation,
            effect,
            about,
            requests: count.requests,
            examples: count.examples.iter().map(ToString::to_string).collect(),
        }
    }

    /// The cells of one line.
    pub fn cells(&self) -> [String; 8] {
        [
            self.client.clone(),
            self.on_behalf_of.clone(),
            self.purpose.clone(),
            self.operation.to_owned(),
            self.effect.to_owned(),
            self.about.clone(),
            self.requests.to_string(),
            self.examples.join(" "),
        ]
    }
}
