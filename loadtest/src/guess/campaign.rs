//! Thirty days of attacks, all of them at once: so many clients, what they know, and as many persons
//! for each.

use std::sync::Arc;

use gateway::config::GuessBudgetsConfig;
use mock_population_db::Person;
use tokio::task::JoinSet;

use super::attack::{Attack, DAY};
use super::guesser::Plan;
use super::knowledge::Knowledge;
use super::world::World;

/// Attacks that ask at once.
const AT_ONCE: usize = 64;
/// Hours of a day in which something is guessed: on the first one, until the person's day is full, and
/// then everybody who has not guessed yet; from then on each begins where that was a day ago.
const HOURS: [i64; 3] = [0, 1, 2];
const LATER: i64 = 2;
/// Before the first day and the last one end, everybody asks once more.
const BEFORE_END: i64 = 1;

/// Attacks of one kind.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) plan: Plan,
    pub(super) clients: u32,
    pub(super) attacks: Vec<Attack>,
}

impl Campaign {
    /// Plans attacks on these persons.
    pub(super) fn new(
        plan: Plan,
        clients: u32,
        persons: &[Person],
        knowledge: &Knowledge,
        budgets: GuessBudgetsConfig,
    ) -> Self {
        let plan_one = |person| Attack::new(plan, knowledge, person, clients, budgets);
        Self { plan, clients, attacks: persons.iter().filter_map(plan_one).collect() }
    }
}

/// Lets so many days pass.
pub(super) async fn run(
    world: &Arc<World>,
    campaigns: &mut [Campaign],
    days: u32,
) -> anyhow::Result<()> {
    let mut before = 0;
    for (now, insists) in moments(days) {
        world.pass(now - before).await?;
        before = now;
        for campaign in &mut *campaigns {
            campaign.attacks =
                step(world, std::mem::take(&mut campaign.attacks), now, insists).await?;
        }
        if insists {
            eprintln!("day {} is over ...", now / DAY + 1);
        }
    }
    Ok(())
}

/// Seconds since the beginning, and whether everybody asks whatever they were told.
fn moments(days: u32) -> Vec<(i64, bool)> {
    let last = i64::from(days) * DAY - BEFORE_END;
    let mut moments: Vec<(i64, bool)> = HOURS.map(|hour| (hour * 3_600, false)).into();
    moments.push((DAY - BEFORE_END, true));
    for day in 1..i64::from(days) {
        moments.extend(HOURS.map(|hour| (day * DAY + (hour + LATER) * 3_600, false)));
    }
    if last > DAY {
        moments.push((last, true));
    }
    moments
}

async fn step(
    world: &Arc<World>,
    attacks: Vec<Attack>,
    now: i64,
    insists: bool,
) -> anyhow::Result<Vec<Attack>> {
    let mut done = Vec::with_capacity(attacks.len());
    let mut running = JoinSet::new();
    for attack in attacks {
        if running.len() == AT_ONCE {
            done.extend(running.join_next().await.transpose()?.transpose()?);
        }
        let world = Arc::clone(world);
        running.spawn(async move {
            if insists { attack.insist(world, now).await } else { attack.go_on(world, now).await }
        });
    }
    while let Some(attack) = running.join_next().await {
        done.push(attack??);
    }
    Ok(done)
}
