//! What one node holds of one bucket in Redis: some units drawn at once, which die soon, and those
//! who wait for the next ones. One call at a time; whoever comes meanwhile goes into the next.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::script::Reply;
use crate::rate_limit::gcra::{Gcra, Size, Taken};

/// How long a lease lives from the moment at which it was asked for, in nanoseconds: at least the
/// time from its units' leaving the bucket to their use.
pub(super) const LIFE: u64 = 5_000_000;
/// How long a bucket is known beyond the time in which it runs out, in nanoseconds: half of what it is
/// kept by `take.lua`. Somebody else may use it meanwhile, so a node that has been silent for that
/// long must still notice that it was lost.
const KNOWN: u64 = 30_000_000_000;

/// How a bucket is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawing {
    /// As the scripts get it. Of a bucket that is leased, as much less fits as is drawn at once:
    /// units that are used up to [`LIFE`] later than they were taken never make up more than the
    /// burst and the rate in any window.
    pub(super) size: Size,
    /// Units drawn at once beyond those that somebody waits for.
    pub(super) ahead: u32,
}

impl Drawing {
    pub(super) fn of(size: Size) -> Self {
        // At most five milliseconds of a u32 a second.
        let ahead = (LIFE / size.unit) as u32;
        // The whole is a second at least: a burst is a multiple of its rate.
        if ahead < 2 {
            return Self { size, ahead: 0 };
        }
        Self { size: Size { whole: size.whole - LIFE, ..size }, ahead }
    }
}

/// Where a unit came from, to be given back there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rate_limit) struct Drawn {
    /// Time in which it runs out.
    pub(super) unit: u64,
    pub(super) born: i64,
    pub(super) serial: i64,
    pub(super) dies_at: u64,
}

/// What somebody who waited is told.
pub(super) type Told = Result<Drawn, u64>;

/// What somebody who wants a unit does.
#[derive(Debug)]
pub(super) enum Step {
    /// Goes on.
    Take(Drawn),
    /// Is refused, and passes after so many nanoseconds.
    Refuse(u64),
    /// Waits; and makes the call where nobody does.
    Wait { told: oneshot::Receiver<Told>, calls: bool },
}

/// What is asked of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) wanted: u32,
    pub(super) known: i64,
    pub(super) began: u64,
    pub(super) size: Size,
}

/// The lease of one bucket. Times are monotonic nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Lease {
    left: u32,
    drawn: Option<Drawn>,
    /// Units drawn ahead that were used, of the last lease.
    used: u32,
    refused_until: u64,
    is_calling: bool,
    waiting: VecDeque<oneshot::Sender<Told>>,
    /// What was owed when Redis last said it, and when that was.
    owed: (u64, u64),
    /// The bucket as it was seen last, and until when it must be there, unless it was lost.
    known: (i64, u64),
    /// The part that is used while Redis is gone.
    share: Option<Gcra>,
    /// Whether anything was let through from it, of which Redis does not know.
    has_used_share: bool,
}

impl Lease {
    pub(super) fn step(&mut self, now: u64) -> Step {
        if let Some(drawn) = self.drawn.filter(|drawn| self.left > 0 && now < drawn.dies_at) {
            self.left -= 1;
            self.used += 1;
            return Step::Take(drawn);
        }
        if now < self.refused_until {
            return Step::Refuse(self.refused_until - now);
        }
        let (sender, told) = oneshot::channel();
        self.waiting.push_back(sender);
        Step::Wait { told, calls: !std::mem::replace(&mut self.is_calling, true) }
    }

    /// How many units the next call asks for, and what it knows of the bucket. Ahead of those who wait,
    /// as many as were used of the last ones and as many again.
    pub(super) fn begin(&mut self, drawing: Drawing, now: u64) -> Call {
        self.waiting.retain(|sender| !sender.is_closed());
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let ahead = waiting.saturating_add(self.used.saturating_mul(2)).min(drawing.ahead);
        self.used = 0;
        let wanted = waiting.saturating_add(ahead);
        Call { wanted, known: self.known(now), began: now, size: drawing.size }
    }

