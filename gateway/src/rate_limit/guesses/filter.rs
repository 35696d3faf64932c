//! On whom guesses have failed of which the newest failures know nothing any more: Bloom filters, one
//! for every ten days. They say "perhaps" or "no"; whether it is so, the log says.

/// Seconds of one filter.
const SPAN: u32 = 10 * 86_400;
/// Filters: 30 days begin in one and end in another.
pub(super) const FILTERS: usize = 4;
/// Bits that a subject sets.
const BITS_EACH: u32 = 4;

/// The filters.
#[derive(Debug)]
pub(super) struct Filters {
    /// Words of 64 bits in each.
    words: usize,
    filters: [Filter; FILTERS],
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// Which ten days: a time divided by [`SPAN`].
    pub(super) span: u32,
    /// Empty where nothing was put in.
    pub(super) bits: Vec<u64>,
}

impl Filters {
    /// Each of so many words, a power of two.
    pub(super) fn new(words: usize) -> Self {
        debug_assert!(words.is_power_of_two());
        Self { words, filters: Default::default() }
    }

    /// Somebody has failed on the subject at that time, in seconds since 1970.
    pub(super) fn add(&mut self, subject: u64, at: u32) {
        let (span, words) = (at / SPAN, self.words);
        let filter = &mut self.filters[span as usize % FILTERS];
        if filter.bits.is_empty() || filter.span < span {
            *filter = Filter { span, bits: vec![0; words] };
        }
        // What is older than everything that is held counts no more.
        if filter.span == span {
            for bit in places(subject, words) {
                filter.bits[bit / 64] |= 1 << (bit % 64);
            }
        }
    }

    /// Whether somebody may have failed on it since then.
    pub(super) fn may_hold(&self, subject: u64, since: u32) -> bool {
        let first = since / SPAN;
        self.filters.iter().filter(|it| it.span >= first && !it.bits.is_empty()).any(|filter| {
            places(subject, self.words).all(|bit| filter.bits[bit / 64] >> (bit % 64) & 1 == 1)
        })
    }

    /// Each as it is.
    pub(super) fn read(&self, filter: usize) -> Filter {
        self.filters[filter].clone()
    }

    /// Takes over one that was read before.
    pub(super) fn restore(&mut self, filter: Filter) {
        if filter.bits.len() == self.words {
            let slot = filter.span as usize % FILTERS;
            self.filters[slot] = filter;
        }
    }
}

/// The bits of a subject, which is a keyed digest: a second one is made of it by a multiplication
/// (Kirsch and Mitzenmacher: two hashes do for a Bloom filter).
fn places(subject: u64, words: usize) -> impl Iterator<Item = usize> {
    let step = (subject.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 17) | 1;
    let mask = words as u64 * 64 - 1;
    (0..BITS_EACH)
        .map(move |it| (subject.wrapping_add(step.wrapping_mul(u64::from(it))) & mask) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    #[test]
    fn who_was_put_in_is_found_for_thirty_days_and_others_seldom() {
        let random = Random::seeded(7);
        let subject = || u64::from_ne_bytes(random.bytes::<8>());
        let mut filters = Filters::new(1 << 10);
        let now = 2_000 * SPAN;
        let held: Vec<u64> = (0..4_000).map(|_| subject()).collect();
        for one in &held {
            filters.add(*one, now);
        }
        assert!(held.iter().all(|one| filters.may_hold(*one, now - 30 * 86_400)));
        let by_chance = (0..10_000).filter(|_| filters.may_hold(subject(), now - SPAN)).count();
        // 4,000 in 65,536 bits: (1 - e^(-4 x 4,000 / 65,536))^4 = 0.22 %.
        assert!((1..80).contains(&by_chance), "{by_chance}");
        assert!(!filters.may_hold(held[0], now + SPAN), "all of it is before that");
        for later in 1..=FILTERS as u32 {
            filters.add(subject(), now + later * SPAN);
        }
        assert!(!held.iter().take(100).all(|one| filters.may_hold(*one, now)), "forgotten");
        filters.add(held[0], now);
        assert!(!filters.may_hold(held[0], 0), "older than all that is held");
    }
}
