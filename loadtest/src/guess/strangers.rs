//! Nothing is known: numbers are made up, and somebody is to be found who bears one.
//!
//! Every guess is about another person, so that budgets hardly bind; what binds is the client's rate and
//! its quota. Guessed is where a number is most often somebody's: the province, sex and year with the
//! most people, with the most frequent name and the year that the number spells.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use gateway::matching::{Finding, compare_name};
use gateway::policy::Reason;
use gateway::request::PartialDate;
use mock_population_db::{Nation, Person};
use serde::Serialize;
use tokio::task::JoinSet;

use super::interval::interval;
use super::knowledge::{Knowledge, Spelled};
use super::world::{Claim, Reply, World};
use crate::chance::Chance;

/// Digits that tell people of one province, sex and year apart.
const SERIALS: u32 = 1_000_000;
/// Of a carrier in the sandbox, a second.
const CARRIERS_RATE: u64 = 2_000;
const DAY_SECONDS: u64 = 86_400;
const AT_ONCE: usize = 64;

/// What making numbers up comes to.
#[derive(Debug, Serialize)]
pub(super) struct Strangers {
    pub(super) guesses: u64,
    pub(super) hits: u64,
    pub(super) interval: (f64, f64),
    /// Of one guess.
    pub(super) computed: f64,
    pub(super) a_day_at_rate: u64,
    pub(super) hits_a_day: f64,
    /// With a carrier's quota of so many guesses a day.
    pub(super) hits_of_a_thousand: f64,
}

/// Where is guessed, and what.
struct Place {
    digits: String,
    claim: Claim,
}

/// Guesses so often.
pub(super) async fn measure(
    world: &Arc<World>,
    nation: &Nation,
    knowledge: &Knowledge,
    sample: impl Iterator<Item = u64>,
    (guesses, clients): (u64, u32),
) -> anyhow::Result<Strangers> {
    let place = Place::fullest(nation, knowledge, sample)?;
    let mut chance = Chance::of(0, 1);
    let mut hits = 0;
    let mut running = JoinSet::new();
    for guess in 0..guesses {
        if running.len() == AT_ONCE {
            hits += running.join_next().await.context("a guess")???;
        }
        let number = format!("{}{:06}", place.digits, chance.below(SERIALS as usize));
        let (world, claim) = (Arc::clone(world), place.claim.clone());
        let client = (guess % u64::from(clients)) as usize;
        running.spawn(async move { is_hit(&world, client, &number, &claim).await });
    }
    while let Some(hit) = running.join_next().await {
        hits += hit??;
    }
    let computed = place.share(nation);
    let a_day_at_rate = CARRIERS_RATE * DAY_SECONDS;
    Ok(Strangers {
        guesses,
        hits,
        interval: interval(hits, guesses),
        computed,
        a_day_at_rate,
        hits_a_day: computed * a_day_at_rate as f64,
        hits_of_a_thousand: computed * 1_000.0,
    })
}

impl Strangers {
    /// Whether what was computed is within the interval of what was measured.
    pub(super) fn agrees(&self) -> bool {
        (self.interval.0..=self.interval.1).contains(&self.computed)
    }
}

async fn is_hit(world: &World, client: usize, number: &str, claim: &Claim) -> anyhow::Result<u64> {
    Ok(match world.ask(client, number, claim).await? {
        Reply::Told(told) => u64::from(told.is_matched),
        Reply::Guarded(_) => 0,
    })
}

impl Place {
    fn fullest(
        nation: &Nation,
        knowledge: &Knowledge,
        sample: impl Iterator<Item = u64>,
    ) -> anyhow::Result<Self> {
        let mut people: HashMap<String, u32> = HashMap::new();
        for ordinal in sample {
            *people.entry(nation.number(ordinal).as_str()[..6].to_owned()).or_default() += 1;
        }
        let fullest = people.into_iter().max_by_key(|(digits, people)| (*people, digits.clone()));
        let (digits, _) = fullest.context("nobody was sampled")?;
        let spelled = Spelled::by(&digits).context("a number")?;
        let names = knowledge.names(spelled);
        let full_name = names.get(0).context("no name is known")?.to_owned();
        let born = PartialDate::parse(&format!("{:04}", spelled.year)).ok().context("a year")?;
        Ok(Self { digits, claim: Claim { full_name, born } })
    }

    /// Of all numbers that can be made up there, how many hit: each is looked up.
    fn share(&self, nation: &Nation) -> f64 {
        let numbers = (0..SERIALS).map(|serial| format!("{}{serial:06}", self.digits));
        let people = numbers.filter_map(|number| nation.find(&number));
        let hit = people.filter(|ordinal| self.is_right(&nation.person(*ordinal))).count();
        hit as f64 / f64::from(SERIALS)
    }

    fn is_right(&self, person: &Person) -> bool {
        let name = compare_name(&self.claim.full_name, &person.full_name);
        let is_named = name == Finding::MATCH || name == Finding::because(Reason::MarksMissing);
        is_named && i32::from(person.date_of_birth.year()) == i32::from(self.claim.born.year())
    }
}
