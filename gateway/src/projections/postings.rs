//! Sets of positions within a segment, and the three forms in which they are stored.
//!
//! Pure. A set has one form per row, the shortest of the three; the first byte says which:
//!
//! | byte | form | after it |
//! | --- | --- | --- |
//! | 1 | bitmap | 8,192 bytes; position `p` is bit `p % 8` of byte `p / 8` |
//! | 2 | distances | for each position the distance from the one before, minus 1; the first counts from -1 |
//! | 3 | runs | for each run the positions skipped before it, then its length minus 1 |
//!
//! Numbers of forms 2 and 3 are LEB128. What a rare client did takes a byte or two an entry, what
//! half of the entries say takes an eighth of a byte, and what all of them say takes five bytes.

/// Entries in a segment, and so positions in a set.
pub const SEGMENT_ENTRIES: i64 = 65_536;
const POSITIONS: usize = 65_536;
const WORDS: usize = POSITIONS / 64;
const BITMAP_BYTES: usize = POSITIONS / 8;

const BITMAP: u8 = 1;
const DISTANCES: u8 = 2;
const RUNS: u8 = 3;

/// A set of positions within a segment.
#[derive(Clone, PartialEq, Eq)]
pub struct Positions(Box<[u64; WORDS]>);

impl Positions {
    /// No position.
    pub fn none() -> Self {
        Self(Box::new([0; WORDS]))
    }

    /// Every position.
    pub fn all() -> Self {
        Self(Box::new([u64::MAX; WORDS]))
    }

    /// Adds one.
    pub fn insert(&mut self, position: u16) {
        self.0[usize::from(position) / 64] |= 1 << (position % 64);
    }

    /// Adds what another set holds.
    pub fn unite(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(other.0.iter()) {
            *word |= more;
        }
    }

    /// Keeps what another set holds as well.
    pub fn intersect(&mut self, other: &Self) {
        for (word, also) in self.0.iter_mut().zip(other.0.iter()) {
            *word &= also;
        }
    }

    /// Takes out the positions of a block of 256.
    pub(super) fn clear_block(&mut self, block: usize) {
        self.0[block * 4..][..4].fill(0);
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The highest position below `limit`, which may be one beyond the last.
    pub fn highest_below(&self, limit: usize) -> Option<u16> {
        let limit = limit.min(POSITIONS);
        let (whole, rest) = (limit / 64, limit % 64);
        let partial = match self.0.get(whole) {
            Some(word) => word & !(u64::MAX << rest),
            None => 0,
        };
        if partial != 0 {
            return Some((whole * 64 + 63 - partial.leading_zeros() as usize) as u16);
        }
        let word = self.0[..whole].iter().rposition(|word| *word != 0)?;
        Some((word * 64 + 63 - self.0[word].leading_zeros() as usize) as u16)
    }

    /// Reads a stored set; `None` for bytes that [`encode`] does not write.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first()?;
        match *form {
            BITMAP => Self::from_bitmap(rest),
            DISTANCES => Self::from_distances(rest),
            RUNS => Self::from_runs(rest),
            _ => None,
        }
    }

    fn from_bitmap(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != BITMAP_BYTES {
            return None;
        }
        let mut set = Self::none();
        for (word, bytes) in set.0.iter_mut().zip(bytes.chunks(8)) {
            *word = u64::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(set)
    }

    fn from_distances(mut rest: &[u8]) -> Option<Self> {
        let (mut set, mut next) = (Self::none(), 0);
        while !rest.is_empty() {
            next += read_number(&mut rest)?;
            set.insert(u16::try_from(next).ok()?);
            next += 1;
        }
        Some(set)
    }

    fn from_runs(mut rest: &[u8]) -> Option<Self> {
        let (mut set, mut next) = (Self::none(), 0);
        while !rest.is_empty() {
            next += read_number(&mut rest)?;
            let last = next + read_number(&mut rest)?;
            if last >= POSITIONS as u64 {
                return None;
            }
            for position in next..=last {
                set.insert(position as u16); // below the number of positions
            }
            next = last + 1;
        }
        Some(set)
    }
}

impl std::fmt::Debug for Positions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        write!(f, "Positions({count})")
    }
}

