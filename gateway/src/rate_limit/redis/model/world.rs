//! Nodes, the network between them and one server, and those who ask: everything that happens, in
//! order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::super::lease::{Drawing, Drawn, LIFE};
use super::super::script::Reply;
use super::SECOND;
use super::nodes::{Gets, Node, PartUnit, Then};
use super::twin::Twin;
use crate::rate_limit::gcra::Size;
use crate::rate_limit::model::{Chance, Fates, Windows};
use crate::rate_limit::terms::Limits;

pub(super) const NODES: usize = 3;
/// When the server's clock began, in microseconds since 1970.
const EPOCH: i64 = 1_795_140_000_000_000;
/// What the server's clock may not see.
const CLOCK_STEP: u64 = 1_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each goes wrong by itself")]
pub(super) struct Trouble {
    /// Units are held for a while and may be given back; those who wait may hang up.
    pub(super) refunds: bool,
    /// Calls and answers are late or lost.
    pub(super) losses: bool,
    /// Nodes are cut off and come back.
    pub(super) cuts: bool,
    /// The server forgets everything.
    pub(super) restarts: bool,
}

/// What happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) steps: u64,
    pub(super) drawn: u64,
    pub(super) shares: u64,
    pub(super) refused: u64,
    pub(super) given_back: u64,
    pub(super) lost_calls: u64,
    pub(super) cuts: u64,
    pub(super) restarts: u64,
}

impl Told {
    pub(super) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.drawn += other.drawn;
        self.shares += other.shares;
        self.refused += other.refused;
        self.given_back += other.given_back;
        self.lost_calls += other.lost_calls;
        self.cuts += other.cuts;
        self.restarts += other.restarts;
    }
}

/// Something that will happen.
#[derive(Debug)]
enum Event {
    /// Somebody asks a node.
    Want(usize),
    /// `take.lua` runs for a node's call.
    Take {
        node: usize,
        number: u64,
        arguments: [i64; 4],
        is_try: bool,
    },
    Answer {
        node: usize,
        number: u64,
        reply: Reply,
        is_try: bool,
    },
    TimeOut {
        node: usize,
        number: u64,
        is_try: bool,
    },
    /// `give_back.lua` runs.
    GiveBack([i64; 4]),
    Use {
        node: usize,
        drawn: Drawn,
    },
    /// What was used proves to be kept or not.
    Settle {
        node: usize,
        drawn: Drawn,
        number: usize,
    },
    SettleShare {
        node: usize,
        unit: PartUnit,
        is_kept: bool,
    },
    Cut(usize),
    Join(usize),
    Restart,
}

struct Due(u64, u64, Event);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// Everything, in order of time. Its time is none of the nodes': they are ahead of it.
pub(super) struct World {
    chance: Chance,
    trouble: Trouble,
    now: u64,
    due: BinaryHeap<Reverse<Due>>,
    count: u64,
    server: Twin,
    nodes: [Node; NODES],
    limits: Limits,
    drawing: Drawing,
    /// Uses of what was drawn from Redis.
    fates: Fates,
    windows: Windows,
    /// Time between two who ask the same node.
    pause: u64,
    /// The longest that an answer takes which is not late.
    latency: u64,
    told: Told,
}

impl World {
    pub(super) fn new(mut chance: Chance, limits: Limits, trouble: Trouble) -> Self {
        let size = Size::of(limits);
        let drawing = Drawing::of(size);
        let slack = CLOCK_STEP + if drawing.ahead == 0 { LIFE } else { 0 };
        let nodes = std::array::from_fn(|_| Node::new(chance.below(1 << 50)));
        let pause = (size.unit * NODES as u64 / (1 + chance.below(4))).max(1);
        let latency = 1 + chance.below(LIFE - 1);
        let mut world = Self {
            chance,
            trouble,
            now: 0,
            due: BinaryHeap::new(),
            count: 0,
            server: Twin::default(),
            nodes,
            limits,
            drawing,
            fates: Fates::default(),
            windows: Windows::new(limits, slack),
            pause,
            latency,
            told: Told::default(),
        };
        for node in 0..NODES {
            world.after(0, Event::Want(node));
            if trouble.cuts {
                world.later(Event::Cut(node));
            }
        }
        if trouble.restarts {
            world.later(Event::Restart);
        }
        world
    }

