//! Time marks of a segment: the earliest and the latest time in every block of 256 entries.
//!
//! Pure. Two numbers a block and not one, because times rise only roughly: an entry's is taken when
//! it is decided, its place when it is committed, and a clock can be set back. Stored as
//! differences: the earliest time of a block from the earliest of the block before (zigzag), then
//! how much later its latest is, both LEB128; the first block counts from the segment's earliest.

use std::ops::Range;

use super::postings::{Positions, SEGMENT_ENTRIES, read_number, write_number};

/// Entries in a block.
const BLOCK_ENTRIES: i64 = 256;
const BLOCKS: usize = (SEGMENT_ENTRIES / BLOCK_ENTRIES) as usize;

/// Earliest and latest time of each block, microseconds since 1970 UTC; `None` where no entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks(Vec<Option<(i64, i64)>>);

impl Marks {
    /// Marks of a segment without entries.
    pub(super) fn none() -> Self {
        Self(vec![None; BLOCKS])
    }

    /// Adds the time of the entry at a position.
    pub(super) fn add(&mut self, position: u16, at: i64) {
        let mark = &mut self.0[usize::from(position) / BLOCK_ENTRIES as usize];
        let (first, last) = mark.unwrap_or((at, at));
        *mark = Some((first.min(at), last.max(at)));
    }

    /// Earliest and latest time in the segment.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        let known = || self.0.iter().flatten();
        known().map(|mark| mark.0).min().zip(known().map(|mark| mark.1).max())
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut before = self.bounds().map_or(0, |(first, _)| first);
        let mut bytes = Vec::with_capacity(BLOCKS * 6);
        for mark in &self.0 {
            // A block without entries is nobody's to ask for: any time does.
            let (first, last) = mark.unwrap_or((before, before));
            let step = first.wrapping_sub(before);
            write_number(&mut bytes, (step << 1 ^ step >> 63) as u64 & (u64::MAX >> 1));
            write_number(&mut bytes, last.abs_diff(first) & (u64::MAX >> 1));
            before = first;
        }
        bytes
    }

    /// Reads stored marks, which count from the segment's earliest time.
    pub(super) fn decode(first_us: i64, mut rest: &[u8]) -> Option<Self> {
        let (mut marks, mut before) = (Vec::with_capacity(BLOCKS), first_us);
        for _ in 0..BLOCKS {
            let (step, length) = (read_number(&mut rest)?, read_number(&mut rest)?);
            let first = before.wrapping_add((step >> 1) as i64 ^ -((step & 1) as i64));
            marks.push(Some((first, first.checked_add_unsigned(length)?)));
            before = first;
        }
        rest.is_empty().then_some(Self(marks))
    }

    /// Takes out of `positions` the blocks that lie outside `times` as a whole.
    pub(super) fn narrow(&self, positions: &mut Positions, times: &Range<i64>) {
        for (block, mark) in self.0.iter().enumerate() {
            let outside = mark.is_none_or(|(first, last)| last < times.start || first >= times.end);
            if outside {
                positions.clear_block(block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn marks_come_back_and_narrow_without_losing_an_entry(
            start in 1_600_000_000_000_000_i64..1_900_000_000_000_000,
            steps in proptest::collection::vec(-2_000_i64..200_000, 1..2_000),
            from in 0_i64..100_000_000, length in 0_i64..50_000_000,
        ) {
            let mut at = start;
            let times: Vec<i64> = steps.iter().map(|step| { at += step; at }).collect();
            let mut marks = Marks::none();
            // As far apart as the segment is long, so that blocks and gaps are both met.
            let place = |n: usize| (n * 32) as u16;
            for (n, at) in times.iter().enumerate() {
                marks.add(place(n), *at);
            }
            let (first, _) = marks.bounds().unwrap();
            let read = Marks::decode(first, &marks.encode()).unwrap();
            let asked = start + from..start + from + length;
            for marks in [&marks, &read] {
                let mut positions = Positions::all();
                marks.narrow(&mut positions, &asked);
                for (n, at) in times.iter().enumerate() {
                    let kept = positions.highest_below(usize::from(place(n)) + 1) == Some(place(n));
                    prop_assert!(kept || !asked.contains(at));
                }
            }
        }
    }

    #[test]
    fn a_range_outside_all_marks_leaves_nothing() {
        let mut marks = Marks::none();
        marks.add(0, 1_000);
        marks.add(65_535, 2_000);
        for (range, left) in [(0..1_000, 0), (0..1_001, 1), (2_000..2_001, 1), (2_001..9_000, 0)] {
            let mut positions = Positions::all();
            marks.narrow(&mut positions, &range);
            assert_eq!(usize::from(!positions.is_empty()), left, "{range:?}");
        }
    }
}
