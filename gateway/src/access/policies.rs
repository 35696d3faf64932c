//! Policies as administrators keep them: versions, what differs between two, which clients have
//! which. A version never changes; who wants another policy makes another version.

use super::acts::Administrator;
use super::clients::Run;
use super::detail::sha256;
use crate::clock::Micros;
use crate::policy::{self, Policy, PolicyChange, PolicyDocument, Summary};
use crate::store::{PolicyRow, PolicyVersionRow, Store, StoreError};

/// Tries at a version that others make first.
const TRIES_MAX: usize = 8;
/// Longest name of a policy that is made, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// One version of a policy with all that is kept of it.
#[derive(Debug, Clone)]
pub struct KnownPolicy {
    /// Name.
    pub name: String,
    /// Version, from 1.
    pub version: u32,
    /// When it was made.
    pub created: Micros,
    /// Clients that have it and are not closed.
    pub clients: i64,
    /// As an administrator wrote it.
    pub document: PolicyDocument,
    /// What it says.
    pub summary: Summary,
}

/// What a new version is, or would be; or the last one, where the document is that of the last.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// Name of the policy.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Whether it is new, or would be.
    pub is_new: bool,
    /// What differs from the version before; nothing where there is none.
    pub changes: Vec<PolicyChange>,
    /// What it says.
    pub summary: Summary,
    /// Clients that have it from now on; on a dry run, those that would.
    pub moved: u64,
}

/// How a version is made.
#[derive(Debug, Clone, Copy)]
pub struct PutMode {
    /// Whether it is done.
    pub run: Run,
    /// Whether clients of this policy get the new version.
    pub moves_clients: bool,
}

