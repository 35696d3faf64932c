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
}

impl Default for GuessBudgetsConfig {
    fn default() -> Self {
        Self { client_day: 5, client_month: 10, subject_hour: 10, subject_day: 30 }
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
        }
    }

    /// What is out of its range: the key and what is wrong with it.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let Self { client_day, client_month, subject_hour, subject_day } = *self;
        let all = [client_day, client_month, subject_hour, subject_day];
        let is_odd = all.iter().any(|budget| !(1..=1_000_000).contains(budget));
        is_odd.then_some(("guess_budgets.client_day", "and the others must be 1 to 1,000,000"))
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
        assert!(GuessBudgetsConfig { subject_day: 0, ..usual }.problem().is_some());
    }
}
