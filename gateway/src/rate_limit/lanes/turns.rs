//! Whose turn it is: the rules by which lanes share places, without time, tasks or locks of their
//! own.
//!
//! Between lanes: a lane that waits and is below its cap, by weight (start-time fair queueing:
//! every turn moves a lane's tag on by one over its weight, and the smallest tag goes first).
//! Within a lane: clients in turns, each its requests in order. A place that somebody could use is
//! never free.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt as _};

use crate::config::LanesConfig;
use crate::rate_limit::Lane;
use crate::rate_limit::deadline::Deadline;
use crate::request::ClientId;

/// Between two turns of a lane with weight 1; a multiple of many weights, so that little is lost.
const TURN: u64 = 720_720_000;
/// Who has come within this time is somebody whom bulk leaves room for, in nanoseconds.
const QUIET_AFTER: u64 = 1_000_000_000;
/// A measured duration counts for one in so many.
const SERVICE_SAMPLES: u64 = 16;

/// Who waits: `W` is how it is told.
#[derive(Debug)]
pub(super) struct Waiter<W> {
    ticket: u64,
    pub(super) deadline: Deadline,
    pub(super) told: W,
}

/// The places, and those who wait for one.
#[derive(Debug)]
pub(super) struct Turns<W> {
    places: usize,
    queue_items_max: usize,
    held: usize,
    lanes: [Share<W>; Lane::ALL.len()],
    /// The tag of the last turn: who begins to wait begins there.
    tag: u64,
    next_ticket: u64,
    closed: bool,
    /// Until when bulk is not alone.
    busy_until: u64,
}

/// One lane.
#[derive(Debug)]
struct Share<W> {
    weight: u64,
    /// The most places while others are about, and while it is alone.
    caps: Caps,
    held: usize,
    waiting: usize,
    tag: u64,
    /// How long one holds a place, about.
    service_nanos: u64,
    /// Clients that wait, the next one first.
    order: VecDeque<ClientId>,
    /// What they wait with; never empty.
    queues: HashMap<ClientId, VecDeque<Waiter<W>>>,
}

#[derive(Debug, Clone, Copy)]
struct Caps {
    beside_others: usize,
    alone: usize,
}

impl<W> Turns<W> {
    pub(super) fn new(config: &LanesConfig) -> Self {
        let lanes = Lane::ALL.map(|lane| {
            let all = Caps { beside_others: config.places, alone: config.places };
            let (weight, caps) = match lane {
                Lane::Bulk => (config.bulk_weight, Caps::of_bulk(config)),
                Lane::Interactive => (config.interactive_weight, all),
                Lane::Emergency => (config.emergency_weight, all),
            };
            Share::new(weight.into(), caps)
        });
        Self {
            places: config.places,
            queue_items_max: config.queue_items_max,
            held: 0,
            lanes,
            tag: 0,
            next_ticket: 0,
            closed: false,
            busy_until: 0,
        }
    }

    /// Somebody has come on a lane: from the first one on who is not of a file, bulk is not alone.
    pub(super) fn come(&mut self, lane: Lane, now_nanos: u64) {
        match lane {
            Lane::Bulk => {}
            Lane::Interactive | Lane::Emergency => self.busy_until = now_nanos + QUIET_AFTER,
        }
    }

    /// The most places of a lane now.
    fn cap(&self, lane: Lane, now_nanos: u64) -> usize {
        let Caps { beside_others, alone } = self.lanes[lane as usize].caps;
        if now_nanos < self.busy_until { beside_others } else { alone }
    }

    /// Takes a place at once, if there is one for this lane and nobody waits for it.
    pub(super) fn take(&mut self, lane: Lane, now_nanos: u64) -> bool {
        let cap = self.cap(lane, now_nanos);
        let share = &mut self.lanes[lane as usize];
        // Where a place is free, whoever else waits is of a lane that has its cap.
        let is_free = self.held < self.places && share.held < cap && share.waiting == 0;
        if is_free {
            self.held += 1;
            share.held += 1;
        }
        is_free
    }

    /// Whether one more may wait.
    pub(super) fn may_wait(&self, lane: Lane) -> bool {
        !self.closed && self.lanes[lane as usize].waiting < self.queue_items_max
    }

