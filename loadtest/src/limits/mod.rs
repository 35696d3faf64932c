//! `loadtest limits`: one client's limit, shared by several gateways in a Redis, with many times as
//! much offered; and what becomes of it while Redis is gone.
//!
//! Gateways and Redis are processes of our own; each gateway has a database of its own, copied from one, so
//! that clients, secrets and policies are the same. What was admitted is compared with burst and
//! rate times the time from before the first request until after the last answer: what passes
//! that bound passed the limit, however slow the machine was.

mod line;
mod nodes;
mod redis;
mod report;

use std::time::{Duration, Instant};

use crate::cli::{LimitsArgs, Outage};
use crate::failure::Failure;
use crate::private::Prepared;
use crate::tally::Tally;
use line::Line;
use nodes::{Nodes, Settings};
use redis::Redis;
use report::{OutageFigures, Phase, Report};

/// Verifications before those that count, for connections and caches.
const WARM_UP: Duration = Duration::from_secs(2);
/// Part of the limit that is offered where latencies are compared: all of it passes.
const QUIET: f64 = 0.8;
/// What everybody notices of an outage before it is measured.
const NOTICED: Duration = Duration::from_secs(1);
/// How long we offer at a time while we wait until limits are shared again; and how long at most.
const BACK_STEP: Duration = Duration::from_millis(200);
const BACK_MAX: Duration = Duration::from_secs(30);
/// How much later everything arrives at a slow Redis.
const SLOW: Duration = Duration::from_millis(500);

/// Measures and judges.
pub(crate) async fn run(args: &LimitsArgs) -> Result<(), Failure> {
    let prepared = Prepared::new().await?;
    let client = nodes::with_limit(&prepared, args.rate, args.burst)?;
    let people = prepared.people()?;
    let settings = Settings { prepared: &prepared, client: &client, people: &people };
    eprintln!("{} nodes without Redis ...", args.nodes);
    let alone = {
        let nodes = Nodes::start(&settings, args.nodes, &[]).await?;
        quiet(args, &nodes).await?
    };
    let mut redis = Redis::start(args).await?;
    let line = match args.outage {
        Some(Outage::Slow | Outage::One) => Some(Line::to(redis.port()?).await?),
        Some(Outage::Kill | Outage::Stop) | None => None,
    };
    let mut urls: Vec<String> = line.iter().map(Line::url).collect();
    if urls.is_empty() || matches!(args.outage, Some(Outage::One)) {
        urls.push(redis.urls());
    }
    eprintln!("{} nodes that share {} ...", args.nodes, urls.join(" and "));
    let mut nodes = Nodes::start(&settings, args.nodes, &urls).await?;
    let shared = quiet(args, &nodes).await?;
    // Whatever the limit has room for, it has again.
    tokio::time::sleep(Duration::from_secs((args.burst / args.rate).into())).await;
    let flood = offer(&nodes, args.rate * args.offered, seconds(args.seconds)).await?;
    let outage = match args.outage {
        Some(kind) => Some(measure_outage(args, &nodes, &mut redis, line.as_ref(), kind).await?),
        None => None,
    };
    nodes.check_running()?;
    let report = Report::new(args, [alone, shared], flood, outage);
    print!("{report}");
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.judge()
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

/// Latencies of what passes.
async fn quiet(args: &LimitsArgs, nodes: &Nodes) -> Result<Phase, Failure> {
    let rate = (f64::from(args.rate) * QUIET) as u32;
    offer(nodes, rate, WARM_UP).await?;
    offer(nodes, rate, seconds(args.seconds)).await
}

/// Offers as much to all nodes together.
async fn offer(nodes: &Nodes, rate: u32, time: Duration) -> Result<Phase, Failure> {
    let began = Instant::now();
    let tallies: Vec<Tally> = nodes.offer(rate, time).await?;
    Ok(Phase::of(&tallies, began.elapsed()))
}

async fn measure_outage(
    args: &LimitsArgs,
    nodes: &Nodes,
    redis: &mut Redis,
    line: Option<&Line>,
    kind: Outage,
) -> Result<OutageFigures, Failure> {
    let rate = args.rate * args.offered;
    eprintln!("{kind:?}: before ...");
    let before = offer(nodes, rate, seconds(args.seconds)).await?;
    match kind {
        Outage::Kill => redis.kill(),
        Outage::Stop => redis.stop()?,
        Outage::Slow | Outage::One => line.into_iter().for_each(|line| line.delay(SLOW)),
    }
    eprintln!("{kind:?}: in the outage ...");
    let first = offer(nodes, rate, NOTICED).await?;
    let meanwhile = offer(nodes, rate, seconds(args.seconds)).await?;
    let unshared = nodes.unshared().await?;
    match kind {
        Outage::Kill => redis.restart().await?,
        Outage::Stop => redis.go_on()?,
        Outage::Slow | Outage::One => {
            if let Some(line) = line {
                line.delay(Duration::ZERO);
            }
        }
    }
    let ended = Instant::now();
    let mut after = Vec::new();
    // Nobody notices without being asked.
    while nodes.unshared().await? > 0 && ended.elapsed() < BACK_MAX {
        after.push(offer(nodes, rate, BACK_STEP).await?);
    }
    let back_s = (ended.elapsed() < BACK_MAX).then(|| ended.elapsed().as_secs_f64());
    Ok(OutageFigures::new(args, unshared, [before, first, meanwhile], &after, back_s))
}
