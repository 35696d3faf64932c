//! Configuration: defaults < `gateway.toml` < `GATEWAY_SECTION__KEY` < flags.
//!
//! Unknown keys are errors, secrets have `*_file` twins, and relative paths are relative to the
//! file that names them. Nothing here opens or starts anything.

mod alarms;
mod guess_budgets;
mod jobs;
mod lanes;
mod networks;
mod sections;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hyper::Uri;
use secrecy::SecretString;
use serde::Deserialize;

pub use alarms::AlarmsConfig;
pub use guess_budgets::GuessBudgetsConfig;
pub use jobs::JobsConfig;
pub use lanes::LanesConfig;
pub use networks::{Networks, NotANetwork};
pub use sections::{
    AuthConfig, KeysConfig, LimitsConfig, LogConfig, LogFormat, PopulationConfig, ServerConfig,
    StoreConfig, TelemetryConfig,
};

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
    /// How many claims about one person may be wrong.
    pub guess_budgets: GuessBudgetsConfig,
    /// Places on the way to register and log.
    pub lanes: LanesConfig,
    /// Files in bulk.
    pub jobs: JobsConfig,
    /// From when on something stands out.
    pub alarms: AlarmsConfig,
    /// Where limits are kept.
    pub limits: LimitsConfig,
    /// What the process says about itself.
    pub telemetry: TelemetryConfig,
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
        let always = [&mut self.store.path, &mut self.keys.folder, &mut self.jobs.folder];
        let optional = [
            &mut self.store.url_file,
            &mut self.population.api_key_file,
            &mut self.limits.redis_url_file,
        ];
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
        let limits = &mut self.limits;
        read_secret("limits.redis_url", &mut limits.redis_url, limits.redis_url_file.as_deref())?;
        read_secret("store.url", &mut self.store.url, self.store.url_file.as_deref())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, problem| Err(ConfigError::OutOfRange { key, problem });
        if !is_log_name(&self.log.name) {
            return refuse("log.name", "must be 1 to 32 of a-z, 0-9 and -");
        }
        if let Err(problem) = check_public_url(&self.server.public_url) {
            return refuse("server.public_url", problem);
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
        let problem = self.lanes.problem().or_else(|| self.guess_budgets.problem());
        let problem = problem.or_else(|| self.jobs.problem());
        if usize::from(self.jobs.chunk_rows) > self.log.queue_entries_max {
            return refuse("jobs.chunk_rows", "must not be more than log.queue_entries_max");
        }
        if let Some((key, problem)) = problem {
            return refuse(key, problem);
        }
        if let Some((key, problem)) = self.alarms.problem() {
            return refuse(key, problem);
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

/// What is wrong with the URL by which clients know the gateway. It is the issuer of tokens and of the
/// metadata about them (RFC 8414, section 2: `https`, without query and fragment), which are served
/// at the root alone: with a path they would have to be elsewhere (section 3.1).
fn check_public_url(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Ok(());
    }
    // A URI drops its fragment when it is read.
    if text.contains(['?', '#']) {
        return Err("must have no query and no fragment");
    }
    let url: Option<Uri> = text.parse().ok();
    let Some((url, authority)) = url.as_ref().and_then(|url| Some((url, url.authority()?))) else {
        return Err("must be a URL, such as https://gateway.example.gov.vn");
    };
    if authority.as_str().contains('@') {
        return Err("must name nobody before the host");
    }
    if !matches!(url.path(), "" | "/") {
        return Err("must have no path");
    }
    let host = authority.host().trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match url.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_here => Ok(()),
        Some(_) | None => Err("must begin with https://, or http:// for this machine alone"),
    }
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
    fn proxies_are_trusted_only_by_name() {
        assert_eq!(load("").unwrap().server.trusted_proxies, Networks::default());
        let named = load("[server]\ntrusted_proxies = [\"10.1.0.0/16\", \"::1\"]\n").unwrap();
        let expected = Networks::parse(["10.1.0.0/16", "::1"]).unwrap();
        assert_eq!(named.server.trusted_proxies, expected);
        let one = load("[server]\ntrusted_proxies = \"10.1.0.0/16, ::1\"\n").unwrap();
        assert_eq!(one.server.trusted_proxies, expected, "as the environment gives it");
        let error = load("[server]\ntrusted_proxies = [\"10.1.2.3/8\"]\n").unwrap_err();
        let told = format!("{error:?}");
        assert!(told.contains("10.1.2.3/8") && told.contains("is no network"), "{told}");
    }

    #[test]
    fn the_public_url_is_one_that_an_issuer_can_have() {
        let load = |url: &str| load(&format!("[server]\npublic_url = \"{url}\"\n"));
        for url in [
            "https://gateway.example.gov.vn",
            "https://gateway.example.gov.vn/",
            "https://gateway.example.gov.vn:8443",
            "http://127.0.0.1:8080",
            "http://localhost:8080",
            "http://[::1]:8080",
        ] {
            assert!(load(url).is_ok(), "{url}");
        }
        for url in [
            "gateway.example.gov.vn",
            "/gateway",
            "ftp://gateway.example.gov.vn",
            "http://gateway.example.gov.vn",
            "http://127.0.0.1.example.gov.vn",
            "https://gateway.example.gov.vn/verify",
            "https://gateway.example.gov.vn//",
            "https://gateway.example.gov.vn/?a=b",
            "https://gateway.example.gov.vn#a",
            "https://user@gateway.example.gov.vn",
            "https://",
        ] {
            let error = load(url).unwrap_err().to_string();
            assert!(error.starts_with("server.public_url "), "{url}: {error}");
        }
    }

    #[test]
    fn a_value_out_of_range_names_its_key() {
        let error = load("[log]\nname = \"N 1\"\n").unwrap_err();
        assert!(error.to_string().starts_with("log.name"), "{error}");
    }
}
