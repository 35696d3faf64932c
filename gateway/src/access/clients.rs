//! Clients, from onboarding to closure: added, changed, moved on. Each is one transaction with its
//! act; what a document says is for `client_document`.
//!
//! `draft -> security_review -> sandbox -> active <-> suspended -> closed`. A review that was not
//! passed leads back to `draft`. Everything but a closed client can be closed, and nothing leaves
//! `closed`: whoever comes back applies again.

use super::acts::Administrator;
use super::client_document::{ClientChange, Fault, NewClient, not_ready};
use super::detail::{with_changed_codes, with_codes};
use crate::audit::EventText;
use crate::auth::ClientState;
use crate::clock::Micros;
use crate::store::{ActRow, ClientRow, NewClientRow, SlowedRow, Store, StoreError};

/// Tries at a change that others come before. Each failed one is somebody else's success.
const TRIES_MAX: usize = 8;

/// A client with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownClient {
    /// Its row.
    pub row: ClientRow,
    /// Agencies it may act for beside those below its own code, in order.
    pub delegations: Vec<String>,
    /// How it is slowed, or was until a moment that has come.
    pub slowed: Option<SlowedRow>,
}

/// Whether something is done, or only judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// It is done.
    Real,
    /// It is judged as if it were to be done, and nothing is.
    Dry,
}

/// Why an act on a client was not done.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody has this identifier.
    #[error("there is no such client")]
    Unknown,
    /// Somebody has this identifier.
    #[error("there is a client with this identifier already")]
    Exists,
    /// What was written down is wrong.
    #[error("what was written down is wrong")]
    Invalid(Vec<Fault>),
    /// No step leads there.
    #[error("no step leads from {} to {}", .from.name(), .to.name())]
    NoStep {
        /// Where the client is.
        from: ClientState,
        /// Where it was to go.
        to: ClientState,
    },
    /// Nothing changes about a closed client.
    #[error("the client is closed")]
    Closed,
    /// Suspending and closing take a reason.
    #[error("this takes a reason")]
    NoReason,
    /// Its papers do not allow it to be connected.
    #[error("its papers do not allow it to be connected")]
    NotReady(Vec<Fault>),
    /// It was to be slowed until a moment that has come.
    #[error("that moment has come already")]
    OverAlready,
    /// Others changed it again and again meanwhile.
    #[error("others are changing this client")]
    Contended,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a step leads from one state to another.
pub fn is_step(from: ClientState, to: ClientState) -> bool {
    use ClientState::{Active, Closed, Draft, Sandbox, SecurityReview, Suspended};
    match from {
        Draft => matches!(to, SecurityReview | Closed),
        SecurityReview => matches!(to, Draft | Sandbox | Closed),
        Sandbox => matches!(to, Active | Closed),
        Active => matches!(to, Suspended | Closed),
        Suspended => matches!(to, Active | Closed),
        Closed => false,
    }
}

/// Whether coming to a state takes a reason.
pub fn takes_reason(to: ClientState) -> bool {
    matches!(to, ClientState::Suspended | ClientState::Closed)
}

/// The client with this identifier.
///
/// # Errors
/// [`ClientError::Unknown`], [`ClientError::Store`].
pub async fn find_client(store: &Store, client_id: &str) -> Result<KnownClient, ClientError> {
    let row = store.client(client_id).await?.ok_or(ClientError::Unknown)?;
    let delegations = store.delegations(Some(client_id)).await?;
    let slowed = store.slowed_client(client_id).await?;
    let delegations = delegations.into_iter().map(|(_, code)| code).collect();
    Ok(KnownClient { row, delegations, slowed })
}

/// Adds a client as a draft.
///
/// # Errors
/// [`ClientError`].
pub async fn create_client(
    store: &Store,
    administrator: &Administrator,
    new: &NewClient,
    run: Run,
) -> Result<KnownClient, ClientError> {
    let row = judge_new(store, new, ClientState::Draft, administrator.at).await?;
    if store.client(&row.client_id).await?.is_some() {
        return Err(ClientError::Exists);
    }
    let delegations = codes(&new.delegations);
    let known = KnownClient { row, delegations, slowed: None };
    if run == Run::Dry {
        return Ok(known);
    }
    let added = store.add_new_clients(&[addition(administrator, &known, None)]).await?;
    if added == [true] { Ok(known) } else { Err(ClientError::Exists) }
}

