//! The tables of the projections: what is built from the log behind its writer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, FromRow, SqliteConnection};

use super::{BundleRow, Store, StoreError};

/// Rows in one statement: enough to make its overhead small, few enough for the 32,766 parameters
/// that `SQLite` takes.
const ROWS_PER_STATEMENT: usize = 500;

/// How far a projection of a log has come.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ProgressRow {
    /// The projection.
    pub name: String,
    /// The first entry that it does not cover.
    pub next_index: i64,
}

/// A move of a projection, which happens together with its rows or not at all.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The log.
    pub log: &'a str,
    /// The projection.
    pub name: &'a str,
    /// Where it stands.
    pub from: i64,
    /// Where it stands afterwards.
    pub until: i64,
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

/// Whom a client asked about in a month.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientPersonRow {
    /// Beginning of the pseudonym.
    pub person: i64,
    /// The client.
    pub client_id: String,
    /// The Vietnamese month, such as 202611.
    pub month: i64,
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

/// The connection through which projections are built. It does not wait for the disk: what a
/// power failure takes away is built again, and the log's own commits, which wait, take what was
/// written before them along.
#[derive(Debug)]
pub struct ProjectionWriter {
    connection: SqliteConnection,
}

impl ProjectionWriter {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self { connection }
    }

    /// Writes the rows of a closed segment; false where somebody else moved the projection.
    ///
    /// If we die before it returns, either all of it is there or nothing.
    pub async fn add_segment(
        &mut self,
        progress: Progress<'_>,
        row: Option<&SegmentRow>,
        segment: i64,
        postings: &[PostingsRow],
    ) -> Result<bool, StoreError> {
        let mut transaction = sqlx::Connection::begin(&mut self.connection).await?;
        if !advance(&mut transaction, progress).await? {
            return Ok(false);
        }
        if let Some(row) = row {
            sqlx::query(
                "insert into search_segments (log, segment, first_us, last_us, marks) \
                 values ($1, $2, $3, $4, $5)",
            )
            .bind(progress.log)
            .bind(segment)
            .bind(row.first_us)
            .bind(row.last_us)
            .bind(&row.marks)
            .execute(&mut *transaction)
            .await?;
        }
        for row in postings {
            sqlx::query(
                "insert into search_postings (log, term, segment, postings) \
                 values ($1, $2, $3, $4)",
            )
            .bind(progress.log)
            .bind(&row.term)
            .bind(segment)
            .bind(&row.postings)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Writes where persons are and whom clients asked about, both in the order of their keys, and
    /// counts the latter; false where somebody else moved the projection. Rows that are there
    /// already change nothing.
    ///
    /// If we die before it returns, either all of it is there or nothing.
    pub async fn add_people(
        &mut self,
        progress: Progress<'_>,
        persons: &[(i64, i64)],
        client_persons: &[ClientPersonRow],
    ) -> Result<bool, StoreError> {
        let mut transaction = sqlx::Connection::begin(&mut self.connection).await?;
        if !advance(&mut transaction, progress).await? {
            return Ok(false);
        }
        for rows in persons.chunks(ROWS_PER_STATEMENT) {
            let statement = format!(
                "insert into person_entries (person, log, entry_index) values {} \
                 on conflict do nothing",
                placeholders(rows.len(), 3)
            );
            // Only a full statement comes again.
            let mut query =
                sqlx::query(AssertSqlSafe(statement)).persistent(rows.len() == ROWS_PER_STATEMENT);
            for (person, index) in rows {
                query = query.bind(person).bind(progress.log).bind(index);
            }
            query.execute(&mut *transaction).await?;
        }
        let mut new = BTreeMap::new();
        for rows in client_persons.chunks(ROWS_PER_STATEMENT) {
            for key in insert_client_persons(&mut transaction, rows).await? {
                *new.entry(key).or_insert(0_i64) += 1;
            }
        }
        for ((client_id, month), n) in new {
            sqlx::query(
                "insert into distinct_persons (log, client_id, month, n) \
                 values ($1, $2, $3, $4) \
                 on conflict (log, client_id, month) \
                 do update set n = distinct_persons.n + excluded.n",
            )
            .bind(progress.log)
            .bind(client_id)
            .bind(month)
            .bind(n)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Moves a projection from where it is thought to stand.
async fn advance(
    connection: &mut SqliteConnection,
    progress: Progress<'_>,
) -> Result<bool, StoreError> {
    let moved = sqlx::query(
        "insert into projection_progress (log, name, next_index) values ($1, $2, $4) \
         on conflict (log, name) do update set next_index = excluded.next_index \
         where projection_progress.next_index = $3",
    )
    .bind(progress.log)
    .bind(progress.name)
    .bind(progress.from)
    .bind(progress.until)
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Client and month of each row that was not there before.
async fn insert_client_persons(
    connection: &mut SqliteConnection,
    rows: &[ClientPersonRow],
) -> Result<Vec<(String, i64)>, StoreError> {
    let statement = format!(
        "insert into client_persons (person, client_id, month) values {} \
         on conflict do nothing returning client_id, month",
        placeholders(rows.len(), 3)
    );
    let mut query =
        sqlx::query_as(AssertSqlSafe(statement)).persistent(rows.len() == ROWS_PER_STATEMENT);
    for row in rows {
        query = query.bind(row.person).bind(&row.client_id).bind(row.month);
    }
    Ok(query.fetch_all(connection).await?)
}

/// `($1, $2), ($3, $4)` for so many rows and columns.
fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 7);
    for row in 0..rows {
        text.push_str(if row > 0 { ", (" } else { "(" });
        for column in 1..=columns {
            let comma = if column > 1 { ", " } else { "" };
            let _infallible = write!(text, "{comma}${}", row * columns + column);
        }
        text.push(')');
    }
    text
}

impl Store {
    /// Opens the connection that builds projections.
    pub async fn projection_writer(&self) -> Result<ProjectionWriter, StoreError> {
        use sqlx::ConnectOptions as _;
        let options = self.options.clone().synchronous(sqlx::sqlite::SqliteSynchronous::Normal);
        Ok(ProjectionWriter::new(options.connect().await?))
    }

    /// How far the projections of a log have come; one that has not begun is left out.
    pub async fn projection_progress(&self, log: &str) -> Result<Vec<ProgressRow>, StoreError> {
        let rows =
            sqlx::query_as("select name, next_index from projection_progress where log = $1")
                .bind(log)
                .fetch_all(&self.pool)
                .await?;
        Ok(rows)
    }

    /// The segments of a log with these numbers, `from..until`, that have a row.
    pub async fn search_segments(
        &self,
        log: &str,
        from: i64,
        until: i64,
    ) -> Result<Vec<SegmentRow>, StoreError> {
        let rows = sqlx::query_as(
            "select segment, first_us, last_us, marks from search_segments \
             where log = $1 and segment >= $2 and segment < $3 order by segment",
        )
        .bind(log)
        .bind(from)
        .bind(until)
        .fetch_all(&self.pool)
        .await?;
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
        let rows = sqlx::query_as(
            "select segment, postings from search_postings \
             where log = $1 and term = $2 and segment >= $3 and segment < $4 order by segment",
        )
        .bind(log)
        .bind(term)
        .bind(from)
        .bind(until)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// The terms in `from..until` that any segment of a log holds.
    pub async fn search_terms(
        &self,
        log: &str,
        from: &str,
        until: &str,
    ) -> Result<Vec<String>, StoreError> {
        let terms = sqlx::query_scalar(
            "select distinct term from search_postings \
             where log = $1 and term >= $2 and term < $3 order by term",
        )
        .bind(log)
        .bind(from)
        .bind(until)
        .fetch_all(&self.pool)
        .await?;
        Ok(terms)
    }

    /// The last `limit` entries of a person below an index, newest first.
    pub async fn person_entries(
        &self,
        log: &str,
        person: i64,
        below: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let indexes = sqlx::query_scalar(
            "select entry_index from person_entries \
             where person = $1 and log = $2 and entry_index < $3 \
             order by entry_index desc limit $4",
        )
        .bind(person)
        .bind(log)
        .bind(below)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(indexes)
    }

    /// How many persons each client asked about in each of the months `from..=to`, over all logs.
    pub async fn distinct_persons(
        &self,
        from: i64,
        to: i64,
    ) -> Result<Vec<DistinctPersonsRow>, StoreError> {
        let rows = sqlx::query_as(
            "select client_id, month, cast(sum(n) as bigint) as n from distinct_persons \
             where month >= $1 and month <= $2 group by client_id, month order by client_id, month",
        )
        .bind(from)
        .bind(to)
        .fetch_all(&self.pool)
        .await?;
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
        let rows: Vec<BundleRow> = sqlx::query_as(
            "select first_index, entries_count, entries from log_bundles \
             where log = $1 and first_index < $3 and first_index >= coalesce((select \
             max(first_index) from log_bundles where log = $1 and first_index <= $2), 0) \
             order by first_index",
        )
        .bind(log)
        .bind(from)
        .bind(until)
        .fetch_all(&self.pool)
        .await?;
        let reaches = |bundle: &BundleRow| bundle.first_index + bundle.entries_count > from;
        Ok(rows.into_iter().filter(reaches).collect())
    }

    /// The last bundle of a log that begins at or before an index; it may end before it.
    pub async fn bundle_at_or_before(
        &self,
        log: &str,
        index: i64,
    ) -> Result<Option<BundleRow>, StoreError> {
        let row = sqlx::query_as(
            "select first_index, entries_count, entries from log_bundles \
             where log = $1 and first_index <= $2 order by first_index desc limit 1",
        )
        .bind(log)
        .bind(index)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row)
    }

    /// Index of the first entry of a log at or after `index` that begins a bundle.
    pub async fn next_bundle_index(
        &self,
        log: &str,
        index: i64,
    ) -> Result<Option<i64>, StoreError> {
        let first = sqlx::query_scalar(
            "select min(first_index) from log_bundles where log = $1 and first_index >= $2",
        )
        .bind(log)
        .bind(index)
        .fetch_one(&self.pool)
        .await?;
        Ok(first)
    }
}
