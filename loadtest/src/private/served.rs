//! A gateway as it is in production, `gateway serve` with a register beside it: a process of its
//! own, so that its memory is nobody else's, started after all that is slow was done by another.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use tempfile::TempDir;

use super::{Sandbox, program};
use crate::child::Child;
use crate::failure::Failure;
use crate::material::{Client, Person, load_clients, load_people};
use crate::ports;
use crate::wire::Endpoint;

/// Distance of the register's port from the API's in the sandbox's configuration.
const REGISTER_OFFSET: u16 = 10;

/// The data of a gateway that does not run yet: clients can be changed by command.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(super) gateway: PathBuf,
    pub(super) data: PathBuf,
    endpoint: Endpoint,
    folder: TempDir,
}

/// A running gateway. Fields are dropped, and so stopped, in this order.
#[derive(Debug)]
pub(crate) struct Served {
    gateway: Child,
    _register: Child,
    /// Its API.
    pub(crate) endpoint: Endpoint,
    _folder: TempDir,
}

impl Prepared {
    /// Lets a sandbox make clients, secrets and people, and stops it.
    pub(crate) async fn new() -> Result<Self, Failure> {
        let gateway = program("gateway")?;
        let folder =
            tempfile::Builder::new().prefix("loadtest-").tempdir().context("a temporary folder")?;
        let Sandbox { child, data, endpoint } = Sandbox::start(&gateway, folder.path()).await?;
        drop(child);
        Ok(Self { gateway, data, endpoint, folder })
    }

    /// Who can call, with secrets.
    pub(crate) fn clients(&self) -> Result<Vec<Client>, Failure> {
        load_clients(&self.data.join("clients.json"))
    }

    /// Whom the register knows.
    pub(crate) fn people(&self) -> Result<Vec<Person>, Failure> {
        load_people(&self.data.join("people.ndjson"))
    }

    /// The folder that the data is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the gateway on its data.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<(), Failure> {
        self.ask(arguments).map(drop)
    }

    /// What a command of the gateway says about its data.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut command = Command::new(&self.gateway);
        command.arg("--config").arg(self.configuration()).args(arguments).stdin(Stdio::null());
        let done = command.output().context("a command of the gateway")?;
        if done.status.success() {
            return Ok(done.stdout);
        }
        let said = String::from_utf8_lossy(&done.stderr);
        Err(Failure::Unavailable(format!("gateway {}: {}", arguments.join(" "), said.trim())))
    }

    /// Changes what the policy of a client says of some things, for all who have that policy.
    pub(crate) fn change_policy<const N: usize>(
        &self,
        client: &str,
        members: [(&str, serde_json::Value); N],
    ) -> Result<(), Failure> {
        let read = |arguments: &[&str]| -> Result<serde_json::Value, Failure> {
            let said = self.ask(arguments)?;
            Ok(serde_json::from_slice(&said).context("what the gateway's command says")?)
        };
        let shown = read(&["-o", "json", "client", "show", client])?;
        let policy = shown["policy"].as_str().context("the client's policy")?;
        let mut document = read(&["-o", "json", "policy", "show", policy])?["document"].take();
        for (member, value) in members {
            document[member] = value;
        }
        let name = policy.split('@').next().unwrap_or(policy);
        let file = self.folder.path().join(format!("{name}.json"));
        std::fs::write(&file, document.to_string()).context("a policy")?;
        let file = file.to_string_lossy();
        self.command(&["policy", "put", name, "--file", &file, "--move-clients"])
    }

    /// Registers a public key, given as a JWK.
    pub(crate) fn add_key(&self, client: &str, jwk: &str) -> Result<(), Failure> {
        let file = self.folder.path().join(format!("{client}.jwk"));
        std::fs::write(&file, jwk).context("a public key")?;
        self.command(&["client", "key", "add", client, "--file", &file.to_string_lossy()])
    }

    /// Starts register and gateway, with settings in its environment
    /// (`GATEWAY_SECTION__KEY`), and waits until they listen.
    pub(crate) async fn serve(self, settings: &[(&str, &str)]) -> Result<Served, Failure> {
        let port = self.endpoint.address().port();
        let register_port = port + REGISTER_OFFSET;
        let mut command = Command::new(program("mock-population-db")?);
        command.args(["serve", "--listen", &format!("127.0.0.1:{register_port}")]);
        command.arg("--api-key-file").arg(self.data.join("population/api-key"));
        let mut register = Child::start("register", &mut command, self.folder.path())?;
        ports::listening(&mut register, register_port).await?;
        let mut command = Command::new(&self.gateway);
        command.arg("--config").arg(self.configuration()).arg("serve");
        command.envs(settings.iter().copied());
        let mut gateway = Child::start("gateway", &mut command, self.folder.path())?;
        ports::listening(&mut gateway, port).await?;
        Ok(Served { gateway, _register: register, endpoint: self.endpoint, _folder: self.folder })
    }

    fn configuration(&self) -> PathBuf {
        Path::new(&self.data).join("gateway.toml")
    }
}

impl Served {
    /// The gateway's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.gateway.pid()
    }

    /// Refuses once the gateway has ended by itself.
    pub(crate) fn check_running(&mut self) -> Result<(), Failure> {
        self.gateway.check_running()
    }
}
