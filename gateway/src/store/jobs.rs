//! Bulk jobs, and what is done of them. Chunks are written by the log's writer, in the commit of their
//! entries; everything else here.

use sqlx::FromRow;

use super::{Store, StoreError};

/// A bulk job.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct JobRow {
    /// Identity; those of later jobs are greater.
    pub id: String,
    /// Whose.
    pub client_id: String,
    /// The node that has its file, by the name of its log.
    pub node: String,
    /// `created`, `receiving`, `running`, `paused`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// What was ordered, JSON.
    pub settings: String,
    /// Bytes of the file as it was sent, once all of it is there.
    pub file_bytes: Option<i64>,
    /// Why it stands still or has failed, JSON.
    pub problem: Option<String>,
    /// The signed digest of its results, JSON.
    pub digest: Option<String>,
    /// When it was created.
    pub created_us: i64,
    /// When its state changed last.
    pub changed_us: i64,
    /// When it ended.
    pub ended_us: Option<i64>,
}

/// What is done of a job, up to the end of one chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq, FromRow)]
pub struct JobChunkRow {
    /// Whose chunk.
    pub job_id: String,
    /// The first is 0.
    pub number: i64,
    /// Name of the log.
    pub log: String,
    /// Index of its first entry.
    pub first_index: i64,
    /// Its entries, which follow without a gap.
    pub entries: i64,
    /// Line of the file at which it begins.
    pub first_line: i64,
    /// Bytes of the uncompressed file up to its end.
    pub input_offset: i64,
    /// Lines of the file up to its end.
    pub lines: i64,
    /// Bytes of the results up to its end.
    pub result_bytes: i64,
    /// Counts of all rows up to its end, JSON.
    pub summary: String,
    /// When it was written.
    pub at_us: i64,
}

/// A change of a job's state.
#[derive(Debug, Clone, Default)]
pub struct JobChange<'a> {
    /// The states in which it is made; in any other nothing is changed.
    pub from: &'a [&'a str],
    /// The state after it.
    pub to: &'a str,
    /// Bytes of the file, if they are known now.
    pub file_bytes: Option<i64>,
    /// Why; none where all is well.
    pub problem: Option<&'a str>,
    /// The digest of the results, if they are whole.
    pub digest: Option<&'a str>,
    /// What is ordered from now on, JSON, if it changes.
    pub settings: Option<&'a str>,
    /// When.
    pub at_us: i64,
    /// Whether the job has ended with it.
    pub has_ended: bool,
}

/// A statement that begins with all columns of jobs.
macro_rules! select_jobs {
    ($rest:literal) => {
        concat!(
            "select id, client_id, node, state, settings, file_bytes, problem, digest, created_us, \
             changed_us, ended_us from jobs ",
            $rest
        )
    };
}

/// A statement that begins with all columns of chunks.
macro_rules! select_chunks {
    ($rest:literal) => {
        concat!(
            "select job_id, number, log, first_index, entries, first_line, input_offset, lines, \
             result_bytes, summary, at_us from job_chunks ",
            $rest
        )
    };
}

