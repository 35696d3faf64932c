//! The generic cell rate algorithm (ITU-T I.371): a bucket that empties at the rate and never holds
//! more than the burst. By hand, because `governor` can neither give back nor take from several
//! buckets at once.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::terms::Limits;

/// One bucket. Times are monotonic nanoseconds.
#[derive(Debug)]
pub(super) struct Gcra(Mutex<Level>);

/// What fits into a bucket, as time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Time in which one unit runs out. Rounded up: never more than the rate.
    pub(super) unit: u64,
    /// Time in which all run out.
    pub(super) whole: u64,
}

/// How full a bucket is.
#[derive(Debug, Clone, Copy)]
struct Level {
    size: Size,
    /// When the bucket was made: which one it is.
    born: u64,
    /// When something was taken last.
    at: u64,
    /// Time until what was taken will have run out, from then on.
    owed: u64,
    /// Time in which everything runs out that was ever taken.
    taken: u64,
}

/// Units that were taken at once, to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// From which bucket.
    born: u64,
    /// Time in which they run out.
    cost: u64,
    /// What was ever taken, these included.
    serial: u64,
}

impl Size {
    pub(super) fn of(limits: Limits) -> Self {
        let unit = 1_000_000_000_u64.div_ceil(u64::from(limits.rate.get()));
        Self { unit, whole: unit * u64::from(limits.burst.get()) }
    }

    /// The part of one of so many nodes that do not know of each other: the rate and the burst are
    /// divided, and one request still fits.
    pub(super) fn share(self, nodes: NonZeroU32) -> Self {
        let unit = self.unit * u64::from(nodes.get());
        Self { unit, whole: self.whole.max(unit) }
    }

    /// Units that fit beside what is owed.
    pub(super) fn room(self, owed: u64) -> u32 {
        // At most the burst, which is a u32.
        (self.whole.saturating_sub(owed) / self.unit) as u32
    }

    /// How long until so many units fit beside what is owed.
    fn wait(self, owed: u64, units: u32) -> Result<(), u64> {
        match (owed + self.unit * u64::from(units)).checked_sub(self.whole) {
            None | Some(0) => Ok(()),
            Some(wait) => Err(wait),
        }
    }
}

impl Level {
    /// Nothing was taken yet.
    fn new(size: Size, born: u64) -> Self {
        Self { size, born, at: born, owed: 0, taken: 0 }
    }

    /// What is owed by now.
    fn owed(&self, now: u64) -> u64 {
        (self.at + self.owed).saturating_sub(now)
    }

    /// How long until one unit fits.
    fn wait(&self, now: u64) -> Result<(), u64> {
        self.size.wait(self.owed(now), 1)
    }

    fn take(&mut self, now: u64, units: u32) -> Taken {
        let cost = self.size.unit * u64::from(units);
        let owed = self.owed(now) + cost;
        // A clock read before another's may arrive after it.
        let at = self.at.max(now);
        (self.at, self.owed) = (at, owed - (at - now).min(owed));
        self.taken += cost;
        Taken { born: self.born, cost, serial: self.taken }
    }

    /// What was taken since may have needed the room that these units had not left, had they never
    /// been taken: the bucket stays at least as full as a fresh one would be that only those had been
    /// taken from, all at the last moment.
    fn give_back(&mut self, taken: Taken) {
        // A bucket may follow another, whose units are not its own.
        if taken.born == self.born {
            let since = self.taken - taken.serial;
            self.owed = self.owed.saturating_sub(taken.cost).max(since).min(self.owed);
        }
    }
}

impl Gcra {
    /// A bucket that nothing was taken from yet.
    pub(super) fn new(size: Size) -> Self {
        Self(Mutex::new(Level::new(size, 0)))
    }

    /// A bucket without room: it comes with time.
    pub(super) fn without_room(size: Size, now: u64) -> Self {
        Self(Mutex::new(Level { owed: size.whole, ..Level::new(size, now) }))
    }

    /// Makes it another size; as much time is owed as before, and whoever has taken can give back.
    pub(super) fn resize(&self, size: Size) {
        self.level().size = size;
    }

    /// Takes one unit; a refusal takes nothing and says how long to wait.
    pub(super) fn take(&self, now: u64) -> Result<Taken, u64> {
        let mut level = self.level();
        level.wait(now)?;
        Ok(level.take(now, 1))
    }

    /// Takes one unit of each bucket, or of none: the longest wait is told. The same bucket must not
    /// be named twice.
    pub(super) fn take_all<const N: usize>(
        buckets: [Option<&Self>; N],
        now: u64,
    ) -> Result<[Option<Taken>; N], u64> {
        let mut order: [usize; N] = std::array::from_fn(|place| place);
        // Whoever else takes of several of these waits for them in the same order.
        order.sort_unstable_by_key(|place| buckets[*place].map(std::ptr::from_ref));
        let mut levels: [Option<MutexGuard<'_, Level>>; N] = [const { None }; N];
        let mut longest = Ok(());
        for place in order {
            let Some(bucket) = buckets[place] else { continue };
            let level = bucket.level();
            longest = longest.err().max(level.wait(now).err()).map_or(Ok(()), Err);
            levels[place] = Some(level);
        }
        longest?;
        Ok(std::array::from_fn(|place| {
            let level = levels[place].as_mut()?;
            Some(level.take(now, 1))
        }))
    }

    /// Gives back what was taken. Where others have taken since, less may come back than was taken,
    /// never more.
    pub(super) fn give_back(&self, taken: Taken) {
        self.level().give_back(taken);
    }

    /// Units that could be taken now.
    pub(super) fn remaining(&self, now: u64) -> u32 {
        let level = self.level();
        level.size.room(level.owed(now))
    }

    /// Whether nothing is owed: it is as if it had never been used.
    pub(super) fn is_untouched(&self, now: u64) -> bool {
        self.level().owed(now) == 0
    }

    fn level(&self) -> MutexGuard<'_, Level> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn bucket(rate: u32, burst: u32) -> Gcra {
        Gcra::new(Size::of(Limits::new(rate, burst).unwrap()))
    }

