//! Secrets of clients in their two slots, and when credentials were last good.
//!
//! Every change begins with the directory's version: its row is the lock behind which changes wait
//! for each other, so that two rotations at once do not choose the same slot.

use sqlx::FromRow;

use super::access::BUMP_VERSION;
use super::acts::add_act;
use super::{ActRow, Store, StoreError};

/// One of a client's two secrets, without its hash.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SecretSlotRow {
    /// 1 or 2.
    pub slot: i64,
    /// When it was put there.
    pub created_us: i64,
    /// When it was last good for a token, by the minute; null if never.
    pub last_used_us: Option<i64>,
}

/// What came of putting a credential in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialPut {
    /// It is there; a secret, in this slot.
    Done {
        /// 1 or 2 for a secret, 0 for a key.
        slot: i64,
    },
    /// Nobody has this identifier.
    UnknownClient,
    /// The client has a key of this name.
    Taken,
    /// The client has as many keys as it may have.
    TooMany,
    /// The client is closed for good.
    Closed,
    /// The secret that would end may be the one in use, because the newer one never was.
    NewerUnused,
    /// Another client has this key.
    OfAnother,
}

/// What came of taking a credential away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialTaken {
    /// It is gone.
    Done,
    /// Nobody has this identifier.
    UnknownClient,
    /// The client has no such credential.
    Unknown,
    /// The client would be left without any.
    Last,
}

/// A credential that was good for a token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialUse {
    /// The secret with this hash: the slot may hold another by now.
    Secret {
        /// The hash.
        hash: String,
    },
    /// The public key of this name.
    Key {
        /// Its identifier.
        kid: String,
    },
}

/// The slot that a new secret goes into: a free one, or that of the older secret.
pub fn slot_for_new(slots: &[SecretSlotRow]) -> i64 {
    let is_free = |slot: &i64| slots.iter().all(|row| row.slot != *slot);
    let older = || slots.iter().min_by_key(|row| (row.created_us, row.slot)).map(|row| row.slot);
    [1, 2].into_iter().find(is_free).or_else(older).unwrap_or(1)
}

/// Whether a new secret would end the only one that is known to be in use: both slots are taken, the
/// older secret was used, and the newer one never was. So it is where the answer to a rotation was
/// lost and it is repeated.
pub fn older_is_in_use_alone(slots: &[SecretSlotRow]) -> bool {
    let age = |row: &&SecretSlotRow| (row.created_us, row.slot);
    let (older, newer) = (slots.iter().min_by_key(age), slots.iter().max_by_key(age));
    slots.len() > 1
        && older.is_some_and(|row| row.last_used_us.is_some())
        && newer.is_some_and(|row| row.last_used_us.is_none())
}

const SLOTS: &str = "select slot, created_us, last_used_us from client_secrets \
     where client_id = $1 order by slot";
pub(super) const STATE: &str = "select state from clients where client_id = $1";
pub(super) const CREDENTIALS: &str = "select (select count(*) from client_secrets where client_id = $1) \
     + (select count(*) from client_keys where client_id = $1)";

/// Why a client in this state gets no credential.
pub(super) fn refusal_of(state: Option<&str>) -> Option<CredentialPut> {
    match state {
        None => Some(CredentialPut::UnknownClient),
        Some("closed") => Some(CredentialPut::Closed),
        Some(_) => None,
    }
}

