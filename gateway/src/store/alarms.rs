//! Alarms: raised, acknowledged and cleared, each in one transaction with the act that tells it.

use sqlx::FromRow;

use super::acts::add_act;
use super::{ActRow, Store, StoreError};

/// Alarms that stand and are read at once.
const STANDING_MAX: i64 = 10_000;

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AlarmRow {
    /// Identity, 32 hexadecimal digits; those of later alarms are greater.
    pub id: String,
    /// What stands out.
    pub kind: String,
    /// Whose doing; empty for nobody's.
    pub client_id: String,
    /// Digest of a subject, name of a node, or empty.
    pub about: String,
    /// `open`, `acknowledged` or `cleared`.
    pub state: String,
    /// Whose log's node has seen it stand last.
    pub node: String,
    /// When it was raised.
    pub raised_us: i64,
    /// When it was seen to stand last.
    pub seen_us: i64,
    /// Begin of the window in which it was seen first.
    pub from_us: i64,
    /// End of that window.
    pub to_us: i64,
    /// Answers in it.
    pub answers: i64,
    /// The numbers, JSON.
    pub figures: String,
    /// When somebody acknowledged it.
    pub acknowledged_us: Option<i64>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// What was said about it.
    pub note: Option<String>,
    /// When it was over.
    pub cleared_us: Option<i64>,
}

/// Which alarms are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlarmFilter<'a> {
    /// In this state.
    pub state: Option<&'a str>,
    /// Of this kind.
    pub kind: Option<&'a str>,
    /// About this client.
    pub client: Option<&'a str>,
    /// Raised before the one with this identity.
    pub before: Option<&'a str>,
}

/// A statement that begins with all columns of alarms.
macro_rules! select_alarms {
    ($rest:literal) => {
        concat!(
            "select id, kind, client_id, about, state, node, raised_us, seen_us, from_us, to_us, \
             answers, figures, acknowledged_us, acknowledged_by, note, cleared_us from alarms ",
            $rest
        )
    };
}

impl Store {
    /// Raises an alarm with the act that tells it, unless one of this kind about this client and
    /// subject stands: then it is seen to stand, and nothing is told. Whether it is new. If we die
    /// before the end, the next window that stands out raises it; after it, the row keeps every node
    /// from raising it twice.
    pub async fn raise_alarm(&self, alarm: &AlarmRow, act: &ActRow) -> Result<bool, StoreError> {
        let is_new = on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            let added = sqlx::query(
                "insert into alarms (id, kind, client_id, about, state, node, raised_us, seen_us, \
                 from_us, to_us, answers, figures) \
                 values ($1, $2, $3, $4, 'open', $5, $6, $7, $8, $9, $10, $11) \
                 on conflict (kind, client_id, about) where state <> 'cleared' do nothing",
            )
            .bind(&alarm.id)
            .bind(&alarm.kind)
            .bind(&alarm.client_id)
            .bind(&alarm.about)
            .bind(&alarm.node)
            .bind(alarm.raised_us)
            .bind(alarm.seen_us)
            .bind(alarm.from_us)
            .bind(alarm.to_us)
            .bind(alarm.answers)
            .bind(&alarm.figures)
            .execute(&mut *transaction)
            .await?;
            let is_new = added.rows_affected() == 1;
            if is_new {
                add_act!(transaction, act);
            } else {
                sqlx::query(
                    "update alarms set node = $4, seen_us = $5 where kind = $1 \
                     and client_id = $2 and about = $3 and state <> 'cleared'",
                )
                .bind(&alarm.kind)
                .bind(&alarm.client_id)
                .bind(&alarm.about)
                .bind(&alarm.node)
                .bind(alarm.seen_us)
                .execute(&mut *transaction)
                .await?;
            }
            transaction.commit().await?;
            is_new
        });
        Ok(is_new)
    }

    /// Clears an alarm that stands, with the act that tells it; whether it stood. One that another
    /// node has seen to stand since `seen_before_us` is left to that node.
    pub async fn clear_alarm(
        &self,
        (id, node): (&str, &str),
        seen_before_us: i64,
        act: &ActRow,
    ) -> Result<bool, StoreError> {
        let mut is_done = false;
        on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            let done = sqlx::query(
                "update alarms set state = 'cleared', cleared_us = $2 where id = $1 \
                 and state <> 'cleared' and (node = $3 or seen_us < $4)",
            )
            .bind(id)
            .bind(act.at_us)
            .bind(node)
            .bind(seen_before_us)
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 1 {
                add_act!(transaction, act);
                transaction.commit().await?;
                is_done = true;
            }
        });
        Ok(is_done)
    }

    /// Notes that somebody has seen to an open alarm, with the act that tells it; whether it was open.
    pub async fn acknowledge_alarm(
        &self,
        id: &str,
        note: Option<&str>,
        act: &ActRow,
    ) -> Result<bool, StoreError> {
        let mut is_done = false;
        on_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            let done = sqlx::query(
                "update alarms set state = 'acknowledged', acknowledged_us = $2, \
                 acknowledged_by = $3, note = $4 where id = $1 and state = 'open'",
            )
            .bind(id)
            .bind(act.at_us)
            .bind(&act.made_by)
            .bind(note)
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 1 {
                add_act!(transaction, act);
                transaction.commit().await?;
                is_done = true;
            }
        });
        Ok(is_done)
    }

    /// The alarm with this identity.
    pub async fn alarm(&self, id: &str) -> Result<Option<AlarmRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_alarms!("where id = $1")).bind(id).fetch_optional(pool).await
        })?;
        Ok(row)
    }

    /// All alarms that stand.
    pub async fn standing_alarms(&self) -> Result<Vec<AlarmRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_alarms!("where state <> 'cleared' order by id limit $1"))
                .bind(STANDING_MAX)
                .fetch_all(pool)
                .await
        })?;
        Ok(rows)
    }

    /// Alarms of a kind about a client that stand, or were cleared at a moment or later.
    pub async fn alarms_of(
        &self,
        client_id: &str,
        kind: &str,
        since_us: i64,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_alarms!(
                "where client_id = $1 and kind = $2 \
                 and (state <> 'cleared' or cleared_us >= $3) order by id"
            ))
            .bind(client_id)
            .bind(kind)
            .bind(since_us)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Alarms, the newest first, at most `limit`.
    pub async fn alarm_page(
        &self,
        filter: AlarmFilter<'_>,
        limit: i64,
    ) -> Result<Vec<AlarmRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(select_alarms!(
                "where ($1 = '' or id < $1) and ($2 = '' or state = $2) \
                 and ($3 = '' or kind = $3) and ($4 = '' or client_id = $4) \
                 order by id desc limit $5"
            ))
            .bind(filter.before.unwrap_or(""))
            .bind(filter.state.unwrap_or(""))
            .bind(filter.kind.unwrap_or(""))
            .bind(filter.client.unwrap_or(""))
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Forgets alarms that were cleared before a moment; the log has their acts for ever.
    pub async fn forget_alarms(&self, before_us: i64) -> Result<(), StoreError> {
        on_pool!(self, (pool, _) => {
            sqlx::query("delete from alarms where state = 'cleared' and cleared_us < $1")
                .bind(before_us)
                .execute(pool)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
