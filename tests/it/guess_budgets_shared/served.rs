//! The same through the doors of three gateways on one database.

use gateway::clock::Clock;
use gateway::config::Config;
use mock_population_db::Person;

use crate::support::{Answer, Caller, Database, Redis, TestApp, about};

const NODES: usize = 3;

/// Gateways on one database and one Redis, and a client of each.
struct Served {
    apps: Vec<TestApp>,
    callers: Vec<Caller>,
}

impl Served {
    async fn start(redis: &Redis) -> Self {
        let configured = |number: usize| {
            let url = redis.url();
            move |config: &mut Config| {
                config.limits.redis_url = Some(url.into());
                config.limits.nodes = std::num::NonZeroU32::new(NODES as u32).unwrap();
                config.log.name = format!("n{number}");
            }
        };
        // Redis has a clock of its own: theirs has to agree with it.
        let now = Clock::system().now().to_string();
        let first = TestApp::builder().on(Database::Postgres).at(&now).config(configured(1));
        let mut apps = vec![first.start().await];
        for number in 2..=NODES {
            let kept = apps[0].kept();
            apps.push(kept.again().at(&now).config(configured(number)).start().await);
        }
        let mut callers = Vec::new();
        for app in &apps {
            for _ in 0..3_000 {
                if app.app.client_limits.is_shared() {
                    break;
                }
                tokio::time::sleep(super::POLL).await;
            }
            assert!(app.app.client_limits.is_shared(), "it connects");
            callers.push(app.caller("carrier").await);
        }
        let served = Self { apps, callers };
        // The first calls take the scripts with them.
        for person in served.apps[0].people(5) {
            for node in 0..NODES {
                served.guess(node, &person, 0).await.ok();
            }
        }
        served
    }

    /// Guesses. A part of the rate, and a bucket that Redis has lost, begin without room: that is not
    /// what is looked at.
    async fn guess(&self, node: usize, person: &Person, claim: u8) -> Answer {
        let mut answer = None;
        for _ in 0..super::POLLS {
            let asked = self.callers[node].verify(&wrong(person, claim)).await;
            if asked.status != 429 || asked.json()["code"] != "rate-limited" {
                return asked;
            }
            self.apps[node].pass(1);
            tokio::time::sleep(super::POLL).await;
            answer = Some(asked);
        }
        panic!("{answer:?}");
    }

    /// Guesses differently so often, of each node in turn; how many were answered, others with 429.
    async fn guess_often(&self, person: &Person, claims: std::ops::Range<u8>) -> u64 {
        let mut answered = 0;
        for claim in claims {
            let answer = self.guess(usize::from(claim) % NODES, person, claim).await;
            if answer.status == 200 {
                answered += 1;
            } else {
                answer.problem(429, "subject-guarded");
            }
        }
        answered
    }

    async fn follow(&self) {
        for app in &self.apps {
            app.app.follow_failures().await.unwrap();
        }
    }
}

/// A name and a birth date that are nobody's.
fn wrong(person: &Person, claim: u8) -> serde_json::Value {
    let (month, day) = (1 + claim / 28, 1 + claim % 28);
    about(person.personal_id.as_str(), "Nguyễn Văn Không", &format!("1890-{month:02}-{day:02}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_answer_five_together_and_remember_what_redis_forgets() {
    let redis = Redis::start().await;
    let served = Served::start(&redis).await;
    let people = served.apps[0].people(8);
    let (one, two) = (&people[6], &people[7]);
    let answered = served.guess_often(one, 0..18).await;
    // Where answers of Redis come late, nodes let their parts through, and places are lost for a while.
    assert!((3..=5 + NODES as u64).contains(&answered), "{answered}");
    // By chance all of them may be with one node; it knows them from the others' logs.
    served.follow().await;
    redis.ask(&["flushall"]);
    for node in 0..NODES {
        served.guess(node, one, 100).await.problem(429, "subject-guarded");
        redis.ask(&["flushall"]);
    }
    assert_eq!(served.guess(2, one, 0).await.status, 200, "a repeat");
    assert_eq!(served.guess_often(two, 0..2).await, 2, "others are not guarded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_without_their_redis_refuse_by_their_parts_and_fail_nobody() {
    let mut redis = Redis::start().await;
    let served = Served::start(&redis).await;
    let people = served.apps[0].people(8);
    let (known, unknown) = (&people[6], &people[7]);
    let before = served.guess_often(known, 0..4).await;
    assert_eq!(before, 4);
    served.follow().await;
    redis.kill();
    // A third of five is one, and each has had it.
    assert_eq!(served.guess_often(known, 10..40).await, 0);
    for node in 0..NODES {
        let repeat = served.guess(node, known, node as u8).await;
        assert_eq!(repeat.status, 200, "{}", repeat.text);
    }
    let mut answered = 0;
    for node in 0..NODES {
        for claim in 0..6 {
            let answer = served.guess(node, unknown, 10 * node as u8 + claim).await;
            assert!([200, 429].contains(&answer.status), "{}", answer.text);
            answered += u32::from(answer.status == 200);
        }
    }
    assert_eq!(answered, NODES as u32, "each its part");
}
