//! Writing the tables of the projections, together with how far they have come.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqlitePoolOptions, SqliteSynchronous};

use super::{ClientPersonRow, Pool, PostingsRow, SegmentRow, Store, StoreError};

/// Rows in one statement: enough to make its overhead small, few enough for the 32,766 parameters
/// that `SQLite` takes.
const ROWS_PER_STATEMENT: usize = 500;

/// Moves a projection from where it is thought to stand.
const ADVANCE: &str = "insert into projection_progress (log, name, next_index) \
    values ($1, $2, $4) on conflict (log, name) do update set next_index = excluded.next_index \
    where projection_progress.next_index = $3";

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

/// The connection through which projections are built. It does not wait for the disk: what a
/// power failure takes away is built again, and the log's own commits, which wait, take along what
/// was written before them.
#[derive(Debug)]
pub struct ProjectionWriter {
    pool: Pool,
}

impl Store {
    /// Opens the connection that builds projections.
    pub async fn projection_writer(&self) -> Result<ProjectionWriter, StoreError> {
        let pool = match &self.pool {
            Pool::Sqlite(_, options) => {
                let options = options.clone().synchronous(SqliteSynchronous::Normal);
                let pool = SqlitePoolOptions::new().max_connections(1);
                Pool::Sqlite(pool.connect_with(options.clone()).await?, options)
            }
            Pool::Postgres(_, options) => {
                let options = options.clone().options([("synchronous_commit", "off")]);
                let pool = PgPoolOptions::new().max_connections(1);
                Pool::Postgres(pool.connect_with(options.clone()).await?, options)
            }
        };
        Ok(ProjectionWriter { pool })
    }
}

impl ProjectionWriter {
    /// Writes the rows of a closed segment; false where somebody else moved the projection.
    ///
    /// If we die before it returns, either all of it is there or nothing.
    pub async fn add_segment(
        &self,
        progress: Progress<'_>,
        row: Option<&SegmentRow>,
        segment: i64,
        postings: &[PostingsRow],
    ) -> Result<bool, StoreError> {
        let Progress { log, name, from, until } = progress;
        on_pool!(self, (pool, dialect) => {
            let mut transaction = pool.begin_with(dialect.begin_write).await?;
            let moved = sqlx::query(ADVANCE).bind(log).bind(name).bind(from).bind(until);
            if moved.execute(&mut *transaction).await?.rows_affected() != 1 {
                return Ok(false);
            }
            if let Some(row) = row {
                sqlx::query(
                    "insert into search_segments (log, segment, first_us, last_us, marks) \
                     values ($1, $2, $3, $4, $5)",
                )
                .bind(log)
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
                .bind(log)
                .bind(&row.term)
                .bind(segment)
                .bind(&row.postings)
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await?;
        });
        Ok(true)
    }

    /// Writes where persons are (person and index) and whom clients asked about, both in the order
    /// of their keys, and counts the latter; false where somebody else moved the projection. Rows
    /// that are there already change nothing.
    ///
    /// If we die before it returns, either all of it is there or nothing.
    pub async fn add_people(
        &self,
        progress: Progress<'_>,
        persons: &[(i64, i64)],
        client_persons: &[ClientPersonRow],
    ) -> Result<bool, StoreError> {
        let Progress { log, name, from, until } = progress;
        on_pool!(self, (pool, dialect) => {
            let mut transaction = pool.begin_with(dialect.begin_write).await?;
            let moved = sqlx::query(ADVANCE).bind(log).bind(name).bind(from).bind(until);
            if moved.execute(&mut *transaction).await?.rows_affected() != 1 {
                return Ok(false);
            }
            for rows in persons.chunks(ROWS_PER_STATEMENT) {
                let statement = AssertSqlSafe(insert_persons(rows.len()));
                let mut query = sqlx::query(statement).persistent(comes_again(rows.len()));
                for (person, index) in rows {
                    query = query.bind(person).bind(log).bind(index);
                }
                query.execute(&mut *transaction).await?;
            }
            let mut new = BTreeMap::new();
            for rows in client_persons.chunks(ROWS_PER_STATEMENT) {
                let statement = AssertSqlSafe(insert_client_persons(rows.len()));
                let mut query = sqlx::query_as::<_, (String, i64)>(statement)
                    .persistent(comes_again(rows.len()));
                for row in rows {
                    query = query.bind(row.person).bind(&row.client_id).bind(row.month);
                }
                for key in query.fetch_all(&mut *transaction).await? {
                    *new.entry(key).or_insert(0_i64) += 1;
                }
            }
            for ((client_id, month), n) in new {
                sqlx::query(
                    "insert into distinct_persons (log, client_id, month, n) \
                     values ($1, $2, $3, $4) on conflict (log, client_id, month) \
                     do update set n = distinct_persons.n + excluded.n",
                )
                .bind(log)
                .bind(client_id)
                .bind(month)
                .bind(n)
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await?;
        });
        Ok(true)
    }
}

/// Only a full statement comes again and is worth keeping.
fn comes_again(rows: usize) -> bool {
    rows == ROWS_PER_STATEMENT
}

fn insert_persons(rows: usize) -> String {
    let values = placeholders(rows, 3);
    format!(
        "insert into person_entries (person, log, entry_index) values {values} \
         on conflict do nothing"
    )
}

/// Answers with client and month of each row that was not there before.
fn insert_client_persons(rows: usize) -> String {
    let values = placeholders(rows, 3);
    format!(
        "insert into client_persons (person, client_id, month) values {values} \
         on conflict do nothing returning client_id, month"
    )
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
