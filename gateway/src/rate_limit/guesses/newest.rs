//! The newest failures, in a ring of fixed size, with a table that leads to those on one subject.
//!
//! Written by hand because its size is promised: 32 bytes a failure and 8 for the table, whatever
//! comes, where a map of vectors would take several times that.

/// A failed guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    /// On whom: a keyed digest.
    pub(super) subject: u64,
    /// What was claimed: a keyed digest.
    pub(super) guess: u64,
    /// When, in seconds since 1970, rounded up.
    pub(super) at: u32,
    /// Who: a number that the table of clients knows.
    pub(super) client: u32,
    /// Whether this node's log holds it.
    pub(super) is_own: bool,
}

/// A failure in its place.
#[derive(Debug, Clone, Copy)]
struct Slot {
    subject: u64,
    guess: u64,
    at: u32,
    client: u32,
    /// How many failures before it the one before it on the same subject came; 0 where none did.
    back: u32,
    is_own: bool,
}

impl Slot {
    fn failure(&self) -> Failure {
        let Self { subject, guess, at, client, is_own, .. } = *self;
        Failure { subject, guess, at, client, is_own }
    }
}

/// The newest failures.
#[derive(Debug)]
pub(super) struct Newest {
    slots: Vec<Slot>,
    /// For each subject the slot of its newest failure plus 1, found by linear probing; 0 is free.
    table: Box<[u32]>,
    capacity: usize,
    /// Failures ever put in.
    count: u64,
}

impl Newest {
    /// Room for so many failures, a power of two.
    pub(super) fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two());
        // Neither is touched before it is used, so that what is not needed takes no memory.
        let table = vec![0; capacity * 2].into_boxed_slice();
        Self { slots: Vec::with_capacity(capacity), table, capacity, count: 0 }
    }

    /// Failures that are held.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The failures on a subject, newest first.
    pub(super) fn on(&self, subject: u64) -> impl Iterator<Item = Failure> {
        let first = self.place(subject).map(|place| self.number_of(self.table[place] as usize - 1));
        let oldest = self.oldest();
        std::iter::successors(first, move |number| {
            let back = u64::from(self.slot(*number).back);
            // What it leads to may have made room for others.
            (back > 0).then(|| number.checked_sub(back)).flatten().filter(|it| *it >= oldest)
        })
        .map(|number| self.slot(number).failure())
    }

    /// Puts one in; the oldest where it had to make room.
    pub(super) fn push(&mut self, failure: Failure) -> Option<Failure> {
        let is_full = self.slots.len() == self.capacity;
        let evicted = is_full.then(|| self.forget_oldest());
        let slot = (self.count % self.capacity as u64) as usize;
        let place = self.place_or_free(failure.subject);
        let back = match self.table[place] {
            0 => 0,
            known => (self.count - self.number_of(known as usize - 1)) as u32,
        };
        self.table[place] = slot as u32 + 1;
        let Failure { subject, guess, at, client, is_own } = failure;
        let it = Slot { subject, guess, at, client, back, is_own };
        if is_full {
            self.slots[slot] = it;
        } else {
            self.slots.push(it);
        }
        self.count += 1;
        evicted
    }

    /// Failures from the `from`th that was ever put in on, at most `limit`, and where they begin:
    /// some may have made room.
    pub(super) fn from(&self, from: u64, limit: usize) -> (u64, Vec<Failure>) {
        let from = from.max(self.oldest());
        let until = self.count.min(from + limit as u64);
        (from, (from..until).map(|number| self.slot(number).failure()).collect())
    }

    /// Number of the oldest that is held.
    pub(super) fn oldest(&self) -> u64 {
        self.count - self.slots.len() as u64
    }

    fn slot(&self, number: u64) -> &Slot {
        &self.slots[(number % self.capacity as u64) as usize]
    }

    /// Which failure is in a slot.
    fn number_of(&self, slot: usize) -> u64 {
        let oldest = self.oldest();
        let first = oldest % self.capacity as u64;
        oldest + (slot as u64 + self.capacity as u64 - first) % self.capacity as u64
    }

    /// Takes the oldest out of the table, where it is the newest of its subject.
    fn forget_oldest(&mut self) -> Failure {
        let slot = (self.count % self.capacity as u64) as usize;
        let failure = self.slots[slot].failure();
        if let Some(place) = self.place(failure.subject)
            && self.table[place] as usize == slot + 1
        {
            self.free(place);
        }
        failure
    }

    fn home(&self, subject: u64) -> usize {
        // A keyed digest is as good as any hash of it.
        subject as usize & (self.table.len() - 1)
    }

    fn place(&self, subject: u64) -> Option<usize> {
        let place = self.place_or_free(subject);
        (self.table[place] != 0).then_some(place)
    }

    /// Where a subject stands, or would stand: at most half of the table is used.
    fn place_or_free(&self, subject: u64) -> usize {
        let mut place = self.home(subject);
        loop {
            match self.table[place] {
                0 => return place,
                slot if self.slots[slot as usize - 1].subject == subject => return place,
                _ => place = (place + 1) & (self.table.len() - 1),
            }
        }
    }

    /// Frees a place and closes the gap behind it (Knuth, The Art of Computer Programming, volume 3,
    /// 6.4, algorithm R).
    fn free(&mut self, mut gap: usize) {
        let mask = self.table.len() - 1;
        let mut place = gap;
        loop {
            place = (place + 1) & mask;
            let slot = self.table[place];
            if slot == 0 {
                break;
            }
            let home = self.home(self.slots[slot as usize - 1].subject);
            let is_past_gap = (place.wrapping_sub(home) & mask) >= (place.wrapping_sub(gap) & mask);
            if is_past_gap {
                self.table[gap] = slot;
                gap = place;
            }
        }
        self.table[gap] = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn failure(subject: u64, at: u32) -> Failure {
        Failure { subject, guess: u64::from(at), at, client: 0, is_own: true }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_queue_would_hold(subjects in prop::collection::vec(0_u64..24, 1..200)) {
            // Few subjects whose homes are close together and wrap around the table's end.
            let subject_of = |it: u64| if it.is_multiple_of(2) { it } else { u64::MAX - it };
            let (mut newest, mut queue) = (Newest::new(16), VecDeque::new());
            for (at, it) in subjects.iter().enumerate() {
                let failure = failure(subject_of(*it), at as u32);
                let evicted = newest.push(failure);
                queue.push_back(failure);
                prop_assert_eq!(evicted, (queue.len() > 16).then(|| queue.pop_front().unwrap()));
                prop_assert_eq!(newest.len(), queue.len());
                for it in 0..24 {
                    let found: Vec<_> = newest.on(subject_of(it)).collect();
                    let meant: Vec<_> = queue.iter().rev().copied()
                        .filter(|failure| failure.subject == subject_of(it)).collect();
                    prop_assert_eq!(found, meant);
                }
            }
            let all: Vec<_> = queue.iter().copied().collect();
            let (first, read) = newest.from(0, usize::MAX >> 1);
            prop_assert_eq!((first, &read), (newest.oldest(), &all));
        }
    }

    #[test]
    fn a_failure_takes_thirty_two_bytes() {
        assert_eq!(size_of::<Slot>(), 32);
    }
}
