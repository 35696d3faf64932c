use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn config(places: usize, bulk_places: usize) -> LanesConfig {
    let bulk_places_alone = bulk_places;
    LanesConfig {
        places,
        bulk_places,
        bulk_places_alone,
        queue_items_max: 50,
        ..LanesConfig::default()
    }
}

/// Gives a place back; who has it now.
fn leave<W>(turns: &mut Turns<W>, lane: Lane, held: u64, now: u64) -> Option<(Lane, Waiter<W>)> {
    turns.leave(lane, held);
    turns.next(now)
}

fn client(number: usize) -> ClientId {
    ClientId::parse(&format!("client-{number}")).unwrap()
}

/// A deadline that nobody meets.
fn later() -> Deadline {
    Deadline::after(0, MINUTE)
}

/// Takes all places of a lane and lets so many wait behind them, told by number.
fn crowd(turns: &mut Turns<usize>, lane: Lane, clients: usize, count: usize) {
    while turns.take(lane, 0) {}
    for number in 0..count {
        turns.wait(lane, &client(number % clients), later(), number);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Enter(usize, usize),
    /// Who has had a place, counted from somewhere.
    Leave(usize),
    /// Who waits gives up, counted from somewhere.
    Go(usize),
    /// What waits now and has a short deadline is too late.
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..4_usize).prop_map(|(lane, client)| Step::Enter(lane, client)),
        4 => any::<usize>().prop_map(Step::Leave),
        2 => any::<usize>().prop_map(Step::Go),
        1 => Just(Step::Pass),
    ]
}

/// What a naive reading of the rules says: who holds, and who waits in the order of their coming.
struct Model {
    turns: Turns<u64>,
    places: usize,
    caps: [usize; 3],
    held: Vec<Lane>,
    waiting: Vec<(u64, Lane, usize, Deadline)>,
    now: u64,
}

impl Model {
    fn new(places: usize, bulk_places: usize) -> Self {
        Self {
            turns: Turns::new(&config(places, bulk_places)),
            places,
            caps: [bulk_places, places, places],
            held: Vec::new(),
            waiting: Vec::new(),
            now: 0,
        }
    }

    fn held_on(&self, lane: Lane) -> usize {
        self.held.iter().filter(|held| **held == lane).count()
    }

    fn do_step(&mut self, step: &Step, count: usize) {
        match *step {
            Step::Enter(lane, number) => {
                let lane = Lane::ALL[lane];
                let has_room =
                    self.held.len() < self.places && self.held_on(lane) < self.caps[lane as usize];
                let has_queue = self.waiting.iter().any(|(_, of, ..)| *of == lane);
                assert_eq!(
                    self.turns.take(lane, self.now),
                    has_room && !has_queue,
                    "work-conserving"
                );
                if has_room && !has_queue {
                    self.held.push(lane);
                    return;
                }
                // One in three has little time.
                let allowed = if count.is_multiple_of(3) { 5 } else { 1_000_000 };
                let deadline = Deadline::after(self.now, Duration::from_nanos(allowed));
                let told = self.turns.next_ticket;
                let ticket = self.turns.wait(lane, &client(number), deadline, told);
                assert_eq!(ticket, told);
                self.waiting.push((ticket, lane, number, deadline));
            }
            Step::Leave(which) => {
                if !self.held.is_empty() {
                    let lane = self.held.remove(which % self.held.len());
                    let next = leave(&mut self.turns, lane, 1, self.now);
                    self.note_turn(next);
                }
            }
            Step::Go(which) => {
                if !self.waiting.is_empty() {
                    let (ticket, lane, number, _) = self.waiting.remove(which % self.waiting.len());
                    assert!(self.turns.go(lane, &client(number), ticket));
                    assert!(!self.turns.go(lane, &client(number), ticket), "once");
                }
            }
            Step::Pass => self.now += 10,
        }
    }

