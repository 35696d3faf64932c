//! Idempotency keys: which entry answered a request that may come twice. They are written with
//! their entry by the log's commit.

use sqlx::FromRow;

use super::{Store, StoreError};

/// A key that a request has used.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct IdempotencyRow {
    /// Log of the entry.
    pub log: String,
    /// Its index.
    pub entry_index: i64,
    /// Keyed digest of the request.
    pub body_digest: Vec<u8>,
}

impl Store {
    /// The entry that a client's key was used for since `after_us`.
    pub async fn idempotency_key(
        &self,
        client_id: &str,
        key_digest: &[u8],
        after_us: i64,
    ) -> Result<Option<IdempotencyRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select log, entry_index, body_digest from idempotency_keys \
                 where client_id = $1 and key_digest = $2 and created_us >= $3",
            )
            .bind(client_id)
            .bind(key_digest)
            .bind(after_us)
            .fetch_optional(pool)
            .await
        })?;
        Ok(row)
    }

    /// Deletes the keys that were used before `before_us`, at most `limit` of them, so that the
    /// log's writer does not wait long; how many there were. None while a dispute is not settled or
    /// an act not logged: its key keeps it from being logged twice.
    pub async fn forget_idempotency_keys(
        &self,
        before_us: i64,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let deleted = on_pool!(self, (pool, _) => {
            sqlx::query(
                "delete from idempotency_keys where (client_id, key_digest) in ( \
                 select client_id, key_digest from idempotency_keys where created_us < $1 \
                 and not exists (select 1 from disputes where settled = 0) \
                 and not exists (select 1 from acts) \
                 order by created_us limit $2)",
            )
            .bind(before_us)
            .bind(limit)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
        })?;
        Ok(deleted)
    }
}
