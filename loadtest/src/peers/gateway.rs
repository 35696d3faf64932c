//! The gateway with everything on: one that runs already, or a sandbox of our own.

use std::path::Path;

use crate::child::Child;
use crate::cli::{self, Optional, PeersArgs};
use crate::failure::Failure;
use crate::material::{Client, Person, load_clients, load_people, pick};
use crate::private::{Sandbox, program};
use crate::wire::Endpoint;

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
        match program("gateway") {
            Ok(program) => Self::sandbox(&program, folder).await.map(Some),
            Err(_) if args.tolerate_missing.contains(&Optional::Gateway) => Ok(None),
            Err(missing) => Err(missing),
        }
    }

    async fn sandbox(program: &Path, folder: &Path) -> Result<Self, Failure> {
        let Sandbox { child, data, endpoint } = Sandbox::start(program, folder).await?;
        Ok(Self {
            endpoint,
            client: pick(load_clients(&data.join("clients.json"))?, None)?,
            people: load_people(&data.join("people.ndjson"))?,
            pid: Some(child.pid()),
            _child: Some(child),
        })
    }
}