    fn note_turn(&mut self, next: Option<(Lane, Waiter<u64>)>) {
        // Those before it whose time was over were dropped, and nobody else.
        let (now, turns) = (self.now, &self.turns);
        let next = next.map(|(lane, waiter)| (lane, waiter.ticket, waiter.told));
        self.waiting.retain(|(ticket, lane, number, deadline)| {
            let queue = turns.lanes[*lane as usize].queues.get(&client(*number));
            let still = queue.is_some_and(|queue| queue.iter().any(|it| it.ticket == *ticket));
            let is_next = next.is_some_and(|(_, of, _)| of == *ticket);
            assert!(still || is_next || deadline.has_passed_at(now), "{ticket} is lost");
            still || is_next
        });
        let Some((lane, ticket, told)) = next else { return };
        assert_eq!(ticket, told);
        let at = self.waiting.iter().position(|(of, ..)| *of == ticket).expect("it waited");
        let (_, of, number, deadline) = self.waiting.remove(at);
        assert!(of == lane && !deadline.has_passed_at(now));
        let earlier = self.waiting[..at].iter();
        let same = earlier.filter(|(_, lane, other, _)| (*lane, *other) == (of, number)).count();
        assert_eq!(same, 0, "first in, first out within a client");
        self.held.push(lane);
    }

