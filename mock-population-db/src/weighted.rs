//! Drawing from a weighted list in constant time: Walker's alias method, in integers.

/// A list from which one random number draws one item, each as often as its weight says.
#[derive(Debug)]
pub(crate) struct Weighted<T> {
    slots: Box<[Slot<T>]>,
}

/// One column of the alias table: `own` with a chance of `keep` in 2^32, else `other`.
#[derive(Debug, Clone, Copy)]
struct Slot<T> {
    own: T,
    other: T,
    keep: u32,
}

impl<T: Copy> Weighted<T> {
    /// Builds the table; items of weight zero are never drawn.
    ///
    /// # Panics
    /// When no item has a weight, or the weights do not add up to less than 2^32. The lists are
    /// compiled in, so a test meets this first.
    pub(crate) fn new(items: impl IntoIterator<Item = (T, u32)>) -> Self {
        let items: Vec<(T, u32)> = items.into_iter().filter(|(_, weight)| *weight > 0).collect();
        let count = items.len() as u64;
        let total: u64 = items.iter().map(|(_, weight)| u64::from(*weight)).sum();
        assert!(total > 0 && total < 1 << 32, "weights out of range");

        // A weight times the count is compared with the total, which is the mean of the products.
        let mut left: Vec<u64> =
            items.iter().map(|(_, weight)| u64::from(*weight) * count).collect();
        let mut slots: Vec<_> =
            items.iter().map(|&(own, _)| Slot { own, other: own, keep: u32::MAX }).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..items.len()).partition(|&index| left[index] < total);
        while let (Some(poor), Some(rich)) = (small.pop(), large.pop()) {
            slots[poor].other = slots[rich].own;
            slots[poor].keep = ((left[poor] << 32) / total) as u32; // below 2^32: left < total
            left[rich] -= total - left[poor];
            let pile = if left[rich] < total { &mut small } else { &mut large };
            pile.push(rich);
        }
        // What remains on either pile is exactly full and keeps its own item.
        Self { slots: slots.into_boxed_slice() }
    }

    /// Draws an item with 64 random bits: the upper half picks the slot, the lower half the side.
    pub(crate) fn draw(&self, random: u64) -> T {
        let slot = &self.slots[(((random >> 32) * self.slots.len() as u64) >> 32) as usize];
        let side = random as u32; // the lower half
        if side <= slot.keep { slot.own } else { slot.other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix::mix;

    #[test]
    fn items_come_as_often_as_their_weights_say() {
        let list = Weighted::new([(0, 700), (1, 0), (2, 250), (3, 50)]);
        let mut seen = [0_u32; 4];
        for i in 0..1_000_000 {
            seen[list.draw(mix(i))] += 1;
        }
        assert_eq!(seen[1], 0);
        for (seen, expected) in [(seen[0], 700_000), (seen[2], 250_000), (seen[3], 50_000)] {
            assert!(seen.abs_diff(expected) < 2_000, "{seen} instead of {expected}");
        }
    }

    #[test]
    fn a_single_item_is_always_drawn() {
        let list = Weighted::new([("only", 3)]);
        assert_eq!((list.draw(0), list.draw(u64::MAX)), ("only", "only"));
    }

    #[test]
    #[should_panic(expected = "weights out of range")]
    fn a_list_without_weight_is_refused() {
        Weighted::new([((), 0)]);
    }
}
