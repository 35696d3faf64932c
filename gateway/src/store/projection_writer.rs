//! Writing the tables of the projections, together with how far they have come.

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqlitePoolOptions, SqliteSynchronous};

use super::{Pool, PostingsRow, SegmentRow, Store, StoreError, Writers};

/// Moves a projection from where it is thought to stand.
pub(super) const ADVANCE: &str = "insert into projection_progress (log, name, next_index) \
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
    pub(super) pool: Pool,
}

impl Store {
    /// Opens the connection that builds projections.
    pub async fn projection_writer(&self) -> Result<ProjectionWriter, StoreError> {
        let pool = match &self.pool {
            Pool::Sqlite(_, options, writers) => {
                let options = options.clone().synchronous(SqliteSynchronous::Normal);
                let pool = SqlitePoolOptions::new().max_connections(1);
                let pool = pool.connect_with(options.clone()).await?;
                let turns = writers.turns.clone();
                Pool::Sqlite(pool.clone(), options, Writers { turns, pool })
            }
            Pool::Postgres(_, options) => {
                let options = options.clone().options([
                    ("synchronous_commit", "off"),
                    // A table that was just filled has no statistics, and a plan that was made
                    // then is kept: persons are looked up by the index whatever it thinks.
                    ("enable_seqscan", "off"),
                ]);
                let pool = PgPoolOptions::new().max_connections(1);
                Pool::Postgres(pool.connect_with(options.clone()).await?, options)
            }
        };
        Ok(ProjectionWriter { pool })
    }
}

impl ProjectionWriter {
    /// Carries over what was written, where the database is a file and no log is written beside.
    pub async fn carry_over(&self) -> Result<(), StoreError> {
        if let Pool::Sqlite(pool, ..) = &self.pool {
            sqlx::query(super::writer::CARRY_OVER).execute(pool).await?;
        }
        Ok(())
    }

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
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
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
}
