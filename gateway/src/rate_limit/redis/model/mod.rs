//! Shared limits over millions of random steps of a clock that is moved by hand: real leases and real
//! breakers of several nodes, a twin of the scripts in the place of Redis, and a network that is late,
//! loses answers, or is cut.
//!
//! What is measured are the moments at which units are used, which may be any until their lease dies.
//! Two things are allowed for. The server counts whole microseconds, so one window can seem a
//! microsecond longer to it than it is. And a bucket that is too slow to be leased is exact by the
//! moments at which its units are taken, which may be as long before their use as a call may last: by
//! those of use, less than two units may be too much.

mod nodes;
mod twin;
mod world;

use self::world::{Told, Trouble, World};
use crate::rate_limit::model::Chance;
use crate::rate_limit::terms::Limits;

const SECOND: u64 = 1_000_000_000;

/// Stories of one kind; what happened in all of them.
fn stories(seed: u64, steps: u64, trouble: Trouble) -> Told {
    let (mut chance, mut all) = (Chance(seed), Told::default());
    while all.steps < steps {
        let limits = chance.limits(18);
        all.add(World::new(Chance(chance.word()), limits, trouble).run(20_000));
    }
    all
}

#[test]
fn no_window_of_uses_has_more_than_burst_and_rate_times_its_length() {
    let told = stories(1, 2_000_000, Trouble { refunds: true, ..Trouble::default() });
    assert!(told.drawn > 100_000 && told.refused > 10_000, "{told:?}");
    assert!(told.given_back > 10_000 && told.shares == 0, "{told:?}");
}

#[test]
fn what_is_lost_on_the_way_is_not_used() {
    let trouble = Trouble { refunds: true, losses: true, ..Trouble::default() };
    let told = stories(2, 1_000_000, trouble);
    assert!(told.drawn > 50_000 && told.lost_calls > 1_000, "{told:?}");
}

#[test]
fn nodes_that_are_cut_off_add_their_parts_and_no_more() {
    let trouble = Trouble { refunds: true, losses: true, cuts: true, ..Trouble::default() };
    let told = stories(3, 1_000_000, trouble);
    assert!(told.drawn > 50_000 && told.shares > 5_000 && told.cuts > 100, "{told:?}");
}

#[test]
fn a_server_that_lost_everything_gives_no_second_burst() {
    let trouble = Trouble { restarts: true, ..Trouble::default() };
    let told = stories(4, 1_000_000, trouble);
    assert!(told.drawn > 20_000 && told.restarts > 100, "{told:?}");
}

#[test]
fn at_saturation_nearly_everything_is_used() {
    let mut chance = Chance(5);
    for (rate, seconds) in [(1, 60), (30, 20), (500, 8), (3_000, 4), (20_000, 1)] {
        let limits = Limits::new(rate, 2 * rate).unwrap();
        let mut world = World::new(Chance(chance.word()), limits, Trouble::default());
        let used = world.saturate(seconds * SECOND);
        assert!(used >= 0.95, "{limits:?}: {used}");
    }
}
