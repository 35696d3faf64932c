//! Spreads the people of a cell over its million serial numbers: a keyed permutation of
//! 0..1,000,000, so that issued numbers look random and still lead back to the person.
//!
//! A balanced Feistel network over pairs of three-digit halves. It is not a cipher: the mock has no
//! secret to keep, the numbers only must not stand in a row.

use crate::mix::{below, mix};

/// How many serial numbers a cell has.
pub(crate) const SERIALS: u32 = 1_000_000;

const HALF: u32 = 1_000;

/// Four rounds already look random; twice that costs tens of nanoseconds.
const ROUNDS: u64 = 8;

/// A permutation of `0..SERIALS` chosen by a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permutation {
    key: u64,
}

impl Permutation {
    /// The permutation of one cell.
    pub(crate) fn new(seed: u64, cell: u64) -> Self {
        // Complemented, so that a cell never shares its key with the draws about a person.
        Self { key: mix(!mix(seed) ^ cell) }
    }

    /// The serial number at `rank`.
    pub(crate) fn serial(self, rank: u32) -> u32 {
        let (mut left, mut right) = (rank / HALF, rank % HALF);
        for round in 0..ROUNDS {
            (left, right) = (right, (left + self.scramble(round, right)) % HALF);
        }
        left * HALF + right
    }

    /// The rank whose serial number this is.
    pub(crate) fn rank(self, serial: u32) -> u32 {
        let (mut left, mut right) = (serial / HALF, serial % HALF);
        for round in (0..ROUNDS).rev() {
            (left, right) = ((right + HALF - self.scramble(round, left)) % HALF, left);
        }
        left * HALF + right
    }

    fn scramble(self, round: u64, half: u32) -> u32 {
        below(mix(self.key ^ (round << 32) ^ u64::from(half)), HALF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]

        #[test]
        fn every_serial_has_exactly_one_rank(seed: u64, cell: u64) {
            let permutation = Permutation::new(seed, cell);
            let mut met = vec![false; SERIALS as usize];
            for rank in 0..SERIALS {
                let serial = permutation.serial(rank);
                prop_assert!(!std::mem::replace(&mut met[serial as usize], true));
                prop_assert_eq!(permutation.rank(serial), rank);
            }
        }
    }

    #[test]
    fn neighbouring_ranks_do_not_get_neighbouring_serials() {
        let permutation = Permutation::new(7, 7);
        let close = (1..10_000)
            .filter(|&rank| permutation.serial(rank).abs_diff(permutation.serial(rank - 1)) < 1_000)
            .count();
        assert!(close < 40, "{close} of about 20");
    }
}
