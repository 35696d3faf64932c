//! What is granted to this node in Redis: what it asks for, what came of it, and what it gives up.

use super::{Account, State};
use crate::clock::Micros;
use crate::rate_limit::Quota;
use crate::rate_limit::quota::allowance::{Allowances, Granted};
use crate::rate_limit::quota::period::{Amount, Period, Unit};
use crate::rate_limit::redis::{Given, Need, Wish};

/// Time for which it is not asked again for what was not there, in monotonic nanoseconds.
const IN_VAIN: u64 = 50_000_000;
/// Figures are kept beyond the end of their period, in seconds: clocks differ, and commits hang.
const KEPT_SECONDS: i64 = 2 * 86_400;
/// Periods that are remembered.
const REMEMBERED_MAX: usize = 6;

/// A call for what a client's quotas have left.
#[derive(Debug)]
pub(in crate::rate_limit::quota) struct Call {
    pub(in crate::rate_limit::quota) number: i64,
    pub(in crate::rate_limit::quota) wishes: Vec<Wish>,
    periods: Vec<(Period, i64)>,
    given_up: u64,
}

/// Why a node asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rate_limit::quota) enum Why {
    /// A request needs so much, and more is wanted for those that follow.
    Wants(Amount),
    /// It tells what it has, and gives up what it does not need.
    Tells,
}

impl State {
    /// What would pass now as far as header fields tell: of a quota that is granted in parts, all that
    /// nobody has used.
    pub(super) fn remaining(
        &self,
        allowances: Allowances,
        period: Period,
        number: i64,
        unit: Unit,
    ) -> Option<u64> {
        match allowances {
            Allowances::Apart { .. } => self.room(allowances, period, number, unit),
            Allowances::Shared { .. } => {
                let quota = unit.most(period.quota(&self.quotas))?;
                let used = self.used(period, number, unit);
                Some(quota.saturating_sub(used).saturating_sub(self.in_flight.of(unit)))
            }
        }
    }

    /// Gives up what is not used, but for so much.
    pub(super) fn give_up(&mut self, kept: Amount) {
        self.given_up += 1;
        self.is_told = false;
        (self.in_vain_until, self.is_short) = (0, false);
        let mut granted = std::mem::take(&mut self.granted);
        for it in &mut granted {
            let needed = self.own_with_flying(it.period, it.number).plus(kept);
            it.may = Amount {
                requests: it.may.requests.min(needed.requests),
                attributes: it.may.attributes.min(needed.attributes),
            };
        }
        self.granted = granted;
    }

    fn wish(&self, allowances: Allowances, of: (Period, i64), why: Why) -> Wish {
        let (period, number) = of;
        let flying = self.own_with_flying(period, number);
        let needs = Unit::ALL.map(|unit| {
            let own = flying.of(unit);
            let quota = unit.most(period.quota(&self.quotas));
            let mine = self.may(allowances, period, number, unit).max(own);
            let least = match why {
                Why::Wants(wanted) => own + wanted.of(unit),
                Why::Tells => own,
            };
            let others = self.others.at(period, number).of(unit);
            // Of what has no end, nothing is told.
            quota.map_or(Need { quota, mine: 0, least: 0, others: 0 }, |_| Need {
                quota,
                mine,
                least,
                others,
            })
        });
        let settled = self.own.at(period, number).plus(self.others.at(period, number));
        let is_used = settled != Amount::default();
        let until = period.begin(number + 1).plus_seconds(KEPT_SECONDS).0 / 1_000_000;
        let ahead = why != Why::Tells;
        Wish { label: period.label(number), until, ahead, is_used, needs }
    }

    fn hold(&mut self, (period, number): (Period, i64), may: Amount) {
        self.granted.retain(|it| (it.period, it.number) != (period, number));
        if self.granted.len() >= REMEMBERED_MAX {
            self.granted.remove(0);
        }
        self.granted.push(Granted { period, number, may });
    }
}

impl Account {
    /// Whether asking makes sense now.
    pub(in crate::rate_limit::quota) fn is_in_vain(&self, now_nanos: u64) -> bool {
        now_nanos < self.lock().in_vain_until
    }

