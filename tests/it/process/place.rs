//! Where a test runs its gateway: a folder of its own and three free ports.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, ensure};
use gateway::config::StoreConfig;
use gateway::projections;
use gateway::store::Store;
use serde_json::Value;

use super::api::{self, Api};
use super::programs::{Ended, Process, program};

/// Ports lie below those that the system gives to outgoing connections, so that a connection of
/// our own never sits where a gateway is to start again.
const FIRST_PORT: u16 = 10_000;
/// Ports that one place takes: N, N+1 and N+10.
const PORTS_PER_PLACE: u16 = 20;
const PLACES: u16 = 1_000;

/// Where the ports of several nodes begin: below all others, of one test.
const FIRST_NODES_PORT: u16 = 9_000;
const LAST_NODES_PORT: u16 = 9_400;

static NEXT_PLACE: AtomicU16 = AtomicU16::new(0);

/// Folder and ports of one gateway.
pub(super) struct Place {
    root: tempfile::TempDir,
    pub(super) port: u16,
    runs: AtomicU16,
}

impl Place {
    pub(super) fn new() -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?;
        fs::create_dir(root.path().join("work"))?;
        fs::create_dir(root.path().join("logs"))?;
        Ok(Self { root, port: free_port()?, runs: AtomicU16::new(0) })
    }

    /// Room for nodes, each at another hundred of ports.
    pub(super) fn for_nodes(nodes: u16) -> anyhow::Result<Self> {
        let are_free = |port: &u16| {
            let of_node = |node: u16| [0, 1, 10].map(|offset| port + 100 * node + offset);
            (0..nodes).flat_map(of_node).all(is_free)
        };
        let mut ports = (FIRST_NODES_PORT..LAST_NODES_PORT).step_by(20);
        let port = ports.find(are_free).context("free ports for nodes")?;
        Ok(Self { port, ..Self::new()? })
    }

    /// What a test keeps for itself lies here.
    pub(super) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Where programs are started: empty but for what they leave there.
    pub(super) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// What the sandbox keeps.
    pub(super) fn data(&self) -> PathBuf {
        self.work().join("sandbox-data")
    }

    /// A program of the workspace, started here.
    pub(super) fn start(&self, name: &str, args: &[&str]) -> anyhow::Result<Process> {
        let mut command = Command::new(program(name)?);
        self.spawn(command.args(args), name)
    }

    /// Any command, started here.
    pub(super) fn spawn(&self, command: &mut Command, name: &str) -> anyhow::Result<Process> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let logs = self.root.path().join("logs");
        Process::start(command.current_dir(self.work()), &logs, &format!("{run}-{name}"))
    }

    /// Runs a command of the gateway to its end.
    pub(super) async fn gateway(&self, args: &[&str]) -> anyhow::Result<Ended> {
        self.start("gateway", args)?.ended().await
    }

    /// Runs a command of the gateway on the sandbox's data; it must succeed.
    pub(super) async fn on_data(&self, args: &[&str]) -> anyhow::Result<String> {
        let args = [&["--config", "sandbox-data/gateway.toml"], args].concat();
        let ended = self.gateway(&args).await?;
        ensure!(ended.status.success(), "{args:?}: {}\n{}", ended.status, ended.stderr);
        ensure!(ended.stderr.is_empty(), "{args:?}: {}", ended.stderr);
        Ok(ended.stdout)
    }

    /// The log verifies and its counters recount to no difference.
    pub(super) async fn check_log(&self) -> anyhow::Result<()> {
        let (verified, recounted) = tokio::join!(
            self.on_data(&["log", "verify"]),
            self.on_data(&["report", "recount", "-o", "json"])
        );
        verified?;
        let recounted: Value = serde_json::from_str(&recounted?)?;
        ensure!(recounted["differences"] == 0, "{recounted}");
        Ok(())
    }

    /// The sandbox, ready to answer.
    pub(super) async fn sandbox(&self, args: &[&str]) -> anyhow::Result<Process> {
        let port = self.port.to_string();
        let args = [&["sandbox", "--port", &port], args].concat();
        let mut sandbox = self.start("gateway", &args)?;
        sandbox.wait_for("the sandbox is ready", async || api::is_ready(self.port).await).await?;
        Ok(sandbox)
    }

    /// A sandbox on fresh data that will send nothing more of its own.
    pub(super) async fn fresh_sandbox(&self) -> anyhow::Result<Process> {
        let mut sandbox = self.sandbox(&["--fresh"]).await?;
        self.wait_for_file(&mut sandbox, "demo.done").await?;
        Ok(sandbox)
    }

    /// Waits until a file is among the data.
    pub(super) async fn wait_for_file(
        &self,
        sandbox: &mut Process,
        name: &str,
    ) -> anyhow::Result<()> {
        let path = self.data().join(name);
        sandbox.wait_for(&format!("{name} is written"), async || path.exists()).await
    }

    /// Waits until a sandbox that nobody asks anything writes nothing more: its last checkpoint is
    /// published, and what is built from the log is built.
    pub(super) async fn wait_until_quiet(&self, sandbox: &mut Process) -> anyhow::Result<()> {
        let path = self.data().join("gateway.sqlite");
        let store = Store::open_existing(&StoreConfig::file(path)).await?;
        let last = store.checkpoint("n1").await?.context("the log is there")?.note;
        let path = self.data().join("keys/log-n1.checkpoint");
        let published = async || fs::read_to_string(&path).is_ok_and(|note| note == last);
        sandbox.wait_for("the checkpoint is published", published).await?;
        let built = async || {
            let logs = projections::status(&store).await;
            logs.is_ok_and(|logs| logs.iter().all(|log| log.people_behind() == 0))
        };
        sandbox.wait_for("the projections are built", built).await
    }

    /// The clients of `clients.json`.
    pub(super) fn clients(&self) -> anyhow::Result<Vec<Value>> {
        let text = fs::read(self.data().join("clients.json")).context("clients.json")?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// The people of `people.ndjson`.
    pub(super) fn people(&self) -> anyhow::Result<Vec<Value>> {
        let text = fs::read_to_string(self.data().join("people.ndjson")).context("people")?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// The API as one client meets it.
    pub(super) async fn api(&self, client_id: &str) -> anyhow::Result<Api> {
        let clients = self.clients()?;
        let client = clients.iter().find(|client| client["client_id"] == client_id);
        Api::connect(self.port, client.context("the client is listed")?).await
    }
}

/// All files below a folder with what they hold, by path.
pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push((entry.path(), fs::read(entry.path())?));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn free_port() -> anyhow::Result<u16> {
    let first = (std::process::id() % u32::from(PLACES)) as u16;
    (0..PLACES)
        .map(|_| {
            let place = (first + NEXT_PLACE.fetch_add(1, Ordering::Relaxed)) % PLACES;
            FIRST_PORT + place * PORTS_PER_PLACE
        })
        .find(|port| [0, 1, 10].iter().all(|offset| is_free(port + offset)))
        .context("three free ports")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
