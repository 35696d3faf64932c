//! `loadtest timing`: whether the time that a refusal takes tells who exists.
//!
//! Unknown clients and wrong secrets (or wrong signatures) are sent in random order over one
//! connection to a gateway of our own whose guard on addresses is out of the way, and the means of
//! their times are compared. Every secret that is refused costs two slow hashes: ten thousand take
//! ten minutes.

mod kind;
mod report;
mod welch;

use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::cli::TimingArgs;
use crate::failure::Failure;
use crate::material::problem_code;
use crate::private::Prepared;
use crate::wire::{Endpoint, Link};
use kind::{Cast, Kind};
use report::Report;

/// The guard on addresses is not what is measured.
const SETTINGS: [(&str, &str); 2] = [
    ("GATEWAY_AUTH__ADDRESS_FAILURES_BURST", "10000000"),
    ("GATEWAY_AUTH__ADDRESS_FAILURES_PER_SECOND", "1000000"),
];

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Refusals before those that count, for caches and the processor's clock.
const WARM_UP: u32 = 20;

/// How often progress is told.
const TOLD_EVERY: usize = 1_000;

/// The refusals that were timed, in microseconds, by kind.
type Times = [Vec<f64>; Kind::ALL.len()];

/// Measures and judges.
pub(crate) async fn run(args: &TimingArgs) -> Result<(), Failure> {
    let mut chance = Chance::of(0, args.seed);
    let prepared = Prepared::new().await?;
    let cast = Cast::prepare(&prepared, &mut chance)?;
    let mut served = prepared.serve(&SETTINGS).await?;
    let mut asker = Asker { link: Link::new(served.endpoint.clone()), times: Times::default() };
    let endpoint = served.endpoint.clone();
    // A key that the gateway does not know would make every signature of the same kind.
    let good = cast.good_request(&endpoint, &mut chance)?;
    asker.ask(&good, 200).await?;
    let secrets = [
        (Kind::UnknownClient, args.samples),
        (Kind::WrongSecret, args.samples),
        (Kind::NoSecret, args.others),
        (Kind::Suspended, args.others),
        (Kind::Closed, args.others),
    ];
    let assertions = [(Kind::UnknownSigner, args.samples), (Kind::WrongSignature, args.samples)];
    for stage in [&secrets[..], &assertions[..]] {
        asker.measure(stage, &cast, &endpoint, &mut chance).await?;
    }
    served.check_running()?;
    let report = Report::new(args.seed, &asker.times);
    print!("{report}");
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.judge()
}

/// One connection, and what came over it.
struct Asker {
    link: Link,
    times: Times,
}

impl Asker {
    /// Sends so many of each kind in random order.
    async fn measure(
        &mut self,
        stage: &[(Kind, u32)],
        cast: &Cast,
        endpoint: &Endpoint,
        chance: &mut Chance,
    ) -> Result<(), Failure> {
        let order = shuffled(stage, chance);
        for kind in order.iter().cycle().take(WARM_UP as usize) {
            self.ask(&cast.request(*kind, endpoint, chance)?, 401).await?;
        }
        for (done, &kind) in order.iter().enumerate() {
            let request = cast.request(kind, endpoint, chance)?;
            let took = self.ask(&request, 401).await?;
            self.times[kind as usize].push(took.as_secs_f64() * 1e6);
            if (done + 1) % TOLD_EVERY == 0 {
                eprintln!("{} of {} refusals", done + 1, order.len());
            }
        }
        Ok(())
    }

    /// Sends one request. Any other status spoils the measurement.
    async fn ask(&mut self, request: &[u8], must: u16) -> Result<Duration, Failure> {
        let started = Instant::now();
        let answer = tokio::time::timeout(ANSWER_MAX, self.link.exchange(request)).await;
        let took = started.elapsed();
        let status = answer
            .map_err(|_| Failure::Unavailable("no answer within 10 s".to_owned()))?
            .map_err(|error| Failure::Unavailable(error.to_string()))?;
        if status != must {
            let code = problem_code(self.link.body());
            let said = format!("answered with {status} {code}, must be {must}");
            return Err(Failure::Unavailable(said));
        }
        Ok(took)
    }
}

/// So many of each kind, in random order (Fisher and Yates).
fn shuffled(stage: &[(Kind, u32)], chance: &mut Chance) -> Vec<Kind> {
    let of = |&(kind, count)| std::iter::repeat_n(kind, count as usize);
    let mut order: Vec<Kind> = stage.iter().flat_map(of).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, chance.below(last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_so_many_of_each_and_is_the_same_for_a_seed() {
        let stage = [(Kind::UnknownClient, 300), (Kind::Closed, 100)];
        let order = shuffled(&stage, &mut Chance::of(0, 1));
        let closed = |order: &[Kind]| order.iter().filter(|kind| **kind == Kind::Closed).count();
        assert_eq!((order.len(), closed(&order)), (400, 100));
        assert!((10..40).contains(&closed(&order[..100])));
        assert_eq!(order, shuffled(&stage, &mut Chance::of(0, 1)));
        assert_ne!(order, shuffled(&stage, &mut Chance::of(0, 2)));
    }
}
