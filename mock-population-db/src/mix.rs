//! Where chance comes from: a mixing hash of (seed, who, what), in integers only, so that a seed
//! gives the same nation on every platform and in every build.

/// Scrambles 64 bits so that neighbouring inputs give unrelated outputs (the finaliser of
/// `SplitMix64`). Cheap and well spread; nothing here has to resist an attacker.
pub(crate) fn mix(input: u64) -> u64 {
    let mut x = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A number below `limit` from the upper half of `random`; the bias is below one in 2^32 / `limit`.
pub(crate) fn below(random: u64, limit: u32) -> u32 {
    (((random >> 32) * u64::from(limit)) >> 32) as u32 // the product's upper half
}

/// True `per_mille` times in a thousand.
pub(crate) fn chance(random: u64, per_mille: u32) -> bool {
    below(random, 1_000) < per_mille
}

/// True `per_10_000` times in ten thousand.
pub(crate) fn rarely(random: u64, per_10_000: u32) -> bool {
    below(random, 10_000) < per_10_000
}

/// What is decided about a person. Each has a stream of its own, so a new one changes nothing
/// that was decided before; numbers are never used twice.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Facet {
    FamilyName = 1,
    MiddleName = 2,
    NoMiddleName = 3,
    CohortMiddleName = 4,
    GivenName = 5,
    BirthDay = 6,
    CardDay = 7,
    BirthCommune = 8,
    OriginElsewhere = 9,
    OriginProvince = 10,
    OriginCommune = 11,
    Move = 12,
    HomeProvince = 13,
    HomeCommune = 14,
    YearOnly = 15,
    StructureConflict = 16,
    ConflictingYear = 17,
    NoOldNumber = 18,
    Death = 19,
    ChildCard = 20,
    CardRenewal = 21,
    Insured = 22,
    InsuranceGroup = 23,
    InsurancePeriod = 24,
    FirstFacility = 25,
    FiveYears = 26,
    MixedName = 27,
    SecondFamilyName = 28,
    ForeignName = 29,
}

/// Where a family of keyed choices comes from that is not about one person. Complemented, so that
/// none shares its key with the draws about somebody.
pub(crate) fn domain(seed: u64, domain: Domain, index: u64) -> u64 {
    mix(mix(!mix(seed) ^ index).wrapping_add(domain as u64))
}

/// The keyed choices there are; numbers are never used twice.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Domain {
    PersonalNumbers = 1,
    OldNumbers = 2,
    InsuranceNumbers = 3,
    Superseded = 4,
    SupersededCause = 5,
    SharedNumberOwner = 6,
    SharedNumberOther = 7,
    Twins = 8,
    Records = 9,
}

/// The random draws about one person, available in any order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws {
    key: u64,
}

impl Draws {
    /// The draws about the person with this ordinal in the nation of `seed`.
    pub(crate) fn new(seed: u64, ordinal: u64) -> Self {
        Self { key: mix(mix(seed) ^ ordinal) }
    }

    /// 64 random bits for one decision: always the same ones.
    pub(crate) fn of(self, facet: Facet) -> u64 {
        mix(self.key ^ (facet as u64).wrapping_mul(0xd1b5_4a32_d192_ed03))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_reaches_both_ends_and_no_further() {
        assert_eq!(below(0, 1_000), 0);
        assert_eq!(below(u64::MAX, 1_000), 999);
        assert_eq!(below(u64::MAX, 1), 0);
    }

    #[test]
    fn draws_differ_by_seed_person_and_facet() {
        let draw = |seed, ordinal, facet| Draws::new(seed, ordinal).of(facet);
        let base = draw(1, 1, Facet::FamilyName);
        assert_eq!(base, draw(1, 1, Facet::FamilyName));
        assert_ne!(base, draw(2, 1, Facet::FamilyName));
        assert_ne!(base, draw(1, 2, Facet::FamilyName));
        assert_ne!(base, draw(1, 1, Facet::GivenName));
    }
}
