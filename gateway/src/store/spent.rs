//! What was good once and is not any more: assertions that were used, tokens that were taken back.
//! Rows are of use until what they name would have expired, and a little longer.

use sqlx::FromRow;

use super::{Store, StoreError};

/// A token that was taken back before it expired.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RevokedRow {
    /// Its `jti`.
    pub jti: String,
    /// When nobody accepts it any more, revoked or not.
    pub expires_us: i64,
}

impl Store {
    /// Uses an assertion up; whether it was unused until now. The row decides, so of any number of
    /// copies on any number of nodes one is the first.
    pub async fn use_assertion(
        &self,
        client_id: &str,
        jti_digest: &[u8],
        expires_us: i64,
    ) -> Result<bool, StoreError> {
        let done = on_pool!(self, (pool, _) => {
            sqlx::query(
                "insert into assertions_used (client_id, jti_digest, expires_us) \
                 values ($1, $2, $3) on conflict (client_id, jti_digest) do nothing",
            )
            .bind(client_id)
            .bind(jti_digest)
            .bind(expires_us)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
        })?;
        Ok(done == 1)
    }

    /// Takes a token back; once is enough.
    pub async fn revoke_token(
        &self,
        client_id: &str,
        jti: &str,
        expires_us: i64,
    ) -> Result<(), StoreError> {
        on_pool!(self, (pool, _) => {
            sqlx::query(
                "insert into revoked_tokens (client_id, jti, expires_us) values ($1, $2, $3) \
                 on conflict (client_id, jti) do nothing",
            )
            .bind(client_id)
            .bind(jti)
            .bind(expires_us)
            .execute(pool)
            .await
            .map(drop)
        })?;
        Ok(())
    }

    /// Tokens that were taken back and would still be good at `now_us`.
    pub async fn revoked_tokens(&self, now_us: i64) -> Result<Vec<RevokedRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as("select jti, expires_us from revoked_tokens where expires_us > $1")
                .bind(now_us)
                .fetch_all(pool)
                .await
        })?;
        Ok(rows)
    }

    /// Forgets what has expired before `before_us`; how many rows there were.
    pub async fn forget_spent(&self, before_us: i64) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for text in [
            "delete from assertions_used where expires_us < $1",
            "delete from revoked_tokens where expires_us < $1",
        ] {
            forgotten += on_pool!(self, (pool, _) => {
                sqlx::query(text)
                    .bind(before_us)
                    .execute(pool)
                    .await
                    .map(|done| done.rows_affected())
            })?;
        }
        Ok(forgotten)
    }
}
