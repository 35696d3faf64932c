//! The section `[guess_budgets]`: how many claims about one person may be wrong.

use std::num::NonZeroU32;

use serde::Deserialize;

/// Failed guesses on one person that still let another be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuessBudgetsConfig {
    /// Of one client in 24 hours.
    pub client_day: u32,
    /// Of one client in 30 days.
    pub client_month: u32,
    /// Of all clients in an hour; those that never failed on the person pass.
    pub subject_hour: u32,
    /// Of all clients in 24 hours; likewise.
    pub subject_day: u32,
    /// Failures held in memory, a power of two: 40 bytes each. Older ones are read from the log.
    pub held_max: u32,
}

impl Default for GuessBudgetsConfig {
    fn default() -> Self {
        let (client_day, client_month, subject_hour, subject_day) = (5, 10, 10, 30);
        Self { client_day, client_month, subject_hour, subject_day, held_max: 1 << 20 }
    }
}

impl GuessBudgetsConfig {
    /// The part of one of several nodes that cannot tell each other what has failed: of every budget
    /// at least one guess.
    #[must_use]
    pub fn shared_by(&self, nodes: NonZeroU32) -> Self {
        let part = |budget: u32| (budget / nodes).max(1);
        Self {
            client_day: part(self.client_day),
            client_month: part(self.client_month),
            subject_hour: part(self.subject_hour),
            subject_day: part(self.subject_day),
            ..*self
        }
    }

    /// What is out of its range: the key and what is wrong with it.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let Self { client_day, client_month, subject_hour, subject_day, held_max } = *self;
        if !held_max.is_power_of_two() || !(16..=1 << 24).contains(&held_max) {
            return Some((
                "guess_budgets.held_max",
                "must be a power of two from 16 to 16,777,216",
            ));
        }
        let all = [
            ("guess_budgets.client_day", client_day),
            ("guess_budgets.client_month", client_month),
            ("guess_budgets.subject_hour", subject_hour),
            ("guess_budgets.subject_day", subject_day),
        ];
        let odd = all.into_iter().find(|(_, budget)| !(1..=1_000_000).contains(budget));
        odd.map(|(key, _)| (key, "must be 1 to 1,000,000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_nothing_and_a_budget_of_nothing_is_refused() {
        let usual = GuessBudgetsConfig::default();
        assert_eq!(usual.problem(), None);
        let of_seven = usual.shared_by(NonZeroU32::new(7).unwrap());
        let parts = (of_seven.client_day, of_seven.client_month, of_seven.subject_hour);
        assert_eq!((parts, of_seven.subject_day), ((1, 1, 1), 4));
        for odd in [
            GuessBudgetsConfig { subject_day: 0, ..usual },
            GuessBudgetsConfig { held_max: 1_000, ..usual },
            GuessBudgetsConfig { held_max: 8, ..usual },
        ] {
            assert!(odd.problem().is_some(), "{odd:?}");
        }
    }
}
