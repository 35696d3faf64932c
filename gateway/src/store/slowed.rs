//! Clients that are slowed: a cap on top of what their policy says.

use sqlx::FromRow;

use super::access::BUMP_VERSION;
use super::acts::add_act;
use super::{ActRow, Store, StoreError};

/// A client that is slowed, or was until a moment that has come.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SlowedRow {
    /// Who.
    pub client_id: String,
    /// Requests per second in the long run, at most.
    pub rate: i64,
    /// Requests at once after a rest, at most.
    pub burst: i64,
    /// The first moment at which it is over; 0 for none.
    pub until_us: i64,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at_us: i64,
}

impl Store {
    /// All that are slowed or were, by identifier.
    pub async fn slowed_clients(&self) -> Result<Vec<SlowedRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select client_id, rate, burst, until_us, reason, at_us from slowed_clients \
                 order by client_id",
            )
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// How one client is slowed, or was.
    pub async fn slowed_client(&self, client_id: &str) -> Result<Option<SlowedRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select client_id, rate, burst, until_us, reason, at_us from slowed_clients \
                 where client_id = $1",
            )
            .bind(client_id)
            .fetch_optional(pool)
            .await
        })?;
        Ok(row)
    }

    /// Slows a client, in place of how it is slowed already, with the act that tells it. False, and
    /// nothing is done, where there is no such client or it is closed.
    pub async fn slow_client(&self, row: &SlowedRow, act: &ActRow) -> Result<bool, StoreError> {
        let mut is_slowed = false;
        on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let done = sqlx::query(
                "insert into slowed_clients (client_id, rate, burst, until_us, reason, at_us) \
                 select client_id, $2, $3, $4, $5, $6 from clients \
                 where client_id = $1 and state <> 'closed' \
                 on conflict (client_id) do update set rate = excluded.rate, \
                 burst = excluded.burst, until_us = excluded.until_us, \
                 reason = excluded.reason, at_us = excluded.at_us",
            )
            .bind(&row.client_id)
            .bind(row.rate)
            .bind(row.burst)
            .bind(row.until_us)
            .bind(&row.reason)
            .bind(row.at_us)
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 1 {
                add_act!(transaction, act);
                transaction.commit().await?;
                is_slowed = true;
            }
        });
        Ok(is_slowed)
    }

    /// Slows a client no longer, with the act that tells it. False, and nothing is done, where it is
    /// not slowed.
    pub async fn unslow_client(&self, client_id: &str, act: &ActRow) -> Result<bool, StoreError> {
        let mut is_done = false;
        on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let done = sqlx::query(
                "delete from slowed_clients \
                 where client_id = $1 and (until_us = 0 or until_us > $2)",
            )
            .bind(client_id)
            .bind(act.at_us)
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 1 {
                add_act!(transaction, act);
                transaction.commit().await?;
                is_done = true;
            }
        });
        Ok(is_done)
    }
}
