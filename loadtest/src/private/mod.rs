//! Gateways of our own: the workspace's other programs, started in a folder of their own and
//! stopped with us.

mod sandbox;
mod served;
mod several;

use std::path::PathBuf;

use anyhow::Context;

use crate::failure::Failure;

pub(crate) use sandbox::Sandbox;
pub(crate) use served::{Prepared, Served};
pub(crate) use several::Several;

/// The program of this name in the folder of our own executable, where the workspace's others are.
pub(crate) fn program(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().context("where our own executable is")?;
    let program = own.parent().context("an executable without a folder")?.join(name);
    if program.is_file() {
        return Ok(program);
    }
    Err(Failure::Unavailable(format!(
        "there is no `{name}` beside this program: build it with the same profile, \
         or name one that is there"
    )))
}
