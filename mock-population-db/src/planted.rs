//! One in so many: plants something in exactly one person of every `step` ordinals, at a place that
//! looks random, so that the rate is exact and both questions are cheap: who is the n-th, and is
//! this one among them.

use crate::mix::{below, mix};

/// One ordinal of every `step`, chosen by a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneIn {
    key: u64,
    step: u32,
    /// How many ordinals of a step can be chosen; fewer than `step` keeps room for neighbours.
    choices: u32,
}

impl OneIn {
    /// One of every `step` ordinals.
    pub(crate) fn new(key: u64, step: u32) -> Self {
        Self { key, step, choices: step }
    }

    /// One of every `step` ordinals, never the last: the one behind it is in the same step.
    pub(crate) fn with_one_behind(key: u64, step: u32) -> Self {
        Self { key, step, choices: step - 1 }
    }

    /// How many there are among `0..population`, leaving out a last step that is not whole.
    pub(crate) fn count(self, population: u64) -> u64 {
        population / u64::from(self.step)
    }

    /// The ordinal of the n-th.
    pub(crate) fn nth(self, n: u64) -> u64 {
        n * u64::from(self.step) + u64::from(self.offset(n))
    }

    /// The ordinals of all of them among `0..population`.
    pub(crate) fn all(self, population: u64) -> impl Iterator<Item = u64> {
        (0..self.count(population)).map(move |n| self.nth(n))
    }

    /// Which one this ordinal is; none where it is not among them.
    pub(crate) fn position(self, ordinal: u64) -> Option<u64> {
        let n = ordinal / u64::from(self.step);
        (self.nth(n) == ordinal).then_some(n)
    }

    /// How many of them come before this ordinal.
    pub(crate) fn before(self, ordinal: u64) -> u64 {
        let n = ordinal / u64::from(self.step);
        n + u64::from(self.nth(n) < ordinal)
    }

    fn offset(self, n: u64) -> u32 {
        below(mix(self.key ^ n), self.choices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_every_step_is_chosen_and_knows_its_place() {
        let one_in = OneIn::new(7, 25);
        let chosen: Vec<u64> = (0..10_000).filter(|&it| one_in.position(it).is_some()).collect();
        assert_eq!(chosen.len() as u64, one_in.count(10_000));
        for (n, &ordinal) in chosen.iter().enumerate() {
            assert_eq!(one_in.nth(n as u64), ordinal);
            assert_eq!(one_in.position(ordinal), Some(n as u64));
            assert_eq!(
                (one_in.before(ordinal), one_in.before(ordinal + 1)),
                (n as u64, n as u64 + 1)
            );
        }
        let offsets: std::collections::HashSet<u64> = chosen.iter().map(|it| it % 25).collect();
        assert_eq!(offsets.len(), 25);
    }

    #[test]
    fn whoever_has_one_behind_is_never_the_last_of_a_step() {
        let one_in = OneIn::with_one_behind(7, 10);
        assert!((0..1_000).all(|n| one_in.nth(n) % 10 < 9));
    }
}
