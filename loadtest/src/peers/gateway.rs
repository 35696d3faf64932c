//! The gateway with everything on: one that runs already, or a sandbox of our own.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{ports, programs_folder};
use crate::child::Child;
use crate::cli::{self, Optional, PeersArgs};
use crate::failure::Failure;
use crate::material::{Client, Person, load_clients, load_people, pick};
use crate::wire::Endpoint;

/// How long a sandbox may take to start and to finish its own demonstration.
const DEMO_MAX: Duration = Duration::from_mins(2);

/// The sandbox's other ports, from the one of its API: admin listener and mock.
const OTHER_PORTS: [u16; 2] = [1, 10];

/// The gateway under comparison.
pub(super) struct Gateway {
    /// Where it listens.
    pub(super) endpoint: Endpoint,
    /// As whom it is asked.
    pub(super) client: Client,
    /// About whom.
    pub(super) people: Vec<Person>,
    /// Whose CPU time it is; `None` where we were not told.
    pub(super) pid: Option<u32>,
    /// The process, where it is ours.
    _child: Option<Child>,
}

impl Gateway {
    /// The gateway that the arguments name, or else a fresh sandbox; `None` where there is no
    /// program to start and that is tolerated.
    pub(super) async fn start(args: &PeersArgs, folder: &Path) -> Result<Option<Self>, Failure> {
        if let (Some(url), Some(clients), Some(people)) = (&args.url, &args.clients, &args.people) {
            return Ok(Some(Self {
                endpoint: cli::endpoint(url, args.allow_remote)?,
                client: pick(load_clients(clients)?, None)?,
                people: load_people(people)?,
                pid: args.pid,
                _child: None,
            }));
        }
        let program = programs_folder()?.join("gateway");
        if program.is_file() {
            return Self::sandbox(&program, folder).await.map(Some);
        }
        if args.tolerate_missing.contains(&Optional::Gateway) {
            return Ok(None);
        }
        Err(Failure::Unavailable(
            "there is no `gateway` beside this program: build it with the same profile, \
             or give --url, --clients and --people of one that runs"
                .to_owned(),
        ))
    }

    /// Starts a sandbox whose data lies in `folder`, and waits until it is idle.
    async fn sandbox(program: &Path, folder: &Path) -> Result<Self, Failure> {
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
        Ok(Self {
            endpoint: Endpoint::local(port),
            client: pick(load_clients(&data.join("clients.json"))?, None)?,
            people: load_people(&data.join("people.ndjson"))?,
            pid: Some(child.pid()),
            _child: Some(child),
        })
    }
}
