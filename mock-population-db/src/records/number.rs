//! What happens to numbers.

use crate::digits::PersonalNumber;
use crate::mix::{below, mix};
use crate::nation::Nation;

/// Serial numbers of a cell, and tries before giving up: nine of ten numbers and more are free.
const SERIALS: u64 = 1_000_000;
const TRIES: u64 = 64;

/// The number with one of its last six digits wrong, so that it is nobody's.
pub(super) fn one_digit_wrong(
    nation: &Nation,
    number: PersonalNumber,
    random: u64,
) -> Option<PersonalNumber> {
    free(
        nation,
        (0..TRIES).map(|attempt| {
            let random = mix(random ^ attempt);
            let place = 10_u64.pow(below(random, 6));
            let digit = number.value() / place % 10;
            let other = (digit + 1 + u64::from(below(mix(random), 9))) % 10;
            PersonalNumber::from_value(number.value() - digit * place + other * place)
        }),
    )
}

/// Another number of the same province, sex and year that was never issued.
pub(super) fn never_issued(
    nation: &Nation,
    number: PersonalNumber,
    random: u64,
) -> Option<PersonalNumber> {
    let cell = number.value() / SERIALS * SERIALS;
    free(
        nation,
        (0..TRIES).map(|attempt| {
            let serial = u64::from(below(mix(random ^ attempt), SERIALS as u32)); // a million fits
            PersonalNumber::from_value(cell + serial)
        }),
    )
}

fn free(
    nation: &Nation,
    mut candidates: impl Iterator<Item = PersonalNumber>,
) -> Option<PersonalNumber> {
    candidates.find(|number| nation.find(number.as_str()).is_none())
}
