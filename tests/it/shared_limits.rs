//! Limits that nodes share in a real Redis, and what becomes of them when it fails.
//!
//! Nodes are limiters in this process, each with its own connection and its own knowledge. What is
//! counted is compared with the time that has passed on our own clock since before the first request:
//! however slow the machine is, no more may have passed than burst and rate times that time. A machine
//! so slow that Redis does not answer in time makes nodes let their parts through: these are counted
//! apart, because others may still have what Redis gives.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gateway::clock::Clock;
use gateway::config::LimitsConfig;
use gateway::rate_limit::{Asking, ClientLimits, Lane, Limits, Quotas, Terms};
use gateway::request::ClientId;
use gateway::telemetry::Metrics;

use crate::support::{Line, Redis, RedisCluster};

const NODES: u32 = 3;
/// How long everybody asks as fast as it can.
const ROUND: Duration = Duration::from_secs(1);

fn terms(rate: u32, burst: u32) -> Terms {
    Terms {
        limits: Limits::new(rate, burst).unwrap(),
        official_limits: None,
        concurrency: NonZeroU32::MIN,
        quotas: Quotas::default(),
        lane: Lane::Interactive,
    }
}

fn id(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

/// Several nodes that know the same clients.
struct Nodes {
    limiters: Vec<Arc<ClientLimits>>,
    metrics: Vec<Arc<Metrics>>,
    clock: Clock,
}

/// What everybody together was let do.
#[derive(Debug, Clone, Copy)]
struct Round {
    admitted: u64,
    /// Of them those that came from the part of a node.
    unshared: u64,
    seconds: f64,
}

impl Round {
    /// Burst and rate over the time.
    fn most(&self, rate: u32, burst: u32) -> f64 {
        f64::from(burst) + f64::from(rate) * self.seconds
    }

    /// Redis gave no more than that, nor came the nodes' parts to more.
    fn assert_within(&self, rate: u32, burst: u32) {
        let shared = self.admitted - self.unshared;
        assert!(shared as f64 <= self.most(rate, burst), "{self:?}");
        // A part fills while nobody asks; and each node may have begun a unit.
        assert!(self.unshared as f64 <= self.most(rate, burst + NODES), "{self:?}");
    }
}

impl Nodes {
    async fn start(urls: &str, clients: &[(&str, Terms)]) -> Self {
        let clock = Clock::system();
        let metrics: Vec<_> = (0..NODES).map(|_| Arc::new(Metrics::new())).collect();
        let node = |(name, metrics): (usize, &Arc<Metrics>)| {
            let config = LimitsConfig {
                redis_url: Some(urls.into()),
                nodes: NonZeroU32::new(NODES).unwrap(),
                ..LimitsConfig::default()
            };
            let name = format!("n{name}");
            let limits = ClientLimits::start(&config, &name, clock.clone(), metrics).unwrap();
            limits.replace(clients.iter().map(|(name, terms)| (id(name), *terms)));
            Arc::new(limits)
        };
        let limiters = metrics.iter().enumerate().map(node).collect();
        let nodes = Self { limiters, metrics, clock };
        nodes.connected().await;
        nodes
    }

    /// Waits until every node shares its limits.
    async fn connected(&self) {
        for node in &self.limiters {
            for _ in 0..3_000 {
                if node.is_shared() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(node.is_shared(), "it connects");
        }
    }

    /// Asks on every node until all share their limits again: nobody would notice without being asked.
    async fn flood_until_shared(&self, client: &str) -> Round {
        let (step, mut back) = (Duration::from_millis(50), [false; NODES as usize]);
        let mut all = Round { admitted: 0, unshared: 0, seconds: 0.0 };
        for _ in 0..600 {
            let round = self.flood(client, 1, step).await;
            all.admitted += round.admitted;
            all.unshared += round.unshared;
            all.seconds += round.seconds;
            // Not all at one moment: a slow machine makes now this one late and now that one.
            let is_back = self.limiters.iter().map(|node| node.is_shared());
            back.iter_mut().zip(is_back).for_each(|(back, is_back)| *back |= is_back);
            if back.iter().all(|back| *back) {
                return all;
            }
        }
        panic!("limits are not shared again: {all:?}");
    }

    /// Lets `tasks` on every node ask for one client as fast as they can, for some time.
    async fn flood(&self, client: &str, tasks: usize, time: Duration) -> Round {
        let (began, unshared) = (self.clock.monotonic_nanos(), self.unshared());
        let (over, admitted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut asking = tokio::task::JoinSet::new();
        for node in self.limiters.iter().flat_map(|node| std::iter::repeat_n(node, tasks)) {
            let (node, client) = (Arc::clone(node), id(client));
            let (over, admitted) = (Arc::clone(&over), Arc::clone(&admitted));
            asking.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let asked = Asking { client: &client, acted_for: None, official: None };
                    match node.admit(asked).await {
                        Ok(_) => drop(admitted.fetch_add(1, Ordering::Relaxed)),
                        Err(_) => tokio::time::sleep(Duration::from_micros(200)).await,
                    }
                }
            });
        }
        tokio::time::sleep(time).await;
        over.store(true, Ordering::Relaxed);
        asking.join_all().await;
        let seconds = (self.clock.monotonic_nanos() - began) as f64 / 1e9;
        let unshared = self.unshared() - unshared;
        Round { admitted: admitted.load(Ordering::Relaxed), unshared, seconds }
    }

    /// How many requests all nodes have let through from their own parts.
    fn unshared(&self) -> u64 {
        let counted = |metrics: &Arc<Metrics>| {
            let text = metrics.handle().render();
            let name = "gateway_limits_unshared_requests_total ";
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map_or(0, |number| number.parse::<u64>().expect("a number"))
        };
        self.metrics.iter().map(counted).sum()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_together_never_let_more_through_than_one_would() {
    let redis = Redis::start().await;
    // One request at a time, some at once, and so fast that they are drawn ahead.
    let limits = [("slow", terms(3, 3)), ("usual", terms(100, 200)), ("fast", terms(2_000, 2_000))];
    let nodes = Nodes::start(&redis.url(), &limits).await;
    for (client, Terms { limits: Limits { rate, burst }, .. }) in limits {
        let round = nodes.flood(client, 4, ROUND).await;
        round.assert_within(rate.get(), burst.get());
        assert!(round.admitted >= u64::from(burst.get()) / 2, "{client}: {round:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_slow_to_use_what_it_drew_loses_it() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url(), &[("fast", terms(2_000, 2_000))]).await;
    let client = id("fast");
    let asked = Asking { client: &client, acted_for: None, official: None };
    nodes.limiters[0].admit(asked).await.unwrap();
    let drawn = redis.ask(&["hget", "gateway:limit:{fast}", "taken"]);
    assert!(drawn.trim().parse::<u64>().unwrap() > 0, "{drawn}");
    // Everything that was not used is lost: the rest of the burst is what others get.
    let round = nodes.flood("fast", 4, ROUND).await;
    round.assert_within(2_000, 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_limit_refuses_is_not_taken_from_the_other() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url(), &[("own", terms(1, 50)), ("other", terms(1, 3))]).await;
    let (own, other) = (id("own"), id("other"));
    let acting = Asking { client: &own, acted_for: Some(&other), official: None };
    let mut admitted = 0;
    for node in nodes.limiters.iter().cycle().take(30) {
        admitted += u32::from(node.admit(acting).await.is_ok());
    }
    assert_eq!(admitted, 3);
    // What was given back arrives a moment later, and in that moment some come back by themselves.
    let alone = Asking { acted_for: None, ..acting };
    let mut left = 0;
    for node in nodes.limiters.iter().cycle().take(3_000) {
        left += u32::from(node.admit(alone).await.is_ok());
    }
    assert!((46..=50).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_gone_each_node_lets_its_part_through() {
    let mut redis = Redis::start().await;
    let line = Line::to(redis.port()).await;
    let nodes = Nodes::start(&Redis::url_at(line.port()), &[("usual", terms(300, 300))]).await;
    nodes.flood("usual", 2, ROUND).await.assert_within(300, 300);

    for outage in ["hung", "slow", "gone"] {
        match outage {
            "hung" => redis.stop(),
            "slow" => line.delay(Duration::from_millis(500)),
            _ => redis.kill(),
        }
        let out = nodes.flood("usual", 2, 2 * ROUND).await;
        out.assert_within(300, 300);
        assert!(out.unshared > 0, "{outage}: {out:?}");
        assert!(nodes.limiters.iter().all(|node| !node.is_shared()), "{outage}");
        match outage {
            "hung" => redis.go_on(),
            "slow" => line.delay(Duration::ZERO),
            _ => redis.restart().await,
        }
        // Until all share again, those that do not have their parts beside what Redis gives.
        nodes.flood_until_shared("usual").await.assert_within(300, 300);
        // What was let through meanwhile, or is lost, leaves no room for another burst.
        nodes.flood("usual", 2, ROUND).await.assert_within(300, 300);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_policy_after_a_loss_brings_no_second_burst() {
    let mut redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url(), &[("usual", terms(100, 2_000))]).await;
    nodes.flood("usual", 2, ROUND).await.assert_within(100, 2_000);
    let began = nodes.clock.monotonic_nanos();
    redis.kill();
    redis.restart().await;
    for node in &nodes.limiters {
        node.replace([(id("usual"), terms(100, 1_900))]);
    }
    let mut round = nodes.flood_until_shared("usual").await;
    let more = nodes.flood("usual", 2, ROUND).await;
    round.admitted += more.admitted;
    round.seconds = (nodes.clock.monotonic_nanos() - began) as f64 / 1e9;
    // Nodes' parts begin without room, too.
    assert!(round.admitted as f64 <= 2.0 * round.most(100, NODES), "{round:?}");
    assert!(round.seconds < 9.0, "a machine this slow shows nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_moves_after_a_loss_finds_no_second_burst() {
    let mut redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url(), &[("moves", terms(10, 2_000))]).await;
    let client = id("moves");
    let asked = Asking { client: &client, acted_for: None, official: None };
    let admitted = async |node: usize, count: usize| {
        let mut admitted = 0;
        for _ in 0..count {
            admitted += u32::from(nodes.limiters[node].admit(asked).await.is_ok());
        }
        admitted
    };
    assert!(admitted(0, 2_500).await >= 1_000);
    let began = nodes.clock.monotonic_nanos();
    redis.kill();
    redis.restart().await;
    // A beat, and as long as a burst would be whole again by its part: nobody asks for it meanwhile.
    tokio::time::sleep(3 * ROUND).await;
    nodes.connected().await;
    let more = admitted(1, 2_500).await;
    let seconds = (nodes.clock.monotonic_nanos() - began) as f64 / 1e9;
    assert!(f64::from(more) <= 10.0 * seconds + 2.0, "{more} in {seconds} s");
    // Where nothing is known to be lost, a bucket is whole.
    assert!(redis.ask(&["hget", "gateway:since", "lost"]).contains('1'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_one_key_is_not_wrong_with_the_others() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(
        &redis.url(),
        &[("text", terms(300, 300)), ("half", terms(300, 300)), ("good", terms(300, 300))],
    )
    .await;
    redis.ask(&["set", "gateway:limit:{text}", "something else"]);
    redis.ask(&["hset", "gateway:limit:{half}", "born", "1"]);
    for broken in ["text", "half"] {
        let round = nodes.flood(broken, 2, ROUND).await;
        assert_eq!(round.admitted, round.unshared, "each node lets its part through");
        assert!(round.admitted > 0, "{round:?}");
        round.assert_within(300, 300);
    }
    nodes.connected().await;
    let round = nodes.flood("good", 2, ROUND).await;
    round.assert_within(300, 300);
    assert!(round.admitted > 300, "{round:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_shares_limits_and_goes_on_without_a_primary() {
    let mut cluster = RedisCluster::start().await;
    let clients = [("a", terms(200, 200)), ("b", terms(200, 200)), ("c", terms(2_000, 2_000))];
    let nodes = Nodes::start(&cluster.urls(), &clients).await;
    for (client, Terms { limits: Limits { rate, burst }, .. }) in clients {
        nodes.flood(client, 2, ROUND).await.assert_within(rate.get(), burst.get());
    }
    assert_eq!(cluster.kill_primary_of("gateway:limit:{a}"), 5);
    // The replica may lack what was taken last: a second's worth is far more than it lags behind.
    nodes.flood("a", 2, ROUND).await.assert_within(200, 400);
    cluster.settle().await;
    nodes.flood_until_shared("a").await.assert_within(200, 400);
    nodes.flood("a", 2, ROUND).await.assert_within(200, 200);
}

/// Calls of the scripts with what they answer, which a twin of them in the gateway's own tests reads
/// too: what is found out with the twin holds for the scripts.
const CALLS: &str = include_str!("../../gateway/src/rate_limit/redis/sequence.csv");
const TAKE: &str = include_str!("../../gateway/src/rate_limit/redis/take.lua");
const GIVE_BACK: &str = include_str!("../../gateway/src/rate_limit/redis/give_back.lua");

#[tokio::test]
async fn the_scripts_answer_as_their_twin_does() {
    const CLOCK: &str = "redis.call('TIME')";
    assert_eq!(TAKE.matches(CLOCK).count(), 1);
    let take = TAKE.replace(CLOCK, "{ARGV[6], ARGV[7]}");
    let redis = Redis::start().await;
    for (line, call) in CALLS.lines().enumerate().skip(1) {
        let fields: Vec<&str> = call.split(',').collect();
        let &[name, now, one, two, three, four, reply] = fields.as_slice() else {
            panic!("line {}: {call}", line + 1)
        };
        let (seconds, micros) = now.split_at(now.len() - 6);
        let said = match name {
            "take" => {
                redis.ask(&["eval", &take, "1", "b", one, two, three, four, "0", seconds, micros])
            }
            "give_back" => redis.ask(&["eval", GIVE_BACK, "1", "b", one, two, three, four]),
            _ => redis.ask(&["del", "b"]).replace('0', "1"),
        };
        let said: Vec<&str> = said.split_whitespace().collect();
        assert_eq!(said.join(" "), reply, "line {}: {call}", line + 1);
    }
}