/// The shortest form of a set; `positions` rise.
pub fn encode(positions: &[u16]) -> Vec<u8> {
    let forms = [distances(positions), runs(positions)];
    let shortest = forms.into_iter().min_by_key(Vec::len).unwrap_or_default();
    if shortest.len() <= 1 + BITMAP_BYTES { shortest } else { bitmap(positions) }
}

fn bitmap(positions: &[u16]) -> Vec<u8> {
    let mut bytes = vec![0; 1 + BITMAP_BYTES];
    bytes[0] = BITMAP;
    for position in positions {
        bytes[1 + usize::from(*position) / 8] |= 1 << (position % 8);
    }
    bytes
}

fn distances(positions: &[u16]) -> Vec<u8> {
    let (mut bytes, mut next) = (vec![DISTANCES], 0);
    for position in positions.iter().map(|position| u64::from(*position)) {
        write_number(&mut bytes, position - next);
        next = position + 1;
    }
    bytes
}

fn runs(positions: &[u16]) -> Vec<u8> {
    let (mut bytes, mut next) = (vec![RUNS], 0);
    for run in positions.chunk_by(|one, other| other - one == 1) {
        let (first, length) = (u64::from(run[0]), run.len() as u64);
        write_number(&mut bytes, first - next);
        write_number(&mut bytes, length - 1);
        next = first + length;
    }
    bytes
}

/// Appends a number as LEB128.
pub(super) fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number off the front; `None` where there is none below 2^63.
pub(super) fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    fn descending(set: &Positions) -> Vec<u16> {
        let mut limit = POSITIONS;
        std::iter::from_fn(|| {
            let position = set.highest_below(limit)?;
            limit = usize::from(position);
            Some(position)
        })
        .collect()
    }

    fn set_of(positions: &[u16]) -> Positions {
        let mut set = Positions::none();
        for position in positions {
            set.insert(*position);
        }
        set
    }

    #[test]
    fn each_kind_of_set_is_stored_in_the_form_that_suits_it() {
        let every = |step: usize| (0..=u16::MAX).step_by(step).collect::<Vec<u16>>();
        let scattered: Vec<u16> =
            (0..=u16::MAX).filter(|p| p.wrapping_mul(40_503) % 7 < 3).collect();
        for (positions, form, bytes) in [
            (every(1), RUNS, 5),
            (vec![65_535], DISTANCES, 4),
            (every(100), DISTANCES, 657),
            (scattered, BITMAP, 8_193),
        ] {
            let stored = encode(&positions);
            assert_eq!((stored[0], stored.len()), (form, bytes));
            assert_eq!(Positions::decode(&stored), Some(set_of(&positions)));
        }
    }

    #[test]
    fn what_nobody_wrote_is_not_read() {
        for bytes in [&[][..], &[0], &[4, 1], &[1, 0], &[2, 0x80], &[2, 0xff, 0xff, 0x04], &[3, 0]]
        {
            assert_eq!(Positions::decode(bytes), None, "{bytes:?}");
        }
        assert_eq!(Positions::decode(&[3, 0, 0xff, 0xff, 0x04]), None);
    }

    proptest! {
        #[test]
        fn a_set_comes_back_from_its_stored_form(positions in btree_set(any::<u16>(), 0..2_000)) {
            let positions: Vec<u16> = positions.into_iter().collect();
            for stored in [distances(&positions), runs(&positions), bitmap(&positions)] {
                let set = Positions::decode(&stored);
                prop_assert_eq!(set.as_ref(), Some(&set_of(&positions)));
            }
            let mut newest_first = positions.clone();
            newest_first.reverse();
            prop_assert_eq!(descending(&set_of(&positions)), newest_first);
        }

        #[test]
        fn sets_are_united_and_intersected(
            one in btree_set(any::<u16>(), 0..500), other in btree_set(0..2_000_u16, 0..500),
        ) {
            let [mut union, mut common] = [0; 2].map(|_| set_of(&one.iter().copied().collect::<Vec<_>>()));
            let second = set_of(&other.iter().copied().collect::<Vec<_>>());
            union.unite(&second);
            common.intersect(&second);
            let newest_first = |set: std::collections::BTreeSet<u16>| set.into_iter().rev().collect();
            let (both, either): (Vec<u16>, Vec<u16>) =
                (newest_first(&one & &other), newest_first(&one | &other));
            prop_assert_eq!((descending(&common), descending(&union)), (both, either));
        }
    }
}
