//! A PostgreSQL of the test's own: its data in a temporary folder, on a free port, ended with the
//! test; and everything that can befall one.
//!
//! It is as durable as one in production (`fsync` and `synchronous_commit` are on), and as small
//! as it can be. Its texts sort as Vietnamese does, not by their bytes: a query that takes the one
//! for the other must not pass. How a cluster comes to be is in [`cluster`].

mod cluster;

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use cluster::Cluster;

/// What is set beside the defaults: little memory, and connections for a gateway and its test.
const SETTINGS: [&str; 7] = [
    "listen_addresses=127.0.0.1",
    "max_connections=50",
    "shared_buffers=16MB",
    "fsync=on",
    "synchronous_commit=on",
    "logging_collector=off",
    "cluster_name=test",
];
/// Ports between those of `process::place` and those that the system gives to outgoing
/// connections, so that one that is restarted finds its port free.
const FIRST_PORT: u16 = 30_000;
const PORTS: u16 = 2_700;
/// The longest that a start, also one with a recovery, or a stop may take.
const LIMIT: Duration = Duration::from_mins(1);
/// What it says when it has thrown everybody out.
const RECOVERY: &str = "all server processes terminated; reinitializing";
/// How often we look.
const POLL: Duration = Duration::from_millis(10);
/// Lines of its output that a message quotes.
const QUOTED_LINES: usize = 15;

static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A running PostgreSQL. Dropped, it is ended and its data are gone.
#[derive(Debug)]
pub struct Postgres {
    cluster: Cluster,
    port: u16,
    settings: Vec<String>,
    environment: Mutex<Vec<(&'static str, PathBuf)>>,
    postmaster: Mutex<Option<Child>>,
    // Last: what is in it must have ended before it is removed.
    folder: TempDir,
}

impl Postgres {
    /// Starts one.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with further settings, `name=value`, which win over ours.
    pub async fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cluster = Cluster::make(folder.path(), &folder.path().join("data"));
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut postgres = Self {
            cluster,
            port: free_port(),
            settings,
            environment: Mutex::default(),
            postmaster: Mutex::default(),
            folder,
        };
        // Another test may take the port between our look and the start.
        while !postgres.launch().await {
            assert!(postgres.errors().contains("could not bind"), "{}", postgres.errors());
            postgres.port = free_port();
        }
        postgres
    }

    /// The URL of its one database, as a gateway is configured with it.
    pub fn url(&self) -> String {
        Self::url_at(self.port)
    }

    /// The URL of one that another port leads to.
    pub fn url_at(port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/postgres")
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.expect("the database accepts a connection")
    }

    /// The same, as soon as it accepts one: it may be about to recover from a kill.
    pub async fn reconnect(&self) -> PgConnection {
        let connected = async {
            loop {
                match PgConnection::connect(&self.url()).await {
                    Ok(connection) => return connection,
                    Err(_) => tokio::time::sleep(POLL).await,
                }
            }
        };
        let connected = tokio::time::timeout(LIMIT, connected).await;
        connected.unwrap_or_else(|_| panic!("it does not recover: {}", self.errors()))
    }

    /// Where its data lie, as the system names it.
    pub fn data(&self) -> PathBuf {
        fs::canonicalize(&self.cluster.data).expect("the data are there")
    }

