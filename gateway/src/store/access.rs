//! Secrets' hashes and policies, and clients as they are seeded.

use sqlx::FromRow;

use super::clients::insert_client;
use super::{ClientRow, Store, StoreError};

/// Hash of one secret.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SecretRow {
    /// Whose.
    pub client_id: String,
    /// 1 or 2.
    pub slot: i64,
    /// argon2id in PHC form.
    pub hash: String,
}

/// One version of a policy.
#[derive(Debug, Clone, FromRow)]
pub struct PolicyRow {
    /// Name.
    pub name: String,
    /// Version, from 1.
    pub version: i64,
    /// The document, JSON.
    pub document: String,
}

/// The nodes' signal to load the directory again; part of every change's transaction, so that
/// nobody sees the number without the change. First in it: on a server, writers then wait for each
/// other here, and never in a ring.
pub(super) const BUMP_VERSION: &str = "update directory_version set version = version + 1";

impl Store {
    /// A number that grows with every change of clients, secrets or policies.
    pub async fn directory_version(&self) -> Result<i64, StoreError> {
        let version = on_pool!(self, (pool, _) => { sqlx::query_scalar("select version from directory_version")
            .fetch_one(pool).await })?;
        Ok(version)
    }

    /// All hashes of secrets.
    pub async fn secrets(&self) -> Result<Vec<SecretRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => { sqlx::query_as(
            "select client_id, slot, hash from client_secrets order by client_id, slot",
        )
        .fetch_all(pool).await })?;
        Ok(rows)
    }

    /// All versions of all policies.
    pub async fn policies(&self) -> Result<Vec<PolicyRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as("select name, version, document from policies order by name, version")
                .fetch_all(pool)
                .await
        })?;
        Ok(rows)
    }

    /// Adds policies and clients in one transaction; what is there already stays as it is.
    pub async fn add_clients(
        &self,
        policies: &[PolicyRow],
        clients: &[ClientRow],
        now_us: i64,
    ) -> Result<(), StoreError> {
        on_writing_pool!(self, (pool, dialect) => {
        let mut transaction = begin_write!(self, pool, dialect);
        sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
        for policy in policies {
            sqlx::query(
                "insert into policies (name, version, document, created_us) \
                 values ($1, $2, $3, $4) on conflict (name, version) do nothing",
            )
            .bind(&policy.name)
            .bind(policy.version)
            .bind(&policy.document)
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
        }
        for client in clients {
            insert_client!(transaction, client);
        }
        transaction.commit().await?;
        });
        Ok(())
    }

    /// Puts hashes of secrets into their slots in one transaction, replacing what was there.
    pub async fn put_secrets(&self, secrets: &[SecretRow], now_us: i64) -> Result<(), StoreError> {
        on_writing_pool!(self, (pool, dialect) => {
        let mut transaction = begin_write!(self, pool, dialect);
        sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
        for secret in secrets {
            sqlx::query(
                "insert into client_secrets (client_id, slot, hash, created_us) \
                 values ($1, $2, $3, $4) \
                 on conflict (client_id, slot) do update \
                 set hash = excluded.hash, created_us = excluded.created_us",
            )
            .bind(&secret.client_id)
            .bind(secret.slot)
            .bind(&secret.hash)
            .bind(now_us)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        });
        Ok(())
    }

    /// Moves a client into another state; false where nobody has this identifier.
    pub async fn set_client_state(&self, client_id: &str, state: &str) -> Result<bool, StoreError> {
        let changed = on_writing_pool!(self, (pool, dialect) => {
        let mut transaction = begin_write!(self, pool, dialect);
        sqlx::query(BUMP_VERSION).execute(&mut *transaction).await?;
        let done = sqlx::query("update clients set state = $2 where client_id = $1")
            .bind(client_id)
            .bind(state)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        done.rows_affected() == 1
        });
        Ok(changed)
    }
}