impl Store {
    /// The secrets of a client; `None` where nobody has this identifier.
    pub async fn secret_slots(
        &self,
        client_id: &str,
    ) -> Result<Option<Vec<SecretSlotRow>>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            let state: Option<String> =
                sqlx::query_scalar(STATE).bind(client_id).fetch_optional(pool).await?;
            let slots = sqlx::query_as(SLOTS).bind(client_id).fetch_all(pool).await?;
            state.map(|_| slots)
        });
        Ok(rows)
    }

    /// Puts the hash of a new secret into the free slot or over the older secret, and the act
    /// beside it, which then names the slot. The older one stays while the newer was never used,
    /// unless `force`.
    pub async fn rotate_secret(
        &self,
        client_id: &str,
        hash: &str,
        force: bool,
        act: &ActRow,
    ) -> Result<CredentialPut, StoreError> {
        let slot = on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let state: Option<String> =
                sqlx::query_scalar(STATE).bind(client_id).fetch_optional(&mut *transaction).await?;
            if let Some(refused) = refusal_of(state.as_deref()) {
                return Ok(refused);
            }
            let slots: Vec<SecretSlotRow> =
                sqlx::query_as(SLOTS).bind(client_id).fetch_all(&mut *transaction).await?;
            if older_is_in_use_alone(&slots) && !force {
                return Ok(CredentialPut::NewerUnused);
            }
            let slot = slot_for_new(&slots);
            sqlx::query(
                "insert into client_secrets (client_id, slot, hash, created_us) \
                 values ($1, $2, $3, $4) on conflict (client_id, slot) do update \
                 set hash = excluded.hash, created_us = excluded.created_us, last_used_us = null",
            )
            .bind(client_id)
            .bind(slot)
            .bind(hash)
            .bind(act.at_us)
            .execute(&mut *transaction)
            .await?;
            let act = ActRow { detail: Some(format!("slot {slot}")), ..act.clone() };
            add_act!(transaction, &act);
            transaction.commit().await?;
            slot
        });
        Ok(CredentialPut::Done { slot })
    }

    /// Takes a secret out of its slot. The last credential of a client that is not closed stays,
    /// unless `force`.
    pub async fn retire_secret(
        &self,
        client_id: &str,
        slot: i64,
        force: bool,
        act: &ActRow,
    ) -> Result<CredentialTaken, StoreError> {
        const DELETE: &str = "delete from client_secrets where client_id = $1 and slot = $2";
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let state: Option<String> =
                sqlx::query_scalar(STATE).bind(client_id).fetch_optional(&mut *transaction).await?;
            let Some(state) = state else { return Ok(CredentialTaken::UnknownClient) };
            let done =
                sqlx::query(DELETE).bind(client_id).bind(slot).execute(&mut *transaction).await?;
            if done.rows_affected() == 0 {
                return Ok(CredentialTaken::Unknown);
            }
            let left: i64 =
                sqlx::query_scalar(CREDENTIALS).bind(client_id).fetch_one(&mut *transaction).await?;
            if left == 0 && !force && state != "closed" {
                return Ok(CredentialTaken::Last);
            }
            add_act!(transaction, act);
            transaction.commit().await?;
        });
        Ok(CredentialTaken::Done)
    }

    /// Writes down when credentials were last good: client, credential and moment each, in the order
    /// in which every node has them, so that two do not wait for each other in a circle. The
    /// directory's version stays, because no node decides by it.
    pub async fn note_uses(&self, uses: &[(String, CredentialUse, i64)]) -> Result<(), StoreError> {
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            for (client_id, credential, at_us) in uses {
                let (text, name) = match credential {
                    CredentialUse::Secret { hash } => (
                        "update client_secrets set last_used_us = $3 where client_id = $1 \
                         and hash = $2 and (last_used_us is null or last_used_us < $3)",
                        hash,
                    ),
                    CredentialUse::Key { kid } => (
                        "update client_keys set last_used_us = $3 where client_id = $1 \
                         and kid = $2 and (last_used_us is null or last_used_us < $3)",
                        kid,
                    ),
                };
                sqlx::query(text)
                    .bind(client_id)
                    .bind(name)
                    .bind(at_us)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_goes_into_the_free_slot_or_over_the_older_one() {
        let row = |slot, created_us| SecretSlotRow { slot, created_us, last_used_us: None };
        for (slots, chosen) in [
            (vec![], 1),
            (vec![row(1, 5)], 2),
            (vec![row(2, 5)], 1),
            (vec![row(1, 5), row(2, 6)], 1),
            (vec![row(1, 7), row(2, 6)], 2),
            (vec![row(1, 5), row(2, 5)], 1),
        ] {
            assert_eq!(slot_for_new(&slots), chosen, "{slots:?}");
        }
    }

    #[test]
    fn the_older_secret_is_known_to_be_in_use_while_the_newer_one_never_was() {
        let row = |slot, created_us, last_used_us| SecretSlotRow { slot, created_us, last_used_us };
        for (slots, unused) in [
            (vec![], false),
            (vec![row(1, 5, None)], false),
            (vec![row(1, 5, Some(9)), row(2, 6, None)], true),
            (vec![row(1, 6, None), row(2, 5, Some(9))], true),
            (vec![row(1, 5, None), row(2, 6, None)], false),
            (vec![row(1, 5, Some(9)), row(2, 6, Some(9))], false),
            (vec![row(1, 5, None), row(2, 6, Some(9))], false),
        ] {
            assert_eq!(older_is_in_use_alone(&slots), unused, "{slots:?}");
        }
    }
}