impl Store {
    /// Adds a job, unless the client has so many already that have not ended; whether it was added.
    pub async fn add_job(&self, job: &JobRow, open_max: i64) -> Result<bool, StoreError> {
        let added = on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            let added = sqlx::query(
                "insert into jobs (id, client_id, node, state, settings, created_us, changed_us) \
                 select $1, $2, $3, $4, $5, $6, $6 where (select count(*) from jobs \
                 where client_id = $2 and ended_us is null) < $7",
            )
            .bind(&job.id)
            .bind(&job.client_id)
            .bind(&job.node)
            .bind(&job.state)
            .bind(&job.settings)
            .bind(job.created_us)
            .bind(open_max)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            added.rows_affected() == 1
        });
        Ok(added)
    }

    /// Changes a job's state, if it is in one of those named; whether it was.
    pub async fn change_job(&self, id: &str, change: &JobChange<'_>) -> Result<bool, StoreError> {
        let from = format!(",{},", change.from.join(","));
        let done = on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            let done = sqlx::query(
                "update jobs set state = $2, file_bytes = coalesce($3, file_bytes), problem = $4, \
                 digest = coalesce($5, digest), changed_us = $6, \
                 settings = coalesce($9, settings), \
                 ended_us = case when $7 = 1 then $6 else ended_us end \
                 where id = $1 and $8 like '%,' || state || ',%'",
            )
            .bind(id)
            .bind(change.to)
            .bind(change.file_bytes)
            .bind(change.problem)
            .bind(change.digest)
            .bind(change.at_us)
            .bind(i64::from(change.has_ended))
            .bind(&from)
            .bind(change.settings)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            done.rows_affected() == 1
        });
        Ok(done)
    }

    /// The job with this identity.
    pub async fn job(&self, id: &str) -> Result<Option<JobRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_jobs!("where id = $1")).bind(id).fetch_optional(pool).await
        })?;
        Ok(row)
    }

    /// Jobs of a client before the one with this identity (empty: all), the newest first.
    pub async fn jobs_of(
        &self,
        client_id: &str,
        before: &str,
        limit: i64,
    ) -> Result<Vec<JobRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_jobs!(
                "where client_id = $1 and ($2 = '' or id < $2) order by id desc limit $3"
            ))
            .bind(client_id)
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Jobs of a node in a state, the oldest first.
    pub async fn jobs_in(&self, node: &str, state: &str) -> Result<Vec<JobRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_jobs!("where node = $1 and state = $2 order by id"))
                .bind(node)
                .bind(state)
                .fetch_all(pool)
                .await
        })?;
        Ok(rows)
    }

    /// Jobs of a node whose state changed before a moment and that are in this state.
    pub async fn jobs_resting(
        &self,
        node: &str,
        state: &str,
        before_us: i64,
    ) -> Result<Vec<JobRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_jobs!(
                "where node = $1 and state = $2 and changed_us < $3 order by id"
            ))
            .bind(node)
            .bind(state)
            .bind(before_us)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Adds a chunk about which nothing is in the log, because no row of it was asked.
    pub async fn add_chunk(&self, chunk: &JobChunkRow) -> Result<(), StoreError> {
        on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(
                "insert into job_chunks (job_id, number, log, first_index, entries, first_line, \
                 input_offset, lines, result_bytes, summary, at_us) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            )
            .bind(&chunk.job_id)
            .bind(chunk.number)
            .bind(&chunk.log)
            .bind(chunk.first_index)
            .bind(chunk.entries)
            .bind(chunk.first_line)
            .bind(chunk.input_offset)
            .bind(chunk.lines)
            .bind(chunk.result_bytes)
            .bind(&chunk.summary)
            .bind(chunk.at_us)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
        });
        Ok(())
    }

    /// How far a job is done: its last chunk.
    pub async fn last_chunk(
        &self,
        log: &str,
        job_id: &str,
    ) -> Result<Option<JobChunkRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_chunks!(
                "where log = $1 and job_id = $2 order by number desc limit 1"
            ))
                .bind(log)
                .bind(job_id)
                .fetch_optional(pool)
                .await
        })?;
        Ok(row)
    }

    /// Chunks of a job from this number on.
    pub async fn chunks(
        &self,
        (log, job_id): (&str, &str),
        from: i64,
        limit: i64,
    ) -> Result<Vec<JobChunkRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_chunks!(
                "where log = $1 and job_id = $2 and number >= $3 order by number limit $4"
            ))
            .bind(log)
            .bind(job_id)
            .bind(from)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Forgets a job that has ended, and its chunks; whether there was one.
    pub async fn forget_job(&self, log: &str, id: &str) -> Result<bool, StoreError> {
        let gone = on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            let gone = sqlx::query("delete from jobs where id = $1 and ended_us is not null")
                .bind(id)
                .execute(&mut *transaction)
                .await?;
            let is_gone = gone.rows_affected() == 1;
            if is_gone {
                sqlx::query("delete from job_chunks where log = $1 and job_id = $2")
                    .bind(log)
                    .bind(id)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
            is_gone
        });
        Ok(gone)
    }
}

/// Chunks as a JSON array of arrays, in the order of the columns and without the log.
pub(super) fn chunks_json(chunks: &[JobChunkRow]) -> String {
    let rows = chunks.iter().map(|chunk| {
        serde_json::json!([
            chunk.job_id,
            chunk.number,
            chunk.first_index,
            chunk.entries,
            chunk.first_line,
            chunk.input_offset,
            chunk.lines,
            chunk.result_bytes,
            chunk.summary,
            chunk.at_us,
        ])
    });
    serde_json::Value::Array(rows.collect()).to_string()
}
