//! `loadtest peers`: the gateway beside what could stand in its place.
//!
//! A bare echo is the most that a server of this kind can do; `HAProxy`, verifying a JWT and
//! keeping a rate in front of that echo, is what one would buy for the gate alone. All are driven
//! by the same generator on the same cores, in turns, and only their ratios are meant to travel.

mod echo;
mod gateway;
mod haproxy;
mod report;
mod rounds;

use anyhow::Context;
use tempfile::TempDir;

use crate::cli::{Optional, PeersArgs};
use crate::failure::Failure;
use crate::material::{Caller, Kind, Person, made_up_people};
use crate::token;

use echo::Echo;
pub(crate) use echo::{runtime as echo_runtime, serve as serve_echo};
use gateway::Gateway;
use haproxy::Haproxy;
use report::Comparison;
use rounds::Rounds;

/// How long the token for `HAProxy` lasts: longer than any comparison that the arguments allow.
const TOKEN_S: i64 = 7 * 24 * 3600;

/// Everything that takes part. Fields are dropped, and so stopped, in this order: who sends to
/// others before them, the folder with their files last.
struct Peers {
    gateway: Option<Gateway>,
    haproxy: Option<Haproxy>,
    echo: Echo,
    people: Vec<Person>,
    token: String,
    _folder: TempDir,
}

/// Starts what is needed, measures in turns, prints and writes the figures.
pub(crate) async fn compare(args: &PeersArgs) -> Result<(), Failure> {
    let peers = Peers::start(args).await?;
    let measured = Rounds::new(args).measure(&peers).await?;
    let comparison = Comparison::new(args, &measured);
    print!("{}", comparison.table());
    if let Some(path) = &args.json {
        comparison.write(path)?;
    }
    comparison.judge()
}

impl Peers {
    async fn start(args: &PeersArgs) -> Result<Self, Failure> {
        let folder =
            tempfile::Builder::new().prefix("loadtest-").tempdir().context("a temporary folder")?;
        // What may be missing first: the gateway's own demonstration takes a while.
        let haproxy = haproxy::find();
        if haproxy.is_none() && !args.tolerate_missing.contains(&Optional::Haproxy) {
            return Err(Failure::Unavailable(
                "HAProxy is not installed: run `tests/run --install-only`, \
                 or leave it out with --tolerate-missing haproxy"
                    .to_owned(),
            ));
        }
        let gateway = Gateway::start(args, folder.path()).await?;
        let echo = Echo::start(folder.path()).await?;
        let secret = token::random_secret()?;
        let token = token::hs256(&secret, TOKEN_S)?;
        let haproxy = match haproxy {
            Some(program) => {
                Some(Haproxy::start(&program, folder.path(), &secret, echo.port()).await?)
            }
            None => None,
        };
        let people = gateway.as_ref().map_or_else(made_up_people, |gateway| gateway.people.clone());
        Ok(Self { gateway, haproxy, echo, people, token, _folder: folder })
    }

    /// As whom the echo and `HAProxy` are asked: the gateway's client, with a token of our own.
    fn caller(&self) -> Caller<'_> {
        let client = self.gateway.as_ref().map(|gateway| &gateway.client);
        Caller {
            token: &self.token,
            kind: client.map_or(Kind::Carrier, |client| client.kind),
            purpose: client.map_or("telecom.subscriber", |client| &client.purposes[0]),
        }
    }
}
