//! What a limit costs: one of this node alone, three at once, and one that is shared in Redis, where
//! most requests use what was drawn ahead. And what a guess costs that may be wrong, with a million
//! failures in memory and in Redis.
//!
//! The Redis is started here, on a free port, and keeps nothing; without `redis-server` the shared
//! limit is left out. It runs on the same machine, so what a network adds is not in it.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use gateway::clock::Clock;
use gateway::config::{GuessBudgetsConfig, LimitsConfig};
use gateway::rate_limit::{
    Asking, ClientLimits, Guess, GuessBudgets, GuessSubject, Lane, Limits, PastFailure, Quotas,
    Terms,
};
use gateway::request::ClientId;
use gateway::telemetry::Metrics;
use tokio::runtime::{Builder, Runtime};

/// Of this node: so many that none is refused, because a refusal would be cheaper.
const LOCAL_RATE: u32 = 1_000_000_000;
/// In Redis: one task gets no more than these a second, so that no less than a microsecond each can
/// come out. Five milliseconds of it, 5,000 units, are drawn at once at most.
const SHARED_RATE: u32 = 1_000_000;
/// How often we look whether Redis listens and the limits are shared, a hundredth of a second apart.
const POLLS: usize = 1_000;
const POLL: Duration = Duration::from_millis(10);

/// A Redis that ends with us.
struct Redis {
    server: Child,
    port: u16,
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut criterion = Criterion::default().configure_from_args();
    let (own, other) = (id("own"), id("other"));
    let alone = Asking { client: &own, acted_for: None, official: None };
    let local = ClientLimits::new(Clock::system());
    local.replace(terms(LOCAL_RATE));
    bench(&mut criterion, &runtime, "local/one", &local, alone);
    let several = Asking { acted_for: Some(&other), official: Some([7; 8]), ..alone };
    bench(&mut criterion, &runtime, "local/three_at_once", &local, several);
    bench_guesses(&mut criterion, &runtime, "local", &budgets(&local));
    match Redis::start() {
        Some(redis) => {
            let shared = shared(&redis);
            bench(&mut criterion, &runtime, "leased/one", &shared, alone);
            bench_guesses(&mut criterion, &runtime, "shared", &budgets(&shared));
        }
        None => eprintln!("leased/one is left out: redis-server is not installed"),
    }
    criterion.final_summary();
}

fn bench(
    criterion: &mut Criterion,
    runtime: &Runtime,
    name: &str,
    limits: &ClientLimits,
    asking: Asking<'_>,
) {
    let mut group = criterion.benchmark_group("limits");
    group.throughput(Throughput::Elements(1));
    let (mut asked, mut admitted) = (0_u64, 0_u64);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let clock = Clock::system();
            let began = clock.monotonic_nanos();
            runtime.block_on(async {
                for _ in 0..times {
                    admitted += u64::from(limits.admit(asking).await.is_ok());
                }
            });
            asked += times;
            Duration::from_nanos(clock.monotonic_nanos() - began)
        });
    });
    group.finish();
    println!("limits/{name}: {admitted} of {asked} admitted");
}

/// Guess budgets whose memory is full.
fn budgets(limits: &ClientLimits) -> Arc<GuessBudgets> {
    let (config, metrics) = (GuessBudgetsConfig::default(), Arc::new(Metrics::new()));
    let clock = Clock::system();
    let at = clock.now();
    let budgets = GuessBudgets::new(config, limits, NonZeroU32::MIN, clock, metrics);
    for failure in 0..u64::from(config.held_max) {
        let subject = digest(failure);
        budgets.note(&PastFailure { subject, client: id("other"), claims: failure, at }, true);
    }
    budgets
}

/// As evenly spread as a keyed digest.
fn digest(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Guesses on ever other persons, on half of whom somebody has failed: those that are right, and those
/// that are wrong, each of which makes an older one leave.
fn bench_guesses(
    criterion: &mut Criterion,
    runtime: &Runtime,
    name: &str,
    budgets: &Arc<GuessBudgets>,
) {
    let (client, clock) = (id("own"), Clock::system());
    let mut group = criterion.benchmark_group("guesses");
    group.throughput(Throughput::Elements(1));
    let mut next = u64::from(GuessBudgetsConfig::default().held_max) / 2;
    for (kind, is_wrong) in [("right", false), ("wrong", true)] {
        group.bench_function(format!("{name}/{kind}"), |bencher| {
            bencher.iter_custom(|times| {
                let began = clock.monotonic_nanos();
                runtime.block_on(async {
                    for _ in 0..times {
                        next += 1;
                        let now = digest(next);
                        let subject = GuessSubject { now, before: None, shared: now };
                        let guess = Guess { client: &client, claims: next, subject };
                        let mut reserved = budgets.reserve(guess).await.expect("room");
                        if is_wrong {
                            reserved.fails(vec![now], clock.now());
                        }
                        reserved.settle("bench", next);
                    }
                });
                Duration::from_nanos(clock.monotonic_nanos() - began)
            });
        });
    }
    group.finish();
}

fn id(name: &str) -> ClientId {
    ClientId::parse(name).expect("a name")
}

fn terms(rate: u32) -> [(ClientId, Terms); 2] {
    let limits = Limits::new(rate, rate).expect("a rate");
    let terms = Terms {
        limits,
        official_limits: Some(limits),
        concurrency: NonZeroU32::MIN,
        quotas: Quotas::default(),
        lane: Lane::Interactive,
    };
    [(id("own"), terms), (id("other"), terms)]
}

/// Limits that are shared by now.
fn shared(redis: &Redis) -> ClientLimits {
    let config = LimitsConfig {
        redis_url: Some(format!("redis://127.0.0.1:{}", redis.port).into()),
        ..LimitsConfig::default()
    };
    let metrics = Arc::new(Metrics::new());
    let limits = ClientLimits::start(&config, "bench", Clock::system(), &metrics);
    let limits = limits.expect("a way to Redis");
    limits.replace(terms(SHARED_RATE));
    assert!(comes_true(|| limits.is_shared()), "the limits are shared");
    limits
}

fn comes_true(mut what: impl FnMut() -> bool) -> bool {
    (0..POLLS).any(|_| {
        let is_true = what();
        if !is_true {
            std::thread::sleep(POLL);
        }
        is_true
    })
}

impl Redis {
    fn start() -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--save", "", "--appendonly", "no"]);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().ok()?;
        let redis = Self { server, port };
        let answers = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        assert!(comes_true(answers), "redis-server listens");
        Some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _ended = self.server.wait();
    }
}