    /// Lets so much happen. Whatever is wrong with it panics.
    pub(super) fn run(&mut self, steps: u64) -> Told {
        while self.told.steps < steps {
            self.step();
        }
        self.told
    }

    /// Twenty times as many ask as may pass, beside those who come several at once: the part of burst and rate times time that is
    /// used.
    pub(super) fn saturate(&mut self, time: u64) -> f64 {
        self.pause = Size::of(self.limits).unit * NODES as u64 / 20;
        self.latency = LIFE / 5;
        while self.now < time {
            self.step();
        }
        self.windows.passed as f64 / self.windows.most_by(self.now)
    }

    fn step(&mut self) {
        let Reverse(Due(at, _, event)) = self.due.pop().unwrap();
        self.now = at;
        self.told.steps += 1;
        match event {
            Event::Want(node) => self.want(node),
            Event::Take { node, number, arguments, is_try } => {
                let reply = self.server.take(self.server_time(), arguments);
                self.answer(node, number, reply, is_try);
            }
            Event::Answer { node, number, reply, is_try } => {
                self.answered(node, number, &reply, is_try);
            }
            Event::TimeOut { node, number, is_try } => self.timed_out(node, number, is_try),
            Event::GiveBack(arguments) => {
                self.told.given_back += u64::from(self.server.give_back(arguments));
            }
            Event::Use { node, drawn } => self.used(node, drawn),
            Event::Settle { node, drawn, number } => self.settle(node, drawn, number),
            Event::SettleShare { node, unit, is_kept } => {
                self.nodes[node].settle_share(unit, is_kept);
            }
            Event::Cut(node) => self.cut(node),
            Event::Join(node) => {
                self.nodes[node].is_cut = false;
                self.later(Event::Cut(node));
            }
            Event::Restart => {
                self.server.lose();
                self.told.restarts += 1;
                self.later(Event::Restart);
            }
        }
    }

    fn want(&mut self, node: usize) {
        let now = self.time_of(node);
        // Several at once, at times.
        let several = if self.chance.one_in(8) { 1 + self.chance.below(6) } else { 1 };
        for _ in 0..several {
            let (gets, tries) = self.nodes[node].take(self.limits, now);
            if tries {
                let number = self.number();
                self.nodes[node].tries(number);
                self.call(node, number, [0, 0], true);
            }
            self.gets(node, &gets);
        }
        if self.trouble.refunds && self.chance.one_in(50) {
            let which = self.chance.below(8) as usize;
            self.nodes[node].hang_up(which);
        }
        let rests = self.trouble.refunds && self.chance.one_in(2_000);
        let pause = if rests { 5 * SECOND } else { 2 * self.pause };
        let pause = self.chance.below(pause);
        self.after(pause, Event::Want(node));
    }

    fn gets(&mut self, node: usize, gets: &Gets) {
        match *gets {
            Gets::Drawn(drawn) => self.uses(node, drawn),
            Gets::Share(unit) => self.uses_share(node, unit),
            Gets::Refused => self.told.refused += 1,
            Gets::Waits { calls: true } => self.begin(node),
            Gets::Waits { calls: false } => {}
        }
    }

    /// At once, or at any moment until the lease dies.
    fn uses(&mut self, node: usize, drawn: Drawn) {
        let until = drawn.dies_at.saturating_sub(self.time_of(node));
        let after = if self.chance.one_in(2) { 0 } else { self.chance.below(until + 1) };
        self.after(after, Event::Use { node, drawn });
    }

    fn used(&mut self, node: usize, drawn: Drawn) {
        self.told.drawn += 1;
        let number = self.fates.begin(self.now);
        if !self.trouble.refunds {
            return self.fates.decide(number, true, &mut self.windows);
        }
        let after = if self.chance.one_in(2) {
            self.chance.below(LIFE)
        } else {
            self.chance.below(40 * self.pause)
        };
        self.after(after, Event::Settle { node, drawn, number });
    }

