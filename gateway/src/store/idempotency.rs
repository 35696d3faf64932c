//! Idempotency keys: which entry answered a request that may come twice. They are written with
//! their entry by the log's commit; one whose request had nothing left to log is written by itself.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, FromRow};

use super::{KeyRow, Store, StoreError};

/// A key that a request has used, and the entry where its answer stands.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct IdempotencyRow {
    /// Log of the entry.
    pub log: String,
    /// Its index.
    pub entry_index: i64,
    /// Keyed digest of the request.
    pub body_digest: Vec<u8>,
}

/// The same with the key that was used.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct UsedKeyRow {
    /// Keyed digest of the key.
    pub key_digest: Vec<u8>,
    /// Where its answer stands.
    #[sqlx(flatten)]
    pub row: IdempotencyRow,
}

/// Keys in one statement.
const KEYS_AT_ONCE: usize = 250;

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

    /// Those of a client's keys that were used since `after_us`, with their entries.
    pub async fn idempotency_keys(
        &self,
        client_id: &str,
        key_digests: &[[u8; 16]],
        after_us: i64,
    ) -> Result<Vec<UsedKeyRow>, StoreError> {
        let mut used = Vec::new();
        for digests in key_digests.chunks(KEYS_AT_ONCE) {
            let rows: Vec<UsedKeyRow> = on_pool!(self, (pool, _) => {
                let mut query = sqlx::query_as(AssertSqlSafe(used_of(digests.len())));
                query = query.bind(client_id).bind(after_us);
                for digest in digests {
                    query = query.bind(&digest[..]);
                }
                query.fetch_all(pool).await
            })?;
            used.extend(rows);
        }
        Ok(used)
    }

    /// Keeps a key whose request left no entry of its own, because the log had it already: `row`
    /// leads to an entry of `log`. A key held since before `after_us` is free again. False where
    /// another request holds the key; true where this one does, now or since before.
    pub async fn keep_idempotency_key(
        &self,
        log: &str,
        row: &KeyRow,
        after_us: i64,
    ) -> Result<bool, StoreError> {
        let _turn = self.pool.turn().await;
        let kept = on_writing_pool!(self, (pool, _) => {
            sqlx::query(
                "insert into idempotency_keys \
                 (client_id, key_digest, log, entry_index, body_digest, created_us) \
                 values ($1, $2, $3, $4, $5, $6) \
                 on conflict (client_id, key_digest) do update set log = excluded.log, \
                 entry_index = excluded.entry_index, body_digest = excluded.body_digest, \
                 created_us = excluded.created_us where idempotency_keys.created_us < $7",
            )
            .bind(&row.client_id)
            .bind(&row.key_digest[..])
            .bind(log)
            .bind(row.entry_index)
            .bind(&row.body_digest[..])
            .bind(row.created_us)
            .bind(after_us)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
        })?;
        if kept > 0 {
            return Ok(true);
        }
        let held = self.idempotency_key(&row.client_id, &row.key_digest, after_us).await?;
        Ok(held.is_some_and(|held| held.body_digest == row.body_digest))
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

/// Looks so many keys up.
fn used_of(keys: usize) -> String {
    let mut text = String::from(
        "select key_digest, log, entry_index, body_digest from idempotency_keys \
         where client_id = $1 and created_us >= $2 and key_digest in (",
    );
    for key in 0..keys {
        let comma = if key == 0 { "" } else { ", " };
        let _infallible = write!(text, "{comma}${}", key + 3);
    }
    text + ")"
}
