//! An attack on one person by clients who collude: who of them asks, and when.
//!
//! They know the budgets and tell each other everything. Few of them use up what they have, as long as
//! the person has room; then each of the others has one guess; from the next day on whoever has most
//! left goes on. Now and then one asks beyond what there is, to see that it is refused.

use std::sync::Arc;

use gateway::config::GuessBudgetsConfig;
use mock_population_db::Person;

use super::guesser::{Guesser, Plan};
use super::knowledge::Knowledge;
use super::world::{Reply, World};

const HOUR: i64 = 3_600;
/// 24 hours.
pub(super) const DAY: i64 = 24 * HOUR;

/// An attack on its way.
#[derive(Debug)]
pub(super) struct Attack {
    guesser: Guesser,
    number: String,
    budgets: GuessBudgetsConfig,
    seats: Vec<Seat>,
    /// When guesses were wrong, in order.
    wrong_at: Vec<i64>,
    found_at: Option<i64>,
    /// Guesses that were refused.
    guarded: u64,
}

/// One of the clients.
#[derive(Debug, Clone, Copy, Default)]
struct Seat {
    wrong: u32,
    /// It was told to wait until then.
    not_before: i64,
}

impl Attack {
    /// Plans one by so many clients.
    pub(super) fn new(
        plan: Plan,
        knowledge: &Knowledge,
        person: &Person,
        clients: u32,
        budgets: GuessBudgetsConfig,
    ) -> Option<Self> {
        Some(Self {
            guesser: Guesser::new(plan, knowledge, person)?,
            number: person.personal_id.as_str().to_owned(),
            budgets,
            seats: vec![Seat::default(); clients as usize],
            wrong_at: Vec::new(),
            found_at: None,
            guarded: 0,
        })
    }

    /// Guesses as often as there is room at this moment, seconds since the beginning, and once more.
    pub(super) async fn go_on(mut self, world: Arc<World>, now: i64) -> anyhow::Result<Self> {
        let mut asked_beyond = false;
        while let Some(seat) = self.next_seat(now, &mut asked_beyond) {
            let Some(claim) = self.guesser.next() else { break };
            match world.ask(seat, &self.number, &claim).await? {
                Reply::Guarded(seconds) => {
                    self.guarded += 1;
                    self.seats[seat].not_before = now + seconds;
                    self.guesser.take_back(claim);
                }
                Reply::Told(told) => {
                    if self.guesser.learn(&claim, told) {
                        self.found_at = Some(now);
                    }
                    if claim.costs(told.is_matched) {
                        self.seats[seat].wrong += 1;
                        self.wrong_at.push(now);
                    }
                }
            }
        }
        Ok(self)
    }

    /// Everybody asks once more, whatever they were told.
    pub(super) async fn insist(mut self, world: Arc<World>, now: i64) -> anyhow::Result<Self> {
        for seat in &mut self.seats {
            seat.not_before = now;
        }
        for seat in 0..self.seats.len() {
            let Some(claim) = self.guesser.next() else { break };
            match world.ask(seat, &self.number, &claim).await? {
                Reply::Guarded(seconds) => {
                    self.guarded += 1;
                    self.seats[seat].not_before = now + seconds;
                    self.guesser.take_back(claim);
                }
                // More than there may be: the figures will say so.
                Reply::Told(told) => {
                    self.guesser.learn(&claim, told);
                    self.wrong_at.push(now);
                }
            }
        }
        Ok(self)
    }

    /// Who asks next; nobody where all have to wait.
    fn next_seat(&self, now: i64, asked_beyond: &mut bool) -> Option<usize> {
        let within = |window: i64| {
            self.wrong_at.iter().rev().take_while(|at| **at + window > now).count() as u32
        };
        let has_filled_day = within(DAY) >= self.budgets.subject_day;
        let has_room = !has_filled_day && within(HOUR) < self.budgets.subject_hour;
        let first = self.seats.iter().position(|seat| seat.wrong == 0 && seat.not_before <= now);
        // Of those with as much left, the one that comes first in the list.
        let most_left = (0..self.seats.len())
            .filter(|seat| self.seats[*seat].wrong > 0 && self.seats[*seat].not_before <= now)
            .min_by_key(|seat| self.seats[*seat].wrong);
        if has_room {
            return most_left.or(first);
        }
        if has_filled_day && first.is_some() {
            return first;
        }
        if *asked_beyond {
            return None;
        }
        *asked_beyond = true;
        most_left
    }

    /// Wrong guesses that were answered before a moment.
    pub(super) fn wrong_before(&self, moment: i64) -> u32 {
        self.wrong_at.iter().filter(|at| **at < moment).count() as u32
    }

    /// Whether the person was found before a moment.
    pub(super) fn has_found_before(&self, moment: i64) -> bool {
        self.found_at.is_some_and(|at| at < moment)
    }

    /// Guesses that were refused.
    pub(super) fn guarded(&self) -> u64 {
        self.guarded
    }
}
