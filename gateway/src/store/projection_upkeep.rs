//! Emptying the tables of the projections, and telling whether they are what they were.

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt as _;

use super::{Store, StoreError};

/// From where the projections of a log are to be built again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuilt {
    /// The log.
    pub log: String,
    /// The first entry whose rows about persons go.
    pub people_from: i64,
    /// The first entry of the first segment that goes.
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
    /// Whom clients asked about.
    ClientPersons,
    /// How many these are, over all logs.
    DistinctPersons,
}

impl ProjectionTable {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Segments,
        Self::Postings,
        Self::PersonEntries,
        Self::ClientPersons,
        Self::DistinctPersons,
    ];

    /// Name of the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Segments => "search_segments",
            Self::Postings => "search_postings",
            Self::PersonEntries => "person_entries",
            Self::ClientPersons => "client_persons",
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
            ProjectionTable::ClientPersons => self.digest_client_persons().await,
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
        let mut rows = sqlx::query_as::<_, (i64, String, i64)>(
                   "select person, log, entry_index from person_entries order by person, log, entry_index",
               )
               .fetch(pool);
               while let Some((person, log, index)) = rows.try_next().await? {
                   all.add(&[log.as_bytes()], &[person, index]);
               }
               });
        Ok(all.finish())
    }

    async fn digest_client_persons(&self) -> Result<(u64, [u8; 32]), StoreError> {
        let mut all = Rows::none();
        on_pool!(self, (pool, _) => {
        let mut rows = sqlx::query_as::<_, (i64, String, i64)>(
                   "select person, client_id, month from client_persons order by person, client_id, month",
               )
               .fetch(pool);
               while let Some((person, client, month)) = rows.try_next().await? {
                   all.add(&[client.as_bytes()], &[person, month]);
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
    /// there; distinct persons go from the month after `kept_month` on. `names` are those of the
    /// progress of search and of persons.
    ///
    /// If we die before it returns, either all of it happened or nothing.
    pub async fn clear_projections(
        &self,
        unbuilt: &[Unbuilt],
        names: [&str; 2],
        kept_month: i64,
    ) -> Result<(), StoreError> {
        const SEGMENT_ENTRIES: i64 = 65_536;
        on_pool!(self, (pool, dialect) => {
        let mut transaction = pool.begin_with(dialect.begin_write).await?;
        for Unbuilt { log, people_from, search_from } in unbuilt {
            for (statement, from) in [
                (
                    "delete from search_segments where log = $1 and segment >= $2",
                    search_from / SEGMENT_ENTRIES,
                ),
                (
                    "delete from search_postings where log = $1 and segment >= $2",
                    search_from / SEGMENT_ENTRIES,
                ),
                ("delete from person_entries where log = $1 and entry_index >= $2", *people_from),
            ] {
                sqlx::query(statement).bind(log).bind(from).execute(&mut *transaction).await?;
            }
            for (name, next) in names.into_iter().zip([search_from, people_from]) {
                sqlx::query(
                    "insert into projection_progress (log, name, next_index) values ($1, $2, $3) \
                     on conflict (log, name) do update set next_index = excluded.next_index",
                )
                .bind(log)
                .bind(name)
                .bind(next)
                .execute(&mut *transaction)
                .await?;
            }
        }
        for statement in [
            "delete from client_persons where month > $1",
            "delete from distinct_persons where month > $1",
        ] {
            sqlx::query(statement).bind(kept_month).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        });
        Ok(())
    }
}
