//! `loadtest guess`: what somebody finds out who guesses, and whether it is what the budgets come to.
//!
//! A gateway of our own, with its router, its log and the mock's nation, is asked by clients who
//! collude, know the budgets and do the best they can; its clock is moved by hand, so that thirty days
//! take minutes. What was answered is held against arithmetic ([`arithmetic`]), and how many persons
//! were found against what the rules of comparison alone make of another sample of the nation.

mod arithmetic;
mod attack;
mod campaign;
mod guesser;
mod interval;
mod knowledge;
mod report;
mod strangers;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway::config::GuessBudgetsConfig;
use mock_population_db::{Nation, Person};

use crate::cli::GuessArgs;
use crate::failure::Failure;
use campaign::Campaign;
use guesser::{Guesser, Plan};
use knowledge::Knowledge;
use report::{Foretold, Report};
use world::World;

/// How many comparisons it is computed with at most: all days of eleven years, because a number may be
/// wrong by ten.
const COMPARED_MAX: u32 = 11 * 366;

/// Guesses, measures and judges.
pub(crate) async fn run(args: &GuessArgs) -> Result<(), Failure> {
    let report = measure(args, GuessBudgetsConfig::default()).await?;
    print!("{report}");
    if let Some(path) = &args.json {
        report.write(path)?;
    }
    report.judge()
}

/// Everything, of a gateway with these budgets by those that are usual.
async fn measure(args: &GuessArgs, of_gateway: GuessBudgetsConfig) -> anyhow::Result<Report> {
    let nation = Arc::new(Nation::new(args.seed));
    let budgets = GuessBudgetsConfig::default();
    let clients = args.clients.iter().copied().max().unwrap_or(1);
    // Whom they guess at, whom the guess is computed with, and whom they know.
    let kinds = args.clients.len() * Plan::ALL.len();
    let (targets, people) = (args.targets as usize * kinds, args.people as usize);
    let mut sample = nation.sample_ordinals((targets + people) as u64 + args.sample);
    let targets: Vec<Person> = sample.by_ref().take(targets).map(|it| nation.person(it)).collect();
    let people: Vec<u64> = sample.by_ref().take(people).collect();
    eprintln!("learning the names of {} people ...", args.sample);
    let rest: Vec<u64> = sample.collect();
    let knowledge = Knowledge::of(&nation, rest.iter().copied());
    let world = Arc::new(World::start(Arc::clone(&nation), clients, of_gateway).await?);
    let kinds = Plan::ALL.iter().flat_map(|plan| args.clients.iter().map(move |n| (*plan, *n)));
    let mut campaigns: Vec<Campaign> = kinds
        .zip(targets.chunks(args.targets as usize))
        .map(|((plan, clients), of)| Campaign::new(plan, clients, of, &knowledge, budgets))
        .collect();
    campaign::run(&world, &mut campaigns, args.days).await?;
    eprintln!("making numbers up ...");
    let guesses = (u64::from(args.strangers), clients);
    let strangers =
        strangers::measure(&world, &nation, &knowledge, rest.into_iter(), guesses).await?;
    eprintln!("computing what was to be expected ...");
    let foretold = Plan::ALL.map(|plan| foretell(plan, &nation, &knowledge, &people));
    Ok(Report::new(&campaigns, &foretold, &budgets, args.days, strangers))
}

/// After how many wrong guesses people are found, by the rules of comparison alone.
fn foretell(plan: Plan, nation: &Nation, knowledge: &Knowledge, people: &[u64]) -> Foretold {
    let mut found_after: BTreeMap<u32, u64> = BTreeMap::new();
    for person in people.iter().map(|ordinal| nation.person(*ordinal)) {
        let guesser = Guesser::new(plan, knowledge, &person);
        if let Some(wrong) = guesser.and_then(|it| it.wrong_before(&person, COMPARED_MAX)) {
            *found_after.entry(wrong).or_default() += 1;
        }
    }
    Foretold { plan, found_after, people: people.len() as u64 }
}
