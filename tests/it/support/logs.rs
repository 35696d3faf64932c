//! The log as it lies in the database, read and damaged behind the gateway's back.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::app::App;
use gateway::audit::{Entry, LogEntry, leaf_hash};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// The bytes of all entries in their order.
async fn entry_bytes(app: &App) -> Vec<Vec<u8>> {
    let (mut entries, mut next) = (Vec::new(), 0);
    loop {
        let bundles = app.store.bundles_from("n1", next, 64).await.expect("the store answers");
        let fresh: Vec<_> = bundles.iter().filter(|bundle| bundle.first_index >= next).collect();
        let Some(last) = fresh.last() else {
            return entries;
        };
        next = last.first_index + last.entries_count;
        entries.extend(fresh.iter().flat_map(|bundle| split(&bundle.entries)));
    }
}

/// All entries in their order.
pub async fn entries(app: &App) -> Vec<Entry> {
    let bytes = entry_bytes(app).await;
    let decode = |bytes: &Vec<u8>| LogEntry::decode(bytes).expect("an entry can be read");
    bytes.iter().filter_map(|bytes| decode(bytes).request().cloned()).collect()
}

/// Leaf hash of the entry at `index`, as receipts tell it.
pub async fn leaf_of(app: &App, index: u64) -> Option<String> {
    let entries = entry_bytes(app).await;
    entries.get(usize::try_from(index).ok()?).map(|bytes| STANDARD.encode(leaf_hash(bytes)))
}

/// The entries of a bundle, each after its length as big-endian `uint16`.
fn split(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry.to_vec());
        bundle = rest;
    }
    entries
}

/// The tables as they lie in the database.
#[derive(Debug, Clone)]
pub enum Rows {
    /// In an `SQLite` file.
    File(PathBuf),
    /// On a `PostgreSQL` server.
    Server(String),
}

impl From<&PathBuf> for Rows {
    fn from(file: &PathBuf) -> Self {
        Self::File(file.clone())
    }
}

/// Runs a statement behind the gateway's back; it changes one row.
pub async fn tamper(rows: impl Into<Rows>, statement: String) {
    let statement = AssertSqlSafe(statement);
    let changed = match &rows.into() {
        Rows::File(file) => {
            let mut connection = open(file).await;
            let done = sqlx::query(statement).execute(&mut connection).await;
            connection.close().await.expect("the database closes");
            done.expect("the statement runs").rows_affected()
        }
        Rows::Server(url) => {
            let mut connection = reach(url).await;
            let done = sqlx::query(statement).execute(&mut connection).await;
            done.expect("the statement runs").rows_affected()
        }
    };
    assert_eq!(changed, 1);
}

/// Flips one bit in the middle of `column` in the row of `table` that `condition` names.
pub async fn flip_byte(rows: impl Into<Rows>, table: &str, column: &str, condition: &str) {
    let rows = rows.into();
    let mut bytes = read(&rows, table, column, condition).await;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let hex: String = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    // A note is text and stays text.
    let value = match (&rows, column == "note") {
        (Rows::File(_), true) => format!("cast(x'{hex}' as text)"),
        (Rows::File(_), false) => format!("x'{hex}'"),
        (Rows::Server(_), true) => format!("convert_from(decode('{hex}', 'hex'), 'UTF8')"),
        (Rows::Server(_), false) => format!("decode('{hex}', 'hex')"),
    };
    tamper(rows, format!("update {table} set {column} = {value} where {condition}")).await;
}

/// The bytes of `column` in the one row of `table` that `condition` names.
async fn read(rows: &Rows, table: &str, column: &str, condition: &str) -> Vec<u8> {
    let bytes = match (rows, column == "note") {
        (Rows::File(_), _) => format!("cast({column} as blob)"),
        (Rows::Server(_), true) => format!("convert_to({column}, 'UTF8')"),
        (Rows::Server(_), false) => column.to_owned(),
    };
    let select = AssertSqlSafe(format!("select {bytes} from {table} where {condition}"));
    let read = match rows {
        Rows::File(file) => {
            let mut connection = open(file).await;
            let read = sqlx::query_scalar(select).fetch_one(&mut connection).await;
            connection.close().await.expect("the database closes");
            read
        }
        Rows::Server(url) => sqlx::query_scalar(select).fetch_one(&mut reach(url).await).await,
    };
    read.expect("the row is there")
}

async fn open(file: &Path) -> SqliteConnection {
    let url = format!("sqlite://{}", file.display());
    SqliteConnection::connect(&url).await.expect("the database opens")
}

async fn reach(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the server answers")
}
