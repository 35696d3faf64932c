//! What one client has used of its quotas, and what it may use before it is done.

mod grants;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::HashMap;

use super::allowance::{Allowances, Granted};
use super::period::{Amount, Period, Unit};
use crate::clock::Micros;
use crate::rate_limit::Quotas;

pub(super) use grants::Why;

/// At these percentages of a quota somebody is told.
pub const WARNED_AT: [u8; 4] = [50, 80, 95, 100];

/// A quota has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client's quota is used up")]
pub struct QuotaExceeded {
    /// When the period ends whose quota is used up; of several, the last.
    pub retry_after: Duration,
}

/// What header fields tell of one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaState {
    /// Over how long.
    pub period: Period,
    /// Of what.
    pub unit: Unit,
    /// How much there is of it in all.
    pub quota: u64,
    /// How much would pass now.
    pub remaining: u64,
    /// The highest of [`WARNED_AT`] that was reached.
    pub reached: Option<u8>,
    /// Seconds of the whole period.
    pub window_seconds: u64,
    /// Seconds to its end.
    pub seconds_left: u64,
}

/// A percentage of a quota was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reached {
    /// Over how long.
    pub period: Period,
    /// Which of these.
    pub number: i64,
    /// Of what.
    pub unit: Unit,
    /// One of [`WARNED_AT`].
    pub percent: u8,
    /// How much was used when it was seen.
    pub used: u64,
    /// The quota.
    pub quota: u64,
}

/// The account of one client.
#[derive(Debug, Default)]
pub(super) struct Account {
    state: Mutex<State>,
    /// One asks at a time what this node may use.
    pub(super) asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    quotas: Quotas,
    /// Reserved: it counts into whichever period it will end in.
    in_flight: Amount,
    /// What this node's log holds.
    own: Used,
    /// What the other logs in the database held when they were read last.
    others: Used,
    /// The highest percentage that is known to be told.
    told: HashMap<(Period, i64, Unit), u8>,
    /// What was granted to this node, of these periods and those before.
    granted: Vec<Granted>,
    /// Changes when something is given up that was granted: what an earlier call brings is void then.
    given_up: u64,
    /// Until when asking again is in vain, monotonic nanoseconds.
    in_vain_until: u64,
    /// Whether somebody did not get what it needed.
    is_short: bool,
    /// Number of the last call.
    number: i64,
    /// What was used in the month when it was looked at last.
    used_before: Amount,
    /// Whether what was given up last is told, and to which server.
    is_told: bool,
    told_since: i64,
}

/// What was used in the last two days and months. The one before is kept, because a clock may be
/// set back over the end of a day, and an entry may be settled after it.
#[derive(Debug, Default, Clone, Copy)]
struct Used([Latest; 2]);

#[derive(Debug, Default, Clone, Copy)]
struct Latest {
    number: i64,
    used: Amount,
    used_before: Amount,
}

impl Latest {
    fn at(&self, number: i64) -> Amount {
        match number - self.number {
            1.. => Amount::default(),
            0 => self.used,
            // Of what is longer ago nothing is known here: no clock is set back by a day.
            ..0 => self.used_before,
        }
    }

    fn slot(&mut self, number: i64) -> Option<&mut Amount> {
        if number > self.number {
            let is_next = number == self.number + 1;
            self.used_before = if is_next { self.used } else { Amount::default() };
            (self.number, self.used) = (number, Amount::default());
        }
        match self.number - number {
            0 => Some(&mut self.used),
            1 => Some(&mut self.used_before),
            _ => None,
        }
    }
}

impl Used {
    fn at(&self, period: Period, number: i64) -> Amount {
        self.0[period as usize].at(number)
    }

    fn latest(&self, period: Period) -> i64 {
        self.0[period as usize].number
    }

    fn slot(&mut self, period: Period, number: i64) -> Option<&mut Amount> {
        self.0[period as usize].slot(number)
    }
}

impl State {
    /// Used by all nodes.
    fn used(&self, period: Period, number: i64, unit: Unit) -> u64 {
        let own = self.own.at(period, number);
        own.plus(self.others.at(period, number)).of(unit)
    }

    /// What this node could still reserve of a quota. Where the clock was set back over the end of a
    /// period, the one after it must have room, too: the request may end in it.
    fn room(&self, allowances: Allowances, period: Period, number: i64, unit: Unit) -> Option<u64> {
        let quota = unit.most(period.quota(&self.quotas))?;
        let of = |number| {
            let by_others = self.others.at(period, number).of(unit);
            let own = self.own_with_flying(period, number).of(unit);
            let may = self.may(allowances, period, number, unit);
            allowances.request(may, quota, by_others).saturating_sub(own)
        };
        let latest = self.own.latest(period).max(number);
        Some(of(number).min(of(latest)))
    }

    fn own_with_flying(&self, period: Period, number: i64) -> Amount {
        self.own.at(period, number).plus(self.in_flight)
    }

    /// What this node's own use may come to, by what was granted to it.
    fn may(&self, allowances: Allowances, period: Period, number: i64, unit: Unit) -> u64 {
        let granted = self.granted.iter().find(|it| (it.period, it.number) == (period, number));
        let own = || self.own.at(period, number).of(unit);
        match (granted, unit.most(period.quota(&self.quotas))) {
            (Some(granted), _) => granted.may.of(unit),
            (None, Some(quota)) if allowances.has_part(period, number) => allowances.part(quota),
            (None, _) => own(),
        }
    }
}

