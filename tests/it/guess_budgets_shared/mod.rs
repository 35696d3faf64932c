//! Guess budgets that nodes share in a real Redis, and what becomes of them when it forgets or fails.
//!
//! A machine so slow that Redis does not answer in time makes a node go by what it knows itself: what
//! was let through so is counted apart (Redis knows nothing of it), and is at most each node's part.

mod model;
mod served;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use gateway::clock::Clock;
use gateway::config::{GuessBudgetsConfig, LimitsConfig};
use gateway::rate_limit::{
    ClientLimits, Guess, GuessBudgets, GuessSubject, PastFailure, Reservation, SubjectGuarded,
};
use gateway::request::ClientId;
use gateway::telemetry::Metrics;

use crate::support::{Redis, RedisCluster};

const NODES: u32 = 3;
/// How long is waited for what a node tells Redis without waiting for it.
const POLL: Duration = Duration::from_millis(10);
const POLLS: usize = 500;
/// After so many seconds a guess whose node says nothing counts no more, at the most.
const FLIGHT_SECONDS: u64 = 120;
const HOUR: Duration = Duration::from_hours(1);

/// Several nodes, each with its own connection and its own knowledge.
struct Nodes {
    budgets: Vec<Arc<GuessBudgets>>,
    limits: Vec<ClientLimits>,
    clock: Clock,
}

impl Nodes {
    async fn start(urls: &str) -> Self {
        let clock = Clock::system();
        let nodes = NonZeroU32::new(NODES).unwrap();
        let (mut budgets, mut limits) = (Vec::new(), Vec::new());
        for node in 1..=NODES {
            let config =
                LimitsConfig { redis_url: Some(urls.into()), nodes, ..LimitsConfig::default() };
            let metrics = Arc::new(Metrics::new());
            let name = format!("n{node}");
            let of_node = ClientLimits::start(&config, &name, clock.clone(), &metrics).unwrap();
            let config = GuessBudgetsConfig::default();
            budgets.push(GuessBudgets::new(config, &of_node, nodes, clock.clone(), metrics));
            limits.push(of_node);
        }
        let nodes = Self { budgets, limits, clock };
        nodes.connected().await;
        nodes
    }

    /// Waits until every node shares, and has asked once: the first call takes the script with it.
    async fn connected(&self) {
        for node in 0..self.budgets.len() {
            for _ in 0..3_000 {
                if self.limits[node].is_shared() {
                    break;
                }
                tokio::time::sleep(POLL).await;
            }
            assert!(self.limits[node].is_shared(), "it connects");
            for person in 1_000..1_005 {
                drop(self.reserve(node, "warm-up", person, node as u64).await);
            }
        }
    }

    async fn reserve(
        &self,
        node: usize,
        client: &str,
        person: u64,
        claims: u64,
    ) -> Result<Reservation, SubjectGuarded> {
        let client = ClientId::parse(client).unwrap();
        let guess = Guess { client: &client, claims, subject: of(person) };
        self.budgets[node].reserve(guess).await
    }

    /// The entry stands that says that the claims were wrong.
    fn fail(&self, mut reservation: Reservation, person: u64) {
        reservation.fails(vec![person], self.clock.now());
        reservation.settle("a-log", 0);
    }

    async fn guess(
        &self,
        node: usize,
        client: &str,
        person: u64,
        claims: u64,
    ) -> Result<(), SubjectGuarded> {
        let reservation = self.reserve(node, client, person, claims).await?;
        self.fail(reservation, person);
        Ok(())
    }

    /// Guesses differently so often, of each node in turn; how many were answered.
    async fn guess_often(&self, client: &str, person: u64, claims: std::ops::Range<u64>) -> u64 {
        let mut answered = 0;
        for claims in claims {
            let node = claims as usize % self.budgets.len();
            answered += u64::from(self.guess(node, client, person, claims).await.is_ok());
        }
        answered
    }
}

fn of(person: u64) -> GuessSubject {
    GuessSubject { now: person, before: None, shared: person }
}

fn key(person: u64) -> String {
    format!("gateway:guesses:{{{person:016x}}}")
}

/// What Redis knows of a person: of each field its kind, and its value.
fn known(redis: &Redis, person: u64) -> Vec<(String, String)> {
    let text = redis.ask(&["hgetall", &key(person)]);
    let mut lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned);
    std::iter::from_fn(|| Some((lines.next()?, lines.next()?))).collect()
}

