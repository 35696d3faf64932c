//! People of whom there are too few to come upon: enumerated, in the order of the nation.

use std::ops::Range;

use super::Nation;
use crate::POPULATION;

impl Nation {
    /// The two ordinals of every pair of people who share an old number: some 39,000 pairs.
    pub fn shared_old_numbers(&self) -> impl Iterator<Item = (u64, u64)> {
        self.old_numbers.pairs(&self.cells)
    }

    /// The ordinals of everybody with a cancelled number: 15 of 10,000.
    pub fn superseded_ordinals(&self) -> impl Iterator<Item = u64> {
        self.personal_numbers.owners_of_cancelled()
    }

    /// The ordinals of twins with equal name, birth date and sex, the elder one's first.
    pub fn twins(&self) -> impl Iterator<Item = (u64, u64)> {
        // Who would be the last of a cell has nobody behind.
        self.twins
            .all(POPULATION)
            .map(|elder| (elder, elder + 1))
            .filter(|&(elder, younger)| self.locate(elder).0 == self.locate(younger).0)
    }

    /// The ordinals of everybody whose birth was registered abroad: 10 of 10,000.
    pub fn registered_abroad(&self) -> Range<u64> {
        self.cells.people_of(self.provinces.len()).start..POPULATION
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DEFAULT_SEED, Key};

    #[test]
    fn whoever_shares_an_old_number_is_found_by_it() {
        let nation = Nation::new(DEFAULT_SEED);
        assert!((39_000..40_500).contains(&nation.shared_old_numbers().count()));
        for (owner, other) in nation.shared_old_numbers().step_by(97) {
            let (owner, other) = (nation.person(owner), nation.person(other));
            assert_eq!(owner.old_id_number, other.old_id_number);
            let number = owner.old_id_number.expect("a number that is shared");
            let hits = nation.find_by(Key::OldIdNumber(number)).map(|hit| hit.person);
            assert_eq!(hits.collect::<Vec<_>>(), [owner, other]);
        }
    }

    #[test]
    fn enumerated_people_are_what_they_are_said_to_be() {
        let nation = Nation::new(DEFAULT_SEED);
        assert!((9_750..=9_800).contains(&nation.twins().count()));
        for (elder, younger) in nation.twins().step_by(97) {
            let (elder, younger) = (nation.person(elder), nation.person(younger));
            assert_eq!(elder.full_name, younger.full_name);
            assert_eq!(elder.date_of_birth, younger.date_of_birth);
        }
        for ordinal in nation.superseded_ordinals().step_by(997) {
            assert!(nation.superseded_numbers(ordinal).next().is_some(), "{ordinal}");
        }
        let abroad = nation.registered_abroad();
        assert!(nation.number(abroad.start).as_str() > "100");
        assert!(nation.number(abroad.start - 1).as_str() < "100");
    }
}
