//! Where persons are in the logs, and whom a client asked about in a month for the first time: one
//! short row an entry, which is most of what the projections cost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use sqlx::AssertSqlSafe;

use super::projection_writer::ADVANCE;
use super::{Progress, ProjectionWriter, Store, StoreError};

/// Rows in one statement: enough to make its overhead small, few enough for the 32,766 parameters
/// that `SQLite` takes.
const ROWS_PER_STATEMENT: usize = 500;
/// Where the log's number begins in a place, which ends with the index.
const LOG_SHIFT: u32 = 48;

const LOG_NUMBER: &str = "select number from projection_logs where log = $1";
const NUMBER_LOG: &str = "insert into projection_logs (log, number) \
    select $1, coalesce(max(number), 0) + 1 from projection_logs returning number";

/// What entries of one log say about persons.
#[derive(Debug, Default)]
pub struct PersonRows {
    /// Person, client and month or 0, index.
    rows: Vec<(i64, i32, i64)>,
    /// Client and month by their hash.
    named: BTreeMap<i32, (String, i64)>,
}

impl PersonRows {
    /// Adds an entry: the beginning of the person's pseudonym, the entry's index, and by whom and
    /// in which Vietnamese month (such as 202611) the person was asked about, if that counts.
    pub fn add(&mut self, person: i64, index: i64, counted: Option<(&str, i64)>) {
        let client_month = counted.map_or(0, |(client, month)| {
            let hash = client_month(client, month);
            self.named.entry(hash).or_insert_with(|| (client.to_owned(), month));
            hash
        });
        self.rows.push((person, client_month, index));
    }

    /// Person, client and month of the entries that count, each once.
    fn counted(&self) -> BTreeSet<(i64, i32)> {
        let pairs = self.rows.iter().map(|(person, client_month, _)| (*person, *client_month));
        pairs.filter(|(_, client_month)| *client_month != 0).collect()
    }

    /// How many persons each client asked about in each month.
    fn count(&self, persons: BTreeSet<(i64, i32)>) -> BTreeMap<&(String, i64), i64> {
        let mut counts = BTreeMap::new();
        for (_, client_month) in persons {
            if let Some(name) = self.named.get(&client_month) {
                *counts.entry(name).or_insert(0) += 1;
            }
        }
        counts
    }
}

/// Client and month as a number other than 0. Only those of one quarter can meet in a person, as
/// the pseudonym changes with it: that any two of 300 clients' 900 have one number has a chance of
/// 1 in 10,000.
pub(super) fn client_month(client_id: &str, month: i64) -> i32 {
    let mut context = Context::new(&SHA256);
    context.update(&month.to_be_bytes());
    context.update(client_id.as_bytes());
    let mut beginning = [0; 4];
    beginning.copy_from_slice(&context.finish().as_ref()[..4]);
    match i32::from_be_bytes(beginning) {
        0 => 1,
        hash => hash,
    }
}

impl ProjectionWriter {
    /// Writes where persons are and counts whom clients asked about for the first time; false
    /// where somebody else moved the projection.
    ///
    /// If we die before it returns, either all of it is there or nothing.
    pub async fn add_people(
        &self,
        progress: Progress<'_>,
        mut people: PersonRows,
    ) -> Result<bool, StoreError> {
        let Progress { log, name, from, until } = progress;
        // In the order of the keys, so that rows of one page are written together.
        people.rows.sort_unstable();
        let mut new = people.counted();
        let asked: Vec<(i64, i32)> = new.iter().copied().collect();
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            if let Some(statement) = dialect.exclude_builders {
                sqlx::query(statement).execute(&mut *transaction).await?;
            }
            let moved = sqlx::query(ADVANCE).bind(log).bind(name).bind(from).bind(until);
            if moved.execute(&mut *transaction).await?.rows_affected() != 1 {
                return Ok(false);
            }
            let known: Option<i64> = sqlx::query_scalar(LOG_NUMBER)
                .bind(log)
                .fetch_optional(&mut *transaction)
                .await?;
            let number: i64 = match known {
                Some(number) => number,
                None => sqlx::query_scalar(NUMBER_LOG).bind(log).fetch_one(&mut *transaction).await?,
            };
            for pairs in asked.chunks(ROWS_PER_STATEMENT) {
                let statement = AssertSqlSafe(select_held(pairs.len()));
                let mut query = sqlx::query_as::<_, (i64, i32)>(statement)
                    .persistent(comes_again(pairs.len()));
                for (person, client_month) in pairs {
                    query = query.bind(person).bind(client_month);
                }
                for held in query.fetch_all(&mut *transaction).await? {
                    new.remove(&held);
                }
            }
            for rows in people.rows.chunks(ROWS_PER_STATEMENT) {
                let statement = AssertSqlSafe(insert_persons(rows.len()));
                let mut query = sqlx::query(statement).persistent(comes_again(rows.len()));
                for (person, client_month, index) in rows {
                    let place = number << LOG_SHIFT | index;
                    query = query.bind(person).bind(client_month).bind(place);
                }
                query.execute(&mut *transaction).await?;
            }
            for ((client_id, month), n) in people.count(new) {
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

impl Store {
    /// The last `limit` entries of a person below an index, newest first.
    pub async fn person_entries(
        &self,
        log: &str,
        person: i64,
        below: i64,
        limit: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let number: Option<i64> = on_pool!(self, (pool, _) => {
            sqlx::query_scalar(LOG_NUMBER).bind(log).fetch_optional(pool).await
        })?;
        let Some(number) = number else { return Ok(Vec::new()) };
        let first = number << LOG_SHIFT;
        let places: Vec<i64> = on_pool!(self, (pool, _) => {
            sqlx::query_scalar(
                "select place from person_entries \
                 where person = $1 and place >= $2 and place < $3 order by place desc limit $4",
            )
            .bind(person)
            .bind(first)
            .bind(first + below)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(places.into_iter().map(|place| place - first).collect())
    }
}

/// Only a full statement comes again and is worth keeping.
fn comes_again(rows: usize) -> bool {
    rows == ROWS_PER_STATEMENT
}

/// Answers with those of the asked pairs that are there. A subquery with a limit is looked up for
/// each pair by itself, where `exists` or `in` would become a join that `PostgreSQL` plans by
/// statistics that a table which is being filled does not have.
fn select_held(pairs: usize) -> String {
    let values = placeholders(pairs, 2);
    format!(
        "with asked (person, client_month) as (values {values}) \
         select person, client_month from asked where (select 1 from person_entries as held \
         where held.person = asked.person and held.client_month = asked.client_month limit 1) = 1"
    )
}

fn insert_persons(rows: usize) -> String {
    let values = placeholders(rows, 3);
    format!("insert into person_entries (person, client_month, place) values {values}")
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
