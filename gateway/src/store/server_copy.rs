//! A database on a server, as its own programs (`pg_dump`, `pg_restore`) are to copy it: one
//! moment to copy, an empty place to put it, and the way there without a password in an argument.

use secrecy::ExposeSecret;
use sqlx::{Postgres, Transaction};

use super::{CheckpointRow, Pool, Store, StoreError};
use crate::config::StoreConfig;

/// Parameters of a URL, in every spelling that our own connections understand, and the variable by
/// which the programs know each; none for what concerns our connections alone.
const PARAMETERS: [(&str, Option<&str>); 17] = [
    ("host", Some("PGHOST")),
    ("hostaddr", Some("PGHOSTADDR")),
    ("port", Some("PGPORT")),
    ("user", Some("PGUSER")),
    ("password", Some("PGPASSWORD")),
    ("dbname", Some("PGDATABASE")),
    ("sslmode", Some("PGSSLMODE")),
    ("ssl-mode", Some("PGSSLMODE")),
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("ssl-root-cert", Some("PGSSLROOTCERT")),
    ("ssl-ca", Some("PGSSLROOTCERT")),
    ("sslcert", Some("PGSSLCERT")),
    ("ssl-cert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("ssl-key", Some("PGSSLKEY")),
    ("application_name", None),
    ("statement-cache-capacity", None),
];

/// One moment of a database on a server, kept for as long as this is.
#[derive(Debug)]
pub struct ServerSnapshot {
    transaction: Transaction<'static, Postgres>,
    /// Name under which others can look at the same moment.
    pub id: String,
}

impl Store {
    /// Keeps the moment of now for a program that copies it; none where the database is a file.
    pub async fn server_snapshot(&self) -> Result<Option<ServerSnapshot>, StoreError> {
        let Pool::Postgres(pool, _) = &self.pool else { return Ok(None) };
        let mut transaction = pool.begin_with(super::POSTGRES.begin_snapshot).await?;
        let id = sqlx::query_scalar("select pg_export_snapshot()").fetch_one(&mut *transaction);
        let id = id.await?;
        Ok(Some(ServerSnapshot { transaction, id }))
    }

    /// Whether nobody has made a table in it yet.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let text = match &self.pool {
            Pool::Sqlite(..) => "select count(*) from sqlite_master",
            Pool::Postgres(..) => {
                "select count(*) from pg_tables \
                 where schemaname not in ('pg_catalog', 'information_schema')"
            }
        };
        let tables: i64 =
            on_pool!(self, (pool, _) => sqlx::query_scalar(text).fetch_one(pool).await)?;
        Ok(tables == 0)
    }
}

impl ServerSnapshot {
    /// The checkpoints of all logs at that moment.
    pub async fn checkpoints(&mut self) -> Result<Vec<CheckpointRow>, StoreError> {
        let rows = sqlx::query_as(
            "select log, tree_size, counted_size, note from log_checkpoints order by log",
        );
        Ok(rows.fetch_all(&mut *self.transaction).await?)
    }
}

/// The server of a configuration as variables for its programs. A password among them is seen by
/// this user and root alone; one in an argument is seen by everybody on the machine.
///
/// # Errors
/// [`StoreError::Parameter`] for one that we do not know how to pass on: without it the programs
/// might go there less safely than we do.
pub fn server_variables(config: &StoreConfig) -> Result<Vec<(&'static str, String)>, StoreError> {
    let Some(url) = &config.url else { return Ok(Vec::new()) };
    let url = url.expose_secret();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (who, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = who.split_once(':').unwrap_or((who, ""));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        Some(_) | None => (place, ""),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let parts = [("host", host), ("port", port), ("user", user), ("password", password)];
    let parts = parts.into_iter().chain([("dbname", database)]);
    let parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut variables = Vec::new();
    for (name, value) in parts.filter(|(_, value)| !value.is_empty()).chain(parameters) {
        if let Some(variable) = variable_of(&decoded(name))? {
            variables.push((variable, decoded(value)));
        }
    }
    Ok(variables)
}

/// The variable of a parameter, if it has one.
fn variable_of(name: &str) -> Result<Option<&'static str>, StoreError> {
    let known = PARAMETERS.iter().find(|(parameter, _)| *parameter == name);
    let known = known.map(|(_, variable)| *variable);
    known.ok_or_else(|| StoreError::Parameter { name: name.to_owned() })
}

/// Text without its percent escapes (RFC 3986, section 2.1).
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| first == b'%');
        let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = if byte.is_some() { &after[2..] } else { after };
        bytes.push(byte.unwrap_or(first));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_variables() {
        let of = |url: &str| {
            let variables = server_variables(&StoreConfig::server(url.to_owned())).unwrap();
            variables.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(
            of("postgres://gate%20way:p%40ss%2Fword@db.example:5433/log?sslmode=verify-full"),
            [
                "PGHOST=db.example",
                "PGPORT=5433",
                "PGUSER=gate way",
                "PGPASSWORD=p@ss/word",
                "PGDATABASE=log",
                "PGSSLMODE=verify-full"
            ]
        );
        assert_eq!(of("postgres://[::1]/x"), ["PGHOST=::1", "PGDATABASE=x"]);
        assert_eq!(
            of("postgres:///x?host=/run/postgresql&user=u"),
            ["PGDATABASE=x", "PGHOST=/run/postgresql", "PGUSER=u"]
        );
    }

    #[test]
    fn every_spelling_of_a_parameter_is_passed_on_and_an_unknown_one_is_refused() {
        let of = |query: &str| {
            let variables =
                server_variables(&StoreConfig::server(format!("postgres://db/log?{query}")));
            variables.map(|variables| variables[2..].to_vec())
        };
        for name in ["sslmode", "ssl-mode", "ssl%2Dmode"] {
            let variables = of(&format!("{name}=verify-full")).unwrap();
            assert_eq!(variables, [("PGSSLMODE", "verify-full".to_owned())], "{name}");
        }
        for name in ["sslrootcert", "ssl-root-cert", "ssl-ca"] {
            let variables = of(&format!("{name}=/etc/ca.pem")).unwrap();
            assert_eq!(variables, [("PGSSLROOTCERT", "/etc/ca.pem".to_owned())], "{name}");
        }
        assert_eq!(of("ssl-cert=c&ssl-key=k").unwrap().len(), 2);
        assert_eq!(of("statement-cache-capacity=50").unwrap(), []);
        for query in ["tls=strict", "options[search_path]=other", "channel_binding=require"] {
            assert!(matches!(of(query), Err(StoreError::Parameter { .. })), "{query}");
        }
    }
}