    /// A folder that it may write to.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The environment that it has from its next start on.
    pub fn set_environment(&self, environment: &[(&'static str, PathBuf)]) {
        *self.environment.lock().unwrap_or_else(PoisonError::into_inner) = environment.to_vec();
    }

    /// The end of what it has said.
    pub fn errors(&self) -> String {
        let text = self.output();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n")
    }

    /// What it has said since it was started last.
    pub fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `kill -9` of the postmaster. Its backends end by themselves when they notice.
    pub fn kill(&self) {
        let mut postmaster = self.postmaster().take().expect("it is running");
        postmaster.kill().expect("it can be killed");
        postmaster.wait().expect("it is ours to wait for");
    }

    /// Stops it in good order; connections are closed under their owners.
    pub async fn stop(&self) {
        let pid = Pid::from_child(self.postmaster().as_ref().expect("it is running"));
        kill_process(pid, Signal::INT).expect("it can be told to stop");
        let ended = async {
            while self.is_running() {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(LIMIT, ended).await.expect("it stops");
    }

    /// Starts it again on the same data and the same port.
    pub async fn restart(&self) {
        let running = async {
            // As long as a backend of a killed postmaster lives, the data are in its hands.
            while !self.launch().await {
                tokio::time::sleep(POLL).await;
            }
        };
        let started = tokio::time::timeout(LIMIT, running).await;
        assert!(started.is_ok(), "it does not start again: {}", self.errors());
    }

    /// Process ids of the backends that serve others than the test's own connections.
    pub async fn backends(&self) -> Vec<i32> {
        let mut connection = self.connect().await;
        let backends = sqlx::query_scalar(
            "select pid from pg_stat_activity \
             where backend_type = 'client backend' and pid <> pg_backend_pid() order by pid",
        );
        let backends = backends.fetch_all(&mut connection).await.expect("it lists its backends");
        connection.close().await.expect("the connection closes");
        backends
    }

    /// Ends every such backend by `pg_terminate_backend`; how many there were.
    pub async fn terminate_backends(&self) -> usize {
        let mut connection = self.connect().await;
        let ended = sqlx::query_scalar::<_, bool>(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where backend_type = 'client backend' and pid <> pg_backend_pid()",
        );
        let ended = ended.fetch_all(&mut connection).await.expect("it ends its backends");
        connection.close().await.expect("the connection closes");
        ended.len()
    }

    /// `kill -9` of one backend, upon which PostgreSQL throws all others out and recovers. Waits
    /// until it has: it answers on other connections until it notices.
    pub async fn kill_backend(&self, pid: i32) {
        let parent = self.postmaster().as_ref().expect("it is running").id();
        // A backend that has ended since it was listed may have left its id to anybody.
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        assert!(status.lines().any(|line| line == format!("PPid:\t{parent}")), "{pid} has ended");
        let recoveries = || self.output().matches(RECOVERY).count();
        let before = recoveries();
        kill_process(Pid::from_raw(pid).expect("an id"), Signal::KILL).expect("it can be killed");
        let noticed = async {
            while recoveries() == before {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(LIMIT, noticed).await.expect("it notices");
        drop(self.reconnect().await);
    }

    /// Process ids of all of it: the postmaster and what it has started.
    pub fn processes(&self) -> Vec<i32> {
        let parent = self.postmaster().as_ref().expect("it is running").id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let children = children.expect("the system lists a process's children");
        let mut pids = vec![parent.cast_signed()];
        pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        pids
    }

    /// Lets processes of it stand still, their connections open.
    pub fn pause(pids: &[i32]) {
        signal(pids, Signal::STOP);
    }

    /// Lets them go on.
    pub fn resume(pids: &[i32]) {
        signal(pids, Signal::CONT);
    }

    /// Starts the postmaster; false where it has ended before it accepted a connection.
    async fn launch(&self) -> bool {
        *self.postmaster() = Some(self.spawn());
        let ready = async {
            while self.is_running() {
                if let Ok(connection) = PgConnection::connect(&self.url()).await {
                    return connection.close().await.is_ok();
                }
                tokio::time::sleep(POLL).await;
            }
            false
        };
        let ready = tokio::time::timeout(LIMIT, ready).await;
        ready.unwrap_or_else(|_| panic!("it is not ready: {}", self.errors()))
    }

    /// Whether the postmaster has not ended; one that has is forgotten.
    pub fn is_running(&self) -> bool {
        let mut postmaster = self.postmaster();
        let Some(child) = postmaster.as_mut() else { return false };
        let running = child.try_wait().expect("it is ours to wait for").is_none();
        if !running {
            *postmaster = None;
        }
        running
    }

    fn postmaster(&self) -> MutexGuard<'_, Option<Child>> {
        self.postmaster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self) -> Child {
        let log = File::create(self.folder.path().join("log")).expect("the folder is ours");
        let mut command = self.cluster.command("postgres");
        command.arg("-D").arg(&self.cluster.data).arg("-k").arg(self.folder.path());
        command.args(["-p", &self.port.to_string()]);
        for setting in SETTINGS.iter().copied().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        let environment = self.environment.lock().unwrap_or_else(PoisonError::into_inner).clone();
        command.envs(environment);
        // A group of its own: what is sent to the test from a terminal is not for it.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.spawn().expect("postgres starts")
    }

    /// Ends it without keeping anything in order: its data are to be removed.
    fn end(&self) {
        let Some(mut postmaster) = self.postmaster().take() else { return };
        // What fails here has ended already. The id is ours until it is waited for.
        let _sent = kill_process(Pid::from_child(&postmaster), Signal::QUIT);
        for _ in 0..LIMIT.as_millis() / POLL.as_millis() {
            if !matches!(postmaster.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(POLL);
        }
        let _killed = postmaster.kill();
        let _ended = postmaster.wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends a signal to those that have not ended meanwhile.
fn signal(pids: &[i32], signal: Signal) {
    for pid in pids {
        let _sent = kill_process(Pid::from_raw(*pid).expect("an id"), signal);
    }
}

fn free_port() -> u16 {
    let first = (std::process::id() % u32::from(PORTS)) as u16;
    (0..PORTS)
        .map(|_| FIRST_PORT + (first + NEXT_PORT.fetch_add(1, Ordering::Relaxed)) % PORTS)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}
