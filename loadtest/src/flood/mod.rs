//! `loadtest flood`: wrong credentials from many addresses, and whom they disturb.
//!
//! A gateway of our own answers verifications at a steady rate: alone, while the token endpoint is
//! flooded, and alone again. Of the two times alone the better one counts, so that whatever else
//! the machine did in one of them excuses nothing. Meanwhile clients with right secrets ask for tokens: ones whose secret
//! was verified before, and ones that the gateway sees for the first time.

mod honest;
mod report;
mod wrong;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::cli::{FloodArgs, Naming, With};
use crate::drive::{Judge, Load, Schedule, open_loop};
use crate::failure::Failure;
use crate::material::{Caller, Client, Person, Ring, pick};
use crate::memory;
use crate::private::{Prepared, Served};
use crate::tally::Tally;
use crate::token::Token;
use crate::wire::Endpoint;
use honest::Honest;
use report::{Memory, Report};
use wrong::Named;

/// Verifications before those that count, for connections and caches.
const WARM_UP: Duration = Duration::from_secs(2);

/// Connections of the verifications.
const CONNECTIONS: u32 = 64;

/// Connections of the flood at least: more than may wait for a slow hash, so that those that wait
/// leave enough that send.
const FLOOD_CONNECTIONS_MIN: u32 = 256;

/// The first address of the flood, of clients whose secret was verified before, and of others.
const FLOOD_FROM: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 1);
const KNOWN_FROM: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 1);
const NEW_FROM: Ipv4Addr = Ipv4Addr::new(127, 88, 0, 1);

/// Where the flood goes and whom it names.
struct Setting<'a> {
    endpoint: &'a Endpoint,
    naming: Naming,
}

/// What the flood was answered with.
#[derive(Debug, Default)]
struct Flooded {
    secrets: Option<Tally>,
    assertions: Option<Tally>,
}

/// All that came out.
struct Measured {
    /// Before the flood and after it.
    quiet: [Tally; 2],
    meanwhile: Tally,
    flooded: Flooded,
    known: Honest,
    new: Honest,
    memory: Memory,
}

/// Measures and judges.
pub(crate) async fn run(args: &FloodArgs) -> Result<(), Failure> {
    let prepared = Prepared::new().await?;
    let (clients, people) = (prepared.clients()?, prepared.people()?);
    let named = Named::prepare(&prepared, &clients, args.with != With::Secrets)?;
    let mut served = prepared.serve(&[]).await?;
    let measured = measure(args, &served, named, (clients, people)).await?;
    served.check_running()?;
    let report = Report::new(args, &measured);
    print!("{report}");
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.judge()
}

async fn measure(
    args: &FloodArgs,
    served: &Served,
    mut named: Named,
    (clients, people): (Vec<Client>, Vec<Person>),
) -> Result<Measured, Failure> {
    let endpoint = &served.endpoint;
    let verifier = pick(clients.clone(), None)?;
    let others: Vec<Client> = clients.into_iter().filter(|c| c.id != verifier.id).collect();
    let (known, new) = others.split_first().context("more than one client")?;
    // From now on its secret is known to the gateway.
    Token::fetch(endpoint, known).await?;
    let token = Token::fetch(endpoint, &verifier).await?;
    let [quiet, seconds] = [args.quiet, args.seconds].map(|s| Duration::from_secs(s.into()));
    token.check_outlasts(WARM_UP + 2 * quiet + seconds)?;
    let load = verifications(endpoint, &verifier, &token, &people);
    let setting = Setting { endpoint, naming: args.naming };
    let floods = Floods::build(args, &setting, &mut named)?;
    open_loop(&load, Schedule::new(args.verifications, WARM_UP)).await?;

    eprintln!("{} verifications/s for {} s ...", args.verifications, args.quiet);
    let alone = Schedule::new(args.verifications, quiet);
    let first = open_loop(&load, alone).await?;
    let before = memory::resident(served.pid());
    let is_peak_its_own = memory::forget_peak(served.pid());
    eprintln!("and {} wrong credentials/s for {} s ...", args.rate, args.seconds);
    let again = vec![known.clone(); seconds.as_secs() as usize];
    let (meanwhile, flooded, known, new) = tokio::try_join!(
        open_loop(&load, Schedule::new(args.verifications, seconds)),
        floods.send(seconds),
        honest::ask(endpoint, again, KNOWN_FROM, seconds),
        honest::ask(endpoint, new.to_vec(), NEW_FROM, seconds),
    )?;
    let after = memory::resident(served.pid());
    let peak = memory::peak(served.pid()).filter(|_| is_peak_its_own);
    let memory = Memory::of(before, peak, after).context("the gateway's memory")?;
    eprintln!("and {} s without ...", args.quiet);
    let quiet = [first, open_loop(&load, alone).await?];
    Ok(Measured { quiet, meanwhile, flooded, known, new, memory })
}

