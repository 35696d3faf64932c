//! A fresh sandbox: everything in one process, with the data that it makes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::failure::Failure;
use crate::ports;
use crate::wire::Endpoint;

/// How long a sandbox may take to start and to finish its own demonstration.
const DEMO_MAX: Duration = Duration::from_mins(2);

/// The sandbox's other ports, from the one of its API: admin listener and mock.
const OTHER_PORTS: [u16; 2] = [1, 10];

/// A running sandbox that has ended its demonstration.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// The process.
    pub(crate) child: Child,
    /// Its folder of data: clients with secrets, people, configuration.
    pub(crate) data: PathBuf,
    /// Its API.
    pub(crate) endpoint: Endpoint,
}

impl Sandbox {
    /// Starts a sandbox whose data lies in `folder`, and waits until it is idle.
    pub(crate) async fn start(program: &Path, folder: &Path) -> Result<Self, Failure> {
        let port = ports::free(&OTHER_PORTS)?;
        let mut command = Command::new(program);
        command.args(["sandbox", "--fresh", "--port", &port.to_string()]).current_dir(folder);
        let mut child = Child::start("gateway", &mut command, folder)?;
        let data = folder.join("sandbox-data");
        let deadline = Instant::now() + DEMO_MAX;
        eprintln!("waiting for the sandbox's own demonstration to end ...");
        while !data.join("demo.done").exists() {
            child.check_running()?;
            if Instant::now() > deadline {
                return Err(Failure::Unavailable(format!(
                    "the sandbox did not finish its demonstration within {} s:\n{}",
                    DEMO_MAX.as_secs(),
                    child.last_words()
                )));
            }
            tokio::time::sleep(ports::POLL).await;
        }
        Ok(Self { child, data, endpoint: Endpoint::local(port) })
    }
}
