//! `loadtest log`: what the log makes of entries in bulk, without the requests before it: how many
//! a second, how many bytes each, how many fsyncs, how fast they are verified again, and how long a
//! proof of one takes.
//!
//! It runs the gateway's own library on a fresh `SQLite` file and on a PostgreSQL that is started
//! for it.

mod database;
mod entries;
mod private;
mod proofs;
mod report;
mod stage;

use anyhow::Context;

use crate::cli::LogArgs;
use crate::failure::Failure;
use database::Database;
use private::Private;
use report::Report;

/// Measures and judges.
pub(crate) async fn run(args: &LogArgs) -> Result<(), Failure> {
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let (entries, rounds) = (args.entries as usize, args.rounds as usize);
    let mut report = Report::new(args.entries, rounds);
    let measure = async |database: &Database| {
        println!("{}: {entries} entries in {rounds} rounds ...", database.name());
        let keys = folder.path().join(format!("{}-keys", database.name()));
        let measured = stage::measure(database, &keys, (entries, rounds), !args.no_projections);
        measured.await.context(database.name())
    };
    let file = Database::Sqlite(folder.path().join("log.sqlite"));
    report.add_sqlite(&measure(&file).await?);
    let starts_one = !args.no_postgres && args.postgres.is_none();
    let private = if starts_one { Some(Private::start().await?) } else { None };
    let url = args.postgres.clone().or(private.as_ref().map(|private| private.url.clone()));
    if let Some(url) = url {
        report.add_postgres(&measure(&Database::Postgres(url)).await?);
    }
    drop(private);
    print!("{report}");
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.check()
}
