//! Disputes beside their entries in the log. What they mean is for `disputes`.

use sqlx::FromRow;

use super::{Store, StoreError};

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DisputeRow {
    /// Its identity; those of later disputes are greater.
    pub id: String,
    /// Log of the disputed answer.
    pub log: String,
    /// Its index.
    pub entry_index: i64,
    /// Whose answer it was.
    pub client_id: String,
    /// Operation of the answer, by name.
    pub operation: String,
    /// Purpose of the answer.
    pub purpose: String,
    /// What the client says, a code.
    pub note: String,
    /// Names of the answer's reasons, separated by commas.
    pub reasons: String,
    /// When it was opened, microseconds since 1970.
    pub opened_us: i64,
    /// Where it stands, by name.
    pub state: String,
    /// 1 where the log has the entry of this state, else 0.
    pub settled: i64,
    /// When it was decided.
    pub decided_us: Option<i64>,
    /// Who decided it.
    pub decided_by: Option<String>,
    /// Why it was decided so.
    pub decision_reason: Option<String>,
}

/// Which disputes are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct DisputeFilter<'a> {
    /// Of this client.
    pub client_id: Option<&'a str>,
    /// In this state.
    pub state: Option<&'a str>,
    /// After the one with this identity.
    pub after: Option<&'a str>,
}

/// A decision on a dispute.
#[derive(Debug, Clone, Copy)]
pub struct DisputeDecision<'a> {
    /// The state that it comes to.
    pub state: &'a str,
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Who.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// A statement about disputes that begins with all columns.
macro_rules! select_disputes {
    ($rest:literal) => {
        concat!(
            "select id, log, entry_index, client_id, operation, purpose, note, reasons, opened_us, \
             state, settled, decided_us, decided_by, decision_reason from disputes ",
            $rest
        )
    };
}

impl Store {
    /// Keeps a dispute, unless the answer is disputed already.
    pub async fn add_dispute(&self, row: &DisputeRow) -> Result<(), StoreError> {
        let _turn = self.pool.turn().await;
        on_writing_pool!(self, (pool, _) => {
            sqlx::query(
                "insert into disputes (id, log, entry_index, client_id, operation, purpose, note, \
                 reasons, opened_us, state, settled) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                 on conflict (log, entry_index) do nothing",
            )
            .bind(&row.id)
            .bind(&row.log)
            .bind(row.entry_index)
            .bind(&row.client_id)
            .bind(&row.operation)
            .bind(&row.purpose)
            .bind(&row.note)
            .bind(&row.reasons)
            .bind(row.opened_us)
            .bind(&row.state)
            .bind(row.settled)
            .execute(pool)
            .await
            .map(drop)
        })?;
        Ok(())
    }

    /// The dispute with this identity.
    pub async fn dispute(&self, id: &str) -> Result<Option<DisputeRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_disputes!("where id = $1")).bind(id).fetch_optional(pool).await
        })?;
        Ok(row)
    }

    /// The dispute about an answer.
    pub async fn dispute_about(
        &self,
        log: &str,
        entry_index: i64,
    ) -> Result<Option<DisputeRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_disputes!("where log = $1 and entry_index = $2"))
                .bind(log)
                .bind(entry_index)
                .fetch_optional(pool)
                .await
        })?;
        Ok(row)
    }

    /// Disputes that the log knows, the oldest first, at most `limit`. One whose decision is not in
    /// the log yet is open.
    pub async fn disputes(
        &self,
        filter: DisputeFilter<'_>,
        limit: i64,
    ) -> Result<Vec<DisputeRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_disputes!(
                "where id > $1 and ($2 = '' or client_id = $2) \
                 and (settled = 1 or state <> 'open') and ($3 = '' or $3 = \
                 case when settled = 1 then state else 'open' end) order by id limit $4"
            ))
            .bind(filter.after.unwrap_or(""))
            .bind(filter.client_id.unwrap_or(""))
            .bind(filter.state.unwrap_or(""))
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Disputes whose state is not in the log yet, or is and was not marked, at most `limit`.
    pub async fn unsettled_disputes(&self, limit: i64) -> Result<Vec<DisputeRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_disputes!("where settled = 0 order by id limit $1"))
                .bind(limit)
                .fetch_all(pool)
                .await
        })?;
        Ok(rows)
    }

    /// Marks that the log has the entry of a dispute's state.
    pub async fn settle_dispute(&self, id: &str, state: &str) -> Result<(), StoreError> {
        let _turn = self.pool.turn().await;
        on_writing_pool!(self, (pool, _) => {
            sqlx::query("update disputes set settled = 1 where id = $1 and state = $2")
                .bind(id)
                .bind(state)
                .execute(pool)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Keeps the decision on an open dispute, if nobody has decided it.
    pub async fn decide_dispute(
        &self,
        id: &str,
        decision: DisputeDecision<'_>,
    ) -> Result<(), StoreError> {
        let _turn = self.pool.turn().await;
        on_writing_pool!(self, (pool, _) => {
            sqlx::query(
                "update disputes set state = $2, settled = 0, decided_us = $3, decided_by = $4, \
                 decision_reason = $5 where id = $1 and state = 'open' and settled = 1",
            )
            .bind(id)
            .bind(decision.state)
            .bind(decision.at_us)
            .bind(decision.by)
            .bind(decision.reason)
            .execute(pool)
            .await
            .map(drop)
        })?;
        Ok(())
    }
}