/// The row of a client to be added in a state, unless something is wrong with it. Only a bulk
/// import adds clients in another state than `draft`.
///
/// # Errors
/// [`ClientError::Invalid`], [`ClientError::NotReady`], [`ClientError::Store`].
pub async fn judge_new(
    store: &Store,
    new: &NewClient,
    state: ClientState,
    now: Micros,
) -> Result<ClientRow, ClientError> {
    let papers = new.papers();
    let faults = papers.faults(store, None, now).await?;
    if !faults.is_empty() {
        return Err(ClientError::Invalid(faults));
    }
    let mut row = ClientRow {
        client_id: new.client_id.to_string(),
        agency_code: String::new(),
        kind: new.kind.name().to_owned(),
        name_vi: String::new(),
        name_en: String::new(),
        state: state.name().to_owned(),
        state_reason: None,
        state_us: now.0,
        policy_name: String::new(),
        policy_version: 0,
        agreement_from_us: 0,
        agreement_until_us: 0,
        assessment_level: 0,
        assessment_from_us: 0,
        assessment_until_us: 0,
        connected_us: None,
        created_us: now.0,
    };
    papers.apply(&mut row);
    if state == ClientState::Active {
        let faults = not_ready(&row, now);
        if !faults.is_empty() {
            return Err(ClientError::NotReady(faults));
        }
        row.connected_us = Some(now.0);
    }
    Ok(row)
}

/// A judged client as it is added, with its act.
pub fn addition(
    administrator: &Administrator,
    known: &KnownClient,
    secret_hash: Option<String>,
) -> NewClientRow {
    let KnownClient { row, delegations, slowed: _ } = known;
    let secret = if secret_hash.is_some() { ", with a secret" } else { "" };
    let mut granted = vec![format!(
        "{} {} as {}, policy {}@{}{secret}",
        row.kind, row.agency_code, row.state, row.policy_name, row.policy_version
    )];
    granted.extend((row.agreement_until_us != 0).then(|| agreement(row)));
    granted.extend((row.assessment_level != 0).then(|| assessment(row)));
    let detail = match delegations.as_slice() {
        [] => granted.join(", "),
        codes => with_codes(&format!("{}, acts for", granted.join(", ")), codes),
    };
    NewClientRow {
        client: row.clone(),
        delegations: delegations.clone(),
        secret_hash,
        act: administrator.act("client-created", &row.client_id, Some(detail)),
    }
}

/// Changes what is written down of a client.
///
/// # Errors
/// [`ClientError`].
pub async fn update_client(
    store: &Store,
    administrator: &Administrator,
    client_id: &str,
    change: &ClientChange,
    run: Run,
) -> Result<KnownClient, ClientError> {
    for _ in 0..TRIES_MAX {
        let old = find_client(store, client_id).await?;
        if old.row.state == ClientState::Closed.name() {
            return Err(ClientError::Closed);
        }
        let faults = change.faults(store, Some(&old), administrator.at).await?;
        if !faults.is_empty() {
            return Err(ClientError::Invalid(faults));
        }
        let mut new = old.clone();
        change.apply(&mut new.row);
        let delegations = change.delegations.as_deref().map(codes);
        if let Some(codes) = &delegations {
            new.delegations.clone_from(codes);
        }
        // Nothing is done where nothing changes, and nothing is written down about it.
        if run == Run::Dry || new == old {
            return Ok(new);
        }
        let act = administrator.act("client-updated", client_id, Some(changes(&old, &new)));
        let rows = (&old.row, &new.row);
        if store.change_client(rows, delegations.as_deref(), &act).await? {
            return Ok(new);
        }
    }
    Err(ClientError::Contended)
}

/// Moves a client into another state.
///
/// # Errors
/// [`ClientError`].
pub async fn set_client_state(
    store: &Store,
    administrator: &Administrator,
    client_id: &str,
    (to, reason): (ClientState, Option<&EventText>),
    run: Run,
) -> Result<KnownClient, ClientError> {
    if takes_reason(to) && reason.is_none() {
        return Err(ClientError::NoReason);
    }
    for _ in 0..TRIES_MAX {
        let old = find_client(store, client_id).await?;
        let row = moved(&old.row, to, reason, administrator.at)?;
        let new = KnownClient { row, ..old.clone() };
        if run == Run::Dry {
            return Ok(new);
        }
        let act = state_act(administrator, &old.row, to, reason);
        if store.change_client((&old.row, &new.row), None, &act).await? {
            return Ok(new);
        }
    }
    Err(ClientError::Contended)
}

