//! Which batch fails, and how: a pure function of the batch's place in the count, so that a rate of
//! one half hits every second batch and a test knows which.

use std::time::Duration;

use axum::http::StatusCode;

use super::Misbehaviour;
use crate::DEFAULT_SEED;
use crate::mix::{below, mix};

/// Rates are kept in parts of this, so that counting is exact; finer ones are rounded.
const WHOLE: u64 = 1_000_000_000;

/// What happens to one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is answered, after a delay.
    Reply { delay: Duration, reply: Reply },
    /// It is never answered and its connection stays open.
    Hang,
    /// Its connection is closed.
    HangUp,
}

/// What kind of answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    Right,
    Error(StatusCode),
    Garbage(Garbage),
}

/// What is not the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Garbage {
    CutJson,
    OneItemTooFew,
    Html,
}

/// The rates in parts of [`WHOLE`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    error: u64,
    hang: u64,
    garbage: u64,
}

impl Shares {
    /// None where they make more than the whole.
    pub(super) fn of(misbehaviour: &Misbehaviour) -> Option<Self> {
        let parts = |rate: f64| (rate * WHOLE as f64).round() as u64; // rates are 0 to 1
        let error = parts(misbehaviour.error_rate);
        let hang = parts(misbehaviour.hang_rate);
        let garbage = parts(misbehaviour.garbage_rate);
        (error + hang + garbage <= WHOLE).then_some(Self { error, hang, garbage })
    }
}

/// A misbehaviour, ready to be asked.
#[derive(Debug)]
pub(super) struct Plan {
    outage: bool,
    shares: Shares,
    error_status: StatusCode,
    latency_ms: u32,
    latency_jitter_ms: u32,
}

impl Plan {
    /// None where nothing is to happen, or where a value is beyond its limit, which checked faults
    /// do not have.
    pub(super) fn of(misbehaviour: &Misbehaviour) -> Option<Self> {
        let shares = Shares::of(misbehaviour)?;
        let plan = Self {
            outage: misbehaviour.outage,
            shares,
            error_status: StatusCode::from_u16(misbehaviour.error_status).ok()?,
            latency_ms: misbehaviour.latency_ms,
            latency_jitter_ms: misbehaviour.latency_jitter_ms,
        };
        let failing = shares.error + shares.hang + shares.garbage > 0;
        let late = plan.latency_ms + plan.latency_jitter_ms > 0;
        (plan.outage || failing || late).then_some(plan)
    }

    /// What happens to the batch in this place, from 0.
    ///
    /// Each way to fail takes its share of the batches that those before it left, so that shares
    /// are those of all batches and no batch fails twice.
    pub(super) fn fate(&self, batch: u64) -> Fate {
        let Shares { error, hang, garbage } = self.shares;
        if self.outage {
            return Fate::HangUp;
        }
        if is_hit(batch, error, WHOLE) {
            return self.reply(batch, Reply::Error(self.error_status));
        }
        let (batch_left, whole_left) = (batch - hits(batch, error, WHOLE), WHOLE - error);
        if is_hit(batch_left, hang, whole_left) {
            return Fate::Hang;
        }
        let batch_left = batch_left - hits(batch_left, hang, whole_left);
        let whole_left = whole_left - hang;
        if is_hit(batch_left, garbage, whole_left) {
            let garbage = Garbage::by_turns(hits(batch_left, garbage, whole_left));
            return self.reply(batch, Reply::Garbage(garbage));
        }
        self.reply(batch, Reply::Right)
    }

    fn reply(&self, batch: u64, reply: Reply) -> Fate {
        let jitter = below(mix(mix(DEFAULT_SEED) ^ batch), self.latency_jitter_ms + 1);
        Fate::Reply { delay: Duration::from_millis(u64::from(self.latency_ms + jitter)), reply }
    }
}

impl Garbage {
    fn by_turns(turn: u64) -> Self {
        match turn % 3 {
            0 => Self::CutJson,
            1 => Self::OneItemTooFew,
            _ => Self::Html,
        }
    }
}

/// How many of the first `batches` are hit: their share, rounded down.
fn hits(batches: u64, share: u64, whole: u64) -> u64 {
    if share == 0 {
        return 0; // the whole may be used up, then
    }
    (u128::from(batches) * u128::from(share) / u128::from(whole)) as u64 // at most `batches`
}

/// Whether the batch in this place, from 0, is one of those.
fn is_hit(batch: u64, share: u64, whole: u64) -> bool {
    hits(batch + 1, share, whole) > hits(batch, share, whole)
}