    fn admitted(gcra: &Gcra, now: u64) -> usize {
        (0..1_000).filter(|_| gcra.take(now).is_ok()).count()
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        let gcra = bucket(10, 20);
        assert_eq!(admitted(&gcra, 5), 20);
        let later = 100_000_005;
        let one = gcra.take(later).unwrap();
        assert!(gcra.take(later).is_err());
        gcra.give_back(one);
        assert_eq!((gcra.remaining(later), admitted(&gcra, later)), (1, 1));
        assert_eq!(gcra.take(later), Err(100_000_000));
    }

    #[test]
    fn what_others_took_meanwhile_does_not_keep_a_unit_from_coming_back() {
        let gcra = bucket(10, 20);
        let first = gcra.take(0).unwrap();
        assert_eq!(admitted(&gcra, 0), 19);
        gcra.give_back(first);
        // The others all came at the last moment, for all that is known: they alone are owed.
        assert_eq!(admitted(&gcra, 0), 1);
    }

    #[test]
    fn what_came_back_by_itself_is_not_given_back_again() {
        let gcra = bucket(1, 1);
        let first = gcra.take(0).unwrap();
        gcra.take(SECOND).unwrap();
        gcra.give_back(first);
        assert_eq!(gcra.take(SECOND), Err(SECOND), "the second one is still taken");
    }

    #[test]
    fn what_was_taken_of_one_part_is_not_given_back_to_the_next() {
        let size = Size::of(Limits::new(10, 20).unwrap());
        let first = Gcra::without_room(size, SECOND);
        let taken: Vec<_> = (0..9).filter_map(|_| first.take(2 * SECOND).ok()).collect();
        let next = Gcra::without_room(size, 3 * SECOND);
        assert_eq!((taken.len(), admitted(&next, 4 * SECOND)), (9, 10));
        for taken in taken {
            next.give_back(taken);
        }
        assert_eq!(admitted(&next, 4 * SECOND), 0);
    }

    #[test]
    fn another_size_keeps_what_is_owed_and_takes_back_what_was_taken_before() {
        let gcra = bucket(10, 20);
        let before: Vec<_> = (0..20).filter_map(|_| gcra.take(0).ok()).collect();
        gcra.resize(Size::of(Limits::new(1, 2).unwrap()));
        assert!(gcra.take(0).is_err(), "two seconds are owed");
        // A tenth of a second each, as they had cost.
        for taken in &before[10..] {
            gcra.give_back(*taken);
        }
        let after = gcra.take(0).unwrap();
        assert!(gcra.take(0).is_err());
        gcra.resize(Size::of(Limits::new(10, 20).unwrap()));
        assert_eq!(gcra.remaining(0), 0);
        gcra.give_back(after);
        assert_eq!(gcra.remaining(0), 10);
    }

    #[test]
    fn a_refusal_says_when_a_unit_is_back() {
        let gcra = bucket(2, 2);
        assert!(gcra.take(0).is_ok() && gcra.take(0).is_ok());
        assert_eq!(gcra.take(0), Err(500_000_000));
        assert_eq!(gcra.take(499_999_999), Err(1));
        assert!(gcra.take(500_000_000).is_ok());
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_is_not_exceeded() {
        let gcra = bucket(30_000, 30_000);
        let admitted = (0..3_000_000_u64).filter(|step| gcra.take(step * 10_000).is_ok()).count();
        // Thirty seconds.
        assert!((899_000..=930_000).contains(&admitted), "{admitted}");
    }

    #[test]
    fn of_several_one_unit_each_is_taken_or_none() {
        let (wide, narrow) = (bucket(10, 20), bucket(1, 2));
        let both = || Gcra::take_all([Some(&wide), None, Some(&narrow)], 0);
        let first = both().unwrap();
        assert!(first[0].is_some() && first[1].is_none() && first[2].is_some());
        both().unwrap();
        assert_eq!(both(), Err(SECOND));
        assert_eq!((wide.remaining(0), narrow.remaining(0)), (18, 0));
    }

    #[test]
    fn of_several_taken_in_any_order_by_many_nothing_hangs_or_is_lost() {
        let (one, other) = (bucket(1, 4_000), bucket(1, 8_000));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (one, other) = (&one, &other);
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        let (one, other) =
                            if thread % 2 == 0 { (one, other) } else { (other, one) };
                        let _refused = Gcra::take_all([Some(one), Some(other)], 0);
                    }
                });
            }
        });
        assert_eq!((one.remaining(0), other.remaining(0)), (0, 4_000));
    }

    #[test]
    fn shares_of_nodes_add_up_to_no_more_than_the_whole() {
        let size = Size::of(Limits::new(90, 180).unwrap());
        let share = size.share(NonZeroU32::new(3).unwrap());
        let gcra = Gcra::without_room(share, 0);
        assert_eq!(admitted(&gcra, 0), 0);
        assert_eq!(admitted(&gcra, SECOND), 29);
        assert_eq!(admitted(&gcra, 100 * SECOND), 60);
        // One request fits wherever one did.
        let small = Size::of(Limits::new(1, 1).unwrap()).share(NonZeroU32::new(3).unwrap());
        assert_eq!(admitted(&Gcra::without_room(small, 0), 3 * SECOND), 1);
    }
}
