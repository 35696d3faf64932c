//! Sums by key. What a key means is for `audit::counters` and `reports`.

use super::{BundleRow, CheckpointRow, Store, StoreError};

/// What is counted at one moment: the counters, and the bundles that they do not cover yet.
#[derive(Debug)]
pub struct Counted {
    /// Key and sum of each log, one after the other.
    pub counters: Vec<(String, i64)>,
    /// Each log with the bundles after its `counted_size`; a few thousand entries at most.
    pub tails: Vec<(CheckpointRow, Vec<BundleRow>)>,
}

impl Store {
    /// Counters of all logs whose key lies in `from..until`, with the logs' uncounted tails, all of
    /// one moment: the writer moves entries from the tail to the counters meanwhile.
    pub async fn counted(&self, from: &str, until: &str) -> Result<Counted, StoreError> {
        let (counters, tails) = on_pool!(self, (pool, dialect) => {
        let mut snapshot = pool.begin_with(dialect.begin_snapshot).await?;
        let checkpoints: Vec<CheckpointRow> = sqlx::query_as(
            "select log, tree_size, counted_size, note from log_checkpoints order by log",
        )
        .fetch_all(&mut *snapshot)
        .await?;
        let mut counters = Vec::new();
        let mut tails = Vec::with_capacity(checkpoints.len());
        for checkpoint in checkpoints {
            // By log, or the primary key would not help and every counter would be read.
            let counted: Vec<(String, i64)> = sqlx::query_as(
                "select key, n from counters where log = $1 and key >= $2 and key < $3",
            )
            .bind(&checkpoint.log)
            .bind(from)
            .bind(until)
            .fetch_all(&mut *snapshot)
            .await?;
            counters.extend(counted);
            let bundles = sqlx::query_as(
                "select first_index, entries_count, entries from log_bundles \
                 where log = $1 and first_index >= $2 order by first_index",
            )
            .bind(&checkpoint.log)
            .bind(checkpoint.counted_size)
            .fetch_all(&mut *snapshot)
            .await?;
            tails.push((checkpoint, bundles));
        }
        (counters, tails)
        });
        Ok(Counted { counters, tails })
    }

    /// Every counter of one log and the number of entries it covers, for a recount.
    pub async fn counters_of_log(
        &self,
        log: &str,
    ) -> Result<Option<(CheckpointRow, Vec<(String, i64)>)>, StoreError> {
        on_pool!(self, (pool, dialect) => {
            let mut snapshot = pool.begin_with(dialect.begin_snapshot).await?;
            let checkpoint: Option<CheckpointRow> = sqlx::query_as(
                "select log, tree_size, counted_size, note from log_checkpoints where log = $1",
            )
            .bind(log)
            .fetch_optional(&mut *snapshot)
            .await?;
            let Some(checkpoint) = checkpoint else { return Ok(None) };
            let counters = sqlx::query_as("select key, n from counters where log = $1 order by key")
                .bind(log)
                .fetch_all(&mut *snapshot)
                .await?;
            Ok(Some((checkpoint, counters)))
        })
    }

    /// Adds to the counters that stand outside the log; `counts` is a JSON object of key and
    /// number.
    pub async fn add_edge_counters(&self, log: &str, counts: &str) -> Result<(), StoreError> {
        on_pool!(self, (pool, dialect) => {
            sqlx::query(dialect.add_edge_counters).bind(log).bind(counts).execute(pool).await.map(drop)
        })?;
        Ok(())
    }

    /// Counters outside the log whose key lies in `from..until`, of each log.
    pub async fn edge_counters(
        &self,
        from: &str,
        until: &str,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select key, n from edge_counters \
             where log in (select log from log_checkpoints) and key >= $1 and key < $2",
        )
        .bind(from)
        .bind(until)
        .fetch_all(pool).await })?;
        Ok(rows)
    }
}
