//! Ten-digit health insurance numbers: whose is this one, and what is that person's.
//!
//! Two digits of the province that issued it, then eight that look random (the social insurance
//! number; Decision 1666/QD-BHXH keeps it for life).

use crate::cells::Cells;
use crate::digits::Digits;
use crate::mix::{Domain, Draws, Facet, domain, rarely};
use crate::permutation::Permutation;
use crate::tables::Province;

/// Of 10,000 people, how many have a number. Coverage was about 93 % in 2024; a number outlives
/// the card.
const NUMBERED_PER_10_000: u32 = 9_550;

/// What the numbers of people born abroad begin with: codes that no province has. Ours.
const ABROAD: [u8; 5] = [3, 5, 7, 9, 13];

/// Numbers of a province.
const SERIALS: u64 = 100_000_000;

/// Half of a serial number.
const HALF: u32 = 10_000;

/// The insurance numbers of the nation of one seed.
#[derive(Debug)]
pub(crate) struct InsuranceNumbers {
    seed: u64,
    /// By registrar.
    codes: Box<[u8]>,
    /// By code.
    registrars: [Option<u8>; 100],
}

impl InsuranceNumbers {
    pub(crate) fn new(seed: u64, provinces: &[Province]) -> Self {
        let codes: Box<[u8]> = provinces.iter().map(|it| it.admin_code).chain(ABROAD).collect();
        let mut registrars = [None; 100];
        for (registrar, code) in codes.iter().enumerate() {
            registrars[usize::from(*code)] = Some(registrar as u8); // 68 of them
        }
        Self { seed, codes, registrars }
    }

    /// The number a person has on file.
    pub(crate) fn of(&self, cells: &Cells, ordinal: u64, registrar: usize) -> Option<Digits<10>> {
        if !self.has(ordinal) {
            return None;
        }
        let index = (ordinal - cells.people_of(registrar).start) as u32; // below the population
        let serial = self.permutation(registrar).forth(index);
        let number = u64::from(self.codes[registrar]) * SERIALS + u64::from(serial);
        Some(Digits::from_value(number))
    }

    /// The person who has this number on file.
    pub(crate) fn holder(&self, cells: &Cells, number: Digits<10>) -> Option<u64> {
        let code = (number.value() / SERIALS) as usize; // two digits
        let registrar = usize::from(self.registrars[code]?);
        let serial = (number.value() % SERIALS) as u32; // eight digits
        let people = cells.people_of(registrar);
        let ordinal = people.start + u64::from(self.permutation(registrar).back(serial));
        (people.contains(&ordinal) && self.has(ordinal)).then_some(ordinal)
    }

    fn has(&self, ordinal: u64) -> bool {
        rarely(Draws::new(self.seed, ordinal).of(Facet::Insured), NUMBERED_PER_10_000)
    }

    fn permutation(&self, registrar: usize) -> Permutation {
        let key = domain(self.seed, Domain::InsuranceNumbers, registrar as u64);
        Permutation::new(key, HALF, HALF)
    }
}
