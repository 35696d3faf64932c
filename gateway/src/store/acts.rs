//! Acts of administrators on their way into the log.

use sqlx::FromRow;

use super::{Store, StoreError};

/// An act that the log does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ActRow {
    /// Identity of the request or command, 32 hexadecimal digits; those of later acts are greater.
    pub id: String,
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Who: a client, or `cli:` and the name of the system's user.
    pub made_by: String,
    /// What was done, a code such as `client-suspended`.
    pub act: String,
    /// To what.
    pub target: String,
    /// Why, or with what effect.
    pub detail: Option<String>,
}

/// Writes an act down in the transaction of what it did: neither is there without the other. A
/// macro, because the two databases are two types.
macro_rules! add_act {
    ($transaction:expr, $act:expr) => {{
        let act: &$crate::store::ActRow = $act;
        sqlx::query(
            "insert into acts (id, at_us, made_by, act, target, detail) \
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&act.id)
        .bind(act.at_us)
        .bind(&act.made_by)
        .bind(&act.act)
        .bind(&act.target)
        .bind(&act.detail)
        .execute(&mut *$transaction)
        .await?;
    }};
}

pub(super) use add_act;

impl Store {
    /// The acts that the log does not have yet, the oldest first, at most `limit`.
    pub async fn acts(&self, limit: i64) -> Result<Vec<ActRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select id, at_us, made_by, act, target, detail from acts order by id limit $1",
            )
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// Identity of the last act that the log does not have yet.
    pub async fn last_act(&self) -> Result<Option<String>, StoreError> {
        let id = on_pool!(self, (pool, _) => {
            sqlx::query_scalar("select max(id) from acts").fetch_one(pool).await
        })?;
        Ok(id)
    }

    /// Forgets acts, which the log has now.
    pub async fn forget_acts(&self, acts: &[ActRow]) -> Result<(), StoreError> {
        if acts.is_empty() {
            return Ok(());
        }
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            for act in acts {
                sqlx::query("delete from acts where id = $1")
                    .bind(&act.id)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
        });
        Ok(())
    }
}
