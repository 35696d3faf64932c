//! `loadtest accuracy`: what the matching rules make of a million records of the right person, a
//! million pairs of different people, and of near misses of every kind.
//!
//! The people are those of the mock's nation; the rules are asked where they are published, through
//! `gateway compare --csv -`, one process per core. Rows go in and answers come out at the same
//! time, each answer with the row that it belongs to, so that nothing has to be remembered.

mod benign;
mod engine;
mod kind;
mod marks;
mod near;
mod people;
mod report;
mod row;
mod strangers;
mod work;

use std::sync::Arc;

use mock_population_db::Nation;
use tokio::task::{JoinSet, spawn_blocking};

use crate::cli::AccuracyArgs;
use crate::failure::Failure;
use crate::private::program;
use engine::Engine;
use report::Report;
use work::Plan;

/// Compares the records and judges the answers.
pub(crate) async fn run(args: &AccuracyArgs) -> Result<(), Failure> {
    let program = args.gateway.clone().map_or_else(|| program("gateway"), Ok)?;
    let folder = tempfile::tempdir().map_err(anyhow::Error::from)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let plan = Arc::new(Plan::new(args.records, cores));
    let nation = Arc::new(Nation::new(args.seed));
    println!("{}: {} records, {cores} processes", program.display(), args.records);
    // Dropped with this future when we are asked to stop: then the pipes break and the threads end.
    let mut children = Vec::with_capacity(cores);
    let mut running = JoinSet::new();
    for worker in 0..cores {
        let Engine { child, rows, answers } = Engine::start(&program, worker, folder.path())?;
        children.push(child);
        let (plan, nation) = (Arc::clone(&plan), Arc::clone(&nation));
        let writing = spawn_blocking(move || work::send(&plan, worker, &nation, rows));
        let reading = spawn_blocking(move || work::judge(answers));
        running.spawn(async move { (worker, writing.await, reading.await) });
    }
    let mut report = Report::default();
    while let Some(done) = running.join_next().await {
        let (worker, written, read) = done.map_err(anyhow::Error::from)?;
        let (written, read) =
            (written.map_err(anyhow::Error::from)?, read.map_err(anyhow::Error::from)?);
        let last_words = || children[worker].last_words();
        report.add(work::complete(written, read, last_words)?);
    }
    print!("{report}");
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.judge()
}
