//! Versions of policies. None changes once it is written; which one a client has is in its row.

use sqlx::FromRow;

use super::access::BUMP_VERSION;
use super::acts::add_act;
use super::{ActRow, PolicyRow, Store, StoreError};

/// One version of a policy without its document.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PolicyVersionRow {
    /// Name.
    pub name: String,
    /// Version, from 1.
    pub version: i64,
    /// When it was made.
    pub created_us: i64,
    /// Clients that have it and are not closed.
    pub clients: i64,
}

impl Store {
    /// Versions of policies after this one, by name and version, at most `limit`.
    pub async fn policy_version_page(
        &self,
        after: (&str, i64),
        limit: i64,
    ) -> Result<Vec<PolicyVersionRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select p.name, p.version, p.created_us, (select count(*) from clients c \
                 where c.policy_name = p.name and c.policy_version = p.version \
                 and c.state <> 'closed') as clients \
                 from policies p where (p.name, p.version) > ($1, $2) \
                 order by p.name, p.version limit $3",
            )
            .bind(after.0)
            .bind(after.1)
            .bind(limit)
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// All versions of all policies, or of the one with this name.
    pub async fn policy_versions(
        &self,
        name: Option<&str>,
    ) -> Result<Vec<PolicyVersionRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select p.name, p.version, p.created_us, (select count(*) from clients c \
                 where c.policy_name = p.name and c.policy_version = p.version \
                 and c.state <> 'closed') as clients \
                 from policies p where $1 = '' or p.name = $1 order by p.name, p.version",
            )
            .bind(name.unwrap_or(""))
            .fetch_all(pool)
            .await
        })?;
        Ok(rows)
    }

    /// One version of a policy.
    pub async fn policy(&self, name: &str, version: i64) -> Result<Option<PolicyRow>, StoreError> {
        let row = on_pool!(self, (pool, _) => {
            sqlx::query_as(
                "select name, version, document from policies where name = $1 and version = $2",
            )
            .bind(name)
            .bind(version)
            .fetch_optional(pool)
            .await
        })?;
        Ok(row)
    }

    /// Adds a version of a policy with its act, which is told how many clients were moved to it:
    /// all that have another version of the same name and are not closed, or none. `None`, and
    /// nothing is done, where this version is there already: somebody else was first.
    pub async fn add_policy(
        &self,
        new: &PolicyRow,
        now_us: i64,
        moves_clients: bool,
        act: &(dyn Fn(u64) -> ActRow + Sync),
    ) -> Result<Option<u64>, StoreError> {
        let mut done = None;
        on_writing_pool!(self, (pool, dialect) => {
            let mut transaction = begin_write!(self, pool, dialect);
            sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
            let added = sqlx::query(
                "insert into policies (name, version, document, created_us) \
                 values ($1, $2, $3, $4) on conflict (name, version) do nothing",
            )
            .bind(&new.name)
            .bind(new.version)
            .bind(&new.document)
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
            if added.rows_affected() == 1 {
                let mut moved = 0;
                if moves_clients {
                    let update = sqlx::query(
                        "update clients set policy_version = $2 where policy_name = $1 \
                         and policy_version <> $2 and state <> 'closed'",
                    );
                    let update = update.bind(&new.name).bind(new.version);
                    moved = update.execute(&mut *transaction).await?.rows_affected();
                }
                let act = act(moved);
                add_act!(transaction, &act);
                transaction.commit().await?;
                done = Some(moved);
            }
        });
        Ok(done)
    }
}
