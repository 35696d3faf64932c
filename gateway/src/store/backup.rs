//! A consistent copy of the database as one file, made while others write.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::{Pool, Store, StoreError, Turns, Writers};

impl Store {
    /// Writes a database that is a file, as it is at one moment, into a file that must not exist,
    /// and onto disk. Whoever writes meanwhile is not kept waiting. A server is copied by its own
    /// programs.
    ///
    /// If we die before it returns, the file is no database or half of one: it counts once
    /// whoever asked for it says so.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let refuse = |error| StoreError::Database(sqlx::Error::Io(error));
        let Pool::Sqlite(pool, ..) = &self.pool else {
            return Err(refuse(std::io::Error::other("a server is not copied as a file")));
        };
        // Made here, because SQLite would let everyone read it; it takes an empty file for none.
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        drop(made.map_err(refuse)?);
        let path = file
            .to_str()
            .ok_or_else(|| refuse(std::io::Error::other("the path of a copy must be in UTF-8")))?;
        // Not a copy of the file: pages in the write-ahead log belong to it, and deleted entries
        // do not.
        sqlx::query("vacuum into $1").bind(path).execute(pool).await?;
        // SQLite leaves this to us.
        File::open(file).and_then(|file| file.sync_all()).map_err(refuse)
    }

    /// Opens the copy of a file to read from it; not one byte of it changes.
    pub async fn open_copy(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
        let pool =
            SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        Ok(Self {
            pool: Pool::Sqlite(pool.clone(), options, Writers { turns: Turns::none(), pool }),
        })
    }

    /// Number of the last migration that the tables have.
    pub async fn migration(&self) -> Result<i64, StoreError> {
        let text = match &self.pool {
            Pool::Sqlite(..) => {
                "select count(*) from sqlite_master where name = '_sqlx_migrations'"
            }
            Pool::Postgres(..) => {
                "select count(*) from pg_tables where tablename = '_sqlx_migrations' \
                 and schemaname = any (current_schemas(false))"
            }
        };
        let tables: i64 =
            on_pool!(self, (pool, _) => sqlx::query_scalar(text).fetch_one(pool).await)?;
        if tables == 0 {
            return Ok(0);
        }
        let version = on_pool!(self, (pool, _) => {
            let text = "select coalesce(max(version), 0) from _sqlx_migrations where success";
            sqlx::query_scalar(text).fetch_one(pool).await
        })?;
        Ok(version)
    }

    /// Closes every connection, so that nothing is left beside a file.
    pub async fn close(&self) {
        on_pool!(self, (pool, _) => pool.close().await);
    }
}
