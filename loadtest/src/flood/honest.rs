//! Clients with right secrets who ask for tokens while wrong ones pour in: each from an address of
//! its own, and again every second until it has one.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::credential::by_secret;
use crate::material::{Client, problem_code};
use crate::stats::{median, thousandths};
use crate::wire::{Endpoint, Link};

/// How often one more asks, and how long one waits who was refused.
const EVERY: Duration = Duration::from_secs(1);

/// How long the last ones are waited for.
const GRACE: Duration = Duration::from_secs(5);

/// What became of those who asked.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Honest {
    pub(super) asked: usize,
    pub(super) got_at_once: usize,
    pub(super) got: usize,
    /// Milliseconds until they had a token, refusals and waits included; null where nobody got one.
    pub(super) median_ms: Option<f64>,
    pub(super) max_ms: Option<f64>,
    /// Whatever was no token.
    pub(super) refusals: BTreeMap<String, u64>,
}

/// How one of them fared.
#[derive(Debug, Default)]
struct Fared {
    took: Option<Duration>,
    refusals: Vec<String>,
}

/// One more of them asks every second for `duration`, the next from the next address.
pub(super) async fn ask(
    endpoint: &Endpoint,
    clients: Vec<Client>,
    first_address: Ipv4Addr,
    duration: Duration,
) -> anyhow::Result<Honest> {
    let deadline = tokio::time::Instant::now() + duration + GRACE;
    let mut asking = JoinSet::new();
    let mut ticks = tokio::time::interval(EVERY);
    for (index, client) in clients.into_iter().take(duration.as_secs() as usize).enumerate() {
        ticks.tick().await;
        // At most a minute's worth: the addresses stay within their block.
        let address = Ipv4Addr::from_bits(first_address.to_bits() + index as u32);
        let link = Link::between(Some(address), endpoint.clone());
        let request = by_secret(endpoint, &client.id, &client.secret);
        asking.spawn(one(link, request, deadline));
    }
    let mut fared = Vec::new();
    while let Some(done) = asking.join_next().await {
        fared.push(done.context("an honest client failed")?);
    }
    Ok(Honest::of(&fared))
}

async fn one(mut link: Link, request: Vec<u8>, deadline: tokio::time::Instant) -> Fared {
    let started = Instant::now();
    let mut fared = Fared::default();
    while tokio::time::Instant::now() < deadline {
        let refusal = match tokio::time::timeout_at(deadline, link.exchange(&request)).await {
            Ok(Ok(200)) => {
                fared.took = Some(started.elapsed());
                return fared;
            }
            Ok(Ok(status)) => format!("{status} {}", problem_code(link.body())),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        fared.refusals.push(refusal);
        tokio::time::sleep(EVERY).await;
    }
    fared
}

impl Honest {
    fn of(fared: &[Fared]) -> Self {
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        let times: Vec<f64> = fared.iter().filter_map(|fared| fared.took).map(ms).collect();
        let mut refusals = BTreeMap::new();
        for refusal in fared.iter().flat_map(|fared| &fared.refusals) {
            *refusals.entry(refusal.clone()).or_default() += 1;
        }
        let at_once = |fared: &&Fared| fared.took.is_some() && fared.refusals.is_empty();
        Self {
            asked: fared.len(),
            got_at_once: fared.iter().filter(at_once).count(),
            got: times.len(),
            median_ms: median(times.iter().copied()).map(thousandths),
            max_ms: times.iter().copied().reduce(f64::max).map(thousandths),
            refusals,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_refused_first_did_not_get_it_at_once() {
        let took = |ms| Some(Duration::from_millis(ms));
        let refused = || vec!["503 overloaded".to_owned()];
        let honest = Honest::of(&[
            Fared { took: took(10), refusals: Vec::new() },
            Fared { took: took(1_030), refusals: refused() },
            Fared { took: None, refusals: refused() },
        ]);
        assert_eq!((honest.asked, honest.got_at_once, honest.got), (3, 1, 2));
        assert_eq!((honest.median_ms, honest.max_ms), (Some(520.0), Some(1_030.0)));
        assert_eq!(honest.refusals["503 overloaded"], 2);
    }
}
