//! Taking turns: each round measures every system once, and the next round starts with another.

use std::sync::Arc;
use std::time::Duration;

use super::Peers;
use crate::cli::PeersArgs;
use crate::cpu;
use crate::drive::{Judge, Load, closed_loop};
use crate::failure::Failure;
use crate::material::{Caller, Ring};
use crate::tally::Tally;
use crate::token::Token;
use crate::wire::Endpoint;

/// Load before each measurement: connections, caches and the scheduler settle.
const WARM_UP: Duration = Duration::from_millis(500);

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// The bare echo.
    Echo,
    /// `HAProxy` in front of it.
    Haproxy,
    /// The gateway.
    Gateway,
}

/// One measurement of one system.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Of which.
    pub(super) system: System,
    /// Good answers a second.
    pub(super) rps: f64,
    /// Latency that half of the requests stayed below.
    pub(super) p50_ms: f64,
    /// Latency that 99 in 100 stayed below.
    pub(super) p99_ms: f64,
    /// CPU of the system's processes per request; `None` where we do not know them.
    pub(super) cpu_us_per_request: Option<f64>,
    /// CPU of this generator per request.
    pub(super) generator_cpu_us_per_request: Option<f64>,
    /// Requests without a usable answer, and the name of one such error.
    pub(super) errors: (u64, Option<String>),
    /// Answers that were false, and the first of them.
    pub(super) wrong: (u64, Option<String>),
}

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounds {
    times: u32,
    duration: Duration,
    connections: u32,
}

impl Rounds {
    /// As the arguments say.
    pub(super) fn new(args: &PeersArgs) -> Self {
        Self {
            times: args.rounds,
            duration: Duration::from_secs(args.seconds.into()),
            connections: args.connections,
        }
    }

    /// Measures everybody in turns.
    pub(super) async fn measure(&self, peers: &Peers) -> Result<Vec<Measured>, Failure> {
        let mut all = Vec::new();
        for round in 0..self.times {
            for system in order(round) {
                if let Some((load, pids)) = self.prepare(system, peers).await? {
                    let measured = self.measure_one(system, &load, &pids).await?;
                    eprintln!("round {}: {system:?} {:.0} requests/s", round + 1, measured.rps);
                    all.push(measured);
                }
            }
        }
        Ok(all)
    }

    /// The load for one system, and the processes whose CPU time is its own.
    async fn prepare(
        &self,
        system: System,
        peers: &Peers,
    ) -> Result<Option<(Load, Vec<u32>)>, Failure> {
        let load = |endpoint: Endpoint, caller: Caller<'_>, judge| Load {
            ring: Arc::new(Ring::build(&endpoint, caller, &peers.people)),
            endpoint,
            judge,
            connections: self.connections,
            sources: Vec::new(),
        };
        let echo = peers.echo.pid();
        match system {
            System::Echo => {
                let endpoint = Endpoint::local(peers.echo.port());
                Ok(Some((load(endpoint, peers.caller(), Judge::SampledEchoes), vec![echo])))
            }
            System::Haproxy => Ok(peers.haproxy.as_ref().map(|haproxy| {
                let endpoint = Endpoint::local(haproxy.port());
                let load = load(endpoint, peers.caller(), Judge::SampledEchoes);
                (load, vec![haproxy.pid(), echo])
            })),
            System::Gateway => {
                let Some(gateway) = &peers.gateway else {
                    return Ok(None);
                };
                // A token of its own for each measurement: the comparison may outlast one.
                let token = Token::fetch(&gateway.endpoint, &gateway.client).await?;
                token.check_outlasts(WARM_UP + self.duration)?;
                let caller = Caller { token: &token.bearer, ..peers.caller() };
                let load = load(gateway.endpoint.clone(), caller, Judge::SampledVerdicts);
                Ok(Some((load, gateway.pid.into_iter().collect())))
            }
        }
    }

    async fn measure_one(
        &self,
        system: System,
        load: &Load,
        pids: &[u32],
    ) -> anyhow::Result<Measured> {
        closed_loop(load, WARM_UP).await?;
        let before = (used(pids), cpu::of_self());
        let tally = closed_loop(load, self.duration).await?;
        let after = (used(pids), cpu::of_self());
        let requests = tally.answered() + tally.failed();
        Ok(Measured {
            system,
            rps: tally.good as f64 / self.duration.as_secs_f64(),
            p50_ms: tally.latency_ms(0.5),
            p99_ms: tally.latency_ms(0.99),
            cpu_us_per_request: cpu::micros_per_request(before.0, after.0, requests),
            generator_cpu_us_per_request: cpu::micros_per_request(before.1, after.1, requests),
            errors: (tally.failed(), most_frequent_error(&tally)),
            wrong: (tally.wrong, tally.quotes.first().cloned()),
        })
    }
}

/// Each round starts with another system, so that none always follows the same one.
fn order(round: u32) -> [System; 3] {
    let mut systems = [System::Echo, System::Haproxy, System::Gateway];
    let shift = round as usize % systems.len();
    systems.rotate_left(shift);
    systems
}

/// CPU time of all these processes; `None` where there are none or one is gone.
fn used(pids: &[u32]) -> Option<Duration> {
    if pids.is_empty() {
        return None;
    }
    pids.iter().map(|pid| cpu::of_process(*pid)).sum()
}

fn most_frequent_error(tally: &Tally) -> Option<String> {
    let (name, _) = tally.errors.iter().max_by_key(|(_, count)| **count)?;
    Some(name.clone())
}

#[cfg(test)]
mod tests {
    use super::System::{Echo, Gateway, Haproxy};
    use super::*;

    #[test]
    fn every_round_has_every_system_and_starts_with_another() {
        let firsts: Vec<System> = (0..4).map(|round| order(round)[0]).collect();
        assert_eq!(firsts, [Echo, Haproxy, Gateway, Echo]);
        for round in 0..3 {
            for system in [Echo, Haproxy, Gateway] {
                assert!(order(round).contains(&system));
            }
        }
    }

    #[test]
    fn the_time_of_no_process_is_unknown() {
        assert_eq!(used(&[]), None);
        assert!(used(&[std::process::id()]).is_some());
    }
}
