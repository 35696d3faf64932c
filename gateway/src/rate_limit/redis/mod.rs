//! Limits that nodes share: buckets in Redis, drawn from by scripts and by Redis' clock.
//!
//! Calls are made on a thread of their own, so that requests that keep the others busy do not make
//! them late. What is not answered within [`CALL`] is not waited for; after some failures nobody asks
//! and each node lets its part of every limit through, until Redis answers in time again.

mod breaker;
mod grants;
mod guesses;
mod lease;
mod link;
#[cfg(test)]
mod model;
mod script;
mod shared;
mod trouble;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::breaker::{Advice, Breaker};
use self::link::Link;
use self::script::{Reply, Scripts};
use self::trouble::Troubles;
use crate::clock::Clock;
use crate::telemetry::Metrics;

pub(super) use grants::{Given, Need, Wish};
pub(super) use guesses::{GuessAnswer, GuessOf};
pub(super) use shared::{SharedLimit, SharedUnit};

/// What a call may take.
const CALL: Duration = Duration::from_millis(5);
/// How often a node says that it is there; and how often it tries to connect.
const BEAT: Duration = Duration::from_millis(500);
/// What saying so may take: nobody waits for it.
const BEAT_CALL: Duration = Duration::from_millis(250);
/// Seconds after which a node that says nothing is gone.
const GONE_SECONDS: u64 = 5;
/// Beats in a row with something amiss after which the connection is made again: a server that is cut
/// off from us does not say so, and who has followed a failed one is asked for anew.
const BEATS_AMISS_MAX: u32 = 3;
/// The nodes that are there.
const NODES: &str = "gateway:nodes";
/// Since when a server knows anything.
const SINCE: &str = "gateway:since";
/// Parts of the key space that fail by themselves: each server of a Cluster has some of them.
const PARTS: usize = 64;

/// Why limits cannot be shared.
#[derive(Debug, thiserror::Error)]
pub enum RedisStartError {
    /// The URL is none.
    #[error("limits.redis_url is not the URL of a Redis: redis://[user:password@]host[:port]")]
    Url,
    /// The thread that asks does not start.
    #[error("the thread that asks Redis cannot be started")]
    Thread(#[source] std::io::Error),
}

/// The Redis that nodes share.
#[derive(Debug)]
pub(super) struct Redis {
    link: Link,
    scripts: Scripts,
    breakers: [Breaker; PARTS],
    /// Nodes there are, as was heard last; at least as many as were told.
    nodes: AtomicU32,
    /// Since when the one server knows anything, as it has said; 0 before, and of a Cluster.
    since: AtomicI64,
    /// Whether it was seen to have lost what it knew.
    has_lost: AtomicBool,
    troubles: Troubles,
    told_nodes: NonZeroU32,
    name: String,
    clock: Clock,
    metrics: Arc<Metrics>,
    calls: Handle,
    /// Ends the thread when it is dropped.
    _running: oneshot::Sender<()>,
}

impl Redis {
    /// Starts asking; a Redis that does not answer now may do so later.
    pub(super) fn start(
        urls: &str,
        told_nodes: NonZeroU32,
        name: &str,
        clock: Clock,
        metrics: &Arc<Metrics>,
    ) -> Result<Arc<Self>, RedisStartError> {
        let link = Link::new(urls).map_err(|_| RedisStartError::Url)?;
        if told_nodes == NonZeroU32::MIN {
            tracing::warn!(
                "limits.redis_url is set and limits.nodes is 1: a node that has not heard of others \
                 lets all of every limit through while Redis is gone"
            );
        }
        let (running, mut stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(RedisStartError::Thread)?;
        let redis = Arc::new(Self {
            link,
            scripts: Scripts::new(),
            breakers: std::array::from_fn(|_| Breaker::default()),
            nodes: AtomicU32::new(0),
            since: AtomicI64::new(0),
            has_lost: AtomicBool::new(false),
            troubles: Troubles::default(),
            told_nodes,
            name: name.to_owned(),
            clock,
            metrics: Arc::clone(metrics),
            calls: runtime.handle().clone(),
            _running: running,
        });
        let beating = Arc::downgrade(&redis);
        let thread = std::thread::Builder::new().name("limits".into());
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = beat(beating) => {}
                    _ = &mut stopped => {}
                }
            });
        };
        thread.spawn(work).map_err(RedisStartError::Thread)?;
        Ok(redis)
    }

    /// How many nodes share the limits, as far as this one knows.
    pub(super) fn nodes(&self) -> NonZeroU32 {
        let heard = NonZeroU32::new(self.nodes.load(Ordering::Relaxed));
        heard.map_or(self.told_nodes, |heard| heard.max(self.told_nodes))
    }

    /// Does something on the thread that asks.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.calls.spawn(work)
    }

    /// Whether every part of Redis is asked at present.
    pub(super) fn is_shared(&self) -> bool {
        self.link.connection().is_some() && !self.breakers.iter().any(Breaker::is_open)
    }

    /// What is known of the server that has this part. Where there is one server, it has all.
    fn breaker(&self, Part(part): Part) -> &Breaker {
        if self.link.is_cluster() { &self.breakers[part] } else { &self.breakers[0] }
    }

    fn advice(&self, part: Part) -> Advice {
        self.breaker(part).advice(self.clock.monotonic_nanos())
    }

    /// Runs `take.lua`.
    async fn take(&self, part: Part, key: &str, arguments: [i64; 4]) -> Answer {
        let [unit, whole, wanted, known] = arguments;
        let arguments = [unit, whole, wanted, known, self.since.load(Ordering::Relaxed)];
        let texts = arguments.map(|number| number.to_string());
        let texts = texts.each_ref().map(String::as_bytes);
        let called = async {
            let mut connection = self.link.connection()?;
            Some(self.scripts.take.run(&mut connection, &self.with_since(key), &texts).await)
        };
        let answer = match tokio::time::timeout(CALL, called).await.ok().flatten() {
            Some(Ok(reply)) => Answer::Given(reply),
            Some(Err(error)) if trouble::is_of_key(&error) => {
                self.troubles.tell_of_key(key, &error);
                Answer::Unusable
            }
            Some(Err(error)) => {
                self.troubles.tell("taking from a limit", &error);
                Answer::None
            }
            None => Answer::None,
        };
        self.note(part, !matches!(answer, Answer::None));
        answer
    }

    /// Runs `beat.lua`: how many nodes there are.
    async fn say_here(&self) -> Option<u32> {
        let (seconds, since) = (GONE_SECONDS.to_string(), self.since.load(Ordering::Relaxed));
        let since = since.to_string();
        let called = async {
            let mut connection = self.link.connection()?;
            let keys = self.with_since(NODES);
            let arguments = [self.name.as_bytes(), seconds.as_bytes(), since.as_bytes()];
            Some(self.scripts.beat.run(&mut connection, &keys, &arguments).await)
        };
        let (nodes, since): (u32, i64) =
            match tokio::time::timeout(BEAT_CALL, called).await.ok().flatten()? {
                Ok(answered) => answered,
                Err(error) => {
                    self.troubles.tell("saying that this node is there", &error);
                    return None;
                }
            };
        let before = self.since.swap(since, Ordering::Relaxed);
        if before != 0 && before != since {
            self.has_lost.store(true, Ordering::Relaxed);
        }
        Some(nodes)
    }

    /// The keys of a script: where there is one server, also that of what it knows.
    fn with_since<'a>(&self, key: &'a str) -> Vec<&'a str> {
        if self.link.is_cluster() { vec![key] } else { vec![key, SINCE] }
    }

    /// Runs `give_back.lua`; what cannot be given back is lost.
    async fn give_back(&self, key: &str, arguments: [i64; 4]) {
        let texts = arguments.map(|number| number.to_string());
        let texts = texts.each_ref().map(String::as_bytes);
        let called = async {
            let mut connection = self.link.connection()?;
            self.scripts.give_back.run::<i64>(&mut connection, &[key], &texts).await.ok()
        };
        let _lost = tokio::time::timeout(CALL, called).await;
    }

    fn note(&self, part: Part, has_answered: bool) {
        let breaker = self.breaker(part);
        if has_answered {
            if breaker.answered() {
                tracing::info!("Redis answers in time again: limits are shared");
            }
        } else if breaker.failed(self.clock.monotonic_nanos()) {
            let nodes = self.nodes();
            tracing::error!(
                nodes,
                "Redis does not answer in time: each node lets its part through"
            );
        }
        self.tell_whether_shared();
    }

    fn tell_whether_shared(&self) {
        self.metrics.limits_unshared.set(f64::from(u8::from(!self.is_shared())));
    }
}

