//! Several gateways that know the same client.

use std::sync::Arc;
use std::time::Duration;

use crate::drive::{Judge, Load, Schedule, open_loop};
use crate::failure::Failure;
use crate::material::{Caller, Client, Person, Ring, pick};
use crate::ports;
use crate::private::{Prepared, Several};
use crate::tally::Tally;
use crate::token::Token;
use crate::wire::{Endpoint, Link, get};
use anyhow::Context;

/// Connections to each node.
const CONNECTIONS: u32 = 32;
/// How often we look whether a node shares its limits, at most half a minute.
const POLLS: usize = 600;

/// What nodes are started with.
pub(super) struct Settings<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) client: &'a Client,
    pub(super) people: &'a [Person],
}

/// Running gateways, and what is sent to each.
pub(super) struct Nodes {
    served: Several,
    loads: Vec<Load>,
}

/// Gives the client that the load is sent as this limit, by a new version of its policy.
pub(super) fn with_limit(prepared: &Prepared, rate: u32, burst: u32) -> Result<Client, Failure> {
    let client = pick(prepared.clients()?, None)?;
    prepared.change_policy(&client.id, [("rate", rate.into()), ("burst", burst.into())])?;
    Ok(client)
}

impl Nodes {
    /// Starts them; with a Redis, waits until all share their limits. Each has the way there of its
    /// place, the last one for all that come after it.
    pub(super) async fn start(
        settings: &Settings<'_>,
        count: u32,
        redis: &[String],
    ) -> Result<Self, Failure> {
        let environments: Vec<_> = (0..count as usize)
            .map(|node| {
                let url = redis.get(node).or(redis.last()).cloned();
                let url = url.map(|url| ("GATEWAY_LIMITS__REDIS_URL", url));
                let nodes = ("GATEWAY_LIMITS__NODES", count.to_string());
                std::iter::once(nodes).chain(url).collect()
            })
            .collect();
        let served = settings.prepared.serve_several(&environments).await?;
        let mut loads = Vec::new();
        for endpoint in served.endpoints() {
            loads.push(load(settings, endpoint).await?);
        }
        let nodes = Self { served, loads };
        if !redis.is_empty() {
            nodes.connected().await?;
        }
        Ok(nodes)
    }

    /// Sends as much to all together, evenly.
    pub(super) async fn offer(&self, rate: u32, time: Duration) -> anyhow::Result<Vec<Tally>> {
        let each = rate.div_ceil(self.loads.len() as u32);
        let mut tasks = tokio::task::JoinSet::new();
        for load in self.loads.clone() {
            tasks.spawn(async move { open_loop(&load, Schedule::new(each, time)).await });
        }
        tasks.join_all().await.into_iter().collect()
    }

    /// How many nodes say that they do not share their limits.
    pub(super) async fn unshared(&self) -> Result<usize, Failure> {
        let mut count = 0;
        for admin in self.served.admins() {
            count += usize::from(!is_shared(admin).await?);
        }
        Ok(count)
    }

    pub(super) fn check_running(&mut self) -> Result<(), Failure> {
        self.served.check_running()
    }

    async fn connected(&self) -> Result<(), Failure> {
        for _ in 0..POLLS {
            if self.unshared().await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(ports::POLL).await;
        }
        Err(Failure::Unavailable("the nodes do not share their limits".to_owned()))
    }
}

async fn load(settings: &Settings<'_>, endpoint: &Endpoint) -> Result<Load, Failure> {
    let client = settings.client;
    let token = Token::fetch(endpoint, client).await?;
    let caller = Caller { token: &token.bearer, kind: client.kind, purpose: &client.purposes[0] };
    Ok(Load {
        ring: Arc::new(Ring::build(endpoint, caller, settings.people)),
        endpoint: endpoint.clone(),
        judge: Judge::EveryVerdict,
        connections: CONNECTIONS,
        sources: Vec::new(),
    })
}

async fn is_shared(admin: &Endpoint) -> Result<bool, Failure> {
    let mut link = Link::new(admin.clone());
    let status = link.exchange(&get(admin, "/metrics", "none")).await.context("metrics")?;
    let text = String::from_utf8_lossy(link.body());
    let told = text.lines().find_map(|line| line.strip_prefix("gateway_limits_unshared "));
    let told = told.with_context(|| format!("no gateway_limits_unshared in metrics: {status}"))?;
    Ok(told.trim() == "0")
}
