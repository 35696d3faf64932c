//! Emptying the tables of the projections, and telling whether they are what they were.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt as _;

use super::person_rows::client_month;
use super::{Store, StoreError};

/// Deletes what the entries of a log ($1) from an index ($2) on say about persons.
const DELETE_PERSONS: &str = "delete from person_entries \
    where place >= (select number * 281474976710656 + $2 from projection_logs where log = $1) \
    and place < (select (number + 1) * 281474976710656 from projection_logs where log = $1)";

/// From where the projections of a log are to be built again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuilt {
    /// The log.
    pub log: String,
    /// The first entry whose rows about persons go.
    pub people_from: i64,
    /// The first segment that goes.
    pub first_segment: i64,
    /// Its first entry.
    pub search_from: i64,
}

/// A table that can be built again from the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectionTable {
    /// Times of segments.
    Segments,
    /// Sets of positions.
    Postings,
    /// Where persons are.
    PersonEntries,
    /// How many of them clients asked about, over all logs.
    DistinctPersons,
}

impl ProjectionTable {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Segments, Self::Postings, Self::PersonEntries, Self::DistinctPersons];

    /// Name of the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segments => "search_segments",
            Self::Postings => "search_postings",
            Self::PersonEntries => "person_entries",
            Self::DistinctPersons => "distinct_persons",
        }
    }
}

/// Number and hash of rows that are added one by one.
struct Rows {
    count: u64,
    hash: Context,
}

impl Rows {
    fn none() -> Self {
        Self { count: 0, hash: Context::new(&SHA256) }
    }

    fn add(&mut self, texts: &[&[u8]], numbers: &[i64]) {
        self.count += 1;
        for text in texts {
            self.hash.update(&(text.len() as u64).to_be_bytes());
            self.hash.update(text);
        }
        for number in numbers {
            self.hash.update(&number.to_be_bytes());
        }
    }

    fn finish(self) -> (u64, [u8; 32]) {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.hash.finish().as_ref());
        (self.count, hash)
    }
}

impl Store {
    /// Number and hash of the rows of a table, in the order of their keys.
    pub async fn projection_digest(
        &self,
        table: ProjectionTable,
    ) -> Result<(u64, [u8; 32]), StoreError> {
        match table {
            ProjectionTable::Segments => self.digest_segments().await,
            ProjectionTable::Postings => self.digest_postings().await,
            ProjectionTable::PersonEntries => self.digest_person_entries().await,
            ProjectionTable::DistinctPersons => self.digest_distinct_persons().await,
        }
    }

    async fn digest_segments(&self) -> Result<(u64, [u8; 32]), StoreError> {
        let mut all = Rows::none();
        on_pool!(self, (pool, _) => {
        let mut rows = sqlx::query_as::<_, (String, i64, i64, i64, Vec<u8>)>(
                   "select log, segment, first_us, last_us, marks from search_segments \
                    order by log, segment",
               )
               .fetch(pool);
               while let Some((log, segment, first, last, marks)) = rows.try_next().await? {
                   all.add(&[log.as_bytes(), &marks], &[segment, first, last]);
               }
               });
        Ok(all.finish())
    }

    async fn digest_postings(&self) -> Result<(u64, [u8; 32]), StoreError> {
        let mut all = Rows::none();
        on_pool!(self, (pool, _) => {
        let mut rows = sqlx::query_as::<_, (String, String, i64, Vec<u8>)>(
                   "select log, term, segment, postings from search_postings order by log, term, segment",
               )
               .fetch(pool);
               while let Some((log, term, segment, postings)) = rows.try_next().await? {
                   all.add(&[log.as_bytes(), term.as_bytes(), &postings], &[segment]);
               }
               });
        Ok(all.finish())
    }

    async fn digest_person_entries(&self) -> Result<(u64, [u8; 32]), StoreError> {
        let mut all = Rows::none();
        on_pool!(self, (pool, _) => {
        let mut rows = sqlx::query_as::<_, (i64, i32, i64)>(
                   "select person, client_month, place from person_entries \
                    order by person, client_month, place",
               )
               .fetch(pool);
               while let Some((person, client_month, place)) = rows.try_next().await? {
                   all.add(&[], &[person, i64::from(client_month), place]);
               }
               });
        Ok(all.finish())
    }

    /// Over all logs: which of them met a person first depends on the order of building.
    async fn digest_distinct_persons(&self) -> Result<(u64, [u8; 32]), StoreError> {
        let mut all = Rows::none();
        for row in self.distinct_persons(0, i64::MAX).await? {
            all.add(&[row.client_id.as_bytes()], &[row.month, row.n]);
        }
        Ok(all.finish())
    }

    /// Empties the projections of logs from given entries on and sets their progress back to
    /// there. `names` are those of the progress of search and of persons. Distinct persons become
    /// those of the entries about persons that stay.
    ///
    /// If we die before it returns, either all of it happened or nothing.
    pub async fn clear_projections(
        &self,
        unbuilt: &[Unbuilt],
        names: [&str; 2],
    ) -> Result<(), StoreError> {
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            if let Some(statement) = dialect.exclude_builders {
                sqlx::query(statement).execute(&mut *transaction).await?;
            }
            for Unbuilt { log, people_from, first_segment, search_from } in unbuilt {
                for (statement, from) in [
                    (
                        "delete from search_segments where log = $1 and segment >= $2",
                        first_segment,
                    ),
                    (
                        "delete from search_postings where log = $1 and segment >= $2",
                        first_segment,
                    ),
                    (DELETE_PERSONS, people_from),
                ] {
                    sqlx::query(statement).bind(log).bind(from).execute(&mut *transaction).await?;
                }
                for (name, next) in names.into_iter().zip([search_from, people_from]) {
                    sqlx::query(
                        "insert into projection_progress (log, name, next_index) \
                         values ($1, $2, $3) on conflict (log, name) \
                         do update set next_index = excluded.next_index",
                    )
                    .bind(log)
                    .bind(name)
                    .bind(next)
                    .execute(&mut *transaction)
                    .await?;
                }
            }
            let named: Vec<(String, String, i64)> = sqlx::query_as(
                "select min(log), client_id, month from distinct_persons group by client_id, month",
            )
            .fetch_all(&mut *transaction)
            .await?;
            let stay: Vec<(i32, i64)> = sqlx::query_as(
                "select client_month, count(distinct person) from person_entries \
                 where client_month <> 0 group by client_month",
            )
            .fetch_all(&mut *transaction)
            .await?;
            let stay: BTreeMap<i32, i64> = stay.into_iter().collect();
            sqlx::query("delete from distinct_persons").execute(&mut *transaction).await?;
            for (log, client_id, month) in named {
                let Some(n) = stay.get(&client_month(&client_id, month)) else { continue };
                sqlx::query(
                    "insert into distinct_persons (log, client_id, month, n) \
                     values ($1, $2, $3, $4)",
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
        Ok(())
    }
}
