//! Comparing places by code. Free text never decides, so there is none to compare.

mod mergers;

pub use mergers::MERGERS;
pub(super) use mergers::province_after;

use super::Finding;
use crate::policy::Reason;
use crate::request::{Address, Scheme};

/// Compares a place claimed with the place on file.
///
/// The provinces must be equal; the communes only where both sides have one, since many records
/// stop at the province.
///
/// Codes of the two schemes are never compared as numbers: 24 is Bắc Giang in the one and the new
/// Bắc Ninh in the other. Across the schemes the table of mergers ([`MERGERS`]) must lead from the
/// older place to the newer one, and that is `merged_place`, also where the number stayed the same.
pub fn compare_address(claim: Address, record: Address) -> Finding {
    match (claim.scheme(), record.scheme()) {
        (Scheme::Y2004, Scheme::Y2004) | (Scheme::Y2025, Scheme::Y2025) => {
            super::equal_or_different(is_same_place(claim, record))
        }
        (Scheme::Y2004, Scheme::Y2025) => merged_or_different(claim, record),
        (Scheme::Y2025, Scheme::Y2004) => merged_or_different(record, claim),
    }
}

fn is_same_place(claim: Address, record: Address) -> bool {
    claim.province() == record.province()
        && match (claim.commune(), record.commune()) {
            (Some(claim), Some(record)) => claim == record,
            (Some(_) | None, None) | (None, Some(_)) => true,
        }
}

fn merged_or_different(older: Address, newer: Address) -> Finding {
    if mergers::province_after(older.province()) != Some(newer.province()) {
        return Finding::DIFFERENT;
    }
    if let (Some(commune), Some(became)) = (older.commune(), newer.commune())
        && !mergers::has_become(older.province(), commune, became)
    {
        return Finding::DIFFERENT;
    }
    Finding::because(Reason::MergedPlace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(scheme: &str, province: &str, commune: &str) -> Address {
        let commune = Some(commune).filter(|commune| !commune.is_empty());
        Address::parse(Some(scheme), province, commune).unwrap()
    }

    #[test]
    fn communes_count_only_where_both_sides_have_one() {
        let record = place("2025", "01", "00004");
        for (claim, expected) in [
            (place("2025", "01", "00004"), Finding::MATCH),
            (place("2025", "01", ""), Finding::MATCH),
            (place("2025", "01", "00008"), Finding::DIFFERENT),
            (place("2025", "79", "00004"), Finding::DIFFERENT),
        ] {
            assert_eq!(compare_address(claim, record), expected, "{claim:?}");
        }
        assert_eq!(compare_address(record, place("2025", "01", "")), Finding::MATCH);
    }

    #[test]
    fn a_place_is_known_under_the_codes_of_the_other_side_of_the_merger() {
        let merged = Finding::because(Reason::MergedPlace);
        for (older, newer, expected) in [
            // The number stayed, the unit did not: it is another list of places all the same.
            (("01", "00004"), ("01", "00004"), merged),
            // Cống Vị was divided between two wards, and either is true.
            (("01", "00007"), ("01", "00008"), merged),
            (("01", "00007"), ("01", "00025"), merged),
            (("01", "00007"), ("01", "00004"), Finding::DIFFERENT),
            // Hà Giang went into Tuyên Quang; Yên Bái into Lào Cai, which took its number.
            (("02", ""), ("08", ""), merged),
            (("15", ""), ("15", ""), merged),
            (("10", ""), ("15", ""), merged),
            (("10", ""), ("10", ""), Finding::DIFFERENT),
            // Bắc Giang was 24 and Bắc Ninh 27; the new Bắc Ninh is 24.
            (("27", ""), ("24", ""), merged),
            (("24", ""), ("27", ""), Finding::DIFFERENT),
            // Communes count only where both sides have one.
            (("01", "00007"), ("01", ""), merged),
            (("01", ""), ("01", "00025"), merged),
            (("01", "00007"), ("79", ""), Finding::DIFFERENT),
            // A commune that its province never had, and codes that nobody has.
            (("02", "00007"), ("08", "00008"), Finding::DIFFERENT),
            (("01", "99999"), ("01", "00008"), Finding::DIFFERENT),
            (("99", ""), ("99", ""), Finding::DIFFERENT),
        ] {
            let (older, newer) = (place("2004", older.0, older.1), place("2025", newer.0, newer.1));
            assert_eq!(compare_address(older, newer), expected, "{older:?} claimed");
            assert_eq!(compare_address(newer, older), expected, "{older:?} on file");
        }
    }
}
