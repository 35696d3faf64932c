//! How much of a quota one of several nodes may use by itself.

use std::num::NonZeroU32;

use super::period::{Amount, Period};
use crate::clock::Micros;

/// A request that is admitted by the end of a period is on record at most so much later, in seconds:
/// twice the longest deadline. Its grants are of both periods.
const OVER_THE_END_SECONDS: i64 = 60;

/// The allowances of this node.
///
/// What a node may use is one absolute number for each client, period and unit: the most that its own
/// use, counted from the beginning of the period and with what is in flight, may come to. As long as
/// the allowances of all nodes together are no more than the quota, nothing is over, whatever a node
/// knows of the others.
#[derive(Debug, Clone, Copy)]
pub enum Allowances {
    /// Nodes have nothing in common but the database: each has an equal part of the quota, and one
    /// node all of it.
    Apart {
        /// So many.
        nodes: NonZeroU32,
    },
    /// What a node may use is granted in Redis.
    Shared {
        /// So many.
        nodes: NonZeroU32,
        /// Since when this process has been running: of a period that began later it knows what it
        /// was granted.
        since: Micros,
    },
}

/// What was granted to this node in one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) period: Period,
    pub(super) number: i64,
    /// What its own use may come to.
    pub(super) may: Amount,
}

impl Allowances {
    /// Allowances where so many nodes have nothing in common but the database.
    pub fn apart(nodes: NonZeroU32) -> Self {
        Self::Apart { nodes }
    }

    /// An equal part of a quota.
    pub(super) fn part(self, quota: u64) -> u64 {
        let (Self::Apart { nodes } | Self::Shared { nodes, .. }) = self;
        quota / u64::from(nodes.get())
    }

    /// The most that this node's own use of a quota may come to: never more than the others have
    /// left, as far as they were read.
    pub fn request(self, may: u64, quota: u64, used_by_others: u64) -> u64 {
        may.min(quota.saturating_sub(used_by_others))
    }

    /// The periods in which a request that comes now may be on record, by number.
    pub(super) fn numbers(self, period: Period, now: Micros) -> [i64; 2] {
        let number = period.number_at(now);
        match self {
            // What is in flight counts into whichever comes: one node knows of both.
            Self::Apart { .. } => [number; 2],
            Self::Shared { .. } => {
                [number, period.number_at(now.plus_seconds(OVER_THE_END_SECONDS))]
            }
        }
    }

    /// Whether a node that was not granted anything in a period has an equal part of it: it was there
    /// when it began, and has told nobody yet that it needs less.
    pub(super) fn has_part(self, period: Period, number: i64) -> bool {
        match self {
            Self::Apart { .. } => true,
            Self::Shared { since, .. } => period.begin(number) > since,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_come_to_more_than_the_quota() {
        for nodes in 1..7 {
            let allowances = Allowances::apart(NonZeroU32::new(nodes).unwrap());
            for quota in 1..100 {
                assert!(allowances.part(quota) * u64::from(nodes) <= quota);
                let may = allowances.part(quota);
                assert_eq!(allowances.request(may, quota, quota), 0);
                assert_eq!(allowances.request(may, quota, quota + 1), 0);
            }
        }
        let one = Allowances::apart(NonZeroU32::MIN);
        assert_eq!(one.request(one.part(100), 100, 30), 70);
    }
}
