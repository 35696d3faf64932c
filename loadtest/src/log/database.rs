//! The database under measurement, looked at from outside: how large it is, how often it syncs.

use std::path::{Path, PathBuf};

use anyhow::Context;
use gateway::config::StoreConfig;
use sqlx::{Connection, PgConnection, SqliteConnection};

/// Size of the tables with their indexes and what lies beside them, partitions among them.
const POSTGRES_BYTES: &str = "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint \
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace \
    where n.nspname = current_schema() and c.relkind = 'r'";
/// Times that the write-ahead log was synced since the server was made.
const POSTGRES_SYNCS: &str = "select wal_sync from pg_stat_wal";
/// Pages in use.
const SQLITE_BYTES: &str = "select (page_count - freelist_count) * page_size \
    from pragma_page_count, pragma_freelist_count, pragma_page_size";

/// A database.
#[derive(Debug, Clone)]
pub(super) enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres(String),
}

impl Database {
    /// Its name in the report.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// As the gateway is configured with it.
    pub(super) fn config(&self) -> StoreConfig {
        match self {
            Self::Sqlite(path) => StoreConfig::file(path),
            Self::Postgres(url) => StoreConfig::server(url.clone()),
        }
    }

    /// Bytes that the tables take, after everything written was carried into them.
    pub(super) async fn bytes(&self) -> anyhow::Result<u64> {
        let bytes: i64 = match self {
            Self::Sqlite(path) => {
                let mut file = open(path).await?;
                sqlx::raw_sql("pragma wal_checkpoint(truncate)").execute(&mut file).await?;
                sqlx::query_scalar(SQLITE_BYTES).fetch_one(&mut file).await?
            }
            Self::Postgres(url) => {
                let mut server = PgConnection::connect(url).await?;
                sqlx::query_scalar(POSTGRES_BYTES).fetch_one(&mut server).await?
            }
        };
        u64::try_from(bytes).context("a size is positive")
    }

    /// Times that the write-ahead log was synced; none where the database does not count them.
    /// A connection reports its own when it ends.
    pub(super) async fn syncs(&self) -> anyhow::Result<Option<i64>> {
        let Self::Postgres(url) = self else { return Ok(None) };
        let mut server = PgConnection::connect(url).await?;
        Ok(Some(sqlx::query_scalar(POSTGRES_SYNCS).fetch_one(&mut server).await?))
    }
}

async fn open(path: &Path) -> anyhow::Result<SqliteConnection> {
    let url = format!("sqlite://{}", path.display());
    SqliteConnection::connect(&url).await.with_context(|| format!("{} opens", path.display()))
}