    /// Lets one wait; the ticket is what it can go by.
    pub(super) fn wait(
        &mut self,
        lane: Lane,
        client: &ClientId,
        deadline: Deadline,
        told: W,
    ) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let share = &mut self.lanes[lane as usize];
        if share.waiting == 0 {
            share.tag = share.tag.max(self.tag);
        }
        share.waiting += 1;
        let queue = match share.queues.entry(client.clone()) {
            Entry::Occupied(queue) => queue.into_mut(),
            Entry::Vacant(queue) => {
                share.order.push_back(client.clone());
                queue.insert(VecDeque::new())
            }
        };
        queue.push_back(Waiter { ticket, deadline, told });
        ticket
    }

    /// How long one more of this client's would wait, in nanoseconds: the turns before its own, at
    /// the pace of this lane's share while all wait that wait now.
    pub(super) fn wait_nanos(&self, lane: Lane, client: &ClientId, now_nanos: u64) -> u64 {
        let share = &self.lanes[lane as usize];
        let own = share.queues.get(client).map_or(0, VecDeque::len);
        let clients = share.queues.len() + usize::from(own == 0);
        // Each other client has as many turns before it as it has itself, if it waits with so many.
        let before = share.waiting.min((own + 1) * clients - 1);
        let others = self.lanes.iter().enumerate();
        let others = others.filter(|(at, other)| *at != lane as usize && other.waiting > 0);
        let weights = share.weight + others.map(|(_, other)| other.weight).sum::<u64>();
        let work = (before as u128 + 1) * u128::from(share.service_nanos);
        let shared = work * u128::from(weights) / u128::from(share.weight) / self.places as u128;
        let nanos = shared.max(work / self.cap(lane, now_nanos) as u128);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// Gives a place back that was held so long. Who has it now is the next one.
    pub(super) fn leave(&mut self, lane: Lane, held_nanos: u64) {
        let share = &mut self.lanes[lane as usize];
        share.held -= 1;
        share.measure(held_nanos);
        self.held -= 1;
    }

    /// One who waits goes; false where it does not wait any more.
    pub(super) fn go(&mut self, lane: Lane, client: &ClientId, ticket: u64) -> bool {
        let share = &mut self.lanes[lane as usize];
        let Some(queue) = share.queues.get_mut(client) else { return false };
        let Ok(at) = queue.binary_search_by_key(&ticket, |waiter| waiter.ticket) else {
            return false;
        };
        queue.remove(at);
        share.waiting -= 1;
        if queue.is_empty() {
            share.queues.remove(client);
            share.order.retain(|other| other != client);
        }
        true
    }

    /// Sends away everybody who waits, for good; who has a place keeps it.
    pub(super) fn close(&mut self) {
        self.closed = true;
        for share in &mut self.lanes {
            share.waiting = 0;
            share.order.clear();
            share.queues.clear();
        }
    }

    /// Those of a lane who wait, and those who have a place.
    pub(super) fn counts(&self, lane: Lane) -> (usize, usize) {
        let share = &self.lanes[lane as usize];
        (share.waiting, share.held)
    }

    /// A place that is free goes to whose turn it is: one, or several where bulk has come to be alone
    /// since the last. Who has waited beyond its deadline is not told: dropping its waiter does.
    pub(super) fn next(&mut self, now_nanos: u64) -> Option<(Lane, Waiter<W>)> {
        if self.held >= self.places {
            return None;
        }
        loop {
            let waits = |lane: &Lane| {
                let share = &self.lanes[*lane as usize];
                share.waiting > 0 && share.held < self.cap(*lane, now_nanos)
            };
            // Of equal tags the first is the smallest: the lane that goes first.
            let lanes = Lane::ALL.into_iter().rev().filter(waits);
            let lane = lanes.min_by_key(|lane| self.lanes[*lane as usize].tag)?;
            let share = &mut self.lanes[lane as usize];
            let waiter = share.pop()?;
            if waiter.deadline.has_passed_at(now_nanos) {
                continue;
            }
            // A lane at its cap keeps an old tag: time does not go back to it.
            self.tag = self.tag.max(share.tag);
            share.tag += TURN / share.weight;
            share.held += 1;
            self.held += 1;
            return Some((lane, waiter));
        }
    }
}

impl Caps {
    /// Alone never fewer than beside others, and else at most half the places: whoever comes then finds
    /// one that is free, also where nothing moves.
    fn of_bulk(config: &LanesConfig) -> Self {
        let alone = config.bulk_places_alone.min(config.places / 2).max(config.bulk_places);
        Self { beside_others: config.bulk_places, alone }
    }
}

impl<W> Share<W> {
    fn new(weight: u64, caps: Caps) -> Self {
        Self {
            weight,
            caps,
            held: 0,
            waiting: 0,
            tag: 0,
            service_nanos: 0,
            order: VecDeque::new(),
            queues: HashMap::new(),
        }
    }

    fn measure(&mut self, held_nanos: u64) {
        if self.service_nanos == 0 {
            self.service_nanos = held_nanos;
            return;
        }
        let others = self.service_nanos - self.service_nanos / SERVICE_SAMPLES;
        self.service_nanos = others.saturating_add(held_nanos / SERVICE_SAMPLES);
    }

    /// The oldest of the client whose turn it is; the client goes behind the others.
    fn pop(&mut self) -> Option<Waiter<W>> {
        let client = self.order.pop_front()?;
        let queue = self.queues.get_mut(&client)?;
        let waiter = queue.pop_front()?;
        self.waiting -= 1;
        if queue.is_empty() {
            self.queues.remove(&client);
        } else {
            self.order.push_back(client);
        }
        Some(waiter)
    }
}

#[cfg(test)]
mod tests;
