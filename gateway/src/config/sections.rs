//! The sections of a configuration: what can be set in each, and what it is where nothing is said.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::networks::Networks;

/// Listeners and their limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of the admin listener: metrics now, administration later.
    pub admin_listen: SocketAddr,
    /// Base URL under which clients reach the API; issuer and audience of tokens. `https` (or `http`
    /// on this machine), without path, query and fragment. Empty: made from `listen`.
    pub public_url: String,
    /// Proxies whose `Forwarded` field (RFC 7239) is believed: addresses and networks. Nobody else's
    /// is.
    pub trusted_proxies: Networks,
    /// Connections open at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Time for a client to send a whole request head, and then again its body, in milliseconds.
    pub header_timeout_ms: u64,
    /// Time for one request from its head to its answer, in milliseconds.
    pub request_timeout_ms: u64,
    /// Largest body of one request, in bytes; a list of officials and a batch have limits of their own.
    pub body_bytes_max: usize,
    /// Time for requests in progress to end after a stop was asked, in milliseconds.
    pub drain_timeout_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            public_url: String::new(),
            trusted_proxies: Networks::default(),
            connections_max: 10_000,
            header_timeout_ms: 10_000,
            request_timeout_ms: 10_000,
            body_bytes_max: 64 * 1024,
            drain_timeout_ms: 10_000,
        }
    }
}

impl ServerConfig {
    /// Issuer of tokens and base of links.
    pub fn public_url(&self) -> String {
        if self.public_url.is_empty() {
            return format!("http://{}", self.listen);
        }
        self.public_url.trim_end_matches('/').to_owned()
    }
}

/// Where rows are kept: a file, or a server that nodes share.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// `SQLite` file; made when it is not there. `gateway.sqlite` where no server is named either.
    pub path: PathBuf,
    /// `PostgreSQL` server and database: `postgres://user:password@host:port/database`.
    pub url: Option<SecretString>,
    /// File that holds the URL.
    pub url_file: Option<PathBuf>,
}

impl StoreConfig {
    /// Rows in an `SQLite` file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// Rows on a `PostgreSQL` server.
    pub fn server(url: impl Into<SecretString>) -> Self {
        Self { url: Some(url.into()), ..Self::default() }
    }
}

/// Where keys are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysConfig {
    /// Folder of key files; a missing key is made on first use, readable by the owner alone.
    pub folder: PathBuf,
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self { folder: "keys".into() }
    }
}

/// The way to the population database.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PopulationConfig {
    /// Base URL, `http` only: over a network, a TLS sidecar stands between.
    pub url: String,
    /// Bearer key.
    pub api_key: Option<SecretString>,
    /// File that holds the bearer key.
    pub api_key_file: Option<PathBuf>,
    /// Time for one call, in milliseconds.
    pub timeout_ms: u64,
    /// Calls in flight at once per lane, so that one hanging call does not stop every desk.
    pub calls_in_flight_max: usize,
    /// Questions in one call.
    pub batch_items_max: usize,
    /// Questions waiting for a call; more are answered as unavailable at once.
    pub queue_items_max: usize,
}

impl Default for PopulationConfig {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8090".into(),
            api_key: None,
            api_key_file: None,
            timeout_ms: 2_000,
            calls_in_flight_max: 4,
            batch_items_max: 256,
            queue_items_max: 8_192,
        }
    }
}

/// The audit log of this node.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Name of this node's log, `[a-z0-9-]`, unique in the deployment.
    pub name: String,
    /// Prefix of the log's origin (C2SP `checkpoint`): a schema-less URL; the name follows it.
    pub origin: String,
    /// Entries waiting for a commit; more are refused with 503 at once.
    pub queue_entries_max: usize,
    /// Entries in one commit.
    pub batch_entries_max: usize,
    /// Whole Vietnamese days before today whose entries are kept; those of earlier days are dropped
    /// by and by, their hashes and figures stay. 0: all are kept.
    pub retention_days: u32,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            name: "n1".into(),
            origin: "gateway.invalid/log".into(),
            queue_entries_max: 16_384,
            batch_entries_max: 4_096,
            retention_days: 0,
        }
    }
}

/// Tokens and the guard before them.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Life of a token, in seconds.
    pub token_seconds: u32,
    /// Failed client authentications one address may have at once.
    pub address_failures_burst: u32,
    /// Failed client authentications one address may have per second after that.
    pub address_failures_per_second: u32,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self { token_seconds: 600, address_failures_burst: 30, address_failures_per_second: 1 }
    }
}

/// Where limits are kept: in this process, or in a Redis that nodes share.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Redis that the nodes share: `redis://user:password@host:port`. Several, separated by commas, are
    /// servers of a Cluster. Plain TCP only: over a network, a TLS sidecar stands between.
    pub redis_url: Option<SecretString>,
    /// File that holds the URL.
    pub redis_url_file: Option<PathBuf>,
    /// Nodes there are at least. While Redis does not answer, each lets its part of every limit
    /// through: one by so many, or by as many as were there when it answered last.
    pub nodes: NonZeroU32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { redis_url: None, redis_url_file: None, nodes: NonZeroU32::MIN }
    }
}

/// What the process says about itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Filter directive of the process log, such as `info` or `gateway=debug`.
    pub filter: String,
    /// Lines for people or for machines.
    pub format: LogFormat,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Text }
    }
}

/// Form of the process log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line per event.
    Text,
    /// One JSON object per event.
    Json,
}