/// What came of asking for a limit.
#[derive(Debug)]
enum Answer {
    Given(Reply),
    /// The server answers, and what it has under the key is no limit.
    Unusable,
    /// There was none, or not in time.
    None,
}

/// Says again and again that this node is there, and connects where there is no connection or one that
/// is of no use.
async fn beat(redis: Weak<Redis>) {
    let mut beats = tokio::time::interval(BEAT);
    let mut amiss = BEATS_AMISS_MAX;
    loop {
        beats.tick().await;
        let Some(redis) = redis.upgrade() else { return };
        if amiss >= BEATS_AMISS_MAX {
            if let Err(error) = redis.link.connect().await {
                redis.troubles.tell("connecting", &error);
            }
            amiss = 0;
        }
        match redis.say_here().await {
            Some(nodes) => {
                redis.nodes.store(nodes, Ordering::Relaxed);
                amiss = if redis.is_shared() { 0 } else { amiss + 1 };
                if amiss == 0 {
                    redis.troubles.forget();
                }
            }
            None if redis.link.connection().is_none() => amiss = BEATS_AMISS_MAX,
            None => amiss += 1,
        }
        redis.tell_whether_shared();
    }
}

/// A part of the key space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part(usize);

impl Part {
    /// The part that a key is in: that of its hash tag (Redis Cluster specification), so that keys of the
    /// same server fail together.
    fn of(key: &str) -> Self {
        let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        let tag = tag.map(|(tag, _)| tag).filter(|tag| !tag.is_empty());
        let slots_each = 16_384 / PARTS;
        Self(usize::from(crc16(tag.unwrap_or(key).as_bytes()) % 16_384) / slots_each)
    }
}

/// CRC-16/XMODEM, as Redis Cluster hashes keys.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hashed_as_a_cluster_does() {
        // Redis Cluster specification, appendix A.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(Part::of("limit:{carrier}:rate"), Part::of("other:{carrier}"));
        assert_eq!(Part::of("{}x"), Part(usize::from(crc16(b"{}x") % 16_384) / 256));
    }
}
