//! Public keys of clients for `private_key_jwt`. Changes begin as those of secrets do.

use sqlx::FromRow;

use super::access::BUMP_VERSION;
use super::acts::add_act;
use super::credentials::{CREDENTIALS, CredentialPut, CredentialTaken, STATE, refusal_of};
use super::{ActRow, Store, StoreError};

/// A public key of a client.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ClientKeyRow {
    /// Whose.
    pub client_id: String,
    /// Its identifier among the client's keys.
    pub kid: String,
    /// The key, JWK (RFC 7517).
    pub jwk: String,
    /// When it was added.
    pub created_us: i64,
    /// When it was last good for a token, by the minute; null if never.
    pub last_used_us: Option<i64>,
}

/// Keys of other clients that hold a text; `like` would take some of its letters for others.
const OF_OTHERS: &str = "select count(*) from client_keys \
     where client_id <> $1 and replace(jwk, $2, '') <> jwk";

impl Store {
    /// All public keys of all clients.
    pub async fn client_keys(&self) -> Result<Vec<ClientKeyRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select client_id, kid, jwk, created_us, last_used_us from client_keys \
                 order by client_id, kid",
            )
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Whether another client has a key with this `member`.
    pub async fn is_key_of_another(
        &self,
        client_id: &str,
        member: &str,
    ) -> Result<bool, StoreError> {
        let others: i64 = on_pool!(self, (pool, _) => {
            sqlx::query_scalar(OF_OTHERS).bind(client_id).bind(member).fetch_one(pool).await
        })?;
        Ok(others > 0)
    }

    /// The public keys of a client; `None` where nobody has this identifier.
    pub async fn keys_of_client(
        &self,
        client_id: &str,
    ) -> Result<Option<Vec<ClientKeyRow>>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            let state: Option<String> =
                sqlx::query_scalar(STATE).bind(client_id).fetch_optional(pool).await?;
            let keys = sqlx::query_as(
                "select client_id, kid, jwk, created_us, last_used_us from client_keys \
                 where client_id = $1 order by kid",
            )
            .bind(client_id)
            .fetch_all(pool)
            .await?;
            state.map(|_| keys)
        });
        Ok(rows)
    }

    /// Adds a public key, unless the client has `keys_max` or one of this name, or another client
    /// has one with the same `member`, which tells keys from each other as they are written.
    pub async fn add_client_key(
        &self,
        key: &ClientKeyRow,
        member: &str,
        keys_max: i64,
        act: &ActRow,
    ) -> Result<CredentialPut, StoreError> {
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let state: Option<String> = sqlx::query_scalar(STATE)
                .bind(&key.client_id)
                .fetch_optional(&mut *transaction)
                .await?;
            if let Some(refused) = refusal_of(state.as_deref()) {
                return Ok(refused);
            }
            let others: i64 = sqlx::query_scalar(OF_OTHERS)
                .bind(&key.client_id)
                .bind(member)
                .fetch_one(&mut *transaction)
                .await?;
            if others > 0 {
                return Ok(CredentialPut::OfAnother);
            }
            let kids: Vec<String> =
                sqlx::query_scalar("select kid from client_keys where client_id = $1")
                    .bind(&key.client_id)
                    .fetch_all(&mut *transaction)
                    .await?;
            if kids.contains(&key.kid) {
                return Ok(CredentialPut::Taken);
            }
            if kids.len() as i64 >= keys_max {
                return Ok(CredentialPut::TooMany);
            }
            sqlx::query(
                "insert into client_keys (client_id, kid, jwk, created_us) \
                 values ($1, $2, $3, $4)",
            )
            .bind(&key.client_id)
            .bind(&key.kid)
            .bind(&key.jwk)
            .bind(key.created_us)
            .execute(&mut *transaction)
            .await?;
            add_act!(transaction, act);
            transaction.commit().await?;
        });
        Ok(CredentialPut::Done { slot: 0 })
    }

    /// Takes a public key away. The last credential of a client that is not closed stays, unless
    /// `force`.
    pub async fn remove_client_key(
        &self,
        client_id: &str,
        kid: &str,
        force: bool,
        act: &ActRow,
    ) -> Result<CredentialTaken, StoreError> {
        const DELETE: &str = "delete from client_keys where client_id = $1 and kid = $2";
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let state: Option<String> =
                sqlx::query_scalar(STATE).bind(client_id).fetch_optional(&mut *transaction).await?;
            let Some(state) = state else { return Ok(CredentialTaken::UnknownClient) };
            let done =
                sqlx::query(DELETE).bind(client_id).bind(kid).execute(&mut *transaction).await?;
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
}
