//! The program that knows the rules, and the pipes to it.

use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command};

use crate::child::Child;
use crate::failure::Failure;

/// A running `gateway compare --csv -`.
pub(super) struct Engine {
    /// The process.
    pub(super) child: Child,
    /// Where rows go.
    pub(super) rows: ChildStdin,
    /// Where answers come from.
    pub(super) answers: ChildStdout,
}

impl Engine {
    /// Starts `program`; what it complains about goes to a file in `folder`.
    pub(super) fn start(program: &Path, number: usize, folder: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.args(["compare", "--csv", "-"]);
        let log = folder.join(format!("compare-{number}.log"));
        let (child, rows, answers) = Child::start_piped("gateway", &mut command, log)
            .map_err(|error| Failure::Unavailable(format!("{error:#}")))?;
        Ok(Self { child, rows, answers })
    }
}
