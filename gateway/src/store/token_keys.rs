//! Which keys sign access tokens; the keys themselves are in the key folder.

use sqlx::FromRow;

use super::access::BUMP_VERSION;
use super::acts::add_act;
use super::{ActRow, Store, StoreError};

/// A key that signs tokens, will, or did.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TokenKeyRow {
    /// Its identifier, made from the public key.
    pub kid: String,
    /// `next`, `active`, `retiring` or `retired`.
    pub state: String,
    /// Since when it is in this state.
    pub state_us: i64,
}

/// One step of the signing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKeyStep {
    /// What was `active` and is `retiring` from now on; `None` where no key changes that signs.
    pub active: Option<String>,
    /// What was `next`; it is `active` from now on if `active` is named, else it is given up.
    pub next: String,
    /// What is `next` from now on.
    pub new_next: String,
    /// Whether `active` and all that are `retiring` are `retired` at once.
    pub at_once: bool,
}

const MOVE: &str = "update token_keys set state = $3, state_us = $4 where kid = $1 and state = $2";
const RETIRE_ALL: &str =
    "update token_keys set state = 'retired', state_us = $1 where state = 'retiring'";
const INSERT: &str = "insert into token_keys (kid, state, state_us) values ($1, $2, $3)";

impl Store {
    /// All signing keys, the latest change last.
    pub async fn token_keys(&self) -> Result<Vec<TokenKeyRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as("select kid, state, state_us from token_keys order by state_us, kid")
                .fetch_all(pool)
                .await
        })?;
        Ok(rows)
    }

    /// Adds a signing key; false if another is `next` or `active` already.
    pub async fn add_token_key(&self, row: &TokenKeyRow) -> Result<bool, StoreError> {
        let added = on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let done = sqlx::query(
                "insert into token_keys (kid, state, state_us) values ($1, $2, $3) \
                 on conflict do nothing",
            )
            .bind(&row.kid)
            .bind(&row.state)
            .bind(row.state_us)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            done.rows_affected() == 1
        });
        Ok(added)
    }

    /// Moves the signing keys on; false, and nothing moved, if they are not as the step has them.
    pub async fn move_token_keys(
        &self,
        step: &TokenKeyStep,
        act: &ActRow,
    ) -> Result<bool, StoreError> {
        // In this order there are never two of a state that only one may have.
        let mut moves = Vec::new();
        if let Some(active) = &step.active {
            moves.push((active, "active", if step.at_once { "retired" } else { "retiring" }));
        }
        let state = if step.active.is_some() { "active" } else { "retired" };
        moves.push((&step.next, "next", state));
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            for (kid, from, to) in moves {
                let moved = sqlx::query(MOVE)
                    .bind(kid)
                    .bind(from)
                    .bind(to)
                    .bind(act.at_us)
                    .execute(&mut *transaction)
                    .await?;
                if moved.rows_affected() != 1 {
                    return Ok(false);
                }
            }
            if step.at_once {
                sqlx::query(RETIRE_ALL).bind(act.at_us).execute(&mut *transaction).await?;
            }
            sqlx::query(INSERT)
                .bind(&step.new_next)
                .bind("next")
                .bind(act.at_us)
                .execute(&mut *transaction)
                .await?;
            add_act!(transaction, act);
            transaction.commit().await?;
        });
        Ok(true)
    }

    /// Notes that keys which are `retiring` since before `before_us` have retired. The version
    /// stays: every node goes by the time itself.
    pub async fn retire_token_keys(&self, before_us: i64, now_us: i64) -> Result<u64, StoreError> {
        let retired = on_pool!(self, (pool, _) => {
            sqlx::query(
                "update token_keys set state = 'retired', state_us = $2 \
                 where state = 'retiring' and state_us < $1",
            )
            .bind(before_us)
            .bind(now_us)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
        })?;
        Ok(retired)
    }
}
