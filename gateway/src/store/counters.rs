//! Sums by key. What a key means is for `audit::counters` and `reports`.

use super::{Store, StoreError};

impl Store {
    /// Counters of all logs whose key lies in `from..until`, summed over the logs.
    pub async fn counters(
        &self,
        from: &str,
        until: &str,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = sqlx::query_as(
            "select key, sum(n) from counters where key >= $1 and key < $2 group by key order by key",
        )
        .bind(from)
        .bind(until)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Every counter of one log, for a recount.
    pub async fn counters_of_log(&self, log: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = sqlx::query_as("select key, n from counters where log = $1 order by key")
            .bind(log)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows)
    }

    /// Adds to the counters that stand outside the log; `counts` is a JSON object of key and
    /// number.
    pub async fn add_edge_counters(&self, log: &str, counts: &str) -> Result<(), StoreError> {
        sqlx::query(
            "insert into edge_counters (log, key, n) \
             select $1, key, value from json_each($2) where true \
             on conflict (log, key) do update set n = n + excluded.n",
        )
        .bind(log)
        .bind(counts)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Counters outside the log whose key lies in `from..until`, summed over the logs.
    pub async fn edge_counters(
        &self,
        from: &str,
        until: &str,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = sqlx::query_as(
            "select key, sum(n) from edge_counters where key >= $1 and key < $2 \
             group by key order by key",
        )
        .bind(from)
        .bind(until)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
