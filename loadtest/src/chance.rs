//! Chance that is the same on every machine: `SplitMix64` from a seed.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of one case of one kind.
    pub(crate) fn of(kind: usize, case: u64) -> Self {
        let mut chance = Self(case);
        Self(chance.next() ^ (kind as u64).rotate_left(48))
    }

    /// 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `limit`; 0 where that is 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        // Limits are lengths of names: the bias is nil.
        (self.next() % (limit.max(1) as u64)) as usize
    }

    /// One of several; none of none.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_its_own_chance_every_time() {
        assert_eq!(Chance::of(1, 7).next(), Chance::of(1, 7).next());
        assert_ne!(Chance::of(1, 7).next(), Chance::of(2, 7).next());
        assert_ne!(Chance::of(1, 7).next(), Chance::of(1, 8).next());
        assert_eq!(Chance::of(1, 1).pick::<u8>(&[]), None);
        assert_eq!(Chance::of(1, 1).pick(&['a']), Some('a'));
    }
}
