//! A client is slowed at once: a cap on top of its policy's rate, without another version of the
//! policy, which ends by itself where it is told when.

use std::sync::{PoisonError, RwLock};

use foldhash::HashMap;

use super::acts::Administrator;
use super::clients::{ClientError, KnownClient, find_client};
use crate::audit::EventText;
use crate::auth::ClientState;
use crate::clock::Micros;
use crate::rate_limit::{Limits, Terms};
use crate::request::ClientId;
use crate::store::{SlowedRow, Store, StoreError};

/// Tries at a change that others come before. Each failed one is somebody else's success.
const TRIES_MAX: usize = 8;

/// How a client is slowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slowing {
    /// At most this, whatever its policy says.
    pub limits: Limits,
    /// The first moment at which it is over; none where somebody has to end it.
    pub until: Option<Micros>,
    /// Why.
    pub reason: EventText,
}

impl SlowedRow {
    /// Whether it is in force.
    pub fn is_in_force(&self, now: Micros) -> bool {
        self.until_us == 0 || now.0 < self.until_us
    }

    /// The cap; none for a row that cannot be read.
    pub fn limits(&self) -> Option<Limits> {
        Limits::new(u32::try_from(self.rate).ok()?, u32::try_from(self.burst).ok()?)
    }
}

/// Slows a client, in place of how it is slowed already.
///
/// # Errors
/// [`ClientError`]; a time that has come is [`ClientError::OverAlready`].
pub async fn slow_client(
    store: &Store,
    administrator: &Administrator,
    client_id: &str,
    slowing: &Slowing,
) -> Result<KnownClient, ClientError> {
    let Slowing { limits, until, reason } = slowing;
    if until.is_some_and(|until| until <= administrator.at) {
        return Err(ClientError::OverAlready);
    }
    let row = SlowedRow {
        client_id: client_id.to_owned(),
        rate: i64::from(limits.rate.get()),
        burst: i64::from(limits.burst.get()),
        until_us: until.map_or(0, |until| until.0),
        reason: reason.as_str().to_owned(),
        at_us: administrator.at.0,
    };
    let until = until.map_or_else(String::new, |until| format!(" until {until}"));
    let detail =
        format!("{} a second, {} at once{until}: {}", row.rate, row.burst, reason.as_str());
    let act = administrator.act("client-slowed", client_id, Some(detail));
    for _ in 0..TRIES_MAX {
        let known = find_client(store, client_id).await?;
        if known.row.state == ClientState::Closed.name() {
            return Err(ClientError::Closed);
        }
        if store.slow_client(&row, &act).await? {
            return Ok(KnownClient { slowed: Some(row), ..known });
        }
    }
    Err(ClientError::Contended)
}

/// Slows a client no longer. One that is not slowed stays as it is, and nothing is written down.
///
/// # Errors
/// [`ClientError`].
pub async fn unslow_client(
    store: &Store,
    administrator: &Administrator,
    client_id: &str,
    reason: &EventText,
) -> Result<KnownClient, ClientError> {
    let known = find_client(store, client_id).await?;
    let act = administrator.act("client-unslowed", client_id, Some(reason.as_str().to_owned()));
    store.unslow_client(client_id, &act).await?;
    Ok(KnownClient { slowed: None, ..known })
}

/// Who is slowed, as a node knows it.
#[derive(Debug, Default)]
pub struct SlowedClients {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Caps with the moment at which each is over.
    caps: HashMap<ClientId, (Limits, Option<Micros>)>,
    /// The first moment at which one of them is over.
    next_end: Option<Micros>,
}

impl SlowedClients {
    /// Replaces what is known by what the store holds. Rows that cannot be read are left out and
    /// returned.
    #[must_use = "what is left out is to be told"]
    pub fn replace(&self, rows: &[SlowedRow], now: Micros) -> Vec<StoreError> {
        let (mut caps, mut left_out) = (HashMap::default(), Vec::new());
        for row in rows.iter().filter(|row| row.is_in_force(now)) {
            let until = (row.until_us != 0).then_some(Micros(row.until_us));
            match (ClientId::parse(&row.client_id), row.limits()) {
                (Ok(id), Some(limits)) => drop(caps.insert(id, (limits, until))),
                (Ok(_) | Err(_), _) => left_out.push(StoreError::Inconsistent {
                    table: "slowed_clients",
                    row: row.client_id.clone(),
                }),
            }
        }
        let known = Known { next_end: next_end(&caps), caps };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        left_out
    }

    /// What a client's policy says, under its cap.
    pub fn capped(&self, client_id: &ClientId, terms: Terms) -> Terms {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.caps.get(client_id) {
            Some((cap, _)) => Terms { limits: terms.limits.at_most(*cap), ..terms },
            None => terms,
        }
    }

    /// Whether a client is slowed.
    pub fn slows(&self, client_id: &ClientId) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.caps.contains_key(client_id)
    }

    /// Forgets caps that are over now; whether there were any.
    pub fn end(&self, now: Micros) -> bool {
        let is_over = |until: Option<Micros>| until.is_some_and(|until| until <= now);
        if !is_over(self.known.read().unwrap_or_else(PoisonError::into_inner).next_end) {
            return false;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.caps.retain(|_, (_, until)| !is_over(*until));
        known.next_end = next_end(&known.caps);
        true
    }
}

fn next_end(caps: &HashMap<ClientId, (Limits, Option<Micros>)>) -> Option<Micros> {
    caps.values().filter_map(|(_, until)| *until).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_over_at_its_time_and_others_stay() {
        let row = |id: &str, until_us| SlowedRow {
            client_id: id.into(),
            rate: 2,
            burst: 4,
            until_us,
            reason: "x".into(),
            at_us: 0,
        };
        let rows = [row("a", 100), row("b", 0), row("c", 50), row("over", 10)];
        let slowed = SlowedClients::default();
        let broken = SlowedRow { rate: 0, ..row("broken", 0) };
        let left_out = slowed.replace(&[&rows[..], &[broken]].concat(), Micros(10));
        assert_eq!(left_out.len(), 1);
        let who = || {
            let known = slowed.known.read().unwrap();
            let mut who: Vec<String> = known.caps.keys().map(ToString::to_string).collect();
            who.sort();
            who.join("")
        };
        assert_eq!(who(), "abc");
        assert!(!slowed.end(Micros(49)));
        assert!(slowed.end(Micros(50)) && !slowed.end(Micros(99)));
        assert_eq!(who(), "ab");
        assert!(slowed.end(Micros(100)) && !slowed.end(Micros(i64::MAX)));
        assert_eq!(who(), "b");
    }
}
