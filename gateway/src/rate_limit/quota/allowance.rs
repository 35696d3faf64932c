//! How much of a quota one of several nodes may use by itself.

use std::num::NonZeroU32;

/// The allowances of this node.
///
/// The seam for several nodes. What a node may use is one absolute number for each client, period
/// and unit: the most that its own use, counted from the beginning of the period and with what is in
/// flight, may come to. As long as the allowances of all nodes together are no more than the quota,
/// nothing is over, whatever a node knows of the others.
///
/// Without a place that all nodes share, each has an equal part of the quota, and one node all of it.
/// With one, what was granted would be kept here, and [`Allowances::request`] would answer from it;
/// asking for more belongs before a refusal, because only then it is short.
#[derive(Debug, Clone, Copy)]
pub struct Allowances {
    nodes: NonZeroU32,
}

impl Allowances {
    /// Allowances where so many nodes have nothing in common but the database.
    pub fn apart(nodes: NonZeroU32) -> Self {
        Self { nodes }
    }

    /// The most that this node's own use of a quota may come to: never more than the others have
    /// left, as far as they were read.
    pub fn request(self, quota: u64, used_by_others: u64) -> u64 {
        let part = quota / u64::from(self.nodes.get());
        part.min(quota.saturating_sub(used_by_others))
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
                assert!(allowances.request(quota, 0) * u64::from(nodes) <= quota);
                assert_eq!(allowances.request(quota, quota), 0);
                assert_eq!(allowances.request(quota, quota + 1), 0);
            }
        }
        assert_eq!(Allowances::apart(NonZeroU32::MIN).request(100, 30), 70);
    }
}
