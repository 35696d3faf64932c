//! The Redis that gateways share: one that runs already, one of ours, or a Cluster of six.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::child::Child;
use crate::cli::LimitsArgs;
use crate::failure::Failure;
use crate::ports;

/// Servers of a Cluster: three primaries, each with a replica.
const CLUSTER: u16 = 6;
/// Distance of a server's second port, for its Cluster.
const BUS: u16 = 1;
/// How often we look whether a Cluster has settled, at most a minute.
const POLLS: usize = 1_200;

/// One server or several. Servers are dropped, and so stopped, before their folder.
pub(super) struct Redis {
    servers: Vec<Child>,
    ports: Vec<u16>,
    url: Option<String>,
    folder: TempDir,
}

impl Redis {
    pub(super) async fn start(args: &LimitsArgs) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("loadtest-redis-").tempdir();
        let folder = folder.context("a temporary folder")?;
        let url = args.redis.clone().filter(|url| url != "private");
        let mut redis = Self { servers: Vec::new(), ports: Vec::new(), url, folder };
        if redis.url.is_some() {
            return Ok(redis);
        }
        for _ in 0..if args.cluster { CLUSTER } else { 1 } {
            let port = ports::free(&[BUS])?;
            redis.servers.push(launch(port, args.cluster, redis.folder.path()).await?);
            redis.ports.push(port);
        }
        if args.cluster {
            redis.join().await?;
        }
        Ok(redis)
    }

    /// As a gateway is configured with it.
    pub(super) fn urls(&self) -> String {
        let url = |port: &u16| format!("redis://127.0.0.1:{port}");
        let ours = || self.ports.iter().take(2).map(url).collect::<Vec<_>>().join(",");
        self.url.clone().unwrap_or_else(ours)
    }

    /// The port of the only server of ours.
    pub(super) fn port(&self) -> Result<u16, Failure> {
        match self.ports.as_slice() {
            [port] => Ok(*port),
            _ => Err(Failure::Usage("an outage is of a Redis of our own, one server".to_owned())),
        }
    }

    /// Ends it at once; what it knew is gone.
    pub(super) fn kill(&mut self) {
        for server in &self.servers {
            // It is waited for when it is dropped.
            let _ended = signal(server, Signal::KILL);
        }
        self.servers.clear();
    }

    pub(super) async fn restart(&mut self) -> Result<(), Failure> {
        let port = self.port()?;
        self.servers.push(launch(port, false, self.folder.path()).await?);
        Ok(())
    }

    /// Stops it in the middle of whatever it does.
    pub(super) fn stop(&self) -> anyhow::Result<()> {
        self.servers.iter().try_for_each(|server| signal(server, Signal::STOP))
    }

    pub(super) fn go_on(&self) -> anyhow::Result<()> {
        self.servers.iter().try_for_each(|server| signal(server, Signal::CONT))
    }

    /// Makes a Cluster of the servers and waits until every key has one, in the eyes of all.
    async fn join(&self) -> Result<(), Failure> {
        let addresses = self.ports.iter().map(|port| format!("127.0.0.1:{port}"));
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(addresses);
        create.args(["--cluster-replicas", "1", "--cluster-yes"]).stdin(Stdio::null());
        let created = create.output().context("redis-cli")?;
        for _ in 0..POLLS {
            if self.ports.iter().all(|port| is_whole(*port)) {
                return Ok(());
            }
            tokio::time::sleep(ports::POLL).await;
        }
        let said = String::from_utf8_lossy(&created.stdout).into_owned();
        Err(Failure::Unavailable(format!("the Cluster does not settle:\n{said}")))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // One that is stopped would not hear that it shall end.
        let _gone = self.go_on();
    }
}

fn signal(server: &Child, signal: Signal) -> anyhow::Result<()> {
    let pid = i32::try_from(server.pid()).ok().and_then(Pid::from_raw).context("a process id")?;
    kill_process(pid, signal).context("a signal to Redis")
}

fn is_whole(port: u16) -> bool {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &port.to_string(), "cluster", "info"]).stdin(Stdio::null());
    let info = command.output().map(|output| output.stdout).unwrap_or_default();
    let info = String::from_utf8_lossy(&info);
    info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
}

async fn launch(port: u16, in_cluster: bool, folder: &Path) -> Result<Child, Failure> {
    let folder = folder.join(port.to_string());
    std::fs::create_dir_all(&folder).context("a folder of Redis")?;
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--save", "", "--appendonly", "no"]).arg("--dir").arg(&folder);
    if in_cluster {
        command.args(["--repl-diskless-sync-delay", "0", "--cluster-enabled", "yes"]);
        command.args(["--cluster-node-timeout", "1000"]);
        command.args(["--cluster-port", &(port + BUS).to_string()]);
    }
    let mut server = Child::start("redis", &mut command, &folder)?;
    ports::listening(&mut server, port).await?;
    Ok(server)
}
