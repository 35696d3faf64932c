//! One node of the model: what `SharedLimit` does around a lease, without a runtime.

use std::num::NonZeroU32;

use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

use super::super::breaker::{Advice, Breaker};
use super::super::lease::{Call, Drawing, Drawn, Lease, Step, Told};
use super::super::script::Reply;
use super::world::NODES;
use crate::rate_limit::gcra::{Size, Taken};
use crate::rate_limit::model::{Fates, Windows};
use crate::rate_limit::terms::Limits;

/// A node. Times are by its own clock.
pub(super) struct Node {
    /// What its clock is ahead.
    pub(super) ahead: u64,
    pub(super) is_cut: bool,
    pub(super) lease: Lease,
    pub(super) breaker: Breaker,
    waiting: Vec<Receiver<Told>>,
    /// The call that is waited for, by number, and how often it failed.
    call: Option<(u64, Call)>,
    failures: u32,
    /// The try that is waited for.
    under_try: Option<u64>,
    part: Option<Part>,
    parts: u64,
}

/// What is used of a node's part while it does without Redis.
struct Part {
    number: u64,
    fates: Fates,
    windows: Windows,
}

/// A unit of a node's part.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartUnit {
    taken: Taken,
    part: u64,
    number: usize,
}

/// What somebody who wants a unit gets.
pub(super) enum Gets {
    Drawn(Drawn),
    Share(PartUnit),
    Refused,
    /// Waits, and the node may have to call or to try.
    Waits {
        calls: bool,
    },
}

/// What the node does when something has come of a call.
pub(super) enum Then {
    CallAgain,
    Nothing,
}

impl Node {
    pub(super) fn new(ahead: u64) -> Self {
        Self {
            ahead,
            is_cut: false,
            lease: Lease::default(),
            breaker: Breaker::default(),
            waiting: Vec::new(),
            call: None,
            failures: 0,
            under_try: None,
            part: None,
            parts: 0,
        }
    }

    /// As `SharedLimit::take`; the second is whether somebody tries whether there is an answer.
    pub(super) fn take(&mut self, limits: Limits, now: u64) -> (Gets, bool) {
        let advice = self.breaker.advice(now);
        if advice != Advice::Ask {
            return (self.take_share(limits, now), advice == Advice::Try);
        }
        let gets = match self.lease.step(now) {
            Step::Take(drawn) => Gets::Drawn(drawn),
            Step::Refuse(_) => Gets::Refused,
            Step::Wait { told, calls } => {
                self.waiting.push(told);
                Gets::Waits { calls }
            }
        };
        (gets, false)
    }

    pub(super) fn take_share(&mut self, limits: Limits, now: u64) -> Gets {
        let nodes = NonZeroU32::new(NODES as u32).unwrap();
        let part = self.part.get_or_insert_with(|| {
            self.parts += 1;
            let windows = Windows::of_part(limits, nodes, now);
            Part { number: self.parts, fates: Fates::default(), windows }
        });
        match self.lease.take_share(Size::of(limits).share(nodes), now) {
            Ok(taken) => {
                let number = part.fates.begin(now);
                Gets::Share(PartUnit { taken, part: part.number, number })
            }
            Err(_) => Gets::Refused,
        }
    }

    /// What was used of the part is kept or given back, maybe when another part has followed.
    pub(super) fn settle_share(&mut self, unit: PartUnit, is_kept: bool) {
        if !is_kept {
            self.lease.give_back_share(unit.taken);
        }
        if let Some(part) = self.part.as_mut().filter(|part| part.number == unit.part) {
            part.fates.decide(unit.number, is_kept, &mut part.windows);
        }
    }

    pub(super) fn begin(&mut self, drawing: Drawing, number: u64, now: u64) -> Call {
        let call = self.lease.begin(drawing, now);
        self.call = Some((number, call));
        call
    }

    /// An answer came. Nobody waits any more for one that is late.
    pub(super) fn answered(
        &mut self,
        drawing: Drawing,
        number: u64,
        now: u64,
        reply: &Reply,
    ) -> Option<Then> {
        let (_, call) = self.call.filter(|(of, _)| *of == number)?;
        self.call = None;
        self.breaker.answered();
        self.part = None;
        self.failures = 0;
        let calls = self.lease.end(drawing, call, now, reply);
        Some(if calls { Then::CallAgain } else { Then::Nothing })
    }

    /// No answer came in time.
    pub(super) fn timed_out(&mut self, number: u64, now: u64) -> Option<Then> {
        self.call.filter(|(of, _)| *of == number)?;
        self.call = None;
        self.breaker.failed(now);
        if self.failures > 0 || self.breaker.is_open() {
            self.failures = 0;
            self.lease.fail();
            return Some(Then::Nothing);
        }
        self.failures += 1;
        Some(Then::CallAgain)
    }

    pub(super) fn tries(&mut self, number: u64) {
        self.under_try = Some(number);
    }

    /// A try was answered, or not in time.
    pub(super) fn tried(&mut self, number: u64, has_answered: bool, now: u64) {
        if self.under_try.take_if(|of| *of == number).is_none() {
            return;
        }
        if has_answered {
            self.breaker.answered();
        } else {
            self.breaker.failed(now);
        }
    }

    /// Those who waited and were told something, or have to do without Redis.
    pub(super) fn told(&mut self) -> Vec<Option<Told>> {
        let mut told = Vec::new();
        self.waiting.retain_mut(|waiting| match waiting.try_recv() {
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Closed) => {
                told.push(None);
                false
            }
            Ok(what) => {
                told.push(Some(what));
                false
            }
        });
        told
    }

    /// One of those who wait hangs up.
    pub(super) fn hang_up(&mut self, which: usize) {
        if !self.waiting.is_empty() {
            self.waiting.swap_remove(which % self.waiting.len());
        }
    }
}