fn verifications(endpoint: &Endpoint, client: &Client, token: &Token, people: &[Person]) -> Load {
    let caller = Caller { token: &token.bearer, kind: client.kind, purpose: &client.purposes[0] };
    Load {
        ring: Arc::new(Ring::build(endpoint, caller, people)),
        endpoint: endpoint.clone(),
        judge: Judge::EveryVerdict,
        connections: CONNECTIONS,
        sources: Vec::new(),
    }
}

/// The floods, built and not sent yet: rate and load of each.
struct Floods {
    secrets: Option<(u32, Load)>,
    assertions: Option<(u32, Load)>,
}

impl Floods {
    fn build(args: &FloodArgs, setting: &Setting<'_>, named: &mut Named) -> anyhow::Result<Self> {
        let (secrets, assertions) = match args.with {
            With::Secrets => (args.rate, 0),
            With::Assertions => (0, args.rate),
            With::Both => (args.rate - args.rate / 2, args.rate / 2),
        };
        let count = |rate: u32| u64::from(rate) * u64::from(args.seconds);
        let load = |ring: Ring| Load {
            endpoint: setting.endpoint.clone(),
            ring: Arc::new(ring),
            judge: Judge::EveryVerdict,
            connections: connections(args.addresses.into()),
            sources: addresses(args.addresses.into()),
        };
        let mut floods = Self { secrets: None, assertions: None };
        if secrets > 0 {
            floods.secrets = Some((secrets, load(named.secrets(setting, count(secrets)))));
        }
        if assertions > 0 {
            let ring = named.assertions(setting, count(assertions))?;
            floods.assertions = Some((assertions, load(ring)));
        }
        Ok(floods)
    }

    async fn send(&self, duration: Duration) -> anyhow::Result<Flooded> {
        let send = async |flood: &Option<(u32, Load)>| -> anyhow::Result<Option<Tally>> {
            let Some((rate, load)) = flood else { return Ok(None) };
            open_loop(load, Schedule::new(*rate, duration)).await.map(Some)
        };
        let (secrets, assertions) = tokio::try_join!(send(&self.secrets), send(&self.assertions))?;
        Ok(Flooded { secrets, assertions })
    }
}

/// As many from each address.
fn connections(addresses: u32) -> u32 {
    addresses * FLOOD_CONNECTIONS_MIN.div_ceil(addresses)
}

fn addresses(count: u32) -> Vec<Ipv4Addr> {
    (0..count).map(|index| Ipv4Addr::from_bits(FLOOD_FROM.to_bits() + index)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_as_many_connections_and_is_its_own() {
        assert_eq!([1, 200, 256, 300].map(connections), [256, 400, 256, 300]);
        let addresses = addresses(1_000);
        assert!(addresses.iter().all(Ipv4Addr::is_loopback));
        assert_eq!(addresses.iter().collect::<std::collections::HashSet<_>>().len(), 1_000);
        assert!(!addresses.contains(&KNOWN_FROM) && !addresses.contains(&NEW_FROM));
    }
}
