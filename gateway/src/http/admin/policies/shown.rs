//! Policies as they are shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{KnownPolicy, NewVersion};
use crate::clock::Micros;
use crate::policy::{PolicyChange, PolicyDocument, Summary};
use crate::store::PolicyVersionRow;

/// Versions of policies.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoliciesReply {
    /// By name and version.
    pub policies: Vec<PolicyVersionReply>,
    /// `after` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// One version of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyVersionReply {
    /// `name@version`.
    pub policy: String,
    /// Name.
    pub name: String,
    /// Version.
    pub version: i64,
    /// When it was made.
    pub created_at: String,
    /// Clients that have it and are not closed.
    pub clients: i64,
}

/// One version of a policy with its document.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyReply {
    /// `name@version`.
    pub policy: String,
    /// Name.
    name: String,
    /// Version.
    version: u32,
    /// When it was made.
    pub created_at: String,
    /// Clients that have it and are not closed.
    pub clients: i64,
    /// What it says, in words.
    pub summary: SummaryReply,
    /// As it is written.
    #[schema(value_type = Object)]
    pub document: PolicyDocument,
}

/// What a policy says, in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct SummaryReply {
    /// In Vietnamese.
    pub vi: Vec<String>,
    /// In English.
    pub en: Vec<String>,
}

/// What differs between two policies.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyChangesReply {
    /// `name@version` of the one.
    pub from: String,
    /// `name@version` of the other.
    pub to: String,
    /// What the other grants more, and what less.
    pub changes: Vec<PolicyChangeReply>,
}

/// One thing that differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyChangeReply {
    /// `more` or `less`, for the clients under the policy.
    pub effect: &'static str,
    /// `grant`, `attributes`, `required`, `officials`, `near_misses`, `disclosure`, `status`,
    /// `rate`, `burst`, `concurrency`, `official_limits`, `quotas`, `lane`.
    pub about: &'static str,
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

/// A version that was made, or would be.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewVersionReply {
    /// `name@version`.
    pub policy: String,
    /// Name.
    name: String,
    /// Version.
    version: u32,
    /// Whether it was made. False on a dry run, and where the document is that of the last version.
    pub added: bool,
    /// Clients that were moved to it, or would be.
    pub clients_moved: u64,
    /// What differs from the version before; nothing where there is none.
    pub changes: Vec<PolicyChangeReply>,
    /// What it says, in words.
    pub summary: SummaryReply,
}

impl PoliciesReply {
    /// The list, or a page of it with where the next one begins.
    pub fn new(rows: &[PolicyVersionRow], next: Option<String>) -> Self {
        let version = |row: &PolicyVersionRow| PolicyVersionReply {
            policy: format!("{}@{}", row.name, row.version),
            name: row.name.clone(),
            version: row.version,
            created_at: Micros(row.created_us).to_string(),
            clients: row.clients,
        };
        Self { policies: rows.iter().map(version).collect(), next }
    }
}

impl PolicyReply {
    /// One version.
    pub fn new(known: KnownPolicy) -> Self {
        Self {
            policy: format!("{}@{}", known.name, known.version),
            name: known.name,
            version: known.version,
            created_at: known.created.to_string(),
            clients: known.clients,
            summary: SummaryReply::new(known.summary),
            document: known.document,
        }
    }
}

impl SummaryReply {
    fn new(Summary { vi, en }: Summary) -> Self {
        Self { vi, en }
    }
}

impl PolicyChangesReply {
    /// What differs between two.
    pub fn new(from: &(String, u32), to: &(String, u32), changes: Vec<PolicyChange>) -> Self {
        let label = |(name, version): &(String, u32)| format!("{name}@{version}");
        Self { from: label(from), to: label(to), changes: changed(changes) }
    }
}

impl NewVersionReply {
    /// A version that was made, or would be on a dry run.
    pub fn new(new: NewVersion, is_dry: bool) -> Self {
        Self {
            policy: format!("{}@{}", new.name, new.version),
            name: new.name,
            version: new.version,
            added: new.is_new && !is_dry,
            clients_moved: new.moved,
            changes: changed(new.changes),
            summary: SummaryReply::new(new.summary),
        }
    }
}

fn changed(changes: Vec<PolicyChange>) -> Vec<PolicyChangeReply> {
    let change = |PolicyChange { effect, about, vi, en }| PolicyChangeReply {
        effect: effect.name(),
        about,
        vi,
        en,
    };
    changes.into_iter().map(change).collect()
}
