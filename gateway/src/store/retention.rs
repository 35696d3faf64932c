//! Days of a log that are dropped: what is left of them, and the end of their bundles.

use sqlx::FromRow;

use super::{Store, StoreError};

/// A day that was dropped or is about to be.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DroppedRow {
    /// Vietnamese day in days since 1970.
    pub day: i64,
    /// First index of the day's bundles.
    pub first_index: i64,
    /// The index after the last of them.
    pub end_index: i64,
    /// Size of the log when the day was chosen: its totals stand there or after it.
    pub from_size: i64,
    /// Index of its totals, once they are in the log.
    pub totals_index: Option<i64>,
    /// The entry with its totals.
    pub totals: Option<Vec<u8>>,
}

/// A bundle without its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct BundlePlace {
    /// Index of the first entry.
    pub first_index: i64,
    /// Number of entries.
    pub entries_count: i64,
    /// Vietnamese day in days since 1970.
    pub day: i64,
}

impl Store {
    /// The days of a log that were dropped or are about to be, the earliest first.
    pub async fn dropped_days(&self, log: &str) -> Result<Vec<DroppedRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select day, first_index, end_index, from_size, totals_index, totals \
                 from log_dropped where log = $1 order by day",
            )
            .bind(log)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// The first bundle that is there.
    pub async fn first_bundle(&self, log: &str) -> Result<Option<BundlePlace>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select first_index, entries_count, day from log_bundles \
                 where log = $1 order by first_index limit 1",
            )
            .bind(log)
            .fetch_optional(pool)
            .await
        })?;
        Ok(row)
    }

    /// The last bundle that begins at `index` or before it.
    pub async fn bundle_at(
        &self,
        log: &str,
        index: i64,
    ) -> Result<Option<BundlePlace>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select first_index, entries_count, day from log_bundles \
                 where log = $1 and first_index <= $2 order by first_index desc limit 1",
            )
            .bind(log)
            .bind(index)
            .fetch_optional(pool)
            .await
        })?;
        Ok(row)
    }

    /// Counters of a log whose key lies in `from..until`.
    pub async fn counters_between(
        &self,
        log: &str,
        from: &str,
        until: &str,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select key, n from counters where log = $1 and key >= $2 and key < $3",
            )
            .bind(log)
            .bind(from)
            .bind(until)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Notes that a day is about to be dropped; what is noted already stays. What is noted.
    pub async fn choose_day(&self, log: &str, row: &DroppedRow) -> Result<DroppedRow, StoreError> {
        let noted: Option<DroppedRow> = on_pool!(self, (pool, _) => {
            sqlx::query(
                "insert into log_dropped (log, day, first_index, end_index, from_size) \
                 values ($1, $2, $3, $4, $5) on conflict (log, day) do nothing",
            )
            .bind(log)
            .bind(row.day)
            .bind(row.first_index)
            .bind(row.end_index)
            .bind(row.from_size)
            .execute(pool)
            .await?;
            sqlx::query_as(
                "select day, first_index, end_index, from_size, totals_index, totals \
                 from log_dropped where log = $1 and day = $2",
            )
            .bind(log)
            .bind(row.day)
            .fetch_optional(pool)
            .await
        })?;
        noted.ok_or_else(|| StoreError::Inconsistent {
            table: "log_dropped",
            row: format!("{log}/{}", row.day),
        })
    }

    /// Declares a day dropped: its totals are in the log. From here on its bundles may be absent.
    pub async fn declare_dropped(
        &self,
        log: &str,
        day: i64,
        totals_index: i64,
        totals: &[u8],
    ) -> Result<(), StoreError> {
        on_pool!(self, (pool, _) => {
            sqlx::query(
                "update log_dropped set totals_index = $3, totals = $4 \
                 where log = $1 and day = $2 and totals_index is null",
            )
            .bind(log)
            .bind(day)
            .bind(totals_index)
            .bind(totals)
            .execute(pool)
            .await
            .map(drop)
        })?;
        Ok(())
    }

    /// Deletes the bundles of a day that begin in `from..until`, if the day was declared dropped.
    pub async fn delete_bundles(
        &self,
        log: &str,
        day: i64,
        from: i64,
        until: i64,
    ) -> Result<(), StoreError> {
        on_pool!(self, (pool, _) => {
            sqlx::query(
                "delete from log_bundles \
                 where log = $1 and day = $2 and first_index >= $3 and first_index < $4 \
                 and exists (select 1 from log_dropped where log = $1 and day = $2 \
                 and totals_index is not null)",
            )
            .bind(log)
            .bind(day)
            .bind(from)
            .bind(until)
            .execute(pool)
            .await
            .map(drop)
        })?;
        Ok(())
    }

    /// Days of a log that were declared dropped and whose disk was not given back: somebody read for
    /// long, or another log has bundles of that day.
    pub async fn days_to_free(&self, log: &str) -> Result<Vec<i64>, StoreError> {
        let days = on_pool!(self, (pool, dialect) => {
            sqlx::query_scalar(dialect.days_to_free).bind(log).fetch_all(pool).await
        })?;
        Ok(days)
    }

    /// Gives the disk of a day back whose bundles are deleted: a server drops the day's partition
    /// where no log has a bundle in it, and a file uses its pages again by itself. Where somebody
    /// reads for long, nothing happens: it is to be asked for again while it is one of
    /// [`Store::days_to_free`].
    pub async fn free_day(&self, day: i64) -> Result<(), StoreError> {
        on_pool!(self, (pool, dialect) => {
            sqlx::query(dialect.free_day).bind(day).execute(pool).await.map(drop)
        })?;
        Ok(())
    }
}