impl Account {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other quotas in force; what was used stays used.
    pub(super) fn set_quotas(&self, quotas: Quotas) {
        let mut state = self.lock();
        if state.quotas != quotas {
            // Of a quota that is less now, what was granted may be more than there is.
            state.quotas = quotas;
            state.give_up(Amount::default());
        }
    }

    /// Whether there is any quota.
    pub(super) fn has_quota(&self) -> bool {
        self.lock().quotas != Quotas::default()
    }

    /// Notes what a log of this node held in a period when the node began.
    pub(super) fn add_own(&self, period: Period, number: i64, used: Amount) {
        add(&mut self.lock().own, period, number, used);
    }

    /// Replaces what the other logs hold in these periods; what is not named is nothing.
    pub(super) fn replace_others(&self, used: &[(Period, i64, Amount)]) {
        let mut others = Used::default();
        for (period, number, amount) in used {
            add(&mut others, *period, *number, *amount);
        }
        self.lock().others = others;
    }

    /// Reserves, if every quota has room for what is in flight and this.
    pub(super) fn reserve(
        self: &Arc<Self>,
        allowances: Allowances,
        wanted: Amount,
        now: Micros,
    ) -> Result<Charge, QuotaExceeded> {
        let mut state = self.lock();
        let lacks = |state: &State, period: Period| {
            let numbers = allowances.numbers(period, now);
            Unit::ALL.into_iter().any(|unit| {
                let lacks = |number| {
                    let room = state.room(allowances, period, number, unit);
                    room.is_some_and(|room| wanted.of(unit) > room)
                };
                wanted.of(unit) > 0 && numbers.into_iter().any(lacks)
            })
        };
        if state.quotas != Quotas::default() {
            let lacking = Period::ALL.into_iter().filter(|period| lacks(&state, *period));
            if let Some(seconds) = lacking.map(|period| period.seconds_left(now)).max() {
                return Err(QuotaExceeded { retry_after: Duration::from_secs(seconds) });
            }
        }
        state.in_flight = state.in_flight.plus(wanted);
        drop(state);
        Ok(Charge { account: Arc::clone(self), reserved: Some(wanted) })
    }

    /// What header fields tell now; nothing where there is no quota.
    pub(super) fn states(&self, allowances: Allowances, now: Micros) -> Vec<QuotaState> {
        let state = self.lock();
        let of = |period: Period, unit: Unit| {
            let (number, quota) = (period.number_at(now), unit.most(period.quota(&state.quotas))?);
            Some(QuotaState {
                period,
                unit,
                quota,
                remaining: state.remaining(allowances, period, number, unit)?,
                reached: reached(state.used(period, number, unit), quota).next_back(),
                window_seconds: period.seconds(number),
                seconds_left: period.seconds_left(now),
            })
        };
        both().filter_map(|(period, unit)| of(period, unit)).collect()
    }

    /// Percentages that were reached in this period or the one before and are not known to be told.
    pub(super) fn untold(&self, now: Micros) -> Vec<Reached> {
        let state = self.lock();
        let mut untold = Vec::new();
        for (period, unit) in both() {
            let Some(quota) = unit.most(period.quota(&state.quotas)) else { continue };
            let latest = period.number_at(now);
            for number in [latest - 1, latest] {
                let used = state.used(period, number, unit);
                let told = state.told.get(&(period, number, unit)).copied().unwrap_or(0);
                let reached = reached(used, quota).filter(|percent| *percent > told);
                untold.extend(reached.map(|percent| Reached {
                    period,
                    number,
                    unit,
                    percent,
                    used,
                    quota,
                }));
            }
        }
        untold
    }

    /// Notes that it is told, and forgets what was told of periods that are over for good.
    pub(super) fn note_told(&self, reached: &Reached) {
        let Reached { period, number, unit, percent, .. } = *reached;
        let mut state = self.lock();
        state.told.retain(|(of, when, _), _| *of != period || *when >= number - 1);
        let told = state.told.entry((period, number, unit)).or_default();
        *told = percent.max(*told);
    }
}

fn add(used: &mut Used, period: Period, number: i64, amount: Amount) {
    if let Some(slot) = used.slot(period, number) {
        *slot = slot.plus(amount);
    }
}

fn both() -> impl Iterator<Item = (Period, Unit)> {
    Period::ALL.into_iter().flat_map(|period| Unit::ALL.map(|unit| (period, unit)))
}

/// The percentages that so much of a quota has reached.
fn reached(used: u64, quota: u64) -> impl DoubleEndedIterator<Item = u8> {
    let is_reached =
        move |percent: &u8| u128::from(used) * 100 >= u128::from(quota) * u128::from(*percent);
    WARNED_AT.into_iter().filter(is_reached)
}

/// What one request has reserved. It is settled when its entry stands, and given back when it is
/// dropped before, however that comes about.
#[derive(Debug)]
pub struct Charge {
    account: Arc<Account>,
    reserved: Option<Amount>,
}

impl Charge {
    /// The entry stands: it has used this much on the day on which it was written. In one step, so
    /// that nothing counts twice meanwhile.
    pub fn settle(mut self, at: Micros, used: Amount) {
        let Some(reserved) = self.reserved.take() else { return };
        let mut state = self.account.lock();
        state.in_flight = state.in_flight.minus(reserved);
        for period in Period::ALL {
            add(&mut state.own, period, period.number_at(at), used);
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            let mut state = self.account.lock();
            state.in_flight = state.in_flight.minus(reserved);
        }
    }
}
