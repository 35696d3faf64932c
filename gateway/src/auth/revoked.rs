//! Tokens that were taken back before they expired. None ever becomes good again, so what is known
//! stays until it has expired.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

use foldhash::HashMap;

use super::VerifiedToken;
use crate::clock::Micros;
use crate::request::ClientId;
use crate::store::{ALL_TOKENS, RevokedRow};

/// What was written this long before the last row that was read is read again: clocks of nodes differ,
/// and a row may be seen by others later than one that was written after it.
const OVERLAP_SECONDS: i64 = 60;

/// The tokens that were taken back.
#[derive(Debug, Default)]
pub struct RevokedTokens {
    known: RwLock<Known>,
    /// When the last row was written that was read from the store.
    read_us: AtomicI64,
}

#[derive(Debug, Default)]
struct Known {
    /// By `jti`, until nobody accepts them any more.
    single: HashMap<Box<str>, Micros>,
    /// Clients whose tokens were all taken back that were issued until the first moment; it is of use
    /// until the second.
    all: HashMap<ClientId, (Micros, Micros)>,
}

impl RevokedTokens {
    /// Learns what the store has, in the order in which it was written.
    pub fn read(&self, rows: &[RevokedRow]) {
        self.learn(rows);
        if let Some(last) = rows.last() {
            self.read_us.fetch_max(last.revoked_us, Ordering::AcqRel);
        }
    }

    /// Learns what was taken back here: what others have written before may be unread yet.
    pub fn learn(&self, rows: &[RevokedRow]) {
        if rows.is_empty() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            known.add(row);
        }
    }

    /// From when on rows may be new. A clock that was ahead holds nothing back once it is right.
    pub fn unread_from(&self, now: Micros) -> Micros {
        let read = Micros(self.read_us.load(Ordering::Acquire));
        read.min(now).plus_seconds(-OVERLAP_SECONDS)
    }

    /// Forgets what has expired.
    pub fn forget_expired(&self, now: Micros) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.single.retain(|_, until| *until > now);
        known.all.retain(|_, (_, until)| *until > now);
    }

    /// Whether a token was taken back.
    pub(super) fn holds(&self, token: &VerifiedToken) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.single.contains_key(token.jti())
            || known
                .all
                .get(token.client_id())
                .is_some_and(|(issued_until, _)| token.issued_at() <= *issued_until)
    }
}

impl Known {
    fn add(&mut self, row: &RevokedRow) {
        let until = Micros(row.expires_us);
        if row.jti != ALL_TOKENS {
            self.single.entry(row.jti.as_str().into()).or_insert(until);
            return;
        }
        let Ok(client_id) = ClientId::parse(&row.client_id) else { return };
        let all = self.all.entry(client_id).or_insert((Micros(row.revoked_us), until));
        *all = (*all).max((Micros(row.revoked_us), until));
    }
}
