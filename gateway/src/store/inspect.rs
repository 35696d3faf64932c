//! The database as it is found: opened without bringing anything up to date or writing anything.

use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::{
    ACQUIRE_TIMEOUT, BUSY_TIMEOUT, POSTGRES_MIGRATIONS, Pool, Store, StoreError, Turns, Writers,
};
use crate::config::StoreConfig;

/// A setting on which rests that what was committed stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurabilitySetting {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Whether that is the right one.
    pub is_safe: bool,
}

impl Store {
    /// Opens a database that must exist, at whatever migration it is and however it is set.
    pub async fn inspect(config: &StoreConfig) -> Result<Self, StoreError> {
        let Some(url) = &config.url else {
            let options = SqliteConnectOptions::new()
                .filename(&config.path)
                .create_if_missing(false)
                .busy_timeout(BUSY_TIMEOUT);
            let pool = SqlitePoolOptions::new().max_connections(1);
            let pool = pool.connect_with(options.clone()).await?;
            return Ok(Self {
                pool: Pool::Sqlite(pool.clone(), options, Writers { turns: Turns::none(), pool }),
            });
        };
        let options: PgConnectOptions = url.expose_secret().parse()?;
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE_TIMEOUT);
        let pool = pool.connect_with(options.clone()).await?;
        Ok(Self { pool: Pool::Postgres(pool, options) })
    }

    /// Number of the last migration that this program has; the same for both databases.
    pub fn newest_migration() -> i64 {
        POSTGRES_MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    /// What the database is set to beside what our own connections demand (`synchronous=FULL`,
    /// `synchronous_commit=on`).
    pub async fn durability(&self) -> Result<Vec<DurabilitySetting>, StoreError> {
        match &self.pool {
            Pool::Sqlite(pool, ..) => {
                let value: String =
                    sqlx::query_scalar("pragma journal_mode").fetch_one(pool).await?;
                let is_safe = value == "wal";
                Ok(vec![DurabilitySetting { name: "journal_mode", value, is_safe }])
            }
            Pool::Postgres(pool, _) => {
                let mut settings = Vec::new();
                for name in ["fsync", "full_page_writes", "synchronous_commit"] {
                    let value: String = sqlx::query_scalar("select current_setting($1)")
                        .bind(name)
                        .fetch_one(pool)
                        .await?;
                    let is_safe = value != "off";
                    settings.push(DurabilitySetting { name, value, is_safe });
                }
                Ok(settings)
            }
        }
    }
}
