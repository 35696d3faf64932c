//! The officials that clients have made known, by keyed digests.

use std::fmt::Write as _;

use sqlx::AssertSqlSafe;

use super::acts::add_act;
use super::{ActRow, Store, StoreError};

/// Rows in one statement.
const ROWS_AT_ONCE: usize = 100;

impl Store {
    /// Whether a client has made an official known.
    pub async fn has_official(&self, client_id: &str, official: &[u8]) -> Result<bool, StoreError> {
        let count: i64 = on_pool!(self, (pool, _) => {
            sqlx::query_scalar(
                "select count(*) from officials where client_id = $1 and official = $2",
            )
            .bind(client_id)
            .bind(official)
            .fetch_one(pool)
            .await
        })?;
        Ok(count > 0)
    }

    /// The officials of a client.
    pub async fn officials(&self, client_id: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_scalar("select official from officials where client_id = $1")
                .bind(client_id)
                .fetch_all(pool)
                .await
        })?;
        Ok(rows)
    }

    /// How many officials a client has made known.
    pub async fn count_officials(&self, client_id: &str) -> Result<i64, StoreError> {
        let count = on_pool!(self, (pool, _) => {
            sqlx::query_scalar("select count(*) from officials where client_id = $1")
                .bind(client_id)
                .fetch_one(pool)
                .await
        })?;
        Ok(count)
    }

    /// Puts officials on a client's list and takes others off, and the act beside it.
    pub async fn change_officials(
        &self,
        client_id: &str,
        added: &[[u8; 8]],
        removed: &[[u8; 8]],
        act: &ActRow,
    ) -> Result<(), StoreError> {
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            let inserts = added.chunks(ROWS_AT_ONCE).map(|rows| (insert(rows.len()), rows));
            let deletes = removed.chunks(ROWS_AT_ONCE).map(|rows| (delete(rows.len()), rows));
            for (text, rows) in inserts.chain(deletes) {
                let mut query = sqlx::query(AssertSqlSafe(text)).bind(client_id);
                for official in rows {
                    query = query.bind(official.as_slice());
                }
                query.execute(&mut *transaction).await?;
            }
            add_act!(transaction, act);
            transaction.commit().await?;
        });
        Ok(())
    }
}

fn insert(rows: usize) -> String {
    let mut text = String::from("insert into officials (client_id, official) values ");
    for row in 0..rows {
        let comma = if row == 0 { "" } else { ", " };
        let _infallible = write!(text, "{comma}($1, ${})", row + 2);
    }
    text + " on conflict (client_id, official) do nothing"
}

fn delete(rows: usize) -> String {
    let mut text = String::from("delete from officials where client_id = $1 and official in (");
    for row in 0..rows {
        let comma = if row == 0 { "" } else { ", " };
        let _infallible = write!(text, "{comma}${}", row + 2);
    }
    text + ")"
}
