//! By what the database knows the keys again that its nodes share.

use sqlx::FromRow;

use super::{Store, StoreError};

/// A key that was used on this database.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct FingerprintRow {
    /// Name of the key, such as `pseudonym-2026Q4`.
    pub name: String,
    /// Its fingerprint.
    pub fingerprint: String,
}

impl Store {
    /// All keys that the database knows, by name.
    pub async fn key_fingerprints(&self) -> Result<Vec<FingerprintRow>, StoreError> {
        let rows = on_pool!(self, (pool, _) => {
            sqlx::query_as("select name, fingerprint from key_fingerprints order by name")
                .fetch_all(pool)
                .await
        })?;
        Ok(rows)
    }

    /// The fingerprint of one key, if the database knows it.
    pub async fn key_fingerprint(&self, name: &str) -> Result<Option<String>, StoreError> {
        let found = on_pool!(self, (pool, _) => {
            sqlx::query_scalar("select fingerprint from key_fingerprints where name = $1")
                .bind(name)
                .fetch_optional(pool)
                .await
        })?;
        Ok(found)
    }

    /// Makes a key known where none of its name is; the one that is known then. Of two nodes at
    /// once the second gets the fingerprint of the first.
    pub async fn know_key(&self, name: &str, fingerprint: &str) -> Result<String, StoreError> {
        let _turn = self.pool.turn().await;
        on_writing_pool!(self, (pool, _) => {
            sqlx::query(
                "insert into key_fingerprints (name, fingerprint) values ($1, $2) \
                 on conflict (name) do nothing",
            )
            .bind(name)
            .bind(fingerprint)
            .execute(pool)
            .await
            .map(drop)
        })?;
        let known = self.key_fingerprint(name).await?;
        known.ok_or_else(|| StoreError::Inconsistent {
            table: "key_fingerprints",
            row: name.to_owned(),
        })
    }

    /// Forgets a key, so that another one may take its name.
    pub async fn forget_key(&self, name: &str) -> Result<(), StoreError> {
        let _turn = self.pool.turn().await;
        on_writing_pool!(self, (pool, _) => {
            sqlx::query("delete from key_fingerprints where name = $1")
                .bind(name)
                .execute(pool)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
