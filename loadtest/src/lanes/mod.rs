//! `loadtest lanes`: a file on the bulk lane, and whom it disturbs.
//!
//! A gateway of our own answers a hospital at a steady rate: alone, beside a client whose policy
//! says `bulk` and who sends so many verifications one by one as fast as it is let, and alone
//! again. Of the two times alone the better one counts.
//!
//! The file is sent by a thread of its own, so that sending it does not delay the hospital here.

mod file;
mod report;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::oneshot;

use crate::cli::LanesArgs;
use crate::drive::{Judge, Load, Schedule, open_loop, open_loop_until};
use crate::failure::Failure;
use crate::material::{Caller, Client, Kind, Person, Ring, pick};
use crate::private::{Prepared, Served};
use crate::tally::Tally;
use crate::token::Token;
use file::Sent;
use report::Report;

/// Verifications before those that count, for connections and caches.
const WARM_UP: Duration = Duration::from_secs(3);
/// Connections of the hospital: desks that ask one after the other.
const DESKS: u32 = 8;
/// A file may take this long; so long a token lasts.
const FILE_MAX: Duration = Duration::from_mins(50);
const TOKEN_SECONDS: &str = "3600";

/// All that came out.
struct Measured {
    /// Before the file and after it.
    quiet: [Tally; 2],
    meanwhile: Tally,
    sent: Sent,
}

/// Measures and judges.
pub(crate) async fn run(args: &LanesArgs) -> Result<(), Failure> {
    let prepared = Prepared::new().await?;
    let (clients, people) = (prepared.clients()?, prepared.people()?);
    let file = pick(clients.clone(), None)?;
    prepared.change_policy(&file.id, [("lane", json!("bulk"))])?;
    let hospital = hospital(clients, args.rate)?;
    let mut served = prepared.serve(&[("GATEWAY_AUTH__TOKEN_SECONDS", TOKEN_SECONDS)]).await?;
    let measured = measure(args, &served, [&file, &hospital], &people).await?;
    served.check_running()?;
    let report = Report::new(args, &measured);
    print!("{report}");
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.judge()
}

/// A hospital whose rate is high enough.
fn hospital(clients: Vec<Client>, rate: u32) -> Result<Client, Failure> {
    let is_one = |client: &Client| {
        client.kind == Kind::HealthFacility
            && client.rate.is_some_and(|allowed| allowed >= f64::from(rate))
    };
    pick(clients.into_iter().filter(is_one).collect(), None)
}

async fn measure(
    args: &LanesArgs,
    served: &Served,
    [file, hospital]: [&Client; 2],
    people: &[Person],
) -> Result<Measured, Failure> {
    let file = load(served, file, people, (args.connections, Judge::SampledVerdicts)).await?;
    let desks = load(served, hospital, people, (DESKS, Judge::EveryVerdict)).await?;
    let quiet = Schedule::new(args.rate, Duration::from_secs(args.quiet_seconds.into()));
    open_loop(&desks, Schedule::new(args.rate, WARM_UP)).await?;
    eprintln!("a hospital at {}/s for {} s ...", args.rate, args.quiet_seconds);
    let before = open_loop(&desks, quiet).await?;
    eprintln!("and a file of {} ...", args.requests);
    let (ended, end) = oneshot::channel();
    let sending = in_a_thread(file, args.requests, ended)?;
    let long = Schedule::new(args.rate, FILE_MAX);
    let stop = async { drop(end.await) };
    let meanwhile = open_loop_until(&desks, long, stop).await?;
    let sent = sending.await.context("the thread of the file")??;
    eprintln!("and {} s without ...", args.quiet_seconds);
    let quiet = [before, open_loop(&desks, quiet).await?];
    Ok(Measured { quiet, meanwhile, sent })
}

/// Sends the file; tells `ended` when it is through, and then what came of it.
fn in_a_thread(
    load: Load,
    requests: u64,
    ended: oneshot::Sender<()>,
) -> anyhow::Result<oneshot::Receiver<anyhow::Result<Sent>>> {
    let (tell, told) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move || {
        let sent = runtime.block_on(file::send(&load, requests));
        drop(ended);
        // Nobody listens when we were asked to stop.
        let _stopped = tell.send(sent);
    };
    std::thread::Builder::new().name("file".to_owned()).spawn(work).context("a thread")?;
    Ok(told)
}

async fn load(
    served: &Served,
    client: &Client,
    people: &[Person],
    (connections, judge): (u32, Judge),
) -> Result<Load, Failure> {
    let endpoint = &served.endpoint;
    let token = Token::fetch(endpoint, client).await?;
    let caller = Caller { token: &token.bearer, kind: client.kind, purpose: &client.purposes[0] };
    Ok(Load {
        ring: Arc::new(Ring::build(endpoint, caller, people)),
        endpoint: endpoint.clone(),
        judge,
        connections,
        sources: Vec::new(),
    })
}
