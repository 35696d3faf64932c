//! Many verifications in one request: how many, on which lane, and how many of them at once.
//!
//! Each item is a story of its own, as though it had come alone. They go on side by side, so that those
//! that wait for the register or for the log go there together, and are answered in their order.

use futures_util::{StreamExt as _, stream};

use crate::rate_limit::Lane;

/// Items of a batch.
pub const ITEMS_MAX: usize = 1_000;
/// Items of one batch on their way at once: as many as bulk has places where nothing is configured.
/// More would only wait in the lane's queue, before the items of others.
const AT_ONCE: usize = 128;

/// The lane on which the items travel of a client whose own requests travel on `lane`: a batch never
/// delays a desk, also where the client has one.
pub fn lane(lane: Lane) -> Lane {
    match lane {
        Lane::Bulk | Lane::Interactive => Lane::Bulk,
        Lane::Emergency => Lane::Emergency,
    }
}

/// Lets stories go on side by side, each beginning after the one before it has begun; what they came
/// to, in their order.
pub async fn side_by_side<S: Future>(stories: impl Iterator<Item = S>) -> Vec<S::Output> {
    stream::iter(stories).buffered(AT_ONCE).collect().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_batch_is_bulk_unless_a_life_may_hang_on_it() {
        let lanes = [Lane::Bulk, Lane::Interactive, Lane::Emergency].map(lane);
        assert_eq!(lanes, [Lane::Bulk, Lane::Bulk, Lane::Emergency]);
    }

    #[tokio::test]
    async fn stories_overlap_within_their_limit_and_end_in_their_order() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let story = async |number: usize| {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            for _ in 0..number % 7 {
                tokio::task::yield_now().await;
            }
            now.set(now.get() - 1);
            number
        };
        let ended = side_by_side((0..ITEMS_MAX).map(story)).await;
        assert!(ended.into_iter().eq(0..ITEMS_MAX));
        assert!((2..=AT_ONCE).contains(&most.get()), "{}", most.get());
    }
}
