//! What was good once and is not any more: assertions that were used, tokens that were taken back.
//! Rows are of use until what they name would have expired, and a little longer.

use sqlx::FromRow;

use super::{Store, StoreError};

/// In place of a `jti`: all tokens of the client that were issued until the row was written. No `jti`
/// has this letter.
pub const ALL_TOKENS: &str = "*";
/// Tokens that a client may have taken back one by one at a time. A system has one or a few tokens,
/// each good for an hour at most; who takes back more than this has all of them taken back.
const REVOKED_MAX: i64 = 1_000;
/// How long the row that stands for all is of use: the longest life of a token that can be configured,
/// and a minute.
const ALL_TOKENS_KEPT_US: i64 = 3_660_000_000;

/// A token that was taken back before it expired.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct RevokedRow {
    /// Whose.
    pub client_id: String,
    /// Its `jti`, or [`ALL_TOKENS`].
    pub jti: String,
    /// When nobody accepts it any more, revoked or not.
    pub expires_us: i64,
    /// When it was taken back, by the clock of the node that did, and not before it was issued.
    pub revoked_us: i64,
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
        let _turn = self.pool.turn().await;
        let done = on_writing_pool!(self, (pool, _) => {
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

    /// Takes a token back, or all of the client's where it has taken back very many; the row that
    /// says so. Written again it is new again: whoever repeats a request whose answer was lost may
    /// have been too slow for the nodes to read the first.
    pub async fn revoke_token(&self, token: RevokedRow) -> Result<RevokedRow, StoreError> {
        let live: i64 = on_pool!(self, (pool, _) => {
            sqlx::query_scalar(
                "select count(*) from revoked_tokens where client_id = $1 and expires_us > $2",
            )
            .bind(&token.client_id)
            .bind(token.revoked_us)
            .fetch_one(pool)
            .await
        })?;
        let row = if live < REVOKED_MAX { token } else { token.of_all() };
        let _turn = self.pool.turn().await;
        on_writing_pool!(self, (pool, _) => {
            sqlx::query(
                "insert into revoked_tokens (client_id, jti, expires_us, revoked_us) \
                 values ($1, $2, $3, $4) on conflict (client_id, jti) do update \
                 set expires_us = excluded.expires_us, revoked_us = excluded.revoked_us \
                 where revoked_tokens.revoked_us < excluded.revoked_us",
            )
            .bind(&row.client_id)
            .bind(&row.jti)
            .bind(row.expires_us)
            .bind(row.revoked_us)
            .execute(pool)
            .await
            .map(drop)
        })?;
        Ok(row)
    }

    /// Tokens that were taken back and would still be good at `now_us`, in the order in which they
    /// were: those that follow a place in it (moment, client and `jti`), at most `limit`.
    pub async fn revoked_tokens(
        &self,
        (after_us, client_id, jti): (i64, &str, &str),
        now_us: i64,
        limit: i64,
    ) -> Result<Vec<RevokedRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select client_id, jti, expires_us, revoked_us from revoked_tokens \
                 where (revoked_us, client_id, jti) > ($1, $2, $3) and expires_us > $4 \
                 order by revoked_us, client_id, jti limit $5",
            )
            .bind(after_us)
            .bind(client_id)
            .bind(jti)
            .bind(now_us)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Forgets what has expired before `before_us`, at most `limit` of each kind, so that nobody
    /// waits long behind a backlog; how many rows there were.
    pub async fn forget_spent(&self, before_us: i64, limit: i64) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for text in [
            "delete from assertions_used where (client_id, jti_digest) in ( \
             select client_id, jti_digest from assertions_used where expires_us < $1 \
             order by expires_us limit $2)",
            "delete from revoked_tokens where (client_id, jti) in ( \
             select client_id, jti from revoked_tokens where expires_us < $1 \
             order by expires_us limit $2)",
        ] {
            forgotten += on_pool!(self, (pool, _) => {
                sqlx::query(text)
                    .bind(before_us)
                    .bind(limit)
                    .execute(pool)
                    .await
                    .map(|done| done.rows_affected())
            })?;
        }
        Ok(forgotten)
    }
}

impl RevokedRow {
    /// The row that stands for all tokens of the client that were issued until this one was taken
    /// back.
    fn of_all(self) -> Self {
        let expires_us = self.revoked_us + ALL_TOKENS_KEPT_US;
        Self { jti: ALL_TOKENS.to_owned(), expires_us, ..self }
    }
}
