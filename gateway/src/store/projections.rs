//! Reading the tables of the projections, and the bundles behind what they lead to.

use sqlx::FromRow;

use super::{BundleRow, Store, StoreError};

/// Name of the progress of persons: where they are, and whom clients asked about.
pub const PEOPLE: &str = "people";

/// How far a projection of a log has come.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ProgressRow {
    /// The projection.
    pub name: String,
    /// The first entry that it does not cover.
    pub next_index: i64,
}

/// A closed segment's times.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SegmentRow {
    /// Number of the segment.
    pub segment: i64,
    /// Earliest time, microseconds since 1970 UTC.
    pub first_us: i64,
    /// Latest time.
    pub last_us: i64,
    /// Times of every 256 entries.
    pub marks: Vec<u8>,
}

/// Which entries of a segment hold a term.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PostingsRow {
    /// The term.
    pub term: String,
    /// The compressed set.
    pub postings: Vec<u8>,
}

/// How many persons a client asked about in a month.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DistinctPersonsRow {
    /// The client.
    pub client_id: String,
    /// The Vietnamese month, such as 202611.
    pub month: i64,
    /// The number, over all logs.
    pub n: i64,
}

impl Store {
    /// How far the projections of a log have come; one that has not begun is left out.
    pub async fn projection_progress(&self, log: &str) -> Result<Vec<ProgressRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as("select name, next_index from projection_progress where log = $1")
                .bind(log)
                .fetch_all(pool).await })?;
        Ok(rows)
    }

    /// The segments of a log with these numbers, `from..until`, that have a row.
    pub async fn search_segments(
        &self,
        log: &str,
        from: i64,
        until: i64,
    ) -> Result<Vec<SegmentRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select segment, first_us, last_us, marks from search_segments \
             where log = $1 and segment >= $2 and segment < $3 order by segment",
        )
        .bind(log)
        .bind(from)
        .bind(until)
        .fetch_all(pool).await })?;
        Ok(rows)
    }

    /// Segment and set of every segment in `from..until` that holds the term.
    pub async fn search_postings(
        &self,
        log: &str,
        term: &str,
        from: i64,
        until: i64,
    ) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select segment, postings from search_postings \
             where log = $1 and term = $2 and segment >= $3 and segment < $4 order by segment",
        )
        .bind(log)
        .bind(term)
        .bind(from)
        .bind(until)
        .fetch_all(pool).await })?;
        Ok(rows)
    }

    /// The terms in `from..until` that any segment of a log holds.
    pub async fn search_terms(
        &self,
        log: &str,
        from: &str,
        until: &str,
    ) -> Result<Vec<String>, StoreError> {
        let terms = on_pool!(self, (pool, _) => { sqlx::query_scalar(
            "select distinct term from search_postings \
             where log = $1 and term >= $2 and term < $3 order by term",
        )
        .bind(log)
        .bind(from)
        .bind(until)
        .fetch_all(pool).await })?;
        Ok(terms)
    }

    /// How many persons each client asked about in each of the months `from..=to`, over all logs.
    pub async fn distinct_persons(
        &self,
        from: i64,
        to: i64,
    ) -> Result<Vec<DistinctPersonsRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select client_id, month, cast(sum(n) as bigint) as n from distinct_persons \
             where month >= $1 and month <= $2 group by client_id, month order by client_id, month",
        )
        .bind(from)
        .bind(to)
        .fetch_all(pool).await })?;
        Ok(rows)
    }

    /// The bundles of a log that hold entries of `from..until`, in order; the first may begin
    /// before, the last end after.
    pub async fn bundles_within(
        &self,
        log: &str,
        from: i64,
        until: i64,
    ) -> Result<Vec<BundleRow>, StoreError> {
        let rows: Vec<BundleRow> = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select first_index, entries_count, entries from log_bundles \
             where log = $1 and first_index < $3 and first_index >= coalesce((select \
             max(first_index) from log_bundles where log = $1 and first_index <= $2), 0) \
             order by first_index",
        )
        .bind(log)
        .bind(from)
        .bind(until)
        .fetch_all(pool).await })?;
        let reaches = |bundle: &BundleRow| bundle.first_index + bundle.entries_count > from;
        Ok(rows.into_iter().filter(reaches).collect())
    }

    /// The last bundle of a log that begins at or before an index; it may end before it.
    pub async fn bundle_at_or_before(
        &self,
        log: &str,
        index: i64,
    ) -> Result<Option<BundleRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select first_index, entries_count, entries from log_bundles \
             where log = $1 and first_index <= $2 order by first_index desc limit 1",
        )
        .bind(log)
        .bind(index)
        .fetch_optional(pool).await })?;
        Ok(row)
    }

    /// Index of the first entry of a log at or after `index` that begins a bundle.
    pub async fn next_bundle_index(
        &self,
        log: &str,
        index: i64,
    ) -> Result<Option<i64>, StoreError> {
        let first = on_pool!(self, (pool, _) => { sqlx::query_scalar(
            "select min(first_index) from log_bundles where log = $1 and first_index >= $2",
        )
        .bind(log)
        .bind(index)
        .fetch_one(pool).await })?;
        Ok(first)
    }
}
