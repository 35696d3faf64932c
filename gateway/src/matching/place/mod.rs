//! Comparing places by code. Free text never decides, so there is none to compare.

use super::Finding;
use crate::request::Address;

/// Compares a place claimed with the place on file.
///
/// The provinces must be equal; the communes only where both sides have one, since many records
/// stop at the province.
///
/// Codes of the two schemes are not comparable as numbers: 24 is Bắc Giang in the one and the new
/// Bắc Ninh in the other. Without the table of mergers (`merged_place`) such a pair differs.
pub fn compare_address(claim: Address, record: Address) -> Finding {
    if claim.scheme() != record.scheme() || claim.province() != record.province() {
        return Finding::DIFFERENT;
    }
    match (claim.commune(), record.commune()) {
        (Some(claim), Some(record)) if claim != record => Finding::DIFFERENT,
        _ => Finding::MATCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn communes_count_only_where_both_sides_have_one() {
        let place =
            |scheme, province, commune| Address::parse(Some(scheme), province, commune).unwrap();
        let record = place("2025", "01", Some("00004"));
        for (claim, expected) in [
            (place("2025", "01", Some("00004")), Finding::MATCH),
            (place("2025", "01", None), Finding::MATCH),
            (place("2025", "01", Some("00008")), Finding::DIFFERENT),
            (place("2025", "79", Some("00004")), Finding::DIFFERENT),
            (place("2004", "01", Some("00004")), Finding::DIFFERENT),
        ] {
            assert_eq!(compare_address(claim, record), expected, "{claim:?}");
        }
        assert_eq!(compare_address(record, place("2025", "01", None)), Finding::MATCH);
    }
}