    /// As `SharedLimit::give_back`.
    fn settle(&mut self, node: usize, drawn: Drawn, number: usize) {
        let is_kept = !self.chance.one_in(3);
        self.fates.decide(number, is_kept, &mut self.windows);
        if is_kept {
            return;
        }
        let now = self.time_of(node);
        let is_leased = self.drawing.ahead > 0;
        if is_leased && self.nodes[node].lease.take_back(drawn, now) {
            self.told.given_back += 1;
        } else if !self.loses() && !self.nodes[node].is_cut {
            let arguments = [self.drawing.size.unit as i64, 1, drawn.serial, drawn.born];
            let after = self.chance.below(self.latency);
            self.after(after, Event::GiveBack(arguments));
        }
    }

    fn uses_share(&mut self, node: usize, unit: PartUnit) {
        self.told.shares += 1;
        let is_kept = !(self.trouble.refunds && self.chance.one_in(3));
        let after = if is_kept { 0 } else { self.chance.below(40 * self.pause) };
        self.after(after, Event::SettleShare { node, unit, is_kept });
    }

    fn begin(&mut self, node: usize) {
        let number = self.number();
        let now = self.time_of(node);
        let call = self.nodes[node].begin(self.drawing, number, now);
        self.call(node, number, [i64::from(call.wanted), call.known], false);
    }

    fn call(&mut self, node: usize, number: u64, [wanted, known]: [i64; 2], is_try: bool) {
        self.after(LIFE, Event::TimeOut { node, number, is_try });
        if self.nodes[node].is_cut || self.loses() {
            self.told.lost_calls += 1;
            return;
        }
        let Size { unit, whole } = self.drawing.size;
        let arguments = [unit as i64, whole as i64, wanted, known];
        let after = self.way();
        self.after(after, Event::Take { node, number, arguments, is_try });
    }

    fn answer(&mut self, node: usize, number: u64, reply: Reply, is_try: bool) {
        if self.nodes[node].is_cut || self.loses() {
            self.told.lost_calls += 1;
            return;
        }
        let after = self.way();
        self.after(after, Event::Answer { node, number, reply, is_try });
    }

    fn answered(&mut self, node: usize, number: u64, reply: &Reply, is_try: bool) {
        let now = self.time_of(node);
        if is_try {
            return self.nodes[node].tried(number, true, now);
        }
        let then = self.nodes[node].answered(self.drawing, number, now, reply);
        self.then(node, then);
    }

    fn timed_out(&mut self, node: usize, number: u64, is_try: bool) {
        let now = self.time_of(node);
        if is_try {
            return self.nodes[node].tried(number, false, now);
        }
        let then = self.nodes[node].timed_out(number, now);
        self.then(node, then);
    }

    fn then(&mut self, node: usize, then: Option<Then>) {
        let Some(then) = then else { return };
        for told in self.nodes[node].told() {
            let now = self.time_of(node);
            let gets = match told {
                Some(Ok(drawn)) => Gets::Drawn(drawn),
                Some(Err(_)) => Gets::Refused,
                None => self.nodes[node].take_share(self.limits, now),
            };
            self.gets(node, &gets);
        }
        match then {
            Then::CallAgain => self.begin(node),
            Then::Nothing => {}
        }
    }

    fn cut(&mut self, node: usize) {
        self.nodes[node].is_cut = true;
        self.told.cuts += 1;
        let after = self.chance.below(4 * SECOND);
        self.after(after, Event::Join(node));
    }

    /// One way of a call: late at times, so that its answer is not waited for.
    fn way(&mut self) -> u64 {
        let is_late = self.trouble.losses && self.chance.one_in(100);
        let longest = if is_late { 10 * LIFE } else { self.latency.div_ceil(2) };
        self.chance.below(longest)
    }

    fn loses(&mut self) -> bool {
        self.trouble.losses && self.chance.one_in(100)
    }

    /// At some time within a few hundred requests.
    fn later(&mut self, event: Event) {
        let after = self.chance.below(300 * self.pause);
        self.after(after, event);
    }

    fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn after(&mut self, nanos: u64, event: Event) {
        self.count += 1;
        self.due.push(Reverse(Due(self.now + nanos, self.count, event)));
    }

    fn time_of(&self, node: usize) -> u64 {
        self.now + self.nodes[node].ahead
    }

    fn server_time(&self) -> i64 {
        EPOCH + (self.now / 1_000) as i64
    }
}
