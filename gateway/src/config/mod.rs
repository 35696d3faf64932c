//! Configuration: defaults < `gateway.toml` < `GATEWAY_SECTION__KEY` < flags.
//!
//! Unknown keys are errors, secrets have `*_file` twins, and relative paths are relative to the
//! file that names them. Nothing here opens or starts anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

/// Everything that can be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The two doors.
    pub server: ServerConfig,
    /// Where rows are kept.
    pub store: StoreConfig,
    /// Where keys are kept, apart from the rows.
    pub keys: KeysConfig,
    /// The way to the population database.
    pub population: PopulationConfig,
    /// The audit log of this node.
    pub log: LogConfig,
    /// Tokens and the guard before them.
    pub auth: AuthConfig,
    /// What the process says about itself.
    pub telemetry: TelemetryConfig,
}

/// Listeners and their limits.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Address of the admin listener: metrics now, administration later.
    pub admin_listen: SocketAddr,
    /// Base URL under which clients reach the API; issuer and audience of tokens. Empty: made from
    /// `listen`.
    pub public_url: String,
    /// Connections open at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Time for a client to send a whole request head, and then again its body, in milliseconds.
    pub header_timeout_ms: u64,
    /// Time for one request from its head to its answer, in milliseconds.
    pub request_timeout_ms: u64,
    /// Largest body of one request, in bytes.
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
            connections_max: 10_000,
            header_timeout_ms: 10_000,
            request_timeout_ms: 10_000,
            body_bytes_max: 64 * 1024,
            drain_timeout_ms: 10_000,
        }
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

/// Why no configuration came out.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A source cannot be read, or has a key or value that does not belong.
    #[error("the configuration cannot be used")]
    Invalid(#[source] config::ConfigError),
    /// A file that holds a secret cannot be read.
    #[error("the secret file {path} cannot be read")]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A secret is given both in place and as a file.
    #[error("{key} and {key}_file are both set")]
    Twice {
        /// The key.
        key: &'static str,
    },
    /// A value is outside its range.
    #[error("{key} {problem}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Config {
    /// Reads `file` (if any) and the environment over the defaults.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(file) = file {
            builder = builder.add_source(
                config::File::from(file).format(config::FileFormat::Toml).required(true),
            );
        }
        // Only GATEWAY_SECTION__KEY is ours: other names may be of whoever starts us, as
        // GATEWAY_SERVICE_HOST is. Values stay text, so that a key of digits keeps its zeros.
        let ours = std::env::vars().filter(|(name, _)| name.contains("__")).collect();
        let environment = config::Environment::with_prefix("GATEWAY")
            .prefix_separator("_")
            .separator("__")
            .source(Some(ours));
        let mut loaded: Self = builder
            .add_source(environment)
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(ConfigError::Invalid)?;
        let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
        loaded.choose_store()?;
        loaded.anchor(folder);
        loaded.read_secrets()?;
        loaded.check()?;
        Ok(loaded)
    }

    /// A file unless a server is named; never both, because only one would be used.
    fn choose_store(&mut self) -> Result<(), ConfigError> {
        let store = &mut self.store;
        let server = store.url.is_some() || store.url_file.is_some();
        match (server, store.path.as_os_str().is_empty()) {
            (false, true) => store.path = "gateway.sqlite".into(),
            (true, false) => {
                let problem = "and store.url are both set: rows are kept in one place";
                return Err(ConfigError::OutOfRange { key: "store.path", problem });
            }
            (true, true) | (false, false) => {}
        }
        Ok(())
    }

    /// Paths are relative to the file that names them, not to where the process was started.
    fn anchor(&mut self, folder: &Path) {
        let always = [&mut self.store.path, &mut self.keys.folder];
        let optional = [&mut self.store.url_file, &mut self.population.api_key_file];
        for path in always.into_iter().chain(optional.into_iter().flatten()) {
            if path.is_relative() && !path.as_os_str().is_empty() {
                *path = folder.join(&*path);
            }
        }
    }

    fn read_secrets(&mut self) -> Result<(), ConfigError> {
        let population = &mut self.population;
        read_secret(
            "population.api_key",
            &mut population.api_key,
            population.api_key_file.as_deref(),
        )?;
        read_secret("store.url", &mut self.store.url, self.store.url_file.as_deref())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, problem| Err(ConfigError::OutOfRange { key, problem });
        if !is_log_name(&self.log.name) {
            return refuse("log.name", "must be 1 to 32 of a-z, 0-9 and -");
        }
        if self.log.batch_entries_max == 0 || self.log.queue_entries_max == 0 {
            return refuse("log.batch_entries_max", "and log.queue_entries_max must be at least 1");
        }
        if !(1..=1_000).contains(&self.population.batch_items_max) {
            return refuse("population.batch_items_max", "must be 1 to 1,000");
        }
        if !(1..=64).contains(&self.population.calls_in_flight_max) {
            return refuse("population.calls_in_flight_max", "must be 1 to 64");
        }
        if !(60..=3_600).contains(&self.auth.token_seconds) {
            return refuse("auth.token_seconds", "must be 60 to 3,600");
        }
        if self.auth.address_failures_burst == 0 || self.auth.address_failures_per_second == 0 {
            return refuse("auth.address_failures_burst", "and its rate must be at least 1");
        }
        Ok(())
    }
}

/// Whether a text is the name of a log: 1 to 32 of a-z, 0-9 and -.
pub fn is_log_name(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Takes a secret from its file, where it is not given in place.
fn read_secret(
    key: &'static str,
    secret: &mut Option<SecretString>,
    file: Option<&Path>,
) -> Result<(), ConfigError> {
    let Some(path) = file else { return Ok(()) };
    if secret.is_some() {
        return Err(ConfigError::Twice { key });
    }
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::SecretFile { path: path.into(), source })?;
    *secret = Some(SecretString::from(text.trim().to_owned()));
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file))
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(matches!(load("[server]\nlisten_on = 1\n"), Err(ConfigError::Invalid(_))));
        assert!(matches!(load("[sever]\n"), Err(ConfigError::Invalid(_))));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        std::fs::write(folder.path().join("key"), "secret\n").unwrap();
        std::fs::write(
            &file,
            "[store]\npath = \"a.sqlite\"\n[population]\napi_key_file = \"key\"\n",
        )
        .unwrap();
        let config = Config::load(Some(&file)).unwrap();
        assert_eq!(config.store.path, folder.path().join("a.sqlite"));
        assert!(config.population.api_key.is_some());
        assert!(!format!("{config:?}").contains("secret\""));
    }

    #[test]
    fn rows_are_kept_in_a_file_or_on_a_server_and_never_in_both() {
        assert!(load("").unwrap().store.path.ends_with("gateway.sqlite"));
        let on_server = load("[store]\nurl = \"postgres://localhost/x\"\n").unwrap();
        assert!(on_server.store.url.is_some() && on_server.store.path.as_os_str().is_empty());
        let both = "[store]\nurl = \"postgres://localhost/x\"\npath = \"a.sqlite\"\n";
        assert!(load(both).unwrap_err().to_string().contains("store.url"));
    }

    #[test]
    fn a_value_out_of_range_names_its_key() {
        let error = load("[log]\nname = \"N 1\"\n").unwrap_err();
        assert!(error.to_string().starts_with("log.name"), "{error}");
    }
}
