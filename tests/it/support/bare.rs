//! A database without a gateway.

use gateway::clock::Random;
use gateway::config::StoreConfig;
use gateway::store::{KeyFolder, Store};
use tempfile::TempDir;

use super::{Database, Postgres, Rows};

/// An empty database of the test's own, and a key folder.
#[derive(Debug)]
pub struct Bare {
    postgres: Option<Postgres>,
    folder: TempDir,
}

impl Bare {
    /// Makes one.
    pub async fn on(database: Database) -> Self {
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Postgres::start().await),
        };
        Self { postgres, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Opens it; its tables are made.
    pub async fn store(&self) -> Store {
        Store::open(&self.config()).await.expect("the database opens")
    }

    /// Where it is.
    pub fn config(&self) -> StoreConfig {
        match &self.postgres {
            Some(postgres) => StoreConfig::server(postgres.url()),
            None => StoreConfig::file(self.folder.path().join("gateway.sqlite")),
        }
    }

    /// The keys.
    pub fn keys(&self) -> KeyFolder {
        let keys = KeyFolder::open(&self.folder.path().join("keys"), Random::seeded(1));
        keys.expect("the folder is ours")
    }

    /// The tables, to be reached behind everybody's back.
    pub fn rows(&self) -> Rows {
        match &self.postgres {
            Some(postgres) => Rows::Server(postgres.url()),
            None => Rows::File(self.folder.path().join("gateway.sqlite")),
        }
    }
}