/// A row after the step.
fn moved(
    old: &ClientRow,
    to: ClientState,
    reason: Option<&EventText>,
    now: Micros,
) -> Result<ClientRow, ClientError> {
    let from = ClientState::find(&old.state)
        .ok_or_else(|| StoreError::Inconsistent { table: "clients", row: old.client_id.clone() })?;
    if !is_step(from, to) {
        return Err(ClientError::NoStep { from, to });
    }
    let mut new = old.clone();
    if to == ClientState::Active {
        let faults = not_ready(old, now);
        if !faults.is_empty() {
            return Err(ClientError::NotReady(faults));
        }
        new.connected_us = old.connected_us.or(Some(now.0));
    }
    to.name().clone_into(&mut new.state);
    new.state_reason = reason.filter(|_| takes_reason(to)).map(|reason| reason.as_str().to_owned());
    // A clock that was set back must not make two rows look alike.
    new.state_us = now.0.max(old.state_us + 1);
    Ok(new)
}

fn state_act(
    administrator: &Administrator,
    old: &ClientRow,
    to: ClientState,
    reason: Option<&EventText>,
) -> ActRow {
    let act = format!("client-{}", to.name().replace('_', "-"));
    let detail = reason.map_or_else(|| format!("was {}", old.state), |it| it.as_str().to_owned());
    administrator.act(&act, &old.client_id, Some(detail))
}

/// What a change changed, for the log: values where they say more than their name.
fn changes(old: &KnownClient, new: &KnownClient) -> String {
    let (a, b) = (&old.row, &new.row);
    let mut changed = Vec::new();
    if a.agency_code != b.agency_code {
        changed.push(format!("agency_code {}", b.agency_code));
    }
    if (&a.policy_name, a.policy_version) != (&b.policy_name, b.policy_version) {
        changed.push(format!("policy {}@{}", b.policy_name, b.policy_version));
    }
    let agreed = |row: &ClientRow| (row.agreement_from_us, row.agreement_until_us);
    if agreed(a) != agreed(b) {
        changed.push(agreement(b));
    }
    let assessed =
        |row: &ClientRow| (row.assessment_level, row.assessment_from_us, row.assessment_until_us);
    if assessed(a) != assessed(b) {
        changed.push(assessment(b));
    }
    for (name, differs) in
        [("name_vi", a.name_vi != b.name_vi), ("name_en", a.name_en != b.name_en)]
    {
        if differs {
            changed.push(name.to_owned());
        }
    }
    if old.delegations == new.delegations {
        return changed.join(", ");
    }
    changed.push("delegations".to_owned());
    with_changed_codes(&changed.join(", "), &old.delegations, &new.delegations)
}

fn agreement(row: &ClientRow) -> String {
    format!("agreement {} to {}", Micros(row.agreement_from_us), Micros(row.agreement_until_us))
}

fn assessment(row: &ClientRow) -> String {
    let until = Micros(row.assessment_until_us);
    format!("assessment of level {} to {until}", row.assessment_level)
}

fn codes(delegations: &[crate::request::AgencyCode]) -> Vec<String> {
    let mut codes: Vec<String> = delegations.iter().map(|code| code.as_str().to_owned()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_goes_forward_back_from_review_and_never_out_of_closed() {
        let steps: Vec<(&str, &str)> = ClientState::ALL
            .into_iter()
            .flat_map(|from| ClientState::ALL.map(|to| (from, to)))
            .filter(|(from, to)| is_step(*from, *to))
            .map(|(from, to)| (from.name(), to.name()))
            .collect();
        assert_eq!(
            steps,
            [
                ("draft", "security_review"),
                ("draft", "closed"),
                ("security_review", "draft"),
                ("security_review", "sandbox"),
                ("security_review", "closed"),
                ("sandbox", "active"),
                ("sandbox", "closed"),
                ("active", "suspended"),
                ("active", "closed"),
                ("suspended", "active"),
                ("suspended", "closed"),
            ]
        );
    }
}