    /// Begins to ask; nothing where there is no quota. What this node has is told as it stands now, and
    /// from here on it has no more than that until it is answered.
    pub(in crate::rate_limit::quota) fn begin_asking(
        &self,
        allowances: Allowances,
        why: Why,
        now: Micros,
    ) -> Option<Call> {
        let mut state = self.lock();
        let with_quota = |period: &Period| period.quota(&state.quotas) != Quota::default();
        let mut periods: Vec<(Period, i64)> = Vec::new();
        for period in Period::ALL.into_iter().filter(with_quota) {
            let numbers = allowances.numbers(period, now);
            periods.extend(numbers.map(|number| (period, number)));
        }
        periods.dedup();
        if periods.is_empty() {
            return None;
        }
        let wishes: Vec<Wish> = periods.iter().map(|of| state.wish(allowances, *of, why)).collect();
        for (of, wish) in periods.iter().zip(&wishes) {
            let [requests, attributes] = wish.needs.map(|need| need.mine);
            state.hold(*of, Amount { requests, attributes });
        }
        // Whatever the clock does, and over processes as far as it goes on.
        state.number = now.0.max(state.number + 1);
        Some(Call { number: state.number, wishes, periods, given_up: state.given_up })
    }

    /// Notes what was granted; nothing where nobody answered.
    pub(in crate::rate_limit::quota) fn end_asking(
        &self,
        call: &Call,
        given: Option<&[Given]>,
        (now_nanos, since): (u64, i64),
    ) {
        let mut state = self.lock();
        let given = given.unwrap_or_default();
        let mut lacks = given.len() < call.wishes.len();
        if !lacks && call.given_up == state.given_up {
            (state.is_told, state.told_since) = (true, since);
        }
        for ((of, wish), given) in call.periods.iter().zip(&call.wishes).zip(given) {
            state.is_short |= given.is_short;
            let [requests, attributes] = given.may;
            let enough = wish.needs.iter().zip(given.may);
            lacks |= enough.into_iter().any(|(need, may)| need.quota.is_some() && may < need.least);
            if call.given_up == state.given_up {
                state.hold(*of, Amount { requests, attributes });
            }
        }
        if lacks {
            state.in_vain_until = now_nanos + IN_VAIN;
        }
    }

    /// Whether so little is left of what was granted that more should be there before it is needed: a
    /// quarter of it.
    pub(in crate::rate_limit::quota) fn runs_low(
        &self,
        allowances: Allowances,
        now: Micros,
    ) -> bool {
        let state = self.lock();
        let is_low = |(period, unit): (Period, Unit)| {
            let number = period.number_at(now);
            let quota = unit.most(period.quota(&state.quotas));
            let left = state.room(allowances, period, number, unit);
            let by_all = state.used(period, number, unit);
            quota.zip(left).is_some_and(|(quota, left)| {
                let ahead = allowances.part(quota.saturating_sub(by_all)) / 2;
                left > 0 && left < ahead / 4
            })
        };
        super::both().any(is_low)
    }

    /// Whether something is to be told of this node, and what it does not need is given up: all that is
    /// not used where nobody has asked for a while, and all but as much as was used of late where others
    /// are short. `since` is which server is there.
    pub(in crate::rate_limit::quota) fn has_to_tell(
        &self,
        allowances: Allowances,
        now: Micros,
        since: i64,
    ) -> bool {
        let mut state = self.lock();
        let used = state.own_with_flying(Period::Month, Period::Month.number_at(now));
        let recent = used.minus(std::mem::replace(&mut state.used_before, used));
        let is_idle = recent == Amount::default();
        let untold = state.untold_periods(allowances, now);
        if is_idle {
            for of in &untold {
                let own = state.own_with_flying(of.0, of.1);
                state.hold(*of, own);
            }
        }
        let has_more = state.has_more(now);
        if has_more && (is_idle || state.is_short) {
            state.give_up(recent);
        }
        // Who has more than it needs hears whether others are short.
        has_more || !untold.is_empty() || !state.is_told || state.told_since != since
    }
}

impl State {
    /// Periods of which nothing was granted or told yet.
    fn untold_periods(&self, allowances: Allowances, now: Micros) -> Vec<(Period, i64)> {
        let periods = Period::ALL.into_iter();
        let periods = periods.filter(|period| period.quota(&self.quotas) != Quota::default());
        let all = periods
            .flat_map(|period| allowances.numbers(period, now).map(|number| (period, number)));
        let is_untold =
            |of: &(Period, i64)| self.granted.iter().all(|it| (it.period, it.number) != *of);
        all.filter(is_untold).collect()
    }

    /// Whether anything was granted that is not used.
    fn has_more(&self, now: Micros) -> bool {
        self.granted.iter().any(|it| {
            let own = self.own_with_flying(it.period, it.number);
            let quota = it.period.quota(&self.quotas);
            let has = |unit: Unit| unit.most(quota).is_some() && it.may.of(unit) > own.of(unit);
            it.number >= it.period.number_at(now) && Unit::ALL.into_iter().any(has)
        })
    }
}
