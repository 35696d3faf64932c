//! Whether a number that is asked follows one that was asked lately.
//!
//! What is kept of a number is a tag of 32 bits, under a key that this process draws at its start and
//! never tells: no number can be read from it. The table has a fixed size, a newer number takes the
//! place of an older one, and a wrong answer is one in four thousand million.

use std::hash::{BuildHasher, RandomState};

use crate::request::PersonalId;

/// Places of the table: 8 MiB. With 1,000 answers a second and node a number is found again for half
/// an hour.
const PLACES: usize = 1 << 21;

/// Numbers that were asked lately, each by its client.
#[derive(Debug)]
pub(super) struct Neighbours {
    key: RandomState,
    tags: Box<[u32]>,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self { key: RandomState::new(), tags: vec![0; PLACES].into_boxed_slice() }
    }
}

impl Neighbours {
    /// Notes a number that a client asks about; whether it is new, and the number before or after it
    /// was asked by the same client lately.
    pub(super) fn note(&mut self, client: u16, number: PersonalId) -> bool {
        let (place, tag) = self.place(client, number);
        if self.tags[place] == tag {
            return false;
        }
        self.tags[place] = tag;
        number.neighbours().into_iter().flatten().any(|neighbour| {
            let (place, tag) = self.place(client, neighbour);
            self.tags[place] == tag
        })
    }

    fn place(&self, client: u16, number: PersonalId) -> (usize, u32) {
        let digest = self.key.hash_one((client, number));
        // 0 is an empty place.
        (digest as usize % PLACES, ((digest >> 32) as u32).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: u64) -> PersonalId {
        PersonalId::from_register(&format!("{digits:012}")).unwrap()
    }

    #[test]
    fn a_number_beside_one_of_the_same_client_counts_once_upwards_and_downwards() {
        let mut neighbours = Neighbours::default();
        let first = 1_090_012_345;
        assert!(!neighbours.note(1, number(first)));
        assert!(neighbours.note(1, number(first + 1)), "the one after");
        assert!(neighbours.note(1, number(first - 1)), "the one before");
        assert!(!neighbours.note(1, number(first + 1)), "asked again");
        assert!(!neighbours.note(1, number(first + 4)), "not beside");
        assert!(!neighbours.note(2, number(first + 2)), "another client");
        assert!(neighbours.note(1, number(first + 3)), "it closes a gap");
    }

    #[test]
    fn the_last_of_one_prefix_and_the_first_of_the_next_are_no_neighbours() {
        let mut neighbours = Neighbours::default();
        assert!(!neighbours.note(1, number(1_090_999_999)));
        assert!(!neighbours.note(1, number(1_091_000_000)));
    }
}
