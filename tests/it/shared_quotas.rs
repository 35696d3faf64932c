//! Quotas that nodes share in a real Redis: never over, whatever fails, and used up where they can be.
//!
//! Nodes are ledgers in this process, each with its own connection and its own knowledge. What they
//! settle is added up here, as the logs do it; each reads it as often as a gateway reads the database.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gateway::clock::Clock;
use gateway::config::LimitsConfig;
use gateway::rate_limit::{Amount, ClientLimits, Period, Quota, QuotaLedger, Quotas, UsedInPeriod};
use gateway::request::ClientId;
use gateway::telemetry::Metrics;

use crate::support::Redis;

const NODES: usize = 3;

/// One node; a new process of it reads its own log again.
struct Node {
    limits: ClientLimits,
    ledger: QuotaLedger,
}

struct Nodes {
    all: Vec<Arc<Node>>,
    used: Arc<[AtomicU64; NODES]>,
    clock: Clock,
    url: String,
    quotas: Quotas,
}

fn client() -> ClientId {
    ClientId::parse("client").unwrap()
}

fn month(requests: u64) -> Quotas {
    let requests = NonZeroU64::new(requests);
    Quotas { month: Quota { requests, attributes: None }, ..Quotas::default() }
}

impl Nodes {
    async fn start(redis: &Redis, quotas: Quotas) -> Self {
        let used = Arc::new([const { AtomicU64::new(0) }; NODES]);
        let clock = Clock::system();
        let mut nodes = Self { all: Vec::new(), used, clock, url: redis.url(), quotas };
        for number in 0..NODES {
            let node = nodes.node(number).await;
            nodes.all.push(node);
        }
        nodes.tell().await;
        nodes
    }

    async fn node(&self, number: usize) -> Arc<Node> {
        let at_least = NonZeroU32::new(NODES as u32).unwrap();
        let config = LimitsConfig {
            redis_url: Some(self.url.as_str().into()),
            nodes: at_least,
            ..LimitsConfig::default()
        };
        let (name, metrics) = (format!("n{number}"), Arc::new(Metrics::new()));
        let limits = ClientLimits::start(&config, &name, self.clock.clone(), &metrics).unwrap();
        let ledger = limits.quota_ledger(at_least);
        ledger.replace([(client(), self.quotas)]);
        ledger.note_own([self.amount(self.used[number].load(Ordering::SeqCst))]);
        for _ in 0..3_000 {
            if limits.is_shared() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Arc::new(Node { limits, ledger })
    }

    fn amount(&self, requests: u64) -> UsedInPeriod {
        let number = Period::Month.number_at(self.clock.now());
        let used = Amount { requests, attributes: 0 };
        UsedInPeriod { client: client(), period: Period::Month, number, used }
    }

    /// What each does once a second: read what the others have used, and tell.
    async fn tell(&self) {
        for (number, node) in self.all.iter().enumerate() {
            let others = (0..NODES).filter(|other| *other != number);
            let others = others.map(|other| self.used[other].load(Ordering::SeqCst)).sum();
            node.ledger.note_others([&client()], [self.amount(others)]);
            node.ledger.tell_others(self.clock.now()).await;
        }
    }

    fn all_used(&self) -> u64 {
        self.used.iter().map(|used| used.load(Ordering::SeqCst)).sum()
    }

    /// Offers so many to every node at once, each with a moment on its way; how many were let through.
    async fn offer(&self, each: usize) -> u64 {
        let mut asking = tokio::task::JoinSet::new();
        for (number, node) in self.all.iter().enumerate() {
            for _ in 0..8 {
                let (node, used, clock) =
                    (Arc::clone(node), Arc::clone(&self.used), self.clock.clone());
                asking.spawn(async move {
                    let mut passed = 0;
                    for _ in 0..each / 8 {
                        let one = Amount { requests: 1, attributes: 0 };
                        let reserved =
                            node.ledger.reserve_shared(&client(), one, clock.now()).await;
                        if let Ok(charge) = reserved {
                            tokio::time::sleep(Duration::from_micros(300)).await;
                            used[number].fetch_add(1, Ordering::SeqCst);
                            charge.settle(clock.now(), one);
                            passed += 1;
                        }
                    }
                    passed
                });
            }
        }
        asking.join_all().await.into_iter().sum()
    }

    async fn offer_and_tell(&self, each: usize, rounds: usize) {
        for _ in 0..rounds {
            self.offer(each).await;
            self.tell().await;
            // What asking in vain stops is over then.
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_times_a_quota_over_three_nodes_uses_all_of_it_and_no_more() {
    let redis = Redis::start().await;
    for quota in [2, 50, 3_000] {
        let _fresh = redis.ask(&["del", &key(&Clock::system())]);
        let nodes = Nodes::start(&redis, month(quota)).await;
        nodes.offer_and_tell((20 * quota as usize / 3).max(80), 1).await;
        assert!(nodes.all_used() <= quota, "{} of {quota}", nodes.all_used());
        nodes.offer_and_tell(80, 6).await;
        assert_eq!(nodes.all_used(), quota);
    }
}

fn key(clock: &Clock) -> String {
    let number = Period::Month.number_at(clock.now());
    format!("gateway:quota:{{client}}:{}", Period::Month.label(number))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_does_not_use_another_gets() {
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(&redis, month(300)).await;
    nodes.offer(8).await;
    // The others are not asked any more.
    let others: Vec<_> = nodes.all.drain(1..).collect();
    for round in 0..8 {
        nodes.offer(200).await;
        for node in &others {
            node.ledger.tell_others(nodes.clock.now()).await;
        }
        nodes.tell().await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert!(nodes.all_used() <= 300, "round {round}");
    }
    assert_eq!(nodes.all_used(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_loses_everything_grants_nothing_twice() {
    let mut redis = Redis::start().await;
    let nodes = Nodes::start(&redis, month(3_000)).await;
    nodes.offer(160).await;
    for _ in 0..3 {
        redis.kill();
        // What was granted is there, and no more than that.
        nodes.offer(800).await;
        assert!(nodes.all_used() <= 3_000);
        redis.restart().await;
        for _ in 0..200 {
            if nodes.all.iter().all(|node| node.limits.is_shared()) {
                break;
            }
            nodes.offer(8).await;
            nodes.tell().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        nodes.offer_and_tell(160, 2).await;
    }
    // Once all have told the new server what they have, the rest is granted.
    for _ in 0..300 {
        nodes.offer_and_tell(160, 1).await;
        assert!(nodes.all_used() <= 3_000, "{}", nodes.all_used());
        if nodes.all_used() == 3_000 {
            return;
        }
    }
    panic!("{} of 3,000", nodes.all_used());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_killed_goes_on_from_its_log() {
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(&redis, month(600)).await;
    for number in 0..NODES {
        nodes.offer(40).await;
        nodes.all[number] = nodes.node(number).await;
        nodes.tell().await;
        assert!(nodes.all_used() <= 600);
    }
    nodes.offer_and_tell(800, 8).await;
    assert_eq!(nodes.all_used(), 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_is_less_from_now_on_is_not_exceeded() {
    let redis = Redis::start().await;
    let mut nodes = Nodes::start(&redis, month(3_000)).await;
    nodes.offer(160).await;
    nodes.quotas = month(1_000);
    for node in &nodes.all {
        node.ledger.replace([(client(), nodes.quotas)]);
    }
    nodes.tell().await;
    nodes.offer_and_tell(800, 8).await;
    assert_eq!(nodes.all_used(), 1_000);
}
