//! The connection to Redis: one server, or a Cluster. It is made again and again while there is none.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::ClusterClientBuilder;
use ::redis::cluster_async::ClusterConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisError, RedisFuture, Value};

/// What connecting may take.
const CONNECT: Duration = Duration::from_secs(1);
/// Calls waiting in one connection; whoever comes then does without.
const CALLS_MAX: usize = 1_024;

/// One server or several of a Cluster.
pub(super) struct Link {
    urls: Vec<String>,
    connection: RwLock<Option<Connection>>,
}

/// A connection; clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// `urls`: of one server, or of some servers of a Cluster, separated by commas.
    ///
    /// # Errors
    /// If one is no URL of a Redis.
    pub(super) fn new(urls: &str) -> Result<Self, RedisError> {
        let urls: Vec<String> = urls.split(',').map(|url| url.trim().to_owned()).collect();
        for url in &urls {
            Client::open(url.as_str())?;
        }
        Ok(Self { urls, connection: RwLock::default() })
    }

    pub(super) fn connection(&self) -> Option<Connection> {
        self.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether keys are spread over several servers, as far as is known.
    pub(super) fn is_cluster(&self) -> bool {
        let connection = self.connection.read().unwrap_or_else(PoisonError::into_inner);
        matches!(*connection, Some(Connection::Cluster(_)))
    }

    /// Connects in the place of what is there, which stays where that fails.
    pub(super) async fn connect(&self) -> Result<(), RedisError> {
        let connected = tokio::time::timeout(CONNECT, self.connected()).await;
        let connected = connected
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))?;
        *self.connection.write().unwrap_or_else(PoisonError::into_inner) = Some(connected);
        Ok(())
    }

    async fn connected(&self) -> Result<Connection, RedisError> {
        // Where one of several does not answer, the others know the Cluster as well.
        if let [url] = self.urls.as_slice() {
            let client = Client::open(url.as_str())?;
            // How long a call may take is the caller's to say.
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT))
                .set_response_timeout(None)
                .set_concurrency_limit(CALLS_MAX);
            let mut connection =
                client.get_multiplexed_async_connection_with_config(&config).await?;
            let info: String =
                ::redis::cmd("INFO").arg("cluster").query_async(&mut connection).await?;
            if !info.contains("cluster_enabled:1") {
                return Ok(Connection::Single(connection));
            }
        }
        let client = ClusterClientBuilder::new(self.urls.clone())
            .connection_timeout(CONNECT)
            .response_timeout(CONNECT)
            .retries(2)
            .min_retry_wait(1)
            .max_retry_wait(20)
            .connection_concurrency_limit(CALLS_MAX)
            .build()?;
        Ok(Connection::Cluster(client.get_async_connection().await?))
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(commands, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// Without the URLs: they may hold a password.
impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Single(_) => "Single",
            Self::Cluster(_) => "Cluster",
        })
    }
}
