//! Spreads people over the numbers that can be given out: a keyed permutation of `0..size`, so that
//! issued numbers look random and still lead back to the person.
//!
//! A Feistel network over pairs (left, right) of which `left * right` are all there is: by turns one
//! half is moved by a hash of the other. It is not a cipher: the mock has no secret to keep, the
//! numbers only must not stand in a row.

use crate::mix::{below, mix};

/// Four rounds already look random; each costs some five nanoseconds.
const ROUNDS: u64 = 6;

/// A permutation of `0..left * right` chosen by a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permutation {
    key: u64,
    left: u32,
    right: u32,
}

impl Permutation {
    /// The permutation of `0..left * right` that belongs to `key`. Halves of like size mix best.
    pub(crate) fn new(key: u64, left: u32, right: u32) -> Self {
        Self { key: mix(key), left, right }
    }

    /// How many numbers it permutes.
    pub(crate) fn size(self) -> u32 {
        self.left * self.right
    }

    /// Where the permutation takes `index`.
    pub(crate) fn forth(self, index: u32) -> u32 {
        let (mut left, mut right) = (index / self.right, index % self.right);
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                left = add(left, self.scramble(round, right, self.left), self.left);
            } else {
                right = add(right, self.scramble(round, left, self.right), self.right);
            }
        }
        left * self.right + right
    }

    /// What the permutation takes to `image`.
    pub(crate) fn back(self, image: u32) -> u32 {
        let (mut left, mut right) = (image / self.right, image % self.right);
        for round in (0..ROUNDS).rev() {
            if round % 2 == 0 {
                let moved = self.scramble(round, right, self.left);
                left = add(left, self.left - moved, self.left);
            } else {
                let moved = self.scramble(round, left, self.right);
                right = add(right, self.right - moved, self.right);
            }
        }
        left * self.right + right
    }

    /// How far the other half moves: below `limit`.
    fn scramble(self, round: u64, half: u32, limit: u32) -> u32 {
        below(mix(self.key ^ (round << 32) ^ u64::from(half)), limit)
    }
}

/// `a + b` modulo `limit`, for `a` below it and `b` at most it; cheaper than a division.
fn add(a: u32, b: u32, limit: u32) -> u32 {
    let sum = a + b;
    if sum < limit { sum } else { sum - limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]

        #[test]
        fn every_image_has_exactly_one_index(key: u64, left in 1_u32..1_500, right in 1_u32..1_000) {
            let permutation = Permutation::new(key, left, right);
            let mut met = vec![false; (left * right) as usize];
            for index in 0..left * right {
                let image = permutation.forth(index);
                prop_assert!(!std::mem::replace(&mut met[image as usize], true));
                prop_assert_eq!(permutation.back(image), index);
            }
        }
    }

    #[test]
    fn neighbours_do_not_stay_neighbours() {
        for (left, right) in [(1_000, 1_000), (90_000, 1_000), (10_000, 10_000)] {
            let permutation = Permutation::new(7, left, right);
            let near = left * right / 1_000;
            let close = (1..10_000)
                .filter(|&it| permutation.forth(it).abs_diff(permutation.forth(it - 1)) < near)
                .count();
            assert!(close < 40, "{close} of about 20");
        }
    }
}