/// Why something about a policy was not done.
#[derive(Debug, thiserror::Error)]
pub enum PolicyActError {
    /// There is no policy of this name, or not this version.
    #[error("there is no such policy, or not this version of it")]
    Unknown,
    /// The name is not one that a policy can have.
    #[error("a policy's name has 1 to 64 of A-Z a-z 0-9 . _ -")]
    Name,
    /// The document is none. Whoever reads documents tells what is wrong.
    #[error("the document is not a policy")]
    Document,
    /// Others made versions again and again meanwhile.
    #[error("others are changing this policy")]
    Contended,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All versions of all policies, by name and version.
///
/// # Errors
/// If the store does not answer.
pub async fn list_policies(store: &Store) -> Result<Vec<PolicyVersionRow>, StoreError> {
    store.policy_versions(None).await
}

/// One version of a policy; the latest where none is named.
///
/// # Errors
/// [`PolicyActError::Unknown`], [`PolicyActError::Store`].
pub async fn find_policy(
    store: &Store,
    name: &str,
    version: Option<u32>,
) -> Result<KnownPolicy, PolicyActError> {
    // What cannot be a name is nobody's, and is not asked for: a store need not take every letter.
    if !is_name(name) {
        return Err(PolicyActError::Unknown);
    }
    let versions = store.policy_versions(Some(name)).await?;
    let found = match version {
        None => versions.last(),
        Some(version) => versions.iter().find(|row| row.version == i64::from(version)),
    };
    let found = found.filter(|row| row.name == name).ok_or(PolicyActError::Unknown)?;
    let row = store.policy(name, found.version).await?.ok_or(PolicyActError::Unknown)?;
    let policy = parse(&row)?;
    let document = serde_json::from_str(&row.document).map_err(|_| inconsistent(&row))?;
    Ok(KnownPolicy {
        name: row.name.clone(),
        version: version_of(&row)?,
        created: Micros(found.created_us),
        clients: found.clients,
        document,
        summary: Summary::of(&policy),
    })
}

/// What is another in the second of two versions, of one policy or of two.
///
/// # Errors
/// [`PolicyActError::Unknown`], [`PolicyActError::Store`].
pub async fn diff_policies(
    store: &Store,
    (from, to): (&(String, u32), &(String, u32)),
) -> Result<Vec<PolicyChange>, PolicyActError> {
    let (from, to) = (read(store, from).await?, read(store, to).await?);
    Ok(policy::diff(&from, &to))
}

/// Makes a new version of a policy, the first one where there is none. Where the document is that of
/// the last version and no client is to be moved, nothing is done: whoever sends one twice, because
/// an answer was lost, makes one version.
///
/// # Errors
/// [`PolicyActError`].
pub async fn put_policy(
    store: &Store,
    administrator: &Administrator,
    name: &str,
    document: &PolicyDocument,
    mode: PutMode,
) -> Result<NewVersion, PolicyActError> {
    if !is_name(name) {
        return Err(PolicyActError::Name);
    }
    let text = serde_json::to_string(document).map_err(|_| PolicyActError::Document)?;
    for _ in 0..TRIES_MAX {
        let versions = store.policy_versions(Some(name)).await?;
        let last = versions.last().map_or(0, |row| row.version);
        let row = PolicyRow { name: name.to_owned(), version: last + 1, document: text.clone() };
        let before = store.policy(name, last).await?;
        if let Some(same) = before.as_ref().filter(|row| row.document == text)
            && !mode.moves_clients
        {
            return same_version(same);
        }
        let mut new = judge(&row, before.as_ref())?;
        if mode.run == Run::Dry {
            let others = versions.iter().map(|row| row.clients.unsigned_abs()).sum();
            new.moved = if mode.moves_clients { others } else { 0 };
            return Ok(new);
        }
        let act = |moved| {
            let headline = policy::headline(&new.changes);
            let headline = match (last, headline.is_empty()) {
                (0, _) => "the first version".to_owned(),
                (_, true) => "nothing differs".to_owned(),
                (_, false) => headline,
            };
            let target = format!("{name}@{}", row.version);
            let detail = format!("{moved} clients moved; {}; {headline}", sha256(&text));
            administrator.act("policy-added", &target, Some(detail))
        };
        let added = store.add_policy(&row, administrator.at.0, mode.moves_clients, &act).await?;
        if let Some(moved) = added {
            new.moved = moved;
            return Ok(new);
        }
    }
    Err(PolicyActError::Contended)
}

/// A version to be, beside the one before.
fn judge(row: &PolicyRow, before: Option<&PolicyRow>) -> Result<NewVersion, PolicyActError> {
    let version = version_of(row)?;
    let policy =
        Policy::parse(&row.name, version, &row.document).map_err(|_| PolicyActError::Document)?;
    let changes = match before {
        Some(before) => policy::diff(&parse(before)?, &policy),
        None => Vec::new(),
    };
    let (name, summary) = (row.name.clone(), Summary::of(&policy));
    Ok(NewVersion { name, version, is_new: true, changes, summary, moved: 0 })
}

/// The last version, of which nothing differs.
fn same_version(row: &PolicyRow) -> Result<NewVersion, PolicyActError> {
    let (name, version, summary) = (row.name.clone(), version_of(row)?, Summary::of(&parse(row)?));
    Ok(NewVersion { name, version, is_new: false, changes: Vec::new(), summary, moved: 0 })
}

async fn read(store: &Store, (name, version): &(String, u32)) -> Result<Policy, PolicyActError> {
    if !is_name(name) {
        return Err(PolicyActError::Unknown);
    }
    let row = store.policy(name, i64::from(*version)).await?.ok_or(PolicyActError::Unknown)?;
    parse(&row)
}

fn parse(row: &PolicyRow) -> Result<Policy, PolicyActError> {
    Policy::parse(&row.name, version_of(row)?, &row.document).map_err(|_| inconsistent(row).into())
}

fn version_of(row: &PolicyRow) -> Result<u32, StoreError> {
    u32::try_from(row.version).map_err(|_| inconsistent(row))
}

fn inconsistent(row: &PolicyRow) -> StoreError {
    StoreError::Inconsistent { table: "policies", row: format!("{}@{}", row.name, row.version) }
}

/// Names as they stand before the `@` in entries and in clients' rows.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}