/// What Redis knows of a person in the end.
#[derive(Debug, Clone, Copy)]
struct Settled {
    failed: u64,
    /// Calls that Redis carried out and whose answer came too late: nobody tells it how they ended.
    lost: u64,
}

/// Waits until Redis knows how everything has ended.
async fn settled(redis: &Redis, person: u64) -> Settled {
    let mut fields = known(redis, person);
    for _ in 0..POLLS {
        if fields.iter().all(|(name, _)| name.starts_with("f ")) {
            break;
        }
        tokio::time::sleep(POLL).await;
        fields = known(redis, person);
    }
    let failed = fields.iter().filter(|(name, _)| name.starts_with("f ")).count() as u64;
    Settled { failed, lost: fields.len() as u64 - failed }
}

/// No more were answered by what nodes share than the budget, and beside it no more than their parts.
#[track_caller]
fn assert_within(answered: u64, Settled { failed, lost }: Settled, budget: u64) {
    assert!(failed + lost <= budget, "{failed} and {lost} of {budget}");
    assert!(answered + lost >= budget, "{answered} of {budget}: it is used");
    let parts = u64::from(NODES) * (budget / u64::from(NODES)).max(1);
    assert!(answered <= failed + parts, "{answered}, of which {failed} were shared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_five_whichever_node_is_asked() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url()).await;
    let answered = nodes.guess_often("carrier", 1, 0..20).await;
    assert_within(answered, settled(&redis, 1).await, 5);
    // A repeat is answered, by another node as well, and so is whoever has not failed.
    for node in 0..3 {
        nodes.guess(node, "carrier", 1, 0).await.unwrap();
    }
    nodes.guess(0, "hospital", 1, 99).await.unwrap();
    nodes.guess(1, "carrier", 2, 99).await.unwrap();
    let guarded = nodes.guess(2, "carrier", 1, 99).await.unwrap_err();
    assert!(guarded.retry_after > 23 * HOUR && guarded.retry_after <= 24 * HOUR, "{guarded:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_five_however_many_come_at_once() {
    let redis = Redis::start().await;
    let nodes = Arc::new(Nodes::start(&redis.url()).await);
    let mut asking = tokio::task::JoinSet::new();
    for claims in 0..60 {
        let nodes = Arc::clone(&nodes);
        asking.spawn(async move { nodes.reserve(claims % 3, "carrier", 1, claims as u64).await });
    }
    let held: Vec<_> = asking.join_all().await.into_iter().filter_map(Result::ok).collect();
    assert!(known(&redis, 1).len() <= 5, "in flight");
    let answered = held.len() as u64;
    for reservation in held {
        nodes.fail(reservation, 1);
    }
    assert_within(answered, settled(&redis, 1).await, 5);
    assert!(nodes.guess(0, "carrier", 1, 99).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_claims_at_once_share_one_place_and_a_match_gives_it_back() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url()).await;
    let mut same = Vec::new();
    for turn in 0..9 {
        same.push(nodes.reserve(turn % 3, "carrier", 1, 7).await.unwrap());
    }
    let fields = known(&redis, 1);
    let [(name, value)] = fields.as_slice() else { panic!("{fields:?}") };
    assert_eq!(name, "r carrier 0000000000000007");
    let (guesses, _) = value.split_once(' ').unwrap();
    assert!(guesses.parse::<u32>().unwrap() <= 9, "{value}");
    // Of different ones there is room for four more.
    let mut others = Vec::new();
    for claims in 10..20 {
        others.extend(nodes.reserve(0, "carrier", 1, claims).await);
    }
    assert!(known(&redis, 1).len() <= 5, "in flight");
    assert!((1..=4 + NODES as usize).contains(&others.len()), "{}", others.len());
    // They were right, all of them.
    drop(others);
    for right in same {
        right.settle("a-log", 0);
    }
    assert_eq!(settled(&redis, 1).await.failed, 0, "nothing is kept of who was right");
    let answered = nodes.guess_often("carrier", 1, 20..40).await;
    assert_within(answered, settled(&redis, 1).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_clients_together_have_ten_an_hour_and_then_each_its_first() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url()).await;
    for client in ["one", "two"] {
        nodes.guess_often(client, 1, 0..20).await;
    }
    let known = settled(&redis, 1).await;
    assert!(known.failed + known.lost == 10, "{known:?}");
    for (node, client) in ["three", "four", "five"].into_iter().enumerate() {
        nodes.guess(node, client, 1, 0).await.unwrap();
        // Its failure has come to Redis before the next guess of the same client is answered there.
        let guarded = nodes.guess(node, client, 1, 1).await.unwrap_err();
        assert!(guarded.retry_after <= HOUR, "{guarded:?}");
        nodes.guess((node + 1) % 3, client, 1, 2).await.unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_emptied_is_told_again() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url()).await;
    let mut answered = 0;
    for claims in 0..20 {
        answered += u64::from(nodes.guess(0, "carrier", 1, claims).await.is_ok());
    }
    assert_within(answered, settled(&redis, 1).await, 5);
    redis.ask(&["flushall"]);
    nodes.guess(0, "carrier", 1, 99).await.unwrap_err();
    assert_eq!(known(&redis, 1).len() as u64, answered, "all that the node knew");
    let ends = redis.ask(&["ttl", &key(1)]).trim().parse::<i64>().unwrap();
    assert!(ends > 0, "it is forgotten some day: {ends}");
    // Now the others find it there.
    nodes.guess(1, "carrier", 1, 99).await.unwrap_err();
    // One that knows it from the others' logs tells it as well.
    redis.ask(&["flushall"]);
    for claims in 0..5 {
        let client = ClientId::parse("carrier").unwrap();
        let at = nodes.clock.now();
        let failure = PastFailure { subject: 1, client, claims, at };
        nodes.budgets[2].note(&failure, false);
    }
    nodes.guess(2, "carrier", 1, 99).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_much_a_node_has_to_tell_whoever_asks_comes_first() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url()).await;
    // More than is told at once; the one that will ask has failed before all others.
    for client in 0..100 {
        nodes.guess(0, &format!("client-{client}"), 1, client).await.unwrap();
    }
    settled(&redis, 1).await;
    redis.ask(&["flushall"]);
    let guarded = nodes.guess(0, "client-0", 1, 999).await;
    assert!(guarded.is_err(), "it is nobody who has never failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guess_whose_node_dies_counts_no_longer_than_two_minutes() {
    let redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url()).await;
    // Dead nodes say nothing.
    for claims in 0..2 {
        std::mem::forget(nodes.reserve(0, "carrier", 1, claims).await.unwrap());
    }
    let time = redis.ask(&["time"]);
    let now: u64 = time.lines().next().unwrap().parse().unwrap();
    let fields = known(&redis, 1);
    assert!(!fields.is_empty(), "they are on their way");
    for (name, value) in fields {
        assert!(name.starts_with("r carrier "), "{name}");
        let (_, ends) = value.split_once(' ').unwrap();
        let ends: u64 = ends.parse().unwrap();
        assert!(ends <= now + FLIGHT_SECONDS, "{ends} {now}");
    }
    let ends: i64 = redis.ask(&["ttl", &key(1)]).trim().parse().unwrap();
    assert!((1..=FLIGHT_SECONDS as i64).contains(&ends), "{ends}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_each_node_has_its_part_and_counts_what_it_knows() {
    let mut redis = Redis::start().await;
    let nodes = Nodes::start(&redis.url()).await;
    redis.kill();
    for node in 0..3 {
        let mut answered = 0;
        for claims in 0..10 {
            let guess = nodes.guess(node, "carrier", 1, 10 * node as u64 + claims).await;
            answered += u64::from(guess.is_ok());
        }
        assert_eq!(answered, 1, "a third of five");
    }
    // Of ten and thirty over all clients each node has three and ten.
    let mut answered = 0;
    for client in ["one", "two", "three", "four", "five"] {
        answered += u64::from(nodes.guess(0, client, 2, 0).await.is_ok());
        assert!(nodes.guess(0, client, 2, 1).await.is_err());
    }
    assert_eq!(answered, 5, "each its first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_budgets_as_one_server_does() {
    let cluster = RedisCluster::start().await;
    let nodes = Nodes::start(&cluster.urls()).await;
    // Persons whose keys are on several servers.
    for person in 1..10 {
        let answered = nodes.guess_often("carrier", person, 0..12).await;
        assert!((5..=5 + u64::from(NODES)).contains(&answered), "{answered}");
        nodes.guess(1, "carrier", person, 0).await.unwrap();
    }
}
