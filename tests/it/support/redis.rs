//! A Redis of the test's own, or a Cluster of six: nothing on disk, on free ports, ended with the test.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Ports below those of `process::place`; each server takes two, the second for its Cluster.
const FIRST_PORT: u16 = 3_000;
const PAIRS: u16 = 2_500;
/// How often we look.
const POLL: Duration = Duration::from_millis(10);
/// How often we look at most: a minute.
const POLLS: usize = 6_000;
/// Time after which a server of a Cluster that says nothing is replaced, in milliseconds.
const GONE_AFTER_MS: &str = "1000";

/// How often a Cluster is begun anew whose servers do not find each other.
const CREATED_MAX: usize = 3;

static NEXT_PAIR: AtomicU16 = AtomicU16::new(0);

/// A running Redis.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    in_cluster: bool,
    server: Child,
    // Last: what is in it must have ended before it is removed.
    folder: TempDir,
}

impl Redis {
    /// Starts one.
    pub async fn start() -> Self {
        Self::start_as(false).await
    }

    async fn start_as(in_cluster: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_pair();
        let server = launch(port, in_cluster, &folder);
        let mut redis = Self { port, in_cluster, server, folder };
        while !redis.answers().await {
            // Another test took the port between our look and the start.
            redis.kill();
            redis.port = free_pair();
            redis.server = launch(redis.port, in_cluster, &redis.folder);
        }
        redis
    }

    /// Its URL, as a gateway is configured with it.
    pub fn url(&self) -> String {
        Self::url_at(self.port)
    }

    /// The URL of one that another port leads to.
    pub fn url_at(port: u16) -> String {
        format!("redis://127.0.0.1:{port}")
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once; what it knew is gone.
    pub fn kill(&mut self) {
        let _ended_meanwhile = self.server.kill();
        self.server.wait().expect("it was ours");
    }

    /// Starts it again on its port, knowing nothing.
    pub async fn restart(&mut self) {
        self.server = launch(self.port, self.in_cluster, &self.folder);
        assert!(self.answers().await, "it starts again");
    }

    /// Stops it in the middle of whatever it does.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// What a command answers.
    pub fn ask(&self, command: &[&str]) -> String {
        ask(self.port, command)
    }

    async fn answers(&mut self) -> bool {
        for _ in 0..POLLS {
            if self.ask(&["ping"]).trim() == "PONG" {
                return true;
            }
            if self.server.try_wait().expect("it is ours").is_some() {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("it does not answer");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.server), signal).expect("it runs");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three primaries, each with a replica.
#[derive(Debug)]
pub struct RedisCluster {
    servers: Vec<Redis>,
}

impl RedisCluster {
    /// Starts one and waits until every key has a server.
    pub async fn start() -> Self {
        let mut told = String::new();
        for _ in 0..CREATED_MAX {
            let mut servers = Vec::new();
            for _ in 0..6 {
                servers.push(Redis::start_as(true).await);
            }
            let addresses = servers.iter().map(|redis| format!("127.0.0.1:{}", redis.port));
            let mut create = Command::new("redis-cli");
            create.args(["--cluster", "create"]).args(addresses);
            create.args(["--cluster-replicas", "1", "--cluster-yes"]);
            let created = create.output().expect("redis-cli is installed: tests/run does it");
            if created.status.success() {
                let cluster = Self { servers };
                cluster.settle().await;
                return cluster;
            }
            // Another test took a port between our look and the start of one of them.
            told = String::from_utf8_lossy(&[created.stdout, created.stderr].concat()).into_owned();
        }
        panic!("no cluster: {told}");
    }

    /// URLs of two of its servers, as a gateway is configured with them.
    pub fn urls(&self) -> String {
        format!("{},{}", self.servers[0].url(), self.servers[1].url())
    }

    /// Kills the primary that has a key; how many are left.
    pub fn kill_primary_of(&mut self, key: &str) -> usize {
        let slot = self.servers[0].ask(&["cluster", "keyslot", key]);
        let slot: u16 = slot.trim().parse().expect("a slot");
        let nodes = self.servers[0].ask(&["cluster", "nodes"]);
        let line = nodes.lines().find(|line| serves(line, slot)).expect("somebody serves it");
        let address = line.split(' ').nth(1).and_then(|address| address.split('@').next());
        let port = address.and_then(|address| address.rsplit(':').next()).expect("a port");
        let port: u16 = port.parse().expect("a port");
        self.servers.retain(|server| server.port != port);
        self.servers.len()
    }

    /// Waits until every key has a server, in the eyes of all.
    pub async fn settle(&self) {
        for _ in 0..POLLS {
            let is_whole = |server: &Redis| {
                let info = server.ask(&["cluster", "info"]);
                info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
            };
            // A replica that has nothing yet cannot take over.
            let is_followed = |server: &Redis| {
                let info = server.ask(&["info", "replication"]);
                info.contains("role:master") || info.contains("master_link_status:up")
            };
            if self.servers.iter().all(|server| is_whole(server) && is_followed(server)) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the cluster does not settle");
    }
}

/// Whether a line of `cluster nodes` is of a primary that serves a slot.
fn serves(line: &str, slot: u16) -> bool {
    let is_primary = line.split(' ').nth(2).is_some_and(|flags| flags.contains("master"));
    let within = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u16>().ok();
        number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&slot))
    };
    is_primary && line.split(' ').skip(8).any(within)
}

fn launch(port: u16, in_cluster: bool, folder: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
    command.arg("--dir").arg(folder.path());
    if in_cluster {
        // Otherwise a replica waits five seconds for others that may want the same.
        command.args(["--repl-diskless-sync-delay", "0"]);
        command.args(["--cluster-enabled", "yes", "--cluster-node-timeout", GONE_AFTER_MS]);
        command.args(["--cluster-port", &(port + 1).to_string()]);
    }
    let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    server.expect("redis-server is installed: tests/run does it")
}

fn ask(port: u16, command: &[&str]) -> String {
    let mut asked = Command::new("redis-cli");
    asked.args(["-p", &port.to_string()]).args(command).stderr(Stdio::null());
    let answered = asked.output().expect("redis-cli is installed: tests/run does it");
    String::from_utf8_lossy(&answered.stdout).into_owned()
}

fn free_pair() -> u16 {
    let first = (std::process::id() % u32::from(PAIRS)) as u16;
    let is_free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    (0..PAIRS)
        .map(|_| FIRST_PORT + 2 * ((first + NEXT_PAIR.fetch_add(1, Ordering::Relaxed)) % PAIRS))
        .find(|port| is_free(*port) && is_free(port + 1))
        .expect("two free ports")
}
