//! `loadtest run`: a steady rate, open loop, every verdict held against the truth.

mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cli::{self, RunArgs};
use crate::drive::{Judge, Load, Schedule, open_loop};
use crate::failure::Failure;
use crate::material::{Caller, Ring, load_clients, load_people, pick};
use crate::token::Token;
use report::Report;

/// Runs the scenario and judges it.
pub(crate) async fn run(args: &RunArgs) -> Result<(), Failure> {
    let endpoint = cli::endpoint(&args.url, args.allow_remote)?;
    let client = pick(load_clients(&args.clients)?, args.client.as_deref())?;
    let people = load_people(&args.people)?;
    let duration = Duration::from_secs(args.duration.into());
    let token = Token::fetch(&endpoint, &client).await?;
    token.check_outlasts(duration)?;
    let caller = Caller { token: &token.bearer, kind: client.kind, purpose: &client.purposes[0] };
    let load = Load {
        ring: Arc::new(Ring::build(&endpoint, caller, &people)),
        endpoint,
        judge: Judge::EveryVerdict,
        connections: args.connections,
        sources: Vec::new(),
    };
    println!(
        "{}: {} requests/s for {} s as {}, {} connections, {} distinct requests",
        args.url,
        args.rate,
        args.duration,
        client.id,
        args.connections,
        load.ring.len()
    );
    let start = Instant::now();
    let tally = open_loop(&load, Schedule::new(args.rate, duration)).await?;
    let report = Report::new(args, &client.id, start.elapsed(), &tally);
    print!("{}", report.table());
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.judge()
}