    fn check(&self) {
        assert!(self.held.len() <= self.places, "never more than places");
        for lane in Lane::ALL {
            let waiting = self.waiting.iter().filter(|(_, of, ..)| *of == lane).count();
            let held = self.held_on(lane);
            assert_eq!(self.turns.counts(lane), (waiting, held));
            let share = &self.turns.lanes[lane as usize];
            assert!(held <= share.caps.beside_others);
            let is_full = self.held.len() == self.places || held == share.caps.beside_others;
            assert!(waiting == 0 || is_full, "nobody waits for a place that is free");
            assert_eq!(share.order.len(), share.queues.len());
            assert!(share.order.iter().all(|client| !share.queues[client].is_empty()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn places_are_never_too_many_never_idle_and_nobody_is_lost(
        (places, bulk_places) in (1..8_usize).prop_flat_map(|places| (Just(places), 1..=places)),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut model = Model::new(places, bulk_places);
        for (count, step) in steps.iter().enumerate() {
            model.do_step(step, count);
            model.check();
        }
        // Whoever is still there has a turn in the end.
        while let Some(lane) = model.held.pop() {
            let next = leave(&mut model.turns, lane, 1, model.now);
            model.note_turn(next);
            model.check();
        }
        prop_assert!(model.waiting.is_empty());
    }

    #[test]
    fn lanes_that_wait_share_by_weight_and_are_never_a_turn_behind(
        weights in prop::array::uniform3(1..40_u32),
        absent in prop::option::of(0..3_usize),
    ) {
        let [bulk_weight, interactive_weight, emergency_weight] = weights;
        let config = LanesConfig { bulk_weight, interactive_weight, emergency_weight, ..config(1, 1) };
        let mut turns = Turns::new(&config);
        prop_assert!(turns.take(Lane::Interactive, 0));
        let lanes: Vec<Lane> = Lane::ALL.into_iter().filter(|it| absent != Some(*it as usize)).collect();
        for lane in &lanes {
            for number in 0..1_000 {
                turns.wait(*lane, &client(0), later(), number);
            }
        }
        let all: u32 = lanes.iter().map(|lane| weights[*lane as usize]).sum();
        let (mut served, mut holder) = (BTreeMap::<Lane, u32>::new(), Lane::Interactive);
        for turn in 1..=900_u32 {
            holder = leave(&mut turns, holder, 1, 0).expect("many wait").0;
            *served.entry(holder).or_default() += 1;
            for lane in &lanes {
                let ideal = f64::from(turn) * f64::from(weights[*lane as usize]) / f64::from(all);
                let real = f64::from(served.get(lane).copied().unwrap_or(0));
                // The bound of start-time fair queueing: one turn against each other lane.
                let others = lanes.len() as f64 - 1.0;
                prop_assert!((real - ideal).abs() <= others.max(1.0), "{lane:?} {real} for {ideal}");
            }
        }
    }
}

#[test]
fn the_usual_weights_hold_within_one_turn_of_the_ideal() {
    let mut turns = Turns::new(&config(1, 1));
    assert!(turns.take(Lane::Interactive, 0));
    for lane in Lane::ALL {
        for number in 0..1_000 {
            turns.wait(lane, &client(number % 3), later(), number);
        }
    }
    let (mut served, mut holder) = ([0_u32; 3], Lane::Interactive);
    for turn in 1..=1_000_u32 {
        holder = leave(&mut turns, holder, 1, 0).unwrap().0;
        served[holder as usize] += 1;
        for (count, weight) in served.iter().zip([1.0, 8.0, 16.0]) {
            let ideal = f64::from(turn) * weight / 25.0;
            assert!((f64::from(*count) - ideal).abs() <= 1.0, "{served:?} after {turn}");
        }
    }
    assert_eq!(served, [40, 320, 640]);
}

#[test]
fn a_lane_that_comes_late_gets_its_share_from_now_on_and_nothing_for_the_time_before() {
    let mut turns = Turns::new(&config(1, 1));
    crowd(&mut turns, Lane::Bulk, 1, 600);
    for _ in 0..500 {
        assert_eq!(leave(&mut turns, Lane::Bulk, 1, 0).unwrap().0, Lane::Bulk);
    }
    for number in 0..600 {
        turns.wait(Lane::Interactive, &client(9), later(), number);
    }
    let (mut holder, mut bulk) = (Lane::Bulk, 0);
    for _ in 0..90 {
        holder = leave(&mut turns, holder, 1, 0).unwrap().0;
        bulk += usize::from(holder == Lane::Bulk);
    }
    assert!((9..=11).contains(&bulk), "{bulk}");
}

#[test]
fn bulk_stays_below_its_cap_and_leaves_the_other_places_to_others() {
    let mut turns = Turns::new(&config(8, 2));
    crowd(&mut turns, Lane::Bulk, 1, 5);
    assert_eq!(turns.counts(Lane::Bulk), (5, 2));
    for _ in 0..6 {
        assert!(turns.take(Lane::Interactive, 0));
    }
    assert!(!turns.take(Lane::Interactive, 0) && !turns.take(Lane::Emergency, 0));
    assert!(leave(&mut turns, Lane::Interactive, 1, 0).is_none(), "the place is not bulk's");
    assert!(turns.take(Lane::Emergency, 0));
    assert_eq!(leave(&mut turns, Lane::Bulk, 1, 0).unwrap().0, Lane::Bulk);
}

#[test]
fn bulk_has_more_places_while_it_is_alone_and_few_from_the_first_on_who_is_not() {
    let config = LanesConfig { bulk_places_alone: 6, ..config(12, 2) };
    let mut turns = Turns::new(&config);
    let held = |turns: &Turns<usize>| turns.counts(Lane::Bulk).1;
    crowd(&mut turns, Lane::Bulk, 2, 30);
    assert_eq!(held(&turns), 6, "nobody has come yet");
    turns.come(Lane::Interactive, 100);
    assert!(turns.take(Lane::Interactive, 100), "a place is free");
    // What it has on its way comes to its end, and nothing follows until it is below its cap.
    for left in [5, 4, 3, 2] {
        assert!(leave(&mut turns, Lane::Bulk, 1, 100).is_none());
        assert_eq!(held(&turns), left);
    }
    assert!(leave(&mut turns, Lane::Bulk, 1, 100).is_some());
    turns.come(Lane::Bulk, 200);
    assert!(turns.next(100 + QUIET_AFTER - 1).is_none());
    // Alone again: all that fit come in with the next look.
    turns.leave(Lane::Bulk, 1);
    let next = std::iter::from_fn(|| turns.next(100 + QUIET_AFTER)).count();
    assert_eq!((next, held(&turns)), (5, 6));
    for lane in [Lane::Emergency, Lane::Interactive] {
        turns.come(lane, 2 * QUIET_AFTER);
        assert_eq!(turns.cap(Lane::Bulk, 2 * QUIET_AFTER), 2);
        assert_eq!(turns.cap(lane, 0), 12);
    }
}

#[test]
fn bulk_alone_leaves_half_the_places_and_has_no_fewer_than_beside_others() {
    for (places, bulk_places, alone, cap) in
        [(1_024, 4, 128, 128), (8, 2, 128, 4), (1, 1, 128, 1), (8, 7, 3, 7), (64, 4, 3, 4)]
    {
        let config = LanesConfig { bulk_places_alone: alone, ..config(places, bulk_places) };
        assert_eq!(Turns::<()>::new(&config).cap(Lane::Bulk, 0), cap, "{config:?}");
    }
}

#[test]
fn a_client_that_floods_its_lane_is_one_of_many_there() {
    let mut turns = Turns::new(&config(1, 1));
    crowd(&mut turns, Lane::Interactive, 1, 40);
    turns.wait(Lane::Interactive, &client(7), later(), 1_000);
    turns.wait(Lane::Interactive, &client(8), later(), 2_000);
    turns.wait(Lane::Interactive, &client(7), later(), 1_001);
    let told: Vec<usize> =
        (0..6).map(|_| leave(&mut turns, Lane::Interactive, 1, 0).unwrap().1.told).collect();
    assert_eq!(told, [0, 1_000, 2_000, 1, 1_001, 2]);
}

#[test]
fn who_has_waited_beyond_its_deadline_is_passed_over_and_takes_no_turn() {
    let mut turns = Turns::new(&config(1, 1));
    assert!(turns.take(Lane::Bulk, 0));
    let short = Deadline::after(0, Duration::from_nanos(100));
    for number in 0..3 {
        turns.wait(Lane::Interactive, &client(number), short, number);
    }
    turns.wait(Lane::Bulk, &client(0), later(), 9);
    let (lane, waiter) = leave(&mut turns, Lane::Bulk, 1, 100).unwrap();
    assert_eq!((lane, waiter.told), (Lane::Bulk, 9));
    assert_eq!(turns.counts(Lane::Interactive), (0, 0));
}

#[test]
fn a_wait_is_foreseen_from_turns_before_durations_and_shares() {
    let mut turns = Turns::new(&config(4, 2));
    crowd(&mut turns, Lane::Interactive, 1, 0);
    let nobody = client(7);
    assert_eq!(turns.wait_nanos(Lane::Interactive, &nobody, 0), 0, "nothing is known yet");
    turns.lanes[Lane::Interactive as usize].service_nanos = 1_000;
    turns.lanes[Lane::Bulk as usize].service_nanos = 1_000;
    assert_eq!(turns.wait_nanos(Lane::Interactive, &nobody, 0), 250);
    assert_eq!(turns.wait_nanos(Lane::Bulk, &nobody, 0), 500, "of two places");
    crowd(&mut turns, Lane::Interactive, 1, 7);
    assert_eq!(turns.wait_nanos(Lane::Interactive, &client(0), 0), 8 * 250);
    assert_eq!(turns.wait_nanos(Lane::Interactive, &nobody, 0), 2 * 250, "its turn is the second");
    assert_eq!(turns.wait_nanos(Lane::Bulk, &nobody, 0), 9 * 250, "one turn in nine");
}

#[test]
fn durations_are_followed_within_some_dozens() {
    let mut share = Share::<()>::new(1, Caps { beside_others: 1, alone: 1 });
    share.measure(1_000_000);
    assert_eq!(share.service_nanos, 1_000_000);
    for _ in 0..100 {
        share.measure(2_000_000_000);
    }
    assert!((1_900_000_000..=2_000_000_000).contains(&share.service_nanos));
    for _ in 0..200 {
        share.measure(1_000_000);
    }
    assert!((900_000..1_200_000).contains(&share.service_nanos), "{}", share.service_nanos);
}

#[test]
fn nobody_waits_once_it_is_closed_and_who_has_a_place_gives_it_back() {
    let mut turns = Turns::new(&config(1, 1));
    crowd(&mut turns, Lane::Interactive, 2, 5);
    assert!(turns.may_wait(Lane::Bulk));
    turns.close();
    assert!(!turns.may_wait(Lane::Interactive) && !turns.may_wait(Lane::Bulk));
    assert_eq!(turns.counts(Lane::Interactive), (0, 1));
    assert!(leave(&mut turns, Lane::Interactive, 1, 0).is_none());
    assert!(turns.take(Lane::Bulk, 0), "a free place is there for whoever is still on the way");
}
