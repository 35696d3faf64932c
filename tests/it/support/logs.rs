//! The log as it lies in the database, read and damaged behind the gateway's back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::app::App;
use gateway::audit::{Entry, LogEntry, leaf_hash};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use std::path::Path;

/// The bytes of all entries in their order.
pub async fn entry_bytes(app: &App) -> Vec<Vec<u8>> {
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

async fn connect(database: &Path) -> SqliteConnection {
    let url = format!("sqlite://{}", database.display());
    SqliteConnection::connect(&url).await.expect("the database opens")
}

/// Runs a statement behind the gateway's back; it changes one row.
pub async fn tamper(database: &Path, statement: String) {
    assert_eq!(run_on(database, statement).await, 1);
}

/// Runs a statement behind the gateway's back; how many rows it changed.
pub async fn run_on(database: &Path, statement: String) -> u64 {
    let mut connection = connect(database).await;
    let done = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await;
    connection.close().await.expect("the database closes");
    done.expect("the statement runs").rows_affected()
}

/// Copies the database as it is now.
pub async fn copy_database(database: &Path, copy: &Path) {
    let mut connection = connect(database).await;
    let statement = format!("vacuum into '{}'", copy.display());
    let done = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await;
    done.expect("the database is copied");
    connection.close().await.expect("the database closes");
}

/// Puts a copy in the place of the database.
pub fn put_back(copy: &Path, database: &Path) {
    remove_database(database);
    std::fs::copy(copy, database).expect("the copy is there");
}

/// Deletes the database and what lies beside it.
pub fn remove_database(database: &Path) {
    for ending in ["sqlite", "sqlite-wal", "sqlite-shm"] {
        match std::fs::remove_file(database.with_extension(ending)) {
            Ok(()) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }
}

/// Flips one bit in the middle of `column` in the row of `table` that `condition` names.
pub async fn flip_byte(database: &Path, table: &str, column: &str, condition: &str) {
    let mut connection = connect(database).await;
    let select = format!("select cast({column} as blob) from {table} where {condition}");
    let selected = sqlx::query_scalar(AssertSqlSafe(select)).fetch_one(&mut connection).await;
    let mut bytes: Vec<u8> = selected.expect("the row is there");
    connection.close().await.expect("the database closes");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let hex: String = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    // A note is text and stays text.
    let kind = if column == "note" { "text" } else { "blob" };
    let value = format!("cast(x'{hex}' as {kind})");
    tamper(database, format!("update {table} set {column} = {value} where {condition}")).await;
}