    fn known(&self, now: u64) -> i64 {
        let (born, until) = self.known;
        match self.has_used_share {
            true => -1,
            false if now < until => born,
            false => 0,
        }
    }

    /// Hands out what came; the rest is the lease. Whoever came after the call began waits for the
    /// next one where this one got all it wanted: true then, and the caller calls again.
    pub(super) fn end(&mut self, drawing: Drawing, call: Call, now: u64, reply: &Reply) -> bool {
        // What was let through meanwhile stays to be told where this call did not tell of it.
        if call.known == -1 || !self.has_used_share {
            (self.share, self.has_used_share) = (None, false);
        }
        self.owed = (reply.owed, now);
        let dies_at = call.began + LIFE;
        let Reply { born, taken: serial, .. } = *reply;
        let drawn = Drawn { unit: call.size.unit, born, serial, dies_at };
        // Whatever was wanted of it, it is kept from now on: something was given, or nothing because it
        // was there, or because its loss was noticed and noted.
        if call.wanted > 0 {
            self.known = (reply.born, now + drawing.size.whole + KNOWN);
        }
        self.left = reply.given;
        self.drawn = Some(drawn);
        while self.left > 0
            && let Some(waiting) = self.waiting.pop_front()
        {
            // Whoever hung up leaves its unit to the next.
            self.left -= u32::from(waiting.send(Ok(drawn)).is_ok());
        }
        let is_empty = self.waiting.is_empty();
        if !is_empty && reply.given < call.wanted {
            let wait = reply.wait.max(1);
            self.refused_until = now + wait;
            for waiting in self.waiting.drain(..) {
                let _may_have_hung_up = waiting.send(Err(wait));
            }
        }
        self.is_calling = !self.waiting.is_empty();
        self.is_calling
    }

    /// Tells all who wait that they have to do without Redis.
    pub(super) fn fail(&mut self) {
        self.waiting.clear();
        self.left = 0;
        self.is_calling = false;
    }

    /// Gives a unit back to the lease it is from, if that lives. False where Redis is to have it.
    pub(super) fn take_back(&mut self, drawn: Drawn, now: u64) -> bool {
        let lives = self.drawn == Some(drawn) && now < drawn.dies_at;
        self.left += u32::from(lives);
        lives
    }

    /// Takes of this node's part of the bucket while Redis is gone: it starts without room.
    pub(super) fn take_share(&mut self, share: Size, now: u64) -> Result<Taken, u64> {
        self.left = 0;
        let taken = self.share.get_or_insert_with(|| Gcra::without_room(share, now)).take(now)?;
        self.has_used_share = true;
        Ok(taken)
    }

    /// Gives back what was taken of this node's part, if Redis is still gone.
    pub(super) fn give_back_share(&mut self, taken: Taken) {
        if let Some(share) = &self.share {
            share.give_back(taken);
        }
    }

    /// The bucket is another size from now on: what was drawn by the old one is lost, and what is known
    /// of the bucket stays.
    pub(super) fn resize(&mut self, share: Size) {
        (self.left, self.refused_until) = (0, 0);
        if let Some(part) = &self.share {
            part.resize(share);
        }
    }

    /// Units that would pass now, as far as this node knows.
    pub(super) fn remaining(&self, drawing: Drawing, now: u64) -> u32 {
        if let Some(share) = &self.share {
            return share.remaining(now);
        }
        let (owed, at) = self.owed;
        if now >= at + owed {
            // The 5 ms that are drawn apart come by the time that somebody could use them.
            return drawing.size.room(0).saturating_add(drawing.ahead);
        }
        let left = self.drawn.filter(|drawn| now < drawn.dies_at).map_or(0, |_| self.left);
        drawing.size.room((at + owed).saturating_sub(now)).saturating_add(left)
    }

    /// Whether nothing would be lost with it.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        !self.is_calling
            && self.waiting.is_empty()
            && now >= self.known.1
            && self.share.as_ref().is_none_or(|share| share.is_untouched(now))
    }
}
