//! Which record has which mistake, and about whom it is.

use super::mistake::{self, Subject};
use super::profile::WHOLE;
use super::{Holder, Mistake, Profile, Record};
use crate::POPULATION;
use crate::mix::mix;
use crate::nation::Nation;

/// A stride through the places of a profile near their golden section, without a common divisor.
const STRIDE: u64 = 61_803;

/// People tried for one record before the rarest mistake (names with an i of two spellings) has
/// missed by less than one in 10^40.
const TRIES: u64 = 20_000;

/// The records of one kind of holder, one after the other, up to number 2^64 - 2. The same seed, holder
/// and profile give the same records everywhere.
#[derive(Debug)]
pub struct Records<'a> {
    nation: &'a Nation,
    holder: Holder,
    profile: Profile,
    next: u64,
}

impl<'a> Records<'a> {
    /// The records that a profile makes of a nation, from number `first` on.
    pub fn new(nation: &'a Nation, holder: Holder, profile: Profile, first: u64) -> Self {
        Self { nation, holder, profile, next: first }
    }

    /// The mistake in a record.
    pub(super) fn mistake_in(&self, index: u64) -> Mistake {
        let place = (index % u64::from(WHOLE)) * STRIDE % u64::from(WHOLE);
        self.profile.mistake_at(place as u32) // below 100,000
    }

    fn record(&self, index: u64) -> Record {
        let mistake = self.mistake_in(index);
        let key = self.nation.records_key(self.holder as u64, index);
        let mut record = (0..TRIES)
            .find_map(|attempt| {
                let random = mix(key ^ attempt);
                let ordinal = self.candidate(mistake, random);
                let person = &self.nation.person(ordinal);
                let subject = Subject { nation: self.nation, ordinal, person, random };
                mistake::is_kept(person, self.holder)
                    .then(|| mistake::record(&subject, self.holder, &self.profile, mistake))
                    .flatten()
            })
            .expect("somebody in 98 million can be in every mistake's record");
        record.row_id = format!("{}-{index:07}", self.holder.name());
        record
    }

    /// Somebody for whom the mistake may be possible.
    fn candidate(&self, mistake: Mistake, random: u64) -> u64 {
        if mistake == Mistake::SupersededNumber {
            return self.nation.somebody_superseded(random);
        }
        random % POPULATION
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let after = self.next.checked_add(1)?;
        let record = self.record(self.next);
        self.next = after;
        Some(record)
    }
}
