//! Several gateways beside one register, each on a copy of the same data: clients, secrets and policies
//! are the same, databases and logs are not.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::{Prepared, program};
use crate::child::Child;
use crate::failure::Failure;
use crate::ports;
use crate::wire::Endpoint;

/// Distance of a gateway's admin listener from its API.
const ADMIN: u16 = 1;

/// Running gateways. They are dropped, and so stopped, before their register.
pub(crate) struct Several {
    gateways: Vec<(Child, Endpoint, Endpoint)>,
    _register: Child,
}

impl Prepared {
    /// Starts the register and gateways, each with its settings in its environment
    /// (`GATEWAY_SECTION__KEY`). Each start begins with the prepared data.
    pub(crate) async fn serve_several(
        &self,
        settings: &[Vec<(&'static str, String)>],
    ) -> Result<Several, Failure> {
        let register_port = ports::free(&[])?;
        let mut command = Command::new(program("mock-population-db")?);
        command.args(["serve", "--listen", &format!("127.0.0.1:{register_port}")]);
        command.arg("--api-key-file").arg(self.data.join("population/api-key"));
        let mut register = Child::start("register", &mut command, self.folder())?;
        ports::listening(&mut register, register_port).await?;
        let mut several = Several { gateways: Vec::new(), _register: register };
        for (index, settings) in (1..).zip(settings) {
            let port = ports::free(&[ADMIN])?;
            let folder = self.folder().join(format!("node-{index}"));
            copy(&self.data, &folder).context("a copy of the data")?;
            let mut command = Command::new(&self.gateway);
            command.arg("--config").arg(folder.join("gateway.toml")).arg("serve");
            command.env("GATEWAY_SERVER__LISTEN", format!("127.0.0.1:{port}"));
            command.env("GATEWAY_SERVER__ADMIN_LISTEN", format!("127.0.0.1:{}", port + ADMIN));
            command.env("GATEWAY_POPULATION__URL", format!("http://127.0.0.1:{register_port}"));
            command.env("GATEWAY_LOG__NAME", format!("n{index}"));
            command.envs(settings.iter().map(|(name, value)| (name, value)));
            let mut gateway = Child::start("gateway", &mut command, &folder)?;
            ports::listening(&mut gateway, port).await?;
            let endpoints = [port, port + ADMIN].map(Endpoint::local);
            let [api, admin] = endpoints;
            several.gateways.push((gateway, api, admin));
        }
        Ok(several)
    }
}

impl Several {
    /// Their APIs.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.gateways.iter().map(|(_, api, _)| api)
    }

    /// Their admin listeners.
    pub(crate) fn admins(&self) -> impl Iterator<Item = &Endpoint> {
        self.gateways.iter().map(|(_, _, admin)| admin)
    }

    /// Refuses once one has ended by itself.
    pub(crate) fn check_running(&mut self) -> Result<(), Failure> {
        self.gateways.iter_mut().try_for_each(|(gateway, _, _)| gateway.check_running())
    }
}

/// A folder with all that is in it, in the place of what was there.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, to) = (entry?, to);
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
