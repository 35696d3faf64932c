//! `tone_differs`: one syllable has another tone. `Thùy` and `Thủy` are different names, and the
//! commonest slip.

use super::super::letter::Letter;

/// Whether the letters are the same and one of them has another tone. The claim then carries marks:
/// without any it would be the record without its marks.
pub(super) fn differs_in_one_tone(claim: &[Letter], record: &[Letter]) -> bool {
    claim.len() == record.len()
        && claim.iter().zip(record).all(|(claim, record)| claim.is_alike_without_tone(*record))
        && claim.iter().zip(record).filter(|(claim, record)| !claim.is_alike(**record)).count() == 1
}
