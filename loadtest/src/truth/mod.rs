//! `loadtest truth`: records as carriers, hospitals, ministries and localities hold them, sent by
//! the clients that would hold them, and every answer held against the truth beside the record.
//!
//! The measured match rate of every kind of clerical error must be the expected one, to the record.
//! Each client sends within its own rate, and waits where the gateway says so: a record that was
//! refused for the rate is sent again, since it was not answered.

mod asker;
mod report;
mod share;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use mock_population_db::Nation;
use mock_population_db::records::Records;
use tokio::task::JoinSet;

use crate::cli::{self, TruthArgs};
use crate::failure::Failure;
use crate::material::load_clients;
use crate::wire::Endpoint;
use asker::{Asker, Connection};
use report::Report;
use share::Share;

/// Records that one connection sends for one client before it turns to another: few enough that a
/// burst takes them, many enough that connections are not what is measured.
const RECORDS_PER_TURN: u64 = 50;

/// A turn of one connection: some records of one client.
struct Turn {
    asker: Arc<Asker>,
    first: u64,
    count: u64,
}

/// Everything that connections share.
struct Work {
    endpoint: Endpoint,
    nation: Nation,
    turns: Mutex<VecDeque<Turn>>,
}

/// Sends the records and judges the answers.
pub(crate) async fn run(args: &TruthArgs) -> Result<(), Failure> {
    let endpoint = cli::endpoint(&args.url, args.allow_remote)?;
    let clients = load_clients(&args.clients)?;
    let shares = share::divide(&clients, args.records, args.holder)?;
    let mut askers = Vec::with_capacity(shares.len());
    for Share { client, holder, first, count } in shares {
        let asker = Asker::enter(&endpoint, client, holder).await?;
        askers.push((Arc::new(asker), first, count));
    }
    println!(
        "{}: {} records as {} clients hold them, {} connections",
        args.url,
        args.records,
        askers.len(),
        args.connections
    );
    let work = Arc::new(Work {
        endpoint,
        nation: Nation::new(args.seed),
        turns: Mutex::new(turns(&askers)),
    });
    let mut running = JoinSet::new();
    for _ in 0..args.connections {
        running.spawn(send_turns(Arc::clone(&work)));
    }
    let mut report = Report::default();
    while let Some(done) = running.join_next().await {
        report.add(done.map_err(anyhow::Error::from)??);
    }
    print!("{}", report.table());
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.judge()
}

/// The turns of all clients, one of each after the other, so that none is asked for more than its
/// rate while others wait.
fn turns(askers: &[(Arc<Asker>, u64, u64)]) -> VecDeque<Turn> {
    let mut turns = VecDeque::new();
    for round in 0_u64.. {
        let before = turns.len();
        for (asker, first, count) in askers {
            let sent = round * RECORDS_PER_TURN;
            if sent < *count {
                let count = RECORDS_PER_TURN.min(count - sent);
                turns.push_back(Turn { asker: Arc::clone(asker), first: first + sent, count });
            }
        }
        if turns.len() == before {
            break;
        }
    }
    turns
}

/// One connection: takes turns until none is left.
async fn send_turns(work: Arc<Work>) -> Result<Report, Failure> {
    let mut report = Report::default();
    let mut connection = Connection::new(work.endpoint.clone());
    loop {
        let turn = work.turns.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(Turn { asker, first, count }) = turn else {
            return Ok(report);
        };
        let profile = asker.holder.profile();
        let records = Records::new(&work.nation, asker.holder, profile, first);
        for record in records.take(count as usize) {
            let answer = connection.ask(&asker, &record).await?;
            report.judge_answer(&asker, &record, &answer);
        }
    }
}
